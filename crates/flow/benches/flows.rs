//! What flows cost: reading documents of a thousand nodes, steps that make no sound, expressions, and the memory of
//! calls that wait. Each figure stands beside the limit that was set for it; nothing fails here.
//!
//! `cargo bench -p flow --bench flows`

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use flow::ir::Program;
use flow::leg::{LegCommand, LegEvent};
use flow::lower::{self, Dialect};
use flow::{Effect, Facts, Input, Machine, Settings, Start};
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: fuzz::memory::Counting = fuzz::memory::Counting;

/// Machines that wait at the same time.
const MACHINES: usize = 10_000;

fn main() {
    println!("{:<44} {:>12} {:>12}", "", "is", "at most");
    for (dialect, document) in documents() {
        let nodes = lowered(dialect, &document).nodes.len();
        let took = fastest(20, || lower::lower(Some(dialect), black_box(&document)));
        line(&format!("lowering {nodes} nodes of {}", dialect.name()), &ms(took), "2 ms");
    }
    for (what, actions) in steps() {
        let (nodes, took) = step(&actions);
        line(&format!("a step: {what}"), &us(took / nodes), "2 µs");
    }
    for (what, source) in expressions() {
        let (nodes, took) = step(&[json!({"$x": source})]);
        line(&format!("an assignment: {what}"), &us(took / nodes), "-");
    }
    for (what, document) in waiting() {
        let bytes = memory(&document);
        let all = format!("{:.1} MB", (bytes * MACHINES as i64) as f64 / 1e6);
        line(&format!("10,000 machines that {what}, {bytes} B each"), &all, "40 MB");
    }
}

fn line(what: &str, is: &str, most: &str) {
    println!("{what:<44} {is:>12} {most:>12}");
}

fn ms(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

fn us(time: Duration) -> String {
    format!("{:.2} µs", time.as_secs_f64() * 1e6)
}

/// The fastest of so many rounds, without giving back what was made: what else the machine does only makes it slower.
fn fastest<T>(rounds: u32, mut work: impl FnMut() -> T) -> Duration {
    let round = |_| {
        let began = Instant::now();
        let result = black_box(work());
        let took = began.elapsed();
        drop(result);
        took
    };
    (0..rounds).map(round).min().unwrap_or_default()
}

fn lowered(dialect: Dialect, document: &Value) -> Program {
    lower::lower(Some(dialect), document).expect("a flow").program
}

/// A document of about a thousand nodes in each dialect, as people write them: menus, conditions, variables, prompts.
fn documents() -> Vec<(Dialect, Value)> {
    let mut kazoo = json!({"module": "hangup", "data": {}, "children": {}});
    // As deep as callflows are, and many of them beside each other.
    for level in 0..40 {
        let mut children = serde_json::Map::new();
        for key in 0..12 {
            let say = json!({"module": "tts", "data": {"text": format!("Level {level}, key {key}.")}, "children": {
                "_": {"module": "set_variable", "data": {"variable": "call_priority", "value": "1"}, "children": {}}}});
            children.insert(key.to_string(), say);
        }
        children.insert("_".to_owned(), kazoo);
        kazoo = json!({"module": "menu", "data": {"id": "m"}, "children": children});
    }
    let mut callroute = serde_json::Map::new();
    for n in 0..1_000 {
        let play = json!({"module": "play", "sound": format!("sound-{n}"), "next": format!("n{}", n + 1)});
        callroute.insert(format!("n{n}"), play);
    }
    callroute.insert("n1000".to_owned(), json!({"module": "hangup"}));
    let voipbin: Vec<Value> = (0..250)
        .flat_map(|n| {
            [
                json!({"id": format!("a{n}"), "type": "talk", "option": {"text": format!("Step {n} of ${{x}}."), "language": "en-US"}}),
                json!({"type": "variable_set", "option": {"key": "x", "value": format!("{n}")}}),
                json!({"type": "condition_variable", "option": {"condition": "==", "variable": "${x}", "value_type": "string", "value_string": "1", "false_target_id": format!("a{n}")}}),
                json!({"type": "branch", "option": {"variable": "x", "target_ids": {"1": format!("a{n}")}, "default_target_id": format!("a{n}")}}),
            ]
        })
        .collect();
    let voxology: Vec<Value> = (0..250)
        .flat_map(|n| {
            [
                json!({"type": "LABEL", "name": format!("l{n}")}),
                json!({"$x": format!("$x + {n}")}),
                json!({"type": "SAY", "params": {"text": format!("Step {n} of ${{x}}.")}}),
                json!({"type": "IF", "condition": format!("$x > {n}"), "then": [{"type": "GOTO", "params": {"label": format!("l{n}")}}]}),
            ]
        })
        .collect();
    vec![
        (Dialect::Kazoo, kazoo),
        (Dialect::Callroute, json!({"flow": callroute})),
        (Dialect::Voipbin, json!({"actions": voipbin})),
        (Dialect::Voxology, json!({"actions": voxology})),
    ]
}

/// Kinds of steps that need no leg.
fn steps() -> Vec<(&'static str, Vec<Value>)> {
    vec![
        ("a label", vec![json!({"type": "LABEL", "name": "x"})]),
        ("an assignment", vec![json!({"$x": "1"})]),
        ("a condition", vec![json!({"type": "IF", "condition": "$x == 1", "then": []})]),
    ]
}

fn expressions() -> Vec<(&'static str, &'static str)> {
    vec![
        ("$a + 1", "$a + 1"),
        ("a text put together", "'You pressed ' + $digits + ', ' + callerNumber"),
        ("a condition with methods", "$list.length > 2 && $name.toUpperCase().includes('X') ? 'yes' : 'no'"),
    ]
}

/// Runs a flow of 900 of these actions; its steps, and the time of all of them.
fn step(actions: &[Value]) -> (u32, Duration) {
    let count = 900 / actions.len();
    let mut all = vec![
        json!({"type": "SESSIONDATA", "session_data": {"x": 1}}),
        json!({"$a": "1"}),
        json!({"$digits": "'42'"}),
        json!({"$list": "[1, 2, 3]"}),
        json!({"$name": "'max'"}),
    ];
    all.extend(std::iter::repeat_n(actions, count).flatten().cloned());
    // Where it waits, so that the hang-up of the end is not measured.
    all.push(json!({"type": "PAUSE", "params": {"length": 60_000}}));
    let program = Arc::new(lowered(Dialect::Voxology, &json!({"actions": all})));
    let mut steps = 0;
    let took = fastest(30, || {
        let start = Start::new(program.clone(), Facts::default(), Settings::default());
        let mut machine = Machine::new(start);
        machine.handle(Instant::now(), Input::Start { at: jiff::Timestamp::UNIX_EPOCH, media: true });
        steps = machine.admitted();
        machine
    });
    (steps, took)
}

fn waiting() -> Vec<(&'static str, Value)> {
    let prompt = json!({"module": "collect_dtmf", "data": {"max_digits": 4}, "children": {}});
    let menu = json!({"actions": [{"type": "COLLECT", "name": "typed", "params": {"num_digits": 4, "timeout": 5000},
        "actions": [{"type": "SAY", "params": {"text": "Please enter up to four digits, then press pound."}}]}]});
    let fetch = json!({"module": "pivot", "data": {"voice_url": "http://example.com/flow"}, "children": {}});
    let sleep = json!({"actions": [{"type": "sleep", "option": {"duration": 60_000}}]});
    vec![
        ("collect keys (kazoo)", prompt),
        ("collect keys (voxology)", menu),
        ("await a web server", fetch),
        ("sleep", sleep),
    ]
}

/// Bytes on the heap of one of many machines that wait, and of itself.
fn memory(document: &Value) -> i64 {
    let program = Arc::new(lower::lower(None, document).expect("a flow").program);
    let facts = Facts {
        call_id: "call-1f3a9c".into(),
        sip_call_id: "3848276298220188511@atlanta.example.com".into(),
        direction: "inbound".into(),
        caller_number: "+15550100".into(),
        caller_name: "Alice Example".into(),
        caller_domain: "atlanta.example.com".into(),
        called_number: "1000".into(),
        called_domain: "sip.example.com".into(),
        user: Some("alice".into()),
        caller_address: "192.0.2.17".into(),
        account_id: "offhook".into(),
        flow_id: "kazoo/menu.json".into(),
        ..Facts::default()
    };
    let before = fuzz::memory::live();
    let machines: Vec<Machine> = (0..MACHINES).map(|_| wait(&program, &facts)).collect();
    let bytes = (fuzz::memory::live() - before) / MACHINES as i64;
    assert!(machines.iter().all(|machine| !machine.is_over()), "they wait");
    bytes
}

fn wait(program: &Arc<Program>, facts: &Facts) -> Machine {
    let mut machine = Machine::new(Start::new(program.clone(), facts.clone(), Settings::default()));
    let now = Instant::now();
    machine.handle(now, Input::Start { at: jiff::Timestamp::UNIX_EPOCH, media: true });
    while let Some(effect) = machine.poll_effect() {
        if let Effect::Leg(tag, LegCommand::Answer) = effect {
            machine.handle(now, Input::Leg(tag, LegEvent::Answered));
        }
    }
    machine
}
