//! VoIPBIN's addresses `{type, target, target_name, name, detail}`: who is called, who calls, who gets a text.

use serde_json::Value;

use super::list::Lowering;
use crate::ir::{Callee, Identity, Part, Pointer, Shown, Template, Withheld};
use crate::lower::members::{Members, wrong};
use crate::lower::{Code, nearest};

/// Types whose addresses can be called, types that a caller can join, and types that can only be written to.
const CALLED: [&str; 4] = ["tel", "sip", "extension", "agent"];
const JOINED: [&str; 1] = ["conference"];
const WRITTEN: [&str; 9] =
    ["email", "line", "whatsapp", "ai", "ai_team", "webchat", "web", "facebook", "chat"];

/// An address that was read.
pub(super) struct Address {
    /// Its type in lower case.
    pub(super) kind: String,
    /// The number, URI, id.
    pub(super) target: Template,
    /// How its owner is named; empty for nothing.
    pub(super) name: Template,
    pointer: Pointer,
}

/// The address in `value`; `None` for something else, which is told.
fn read(lowering: &mut Lowering, value: &Value, pointer: Pointer) -> Option<Address> {
    let Some(object) = value.as_object() else {
        wrong(&mut lowering.builder, &pointer, "an address, an object with `type` and `target`", value);
        return None;
    };
    let members = Members::new(object, pointer.clone());
    let kind = members.text(&mut lowering.builder, "type").unwrap_or_default().trim().to_ascii_lowercase();
    let kind = known(lowering, kind, &members);
    let target = lowering.filled(&members, "target");
    let name = lowering.filled(&members, "target_name").or_else(|| lowering.filled(&members, "name"));
    let Some(target) = target else {
        lowering.builder.report(Code::MissingOption, &pointer, "an address needs a `target`");
        return None;
    };
    Some(Address { kind, target, name: name.unwrap_or_default(), pointer })
}

/// The type, or `tel` for one that is missing, unknown, or made of variables.
fn known(lowering: &mut Lowering, kind: String, members: &Members<'_>) -> String {
    let all: Vec<&str> = CALLED.into_iter().chain(JOINED).chain(WRITTEN).collect();
    if all.contains(&kind.as_str()) {
        return kind;
    }
    let (code, message) = if kind.is_empty() {
        (Code::MissingOption, "an address needs a `type`; `tel` is taken".to_owned())
    } else if kind.contains("${") {
        (Code::Approximated, "a `type` made of variables is taken as `tel`".to_owned())
    } else {
        let meant = nearest(&kind, &all).map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default();
        (Code::BadValue, format!("unknown type of address `{kind}`{meant}; `tel` is taken"))
    };
    lowering.builder.report(code, &members.at("type"), message);
    "tel".to_owned()
}

/// All addresses in the list `destinations`.
pub(super) fn destinations(lowering: &mut Lowering, option: &Members<'_>) -> Vec<Address> {
    let list = option.list(&mut lowering.builder, "destinations").unwrap_or_default();
    let at = option.at("destinations");
    list.iter().enumerate().filter_map(|(index, value)| read(lowering, value, at.child(index))).collect()
}

/// The address in `source`, if there is one.
pub(super) fn source(lowering: &mut Lowering, option: &Members<'_>) -> Option<Address> {
    let value = option.get("source")?;
    // An empty object is an address that nobody filled in.
    if value.as_object().is_some_and(serde_json::Map::is_empty) {
        return None;
    }
    read(lowering, value, option.at("source"))
}

/// Who can be called of these; the rest is told.
pub(super) fn callees(lowering: &mut Lowering, addresses: &[Address]) -> Vec<Callee> {
    addresses.iter().filter_map(|address| callee(lowering, address)).collect()
}

fn callee(lowering: &mut Lowering, address: &Address) -> Option<Callee> {
    let target = address.target.clone();
    Some(match address.kind.as_str() {
        "tel" => Callee::Trunk { name: None, number: target },
        "sip" => Callee::Uri(uri(target)),
        "extension" => Callee::Extension(target),
        "agent" => Callee::Agent(target),
        kind => {
            let message = format!("an address of type `{kind}` cannot be called; it is left out");
            lowering.builder.report(Code::BadValue, &address.pointer.child("type"), message);
            return None;
        }
    })
}

/// A whole URI, whether it was written with its scheme or without.
fn uri(target: Template) -> Template {
    let whole = |text: &str| ["sip:", "sips:"].iter().any(|scheme| text.starts_with(scheme));
    match target.0.first() {
        Some(Part::Literal(text)) if whole(text) => target,
        _ => Template([Part::Literal("sip:".to_owned())].into_iter().chain(target.0).collect()),
    }
}

/// Who the callee sees: the source, or the caller; and what of it is withheld.
pub(super) fn identity(lowering: &mut Lowering, option: &Members<'_>) -> Identity {
    let (mut number, mut name) = (Shown::Caller, Shown::Caller);
    if let Some(address) = source(lowering, option) {
        (number, name) = (Shown::Given(address.target), Shown::Given(address.name));
    }
    let word = option.text(&mut lowering.builder, "anonymous").unwrap_or_default().to_ascii_lowercase();
    if ["true", "false"].contains(&word.trim()) {
        let message = "`true` and `false` are written `yes` and `no`";
        lowering.builder.report(Code::Tolerated, &option.at("anonymous"), message);
    }
    let withheld = match word.trim() {
        "" | "auto" => Withheld::AsCaller,
        "yes" | "true" => Withheld::Both,
        "no" | "false" => Withheld::Nothing,
        other => {
            let message = format!("expected `auto`, `yes` or `no`, found `{other}`; `auto` is taken");
            lowering.builder.report(Code::BadValue, &option.at("anonymous"), message);
            Withheld::AsCaller
        }
    };
    Identity { number, name, withheld, ..Identity::default() }
}
