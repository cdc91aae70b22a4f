//! VoIPBIN's variables: `${name}` in every text, and what the `voipbin.*` names stand for.
//!
//! All values are text, and what is not known is empty.

use serde_json::{Value, json};

use crate::ir::{Access, Binary, Expr, Fact, Part, Template};

/// The keys pressed last: what `digits_receive` writes and `branch` reads.
pub(super) const DIGITS: &str = "voipbin.call.digits";

/// Splits `text` at its `${name}`s; an opening without its end is text.
pub(super) fn template(text: &str) -> Template {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let inner = rest.get(at + 2..).unwrap_or_default();
        let Some(end) = inner.find('}') else { break };
        let before = rest.get(..at).unwrap_or_default();
        if !before.is_empty() {
            parts.push(Part::Literal(before.to_string()));
        }
        parts.push(Part::Value(lookup(inner.get(..end).unwrap_or_default().trim())));
        rest = inner.get(end + 1..).unwrap_or_default();
    }
    if !rest.is_empty() {
        parts.push(Part::Literal(rest.to_string()));
    }
    Template(parts)
}

/// What `name` stands for; a name that VoIPBIN does not own is the flow's own variable.
pub(super) fn lookup(name: &str) -> Expr {
    if name == DIGITS {
        return digits();
    }
    let Some(native) = name.strip_prefix("voipbin.") else { return Expr::Variable(name.to_string()) };
    let fact = match native {
        "activeflow.id" => Fact::RunId,
        "activeflow.reference_activeflow_id" => Fact::PriorRunId,
        "activeflow.reference_type" => Fact::ReferenceType,
        "activeflow.reference_id" => Fact::ReferenceId,
        "activeflow.flow_id" => Fact::FlowId,
        "activeflow.complete_count" => Fact::CompleteCount,
        "flow.reference_data" => return reference_data(),
        "call.id" => return of_call(Expr::Fact(Fact::CallId)),
        "call.master_call_id" => Fact::MasterCallId,
        "recording.reference_id" => return of_recording(Expr::Fact(Fact::CallId)),
        "recording.reference_type" => return of_recording(text("call")),
        "call.direction" => return direction(),
        "call.status" => Fact::Status,
        "call.caller_id" | "call.source.target" => Fact::CallerNumber,
        "call.source.name" | "call.source.target_name" => Fact::CallerName,
        "call.destination.target" => Fact::CalledNumber,
        "call.destination.name" | "call.destination.target_name" => Fact::CalledName,
        "call.source.type" => return source_type(),
        "call.destination.type" => return of_call(text("tel")),
        "call.source.detail" | "call.destination.detail" => return text(""),
        "recording.id" | "recording.recording_name" => return recording("id"),
        "recording.filenames" => return files(),
        "recording.format" => Fact::RecordedFormat,
        // Written by a flow, or known to a part that is not there: empty until then.
        _ => return Expr::Variable(name.to_string()),
    };
    Expr::Fact(fact)
}

/// Outside `digits_receive` each key overwrites the variable; what was gathered stands until then.
fn digits() -> Expr {
    or(Expr::Fact(Fact::AheadKey), Expr::Variable(DIGITS.to_string()))
}

/// Only in a flow that a call set off; empty in others.
fn of_call(value: Expr) -> Expr {
    let call = Expr::Binary(Binary::Eq, Box::new(Expr::Fact(Fact::ReferenceType)), Box::new(text("call")));
    Expr::Ternary(Box::new(call), Box::new(value), Box::new(text("")))
}

/// Only when something was recorded.
fn of_recording(value: Expr) -> Expr {
    Expr::Ternary(Box::new(recording("id")), Box::new(value), Box::new(text("")))
}

/// A registered user calls from an extension, somebody else from a telephone number.
fn source_type() -> Expr {
    of_call(Expr::Ternary(
        Box::new(Expr::Fact(Fact::User)),
        Box::new(text("extension")),
        Box::new(text("tel")),
    ))
}

/// The call as a JSON object; what another trigger brought along under this name, in other flows.
fn reference_data() -> Expr {
    let address = |kind: &str| {
        let member = |name: &str| (name.to_owned(), lookup(&format!("voipbin.call.{kind}.{name}")));
        Expr::Object(["type", "target", "target_name", "name", "detail"].map(member).into())
    };
    let call = Expr::Object(vec![
        ("id".to_owned(), Expr::Fact(Fact::CallId)),
        ("direction".to_owned(), direction()),
        ("status".to_owned(), Expr::Fact(Fact::Status)),
        ("source".to_owned(), address("source")),
        ("destination".to_owned(), address("destination")),
        ("tm_create".to_owned(), Expr::Fact(Fact::StartIso)),
    ]);
    let brought = Expr::Variable("voipbin.flow.reference_data".to_owned());
    let is_call = Expr::Binary(Binary::Eq, Box::new(Expr::Fact(Fact::ReferenceType)), Box::new(text("call")));
    Expr::Ternary(Box::new(is_call), Box::new(call), Box::new(brought))
}

/// A text with variables as a value.
pub(super) fn filled(template: &Template) -> Expr {
    match template.as_literal() {
        Some(literal) => text(literal),
        None => Expr::Template(template.clone()),
    }
}

fn direction() -> Expr {
    let inbound = Expr::Binary(Binary::Eq, Box::new(Expr::Fact(Fact::Direction)), Box::new(text("inbound")));
    of_call(Expr::Ternary(Box::new(inbound), Box::new(text("incoming")), Box::new(text("outgoing"))))
}

/// A member of the last recording.
fn recording(member: &str) -> Expr {
    let all = || Box::new(Expr::Fact(Fact::Recordings));
    let length = Expr::Member(all(), Access::Name("length".into()));
    let last = Expr::Binary(Binary::Sub, Box::new(length), Box::new(Expr::Literal(json!(1))));
    let last = Expr::Member(all(), Access::Index(Box::new(last)));
    Expr::Member(Box::new(last), Access::Name(member.into()))
}

/// The last recording's file, if there is one.
fn files() -> Expr {
    let file = Template(vec![
        Part::Value(recording("id")),
        Part::Literal(".".into()),
        Part::Value(Expr::Fact(Fact::RecordedFormat)),
    ]);
    Expr::Ternary(Box::new(recording("id")), Box::new(Expr::Template(file)), Box::new(text("")))
}

fn or(a: Expr, b: Expr) -> Expr {
    Expr::Binary(Binary::Or, Box::new(a), Box::new(b))
}

/// A string constant.
pub(super) fn text(value: &str) -> Expr {
    Expr::Literal(Value::String(value.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_split_at_its_variables() {
        let parts = vec![
            Part::Literal("a ".into()),
            Part::Value(Expr::Fact(Fact::CallerNumber)),
            Part::Value(Expr::Variable("Provider name".into())),
            Part::Literal(" ${b".into()),
        ];
        assert_eq!(template("a ${voipbin.call.source.target}${ Provider name } ${b").0, parts);
        assert_eq!(template("plain").as_literal(), Some("plain"));
    }
}
