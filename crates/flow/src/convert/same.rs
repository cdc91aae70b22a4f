//! Whether what was written does what was meant: it is lowered again, and the operations are compared.

use serde_json::Value;

use super::{ordinary, prepare, words};
use crate::{
    ir::{Barge, Collect, Item, Op, Play, Program, Repeat, Target, print},
    leg::Prompt,
    lower::{self, Dialect},
};

/// Most repeats that are written out.
const REPEATS: u32 = 20;

/// What `document`, lowered, does otherwise than `op`; a sentence each.
pub(super) fn differences(dialect: Dialect, document: &Value, op: &Op) -> Vec<String> {
    let Ok(lowered) = lower::lower(Some(dialect), document) else {
        return vec!["what is written in its place makes no sense there".to_owned()];
    };
    let found = simple(operations(&lowered.program));
    let meant = simple(vec![op.clone()]);
    match (found.as_slice(), meant.as_slice()) {
        (found, meant) if found == meant => Vec::new(),
        ([found], [meant]) => between(meant, found),
        (found, _) => {
            let ops: Vec<String> = found.iter().map(print::op).collect();
            vec![format!(
                "it becomes {}",
                if ops.is_empty() { "nothing".to_owned() } else { ops.join(", then ") }
            )]
        }
    }
}

/// What a menu of one round, lowered, does otherwise than gathering keys.
pub(super) fn menu(document: &Value, collect: &Collect) -> Vec<String> {
    let lowered = lower::lower(Some(Dialect::Kazoo), document).ok();
    let program = lowered.map(|lowered| lowered.program);
    let found = program.as_ref().and_then(|program| {
        program.nodes.iter().find_map(|node| match &node.op {
            Op::Menu(menu) => Some(Op::Collect(menu.gather.clone())),
            _ => None,
        })
    });
    let meant = simple(vec![Op::Collect(collect.clone())]);
    match (simple(found.into_iter().collect()).as_slice(), meant.as_slice()) {
        ([found], [meant]) if found == meant => Vec::new(),
        ([found], [meant]) => between(meant, found),
        _ => vec!["there is no menu".to_owned()],
    }
}

/// The operations of a program that has one way.
fn operations(program: &Program) -> Vec<Op> {
    let mut found = Vec::new();
    let mut at = program.entry;
    while let Some(node) = at.and_then(|id| program.node(id)) {
        if found.len() > program.nodes.len() {
            break;
        }
        found.push(node.op.clone());
        at = match ordinary(node) {
            // Another step of the same module; a question's own edges lead nowhere here.
            Target::Node(next) => Some(next),
            _ => None,
        };
    }
    found.retain(|op| *op != Op::Noop);
    found
}

/// Operations in their simplest form, so that what does the same is the same.
fn simple(ops: Vec<Op>) -> Vec<Op> {
    let mut found: Vec<Op> = Vec::new();
    for op in ops {
        let mut op = words::plain(op);
        if let Op::Collect(collect) = &mut op {
            // Who branches on the keys, and where they are kept for that, is another step's business.
            collect.by_value = false;
            collect.into.clear();
        }
        if let Op::Play(play) = &mut op
            && let Repeat::Times(times @ 2..=REPEATS) = play.repeat
            && play.barge == Barge::None
        {
            play.items = std::iter::repeat_n(play.items.clone(), times as usize).flatten().collect();
            play.repeat = Repeat::Times(1);
        }
        if let Op::Play(play) = &mut op {
            play.items.retain(|item| !is_nothing(item));
            if play.items.is_empty() {
                continue;
            }
        }
        match (found.last_mut(), &mut op) {
            (Some(Op::Answer), Op::Play(play)) => play.answers = true,
            (Some(Op::Answer), Op::Collect(collect)) => collect.answers = true,
            // Keys are heard by nobody who has not answered.
            (Some(Op::Answer), Op::SendDigits(_)) => {}
            (Some(Op::Answer), other) if prepare::answers(other) => {}
            (Some(Op::Play(before)), Op::Play(play)) if merges(before, play) => {
                before.items.append(&mut play.items);
                continue;
            }
            _ => {
                found.push(op);
                continue;
            }
        }
        found.pop();
        found.push(op);
    }
    found
}

fn merges(before: &Play, play: &Play) -> bool {
    let once = |play: &Play| play.repeat == Repeat::Times(1) && play.barge == Barge::None;
    once(before) && once(play) && (before.answers || !play.answers)
}

/// What differs between two operations, by their members.
fn between(meant: &Op, found: &Op) -> Vec<String> {
    if std::mem::discriminant(meant) != std::mem::discriminant(found) {
        return vec![format!("it becomes {}", print::op(found))];
    }
    if let (Op::Play(meant), Op::Play(found)) = (meant, found)
        && !meant.items.iter().eq(found.items.iter())
    {
        let lost = meant.items.iter().find(|item| !found.items.contains(item));
        let lost = lost.map(|item| format!("{item:?}")).filter(|_| found.items.len() <= meant.items.len());
        let mut all = between_members(&format!("{meant:?}"), &format!("{found:?}"), &["items"]);
        all.push(match lost {
            Some(_) if found.items.is_empty() => "nothing is heard".to_owned(),
            _ => format!("what is heard becomes {}", heard(&found.items)),
        });
        return all;
    }
    let all = between_members(&format!("{meant:?}"), &format!("{found:?}"), &[]);
    if all.is_empty() { vec![format!("it becomes {}", print::op(found))] } else { all }
}

fn heard(items: &[Item]) -> String {
    let play = Play {
        items: items.to_vec(),
        repeat: Repeat::Times(1),
        barge: Barge::None,
        consume: false,
        answers: true,
    };
    print::op(&Op::Play(play))
}

fn between_members(meant: &str, found: &str, but: &[&str]) -> Vec<String> {
    let (meant, found) = (members(meant), members(found));
    let pairs = meant.iter().zip(&found).filter(|(meant, found)| meant != found && !but.contains(&meant.0));
    pairs
        .flat_map(|((name, meant), (_, found))| {
            let inside = between_members(meant, found, &[]);
            let whole = || vec![format!("{}: {} becomes {}", known(name), value(meant), value(found))];
            // A list says more as a whole.
            if inside.is_empty() || meant.starts_with('[') { whole() } else { inside }
        })
        .collect()
}

/// A value as `Debug` writes it, without the wrapping.
fn value(text: &str) -> String {
    let mut inner = text;
    for wrapping in ["Some(", "Keys(", "Times(", "Template([Literal(", "Literal(String("] {
        let unwrapped = inner.strip_prefix(wrapping);
        inner = unwrapped.map_or(inner, |inner| inner.trim_end_matches([')', ']']));
    }
    match inner {
        "None" | "\"\"" => "none".to_owned(),
        "true" => "yes".to_owned(),
        "false" => "no".to_owned(),
        "Any" => "any".to_owned(),
        "All" => "all count".to_owned(),
        "Last" => "the last one counts".to_owned(),
        "Drop" => "none counts".to_owned(),
        "PromptEnd" => "the end of the prompt".to_owned(),
        "Entry" => "the beginning of the step".to_owned(),
        "Forever" => "for ever".to_owned(),
        other => other.to_owned(),
    }
}

/// What a member is, in words.
fn known(name: &str) -> &str {
    match name {
        "ahead" => "keys typed ahead",
        "answers" => "whether it answers the call",
        "barge" => "keys that stop it",
        "beep" => "a beep",
        "between" => "time between keys",
        "cause" => "the cause in traces",
        "consume" => "whether the key that stopped it counts as used",
        "first" => "time for the first key",
        "flush" => "whether typed keys are dropped",
        "gap" => "time between keys that are sent",
        "keep_terminator" => "whether the ending key is kept",
        "limit" => "the longest time",
        "max" => "most keys",
        "meanwhile" => "what the caller hears meanwhile",
        "order" => "in which order",
        "rounds" => "how often all are tried",
        "timeout" => "how long it rings",
        "withheld" => "what of the caller is withheld",
        "phrase" => "the reason phrase",
        "prompts" => "what is heard",
        "repeat" => "how often",
        "reset" => "the variable that is emptied",
        "sides" => "whose voice",
        "silence" => "the silence that ends it",
        "status" => "the SIP status",
        "stop_keys" => "keys that end it",
        "terminators" => "keys that end it",
        "timer" => "from when the time counts",
        "total" => "time in all",
        other => other,
    }
}

/// The members of the outermost structure, as `Debug` writes them.
fn members(debug: &str) -> Vec<(&str, &str)> {
    let Some((_, inside)) = debug.split_once("{ ") else { return Vec::new() };
    let mut found = Vec::new();
    let (mut depth, mut quoted, mut escaped, mut start) = (0i32, false, false, 0);
    for (at, letter) in inside.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                found.extend(inside.get(start..at).and_then(|member| member.trim().split_once(": ")));
                start = at + 1;
                if letter == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    found
}

/// A tone without length.
fn is_nothing(item: &Item) -> bool {
    match item {
        Item::Tone(tone) => tone.total.is_zero(),
        Item::Sound(name) => match name.as_literal().and_then(crate::tone::named) {
            Some(Ok(Prompt::Signal(signal))) => signal.total.is_some_and(|total| total.is_zero()),
            _ => false,
        },
        _ => false,
    }
}
