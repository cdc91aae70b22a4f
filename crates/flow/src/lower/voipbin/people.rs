//! VoIPBIN's actions with other people: connect, call, agents, conferences, queues.
//!
//! What cannot be asked of anybody (no destination, nothing configured) ends the flow, as upstream; whoever does not
//! answer leads to the next action.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::address::{self, Address};
use super::list::{Action, Lowering, hangup};
use super::variables;
use crate::ir::{
    Assign, Callee, Cause, Conference, Dial, Edges, Feature, Meanwhile, Op, Originate, Outcome, Queue, Runs,
    Target, Template,
};
use crate::leg::DialOutcome;
use crate::lower::Code;

/// How long whom is called may ring.
const RING: Duration = Duration::from_secs(60);

/// Lowers `action` if it is about other people.
pub(super) fn lower(lowering: &mut Lowering, action: &Action<'_>) -> bool {
    match action.name {
        "connect" => connect(lowering, action),
        "agent_call" => agent(lowering, action),
        "call" => call(lowering, action),
        "conference_join" => conference(lowering, action, "conference_id", Target::Hangup),
        "confbridge_join" => conference(lowering, action, "confbridge_id", action.next),
        "queue_join" => queue(lowering, action),
        _ => return false,
    }
    true
}

/// An action of which nothing can be done: the flow ends.
fn ends(lowering: &mut Lowering, action: &Action<'_>) {
    lowering.op(action.head, hangup(480, "failed"));
}

/// The edges of an action that ends the flow when it cannot be done, and leads on whatever else comes of it.
fn or_end(action: &Action<'_>) -> Edges {
    Edges::always(action.next).case(Outcome::Failed(Cause::Unavailable), Target::Hangup)
}

fn connect(lowering: &mut Lowering, action: &Action<'_>) {
    let option = &action.option;
    let identity = address::identity(lowering, option);
    let early_media = option.flag(&mut lowering.builder, "early_media").unwrap_or(false);
    let relay = option.flag(&mut lowering.builder, "relay_reason").unwrap_or(false);
    let to = address::destinations(lowering, option);
    if let [Address { kind, target, .. }] = to.as_slice()
        && kind == "conference"
    {
        return join(lowering, action, target.clone(), Target::Hangup);
    }
    let callees = address::callees(lowering, &to);
    if callees.is_empty() {
        if option.get("destinations").is_none() || to.is_empty() {
            lowering.missing(action, "destinations");
        }
        return ends(lowering, action);
    }
    // A group has no reason of its own.
    let relay = relay && !callees.iter().any(|callee| matches!(callee, Callee::Agent(_)));
    let mut dial = dial(callees);
    dial.identity = identity;
    dial.meanwhile = if early_media { Meanwhile::Pass } else { Meanwhile::Ringing };
    dial.relay = relay;
    lowering.op(action.head, Op::Dial(Box::new(dial)));
    lowering.builder.edges(action.head, or_end(action));
    if relay {
        relayed(lowering, action);
    }
}

fn dial(callees: Vec<Callee>) -> Dial {
    Dial::new(callees.into_iter().map(Into::into).collect(), RING)
}

/// The call ends with its callee's, for the same reason.
fn relayed(lowering: &mut Lowering, action: &Action<'_>) {
    let normal = lowering.beside(action, hangup(480, "normal"), Edges::always(action.next));
    let mut edges = Edges::always(normal).case(Outcome::Failed(Cause::Unavailable), Target::Hangup);
    // The status of a call that was answered before is of no interest; its reason is.
    for (outcome, reason) in [
        (DialOutcome::Busy, "busy"),
        (DialOutcome::NoAnswer, "dialout"),
        (DialOutcome::Rejected, "busy"),
        (DialOutcome::Failed, "failed"),
        (DialOutcome::Unavailable, "noanswer"),
    ] {
        let end = lowering.beside(action, hangup(480, reason), Edges::always(action.next));
        edges = edges.case(Outcome::Key(outcome.word().to_owned()), end);
    }
    lowering.builder.edges(action.head, edges);
}

fn agent(lowering: &mut Lowering, action: &Action<'_>) {
    let message = "agent_call is the old form of connect with an address of type `agent`";
    lowering.builder.report(Code::Deprecated, &action.top.at("type"), message);
    let Some(id) = lowering.filled(&action.option, "agent_id") else {
        lowering.missing(action, "agent_id");
        return ends(lowering, action);
    };
    let mut dial = dial(vec![Callee::Agent(id)]);
    dial.meanwhile = Meanwhile::Ringing;
    lowering.op(action.head, Op::Dial(Box::new(dial)));
    lowering.builder.edges(action.head, or_end(action));
}

/// Each destination is a call of its own, with a flow of its own; this flow goes on at once.
fn call(lowering: &mut Lowering, action: &Action<'_>) {
    let option = &action.option;
    let identity = address::identity(lowering, option);
    let to = address::destinations(lowering, option);
    let callees = address::callees(lowering, &to);
    let flow = lowering.id(option, "flow_id");
    let actions = option.list(&mut lowering.builder, "actions");
    // Read in any case, for its author's sake.
    let program = actions.map(|actions| program(lowering, action, actions));
    let chained = option.flag(&mut lowering.builder, "chained").unwrap_or(false);
    let early = option.flag(&mut lowering.builder, "early_execution").unwrap_or(false);
    if flow.is_some() && program.is_some() {
        let message = "`flow_id` goes before `actions`, which are not run";
        lowering.builder.report(Code::ConflictingOptions, &option.at("actions"), message);
    }
    let runs = match (flow, program) {
        (Some(id), _) => Runs::Flow(lowering.template(&id)),
        (None, Some(program)) => Runs::Program(program),
        (None, None) => {
            let message =
                "call needs `option.flow_id` or `option.actions`; without them it is hung up when answered";
            lowering.builder.report(Code::MissingOption, action.top.pointer(), message);
            Runs::Program(Arc::new(super::begin().finish().program))
        }
    };
    if callees.is_empty() {
        if to.is_empty() {
            lowering.missing(action, "destinations");
        }
        return ends(lowering, action);
    }
    let originate = Originate {
        to: callees,
        identity,
        runs,
        early,
        chained,
        timeout: RING,
        // Its flow has the limit of every call.
        longest: None,
        session: None,
    };
    lowering.op(action.head, Op::Feature(Box::new(Feature::Originate(originate))));
    lowering.builder.edges(action.head, or_end(action));
}

/// The other call's flow, with the limits of a flow of its own. Its notes are this document's.
fn program(lowering: &mut Lowering, action: &Action<'_>, actions: &[Value]) -> Arc<crate::ir::Program> {
    let mut other = super::begin();
    other.flow(actions, &action.option.at("actions"));
    let lowered = other.finish();
    for found in lowered.diagnostics {
        lowering.builder.report(found.code, &crate::ir::Pointer(found.pointer), found.message);
    }
    Arc::new(lowered.program)
}

/// A room by its id, until the caller leaves it.
fn conference(lowering: &mut Lowering, action: &Action<'_>, key: &str, failed: Target) {
    match lowering.filled(&action.option, key) {
        Some(room) => join(lowering, action, room, failed),
        None => {
            lowering.missing(action, key);
            if failed == Target::Hangup {
                ends(lowering, action);
            }
        }
    }
}

/// Who is not let in goes where a failed join leads.
fn join(lowering: &mut Lowering, action: &Action<'_>, room: Template, failed: Target) {
    lowering.op(action.head, Op::Conference(Box::new(Conference { room, ..Conference::default() })));
    let edges = Edges::always(failed).case(Outcome::Done, action.next);
    lowering.builder.edges(action.head, edges);
}

/// Waits for an agent; whatever comes of that leads on, but a queue that is not there ends the flow.
fn queue(lowering: &mut Lowering, action: &Action<'_>) {
    let Some(id) = lowering.filled(&action.option, "queue_id") else {
        lowering.missing(action, "queue_id");
        return ends(lowering, action);
    };
    let value = variables::filled(&id);
    let queue = Queue {
        id,
        priority: 0,
        // The queue's own: wait_timeout, service_timeout and its wait flow.
        timeout: None,
        service: None,
        exit_keys: None,
        wait: None,
    };
    let edges = or_end(action).case(Outcome::Key("failed".to_owned()), Target::Hangup);
    let wait = lowering.beside(action, Op::Feature(Box::new(Feature::Queue(queue))), edges);
    let name = Assign { path: vec!["voipbin.queue.id".to_owned()], computed: None, value, merge: false };
    lowering.op(action.head, Op::Set(vec![name]));
    lowering.builder.edges(action.head, Edges::always(wait));
}
