//! Writes a call route: a map of key to module, tied by `next`.

use serde_json::{Map, Value, json};

use super::{Pen, order, same, set};
use crate::ir::{Condition, Hangup, Item, Node, NodeId, Op, Outcome, Play, Repeat, Target, print};

/// The key of the module that ends a call.
const END: &str = "end";

/// The whole document.
pub(super) fn document(pen: &mut Pen<'_>) -> Value {
    let mut map = Map::new();
    let first = pen.program.entry.map_or(END.to_owned(), name);
    map.insert("start".into(), json!({ "module": "start", "next": first }));
    for id in order(pen.program) {
        let Some(node) = pen.node(id) else { continue };
        let step = step(pen, node);
        let count = step.len();
        for (place, mut module) in step.into_iter().enumerate() {
            // Steps of several modules are numbered from their second.
            let key = if place == 0 { name(id) } else { format!("{}-{}", name(id), place + 1) };
            if place + 1 < count {
                set(&mut module, "next", format!("{}-{}", name(id), place + 2));
            }
            map.insert(key, module);
        }
    }
    let text = Value::Object(map.clone()).to_string();
    if text.contains("\"end\"") {
        map.insert(END.into(), json!({ "module": "hangup" }));
    }
    json!({ "flow": map })
}

fn name(id: NodeId) -> String {
    format!("step{}", id.0)
}

fn key(target: Target) -> String {
    match target {
        Target::Node(id) => name(id),
        Target::Return | Target::Hangup => END.to_owned(),
    }
}

/// Modules, one after the other, behind a start.
fn alone(modules: &[Value]) -> Value {
    let mut map = Map::new();
    map.insert("start".into(), json!({ "module": "start", "next": "m0" }));
    for (at, module) in modules.iter().enumerate() {
        let mut module = module.clone();
        if at + 1 < modules.len() {
            set(&mut module, "next", format!("m{}", at + 1));
        }
        map.insert(format!("m{at}"), module);
    }
    json!({ "flow": map })
}

fn step(pen: &mut Pen<'_>, node: &Node) -> Vec<Value> {
    match &node.op {
        Op::If(asked) => {
            let (yes, no) = (node.edges.target(&Outcome::Yes), node.edges.target(&Outcome::No));
            let module = match asked {
                Condition::Matches { patterns, .. } => {
                    // A route puts the optional plus behind each `^` itself.
                    let plain: Vec<String> = patterns.iter().map(|one| one.replace(r"^\+?", "^")).collect();
                    Some(json!({ "module": "calleridmatch", "patterns": plain }))
                }
                _ => None,
            };
            let module = module.filter(|module| {
                same::differences(pen.to, &alone(std::slice::from_ref(module)), &node.op).is_empty()
            });
            let Some(mut module) = module else {
                let what = format!("{}, which a call route cannot ask", print::op(&node.op));
                pen.lost(node, what, "the flow goes on as after no");
                return vec![onward(no)];
            };
            set(&mut module, "match", key(yes));
            set(&mut module, "nomatch", key(no));
            vec![module]
        }
        Op::Collect(collect) if collect.by_value => {
            let sound = collect.prompts.iter().find_map(sound);
            let mut module = json!({ "module": "pressextension", "duration": collect.first.as_secs() });
            if let Some(sound) = sound {
                set(&mut module, "sound", sound);
            }
            let mut next = Map::new();
            for (outcome, target) in &node.edges.cases {
                if let Outcome::Key(pressed) = outcome {
                    next.insert(pressed.clone(), key(*target).into());
                }
            }
            next.insert("timeout".into(), key(node.edges.target(&Outcome::Timeout)).into());
            next.insert("invalid".into(), key(node.edges.otherwise).into());
            // How many keys are waited for is told by the keys.
            let mut known = module.clone();
            let keys = next.keys().filter(|key| !["timeout", "invalid"].contains(&key.as_str()));
            let keys: Map<String, Value> = keys.map(|key| (key.clone(), Value::from("start"))).collect();
            set(&mut known, "next", keys);
            for difference in same::differences(pen.to, &alone(&[known]), &node.op) {
                pen.lost(node, print::op(&node.op), difference);
            }
            set(&mut module, "next", next);
            vec![module]
        }
        Op::Jump(None) => vec![onward(node.edges.target(&Outcome::Yes))],
        Op::Jump(Some(times)) => {
            let what = format!("a jump back that is made {times} times at most");
            pen.lost(node, what, "it is never made");
            vec![onward(node.edges.target(&Outcome::No))]
        }
        Op::Hangup(Hangup { .. }) => pen.carried(node, Some(vec![json!({ "module": "hangup" })]), alone),
        Op::Play(play) if busy(pen, play, node) => {
            let Some(Item::Tone(tone)) = play.items.first() else { return Vec::new() };
            vec![json!({ "module": "busy", "duration": tone.total.as_secs() })]
        }
        op => {
            let mut list = pen.carried(node, modules(op), alone);
            let way = pen.only_way(node);
            match list.last_mut() {
                Some(last) => set(last, "next", key(way)),
                None => list.push(onward(way)),
            }
            list
        }
    }
}

/// A tone and then the end of the call, as `busy` has them.
fn busy(pen: &Pen<'_>, play: &Play, node: &Node) -> bool {
    let tone = matches!(play.items.as_slice(), [Item::Tone(tone)] if tone.hertz == [480, 620]);
    let Target::Node(next) = node.edges.otherwise else { return false };
    let ends =
        pen.node(next).is_some_and(|next| matches!(&next.op, Op::Hangup(hangup) if hangup.status == 486));
    tone && ends && play.repeat == Repeat::Times(1) && !play.answers
}

/// A module that only leads on.
fn onward(target: Target) -> Value {
    json!({ "module": "sleep", "duration": 0, "next": key(target) })
}

fn sound(item: &Item) -> Option<String> {
    match item {
        Item::Sound(name) => name.as_literal().map(str::to_owned),
        _ => None,
    }
}

fn modules(op: &Op) -> Option<Vec<Value>> {
    Some(match op {
        Op::Play(play) => {
            let sounds: Vec<Value> = play
                .items
                .iter()
                .filter_map(sound)
                .map(|name| json!({ "module": "play", "sound": name }))
                .collect();
            match play.repeat {
                Repeat::Times(times) => {
                    std::iter::repeat_n(sounds, times.min(20) as usize).flatten().collect()
                }
                Repeat::Forever => sounds,
            }
        }
        Op::Sleep(crate::ir::Expr::Literal(length)) => vec![json!({ "module": "sleep", "duration": length })],
        Op::RecordStart(_) => vec![json!({ "module": "recording" })],
        _ => return None,
    })
}
