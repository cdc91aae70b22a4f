//! Expressions made of pieces, in all places where a document has them: read, and evaluated by a flow that runs.

use std::sync::Arc;
use std::time::Instant;

use fastrand::Rng;
use flow::leg::{LegCommand, LegEvent};
use flow::lower::{self, Dialect};
use flow::{Effect, Facts, Input, Machine, Settings, Start};
use fuzz::{budget, memory};
use serde_json::json;

/// Expressions of a run where the environment says nothing.
const USUAL: u64 = 4_000;

const PIECES: &[&str] = &[
    "1",
    "0",
    "-1",
    "1.5",
    "1e308",
    "0x10",
    "'a'",
    "\"b\"",
    "`c`",
    "true",
    "false",
    "null",
    "undefined",
    "NaN",
    "$a",
    "$b.c",
    "$b['c']",
    "$b[0]",
    "$sessionData",
    "$list",
    "callerNumber",
    "keyPresses",
    "$a.length",
    "[1, 2]",
    "{a: 1}",
    "[]",
    "{}",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    ".",
    "?",
    "??",
    "?.",
    "+",
    "-",
    "*",
    "/",
    "%",
    "**",
    "==",
    "===",
    "!=",
    "!==",
    "<",
    "<=",
    ">",
    ">=",
    "&&",
    "||",
    "!",
    "~",
    "...",
    "=>",
    "=",
    "new Date()",
    ".toUpperCase()",
    ".split('')",
    ".join(',')",
    ".concat($a)",
    ".replaceAll('a', $b)",
    ".repeat(9)",
    ".slice(1, -1)",
    ".indexOf('a')",
    ".map(x => x)",
    ".padStart(100, 'ab')",
    ".toString()",
    ".reverse()",
    ".includes(1)",
    ".substring(0, 99)",
    "parseInt('1')",
    "Math.floor(1.5)",
    "JSON.stringify($b)",
    "${",
    "{{$a}}",
    "é",
    "\u{1F600}",
    " ",
    "\n",
    "//",
    "/*",
    "typeof ",
    "'",
    "\\",
];

fn expression(rng: &mut Rng) -> String {
    if rng.u8(..8) == 0 {
        // One piece very often: nesting, and long rows.
        return PIECES[rng.usize(..PIECES.len())].repeat(rng.usize(1..3_000));
    }
    let mut text = String::new();
    for _ in 0..rng.usize(1..12) {
        text += PIECES[rng.usize(..PIECES.len())];
        if rng.u8(..4) == 0 {
            text.push(' ');
        }
    }
    text
}

/// Runs a flow that has the expressions everywhere, around and around until its budget is used up.
fn evaluate(rng: &mut Rng) -> u64 {
    let texts: Vec<String> = (0..4).map(|_| expression(rng)).collect();
    let [first, second, third, fourth] = texts.as_slice() else { return 0 };
    let document = json!({"actions": [
        {"type": "SESSIONDATA", "session_data": {"list": [1, "2", {"c": [3]}]}},
        {"$a": "'x'"}, {"$b": "{c: [1, 2, 3]}"}, {"$list": "[1, 2, 3]"},
        {"type": "LABEL", "name": "top"},
        {"$a": first}, {"$b.c": second}, {"$a": "$a + $a"},
        {"type": "IF", "condition": third, "then": [{"$list": second}], "orElse": [{"$list": first}]},
        {"type": "SAY", "params": {"text": format!("${{{fourth}}} and {{{{{fourth}}}}}")}},
        {"type": "FOREACH", "params": {"iterator": fourth}, "then": [{"$a": first}]},
        {"type": "GOTO", "params": {"label": "top"}},
    ]});
    let Ok(lowered) = lower::lower(Some(Dialect::Voxology), &document) else { return 4 };
    let settings = Settings { budget: 120, ..Settings::default() };
    let mut machine = Machine::new(Start::new(Arc::new(lowered.program), Facts::default(), settings));
    let now = Instant::now();
    machine.handle(now, Input::Start { at: jiff::Timestamp::UNIX_EPOCH, media: true });
    for _ in 0..1_000 {
        let Some(effect) = machine.poll_effect() else { break };
        match effect {
            Effect::Leg(tag, LegCommand::Answer) => machine.handle(now, Input::Leg(tag, LegEvent::Answered)),
            Effect::Leg(tag, LegCommand::Play { .. }) => {
                machine.handle(now, Input::Leg(tag, LegEvent::Played { stopped: false }));
            }
            _ => {}
        }
    }
    4
}

#[test]
fn expressions() {
    evaluate(&mut Rng::with_seed(1));
    let (mut rounds, mut kept) = (0, 0);
    budget::few("expressions", USUAL, |rng| {
        let (inputs, left, peak) = memory::of(|| evaluate(rng));
        rounds += 1;
        kept += left;
        // A variable holds two megabytes at most, and there are a few of them with their copies.
        assert!(peak < 100_000_000, "{peak} bytes");
        assert!(kept < 1_000_000 + 10 * rounds, "{kept} bytes stay behind after {rounds} flows");
        inputs
    });
}
