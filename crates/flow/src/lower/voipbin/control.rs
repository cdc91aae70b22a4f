//! VoIPBIN's control flow: goto, branch, fetches, variables, the ends; questions are in `condition`.

use std::time::Duration;

use serde_json::Value;

use super::condition;
use super::list::{Action, Lowering, hangup};
use super::variables::{self, DIGITS};
use crate::ir::{
    Assign, Branch, Edges, Encoding, Expr, Fact, Fetch, Install, Op, Outcome, Reply, Request, Subflow,
    Target, Template, Webhook,
};
use crate::lower::members::Members;
use crate::lower::{Code, Dialect};

/// Upstream waits without a limit; a caller does not.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Lowers `action` if it is control flow.
pub(super) fn lower(lowering: &mut Lowering, action: &Action<'_>) -> bool {
    match action.name {
        "goto" => goto(lowering, action),
        "branch" => branch(lowering, action),
        "variable_set" => variable_set(lowering, action),
        "fetch" => fetch(lowering, action),
        "fetch_flow" => fetch_flow(lowering, action),
        "webhook_send" => webhook(lowering, action),
        "stop" => lowering.op(action.head, hangup(480, "normal")),
        "empty" => {}
        _ => return condition::lower(lowering, action),
    }
    true
}

/// `loop_count` jumps: 2 run the block three times. Without it there is no limit but the flow's; 0 never jumps.
fn goto(lowering: &mut Lowering, action: &Action<'_>) {
    let target = lowering.target_of(&action.option, "target_id").unwrap_or_else(|| {
        lowering.missing(action, "target_id");
        Target::Hangup
    });
    let count = action.option.count(&mut lowering.builder, "loop_count");
    lowering.op(action.head, Op::Jump(count));
    lowering.builder.edges(action.head, Edges::always(action.next).case(Outcome::Yes, target));
}

/// Exact match of the text; then the variable is emptied. No match and no default end the flow.
fn branch(lowering: &mut Lowering, action: &Action<'_>) {
    let option = &action.option;
    let default = lowering.target_of(option, "default_target_id");
    let default = default.or_else(|| by_index(lowering, option, "default_index"));
    let mut edges = Edges::always(default.unwrap_or(Target::Hangup));
    let targets = Members::of(&mut lowering.builder, option.get("target_ids"), option.at("target_ids"));
    for key in targets.keys() {
        if let Some(target) = lowering.target_of(&targets, key) {
            edges = edges.case(Outcome::Key(key.to_string()), target);
        }
    }
    let indexes =
        Members::of(&mut lowering.builder, option.get("target_indexes"), option.at("target_indexes"));
    for key in indexes.keys() {
        let outcome = Outcome::Key(key.to_string());
        if let Some(target) = by_index(lowering, &indexes, key).filter(|_| !edges.has(&outcome)) {
            edges = edges.case(outcome, target);
        }
    }
    if edges.cases.is_empty() {
        let message = "branch without `target_ids` takes its default always";
        lowering.builder.report(Code::MissingOption, action.top.pointer(), message);
    }
    let on = condition::subject(lowering, action, DIGITS);
    let named = option.text(&mut lowering.builder, "variable").unwrap_or_default();
    let name = named.trim().trim_start_matches("${").trim_end_matches('}').trim();
    let name = if name.is_empty() { DIGITS } else { name };
    let reset = Some(name.to_string());
    lowering.op(action.head, Op::Branch(Branch { on, reset, flush: name == DIGITS }));
    lowering.builder.edges(action.head, edges);
}

/// The older form of a target: its place in the list, from 0.
fn by_index(lowering: &mut Lowering, members: &Members<'_>, key: &str) -> Option<Target> {
    let index = members.count(&mut lowering.builder, key)?;
    let at = members.at(key);
    let target = lowering.head(index);
    let (code, message) = match target {
        Some(_) => (Code::Tolerated, "an action is named by its id; its place in the list is the old form"),
        None => (Code::DanglingTarget, "there is no action at this place of the list, which begins at 0"),
    };
    lowering.builder.report(code, &at, message);
    target
}

fn variable_set(lowering: &mut Lowering, action: &Action<'_>) {
    let Some(key) = action.option.text(&mut lowering.builder, "key").filter(|key| !key.is_empty()) else {
        return lowering.missing(action, "key");
    };
    let value = lowering.text(&action.option, "value").unwrap_or_default();
    let value = variables::filled(&value);
    let assign = match lowering.template(&key) {
        name if name.as_literal().is_none() => {
            Assign { path: Vec::new(), computed: Some(name), value, merge: false }
        }
        _ => Assign { path: vec![key], computed: None, value, merge: false },
    };
    lowering.op(action.head, Op::Set(vec![assign]));
}

fn method(lowering: &mut Lowering, members: &Members<'_>, key: &str) -> Template {
    let method = members.text(&mut lowering.builder, key).filter(|method| !method.trim().is_empty());
    let method = method.unwrap_or_else(|| "POST".into());
    lowering.template(method.trim())
}

/// A flow that cannot be had ends this one: 503 if the call was not answered.
fn or_fail(lowering: &mut Lowering, action: &Action<'_>) {
    let failed = lowering.builder.add(hangup(503, "fetch failed"), action.top.pointer());
    lowering.builder.edges(action.head, Edges::always(Target::Node(failed)).case(Outcome::Done, action.next));
}

fn fetch(lowering: &mut Lowering, action: &Action<'_>) {
    or_fail(lowering, action);
    let Some(url) = lowering.text(&action.option, "event_url") else {
        lowering.missing(action, "event_url");
        return lowering.op(action.head, hangup(503, "fetch failed"));
    };
    let method = method(lowering, &action.option, "event_method");
    let query = method.as_literal().is_some_and(|method| method.eq_ignore_ascii_case("get"));
    let id = Expr::Fact(Fact::CallId);
    let request = Request {
        method,
        url,
        fields: vec![("activeflow_id".into(), id.clone()), ("reference_id".into(), id)],
        encoding: if query { Encoding::Query { brackets: false } } else { Encoding::Json },
        omit_empty: false,
        headers: Vec::new(),
        timeout: TIMEOUT,
        retries: 0,
    };
    let reply = Reply::Program(Dialect::Voipbin);
    lowering.op(action.head, Op::Fetch(Fetch { request, reply, install: Install::Push }));
}

fn fetch_flow(lowering: &mut Lowering, action: &Action<'_>) {
    or_fail(lowering, action);
    match lowering.text(&action.option, "flow_id") {
        Some(id) => lowering.op(action.head, Op::Subflow(Subflow { id, install: Install::Push })),
        None => {
            lowering.missing(action, "flow_id");
            lowering.op(action.head, hangup(503, "fetch failed"));
        }
    }
}

/// A failure is no reason to stop: the next action follows.
fn webhook(lowering: &mut Lowering, action: &Action<'_>) {
    let Some(url) = lowering.text(&action.option, "uri") else { return lowering.missing(action, "uri") };
    let body = match action.option.get("data") {
        None => Template::default(),
        Some(Value::String(text)) => lowering.template(text),
        Some(data) => lowering.template(&data.to_string()),
    };
    let content_type = action.option.text(&mut lowering.builder, "data_type").filter(|kind| !kind.is_empty());
    let content_type = lowering.template(&content_type.unwrap_or_else(|| "application/json".into()));
    let request = Request {
        method: method(lowering, &action.option, "method"),
        url,
        fields: Vec::new(),
        encoding: Encoding::Raw { body, content_type },
        omit_empty: false,
        headers: Vec::new(),
        timeout: TIMEOUT,
        // Three tries in all, as VoIPBIN's own webhooks.
        retries: 2,
    };
    let wait = action.option.flag(&mut lowering.builder, "sync").unwrap_or(false);
    lowering.op(action.head, Op::Webhook(Webhook { request, wait }));
}
