//! The rows of the star codes' modules, whose names begin with `metaflow/` here and in no document.

use crate::lower::Dialect;
use crate::lower::reference::{Kind, Module, Opt, Origin};

const fn row(name: &'static str, ops: &'static [&'static str], doc: &'static str) -> Module {
    Module::new(Dialect::Kazoo, name, ops, doc).origin(Origin::Upstream)
}

const SIDES: Kind = Kind::OneOf(&["self", "peer", "both"]);

pub(super) const MODULES: &[Module] = &[
    row("metaflow/audio_level", &["Sound"], "Makes a party louder or softer.").options(&[
        Opt::new("action", Kind::OneOf(&["start", "stop"]), "Change it, or go back.").default("start"),
        Opt::new("level", Kind::Number, "Steps from -4 to 4.").default("0"),
        Opt::new("mode", Kind::OneOf(&["read", "write"]), "What the party says, or what it hears.")
            .default("write"),
    ]),
    row("metaflow/break", &["Break"], "Stops what the party hears beside the conversation."),
    row(
        "metaflow/callflow",
        &["Subflow", "Number", "Noop"],
        "Ends the conversation; the caller goes on in a callflow.",
    )
    .options(&[
        Opt::new("id", Kind::Id, "The callflow."),
        Opt::new("flow", Kind::Nodes, "A node to go on at, where there is no `id`."),
        Opt::new(
            "captures",
            Kind::Text,
            "The number whose callflow it is; without it what the code captured.",
        ),
        Opt::new("collected", Kind::Text, "As `captures`."),
    ]),
    row("metaflow/hangup", &["Hangup"], "The one who pressed the code hangs up."),
    row("metaflow/hold", &["Hold"], "Puts the other party on hold until a key is pressed.").options(&[
        Opt::new("unhold_key", Kind::Keys, "The key that ends it.").default("1"),
        Opt::new("moh_aleg", Kind::Id, "What the one who holds hears."),
        Opt::new("moh_bleg", Kind::Id, "What the one on hold hears."),
    ]),
    row("metaflow/hold_control", &["Hold"], "Puts the other party on hold, or takes it back.").options(&[
        Opt::new("action", Kind::OneOf(&["hold", "unhold", "toggle"]), "What is done.").default("toggle"),
    ]),
    row("metaflow/intercept", &["Pickup"], "Takes a call that rings elsewhere.").options(&[
        Opt::new("target_id", Kind::Id, "Whose; without it what the code captured."),
        Opt::new("target_type", Kind::OneOf(&["device", "user", "number"]), "What `target_id` is.")
            .default("number"),
        Opt::new("unbridged_only", Kind::Flag, "Only calls that nobody answered yet.").default("true"),
        Opt::new("auto_answer", Kind::Flag, "the phone is in a call already.").default("false").ignored(),
        Opt::new("can_call_self", Kind::Flag, "the caller's own phones count.").default("true").ignored(),
    ]),
    row("metaflow/move", &["Move"], "Moves the conversation to another phone.").options(&[
        Opt::new("device_id", Kind::Id, "The phone."),
        Opt::new(
            "owner_id",
            Kind::Id,
            "The user whose phones ring; without it and `device_id` the caller's own.",
        ),
        Opt::new("auto_answer", Kind::Flag, "the phone rings.").default("false").ignored(),
        Opt::new("can_call_self", Kind::Flag, "the caller's own phones ring.").default("true").ignored(),
        Opt::new("dial_strategy", Kind::Text, "all phones ring at once.").default("simultaneous").ignored(),
    ]),
    row(
        "metaflow/pivot",
        &["Fetch", "If", "Set", "Webhook"],
        "Asks a web server for a callflow; its answer ends the conversation.",
    )
    .options(&[
        Opt::new("voice_url", Kind::Url, "The server.").required(),
        Opt::new("method", Kind::OneOf(&["get", "post"]), "The request's method.").default("get"),
        Opt::new("req_format", Kind::OneOf(&["kazoo", "twiml"]), "What the server answers.").default("kazoo"),
        Opt::new("req_body_format", Kind::OneOf(&["form", "json"]), "The body of a POST.").default("form"),
        Opt::new("req_timeout_ms", Kind::Millis, "The longest wait, 5000 at most.").default("5000"),
        Opt::new("cdr_url", Kind::Url, "Told when the call is over, for TwiML answers."),
        Opt::new("debug", Kind::Flag, "the timeline has every request.").default("false").ignored(),
    ]),
    row("metaflow/play", &["Announce"], "Plays a sound beside the conversation.").options(&[
        Opt::new("id", Kind::Id, "The sound.").required(),
        Opt::new("leg", SIDES, "Who hears it.").default("both"),
    ]),
    row(
        "metaflow/record_call",
        &["RecordToggle", "RecordStart", "RecordStop", "RecordMask", "Set"],
        "Records the conversation.",
    )
    .options(&[
        Opt::new("action", Kind::OneOf(&["start", "stop", "toggle", "mask", "unmask"]), "What is done.")
            .default("toggle"),
        Opt::new("format", Kind::OneOf(&["mp3", "wav"]), "The file's form.").default("wav"),
        Opt::new("url", Kind::Url, "Where the file is sent."),
        Opt::new("method", Kind::OneOf(&["put", "post"]), "How the file is sent.").default("put"),
        Opt::new("time_limit", Kind::Seconds, "The longest recording.").default("3600"),
        Opt::new("media_name", Kind::Text, "The recording's name."),
        Opt::new("label", Kind::Text, "What its author calls it; kept with it."),
        Opt::new("origin", Kind::Text, "Where it says that it comes from; kept with it."),
        Opt::new("record_min_sec", Kind::Seconds, "A shorter one is thrown away.").default("0"),
        Opt::new("record_on_answer", Kind::Flag, "It begins when the call is answered.").default("false"),
        Opt::new("record_on_bridge", Kind::Flag, "It begins when two are connected.").default("false"),
        Opt::new("record_sample_rate", Kind::Count, "Samples a second; without it as many as are heard."),
        Opt::new("should_follow_transfer", Kind::Flag, "It goes on after a transfer.").default("true"),
    ]),
    row("metaflow/relate", &["Relate"], "Lets one member of a conference hear another or not.").options(&[
        Opt::new("conference_id", Kind::Id, "The conference.").required(),
        Opt::new("participant_id", Kind::Id, "The one.").required(),
        Opt::new("other_participant", Kind::Id, "The other.").required(),
        Opt::new("relationship", Kind::OneOf(&["deaf", "clear", "mute"]), "How the one hears the other.")
            .default("clear"),
    ]),
    row("metaflow/resume", &["Hold"], "Lets both talk again after a hold."),
    row("metaflow/say", &["Announce"], "Says something to the one who pressed the code.").options(&[
        Opt::new("text", Kind::Text, "What is said.").required(),
        Opt::new("method", Kind::OneOf(&["none", "pronounced", "iterated", "counted"]), "`iterated` spells."),
        Opt::new("gender", Kind::OneOf(&["feminine", "masculine", "neuter"]), "The voice, without `voice`."),
        Opt::new("voice", Kind::Text, "The voice."),
        Opt::new("language", Kind::Text, "The language."),
        Opt::new("type", Kind::Text, "the text is read as it stands.").ignored(),
    ]),
    row("metaflow/sound_touch", &["Sound"], "Changes how a party sounds.").options(&[
        Opt::new("action", Kind::OneOf(&["start", "stop"]), "Change it, or go back.").default("start"),
        Opt::new("adjust_in_octaves", Kind::Number, "-1 to 1.").default("0"),
        Opt::new("adjust_in_semitones", Kind::Number, "-14 to 14.").default("0"),
        Opt::new("pitch", Kind::Number, "A factor.").default("1.0"),
        Opt::new("rate", Kind::Number, "A factor.").default("1.0"),
        Opt::new("tempo", Kind::Number, "A factor.").default("1.0"),
        Opt::new("hook_dtmf", Kind::Flag, "Keys change it further.").default("false"),
        Opt::new("sending_leg", Kind::Flag, "What the party says instead of what it hears.").default("false"),
    ]),
    row("metaflow/transfer", &["Transfer"], "Connects the other party with somebody else.").options(&[
        Opt::new("target", Kind::Text, "The number; without it what the code captured."),
        Opt::new("captures", Kind::Items, "The number in a list, as Kazoo passes it on."),
        Opt::new(
            "transfer_type",
            Kind::OneOf(&["blind", "attended"]),
            "At once, or after talking with the target.",
        )
        .default("blind"),
        Opt::new(
            "leg",
            Kind::OneOf(&["self", "bleg"]),
            "Who is transferred: the one who asks, or the other.",
        )
        .default("bleg"),
        Opt::new(
            "takeback_dtmf",
            Kind::Keys,
            "Keys that take the other party back before the target answers.",
        )
        .default("*1"),
        Opt::new("timeout", Kind::Seconds, "How long the target rings.").default("20"),
        Opt::new("ringback", Kind::Text, "What the one who transfers hears meanwhile."),
        Opt::new("moh", Kind::Id, "What the one who is transferred hears meanwhile."),
    ]),
    row("metaflow/tts", &["Announce"], "Speaks beside the conversation.").options(&[
        Opt::new("text", Kind::Text, "What is said.").required(),
        Opt::new("leg", SIDES, "Who hears it.").default("self"),
        Opt::new("voice", Kind::Text, "The voice.").default("female"),
        Opt::new("gender", Kind::Text, "The voice, without `voice`."),
        Opt::new("method", Kind::Text, "`iterated` spells."),
        Opt::new("language", Kind::Text, "The language."),
        Opt::new("engine", Kind::Text, "the configured voices speak.").default("flite").ignored(),
        Opt::new("terminators", Kind::Keys, "keys are for star codes.").ignored(),
    ]),
];
