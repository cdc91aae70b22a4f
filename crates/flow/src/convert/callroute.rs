//! Writes a call route: a map of key to module, tied by `next`.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Map, Value, json};

use super::{Pen, order, same, set, words};
use crate::ir::{
    Barge, Callee, Condition, Dial, Hangup, Item, Meanwhile, Node, NodeId, Op, Outcome, Play, Repeat, Target,
    print,
};
use crate::leg::{DialOutcome, Prompt};
use crate::tone::{self, Sign, Signal};

/// The key of the module that ends a call.
const END: &str = "end";

/// The whole document.
pub(super) fn document(pen: &mut Pen<'_>) -> Value {
    let mut map = Map::new();
    let first = pen.program.entry.map_or(END.to_owned(), name);
    map.insert("start".into(), json!({ "module": "start", "next": first }));
    let absorbed = absorbed(pen);
    for id in order(pen.program).into_iter().filter(|id| !absorbed.contains(id)) {
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

/// The ends of calls that nothing but a `busy` leads to, which ends the call itself.
fn absorbed(pen: &Pen<'_>) -> BTreeSet<NodeId> {
    let (mut own, mut others) = (BTreeSet::new(), BTreeSet::new());
    for id in order(pen.program) {
        let Some(node) = pen.node(id) else { continue };
        let is_busy = matches!(&node.op, Op::Play(play) if busy(pen, play, node).is_some());
        let targets = node.edges.cases.iter().map(|(_, target)| *target).chain([node.edges.otherwise]);
        for target in targets {
            if let Target::Node(next) = target {
                if is_busy {
                    own.insert(next)
                } else {
                    others.insert(next)
                };
            }
        }
    }
    own.difference(&others).copied().filter(|id| pen.program.entry != Some(*id)).collect()
}

fn name(id: NodeId) -> String {
    format!("step{}", id.0)
}

fn key_of(target: Target) -> String {
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
            set(&mut module, "match", key_of(yes));
            set(&mut module, "nomatch", key_of(no));
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
                    next.insert(pressed.clone(), key_of(*target).into());
                }
            }
            next.insert("timeout".into(), key_of(node.edges.target(&Outcome::Timeout)).into());
            next.insert("invalid".into(), key_of(node.edges.otherwise).into());
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
        Op::Hangup(hangup) => {
            let module = match hangup.status {
                486 => json!({ "module": "busy", "duration": 0 }),
                _ => json!({ "module": "hangup" }),
            };
            pen.carried(node, Some(vec![module]), alone)
        }
        Op::Dial(dial) => ring(pen, dial, node),
        Op::Play(play) if busy(pen, play, node).is_some() => {
            let seconds = busy(pen, play, node).unwrap_or_default().as_secs();
            vec![json!({ "module": "busy", "duration": seconds })]
        }
        op => {
            let mut list = pen.carried(node, modules(op), alone);
            let way = pen.only_way(node);
            match list.last_mut() {
                Some(last) => set(last, "next", key_of(way)),
                None => list.push(onward(way)),
            }
            list
        }
    }
}

/// `extension`: the ways on from it have names of their own.
fn ring(pen: &mut Pen<'_>, dial: &Dial, node: &Node) -> Vec<Value> {
    let otherwise = node.edges.otherwise;
    let Some(extensions) = dial.to.iter().map(|to| extension(&to.callee)).collect::<Option<Vec<Value>>>()
    else {
        pen.left_out(node);
        return vec![onward(otherwise)];
    };
    let meanwhile = match &dial.meanwhile {
        Meanwhile::Sound(sound) => Some(sound),
        Meanwhile::Pass | Meanwhile::Ringing => None,
    };
    let mut module =
        json!({ "module": "extension", "extensions": extensions, "duration": dial.timeout.as_secs() });
    for (key, sound) in [("ringtone", meanwhile), ("announcement", dial.announcement.as_ref())] {
        if let Some(sound) = sound {
            set(&mut module, key, words::literal(sound));
        }
    }
    let known = |word: DialOutcome| Outcome::Key(word.word().to_owned());
    let named = [("busy", known(DialOutcome::Busy)), ("unavailable", known(DialOutcome::Unavailable))];
    let mut lost = Vec::new();
    for (outcome, target) in &node.edges.cases {
        match named.iter().find(|(_, own)| own == outcome) {
            Some((key, _)) => set(&mut module, key, key_of(*target)),
            None if *outcome == Outcome::Done && *target != Target::Hangup => {
                set(&mut module, "answer", key_of(*target));
            }
            None if *target != otherwise && *outcome != Outcome::Done => lost.push(outcome.to_string()),
            None => {}
        }
    }
    if !dial.relay {
        set(&mut module, "noanswer", key_of(otherwise));
    }
    if !lost.is_empty() {
        let what = format!("{}: a way of its own for {}", print::op(&node.op), lost.join(", "));
        pen.lost(node, what, "the flow goes on as if nobody had answered");
    }
    // For the comparison every way leads to the start, which is there.
    let mut probe = module.clone();
    for way in ["noanswer", "busy", "unavailable", "answer"] {
        if probe.get(way).is_some() {
            set(&mut probe, way, "start");
        }
    }
    probe.as_object_mut().into_iter().for_each(|probe| drop(probe.shift_remove("answer")));
    for difference in same::differences(pen.to, &alone(&[probe]), &node.op) {
        pen.lost(node, print::op(&node.op), difference);
    }
    vec![module]
}

fn extension(callee: &Callee) -> Option<Value> {
    Some(match callee {
        Callee::User(id) => json!({ "type": "sipuser", "uuid": words::literal(id) }),
        Callee::Extension(id) => json!({ "type": "callflow", "uuid": words::literal(id) }),
        Callee::Group(id) => json!({ "type": "huntgroup", "uuid": words::literal(id) }),
        Callee::Trunk { name: None, number } => {
            json!({ "type": "forward", "number": words::literal(number) })
        }
        _ => return None,
    })
}

/// How long the busy tone is heard where the end of the call follows, as `busy` has them: nothing of it may be lost.
fn busy(pen: &Pen<'_>, play: &Play, node: &Node) -> Option<Duration> {
    let [Item::Sound(name)] = play.items.as_slice() else { return None };
    let Prompt::Signal(tone) = tone::named(name.as_literal()?)?.ok()? else { return None };
    let total = tone.total?;
    let usual = Signal { total: Some(total), ..Signal::usual(Sign::Busy) };
    let end = Hangup { status: 486, phrase: None, cause: "busy".to_owned() };
    let ends = match node.edges.otherwise {
        Target::Node(next) => pen.node(next).is_some_and(|next| next.op == Op::Hangup(end)),
        _ => false,
    };
    let plain = play.repeat == Repeat::Times(1) && play.barge == Barge::None && !play.answers;
    let said = tone == usual && total.subsec_nanos() == 0;
    (said && ends && plain && node.edges.cases.is_empty()).then_some(total)
}

/// A module that only leads on.
fn onward(target: Target) -> Value {
    json!({ "module": "sleep", "duration": 0, "next": key_of(target) })
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
