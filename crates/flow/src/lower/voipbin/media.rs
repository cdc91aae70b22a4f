//! VoIPBIN's actions on the call's audio: who answered, recording, transcripts, audio for other machines.
//!
//! All but `amd` go on at once, and none of them ends the flow when it cannot be done.

use super::actions::ANY_KEY;
use super::list::{Action, Lowering, hangup};
use super::variables;
use crate::ir::{
    Assign, Detect, Edges, Feature, FileFormat, Keeping, Mute, Op, Outcome, Record, Side, Sides, Stream,
    Template, Transcribe,
};
use crate::lower::members::Members;
use crate::lower::{Code, timings};

/// Lowers `action` if it is about the call's audio.
pub(super) fn lower(lowering: &mut Lowering, action: &Action<'_>) -> bool {
    match action.name {
        "amd" => amd(lowering, action),
        "recording_start" => recording_start(lowering, action),
        "recording_stop" => lowering.op(action.head, Op::RecordStop),
        "mute" => feature(lowering, action, Feature::Mute(Mute { on: true, side: Side::Own })),
        "external_media_start" => external_media(lowering, action),
        "external_media_stop" => feature(lowering, action, Feature::Stream(Stream::Stop)),
        "transcribe_start" => transcribe(lowering, action),
        "transcribe_stop" => feature(lowering, action, Feature::Transcribe(Transcribe::Stop)),
        "transcribe_recording" => {
            let language = lowering.filled(&action.option, "language");
            let on_end = on_end(lowering, action);
            feature(lowering, action, Feature::Transcribe(Transcribe::Recording { language, on_end }));
        }
        _ => return false,
    }
    true
}

/// A feature of which nothing keeps the next action from following.
pub(super) fn feature(lowering: &mut Lowering, action: &Action<'_>, feature: Feature) {
    lowering.op(action.head, Op::Feature(Box::new(feature)));
}

/// Two nodes where a machine is hung up on: the one that listens and the one that hangs up.
fn amd(lowering: &mut Lowering, action: &Action<'_>) {
    let option = &action.option;
    let handle = option.text(&mut lowering.builder, "machine_handle").unwrap_or_default();
    let handle = handle.trim().to_ascii_lowercase();
    if !["", "hangup", "continue", "delay"].contains(&handle.as_str()) {
        let message = format!("expected hangup, continue or delay, found `{handle}`; continue is taken");
        lowering.builder.report(Code::BadValue, &option.at("machine_handle"), message);
    }
    let given = option.flag(&mut lowering.builder, "async");
    let sync = option.flag(&mut lowering.builder, "sync");
    if sync.is_some() {
        let message = "`sync` is written `async`, with the opposite value";
        lowering.builder.report(Code::Tolerated, &option.at("sync"), message);
    }
    let behind = given.or(sync.map(|sync| !sync)).unwrap_or(false);
    let mut timings = timings::read(&mut lowering.builder, option, (option, timings::TOTAL.name));
    timings::follow(&mut lowering.builder, option, &mut timings);
    let detect = Detect { follows: handle == "delay", answers: false, timings: Box::new(timings) };
    let Op::Hangup(end) = hangup(480, "amd") else { return };
    let end = (handle == "hangup").then_some(end);
    if behind {
        return lowering.op(action.head, Op::DetectBehind { detect, hangup: end });
    }
    lowering.op(action.head, Op::Detect(detect));
    if let Some(end) = end {
        let end = lowering.beside(action, Op::Hangup(end), Edges::always(action.next));
        let edges = Edges::always(action.next).case(Outcome::Key("machine".into()), end);
        lowering.builder.edges(action.head, edges);
    }
}

fn recording_start(lowering: &mut Lowering, action: &Action<'_>) {
    let option = &action.option;
    let format = option.text(&mut lowering.builder, "format").unwrap_or_default();
    let known = FileFormat::from_name(format.trim());
    if known.is_none() && !format.is_empty() {
        let message = format!("expected wav, mp3 or ogg, found `{format}`; a WAV file is made");
        lowering.builder.report(Code::BadValue, &option.at("format"), message);
    }
    let mut seconds =
        |key: &str| option.seconds(&mut lowering.builder, key).filter(|duration| !duration.is_zero());
    let (limit, silence) = (seconds("duration"), seconds("end_of_silence"));
    let stop_keys = end_keys(lowering, option);
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
    match lowering.id(option, "on_end_flow_id") {
        None => lowering.op(action.head, Op::RecordStart(record)),
        Some(flow) => {
            let start = lowering.beside(action, Op::RecordStart(record), Edges::always(action.next));
            let flow = lowering.template(&flow);
            feature(lowering, action, Feature::AfterRecording(flow));
            lowering.builder.edges(action.head, Edges::always(start));
        }
    }
}

/// `none`, `any`, or keys.
fn end_keys(lowering: &mut Lowering, option: &Members<'_>) -> String {
    let keys = option.text(&mut lowering.builder, "end_of_key").unwrap_or_default().to_ascii_uppercase();
    match keys.trim() {
        "" | "NONE" => String::new(),
        "ANY" => ANY_KEY.into(),
        keys if keys.chars().all(|key| ANY_KEY.contains(key)) => keys.to_owned(),
        other => {
            let message = format!("expected none, any, or keys such as `#`, found `{other}`; no key ends it");
            lowering.builder.report(Code::BadValue, &option.at("end_of_key"), message);
            String::new()
        }
    }
}

/// The flow that runs when something is over.
pub(super) fn on_end(lowering: &mut Lowering, action: &Action<'_>) -> Option<Template> {
    let id = lowering.id(&action.option, "on_end_flow_id")?;
    Some(lowering.template(&id))
}

/// One side of the call: `in` is what the party says, `out` what it hears.
fn side(lowering: &mut Lowering, option: &Members<'_>, key: &str) -> Option<Side> {
    let word = option.text(&mut lowering.builder, key)?.trim().to_ascii_lowercase();
    match word.as_str() {
        "in" => Some(Side::Own),
        "out" => Some(Side::Peer),
        "both" => Some(Side::Both),
        "" => None,
        other => {
            let message = format!("expected in, out or both, found `{other}`; both is taken");
            lowering.builder.report(Code::BadValue, &option.at(key), message);
            Some(Side::Both)
        }
    }
}

/// What is said is written down; which language and which side is known from then on as `voipbin.transcribe.*`.
fn transcribe(lowering: &mut Lowering, action: &Action<'_>) {
    let option = &action.option;
    let (language, provider) = (lowering.filled(option, "language"), lowering.filled(option, "provider"));
    let direction = side(lowering, option, "direction").unwrap_or(Side::Both);
    let word = match direction {
        Side::Own => "in",
        Side::Peer => "out",
        Side::Both => "both",
    };
    let set = |name: &str, value| Assign {
        path: vec![format!("voipbin.transcribe.{name}")],
        computed: None,
        value,
        merge: false,
    };
    let spoken = language.as_ref().map_or_else(|| variables::text(""), variables::filled);
    let assigns = vec![set("language", spoken), set("direction", variables::text(word))];
    let on_end = on_end(lowering, action);
    let start = Transcribe::Start { language, provider, side: direction, on_end };
    let edges = Edges::always(action.next);
    let start = lowering.beside(action, Op::Feature(Box::new(Feature::Transcribe(start))), edges);
    lowering.op(action.head, Op::Set(assigns));
    lowering.builder.edges(action.head, Edges::always(start));
}

/// The older `direction` says what is listened to and where the machine is heard at once.
fn external_media(lowering: &mut Lowering, action: &Action<'_>) {
    let option = &action.option;
    let Some(to) = lowering.filled(option, "external_host") else {
        // A failed call action: the next one follows.
        return lowering.missing(action, "external_host");
    };
    let both = side(lowering, option, "direction").unwrap_or(Side::Both);
    let listen = side(lowering, option, "direction_listen").unwrap_or(both);
    let speak = side(lowering, option, "direction_speak").unwrap_or(both);
    let format = lowering.filled(option, "format").unwrap_or_else(|| Template::literal("ulaw"));
    let usual = [
        ("type", "normal"),
        ("encapsulation", "rtp"),
        ("transport", "udp"),
        ("connection_type", "client"),
        ("transport_data", ""),
        ("data", ""),
    ];
    let mut settings = Vec::new();
    for (key, usual) in usual {
        if let Some(value) = lowering.filled(option, key).filter(|value| value.as_literal() != Some(usual)) {
            settings.push((key.to_owned(), value));
        }
    }
    let start = Stream::Start { to, format, listen, speak, settings };
    feature(lowering, action, Feature::Stream(start));
}
