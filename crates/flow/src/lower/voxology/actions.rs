//! Voxology's actions that speak, listen, wait and refuse, and which file has the others.
//!
//! Everything that plays or listens answers the call first.

use std::time::Duration;

use serde_json::{Value, json};

use super::list::{Action, Lowering};
use super::{reach, web};
use crate::ir::{
    Barge, Collect, Edges, Expr, FileFormat, Hangup, Item, Keeping, Op, Play, Record, Repeat, SendDigits,
    Sides, SpeechItem, Target, Template, TypeAhead, Upload,
};
use crate::lower::members::Members;
use crate::lower::options::{self, Place};
use crate::lower::{Code, Dialect};

/// COLLECT's time limit when it names none.
const PATIENCE: Duration = Duration::from_millis(5000);

/// A prompt inside COLLECT that is to be repeated is written out; more often than this nobody listens.
const MOST_REPEATS: usize = 50;

/// Lowers `action` if it is known.
pub(super) fn lower(lowering: &mut Lowering, action: &Action<'_>) -> bool {
    match action.name {
        "SAY" => say(lowering, action),
        "PLAY" => play(lowering, action),
        "COLLECT" => collect(lowering, action),
        "RECORD" => record(lowering, action),
        "PAUSE" => pause(lowering, action),
        "REJECT" => reject(lowering, action),
        "REDIRECT" => web::redirect(lowering, action),
        "WEBHOOK" => web::webhook(lowering, action),
        "DETECT" => super::detect::detect(lowering, action),
        "CONFERENCE" => super::conference::conference(lowering, action),
        "DIAL" => reach::dial(lowering, action),
        "TRANSFER" => reach::transfer(lowering, action),
        "QUEUE" => reach::queue(lowering, action),
        "SMS" => reach::sms(lowering, action),
        _ => return false,
    }
    true
}

/// How often SAY and PLAY repeat; 0 is for ever.
fn repeat(lowering: &mut Lowering, action: &Action<'_>) -> Repeat {
    let members = action.param(lowering, "loop").clone();
    match members.number(&mut lowering.builder, "loop") {
        None => Repeat::Times(1),
        Some(0.0) => Repeat::Forever,
        Some(times) => Repeat::Times((times as u32).max(1)),
    }
}

fn speech(lowering: &mut Lowering, action: &Action<'_>) -> Option<Item> {
    let members = action.param(lowering, "text");
    let Some(text) = members.text(&mut lowering.builder, "text") else {
        let message = format!("{} needs `params.text`", action.name);
        lowering.builder.report(Code::MissingOption, action.top.pointer(), message);
        return None;
    };
    let text = lowering.template(&text, &members.at("text"));
    let mut optional = |key: &str| {
        let text = action.params.text(&mut lowering.builder, key).filter(|text| !text.is_empty())?;
        Some(lowering.template(&text, &action.params.at(key)))
    };
    let (language, voice) = (optional("language"), optional("voice").or_else(|| optional("gender")));
    Some(Item::Speech(SpeechItem { text, language, voice }))
}

fn play_op(items: Vec<Item>, repeat: Repeat) -> Op {
    Op::Play(Play { items, repeat, barge: Barge::None, consume: false, answers: true })
}

fn say(lowering: &mut Lowering, action: &Action<'_>) {
    lowering.answered = true;
    if let Some(item) = speech(lowering, action) {
        let repeat = repeat(lowering, action);
        lowering.op(action.head, play_op(vec![item], repeat));
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || "*#ABCDwW,".contains(c))
}

fn play(lowering: &mut Lowering, action: &Action<'_>) {
    lowering.answered = true;
    let repeat = repeat(lowering, action);
    for key in ["dtmf", "digits", "url"] {
        let members = action.param(lowering, key);
        let Some(text) = members.text(&mut lowering.builder, key) else { continue };
        if key == "url" && !is_digits(&text) {
            let url = lowering.template(&text, &members.at("url"));
            return lowering.op(action.head, play_op(vec![Item::Sound(url)], repeat));
        }
        let digits = lowering.template(&text.replace(',', "w"), &members.at(key));
        return send_digits(lowering, action, digits, repeat);
    }
    let message = "PLAY needs `params.url` or `params.dtmf`";
    lowering.builder.report(Code::MissingOption, action.top.pointer(), message);
}

/// Keys reach only someone who has answered, so two nodes.
fn send_digits(lowering: &mut Lowering, action: &Action<'_>, digits: Template, repeat: Repeat) {
    let times = match repeat {
        Repeat::Times(times) => times.min(10) as usize,
        Repeat::Forever => 1,
    };
    let digits = Template(digits.0.iter().cycle().take(digits.0.len() * times).cloned().collect());
    let (duration, gap) = (Duration::from_millis(100), Duration::from_millis(100));
    let op = Op::SendDigits(SendDigits { digits, duration, gap });
    let send = lowering.builder.add_with(op, Edges::always(action.next), action.top.pointer());
    lowering.op(action.head, Op::Answer);
    lowering.builder.edges(action.head, Edges::always(Target::Node(send)));
}

/// The key that a word stands for.
fn key(lowering: &mut Lowering, members: &Members<'_>, name: &str) -> Option<String> {
    let text = members.text(&mut lowering.builder, name)?;
    match text.trim().to_ascii_lowercase().as_str() {
        "" | "none" => Some(String::new()),
        "pound" | "hash" | "#" => Some("#".into()),
        "star" | "asterisk" | "*" => Some("*".into()),
        "any" => Some("0123456789*#ABCD".into()),
        keys if keys.chars().all(|c| "0123456789*#abcd".contains(c)) => Some(keys.to_ascii_uppercase()),
        _ => {
            let message = format!("expected `pound`, `star` or keys such as `#`, found `{text}`");
            lowering.builder.report(Code::BadValue, &members.at(name), message);
            None
        }
    }
}

fn collect(lowering: &mut Lowering, action: &Action<'_>) {
    lowering.answered = true;
    let max = action.param(lowering, "num_digits").count(&mut lowering.builder, "num_digits");
    let max = max.filter(|max| *max > 0);
    let members = action.param(lowering, "finish_on_key").clone();
    // Without a number of keys only a key can end it before time does.
    let default = || if max.is_none() { "#".to_string() } else { String::new() };
    let terminators = key(lowering, &members, "finish_on_key").unwrap_or_else(default);
    let timeout = action.param(lowering, "timeout").millis(&mut lowering.builder, "timeout");
    let timeout = timeout.unwrap_or(PATIENCE);
    let members = action.beside(lowering, "name");
    let name = members.text(&mut lowering.builder, "name");
    let name = name.map(|name| lowering.template(&name, &members.at("name")));
    let op = Op::Collect(Collect {
        max,
        terminators,
        // "Press 1, then press pound" leaves a pound behind, which must not end the next COLLECT.
        ahead: TypeAhead::Drop,
        name,
        by_value: false,
        ..Collect::new(prompts(lowering, action), timeout)
    });
    lowering.op(action.head, op);
}

/// What COLLECT plays meanwhile: SAY, PLAY and PAUSE, written out.
fn prompts(lowering: &mut Lowering, action: &Action<'_>) -> Vec<Item> {
    let members = action.beside(lowering, "actions");
    let pointer = members.at("actions");
    let list = members.list(&mut lowering.builder, "actions").unwrap_or_default();
    let mut items = Vec::new();
    for (at, prompt) in list.iter().enumerate() {
        let pointer = pointer.child(at);
        let top = Members::of(&mut lowering.builder, Some(prompt), pointer.clone());
        let kind = top.get("type").and_then(Value::as_str).unwrap_or_default().trim().to_ascii_uppercase();
        let params = Members::of(&mut lowering.builder, top.get("params"), pointer.child("params"));
        let nested = Action { name: &kind, top, params, head: action.head, next: action.next };
        let item = match kind.as_str() {
            "SAY" => speech(lowering, &nested),
            "PLAY" => {
                let members = nested.param(lowering, "url");
                let url = members.text(&mut lowering.builder, "url").filter(|url| !is_digits(url));
                if url.is_none() {
                    let message = "COLLECT plays sounds: expected `params.url`; this PLAY is left out";
                    lowering.builder.report(Code::MissingOption, &pointer, message);
                }
                url.map(|url| Item::Sound(lowering.template(&url, &members.at("url"))))
            }
            "PAUSE" => Some(Item::Silence(pause_length(lowering, &nested))),
            _ => {
                let message = format!("COLLECT plays SAY, PLAY and PAUSE; `{kind}` is left out");
                lowering.builder.report(Code::IgnoredOption, &pointer, message);
                None
            }
        };
        let times = match repeat(lowering, &nested) {
            Repeat::Times(times) => (times as usize).min(MOST_REPEATS),
            Repeat::Forever => MOST_REPEATS,
        };
        for (place, members) in [(Place::Options, &nested.params), (Place::Beside, &nested.top)] {
            options::check(&mut lowering.builder, Dialect::Voxology, &kind, members, place);
        }
        items.extend(item.into_iter().flat_map(|item| std::iter::repeat_n(item, times)));
    }
    items
}

fn pause_length(lowering: &mut Lowering, action: &Action<'_>) -> Duration {
    let duration = action.param(lowering, "duration").millis(&mut lowering.builder, "duration");
    let length = action.param(lowering, "length").clone();
    let found = duration.or_else(|| length.seconds(&mut lowering.builder, "length"));
    found.unwrap_or_else(|| {
        let message = "PAUSE without `params.duration` (milliseconds) waits for a second";
        lowering.builder.report(Code::MissingOption, action.top.pointer(), message);
        Duration::from_secs(1)
    })
}

fn pause(lowering: &mut Lowering, action: &Action<'_>) {
    let members = action.param(lowering, "duration");
    let millis = match members.get("duration").and_then(Value::as_str) {
        Some(text) if text.contains('$') => Expr::Template(lowering.template(text, &members.at("duration"))),
        _ => Expr::Literal(json!(pause_length(lowering, action).as_millis() as u64)),
    };
    lowering.op(action.head, Op::Sleep(millis));
}

fn record(lowering: &mut Lowering, action: &Action<'_>) {
    lowering.answered = true;
    let members = if action.top.get("name").is_some() { &action.top } else { &action.params };
    let name = members.text(&mut lowering.builder, "name");
    let name = name.map(|name| lowering.template(&name, &members.at("name")));
    let params = &action.params;
    let limit = params.millis(&mut lowering.builder, "max_length").filter(|limit| !limit.is_zero());
    // Whoever means seconds writes 60 or 3600; a message of less than five seconds is rare.
    if let Some(limit) = limit.filter(|limit| *limit < Duration::from_secs(5)) {
        let message = format!("`max_length` is in milliseconds: this records {} s", limit.as_secs_f64());
        lowering.builder.report(Code::SuspiciousUnit, &params.at("max_length"), message);
    }
    let silence = params.millis(&mut lowering.builder, "timeout").filter(|silence| !silence.is_zero());
    let stop_keys = key(lowering, params, "finish_on_key").unwrap_or_else(|| "#".into());
    let beep = params.flag(&mut lowering.builder, "beep").unwrap_or(true);
    let upload = params.text(&mut lowering.builder, "url").filter(|url| !url.is_empty());
    let upload =
        upload.map(|url| Upload { url: lowering.template(&url, &params.at("url")), method: "POST".into() });
    let record = Record {
        name,
        limit,
        silence,
        stop_keys,
        beep,
        format: FileFormat::Wav,
        sides: Sides::Caller,
        upload,
        answers: true,
        keeping: Keeping::default(),
    };
    lowering.op(action.head, Op::Record(record));
}

fn reject(lowering: &mut Lowering, action: &Action<'_>) {
    if lowering.answered {
        let message = "REJECT after an action that answers the call only hangs up";
        lowering.builder.report(Code::Approximated, action.top.pointer(), message);
    }
    let members = action.param(lowering, "reason");
    let reason = members.text(&mut lowering.builder, "reason").unwrap_or_default().to_ascii_lowercase();
    let (status, cause) = match reason.as_str() {
        "busy" => (486, "busy"),
        "" | "rejected" | "reject" | "decline" | "declined" => (603, "rejected"),
        code => match code.parse() {
            Ok(status @ 400..=699) => (status, "rejected"),
            _ => {
                let message = format!("expected `busy` or `rejected`, found `{reason}`");
                lowering.builder.report(Code::BadValue, &members.at("reason"), message);
                (603, "rejected")
            }
        },
    };
    lowering.op(action.head, Op::Hangup(Hangup { status, phrase: None, cause: cause.into() }));
}
