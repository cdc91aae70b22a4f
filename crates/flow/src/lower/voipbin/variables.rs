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
        "activeflow.id" | "activeflow.reference_id" | "call.id" | "recording.reference_id" => Fact::CallId,
        "activeflow.flow_id" => Fact::FlowId,
        "activeflow.complete_count" => Fact::CompleteCount,
        "activeflow.reference_type" | "recording.reference_type" => return text("call"),
        "call.direction" => return direction(),
        "call.status" => Fact::Status,
        "call.caller_id" | "call.source.target" => Fact::CallerNumber,
        "call.source.name" | "call.source.target_name" => Fact::CallerName,
        "call.destination.target" => Fact::CalledNumber,
        "call.destination.name" | "call.destination.target_name" => Fact::CalledName,
        "call.source.type" | "call.destination.type" => return text("tel"),
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

fn direction() -> Expr {
    let inbound = Expr::Binary(Binary::Eq, Box::new(Expr::Fact(Fact::Direction)), Box::new(text("inbound")));
    Expr::Ternary(Box::new(inbound), Box::new(text("incoming")), Box::new(text("outgoing")))
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
