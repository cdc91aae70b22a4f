//! Documents and replies made to hurt: each has a bounded outcome, on the stack of a server's thread.
//!
//! No reply larger than a mebibyte is read; these are as large or larger.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use flow::engine::{Effect, Facts, HttpReply, Input, Machine, Settings, Start};
use flow::lower::{self, Dialect};
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

/// What the threads of the server's runtime have.
const STACK: usize = 2 << 20;

/// More of a processor's time than any of these may take, in a build without optimisation. What the thread waits for a
/// busy machine does not count.
const LIMIT: Duration = Duration::from_secs(10);

/// Runs `work` on a small stack; panics if it does, or takes too long.
fn bounded<T: Send + 'static>(what: &str, work: impl FnOnce() -> T + Send + 'static) -> T {
    let timed = move || {
        let outcome = work();
        let spent = clock_gettime(ClockId::ThreadCPUTime);
        (outcome, Duration::new(spent.tv_sec.unsigned_abs(), spent.tv_nsec as u32))
    };
    let thread = thread::Builder::new().stack_size(STACK).spawn(timed).expect("a thread");
    let (outcome, took) = thread.join().unwrap_or_else(|_| panic!("{what}: a panic"));
    println!("{what}: {took:?}");
    assert!(took < LIMIT, "{what} took {took:?}");
    outcome
}

/// A call whose first document is fetched in this dialect and whose server answers with `body`; the run's end and the
/// timeline.
fn fetched(dialect: Dialect, body: String) -> (String, usize) {
    let document = match dialect {
        Dialect::Kazoo => json!({ "module": "pivot", "data": { "voice_url": "http://h/" } }),
        Dialect::Voipbin => {
            json!({ "actions": [{ "type": "fetch", "option": { "event_url": "http://h/" } }] })
        }
        _ => json!({ "callback": { "url": "http://h/" } }),
    };
    let program = lower::lower(None, &document).expect("a document").program;
    let mut machine = Machine::new(Start::new(Arc::new(program), Facts::default(), Settings::default()));
    let mut now = Instant::now();
    let at = "2026-03-04T10:00:00Z".parse().expect("a time");
    machine.handle(now, Input::Start { at, media: true });
    let (mut end, mut lines, mut body) = (String::new(), 0, Some(body));
    for _ in 0..20_000 {
        while let Some(effect) = machine.poll_effect() {
            match effect {
                Effect::Trace(_) => lines += 1,
                Effect::Ended(how) => end = how.cause,
                Effect::Http(tag, _) => {
                    let body = body.take().unwrap_or_else(|| "{}".to_owned()).into_bytes();
                    let reply = HttpReply {
                        status: 200,
                        content_type: "application/json".into(),
                        body,
                        note: String::new(),
                    };
                    machine.handle(now, Input::Http(tag, Ok(reply)));
                }
                Effect::Document(tag, _) => machine.handle(now, Input::Document(tag, None)),
                Effect::Leg(tag, flow::leg::LegCommand::Answer) => {
                    machine.handle(now, Input::Leg(tag, flow::leg::LegEvent::Answered));
                }
                Effect::Leg(tag, flow::leg::LegCommand::Play { .. }) => {
                    machine.handle(now, Input::Leg(tag, flow::leg::LegEvent::Played { stopped: false }));
                }
                _ => {}
            }
        }
        match machine.poll_timeout() {
            _ if machine.is_over() => break,
            Some(due) => now = due.max(now),
            None => machine.handle(
                now,
                Input::Leg(Default::default(), flow::leg::LegEvent::Gone { cause: "hangup".into() }),
            ),
        }
        machine.handle(now, Input::Timeout);
    }
    assert!(machine.is_over(), "the run does not end");
    (end, lines)
}

fn script(actions: impl Into<Value>) -> String {
    json!({ "actions": actions.into() }).to_string()
}

#[test]
fn a_reply_of_ten_megabytes_is_refused_and_one_of_a_megabyte_runs_to_an_end() {
    let label = "{\"type\":\"LABEL\",\"name\":\"x\"},";
    for (count, end) in
        [((10 << 20) / label.len(), "callback failed"), ((1 << 20) / label.len() - 2, "budget")]
    {
        let long = format!("{{\"actions\":[{}{{\"type\":\"HANGUP\"}}]}}", label.repeat(count));
        let (is, _) = bounded("labels", move || fetched(Dialect::Voxology, long));
        assert_eq!(is, end);
    }
    for size in [1_000_000, 10 << 20] {
        let junk = format!("[{}0]", "0,".repeat(size / 2));
        for dialect in [Dialect::Voxology, Dialect::Voipbin] {
            let junk = junk.clone();
            bounded("numbers for actions", move || fetched(dialect, junk));
        }
    }
}

#[test]
fn documents_that_are_deeply_nested_are_refused_or_lowered() {
    for (open, close) in
        [("[", "]"), ("{\"actions\":[", "]}"), ("{\"module\":\"x\",\"data\":{},\"children\":{\"_\":", "}}")]
    {
        for depth in [60, 120, 100_000] {
            let text = format!("{}{{}}{}", open.repeat(depth), close.repeat(depth));
            for dialect in [Dialect::Kazoo, Dialect::Voipbin, Dialect::Voxology] {
                let text = text.clone();
                bounded("nesting", move || fetched(dialect, text));
            }
        }
    }
    let mut nested = json!({ "type": "IF", "condition": "true", "then": [] });
    for _ in 0..55 {
        nested = json!({ "type": "IF", "condition": "true", "then": [nested], "orElse": [] });
    }
    bounded("nested IF", move || fetched(Dialect::Voxology, script([nested])));
}

#[test]
fn expressions_that_explode_are_cut_short() {
    const MANY: usize = 100_000;
    let mut expressions: Vec<String> = [
        "(",
        "!",
        "-",
        "[",
        "{a:",
        "$a[",
        "x(",
        "1?",
        "1?1:",
        "'",
        "$a.b",
        "$a+",
        "$a||",
        "new Date(",
        "\\",
        "${",
        "1,",
        "$a.concat(",
        "==",
        "$",
    ]
    .iter()
    .map(|piece| piece.repeat(MANY))
    .collect();
    expressions.push(format!("{}1{}", "(".repeat(MANY), ")".repeat(MANY)));
    expressions.push(format!("[{}1]", "1,".repeat(MANY)));
    expressions.push(format!("1{}", "+1".repeat(MANY)));
    expressions.push(format!("$a{}", ".length".repeat(MANY)));
    expressions.push(format!("1{}", "+1".repeat(240)));
    for expression in expressions {
        let start: String = expression.chars().take(12).collect();
        let actions = json!([{ "$x": expression }, { "type": "IF", "condition": expression, "then": [] },
            { "type": "SAY", "params": { "text": format!("${{{expression}}}") } }]);
        bounded(&start, move || fetched(Dialect::Voxology, script(actions)));
    }
}

#[test]
fn texts_full_of_variables_are_read_in_time() {
    for piece in ["${a}", "${!", "${", "{{$a}}", "{{", "${a", "$", "{{$", "${...a}"] {
        let text = piece.repeat((1 << 20) / piece.len());
        for (dialect, action) in [
            (Dialect::Voxology, json!({ "type": "SAY", "params": { "text": text } })),
            (Dialect::Voipbin, json!({ "type": "talk", "option": { "text": text } })),
        ] {
            bounded(piece, move || fetched(dialect, script([action])));
        }
    }
}

#[test]
fn names_that_are_all_nearly_right_are_read_in_time() {
    let actions: Vec<Value> = (0..12_000)
        .flat_map(|n| {
            [
                json!({ "type": "GOTO", "params": { "label": format!("label-{n}-x") } }),
                json!({ "type": "LABEL", "name": format!("label-{n}") }),
            ]
        })
        .collect();
    bounded("labels", move || fetched(Dialect::Voxology, script(actions)));
    let actions: Vec<Value> = (0..12_000)
        .map(|n| json!({ "id": format!("action-{n}"), "type": "goto", "option": { "target_id": format!("action-{n}-x") } }))
        .collect();
    bounded("ids", move || fetched(Dialect::Voipbin, script(actions)));
    let unknown: Vec<Value> =
        (0..30_000).map(|n| json!({ "type": format!("SAI{n}"), "params": { "txt": 1 } })).collect();
    bounded("unknown actions", move || fetched(Dialect::Voxology, script(unknown)));
}

#[test]
fn large_values_in_long_conditions_are_compared_in_time() {
    let condition =
        (0..120).map(|_| "$sessionData.text == $sessionData.list").collect::<Vec<_>>().join(" || ");
    let actions = json!([
        { "type": "SESSIONDATA", "session_data": { "text": "x".repeat(400_000), "list": vec![1; 15_000] } },
        { "type": "LABEL", "name": "top" },
        { "type": "IF", "condition": condition, "then": [] },
        { "type": "IF", "condition": "1", "then": [{ "type": "GOTO", "params": { "label": "top" } }] } ]);
    let (end, _) = bounded("comparing", move || fetched(Dialect::Voxology, script(actions)));
    assert_eq!(end, "budget");
    let actions = json!([
        { "$a": "['0123456789']" }, { "type": "LABEL", "name": "top" }, { "$a": "[$a, $a]" }, { "$t": "$t + $t + $a" },
        { "$s": "$t.split('').join('${t}').replaceAll('0', $t)" },
        { "type": "IF", "condition": "1", "then": [{ "type": "GOTO", "params": { "label": "top" } }] } ]);
    let (end, _) = bounded("doubling", move || fetched(Dialect::Voxology, script(actions)));
    assert_eq!(end, "budget");
    let loops = json!([ { "type": "SESSIONDATA", "session_data": { "list": vec![1; 15_000] } },
        { "type": "FOREACH", "params": { "iterator": "$sessionData.list" }, "then": [
            { "type": "FOREACH", "params": { "iterator": "$sessionData.list" }, "then": [ { "$x": "$sessionData" } ] } ] } ]);
    let (end, _) = bounded("nested loops", move || fetched(Dialect::Voxology, script(loops)));
    assert_eq!(end, "budget");
}

#[test]
fn a_text_that_names_itself_is_filled_in_once() {
    let actions = json!([ { "$a": "'${a}${a}'" }, { "type": "LABEL", "name": "top" }, { "$a": "$a + '${a}'" },
        { "type": "SAY", "params": { "text": "${a}" } }, { "type": "GOTO", "params": { "label": "top" } } ]);
    let transcript =
        bounded("itself", move || flow::sim::run(&json!({ "actions": actions }), None, "wait wait gone"));
    assert!(transcript.contains("Say(\"${a}${a}${a}\")"), "{transcript}");
    let flow = json!({ "actions": [
        { "type": "variable_set", "option": { "key": "a", "value": "${a}${b}" } },
        { "type": "variable_set", "option": { "key": "b", "value": "x" } },
        { "type": "variable_set", "option": { "key": "${a}${b}", "value": "${a}${b}" } },
        { "type": "talk", "option": { "text": "[${x}]" } } ] });
    assert!(flow::sim::run(&flow, None, "").contains("Say(\"[x]\")"));
}

#[test]
fn patterns_that_are_large_are_refused_in_time() {
    let children: Vec<Value> = vec![json!("(\\w{50}){50}(\\w{50}){50}"); 5_000];
    let mut node = json!({ "module": "hangup", "data": {} });
    for pattern in children.iter().take(25) {
        node = json!({ "module": "check_cid", "data": { "regex": pattern }, "children": { "_": node } });
    }
    bounded("patterns in a row", move || fetched(Dialect::Kazoo, node.to_string()));
    let entries: Vec<Value> = children.iter().map(|pattern| json!({ "pattern": pattern })).collect();
    let list =
        json!({ "lists": { "l": entries }, "flow": { "module": "cidlistmatch", "data": { "id": "l" } } });
    bounded("a list of patterns", move || fetched(Dialect::Kazoo, list.to_string()));
}

#[test]
fn long_flows_are_checked_in_time() {
    let count = 8_000;
    let label = |at: usize| json!({ "type": "LABEL", "name": format!("l{at}") });
    let goto = |at: usize| json!({ "type": "GOTO", "params": { "label": format!("l{at}") } });
    let if_to = |at: usize| json!({ "type": "IF", "condition": "$x", "then": [goto(at)] });
    // One circle after the other, all in one circle, and parts that no way leads to.
    let circles = (0..count).flat_map(|at| [label(at), if_to(at)]);
    let nested = (0..count).map(label).chain((0..count).rev().map(if_to));
    let dead = (0..count).flat_map(|at| [goto(at), json!({ "$x": "1" }), label(at)]);
    let lists: [Vec<Value>; 3] = [circles.collect(), nested.collect(), dead.collect()];
    for actions in lists {
        let text = script(actions);
        let found = bounded("checking", move || flow::check::text(None, &text).findings.len());
        assert!((1..1_000).contains(&found), "{found}");
    }
    let slips = "[".to_owned() + &"1 ".repeat(500_000);
    let found = bounded("slips", move || flow::check::text(None, &slips).findings.len());
    assert!((1..1_000).contains(&found), "{found}");
}
