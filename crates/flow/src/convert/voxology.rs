//! Writes Voxology's list: a LABEL before what is jumped to, a GOTO where the next is not the next.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::{Pen, order, ordinary, same, set, words};
use crate::ir::{
    Branch, Callee, Condition, Dial, Expr, Hangup, Item, Node, NodeId, Op, Outcome, Part, Play, Repeat,
    SpeechItem, Target, Template, print,
};

/// The label at the list's end.
const END: &str = "END";

/// The whole document.
pub(super) fn document(pen: &mut Pen<'_>) -> Value {
    let order = order(pen.program);
    let mut list = Vec::new();
    for (at, id) in order.iter().enumerate() {
        let Some(node) = pen.node(*id) else { continue };
        let next = order.get(at + 1).map_or(Target::Return, |id| Target::Node(*id));
        list.push(json!({ "type": "LABEL", "name": name(*id) }));
        list.extend(step(pen, *id, node, next));
    }
    list.push(json!({ "type": "LABEL", "name": END }));
    if order.is_empty() {
        list = vec![json!({ "type": "HANGUP" })];
    }
    let mut named = HashSet::new();
    list.iter().for_each(|action| jumps(action, &mut named));
    list.retain(|action| {
        let label = action.get("type").and_then(Value::as_str) == Some("LABEL");
        !label || action.get("name").and_then(Value::as_str).is_some_and(|name| named.contains(name))
    });
    json!({ "actions": list })
}

/// The labels that are jumped to.
fn jumps(value: &Value, found: &mut HashSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| jumps(item, found)),
        Value::Object(members) => {
            found.extend(members.get("label").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| jumps(member, found));
        }
        _ => {}
    }
}

fn name(id: NodeId) -> String {
    format!("STEP{}", id.0)
}

fn alone(actions: &[Value]) -> Value {
    json!({ "actions": actions })
}

fn action(kind: &str, params: Value) -> Value {
    json!({ "type": kind, "params": params })
}

/// What leads to `target` from a place before `next`.
fn go(target: Target, next: Target) -> Vec<Value> {
    match target {
        _ if target == next => Vec::new(),
        Target::Node(id) => vec![action("GOTO", json!({ "label": name(id) }))],
        Target::Return => vec![action("GOTO", json!({ "label": END }))],
        Target::Hangup => vec![json!({ "type": "HANGUP" })],
    }
}

/// Nothing is next to the end of a nested list.
fn inside(target: Target) -> Vec<Value> {
    match target {
        Target::Hangup => vec![json!({ "type": "HANGUP" })],
        Target::Node(id) => vec![action("GOTO", json!({ "label": name(id) }))],
        Target::Return => vec![action("GOTO", json!({ "label": END }))],
    }
}

fn question(condition: &str, then: Target) -> Value {
    json!({ "type": "IF", "condition": condition, "then": inside(then) })
}

fn step(pen: &mut Pen<'_>, id: NodeId, node: &Node, next: Target) -> Vec<Value> {
    let otherwise = node.edges.otherwise;
    match &node.op {
        Op::If(asked) => {
            let (yes, no) = (node.edges.target(&Outcome::Yes), node.edges.target(&Outcome::No));
            let text = match asked {
                Condition::Expr(expr) => words::voxology_expr(expr, false),
                _ => None,
            };
            let text = text.filter(|text| {
                let document = alone(&[json!({ "type": "IF", "condition": text })]);
                same::differences(pen.to, &document, &node.op).is_empty()
            });
            let Some(text) = text else {
                let what = format!("{}, which Voxology cannot ask", print::op(&node.op));
                pen.lost(node, what, "the flow goes on as after no");
                return go(no, next);
            };
            if yes == next {
                return vec![json!({ "type": "IF", "condition": text, "then": [], "orElse": inside(no) })];
            }
            let mut list = vec![question(&text, yes)];
            list.extend(go(no, next));
            list
        }
        Op::Branch(Branch { on, reset, .. }) => {
            let Some(on) = words::voxology_expr(on, false) else {
                pen.left_out(node);
                return go(otherwise, next);
            };
            if reset.is_some() {
                pen.lost(node, print::op(&node.op), "the variable keeps its value");
            }
            choice(&on, node, next)
        }
        Op::Jump(None) => go(node.edges.target(&Outcome::Yes), next),
        Op::Jump(Some(times)) => {
            let counter = format!("$jumps{}", id.0);
            let again = format!("({counter} || 0) < {times}");
            let mut then = vec![json!({ counter.as_str(): format!("({counter} || 0) + 1") })];
            then.extend(inside(node.edges.target(&Outcome::Yes)));
            let mut list = vec![json!({ "type": "IF", "condition": again, "then": then })];
            list.extend(go(node.edges.target(&Outcome::No), next));
            list
        }
        Op::Collect(collect) => {
            let mut one = Map::new();
            if let Some(name) = &collect.name {
                one.insert("name".into(), words::voxology(name).into());
            }
            one.insert("type".into(), "COLLECT".into());
            let ends = if collect.terminators.is_empty() { "none" } else { &collect.terminators };
            let params = json!({
                "num_digits": collect.max.unwrap_or(0),
                "finish_on_key": ends,
                "timeout": collect.first.as_millis() as u64,
            });
            one.insert("params".into(), params);
            if !collect.prompts.is_empty() {
                one.insert("actions".into(), items(&collect.prompts, Repeat::Times(1)).into());
            }
            let mut list = pen.carried(node, Some(vec![Value::Object(one)]), alone);
            if collect.by_value {
                list.extend(choice("$keyPresses", node, next));
            } else {
                let way = pen.only_way(node);
                list.extend(go(way, next));
            }
            list
        }
        Op::Hangup(Hangup { status, .. }) => {
            let refusal = match status {
                480 => json!({ "type": "HANGUP" }),
                486 => action("REJECT", json!({ "reason": "busy" })),
                603 => action("REJECT", json!({ "reason": "rejected" })),
                other => action("REJECT", json!({ "reason": other.to_string() })),
            };
            pen.carried(node, Some(vec![refusal]), alone)
        }
        Op::Dial(dial) => {
            let mut list = pen.carried(node, transfer(dial), alone);
            if ordinary(node) != otherwise {
                let instead = "the flow goes on as if nobody had answered";
                pen.lost(node, "a way of its own after the conversation", instead);
            }
            list.extend(go(otherwise, next));
            list
        }
        op => {
            let mut list = pen.carried(node, modules(op), alone);
            let way = pen.only_way(node);
            list.extend(go(way, next));
            list
        }
    }
}

/// An IF a key or value, then the rest.
fn choice(on: &str, node: &Node, next: Target) -> Vec<Value> {
    let mut list = Vec::new();
    for (outcome, target) in &node.edges.cases {
        let key = match outcome {
            Outcome::Key(key) => key.as_str(),
            Outcome::Timeout => "",
            _ => continue,
        };
        let key = words::voxology_expr(&Expr::Literal(key.into()), false).unwrap_or_default();
        list.push(question(&format!("{on} == {key}"), *target));
    }
    list.extend(go(node.edges.otherwise, next));
    list
}

fn modules(op: &Op) -> Option<Vec<Value>> {
    Some(match op {
        Op::Play(Play { items: all, repeat, .. }) => items(all, *repeat),
        Op::SendDigits(send) => vec![action("PLAY", json!({ "dtmf": words::voxology(&send.digits) }))],
        Op::Sleep(length) => {
            let length = match words::expr_plain(length.clone()) {
                Expr::Literal(value) => value,
                other => words::voxology(&Template(vec![Part::Value(other)])).into(),
            };
            vec![action("PAUSE", json!({ "duration": length }))]
        }
        Op::WaitForHangup => vec![json!({ "type": "STOP" })],
        Op::Record(record) => {
            let millis =
                |length: Option<std::time::Duration>| length.map_or(0, |length| length.as_millis() as u64);
            let ends = if record.stop_keys.is_empty() { "none" } else { &record.stop_keys };
            let mut one = json!({ "type": "RECORD", "params": {
                "beep": record.beep, "finish_on_key": ends, "max_length": millis(record.limit),
                "timeout": millis(record.silence),
            }});
            if let Some(name) = &record.name {
                set(&mut one, "name", words::voxology(name));
            }
            if let Some(upload) = &record.upload {
                one.get_mut("params")
                    .into_iter()
                    .for_each(|params| set(params, "url", words::voxology(&upload.url)));
            }
            vec![one]
        }
        Op::Set(assigns) if assigns.iter().all(|assign| assign.merge) => {
            let one = |assign: &crate::ir::Assign| {
                let data = words::voxology_expr(&assign.value, false)?;
                Some(json!({ "type": "SESSIONDATA", "session_data": data }))
            };
            assigns.iter().map(one).collect::<Option<Vec<Value>>>()?
        }
        Op::Set(assigns) => {
            let mut one = Map::new();
            for assign in assigns {
                let path = assign.path.split_first().filter(|_| assign.computed.is_none())?;
                let rest = path.1.iter().fold(Expr::Variable(path.0.clone()), |of, name| {
                    Expr::Member(Box::new(of), crate::ir::Access::Name(name.clone()))
                });
                let (name, value) =
                    (words::voxology_expr(&rest, false)?, words::voxology_expr(&assign.value, false));
                let value = match (&assign.value, value) {
                    (_, Some(value)) => value.into(),
                    (Expr::Template(template), None) => words::voxology(template).into(),
                    _ => return None,
                };
                one.insert(name, value);
            }
            vec![Value::Object(one)]
        }
        Op::Conference(conference) => {
            vec![action("CONFERENCE", json!({ "name": words::voxology(&conference.room) }))]
        }
        _ => return None,
    })
}

/// One number or address.
fn transfer(dial: &Dial) -> Option<Vec<Value>> {
    let [one] = dial.to.as_slice() else { return None };
    let to = match &one.callee {
        Callee::User(to) | Callee::Extension(to) | Callee::Uri(to) => to,
        Callee::Trunk { name: None, number } => number,
        _ => return None,
    };
    let params = json!({ "no": words::voxology(to), "timeout": dial.timeout.as_secs() });
    Some(vec![action("TRANSFER", params)])
}

fn items(items: &[Item], repeat: Repeat) -> Vec<Value> {
    let one = |item: &Item| match item {
        Item::Speech(speech) => Some(say(speech)),
        Item::Sound(name) => Some(action("PLAY", json!({ "url": words::voxology(name) }))),
        Item::Silence(length) => Some(action("PAUSE", json!({ "duration": length.as_millis() as u64 }))),
        Item::Tone(_) => None,
    };
    let mut list: Vec<Value> = items.iter().filter_map(one).collect();
    match (list.as_mut_slice(), repeat) {
        ([one], Repeat::Forever) => looped(one, 0),
        ([one], Repeat::Times(times @ 2..)) => looped(one, times),
        (_, Repeat::Times(times @ 2..=20)) => {
            list = std::iter::repeat_n(list, times as usize).flatten().collect();
        }
        _ => {}
    }
    list
}

fn looped(action: &mut Value, times: u32) {
    if let Some(params) = action.get_mut("params") {
        set(params, "loop", times);
    }
}

fn say(speech: &SpeechItem) -> Value {
    let mut params = json!({ "text": words::voxology(&speech.text) });
    for (key, value) in [("language", &speech.language), ("voice", &speech.voice)] {
        if let Some(value) = value {
            set(&mut params, key, words::voxology(value));
        }
    }
    action("SAY", params)
}
