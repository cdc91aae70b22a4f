//! Voxology's control flow: assignments, IF, FOREACH, GOTO and LABEL, SESSIONDATA, STOP.

use serde_json::{Map, Value};

use super::expr::{self, SESSION_DATA, Scope};
use super::list::{Action, Lowering, hangup};
use super::{END, native};
use crate::ir::{Access, Assign, Condition, Edges, Expr, NodeId, Op, Outcome, Pointer, Target};
use crate::lower::Code;
use crate::lower::members::wrong;

/// Lowers `action` if it is control flow.
pub(super) fn lower(lowering: &mut Lowering, action: &Action<'_>) -> bool {
    match action.name {
        "IF" => choice(lowering, action),
        "FOREACH" => each(lowering, action),
        "GOTO" => goto(lowering, action),
        "LABEL" => label(lowering, action),
        "SESSIONDATA" => session_data(lowering, action),
        "HANGUP" => lowering.op(action.head, hangup("normal")),
        "STOP" => stop(lowering, action),
        _ => return false,
    }
    true
}

/// `"$name": "expression"`, each in its order; other keys are remarks.
pub(super) fn assignment(
    lowering: &mut Lowering,
    action: &Map<String, Value>,
    head: NodeId,
    pointer: &Pointer,
) {
    let mut assigns = Vec::new();
    for (key, value) in action.iter().filter(|(key, _)| key.starts_with('$')) {
        let pointer = pointer.child(key);
        let Some(path) = path(lowering, key, &pointer) else { continue };
        let value = match value {
            Value::String(text) => {
                unquoted(lowering, text.trim(), &pointer);
                lowering.expression(text, &pointer)
            }
            other => lowering.data(other, &pointer),
        };
        assigns.push(Assign { path, computed: None, value, merge: false });
    }
    if assigns.is_empty() && !action.keys().any(|key| key.starts_with('$')) {
        let message = "an action without a `type` assigns: expected a key such as `$name`";
        lowering.builder.report(Code::MissingModule, pointer, message);
        return;
    }
    lowering.op(head, Op::Set(assigns));
}

/// A telephone number that is written like a sum: the plus and leading zeros are lost.
fn unquoted(lowering: &mut Lowering, text: &str, pointer: &Pointer) {
    let number = text.strip_prefix('+').filter(|digits| digits.len() >= 7);
    if number.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit())) {
        let message =
            format!("`{text}` is a sum here, without its plus; a telephone number is written `'{text}'`");
        lowering.builder.report(Code::Approximated, pointer, message);
    }
}

/// The path that a key such as `$sessionData.count` assigns to.
fn path(lowering: &mut Lowering, key: &str, pointer: &Pointer) -> Option<Vec<String>> {
    let name = key.trim_start_matches('$').split(['.', '[']).next().unwrap_or_default();
    if native::lookup(name).is_some() {
        let message = format!("`${name}` is a native name and keeps its own value; choose another");
        lowering.builder.report(Code::BadValue, pointer, message);
        return None;
    }
    let scope = Scope { bare: false, loops: lowering.inside };
    match expr::parse(key, scope) {
        Ok(parsed) => {
            let path = names(&parsed.expr);
            if path.is_none() {
                let message = "expected a variable such as `$name` or `$sessionData.name`";
                lowering.builder.report(Code::BadExpression, pointer, message);
            }
            path
        }
        Err(error) => {
            let message = format!("at character {}: expected {}", error.column, error.expected);
            lowering.builder.report(Code::BadExpression, pointer, message);
            None
        }
    }
}

fn names(expr: &Expr) -> Option<Vec<String>> {
    match expr {
        Expr::Variable(name) => Some(vec![name.clone()]),
        Expr::Member(of, access) => {
            let mut path = names(of)?;
            path.push(match access {
                Access::Name(name) => name.clone(),
                Access::Index(index) => match &**index {
                    Expr::Literal(Value::String(name)) => name.clone(),
                    Expr::Literal(Value::Number(number)) => number.to_string(),
                    _ => return None,
                },
            });
            Some(path)
        }
        _ => None,
    }
}

/// The list under the first of `keys` that is there; a single action is taken as a list of one.
fn branch(lowering: &mut Lowering, action: &Action<'_>, keys: &[&str], after: Target) -> Target {
    for key in keys {
        let members = action.beside(lowering, key);
        match members.get(key) {
            None => {}
            Some(Value::Array(list)) => return lowering.list(list, &members.at(key), after),
            Some(one @ Value::Object(_)) => {
                let message = format!("expected a list of actions in `{key}`; the one action is taken");
                lowering.builder.report(Code::Tolerated, &members.at(key), message);
                return lowering.list(std::slice::from_ref(one), &members.at(key), after);
            }
            Some(other) => wrong(&mut lowering.builder, &members.at(key), "a list of actions", other),
        }
    }
    after
}

fn choice(lowering: &mut Lowering, action: &Action<'_>) {
    let members = action.beside(lowering, "condition");
    let pointer = members.at("condition");
    let condition = match members.get("condition") {
        Some(Value::String(text)) => lowering.expression(text, &pointer),
        Some(other) => Expr::Literal(other.clone()),
        None => {
            lowering.builder.report(Code::MissingOption, action.top.pointer(), "IF needs a `condition`");
            native::undefined()
        }
    };
    let yes = branch(lowering, action, &["then"], action.next);
    let no = branch(lowering, action, &["orElse", "else", "or_else"], action.next);
    lowering.op(action.head, Op::If(Condition::Expr(condition)));
    lowering.builder.edges(action.head, Edges::always(no).case(Outcome::Yes, yes));
}

fn each(lowering: &mut Lowering, action: &Action<'_>) {
    let members = action.param(lowering, "iterator");
    let pointer = members.at("iterator");
    let over = match members.get("iterator") {
        Some(Value::String(text)) => lowering.expression(text, &pointer),
        Some(other) => lowering.data(other, &pointer),
        None => {
            lowering.builder.report(
                Code::MissingOption,
                action.top.pointer(),
                "FOREACH needs `params.iterator`",
            );
            native::undefined()
        }
    };
    let slot = lowering.loops;
    lowering.loops += 1;
    lowering.inside += 1;
    let name = |name| expr::loop_variable(name, lowering.inside);
    let next_op = Op::EachNext { slot, value: name("val"), key: name("key") };
    let step = lowering.builder.add(next_op, action.top.pointer());
    let body = branch(lowering, action, &["then", "actions"], Target::Node(step));
    lowering.inside -= 1;
    // A loop without a body has nothing to do; going round in it would only burn the budget.
    let yes = if body == Target::Node(step) { action.next } else { body };
    lowering.builder.edges(step, Edges::always(action.next).case(Outcome::Yes, yes));
    lowering.op(action.head, Op::EachStart { slot, over });
    lowering.builder.edges(action.head, Edges::always(Target::Node(step)));
}

/// No action follows, and no hang-up either: whoever changes the call from outside has the server asked again.
fn stop(lowering: &mut Lowering, action: &Action<'_>) {
    lowering.op(action.head, Op::WaitForChange);
    lowering.builder.edges(action.head, Edges::always(END));
}

fn goto(lowering: &mut Lowering, action: &Action<'_>) {
    let members = action.param(lowering, "label");
    let pointer = members.at("label");
    match members.text(&mut lowering.builder, "label") {
        Some(label) => lowering.goto(&label, action.head, &pointer),
        None => {
            lowering.builder.report(Code::MissingOption, action.top.pointer(), "GOTO needs `params.label`");
            lowering.op(action.head, hangup("no label"));
        }
    }
}

fn label(lowering: &mut Lowering, action: &Action<'_>) {
    let members = action.beside(lowering, "name");
    match members.text(&mut lowering.builder, "name") {
        Some(name) => lowering.label(&name, action.head, &members.at("name")),
        None => {
            let message = "a LABEL without a `name` cannot be reached";
            lowering.builder.report(Code::MissingOption, action.top.pointer(), message);
        }
    }
}

fn session_data(lowering: &mut Lowering, action: &Action<'_>) {
    let members = action.beside(lowering, "session_data");
    let pointer = members.at("session_data");
    let value = match members.get("session_data") {
        Some(Value::String(text)) => lowering.expression(text, &pointer),
        Some(value @ Value::Object(_)) => lowering.data(value, &pointer),
        Some(other) => return wrong(&mut lowering.builder, &pointer, "an object", other),
        None => {
            let message = "SESSIONDATA needs `session_data`";
            return lowering.builder.report(Code::MissingOption, action.top.pointer(), message);
        }
    };
    lowering.op(
        action.head,
        Op::Set(vec![Assign { path: vec![SESSION_DATA.into()], computed: None, value, merge: true }]),
    );
}
