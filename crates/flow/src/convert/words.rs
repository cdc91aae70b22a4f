//! Expressions and texts: in one form whatever dialect they come from, and written in the words of another.

use serde_json::Value;

use crate::ir::{Access, Binary, Condition, Expr, Fact, Item, Op, Part, Template, Unary};

/// VoIPBIN's variable of keys.
const DIGITS: &str = "voipbin.call.digits";

/// Facts by the names that VoIPBIN has for them.
const VOIPBIN: &[(Fact, &str)] = &[
    (Fact::LastDigits, DIGITS),
    (Fact::CallId, "voipbin.call.id"),
    (Fact::FlowId, "voipbin.activeflow.flow_id"),
    (Fact::Status, "voipbin.call.status"),
    (Fact::CallerNumber, "voipbin.call.source.target"),
    (Fact::CallerName, "voipbin.call.source.target_name"),
    (Fact::CalledNumber, "voipbin.call.destination.target"),
    (Fact::CalledName, "voipbin.call.destination.target_name"),
    (Fact::RecordedFormat, "voipbin.recording.format"),
];

/// Facts by the names that Voxology has for them.
const VOXOLOGY: &[(Fact, &str)] = &[
    (Fact::LastDigits, "keyPresses"),
    (Fact::CallId, "callId"),
    (Fact::AccountId, "appId"),
    (Fact::CallerNumber, "callerNo"),
    (Fact::CalledNumber, "apiNo"),
    (Fact::StartMillis, "startTime"),
    (Fact::EndIso, "endTime"),
    (Fact::Elapsed, "duration"),
    (Fact::Direction, "direction"),
    (Fact::Recordings, "recordings"),
    (Fact::CalledDomain, "sipDomain"),
    (Fact::CallerAddress, "sipForwardedFor"),
];

/// An operation whose texts and expressions are in their plainest form.
pub(super) fn plain(mut op: Op) -> Op {
    let text = |template: &mut Template| *template = template_plain(std::mem::take(template));
    let item = |item: &mut Item| match item {
        Item::Speech(speech) => {
            text(&mut speech.text);
            speech.language.iter_mut().for_each(text);
            speech.voice.iter_mut().for_each(text);
        }
        Item::Sound(name) => text(name),
        Item::Tone(_) | Item::Silence(_) => {}
    };
    match &mut op {
        Op::Play(play) => play.items.iter_mut().for_each(item),
        Op::Collect(collect) => {
            collect.prompts.iter_mut().for_each(item);
            collect.name.iter_mut().for_each(text);
        }
        Op::If(Condition::Expr(expr)) => *expr = expr_plain(expr.clone()),
        Op::If(Condition::Matches { text, .. }) => *text = expr_plain(text.clone()),
        Op::Branch(branch) => branch.on = expr_plain(branch.on.clone()),
        Op::Sleep(length) => *length = expr_plain(length.clone()),
        Op::Set(assigns) => assigns.iter_mut().for_each(|one| one.value = expr_plain(one.value.clone())),
        Op::SendDigits(send) => text(&mut send.digits),
        Op::Language(language) => text(language),
        Op::Conference(conference) => text(&mut conference.room),
        Op::Subflow(subflow) => text(&mut subflow.id),
        Op::Record(record) | Op::RecordStart(record) | Op::RecordToggle(record) => {
            record.name.iter_mut().for_each(text);
        }
        _ => {}
    }
    op
}

fn template_plain(template: Template) -> Template {
    let mut parts: Vec<Part> = Vec::new();
    for part in template.0 {
        let part = match part {
            Part::Value(expr) => match expr_plain(expr) {
                Expr::Literal(Value::String(text)) => Part::Literal(text),
                other => Part::Value(other),
            },
            Part::Spread(expr) => Part::Spread(expr_plain(expr)),
            literal => literal,
        };
        match (parts.last_mut(), part) {
            (Some(Part::Literal(before)), Part::Literal(text)) => before.push_str(&text),
            (_, part) => parts.push(part),
        }
    }
    Template(parts)
}

/// The expression with the dialects' detours taken out.
pub(super) fn expr_plain(expr: Expr) -> Expr {
    let inner = |expr: Box<Expr>| Box::new(expr_plain(*expr));
    let expr = match expr {
        Expr::Unary(operator, of) => Expr::Unary(operator, inner(of)),
        Expr::Binary(operator, left, right) => Expr::Binary(operator, inner(left), inner(right)),
        Expr::Ternary(question, yes, no) => Expr::Ternary(inner(question), inner(yes), inner(no)),
        Expr::Member(of, Access::Index(index)) => Expr::Member(inner(of), Access::Index(inner(index))),
        Expr::Member(of, access) => Expr::Member(inner(of), access),
        Expr::Array(items) => Expr::Array(items.into_iter().map(expr_plain).collect()),
        Expr::Object(members) => {
            Expr::Object(members.into_iter().map(|(name, value)| (name, expr_plain(value))).collect())
        }
        Expr::Call(receiver, name, arguments) => {
            Expr::Call(receiver.map(inner), name, arguments.into_iter().map(expr_plain).collect())
        }
        Expr::Template(template) => Expr::Template(template_plain(template)),
        simple => simple,
    };
    detour(&expr).unwrap_or(expr)
}

fn detour(expr: &Expr) -> Option<Expr> {
    match expr {
        // The other party by direction, for calls that come in.
        Expr::Ternary(question, _, inbound) => match (&**question, &**inbound) {
            (
                Expr::Binary(Binary::Eq, fact, text),
                Expr::Fact(inbound @ (Fact::CallerNumber | Fact::CalledNumber)),
            ) if **fact == Expr::Fact(Fact::Direction) && **text == Expr::Literal("outbound".into()) => {
                Some(Expr::Fact(*inbound))
            }
            _ => None,
        },
        // VoIPBIN's variable of keys.
        Expr::Binary(Binary::Or, ahead, digits)
            if **ahead == Expr::Fact(Fact::AheadKey) && **digits == Expr::Variable(DIGITS.into()) =>
        {
            Some(Expr::Fact(Fact::LastDigits))
        }
        Expr::Template(template) => match template.0.as_slice() {
            [] => Some(Expr::Literal("".into())),
            [Part::Literal(text)] => Some(Expr::Literal(text.as_str().into())),
            [Part::Value(of)] => Some(of.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// The text of a template that has no variables; variables are left out.
pub(super) fn literal(template: &Template) -> String {
    let parts = template.0.iter().map(|part| match part {
        Part::Literal(text) => text.as_str(),
        Part::Value(_) | Part::Spread(_) => "",
    });
    parts.collect()
}

/// A template in VoIPBIN's words; what has no name there is left out.
pub(super) fn voipbin(template: &Template) -> String {
    let parts = template.0.iter().map(|part| match part {
        Part::Literal(text) => text.clone(),
        Part::Value(expr) => voipbin_name(expr).map(|name| format!("${{{name}}}")).unwrap_or_default(),
        Part::Spread(_) => String::new(),
    });
    parts.collect()
}

/// The variable of VoIPBIN that is this expression.
pub(super) fn voipbin_name(expr: &Expr) -> Option<String> {
    match expr_plain(expr.clone()) {
        Expr::Variable(name) if !name.is_empty() && !name.contains('}') => Some(name),
        Expr::Fact(fact) => VOIPBIN.iter().find(|(own, _)| *own == fact).map(|(_, name)| (*name).to_owned()),
        _ => None,
    }
}

/// A template in Voxology's words; what it cannot say is left out.
pub(super) fn voxology(template: &Template) -> String {
    let parts = template.0.iter().map(|part| match part {
        Part::Literal(text) => text.clone(),
        Part::Value(expr) => voxology_expr(expr, true).map(|text| format!("${{{text}}}")).unwrap_or_default(),
        Part::Spread(expr) => {
            voxology_expr(expr, true).map(|text| format!("${{...{text}}}")).unwrap_or_default()
        }
    });
    parts.collect()
}

/// An expression in Voxology's words; `bare` names have no `$`. `None` for what it cannot say.
pub(super) fn voxology_expr(expr: &Expr, bare: bool) -> Option<String> {
    let sign = if bare { "" } else { "$" };
    let of = |expr: &Expr| voxology_expr(expr, bare);
    let identifier = |name: &str| {
        !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !name.starts_with(|c: char| c.is_ascii_digit())
    };
    Some(match expr_plain(expr.clone()) {
        Expr::Literal(Value::String(text)) => {
            format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
        }
        Expr::Literal(value) => value.to_string(),
        Expr::Variable(name) if identifier(&name) => format!("{sign}{name}"),
        Expr::Fact(fact) => {
            let (_, name) = VOXOLOGY.iter().find(|(own, _)| *own == fact)?;
            format!("{sign}{name}")
        }
        Expr::Member(object, Access::Name(name)) if identifier(&name) => format!("{}.{name}", of(&object)?),
        Expr::Member(object, Access::Name(name)) => {
            format!("{}[{}]", of(&object)?, of(&Expr::Literal(name.into()))?)
        }
        Expr::Member(object, Access::Index(index)) => format!("{}[{}]", of(&object)?, of(&index)?),
        Expr::Unary(operator, value) => {
            let sign = match operator {
                Unary::Not => "!",
                Unary::Minus => "-",
                Unary::Plus => "+",
            };
            format!("{sign}({})", of(&value)?)
        }
        Expr::Binary(operator, left, right) => {
            format!(
                "{} {} {}",
                operand(&left, bare)?,
                crate::ir::print::symbol(operator),
                operand(&right, bare)?
            )
        }
        Expr::Ternary(question, yes, no) => {
            format!("{} ? {} : {}", operand(&question, bare)?, operand(&yes, bare)?, operand(&no, bare)?)
        }
        Expr::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(of).collect();
            format!("[{}]", items?.join(", "))
        }
        Expr::Object(members) => {
            let member = |(name, value): &(String, Expr)| {
                Some(format!("{}: {}", Value::from(name.as_str()), of(value)?))
            };
            let members: Option<Vec<String>> = members.iter().map(member).collect();
            format!("{{{}}}", members?.join(", "))
        }
        Expr::Call(Some(receiver), name, arguments) => {
            let arguments: Option<Vec<String>> = arguments.iter().map(of).collect();
            format!("{}.{name}({})", of(&receiver)?, arguments?.join(", "))
        }
        _ => return None,
    })
}

fn operand(expr: &Expr, bare: bool) -> Option<String> {
    let text = voxology_expr(expr, bare)?;
    let compound = matches!(expr_plain(expr.clone()), Expr::Binary(..) | Expr::Ternary(..));
    Some(if compound { format!("({text})") } else { text })
}
