//! VoIPBIN's questions: `condition_variable`, `condition_datetime` and the two deprecated ones.
//!
//! Yes leads to the next action, no to `false_target_id`; without that the flow ends.

use serde_json::{Value, json};

use super::list::{Action, Lowering};
use super::variables;
use crate::ir::{
    Access, Binary, Compare, Condition, Edges, Expr, Fact, Op, Outcome, Part, Target, Template, Unary,
};
use crate::lower::Code;

/// Lowers `action` if it is a question.
pub(super) fn lower(lowering: &mut Lowering, action: &Action<'_>) -> bool {
    let condition = match action.name {
        "condition_variable" => variable(lowering, action),
        "condition_datetime" => datetime(lowering, action),
        "condition_call_digits" => digits(lowering, action),
        "condition_call_status" => status(lowering, action),
        _ => return false,
    };
    let no = lowering.target_of(&action.option, "false_target_id").unwrap_or_else(|| {
        let message = format!("{} has no `false_target_id`; the flow ends when it is not met", action.name);
        lowering.builder.report(Code::MissingBranch, action.top.pointer(), message);
        Target::Hangup
    });
    lowering.op(action.head, Op::If(condition));
    lowering.builder.edges(action.head, Edges::always(no).case(Outcome::Yes, action.next));
    true
}

fn compare(lowering: &mut Lowering, action: &Action<'_>) -> Compare {
    let text = action.option.text(&mut lowering.builder, "condition").unwrap_or_else(|| "==".into());
    if ["=", "<>"].contains(&text.trim()) {
        let message = format!("`{}` is written `==` or `!=`", text.trim());
        lowering.builder.report(Code::Tolerated, &action.option.at("condition"), message);
    }
    match text.trim() {
        "==" | "=" => Compare::Eq,
        "!=" | "<>" => Compare::Ne,
        "<" => Compare::Lt,
        "<=" => Compare::Le,
        ">" => Compare::Gt,
        ">=" => Compare::Ge,
        _ => {
            let message = format!("expected ==, !=, <, <=, > or >=, found `{text}`; == is taken");
            lowering.builder.report(Code::BadValue, &action.option.at("condition"), message);
            Compare::Eq
        }
    }
}

fn operator(compare: Compare) -> Binary {
    match compare {
        Compare::Eq => Binary::Eq,
        Compare::Ne => Binary::Ne,
        Compare::Lt => Binary::Lt,
        Compare::Le => Binary::Le,
        Compare::Gt => Binary::Gt,
        Compare::Ge => Binary::Ge,
    }
}

fn two(op: Binary, a: Expr, b: Expr) -> Expr {
    Expr::Binary(op, Box::new(a), Box::new(b))
}

fn as_text(expr: Expr) -> Expr {
    Expr::Template(Template(vec![Part::Value(expr)]))
}

/// The text that is asked about: a bare name is looked up, a text with `${}` is filled in.
pub(super) fn subject(lowering: &mut Lowering, action: &Action<'_>, default: &str) -> Expr {
    let name = action.option.text(&mut lowering.builder, "variable").filter(|name| !name.trim().is_empty());
    let name = name.unwrap_or_else(|| default.to_string());
    if name.contains("${") {
        let template = lowering.template(&name);
        return match template.0.as_slice() {
            [Part::Value(expr)] => expr.clone(),
            _ => Expr::Template(template),
        };
    }
    variables::lookup(name.trim())
}

fn variable(lowering: &mut Lowering, action: &Action<'_>) -> Condition {
    let option = &action.option;
    let compare = compare(lowering, action);
    if option.get("variable").is_none() {
        lowering.missing(action, "variable");
    }
    let text = as_text(subject(lowering, action, ""));
    let kind = option.text(&mut lowering.builder, "value_type").unwrap_or_default();
    let number = |lowering: &mut Lowering, key: &str| {
        lowering
            .amount(option, key)
            .map_or(Expr::Literal(json!(0)), |value| Expr::Unary(Unary::Plus, Box::new(value)))
    };
    let expr = match kind.as_str() {
        "number" => {
            let value = number(lowering, "value_number");
            let read = Expr::Unary(Unary::Plus, Box::new(text.clone()));
            // What is no number meets no condition. NaN is not the same as itself, and nothing would count as 0.
            let is_number = two(Binary::Same, read.clone(), read.clone());
            let is_there = two(Binary::Ne, text, variables::text(""));
            let answer = two(operator(compare), read, value);
            two(Binary::And, two(Binary::And, is_there, is_number), answer)
        }
        "length" => {
            let value = number(lowering, "value_length");
            let length = Expr::Member(Box::new(text), Access::Name("length".into()));
            two(operator(compare), length, value)
        }
        other => {
            if !matches!(other, "" | "string") {
                let message = format!("expected string, number or length, found `{other}`; string is taken");
                lowering.builder.report(Code::BadValue, &option.at("value_type"), message);
            }
            let value = lowering.text(option, "value_string").unwrap_or_default();
            two(operator(compare), text, Expr::Template(value))
        }
    };
    Condition::Expr(expr)
}

/// Each field that is given must pass; -1 (for months 0) and nothing pass always.
fn datetime(lowering: &mut Lowering, action: &Action<'_>) -> Condition {
    let option = &action.option;
    let op = compare(lowering, action);
    let bounds = [("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12)];
    let fields = bounds.map(|(key, low, high)| {
        let number = option.number(&mut lowering.builder, key)?;
        let wild = number == -1.0 || (low == 1 && number == 0.0);
        if wild {
            return None;
        }
        if number < f64::from(low) || number > f64::from(high) {
            let message = format!("expected {low} to {high}, or -1 for any, found {number}; any is taken");
            lowering.builder.report(Code::OutOfRange, &option.at(key), message);
            return None;
        }
        Some(number as u32)
    });
    let mut weekdays = Vec::new();
    for (at, day) in option.list(&mut lowering.builder, "weekdays").unwrap_or_default().iter().enumerate() {
        let number = day.as_u64().or_else(|| day.as_str()?.trim().parse().ok());
        match number {
            Some(number @ 0..=6) => weekdays.push(number as u32),
            _ => {
                let message = format!("expected 0 (Sunday) to 6 (Saturday), found {day}");
                lowering.builder.report(Code::BadValue, &option.at("weekdays").child(at), message);
            }
        }
    }
    Condition::Clock { op, fields, weekdays }
}

/// Enough digits, or one of them the key.
fn digits(lowering: &mut Lowering, action: &Action<'_>) -> Condition {
    let digits = || as_text(variables::lookup(variables::DIGITS));
    let length = action.option.count(&mut lowering.builder, "length").filter(|length| *length > 0);
    let key = action.option.text(&mut lowering.builder, "key").filter(|key| !key.is_empty());
    let long = length.map(|length| {
        let found = Expr::Member(Box::new(digits()), Access::Name("length".into()));
        two(Binary::Ge, found, Expr::Literal(json!(length)))
    });
    let contains = key.map(|key| {
        let found = Expr::Call(Some(Box::new(digits())), "indexOf".into(), vec![variables::text(&key)]);
        two(Binary::Ge, found, Expr::Literal(json!(0)))
    });
    Condition::Expr(match (long, contains) {
        (Some(long), Some(contains)) => two(Binary::Or, long, contains),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => {
            let message = "expected a `length` or a `key`; without them it is never met";
            lowering.builder.report(Code::MissingOption, action.option.pointer(), message);
            Expr::Literal(Value::Bool(false))
        }
    })
}

fn status(lowering: &mut Lowering, action: &Action<'_>) -> Condition {
    let wanted = action.option.text(&mut lowering.builder, "status").unwrap_or_default();
    let known = ["dialing", "ringing", "progressing", "terminating", "canceling", "hangup"];
    if !known.contains(&wanted.as_str()) && !wanted.contains("${") {
        let message = format!("expected one of {}, found `{wanted}`", known.join(", "));
        lowering.builder.report(Code::BadValue, &action.option.at("status"), message);
    }
    let wanted = Expr::Template(lowering.template(&wanted));
    Condition::Expr(two(Binary::Eq, as_text(Expr::Fact(Fact::Status)), wanted))
}
