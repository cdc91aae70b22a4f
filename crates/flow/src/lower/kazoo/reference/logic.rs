//! The rows of the modules that speak, listen and choose.

use super::{SKIPS, seed, upstream};
use crate::lower::reference::{Kind, Module, Opt};

const TERMINATORS: Opt =
    Opt::new("terminators", Kind::Keys, "Keys that stop it; an empty list for none.").default("1234567890*#");
const ENDLESS: Opt =
    Opt::new("endless_playback", Kind::Flag, "Again and again until a key.").default("false");
const HUNT_ALLOW: Opt = Opt::new("hunt_allow", Kind::Pattern, "Numbers that may be called so.");
const HUNT_DENY: Opt = Opt::new("hunt_deny", Kind::Pattern, "Numbers that may not.");

/// What is said, in modules that speak.
pub(super) const TEXT: Opt = Opt::new("text", Kind::Text, "What is said.").required();
/// Which voice, in modules that speak.
pub(super) const VOICE: Opt = Opt::new("voice", Kind::Text, "The voice.");
/// Which language, in modules that speak.
pub(super) const LANGUAGE: Opt = Opt::new("language", Kind::Text, "The language.");
/// `say`'s way to read.
pub(super) const SAY_METHOD: Opt =
    Opt::new("method", Kind::OneOf(&["none", "pronounced", "iterated", "counted"]), "`iterated` spells.");
/// `say`'s voice by gender.
pub(super) const SAY_GENDER: Opt =
    Opt::new("gender", Kind::OneOf(&["feminine", "masculine", "neuter"]), "The voice, without `voice`.");
/// What kind of thing `say` says.
pub(super) const SAY_TYPE: Opt = Opt::new("type", Kind::Text, "the text is read as it stands.").ignored();
/// `tts`'s way to read.
pub(super) const TTS_METHOD: Opt = Opt::new("method", Kind::Text, "`iterated` spells.");
/// `tts`'s voice by gender.
pub(super) const TTS_GENDER: Opt = Opt::new("gender", Kind::Text, "The voice, without `voice`.");

/// What `pivot` asks whom.
pub(super) const PIVOT: &[Opt] = &[
    Opt::new("voice_url", Kind::Url, "The server.").required(),
    Opt::new("method", Kind::OneOf(&["get", "post"]), "GET with a query, or POST with a body.")
        .default("get"),
    Opt::new(
        "req_format",
        Kind::OneOf(&["kazoo", "twiml"]),
        "What the server will answer; both are read in either case.",
    )
    .default("kazoo"),
    Opt::new("req_body_format", Kind::OneOf(&["form", "json"]), "The body of a POST.").default("form"),
    Opt::new("req_timeout_ms", Kind::Millis, "The longest wait, 5000 at most.").default("5000"),
    Opt::new("cdr_url", Kind::Url, "Told with `req_format` `twiml` when the call is over."),
    Opt::new("debug", Kind::Flag, "the timeline has every request.").default("false").ignored(),
];

pub(super) const MODULES: &[Module] = &[
    upstream("answer", &["Answer"], "Answers the call.").answers().edges(SKIPS),
    upstream("audio_macro", &["Play"], "Plays sounds, tones and speech as one; a key skips the rest.")
        .answers()
        .options(&[
            Opt::new("macros", Kind::Items, "Parts, each with `macro`: play, prompt, say, tts or tone, and that one's options.").required(),
            Opt::new("language", Kind::Text, "The language of parts that name none."),
            TERMINATORS,
            ENDLESS,
        ])
        .edges(SKIPS),
    upstream("branch_bnumber", &["Branch", "If", "Subflow"], "Chooses by what the dialled number's pattern captured.")
        .options(&[
            Opt::new("hunt", Kind::Flag, "A capture without a child is called as a number.").default("false"),
            HUNT_ALLOW,
            HUNT_DENY,
        ])
        .edges(&[("the captured text", "it is exactly this"), ("_", "otherwise")]),
    upstream("branch_variable", &["Branch"], "Chooses by a variable's value.")
        .options(&[
            Opt::new("variable", Kind::Text, "Its name; `Caller-ID-Number` is `caller_id_number`.").required(),
            Opt::new(
                "scope",
                Kind::OneOf(&["custom_channel_vars", "account", "user", "device", "merged"]),
                "Whose variables; all are the call's here.",
            )
            .default("custom_channel_vars"),
        ])
        .edges(&[("the value", "it is exactly this"), ("_", "otherwise")]),
    upstream("callflow", &["Subflow"], "Runs another callflow and comes back.")
        .options(&[Opt::new("id", Kind::Id, "The callflow: its file, its id or its number.").required()])
        .edges(&[("_", "the other callflow is at its end, or there is none")]),
    seed("collect_dtmf", &["Collect"], "Gathers digits; those typed ahead count first.")
        .answers()
        .options(&[
            Opt::new("max_digits", Kind::Count, "Most digits.").default("1"),
            Opt::new("timeout", Kind::Millis, "Time for the first digit.").default("5000"),
            Opt::new("interdigit_timeout", Kind::Millis, "Time between digits.").default("2000"),
            Opt::new("terminator", Kind::Keys, "The key that ends it, which is not kept.").default("#"),
            Opt::new("terminators", Kind::Keys, "Keys that end it, instead of `terminator`."),
            Opt::new("collection_name", Kind::Text, "The name under which `pivot` reports the digits.").default("default"),
        ])
        .edges(&[("_", "afterwards, even without a digit")]),
    seed("conference", &["Conference", "Collect"], "Talks with all who are in a room.")
        .answers()
        .options(CONFERENCE)
        .edges(&[("_", "after leaving; Kazoo hangs up")]),
    upstream("conference_feature", &["Conference"], "As `conference`; the room is what the pattern captured.")
        .answers()
        .options(CONFERENCE)
        .edges(&[("_", "after leaving; Kazoo hangs up")]),
    upstream("dead_air", &["Answer", "WaitForHangup"], "Answers and says nothing.").answers().edges(&[]),
    upstream("directory", &["Answer", "Directory"], "Dials by name.").answers()
        .options(&[Opt::new("id", Kind::Id, "The directory.").required()])
        .edges(&[("_", "the caller left it with 0, or there is none")]),
    upstream(
        "disa",
        &["Answer", "Play", "Collect", "Number", "Jump", "Identify", "Hangup"],
        "Lets a caller dial on: a PIN, a dial tone, and the number that is typed.",
    )
    .answers()
    .options(&[
        Opt::new("pin", Kind::Text, "Wanted before the dial tone; empty for none."),
        Opt::new("retries", Kind::Count, "Tries for the PIN, and for the number.").default("3"),
        Opt::new("max_digits", Kind::Count, "Most digits of the number.").default("15"),
        Opt::new("interdigit", Kind::Millis, "Time between digits.").default("2000"),
        Opt::new("preconnect_audio", Kind::OneOf(&["dialtone", "ringing"]), "What is heard first.").default("dialtone"),
        Opt::new("ring_repeat_count", Kind::Count, "How often it rings, with `ringing`.").default("1"),
        Opt::new("use_account_caller_id", Kind::Flag, "The callee sees the account's number.").default("false"),
        Opt::new("enforce_call_restriction", Kind::Flag, "only numbers of this switch's flows are dialled.").default("false").ignored(),
    ])
    .edges(&[]),
    upstream("flush_dtmf", &["FlushDigits", "Noop"], "Forgets keys typed ahead.")
        .options(&[Opt::new("collection_name", Kind::Text, "Whose keys.").default("default")])
        .edges(SKIPS),
    upstream("hangup", &["Hangup"], "Hangs up; a call that is not answered is refused with 480.").edges(&[]),
    upstream("language", &["Language"], "The language of prompts from here on.")
        .options(&[Opt::new("language", Kind::Text, "`en`, `en-US`.").required()])
        .edges(SKIPS),
    upstream("menu", &["Menu"], "An auto-attendant; its settings stand in the document's `menus`, by `id`, or here.")
        .answers()
        .options(&[
            Opt::new("id", Kind::Id, "The menu in the document's `menus`."),
            Opt::new("media", Kind::Object, "`greeting`, `invalid_media`, `exit_media`, `transfer_media`: a sound, `true` for the usual words, `false` for silence."),
            Opt::new("retries", Kind::Count, "Rounds, 1 to 10.").default("3"),
            Opt::new("timeout", Kind::Millis, "Time for the first digit after the greeting.").default("10000"),
            Opt::new("interdigit_timeout", Kind::Millis, "Time between digits; goes before that of the menu.").default("2000"),
            Opt::new("max_extension_length", Kind::Count, "Most digits, 1 to 6.").default("4"),
            Opt::new("hunt", Kind::Flag, "Digits without a child are called as a number; absent is off, as in Kazoo's code.").default("false"),
            HUNT_ALLOW,
            HUNT_DENY,
            Opt::new("record_pin", Kind::Text, "3 to 6 digits by which a user records a greeting."),
            Opt::new("allow_record_from_offnet", Kind::Flag, "Others may too.").default("false"),
            Opt::new("suppress_media", Kind::Flag, "Nothing but the greeting is heard.").default("false"),
            Opt::new("name", Kind::Text, "a remark.").ignored(),
        ])
        .edges(&[
            ("the digits", "exactly these were pressed"),
            ("timeout", "none were pressed"),
            ("max_retries", "all rounds were used up"),
            ("_", "all rounds were used up, and there is no `max_retries`"),
        ]),
    upstream("noop", &["Noop"], "Does nothing.").edges(SKIPS),
    seed("pivot", &["Fetch", "If", "Set", "Webhook"], "Asks a web server for the rest of the flow: a Kazoo node in JSON, or TwiML.")
        .options(PIVOT)
        .edges(&[("_", "the server did not answer, or not with a flow")]),
    seed("play", &["Play"], "Plays a sound.")
        .answers()
        .options(&[
            Opt::new("id", Kind::Id, "A sound's name or URL, `tone_stream://…`, `silence_stream://ms`, `tts://text`, `tone://busy`, `recording://id`.").required(),
            Opt::new("answer", Kind::Flag, "Answers first; otherwise it is early media.").default("true"),
            Opt::new("loop_count", Kind::Count, "How often.").default("1"),
            TERMINATORS,
            ENDLESS,
        ])
        .edges(SKIPS),
    seed("response", &["Hangup", "Play"], "Refuses the call with a SIP status, after a sound if there is one.")
        .options(&[
            Opt::new("code", Kind::Count, "400 to 699.").default("486"),
            Opt::new("message", Kind::Text, "The reason phrase."),
            Opt::new("media", Kind::Id, "Played first, as early media."),
        ])
        .edges(&[]),
    seed("say", &["Play"], "As `tts`; seed 000 names it so.")
        .answers()
        .options(&[
            TEXT,
            SAY_METHOD,
            SAY_GENDER,
            VOICE,
            LANGUAGE,
            SAY_TYPE,
            TERMINATORS,
            ENDLESS,
        ])
        .edges(SKIPS),
    seed("send_dtmf", &["SendDigits"], "Sends keys to the caller.")
        .options(&[
            Opt::new("digits", Kind::Text, "0 to 9, A to D, `*`, `#`; `w` waits half a second.").required(),
            Opt::new("duration_ms", Kind::Millis, "Each key.").default("2000"),
        ])
        .edges(SKIPS),
    upstream("set", &["Noop"], "Does nothing.").edges(SKIPS),
    upstream("set_variable", &["Set"], "Sets a variable of the call.")
        .options(&[
            Opt::new("variable", Kind::Text, "Its name.").required(),
            Opt::new("value", Kind::Text, "Its value."),
            Opt::new("channel", Kind::OneOf(&["a", "both"]), "variables are the flow's.").default("a").ignored(),
        ])
        .edges(SKIPS),
    upstream("set_variables", &["Set"], "Sets the variables that `pivot` sends as `Custom-Application-Vars`.")
        .options(&[
            Opt::new("custom_application_vars", Kind::Object, "Names and values.").required(),
            Opt::new("export", Kind::Flag, "variables are the flow's.").ignored(),
        ])
        .edges(SKIPS),
    upstream("skel", &["Noop"], "Does nothing.").edges(SKIPS),
    upstream("sleep", &["Sleep"], "Waits, a day at most.")
        .options(&[
            Opt::new("duration", Kind::Number, "How long, in `unit`.").default("0"),
            Opt::new("unit", Kind::OneOf(&["ms", "s", "m", "h"]), "Milliseconds, seconds, minutes, hours.").default("s"),
        ])
        .edges(SKIPS),
    upstream("temporal_route", &["Hours", "Answer", "Setting"], "Chooses by the clock, or forces rules on or off.")
        .options(&[
            Opt::new("rules", Kind::Items, "Ids of the document's `rules`, or rules themselves."),
            Opt::new("rule_set", Kind::Id, "A set in the document's `rule_sets`; its child is `rule_set`."),
            Opt::new("timezone", Kind::Text, "`Europe/Oslo`.").default("UTC"),
            Opt::new("action", Kind::OneOf(&["enable", "disable", "reset", "menu"]), "Changes the rules instead."),
            Opt::new("interdigit_timeout", Kind::Millis, "the menu has its own.").ignored(),
        ])
        .edges(&[("a rule's id", "it is the first that is active"), ("_", "none is, or the rules were changed")]),
    seed("tts", &["Play"], "Speaks.")
        .answers()
        .options(&[
            TEXT,
            Opt::new("voice", Kind::Text, "`male`, `female`, or a voice's name.").default("female"),
            LANGUAGE,
            TTS_GENDER,
            TTS_METHOD,
            Opt::new("engine", Kind::OneOf(&["flite", "google", "ispeech", "voicefabric"]), "the configured voices speak.").ignored(),
            TERMINATORS,
            ENDLESS,
        ])
        .edges(SKIPS),
    upstream("wait_for_hangup", &["WaitForHangup"], "Waits until the caller hangs up.").edges(&[]),
    upstream("webhook", &["Webhook"], "Tells a web server, without waiting.")
        .options(&[
            Opt::new("uri", Kind::Url, "The server.").required(),
            Opt::new("http_verb", Kind::OneOf(&["post", "get"]), "How.").default("post"),
            Opt::new("retries", Kind::Count, "More tries, 5 at most.").default("0"),
            Opt::new("custom_data", Kind::Object, "Sent along."),
        ])
        .edges(SKIPS),
];

const CONFERENCE: &[Opt] = &[
    Opt::new("id", Kind::Id, "The room, and its settings in the document's `conferences`."),
    Opt::new("config", Kind::Object, "The room's settings; who names the same `name` meets."),
    Opt::new("moderator", Kind::Flag, "The caller leads the room.").default("false"),
    Opt::new("welcome_prompt", Kind::Object, "`play` and `media_id` of what is heard first."),
    Opt::new("play_entry_tone", Kind::Any, "Whether the others hear who comes.").default("true"),
    Opt::new("play_exit_tone", Kind::Any, "Whether the others hear who goes.").default("true"),
];
