//! Writes Kazoo's tree: what follows is the child `_`, a key a child of its name.
//!
//! A tree has no way back: what is come to on several ways is written several times, and a jump back is lost.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Pen, ordinary, same, set, words};
use crate::ir::{
    Barge, Branch, Callee, Collect, Condition, Dial, Expr, Hangup, Item, Node, NodeId, Op, Order, Outcome,
    Play, Record, Repeat, Sides, SpeechItem, Target, print,
};

/// Most modules of a document; more are a graph that no tree should be made of.
const MODULES: u32 = 2_000;

/// Deepest branch: readers of JSON, ours among them, go 128 values deep, and a module takes two.
const DEPTH: usize = 55;

/// The whole document.
pub(super) fn document(pen: &mut Pen<'_>) -> Value {
    let mut tree = Tree { pen, above: Vec::new(), left: MODULES };
    let entry = tree.pen.program.entry.map_or(Target::Return, Target::Node);
    let root = tree.branch(entry).unwrap_or_else(|| json!({}));
    json!({ "flow": root })
}

struct Tree<'a, 'b> {
    pen: &'a mut Pen<'b>,
    above: Vec<NodeId>,
    left: u32,
}

impl Tree<'_, '_> {
    /// What begins at `target`; `None` for the end of a branch.
    fn branch(&mut self, target: Target) -> Option<Value> {
        let id = match target {
            Target::Return => return None,
            Target::Hangup => return Some(module("hangup", json!({}))),
            Target::Node(id) => id,
        };
        let node = self.pen.node(id)?;
        if self.above.contains(&id) {
            self.pen.lost(node, "a jump back to here", "the branch ends, since Kazoo has trees only");
            return None;
        }
        if self.above.len() >= DEPTH || self.left == 0 {
            self.pen.lost(node, "what follows here", "the branch ends, since the tree would be too large");
            return None;
        }
        self.left -= 1;
        self.above.push(id);
        let written = self.step(node);
        self.above.pop();
        written
    }

    fn step(&mut self, node: &Node) -> Option<Value> {
        let mut children = Map::new();
        match &node.op {
            Op::If(question) => self.question(question, node),
            Op::Branch(Branch { on, reset, .. }) => {
                let Expr::Variable(name) = words::expr_plain(on.clone()) else {
                    self.pen.left_out(node);
                    return self.branch(node.edges.otherwise);
                };
                if reset.is_some() {
                    self.pen.lost(node, print::op(&node.op), "the variable keeps its value");
                }
                self.keys(node, &mut children);
                let data = json!({ "variable": name });
                Some(json!({ "module": "branch_variable", "data": data, "children": children }))
            }
            Op::Jump(None) => self.branch(node.edges.target(&Outcome::Yes)),
            Op::Jump(Some(times)) => {
                let what = format!("a jump back that is made {times} times at most");
                self.pen.lost(node, what, "it is never made, since Kazoo has trees only");
                self.branch(node.edges.target(&Outcome::No))
            }
            Op::Collect(collect) if collect.by_value => {
                let data = self.menu(collect, node);
                self.keys(node, &mut children);
                if let Some(timeout) = self.branch(node.edges.target(&Outcome::Timeout)) {
                    children.insert("timeout".into(), timeout);
                }
                Some(json!({ "module": "menu", "data": data, "children": children }))
            }
            Op::Hangup(hangup) => self.pen.carried(node, Some(vec![end(hangup)]), alone).pop(),
            Op::Dial(dial) => {
                let module = self.pen.carried(node, ring(dial), alone).pop();
                let over = ordinary(node);
                if !matches!(over, Target::Return | Target::Hangup) {
                    self.pen.lost(node, "what follows the conversation", "the call ends with it");
                }
                let Some(mut module) = module else { return self.branch(node.edges.otherwise) };
                self.keys(node, &mut children);
                set(&mut module, "children", children);
                Some(module)
            }
            Op::Subflow(_) => {
                let modules = self.pen.carried(node, modules(&node.op), alone);
                let next = self.branch(ordinary(node));
                Some(chain(modules, next).unwrap_or_else(|| json!({})))
            }
            op => {
                let modules = self.pen.carried(node, modules(op), alone);
                let way = self.pen.only_way(node);
                let next = self.branch(way);
                chain(modules, next)
            }
        }
    }

    fn keys(&mut self, node: &Node, children: &mut Map<String, Value>) {
        for (outcome, target) in &node.edges.cases {
            if let Outcome::Key(key) = outcome {
                let child = self.branch(*target).unwrap_or_else(|| module("noop", json!({})));
                children.insert(key.clone(), child);
            }
        }
        if let Some(rest) = self.branch(node.edges.otherwise) {
            children.insert("_".into(), rest);
        }
    }

    fn question(&mut self, question: &Condition, node: &Node) -> Option<Value> {
        let (yes, no) = (node.edges.target(&Outcome::Yes), node.edges.target(&Outcome::No));
        let asked = match question {
            Condition::Matches { patterns, .. } => {
                Some(module("check_cid", json!({ "regex": patterns.join("|") })))
            }
            _ => None,
        };
        let asked = asked.filter(|asked| {
            same::differences(self.pen.to, &alone(std::slice::from_ref(asked)), &node.op).is_empty()
        });
        let Some(mut asked) = asked else {
            let what = format!("{}, which Kazoo cannot ask", print::op(&node.op));
            self.pen.lost(node, what, "the flow goes on as after no");
            return self.branch(no);
        };
        let mut children = Map::new();
        for (key, target) in [("match", yes), ("nomatch", no)] {
            let child = self.branch(target).unwrap_or_else(|| module("noop", json!({})));
            children.insert(key.into(), child);
        }
        set(&mut asked, "children", children);
        Some(asked)
    }

    /// A menu of one round.
    fn menu(&mut self, collect: &Collect, node: &Node) -> Value {
        let greeting = match collect.prompts.as_slice() {
            [] => Value::Bool(false),
            [one, rest @ ..] => {
                if !rest.is_empty() {
                    self.pen.lost(node, "more than one prompt", "the first is heard");
                }
                media(one).map_or(Value::Bool(false), Value::from)
            }
        };
        let data = json!({
            "retries": 1,
            "timeout": collect.first.as_millis() as u64,
            "interdigit_timeout": collect.between.as_millis() as u64,
            "max_extension_length": collect.max.unwrap_or(6),
            "media": { "greeting": greeting, "invalid_media": false, "exit_media": false },
        });
        // Which keys there are tells how many are waited for, and whether pound ends them.
        let leaf = module("noop", json!({}));
        let mut known = Map::new();
        for (outcome, _) in &node.edges.cases {
            if let Outcome::Key(key) = outcome {
                known.insert(key.clone(), leaf.clone());
            }
        }
        let document = json!({ "module": "menu", "data": data, "children": known });
        for difference in same::menu(&document, collect) {
            self.pen.lost(node, print::op(&node.op), difference);
        }
        data
    }
}

fn module(name: &str, data: Value) -> Value {
    json!({ "module": name, "data": data, "children": {} })
}

/// Modules, one below the other.
fn chain(modules: Vec<Value>, next: Option<Value>) -> Option<Value> {
    modules.into_iter().rev().fold(next, |below, mut module| {
        if let Some(below) = below {
            set(&mut module, "children", json!({ "_": below }));
        }
        Some(module)
    })
}

fn alone(modules: &[Value]) -> Value {
    json!({ "flow": chain(modules.to_vec(), None).unwrap_or_else(|| json!({})) })
}

/// A refusal: the usual end needs no words.
fn end(hangup: &Hangup) -> Value {
    if hangup.status == 480 && hangup.phrase.is_none() && hangup.cause == "normal" {
        return module("hangup", json!({}));
    }
    let mut data = json!({ "code": hangup.status });
    if let Some(phrase) = &hangup.phrase {
        set(&mut data, "message", phrase.as_str());
    }
    module("response", data)
}

fn modules(op: &Op) -> Option<Vec<Value>> {
    Some(match op {
        Op::Answer => vec![module("answer", json!({}))],
        Op::Play(play) => heard(play),
        Op::Collect(collect) => gather(collect),
        Op::SendDigits(send) => {
            let duration = send.duration.as_millis() as u64;
            vec![module(
                "send_dtmf",
                json!({ "digits": words::literal(&send.digits), "duration_ms": duration }),
            )]
        }
        Op::FlushDigits => vec![module("flush_dtmf", json!({}))],
        Op::Sleep(Expr::Literal(length)) => {
            vec![module("sleep", json!({ "duration": length, "unit": "ms" }))]
        }
        Op::WaitForHangup => vec![module("wait_for_hangup", json!({}))],
        Op::Language(language) => vec![module("language", json!({ "language": words::literal(language) }))],
        Op::Record(record) => vec![module("record_caller", recording(record))],
        Op::RecordStart(record) if record.sides == Sides::Both => {
            let mut data = recording(record);
            set(&mut data, "action", "start");
            vec![module("record_call", data)]
        }
        Op::RecordStop => vec![module("record_call", json!({ "action": "stop" }))],
        Op::RecordMask(on) => {
            vec![module("record_call", json!({ "action": if *on { "mask" } else { "unmask" } }))]
        }
        Op::Set(assigns) => {
            let one = |assign: &crate::ir::Assign| {
                let [name] = assign.path.as_slice() else { return None };
                let Expr::Literal(Value::String(value)) = words::expr_plain(assign.value.clone()) else {
                    return None;
                };
                Some(module("set_variable", json!({ "variable": name, "value": value })))
            };
            assigns.iter().map(one).collect::<Option<Vec<Value>>>()?
        }
        Op::Conference(conference) => {
            vec![module("conference", json!({ "id": words::literal(&conference.room) }))]
        }
        Op::Subflow(subflow) => vec![module("callflow", json!({ "id": words::literal(&subflow.id) }))],
        _ => return None,
    })
}

/// Users and devices by themselves, several as a ring group.
fn ring(dial: &Dial) -> Option<Vec<Value>> {
    let seconds = |time: Duration| time.as_secs();
    let named = |callee: &Callee| match callee {
        Callee::User(id) => Some(("user", words::literal(id))),
        Callee::Device(id) => Some(("device", words::literal(id))),
        Callee::Group(id) => Some(("group", words::literal(id))),
        _ => None,
    };
    if let [one] = dial.to.as_slice()
        && let Some((kind @ ("user" | "device"), id)) = named(&one.callee)
    {
        return Some(vec![module(kind, json!({ "id": id, "timeout": seconds(dial.timeout) }))]);
    }
    let endpoint = |to: &crate::ir::Endpoint| {
        let (kind, id) = named(&to.callee)?;
        let timeout = seconds(to.timeout.unwrap_or(dial.timeout));
        Some(json!({ "endpoint_type": kind, "id": id, "delay": seconds(to.delay), "timeout": timeout }))
    };
    let endpoints = dial.to.iter().map(endpoint).collect::<Option<Vec<Value>>>()?;
    let strategy = match dial.order {
        Order::Together => "simultaneous",
        Order::InTurn => "single",
        Order::Weighted => "weighted_random",
    };
    let data = json!({
        "endpoints": endpoints, "strategy": strategy, "timeout": seconds(dial.timeout), "repeats": dial.rounds,
    });
    Some(vec![module("ring_group", data)])
}

fn recording(record: &Record) -> Value {
    let mut data = json!({ "format": record.format.name() });
    if let Some(limit) = record.limit {
        set(&mut data, "time_limit", limit.as_secs());
    }
    if let Some(name) = &record.name {
        set(&mut data, "media_name", words::literal(name));
    }
    data
}

/// The keys that stop a prompt; all of them are the usual.
fn terminators(barge: &Barge) -> Option<Value> {
    match barge {
        Barge::None => Some(json!([])),
        Barge::Any => None,
        Barge::Keys(keys) => Some(keys.chars().map(|key| Value::from(key.to_string())).collect()),
    }
}

fn heard(play: &Play) -> Vec<Value> {
    let mut data = Map::new();
    let name = match play.items.as_slice() {
        [Item::Speech(speech)] if play.repeat == Repeat::Times(1) => {
            data.extend(spoken(speech));
            "tts"
        }
        [one] => {
            data.insert("id".into(), media(one).unwrap_or_default().into());
            match play.repeat {
                Repeat::Forever => drop(data.insert("endless_playback".into(), true.into())),
                Repeat::Times(1) => {}
                Repeat::Times(times) => drop(data.insert("loop_count".into(), times.into())),
            }
            if !play.answers {
                data.insert("answer".into(), false.into());
            }
            "play"
        }
        [] => return Vec::new(),
        more => {
            let times = match play.repeat {
                Repeat::Times(times) => times.min(20) as usize,
                Repeat::Forever => 1,
            };
            let macros: Vec<Value> = std::iter::repeat_n(more, times).flatten().map(part).collect();
            data.insert("macros".into(), macros.into());
            "audio_macro"
        }
    };
    if let Some(keys) = terminators(&play.barge) {
        data.insert("terminators".into(), keys);
    }
    vec![module(name, Value::Object(data))]
}

fn part(item: &Item) -> Value {
    match item {
        Item::Speech(speech) => {
            let mut part = Map::from_iter([("macro".to_owned(), Value::from("tts"))]);
            part.extend(spoken(speech));
            Value::Object(part)
        }
        other => json!({ "macro": "play", "id": media(other).unwrap_or_default() }),
    }
}

fn spoken(speech: &SpeechItem) -> Map<String, Value> {
    let mut data = Map::from_iter([("text".to_owned(), Value::from(words::literal(&speech.text)))]);
    for (key, value) in [("language", &speech.language), ("voice", &speech.voice)] {
        if let Some(value) = value {
            data.insert(key.into(), words::literal(value).into());
        }
    }
    data
}

/// A media id.
fn media(item: &Item) -> Option<String> {
    Some(match item {
        Item::Speech(speech) => format!("tts://{}", words::literal(&speech.text)),
        Item::Sound(name) => words::literal(name),
        Item::Silence(length) => format!("silence_stream://{}", length.as_millis()),
        Item::Tone(tone) => {
            let hertz: Vec<String> = tone.hertz.iter().map(u16::to_string).collect();
            let (on, off) =
                if tone.off.is_zero() { (tone.total, Duration::ZERO) } else { (tone.on, tone.off) };
            let round = (on + off).as_millis().max(1);
            let loops = tone.total.as_millis() / round;
            let loops = if loops > 1 { format!(";loops={loops}") } else { String::new() };
            format!("tone_stream://%({},{},{}){loops}", on.as_millis(), off.as_millis(), hertz.join(","))
        }
    })
}

/// What is heard first, as a module of its own, and the keys.
fn gather(collect: &Collect) -> Vec<Value> {
    let mut list = Vec::new();
    if !collect.prompts.is_empty() {
        list = heard(&Play {
            items: collect.prompts.clone(),
            repeat: Repeat::Times(1),
            barge: Barge::Any,
            consume: false,
            answers: collect.answers,
        });
    }
    let ends: Vec<Value> = collect.terminators.chars().map(|key| Value::from(key.to_string())).collect();
    let mut data = json!({
        "max_digits": collect.max.unwrap_or(100),
        "timeout": collect.first.as_millis() as u64,
        "interdigit_timeout": collect.between.as_millis() as u64,
        "terminators": ends,
    });
    if let Some(name) = &collect.name {
        set(&mut data, "collection_name", words::literal(name));
    }
    list.push(module("collect_dtmf", data));
    list
}
