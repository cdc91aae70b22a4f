//! VoIPBIN's actions that a caller hears or answers with keys.
//!
//! Only `talk` answers; anything else that sounds before `answer` is early media.

use std::time::Duration;

use serde_json::{Value, json};

use super::list::{Action, Lowering};
use super::variables::DIGITS;
use crate::ir::{
    Barge, Collect, Expr, Item, Op, Play, Repeat, SendDigits, SpeechItem, Template, TimerStart, Tone,
    TypeAhead,
};
use crate::lower::Code;

/// How long `echo` lasts when it does not say.
const ECHO: Duration = Duration::from_secs(180);

/// Every key of a telephone.
pub(super) const ANY_KEY: &str = "0123456789*#ABCD";

/// Lowers `action` if it is known.
pub(super) fn lower(lowering: &mut Lowering, action: &Action<'_>) -> bool {
    match action.name {
        "answer" => lowering.op(action.head, Op::Answer),
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
        _ => return false,
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

fn play(lowering: &mut Lowering, action: &Action<'_>) {
    let mut items = Vec::new();
    for key in ["stream_urls", "stream_url"] {
        let pointer = action.option.at(key);
        let urls = match action.option.get(key) {
            None => continue,
            Some(Value::Array(urls)) => urls.as_slice(),
            Some(one) => {
                if one.is_string() {
                    let message = "one URL without a list is taken as a list of one";
                    lowering.builder.report(Code::Tolerated, &pointer, message);
                }
                std::slice::from_ref(one)
            }
        };
        if key == "stream_url" && !items.is_empty() {
            let message = "`stream_urls` goes before its old name `stream_url`, which is not played";
            lowering.builder.report(Code::ConflictingOptions, &pointer, message);
            break;
        }
        if key == "stream_url" {
            let message = "`stream_url` is the old name of `stream_urls`";
            lowering.builder.report(Code::Tolerated, &pointer, message);
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
    let option = &action.option;
    let text = lowering.text(option, "text").unwrap_or_else(|| {
        lowering.missing(action, "text");
        Template::default()
    });
    let language = lowering.filled(option, "language");
    let (voice, gender) = (lowering.filled(option, "voice_id"), lowering.filled(option, "gender"));
    let voice = voice.or(gender);
    provider(lowering, action);
    let barge = match option.text(&mut lowering.builder, "digits_handle").unwrap_or_default().as_str() {
        "" | "none" => Barge::None,
        "next" => Barge::Any,
        other => {
            let message = format!("expected `next` or nothing, found `{other}`; keys do not stop the text");
            lowering.builder.report(Code::BadValue, &option.at("digits_handle"), message);
            Barge::None
        }
    };
    let behind = option.flag(&mut lowering.builder, "async").unwrap_or(false);
    let items = vec![Item::Speech(SpeechItem { text, language, voice })];
    // The key that stops it stays in `voipbin.call.digits`.
    let talk = Play { items, repeat: Repeat::Times(1), barge, consume: false, answers: true };
    lowering.op(action.head, if behind { Op::PlayBehind(talk) } else { Op::Play(talk) });
}

/// The voices are the ones that are configured, whoever's they are.
fn provider(lowering: &mut Lowering, action: &Action<'_>) {
    let provider = action.option.text(&mut lowering.builder, "provider").unwrap_or_default();
    if !provider.is_empty() {
        let message = format!("the configured voice speaks, not one of `{provider}`");
        lowering.builder.report(Code::Approximated, &action.option.at("provider"), message);
    }
}

fn digits_receive(lowering: &mut Lowering, action: &Action<'_>) {
    let option = &action.option;
    // Not given or 0: what was typed ahead counts, and nothing is waited for.
    let total = option.millis(&mut lowering.builder, "duration").unwrap_or_default();
    if total.is_zero() {
        let message = "without a `duration` (milliseconds) no key is waited for";
        lowering.builder.report(Code::MissingOption, option.pointer(), message);
    }
    let terminators = option.text(&mut lowering.builder, "key").unwrap_or_default().to_ascii_uppercase();
    if let Some(odd) = terminators.chars().find(|c| !ANY_KEY.contains(*c)) {
        let message = format!("expected keys of a telephone (0-9, *, #, A-D), found `{odd}`");
        lowering.builder.report(Code::BadValue, &option.at("key"), message);
    }
    let max = match option.count(&mut lowering.builder, "length") {
        Some(0) => None,
        None if terminators.is_empty() => Some(1),
        length => length,
    };
    let collect = Collect {
        answers: false,
        max,
        terminators,
        keep_terminator: true,
        total: Some(total),
        timer: TimerStart::Entry,
        ahead: TypeAhead::Last,
        into: vec![DIGITS.into()],
        by_value: false,
        ..Collect::new(Vec::new(), total)
    };
    lowering.op(action.head, Op::Collect(collect));
}

fn digits_send(lowering: &mut Lowering, action: &Action<'_>) {
    let option = &action.option;
    let Some(digits) = lowering.text(option, "digits") else { return lowering.missing(action, "digits") };
    if let Some(text) = digits.as_literal() {
        let odd = text.chars().find(|c| !ANY_KEY.contains(c.to_ascii_uppercase()));
        if text.chars().count() > 100 || odd.is_some() {
            let message = "expected up to 100 of 0-9, A-D, * and #";
            lowering.builder.report(Code::BadValue, &option.at("digits"), message);
        }
    }
    let mut limited = |key: &str, default: u64, low: u64, high: u64| {
        let given = option.millis(&mut lowering.builder, key).map(|given| given.as_millis() as u64);
        let value = given.unwrap_or(default);
        if !(low..=high).contains(&value) {
            let message = format!("expected {low} to {high} milliseconds, found {value}");
            lowering.builder.report(Code::OutOfRange, &option.at(key), message);
        }
        Duration::from_millis(value.clamp(low, high))
    };
    let (duration, gap) = (limited("duration", 500, 100, 1000), limited("interval", 500, 0, 5000));
    lowering.op(action.head, Op::SendDigits(SendDigits { digits, duration, gap }));
}

fn pause(lowering: &mut Lowering, action: &Action<'_>) {
    let duration = lowering.amount(&action.option, "duration").unwrap_or_else(|| {
        lowering.missing(action, "duration");
        Expr::Literal(json!(0))
    });
    lowering.op(action.head, Op::Sleep(duration));
}
