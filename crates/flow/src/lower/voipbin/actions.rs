//! VoIPBIN's actions on the call: speaking, listening, recording, ending; and those that offhook knows by name only.
//!
//! Only `talk` answers; anything else that sounds before `answer` is early media.

use std::time::Duration;

use serde_json::{Value, json};

use super::list::{Action, Lowering, hangup};
use super::variables::DIGITS;
use crate::ir::{
    Barge, Collect, Conference, Detect, Edges, Expr, FileFormat, Item, Keeping, Op, Outcome, Play, Record,
    Repeat, SendDigits, Sides, SpeechItem, Target, Template, TimerStart, Tone, TypeAhead,
};
use crate::lower::Severity;

/// How long `echo` lasts when it does not say.
const ECHO: Duration = Duration::from_secs(180);

/// Every key of a telephone.
const ANY_KEY: &str = "0123456789*#ABCD";

/// Lowers `action` if it is known.
pub(super) fn lower(lowering: &mut Lowering, action: &Action<'_>) -> bool {
    match action.name {
        "answer" => lowering.op(action.head, Op::Answer),
        "hangup" | "hangup_relay" => end(lowering, action),
        "beep" => lowering.op(action.head, sound(vec![Item::Tone(beep())])),
        "play" => play(lowering, action),
        "talk" => talk(lowering, action),
        "digits_receive" => digits_receive(lowering, action),
        "digits_send" => digits_send(lowering, action),
        "sleep" => pause(lowering, action),
        "echo" | "stream_echo" => {
            let duration = action.option.millis(&mut lowering.builder, "duration");
            let duration = duration.filter(|duration| !duration.is_zero()).unwrap_or(ECHO);
            lowering.op(action.head, Op::Echo(Some(duration)));
        }
        "recording_start" => recording_start(lowering, action),
        "conference_join" => conference(lowering, action),
        "amd" => amd(lowering, action),
        "recording_stop" => lowering.op(action.head, Op::RecordStop),
        _ => return unavailable(lowering, action),
    }
    true
}

/// Short enough not to be waited for, long enough to be heard by a voicemail's caller.
fn beep() -> Tone {
    let length = Duration::from_millis(500);
    Tone { hertz: vec![1000], on: length, off: Duration::ZERO, total: length }
}

fn sound(items: Vec<Item>) -> Op {
    Op::Play(Play { items, repeat: Repeat::Times(1), barge: Barge::None, consume: false, answers: false })
}

fn end(lowering: &mut Lowering, action: &Action<'_>) {
    lowering.check_names(action, &["reason", "reference_id"]);
    let reason = action.option.text(&mut lowering.builder, "reason").unwrap_or_default();
    let (status, cause) = match reason.as_str() {
        "" | "normal" => (480, "normal"),
        "failed" => (500, "failed"),
        "busy" => (486, "busy"),
        "cancel" => (487, "cancel"),
        "timeout" => (408, "timeout"),
        "noanswer" => (480, "noanswer"),
        "dialout" => (480, "dialout"),
        "amd" => (480, "amd"),
        _ => {
            let message = format!(
                "expected normal, failed, busy, cancel, timeout, noanswer, dialout or amd, found `{reason}`"
            );
            lowering.builder.diagnose(Severity::Warning, &action.option.at("reason"), message);
            (480, "normal")
        }
    };
    if action.option.get("reference_id").is_some() {
        let message = "another call's cause cannot be copied yet; the call is hung up normally";
        lowering.builder.diagnose(Severity::Warning, &action.option.at("reference_id"), message);
    }
    lowering.op(action.head, hangup(status, cause));
}

fn play(lowering: &mut Lowering, action: &Action<'_>) {
    lowering.check_names(action, &["stream_urls", "stream_url"]);
    let mut items = Vec::new();
    for key in ["stream_urls", "stream_url"] {
        let pointer = action.option.at(key);
        let urls = match action.option.get(key) {
            None => continue,
            Some(Value::Array(urls)) => urls.as_slice(),
            Some(one) => std::slice::from_ref(one),
        };
        if key == "stream_url" {
            let message = "`stream_url` is the old name of `stream_urls`";
            lowering.builder.diagnose(Severity::Warning, &pointer, message);
        }
        for (at, url) in urls.iter().enumerate() {
            match url.as_str() {
                Some(url) => items.push(Item::Sound(lowering.template(url))),
                None => crate::lower::members::wrong(&mut lowering.builder, &pointer.child(at), "a URL", url),
            }
        }
    }
    if items.is_empty() {
        lowering.missing(action, "stream_urls");
    }
    lowering.op(action.head, sound(items));
}

fn talk(lowering: &mut Lowering, action: &Action<'_>) {
    let known = ["text", "language", "digits_handle", "gender", "provider", "voice_id", "async"];
    lowering.check_names(action, &known);
    let option = &action.option;
    let text = lowering.text(option, "text").unwrap_or_else(|| {
        lowering.missing(action, "text");
        Template::default()
    });
    let filled = |template: &Template| template.as_literal() != Some("");
    let language = lowering.text(option, "language").filter(filled);
    let voice = lowering.text(option, "voice_id").filter(filled);
    let voice = voice.or_else(|| lowering.text(option, "gender").filter(filled));
    let barge = match option.text(&mut lowering.builder, "digits_handle").unwrap_or_default().as_str() {
        "" | "none" => Barge::None,
        "next" => Barge::Any,
        other => {
            let message = format!("expected `next` or nothing, found `{other}`; keys do not stop the text");
            lowering.builder.diagnose(Severity::Warning, &option.at("digits_handle"), message);
            Barge::None
        }
    };
    if option.flag(&mut lowering.builder, "async") == Some(true) {
        let message = "talking in the background is not there yet; the next action waits for the end";
        lowering.builder.diagnose(Severity::Warning, &option.at("async"), message);
    }
    let items = vec![Item::Speech(SpeechItem { text, language, voice })];
    // The key that stops it stays in `voipbin.call.digits`.
    let talk = Play { items, repeat: Repeat::Times(1), barge, consume: false, answers: true };
    lowering.op(action.head, Op::Play(talk));
}

fn digits_receive(lowering: &mut Lowering, action: &Action<'_>) {
    lowering.check_names(action, &["duration", "length", "key"]);
    let option = &action.option;
    // Not given or 0: what was typed ahead counts, and nothing is waited for.
    let total = option.millis(&mut lowering.builder, "duration").unwrap_or_default();
    if total.is_zero() {
        let message = "without a `duration` (milliseconds) no key is waited for";
        lowering.builder.diagnose(Severity::Warning, option.pointer(), message);
    }
    let terminators = option.text(&mut lowering.builder, "key").unwrap_or_default().to_ascii_uppercase();
    if let Some(odd) = terminators.chars().find(|c| !ANY_KEY.contains(*c)) {
        let message = format!("expected keys of a telephone (0-9, *, #, A-D), found `{odd}`");
        lowering.builder.diagnose(Severity::Warning, &option.at("key"), message);
    }
    let max = match option.count(&mut lowering.builder, "length") {
        Some(0) => None,
        None if terminators.is_empty() => Some(1),
        length => length,
    };
    let collect = Collect {
        prompts: Vec::new(),
        answers: false,
        max,
        terminators,
        keep_terminator: true,
        first: total,
        between: total,
        total: Some(total),
        timer: TimerStart::Entry,
        ahead: TypeAhead::Last,
        name: None,
        into: vec![DIGITS.into()],
        by_value: false,
    };
    lowering.op(action.head, Op::Collect(collect));
}

fn digits_send(lowering: &mut Lowering, action: &Action<'_>) {
    lowering.check_names(action, &["digits", "duration", "interval"]);
    let option = &action.option;
    let Some(digits) = lowering.text(option, "digits") else { return lowering.missing(action, "digits") };
    if let Some(text) = digits.as_literal() {
        let odd = text.chars().find(|c| !ANY_KEY.contains(c.to_ascii_uppercase()));
        if text.chars().count() > 100 || odd.is_some() {
            let message = "expected up to 100 of 0-9, A-D, * and #";
            lowering.builder.diagnose(Severity::Error, &option.at("digits"), message);
        }
    }
    let mut limited = |key: &str, default: u64, low: u64, high: u64| {
        let given = option.millis(&mut lowering.builder, key).map(|given| given.as_millis() as u64);
        let value = given.unwrap_or(default);
        if !(low..=high).contains(&value) {
            let message = format!("expected {low} to {high} milliseconds, found {value}");
            lowering.builder.diagnose(Severity::Warning, &option.at(key), message);
        }
        Duration::from_millis(value.clamp(low, high))
    };
    let (duration, gap) = (limited("duration", 500, 100, 1000), limited("interval", 500, 0, 5000));
    lowering.op(action.head, Op::SendDigits(SendDigits { digits, duration, gap }));
}

fn pause(lowering: &mut Lowering, action: &Action<'_>) {
    lowering.check_names(action, &["duration"]);
    let duration = lowering.amount(&action.option, "duration").unwrap_or_else(|| {
        lowering.missing(action, "duration");
        Expr::Literal(json!(0))
    });
    lowering.op(action.head, Op::Sleep(duration));
}

/// How long `amd` listens.
const ANSWER: Duration = Duration::from_secs(5);

/// How long it follows a machine's greeting.
const GREETING: Duration = Duration::from_secs(60);

/// Two nodes where a machine is hung up on: the one that listens and the one that hangs up.
fn amd(lowering: &mut Lowering, action: &Action<'_>) {
    lowering.check_names(action, &["machine_handle", "async", "sync"]);
    let option = &action.option;
    let handle = option.text(&mut lowering.builder, "machine_handle").unwrap_or_default();
    if !["", "hangup", "continue", "delay"].contains(&handle.as_str()) {
        let message = format!("expected hangup, continue or delay, found `{handle}`");
        lowering.builder.diagnose(Severity::Error, &option.at("machine_handle"), message);
    }
    let sync = option.flag(&mut lowering.builder, "sync");
    if sync.is_some() {
        let message = "`sync` is written `async`, with the opposite value";
        lowering.builder.diagnose(Severity::Warning, &option.at("sync"), message);
    }
    if option.flag(&mut lowering.builder, "async").or(sync.map(|sync| !sync)) == Some(true) {
        let message = "detection in the background is not there yet; the next action waits for its end";
        lowering.builder.diagnose(Severity::Warning, option.pointer(), message);
    }
    let greeting = (handle == "delay").then_some(GREETING);
    lowering.op(action.head, Op::Detect(Detect { limit: ANSWER, greeting, answers: false }));
    let mut edges = Edges::always(action.next);
    if handle == "hangup" {
        let end =
            lowering.builder.add_with(hangup(480, "amd"), Edges::always(action.next), action.top.pointer());
        edges = edges.case(Outcome::Key("machine".into()), Target::Node(end));
    }
    lowering.builder.edges(action.head, edges);
}

fn recording_start(lowering: &mut Lowering, action: &Action<'_>) {
    let known = ["format", "end_of_silence", "end_of_key", "duration", "beep_start", "on_end_flow_id"];
    lowering.check_names(action, &known);
    let option = &action.option;
    let format = option.text(&mut lowering.builder, "format").unwrap_or_default();
    let known = FileFormat::from_name(&format);
    if known.is_none() && !format.is_empty() {
        let message = format!("unknown format `{format}`: expected wav, mp3 or ogg; a WAV file is made");
        lowering.builder.diagnose(Severity::Warning, &option.at("format"), message);
    }
    let mut seconds =
        |key: &str| option.seconds(&mut lowering.builder, key).filter(|duration| !duration.is_zero());
    let (limit, silence) = (seconds("duration"), seconds("end_of_silence"));
    let key = option.text(&mut lowering.builder, "end_of_key").unwrap_or_default();
    let stop_keys = match key.as_str() {
        "" | "none" => String::new(),
        "any" => ANY_KEY.into(),
        keys => keys.to_ascii_uppercase(),
    };
    let beep = option.flag(&mut lowering.builder, "beep_start").unwrap_or(false);
    let record = Record {
        name: None,
        limit,
        silence,
        stop_keys,
        beep,
        format: known.unwrap_or_default(),
        sides: Sides::Both,
        upload: None,
        answers: false,
        keeping: Keeping::default(),
    };
    lowering.op(action.head, Op::RecordStart(record));
}

/// The room of a conference; who is not let in ends the flow, as a failed join does.
fn conference(lowering: &mut Lowering, action: &Action<'_>) {
    lowering.check_names(action, &["conference_id"]);
    let Some(room) = lowering.text(&action.option, "conference_id").filter(|room| !room.0.is_empty()) else {
        lowering.missing(action, "conference_id");
        lowering.op(action.head, hangup(480, "no conference"));
        return lowering.builder.edges(action.head, Edges::always(Target::Hangup));
    };
    lowering.op(action.head, Op::Conference(Box::new(Conference { room, ..Conference::default() })));
    let edges = Edges::always(Target::Hangup).case(Outcome::Done, action.next);
    lowering.builder.edges(action.head, edges);
}

/// What follows an action that cannot be done.
#[derive(PartialEq)]
enum Failure {
    /// It is logged, and the next action follows.
    Next,
    /// The activeflow ends, and the call with it.
    Ends,
}

fn unavailable(lowering: &mut Lowering, action: &Action<'_>) -> bool {
    let failure = match action.name {
        "call" | "message_send" | "queue_join" => Failure::Ends,
        // A connect that does not come about leads to the next action, and so does an agent's, which was one.
        "connect" | "agent_call" => Failure::Next,
        "ai_summary"
        | "ai_talk"
        | "ai_task"
        | "block"
        | "case_create"
        | "chatbot_talk"
        | "confbridge_join"
        | "conversation_send"
        | "email_send"
        | "external_media_start"
        | "external_media_stop"
        | "mute"
        | "transcribe_recording"
        | "transcribe_start"
        | "transcribe_stop" => Failure::Next,
        _ => return false,
    };
    if let ("call", Some(Value::Array(actions))) = (action.name, action.option.get("actions")) {
        // The other call's flow: read for its author's sake only.
        let mut other = Lowering::new(crate::lower::Builder::new(
            crate::lower::Dialect::Voipbin,
            crate::ir::Lacking::Skip,
        ));
        other.flow(actions, &action.option.at("actions"));
        for found in other.finish().diagnostics {
            let pointer = crate::ir::Pointer(found.pointer);
            lowering.builder.diagnose(found.severity, &pointer, found.message);
        }
    }
    let (consequence, target) = match failure {
        Failure::Next => ("the next action follows", action.next),
        Failure::Ends => ("the flow ends here", Target::Hangup),
    };
    let message = format!("{} is not there yet; {consequence}", action.name);
    lowering.builder.diagnose(Severity::Warning, action.top.pointer(), message);
    lowering.op(action.head, Op::Unavailable { feature: action.name.to_string() });
    lowering.builder.edges(action.head, Edges::always(target).case(Outcome::Done, action.next));
    true
}
