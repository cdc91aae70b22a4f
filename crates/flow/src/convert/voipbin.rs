//! Writes VoIPBIN's list: an id for every action that something leads to, `next_id` where the next is not the next.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::{Pen, order, ordinary, same, set, words};
use crate::ir::{
    Binary, Branch, Callee, Collect, Condition, Dial, Expr, Hangup, Item, Node, NodeId, Op, Outcome, Play,
    Repeat, SpeechItem, Target,
};

/// The id that ends a call.
const FINISH: &str = "00000000-0000-0000-0000-000000000002";

/// The id of the list's last action, which does nothing: what leads there ends the flow.
const END: &str = "00000000-0000-4000-8000-000000000000";

/// The whole document.
pub(super) fn document(pen: &mut Pen<'_>) -> Value {
    let order = order(pen.program);
    let mut list: Vec<Map<String, Value>> = Vec::new();
    for (at, id) in order.iter().enumerate() {
        let Some(node) = pen.node(*id) else { continue };
        let next = order.get(at + 1).map_or(Target::Return, |id| Target::Node(*id));
        let mut actions = step(pen, node);
        let way = actions.way;
        if actions.list.is_empty() {
            actions.list.push(json!({"type": "empty"}));
        }
        let last = actions.list.len() - 1;
        for (place, action) in actions.list.into_iter().enumerate() {
            let Value::Object(own) = action else { continue };
            let mut action = Map::new();
            if place == 0 {
                action.insert("id".into(), identity(Target::Node(*id)).into());
            }
            action.extend(own);
            if place == last && way.is_some_and(|way| way != next) {
                action.insert("next_id".into(), identity(way.unwrap_or(Target::Return)).into());
            }
            list.push(action);
        }
    }
    tidied(list)
}

/// Without the ids that nothing leads to, and with the end if something leads there.
fn tidied(mut list: Vec<Map<String, Value>>) -> Value {
    fn ids(value: &Value, found: &mut HashSet<String>) {
        match value {
            Value::String(text) => drop(found.insert(text.clone())),
            Value::Array(items) => items.iter().for_each(|item| ids(item, found)),
            Value::Object(members) => members.values().for_each(|member| ids(member, found)),
            _ => {}
        }
    }
    let mut named = HashSet::new();
    for action in &list {
        for (key, value) in action.iter().filter(|(key, _)| *key != "id") {
            if key == "next_id" || key == "option" {
                ids(value, &mut named);
            }
        }
    }
    for action in &mut list {
        if action.get("id").and_then(Value::as_str).is_some_and(|id| !named.contains(id)) {
            action.shift_remove("id");
        }
    }
    if named.contains(END) {
        list.push(Map::from_iter([("id".to_owned(), END.into()), ("type".to_owned(), "empty".into())]));
    }
    json!({ "actions": list })
}

/// What is written for a step, and where its last action leads; `None` for nowhere.
struct Written {
    list: Vec<Value>,
    way: Option<Target>,
}

fn identity(target: Target) -> String {
    match target {
        Target::Node(NodeId(id)) => format!("00000000-0000-4000-8000-{:012}", u64::from(id) + 1),
        Target::Return => END.to_owned(),
        Target::Hangup => FINISH.to_owned(),
    }
}

fn alone(actions: &[Value]) -> Value {
    json!({ "actions": actions })
}

fn action(kind: &str, option: Value) -> Value {
    json!({ "type": kind, "option": option })
}

fn step(pen: &mut Pen<'_>, node: &Node) -> Written {
    let otherwise = node.edges.otherwise;
    match &node.op {
        Op::If(question) => {
            let (yes, no) = (node.edges.target(&Outcome::Yes), node.edges.target(&Outcome::No));
            let asked = condition(question).filter(|asked| {
                same::differences(pen.to, &alone(std::slice::from_ref(asked)), &node.op).is_empty()
            });
            let Some(mut asked) = asked else {
                let what = format!("{}, which VoIPBIN cannot ask", crate::ir::print::op(&node.op));
                pen.lost(node, what, "the flow goes on as after no");
                return Written { list: Vec::new(), way: Some(no) };
            };
            if let Some(option) = asked.get_mut("option") {
                set(option, "false_target_id", identity(no));
            }
            Written { list: vec![asked], way: Some(yes) }
        }
        Op::Branch(Branch { on, reset, .. }) => {
            let Some(name) = words::voipbin_name(on) else {
                pen.left_out(node);
                return Written { list: Vec::new(), way: Some(otherwise) };
            };
            if reset.as_deref() != Some(name.as_str()) {
                let instead = format!("`{name}` is emptied by it");
                pen.lost(node, crate::ir::print::op(&node.op), instead);
            }
            Written { list: vec![branch(&name, node)], way: None }
        }
        Op::Jump(times) => {
            let mut option = json!({ "target_id": identity(node.edges.target(&Outcome::Yes)) });
            if let Some(times) = times {
                set(&mut option, "loop_count", *times);
            }
            Written { list: vec![action("goto", option)], way: Some(node.edges.target(&Outcome::No)) }
        }
        Op::Collect(collect) => {
            let mut list = pen.carried(node, Some(gather(collect)), alone);
            if !collect.by_value {
                let way = pen.only_way(node);
                return Written { list, way: Some(way) };
            }
            list.push(branch("voipbin.call.digits", node));
            Written { list, way: None }
        }
        Op::Hangup(hangup) => {
            let modules = Some(vec![action("hangup", json!({ "reason": reason(hangup) }))]);
            Written { list: pen.carried(node, modules, alone), way: None }
        }
        Op::Conference(_) => {
            let list = pen.carried(node, modules(&node.op), alone);
            if otherwise != Target::Hangup {
                pen.lost(node, crate::ir::print::op(&node.op), "a caller who is not let in is hung up");
            }
            Written { list, way: Some(ordinary(node)) }
        }
        Op::Dial(dial) => {
            let list = pen.carried(node, connect(dial), alone);
            if ordinary(node) != otherwise {
                let instead = "the flow goes on as if nobody had answered";
                pen.lost(node, "a way of its own after the conversation", instead);
            }
            Written { list, way: Some(otherwise) }
        }
        op => {
            let list = pen.carried(node, modules(op), alone);
            let way = pen.only_way(node);
            Written { list, way: Some(way) }
        }
    }
}

/// A key or a value leads where it led; no key is the empty one.
fn branch(variable: &str, node: &Node) -> Value {
    let mut targets = Map::new();
    for (outcome, target) in &node.edges.cases {
        let key = match outcome {
            Outcome::Key(key) => key.as_str(),
            Outcome::Timeout => "",
            _ => continue,
        };
        targets.entry(key).or_insert_with(|| identity(*target).into());
    }
    let default = identity(node.edges.otherwise);
    action("branch", json!({ "variable": variable, "target_ids": targets, "default_target_id": default }))
}

fn modules(op: &Op) -> Option<Vec<Value>> {
    Some(match op {
        Op::Answer => vec![action("answer", json!({}))],
        Op::Play(play) => heard(play),
        Op::SendDigits(send) => {
            let digits = words::voipbin(&send.digits);
            let (duration, gap) = (send.duration.as_millis() as u64, send.gap.as_millis() as u64);
            vec![action("digits_send", json!({ "digits": digits, "duration": duration, "interval": gap }))]
        }
        Op::Sleep(length) => vec![action("sleep", json!({ "duration": amount(length)? }))],
        Op::Echo(Some(length)) => vec![action("echo", json!({ "duration": length.as_millis() as u64 }))],
        Op::RecordStop => vec![action("recording_stop", json!({}))],
        Op::RecordStart(record) => {
            let seconds = |length: Option<std::time::Duration>| length.map_or(0, |length| length.as_secs());
            let option = json!({
                "format": record.format.name(), "beep_start": record.beep, "duration": seconds(record.limit),
                "end_of_silence": seconds(record.silence), "end_of_key": record.stop_keys,
            });
            vec![action("recording_start", option)]
        }
        Op::Set(assigns) => {
            let one = |assign: &crate::ir::Assign| {
                let [name] = assign.path.as_slice() else { return None };
                let value = match words::expr_plain(assign.value.clone()) {
                    Expr::Literal(Value::String(text)) => text,
                    Expr::Template(template) => words::voipbin(&template),
                    other => format!("${{{}}}", words::voipbin_name(&other)?),
                };
                Some(action("variable_set", json!({ "key": name, "value": value })))
            };
            assigns.iter().map(one).collect::<Option<Vec<Value>>>()?
        }
        Op::Conference(conference) => {
            vec![action("conference_join", json!({ "conference_id": words::voipbin(&conference.room) }))]
        }
        Op::Subflow(subflow) => vec![action("fetch_flow", json!({ "flow_id": words::voipbin(&subflow.id) }))],
        _ => return None,
    })
}

fn connect(dial: &Dial) -> Option<Vec<Value>> {
    let destination = |to: &crate::ir::Endpoint| {
        let (kind, target) = match &to.callee {
            Callee::User(id) | Callee::Extension(id) => ("extension", id),
            Callee::Agent(id) => ("agent", id),
            Callee::Trunk { name: None, number } => ("tel", number),
            Callee::Uri(uri) => ("sip", uri),
            _ => return None,
        };
        Some(json!({ "type": kind, "target": words::voipbin(target) }))
    };
    let destinations = dial.to.iter().map(destination).collect::<Option<Vec<Value>>>()?;
    Some(vec![action("connect", json!({ "destinations": destinations, "relay_reason": dial.relay }))])
}

fn amount(length: &Expr) -> Option<Value> {
    match words::expr_plain(length.clone()) {
        Expr::Literal(value) => Some(value),
        other => Some(format!("${{{}}}", words::voipbin_name(&other)?).into()),
    }
}

fn heard(play: &Play) -> Vec<Value> {
    let times = match play.repeat {
        Repeat::Times(times) => times.min(20) as usize,
        Repeat::Forever => 1,
    };
    let mut list = Vec::new();
    let mut urls: Vec<Value> = Vec::new();
    let flush = |urls: &mut Vec<Value>, list: &mut Vec<Value>| {
        if !urls.is_empty() {
            list.push(action("play", json!({ "stream_urls": std::mem::take(urls) })));
        }
    };
    if play.answers && !matches!(play.items.first(), Some(Item::Speech(_))) {
        list.push(action("answer", json!({})));
    }
    for item in std::iter::repeat_n(&play.items, times).flatten() {
        match item {
            Item::Sound(name) => urls.push(words::voipbin(name).into()),
            Item::Speech(speech) => {
                flush(&mut urls, &mut list);
                let stops = !matches!(play.barge, crate::ir::Barge::None);
                list.push(talk(speech, stops));
            }
            Item::Tone(_) => {
                flush(&mut urls, &mut list);
                list.push(action("beep", json!({})));
            }
            Item::Silence(length) => {
                flush(&mut urls, &mut list);
                list.push(action("sleep", json!({ "duration": length.as_millis() as u64 })));
            }
        }
    }
    flush(&mut urls, &mut list);
    list
}

fn talk(speech: &SpeechItem, stops: bool) -> Value {
    let mut option = json!({ "text": words::voipbin(&speech.text) });
    if let Some(language) = &speech.language {
        set(&mut option, "language", words::voipbin(language));
    }
    if let Some(voice) = &speech.voice {
        let voice = words::voipbin(voice);
        let key = if ["male", "female", "neutral"].contains(&voice.as_str()) { "gender" } else { "voice_id" };
        set(&mut option, key, voice);
    }
    if stops {
        set(&mut option, "digits_handle", "next");
    }
    action("talk", option)
}

/// What is heard first, as actions of its own, and the keys.
fn gather(collect: &Collect) -> Vec<Value> {
    let mut list = Vec::new();
    if !collect.prompts.is_empty() {
        let play = Play {
            items: collect.prompts.clone(),
            repeat: Repeat::Times(1),
            barge: crate::ir::Barge::Any,
            consume: false,
            answers: collect.answers,
        };
        list = heard(&play);
    } else if collect.answers {
        list.push(action("answer", json!({})));
    }
    let total = collect.total.unwrap_or(collect.first).as_millis() as u64;
    let option = json!({ "duration": total, "length": collect.max.unwrap_or(0), "key": collect.terminators });
    list.push(action("digits_receive", option));
    list
}

fn reason(hangup: &Hangup) -> &'static str {
    match (hangup.status, hangup.cause.as_str()) {
        (486 | 600, _) => "busy",
        (487, _) => "cancel",
        (408, _) => "timeout",
        (500..=599, _) => "failed",
        (_, "noanswer") => "noanswer",
        (_, "amd") => "amd",
        _ => "normal",
    }
}

/// A comparison of a variable with a text.
fn condition(condition: &Condition) -> Option<Value> {
    match condition {
        Condition::Expr(expr) => {
            let Expr::Binary(operator, left, right) = words::expr_plain(expr.clone()) else { return None };
            let operator = match operator {
                Binary::Eq => "==",
                Binary::Ne => "!=",
                Binary::Lt => "<",
                Binary::Le => "<=",
                Binary::Gt => ">",
                Binary::Ge => ">=",
                _ => return None,
            };
            let Expr::Literal(Value::String(value)) = *right else { return None };
            let variable = words::voipbin_name(&left)?;
            let option = json!({
                "variable": variable, "condition": operator, "value_type": "string", "value_string": value,
            });
            Some(action("condition_variable", option))
        }
        Condition::Clock { .. } | Condition::Matches { .. } => None,
    }
}
