//! The rows of the modules that record, and of those that hand over to a service.

use super::{SKIPS, seed, upstream};
use crate::lower::reference::{Kind, Module, Opt};

const FORMAT: Opt = Opt::new("format", Kind::OneOf(&["mp3", "wav"]), "The file's form.").default("wav");
const URL: Opt = Opt::new(
    "url",
    Kind::Url,
    "Where the file is sent, as `call_recording_` with the call's id, or as `media_name`.",
);
const METHOD: Opt = Opt::new("method", Kind::OneOf(&["put", "post"]), "How it is sent.").default("put");
const LIMIT: Opt =
    Opt::new("time_limit", Kind::Seconds, "The longest recording, 5 to 10800.").default("3600");
const NAME: Opt = Opt::new("media_name", Kind::Text, "The recording's name, here and where it is sent.");
const MEDIA: Opt =
    Opt::new("media", Kind::Object, "`fax_option`: whether T.38 is wanted; `auto` for as the far end wants.");
const RECIPIENTS: Opt =
    Opt::new("recipients", Kind::Items, "Objects with `type` (user, email) and `id`, one or a list.")
        .required();
const FAXED: &[(&str, &str)] = &[("stop", "however it went"), ("_", "fax is not configured")];

/// The options of a recording in the background; `action` is what is done unless something is said.
pub(super) const fn recording(action: &'static str) -> [Opt; 13] {
    [
        Opt::new("action", Kind::OneOf(&["start", "stop", "toggle", "mask", "unmask"]), "What is done.")
            .default(action),
        FORMAT,
        URL,
        METHOD,
        LIMIT,
        NAME,
        Opt::new("label", Kind::Text, "What its author calls it; kept with it."),
        Opt::new("origin", Kind::Text, "Where it says that it comes from; kept with it."),
        Opt::new("record_min_sec", Kind::Seconds, "A shorter one is thrown away.").default("0"),
        Opt::new("record_on_answer", Kind::Flag, "It begins when the call is answered.").default("false"),
        Opt::new("record_on_bridge", Kind::Flag, "It begins when two are connected.").default("false"),
        Opt::new("record_sample_rate", Kind::Count, "Samples a second; without it as many as are heard."),
        Opt::new("should_follow_transfer", Kind::Flag, "It goes on after a transfer.").default("true"),
    ]
}

const RECORDING: &[Opt] = &recording("start");

pub(super) const MODULES: &[Module] = &[
    seed("record_call", &["RecordStart", "RecordStop", "RecordToggle", "RecordMask", "Set"], "Records both sides in the background, or stops doing so.")
        .options(RECORDING)
        .edges(&[("_", "at once")]),
    seed("record_caller", &["Record", "Set"], "Records the caller until a key, the limit or the end of the call.")
        .answers()
        .options(&[FORMAT, URL, METHOD, LIMIT, NAME])
        .edges(SKIPS),
    seed("voicemail", &["Answer", "Leave", "Mailbox", "Subflow"], "Lets the caller leave a message, or listen to messages.")
        .answers()
        .options(&[
            Opt::new("action", Kind::OneOf(&["compose", "check"]), "Leave, or listen.").default("compose"),
            Opt::new("id", Kind::Id, "The box; without it the captured number. What is said of it may stand in the document's `vmboxes`."),
            Opt::new("max_message_length", Kind::Seconds, "The longest message.").default("500"),
            Opt::new("interdigit_timeout", Kind::Millis, "Time between keys.").default("2000"),
            Opt::new("single_mailbox_login", Kind::Flag, "A caller with one box only is not asked which.").default("false"),
            Opt::new("callerid_match_login", Kind::Flag, "The box of the caller's number is taken without asking.").default("false"),
        ])
        .edges(&[("_", "afterwards, also when the box is full or there is none"), ("operator", "0 was pressed: the box's `operator_number` is called, then `_`")]),
    upstream("receive_fax", &["Fax"], "Receives a fax.")
        .options(&[Opt::new("owner_id", Kind::Id, "Whose it is."), MEDIA])
        .edges(FAXED),
    upstream("faxbox", &["Fax"], "Receives a fax into a box.")
        .options(&[Opt::new("id", Kind::Id, "The box."), Opt::new("faxbox_id", Kind::Id, "The box, without `id`."), MEDIA])
        .edges(FAXED),
    upstream("fax_detect", &["FaxDetect"], "Listens for a fax machine.")
        .options(&[Opt::new("duration", Kind::Seconds, "How long.").default("5")])
        .edges(&[("ON_FAX", "it is one"), ("ON_VOICE", "it is none, or nothing can listen"), ("_", "there is no such child")]),
    upstream("acdc_member", &["Queue"], "Lets the caller wait for an agent.")
        .options(&[
            Opt::new("id", Kind::Id, "The queue.").required(),
            Opt::new("priority", Kind::Count, "Higher ones come first.").default("0"),
        ])
        .edges(&[("stop", "a conversation is over"), ("_", "the queue is full, nobody is there, the wait is over, or the caller left by key")]),
    upstream("acdc_agent", &["Agent", "Presence"], "The caller comes, goes, rests or goes on as an agent.")
        .options(&[
            Opt::new("action", Kind::OneOf(&["login", "logout", "paused", "resume"]), "What is done.").required(),
            Opt::new("timeout", Kind::Seconds, "How long a pause lasts; without it until `resume`."),
            Opt::new("presence_id", Kind::Id, "Whose lamp shows it."),
            Opt::new(
                "presence_state",
                Kind::OneOf(&["early", "confirmed", "terminated", "red_flash", "red_solid", "green"]),
                "What the lamp shows; without it green for one who works, flashing for a pause, red for one who is gone.",
            ),
        ])
        .edges(SKIPS),
    upstream("acdc_queue", &["Agent"], "The caller comes to a queue as an agent, or leaves it.")
        .options(&[
            Opt::new("action", Kind::OneOf(&["login", "logout"]), "Comes, or leaves.").default("login"),
            Opt::new("id", Kind::Id, "The queue; without it all of the agent's."),
        ])
        .edges(SKIPS),
    upstream("acdc_wait_time", &["WaitTime"], "Chooses by how long callers waited in a queue on average.")
        .options(&[
            Opt::new("id", Kind::Id, "The queue.").required(),
            Opt::new("window", Kind::Seconds, "Of those who came within so long."),
        ])
        .edges(&[("a number", "the highest number of seconds that they waited at least"), ("_", "there is none")]),
    upstream("missed_call_alert", &["Message", "Noop"], "Mail at the end, if nobody talked to the caller and no message was left.")
        .options(&[RECIPIENTS])
        .edges(&[("_", "at once")]),
    upstream("notification", &["Message", "Noop"], "Sends mail or texts.")
        .options(&[
            RECIPIENTS,
            Opt::new("template_id", Kind::Id, "What it is made from."),
            Opt::new("comments", Kind::Text, "What it is about."),
            Opt::new("notification_media", Kind::Items, "`email`, `sms`.").default("[\"email\"]"),
            Opt::new("send_at", Kind::OneOf(&["callflow_exec", "channel_destroy"]), "Now, or when the call is over.").default("channel_destroy"),
        ])
        .edges(&[("_", "at once")]),
    upstream("edr", &["Event"], "Writes an event record.")
        .options(&[Opt::new("id", Kind::Id, "What it is called."), Opt::new("data", Kind::Any, "What it says.")])
        .edges(SKIPS),
    upstream("function", &["Event"], "Runs a function elsewhere.")
        .options(&[Opt::new("id", Kind::Id, "The function."), Opt::new("data", Kind::Any, "What it is told.")])
        .edges(SKIPS),
];
