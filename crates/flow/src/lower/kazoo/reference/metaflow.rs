//! The rows of the star codes' modules, whose names begin with `metaflow/` here and in no document.

use super::logic::{LANGUAGE, PIVOT, SAY_GENDER, SAY_METHOD, SAY_TYPE, TEXT, TTS_GENDER, TTS_METHOD, VOICE};
use super::service::recording;
use super::upstream;
use crate::lower::reference::{Kind, Module, Opt};

const SIDES: Kind = Kind::OneOf(&["self", "peer", "both"]);
const CHANGE: Opt =
    Opt::new("action", Kind::OneOf(&["start", "stop"]), "Change it, or go back.").default("start");
const RECORDING: &[Opt] = &recording("toggle");

pub(super) const MODULES: &[Module] = &[
    upstream("metaflow/audio_level", &["Sound"], "Makes a party louder or softer.").options(&[
        CHANGE,
        Opt::new("level", Kind::Number, "Steps from -4 to 4.").default("0"),
        Opt::new("mode", Kind::OneOf(&["read", "write"]), "What the party says, or what it hears.")
            .default("write"),
    ]),
    upstream("metaflow/break", &["Break"], "Stops what the party hears beside the conversation."),
    upstream(
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
    upstream("metaflow/hangup", &["Hangup"], "The one who pressed the code hangs up."),
    upstream("metaflow/hold", &["Hold"], "Puts the other party on hold until a key is pressed.").options(&[
        Opt::new("unhold_key", Kind::Keys, "The key that ends it.").default("1"),
        Opt::new("moh_aleg", Kind::Id, "What the one who holds hears."),
        Opt::new("moh_bleg", Kind::Id, "What the one on hold hears."),
    ]),
    upstream("metaflow/hold_control", &["Hold"], "Puts the other party on hold, or takes it back.").options(
        &[Opt::new("action", Kind::OneOf(&["hold", "unhold", "toggle"]), "What is done.").default("toggle")],
    ),
    upstream("metaflow/intercept", &["Pickup"], "Takes a call that rings elsewhere.").options(&[
        Opt::new("target_id", Kind::Id, "Whose; without it what the code captured."),
        Opt::new("target_type", Kind::OneOf(&["device", "user", "number"]), "What `target_id` is.")
            .default("number"),
        Opt::new("unbridged_only", Kind::Flag, "Only calls that nobody answered yet.").default("true"),
        Opt::new("auto_answer", Kind::Flag, "the phone is in a call already.").default("false").ignored(),
        Opt::new("can_call_self", Kind::Flag, "the caller's own phones count.").default("true").ignored(),
    ]),
    upstream("metaflow/move", &["Move"], "Moves the conversation to another phone.").options(&[
        Opt::new("device_id", Kind::Id, "The phone."),
        Opt::new(
            "owner_id",
            Kind::Id,
            "The user whose phones ring; without it and `device_id` one's own, of whoever pressed the code.",
        ),
        Opt::new("auto_answer", Kind::Flag, "the phone rings.").default("false").ignored(),
        Opt::new("can_call_self", Kind::Flag, "the caller's own phones ring.").default("true").ignored(),
        Opt::new("dial_strategy", Kind::Text, "all phones ring at once.").default("simultaneous").ignored(),
    ]),
    upstream(
        "metaflow/pivot",
        &["Fetch", "If", "Set", "Webhook"],
        "Asks a web server for a callflow; its answer ends the conversation.",
    )
    .options(PIVOT),
    upstream("metaflow/play", &["Announce"], "Plays a sound beside the conversation.").options(&[
        Opt::new("id", Kind::Id, "The sound.").required(),
        Opt::new("leg", SIDES, "Who hears it.").default("both"),
    ]),
    upstream(
        "metaflow/record_call",
        &["RecordToggle", "RecordStart", "RecordStop", "RecordMask", "Set"],
        "Records the conversation.",
    )
    .options(RECORDING),
    upstream("metaflow/relate", &["Relate"], "Lets one member of a conference hear another or not.").options(
        &[
            Opt::new("conference_id", Kind::Id, "The conference.").required(),
            Opt::new("participant_id", Kind::Id, "The one.").required(),
            Opt::new("other_participant", Kind::Id, "The other.").required(),
            Opt::new("relationship", Kind::OneOf(&["deaf", "clear", "mute"]), "How the one hears the other.")
                .default("clear"),
        ],
    ),
    upstream("metaflow/resume", &["Hold"], "Lets both talk again after a hold."),
    upstream("metaflow/say", &["Announce"], "Says something to the one who pressed the code.")
        .options(&[TEXT, SAY_METHOD, SAY_GENDER, VOICE, LANGUAGE, SAY_TYPE]),
    upstream("metaflow/sound_touch", &["Sound"], "Changes how a party sounds.").options(&[
        CHANGE,
        Opt::new("adjust_in_octaves", Kind::Number, "-1 to 1.").default("0"),
        Opt::new("adjust_in_semitones", Kind::Number, "-14 to 14.").default("0"),
        Opt::new("pitch", Kind::Number, "A factor.").default("1.0"),
        Opt::new("rate", Kind::Number, "A factor.").default("1.0"),
        Opt::new("tempo", Kind::Number, "A factor.").default("1.0"),
        Opt::new("hook_dtmf", Kind::Flag, "Keys change it further.").default("false"),
        Opt::new("sending_leg", Kind::Flag, "What the party says instead of what it hears.").default("false"),
    ]),
    upstream("metaflow/transfer", &["Transfer"], "Connects the other party with somebody else.").options(&[
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
            "Keys that take the other party back, before the target answers and after it.",
        )
        .default("*1"),
        Opt::new("timeout", Kind::Seconds, "How long the target rings.").default("20"),
        Opt::new("ringback", Kind::Text, "What the one who transfers hears meanwhile."),
        Opt::new("moh", Kind::Id, "What the one who is transferred hears meanwhile."),
    ]),
    upstream("metaflow/tts", &["Announce"], "Speaks beside the conversation.").options(&[
        TEXT,
        Opt::new("leg", SIDES, "Who hears it.").default("self"),
        VOICE.default("female"),
        TTS_GENDER,
        TTS_METHOD,
        LANGUAGE,
        Opt::new("engine", Kind::Text, "the configured voices speak.").default("flite").ignored(),
        Opt::new("terminators", Kind::Keys, "keys are for star codes.").ignored(),
    ]),
];
