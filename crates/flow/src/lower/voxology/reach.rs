//! Actions that reach others: DIAL, TRANSFER, QUEUE and SMS.
//!
//! Their times are in seconds as in the REST call that dials, but `max_call_time`, which there is in milliseconds.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::list::{Action, Lowering};
use super::native;
use crate::ir::{
    Callee, Channel, Dial, Edges, Endpoint, Expr, Feature, Identity, Message, Op, Originate, Outcome, Part,
    Queue, Runs, Shown, Template,
};
use crate::lower::Code;
use crate::lower::members::{Members, wrong};

/// How long it rings without a word about it; the example of the documentation.
const RING: Duration = Duration::from_secs(60);

/// Another call, with the script of its own number; this one goes on at once.
pub(super) fn dial(lowering: &mut Lowering, action: &Action<'_>) {
    let Some(to) = callee(lowering, action) else { return };
    // Its number decides what it runs, so it has one in any case.
    let number = number(lowering, action, "caller_id_no").unwrap_or_else(|| value(native::api()));
    let (timeout, longest) = times(lowering, action);
    let originate = Originate {
        to: vec![to],
        identity: Identity { number: Shown::Given(number.clone()), ..Identity::default() },
        runs: Runs::Number(number),
        early: false,
        chained: false,
        timeout,
        longest,
        session: session(lowering, action),
    };
    lowering.op(action.head, Op::Feature(Box::new(Feature::Originate(originate))));
}

/// A conversation; the next action follows it, and follows at once if there was none.
pub(super) fn transfer(lowering: &mut Lowering, action: &Action<'_>) {
    lowering.answered = true;
    let Some(to) = callee(lowering, action) else { return };
    let number = number(lowering, action, "caller_id_no");
    let (timeout, longest) = times(lowering, action);
    let mut dial = Dial::new(vec![Endpoint::from(to)], timeout);
    dial.identity.number = number.map_or(Shown::Caller, Shown::Given);
    (dial.longest, dial.answers) = (longest, true);
    lowering.op(action.head, Op::Dial(Box::new(dial)));
}

/// Waiting for an agent. `actions` are heard again and again meanwhile.
pub(super) fn queue(lowering: &mut Lowering, action: &Action<'_>) {
    lowering.answered = true;
    let id = match action.top.get("name") {
        Some(_) => action.beside_template(lowering, "name"),
        None => action.template(lowering, "name"),
    };
    let timeout = action.param(lowering, "timeout").clone().seconds(&mut lowering.builder, "timeout");
    let wait = wait(lowering, action);
    let events = events(lowering, action);
    let Some(id) = id else {
        let message = "QUEUE needs `params.name`";
        return lowering.builder.report(Code::MissingOption, action.top.pointer(), message);
    };
    let timeout = timeout.filter(|timeout| !timeout.is_zero());
    let queue = Queue { id, priority: 0, timeout, service: None, exit_keys: None, wait };
    lowering.op(action.head, Op::Feature(Box::new(Feature::Queue(queue))));
    lowering.builder.edges(action.head, events);
}

/// What is heard in the queue: a program of its own, because whoever is there is not in this list.
fn wait(lowering: &mut Lowering, action: &Action<'_>) -> Option<Arc<crate::ir::Program>> {
    let members = action.beside(lowering, "actions").clone();
    let list = members.list(&mut lowering.builder, "actions").filter(|list| !list.is_empty())?;
    let lowered = lowering.apart(list, &members.at("actions"));
    for found in lowered.diagnostics {
        lowering.builder.report(found.code, &crate::ir::Pointer(found.pointer), found.message);
    }
    Some(Arc::new(lowered.program))
}

fn events(lowering: &mut Lowering, action: &Action<'_>) -> Edges {
    let members = Members::of(&mut lowering.builder, action.top.get("events"), action.top.at("events"));
    let mut edges = Edges::always(action.next);
    for key in members.keys() {
        let Some(list) = members.list(&mut lowering.builder, key) else { continue };
        let target = lowering.list(list, &members.at(key), action.next);
        match key.strip_prefix("on_") {
            Some(word @ ("timeout" | "full" | "empty" | "exit" | "failed")) => {
                edges = edges.case(Outcome::Key(word.to_owned()), target);
            }
            _ => {
                let message = format!(
                    "`{key}` is no event: expected on_timeout, on_full, on_empty, on_exit or on_failed"
                );
                lowering.builder.report(Code::UnknownOption, &members.at(key), message);
            }
        }
    }
    edges
}

/// A text message: to the other party of the call, from our own number, if it says nothing else.
pub(super) fn sms(lowering: &mut Lowering, action: &Action<'_>) {
    let to = number(lowering, action, "no").unwrap_or_else(|| value(native::caller()));
    let from = number(lowering, action, "caller_id_no").unwrap_or_else(|| value(native::api()));
    let Some(text) = ["message", "text"].into_iter().find_map(|key| action.template(lowering, key)) else {
        let message = "SMS needs `params.message`";
        return lowering.builder.report(Code::MissingOption, action.top.pointer(), message);
    };
    let message = Message { from: Some(from), ..Message::new(Channel::Sms, vec![to], text) };
    lowering.op(action.head, Op::Feature(Box::new(Feature::Message(message))));
}

/// Whom `params.no` names: a SIP address, or a number outside.
fn callee(lowering: &mut Lowering, action: &Action<'_>) -> Option<Callee> {
    let Some(number) = number(lowering, action, "no") else {
        let message = format!("{} needs `params.no`", action.name);
        lowering.builder.report(Code::MissingOption, action.top.pointer(), message);
        return None;
    };
    let address = matches!(number.0.first(), Some(Part::Literal(text)) if text.starts_with("sip"));
    Some(if address { Callee::Uri(number) } else { Callee::Trunk { name: None, number } })
}

/// A telephone number: text with variables, or nothing but `$variable`.
fn number(lowering: &mut Lowering, action: &Action<'_>, key: &str) -> Option<Template> {
    let members = action.param(lowering, key).clone();
    let text = members.text(&mut lowering.builder, key).filter(|text| !text.trim().is_empty())?;
    match lowering.path_expression(text.trim()) {
        Some(path) => Some(value(path)),
        None => Some(lowering.template(text.trim(), &members.at(key))),
    }
}

fn times(lowering: &mut Lowering, action: &Action<'_>) -> (Duration, Option<Duration>) {
    let timeout = action.param(lowering, "timeout").clone().seconds(&mut lowering.builder, "timeout");
    let longest = action.param(lowering, "max_call_time").clone();
    let longest = longest.millis(&mut lowering.builder, "max_call_time");
    let set = |time: &Duration| !time.is_zero();
    (timeout.filter(set).unwrap_or(RING), longest.filter(set))
}

/// The session data that the other call begins with, as JSON.
fn session(lowering: &mut Lowering, action: &Action<'_>) -> Option<Template> {
    let members = action.beside(lowering, "session_data").clone();
    let pointer = members.at("session_data");
    let data = match members.get("session_data")? {
        Value::String(text) => lowering.expression(text, &pointer),
        object @ Value::Object(_) => lowering.data(object, &pointer),
        other => {
            wrong(&mut lowering.builder, &pointer, "an object", other);
            return None;
        }
    };
    Some(value(Expr::Call(None, "JSON.stringify".to_owned(), vec![data])))
}

fn value(of: Expr) -> Template {
    Template(vec![Part::Value(of)])
}
