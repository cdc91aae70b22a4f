//! The rows of a call route's modules.

use crate::lower::Dialect;
use crate::lower::reference::{Kind, Module, Opt, Origin};

/// All rows.
pub(in crate::lower) const TABLES: &[&[Module]] = &[MODULES, WILD];

/// What every module has.
pub(in crate::lower) const COMMON: &[Opt] =
    &[Opt::new("module", Kind::Text, "The module's name.").required()];

const fn module(name: &'static str, ops: &'static [&'static str], doc: &'static str) -> Module {
    Module::new(Dialect::Callroute, name, ops, doc)
}

const fn wild(name: &'static str, ops: &'static [&'static str], doc: &'static str) -> Module {
    module(name, ops, doc).origin(Origin::Upstream)
}

const NEXT: Opt = Opt::new("next", Kind::Id, "The key of the next module; without it the call ends.");
const SOUND: Opt = Opt::new("sound", Kind::Id, "A sound's uuid, name or URL.");
const RINGTONE: Opt =
    Opt::new("ringtone", Kind::Id, "A sound or playlist that the caller hears instead of ringing.");
const ANNOUNCEMENT: Opt =
    Opt::new("announcement", Kind::Id, "A sound that the callee hears before being connected.");
const DURATION: Opt = Opt::new("duration", Kind::Seconds, "How long it rings.").default("30");
const NOANSWER: Opt = Opt::new("noanswer", Kind::Id, "The key of the next module if nobody answers.");
const EXTENSIONS: Opt = Opt::new(
    "extensions",
    Kind::Items,
    "Who rings, all at once: `{type: sipuser, uuid}`, `{type: huntgroup, uuid}`, `{type: forward, number}`; also `trunk` and `callflow` with `uuid`.",
);
const ON_BUSY: Opt = Opt::new("busy", Kind::Id, "The key of the next module if the callee is busy.");
const ON_UNAVAILABLE: Opt =
    Opt::new("unavailable", Kind::Id, "The key of the next module if no phone is there.");
const ON_ANSWER: Opt = Opt::new("answer", Kind::Id, "The key of the next module after the conversation.");
const UUID: Opt = Opt::new("uuid", Kind::Id, "Its uuid.").required();
const PIN: Opt = Opt::new("pin", Kind::Keys, "The digits that open the room; ten tries.");
const MUSIC: Opt = Opt::new("music", Kind::Id, "A playlist for a member who is alone.");
const WELCOME: Opt = Opt::new("announcement", Kind::Id, "A sound that a member hears on joining.");

type EdgeRow = (&'static str, &'static str);
const ON: EdgeRow = ("next", "always");
const AFTER_TALK: EdgeRow = ("end", "after the conversation: the call ends");
const NOBODY: EdgeRow =
    ("noanswer", "nobody answered, busy, refused or not there; without it the caller gets the refusal");

const MODULES: &[Module] = &[
    module("start", &["Noop"], "Where the route begins.").options(&[NEXT]).edges(&[ON]),
    module("recording", &["RecordStart"], "Records both parties from here to the end of the call.")
        .options(&[NEXT])
        .edges(&[ON]),
    module("musiconhold", &["HoldMusic"], "Sets the hold music from here on.")
        .options(&[Opt::new("class", Kind::Id, "A playlist's uuid.").required(), NEXT])
        .edges(&[ON]),
    module("calleridmatch", &["If"], "Branches on the caller's number, without its `+`.")
        .options(&[
            Opt::new("patterns", Kind::Items, "Regular expressions, searched for; `anonymous` and `unavailable` find callers without a number.").required(),
            Opt::new("match", Kind::Id, "The key of the next module if one is found."),
            Opt::new("nomatch", Kind::Id, "The key of the next module if none is found."),
        ])
        .edges(&[("match", "a pattern is found"), ("nomatch", "none is found")]),
    module("play", &["Play"], "Plays a sound to its end.").answers().options(&[SOUND.required(), NEXT]).edges(&[ON]),
    module("extension", &["Dial"], "Rings users, hunt groups and numbers outside, and connects whoever answers first.")
        .options(&[EXTENSIONS.required(), DURATION, RINGTONE, ANNOUNCEMENT, NOANSWER, ON_BUSY, ON_UNAVAILABLE, ON_ANSWER])
        .edges(&[
            AFTER_TALK,
            NOBODY,
            ("busy", "the callee is busy (seen in the wild)"),
            ("unavailable", "no phone is there (seen in the wild)"),
            ("answer", "after the conversation, instead of the end (seen in the wild)"),
        ]),
    module("pressextension", &["Collect"], "Plays a sound and branches on the key that is pressed, which stops the sound.")
        .answers()
        .options(&[
            SOUND,
            Opt::new("duration", Kind::Seconds, "Time for a key, from the sound's end.").default("10"),
            Opt::new("next", Kind::Object, "Modules by key; `invalid` and `timeout` beside them. Keys of several digits wait 5 s for the rest.").required(),
        ])
        .edges(&[("a key", "it was pressed"), ("invalid", "another key was pressed"), ("timeout", "no key in time")]),
    module("dialbyextension", &["Collect", "Dial", "Leave"], "Takes an extension, ended by `#` or by 5 s without a key, and rings its user.")
        .answers()
        .options(&[
            SOUND,
            Opt::new("wait_duration", Kind::Seconds, "Time for the first key, from the sound's end.").default("10"),
            Opt::new("dial_duration", Kind::Seconds, "How long it rings.").default("30"),
            RINGTONE,
            Opt::new("announcement", Kind::Id, "A sound that the callee hears before being connected (seen in the wild)."),
            Opt::new("next", Kind::Object, "Modules for `invalid` and `timeout`.").required(),
            Opt::new("noanswer", Kind::Id, "The key of the next module if nobody answers, or `sipuser_voicemail` for that user's own mailbox."),
        ])
        .edges(&[AFTER_TALK, ("invalid", "nobody has this extension"), ("timeout", "no key in time"), NOBODY]),
    module("busy", &["Play", "Hangup"], "The busy tone of the country (`media.country`) as early media, then 486; a caller who was answered is hung up on.")
        .options(&[Opt::new("duration", Kind::Seconds, "How long the tone sounds.").default("3")])
        .edges(&[("end", "always")]),
    module("voicemail", &["Leave", "Answer"], "The caller leaves one message, which is put into every box.")
        .answers()
        .options(&[
            Opt::new("mailboxes", Kind::Items, "The boxes' uuids.").required(),
            Opt::new("noanswer", Kind::Id, "The key of the next module if there is no such box (seen in the wild)."),
            Opt::new("next", Kind::Id, "As `noanswer`."),
        ])
        .edges(&[("end", "the message was left"), ("noanswer", "there is no such box")]),
    module("conference", &["Conference"], "A room of this module's own; whoever comes here meets.")
        .answers()
        .options(&[
            PIN,
            MUSIC,
            WELCOME,
            NEXT,
            Opt::new("uuid", Kind::Id, "A room's uuid: modules that name the same one meet (seen in the wild)."),
            Opt::new("name", Kind::Text, "As `uuid`."),
            Opt::new("room", Kind::Text, "As `uuid`."),
        ])
        .edges(&[("next", "the caller left, or knew no PIN; without it the call ends")]),
    module("trunk", &["Dial"], "Sends the call on by a trunk, to the number that was called.")
        .options(&[UUID, RINGTONE, ANNOUNCEMENT, NOANSWER])
        .edges(&[AFTER_TALK, NOBODY]),
    module("fax", &["Fax", "Answer"], "Receives a fax.")
        .answers()
        .options(&[NOANSWER, Opt::new("next", Kind::Id, "As `noanswer`.")])
        .edges(&[("end", "the fax was received"), ("noanswer", "none can be received")]),
];

/// Modules of the same system that are documented nowhere, and were seen in routes.
const WILD: &[Module] = &[
    wild("backupextension", &["Dial"], "As `extension`.").options(&[
        EXTENSIONS.required(),
        DURATION,
        RINGTONE,
        ANNOUNCEMENT,
        NOANSWER,
        ON_BUSY,
        ON_UNAVAILABLE,
        ON_ANSWER,
    ]),
    wild("forwardcall", &["Dial"], "Rings one number outside.").aliases(&["offnetconnect"]).options(&[
        Opt::new("number", Kind::Text, "The number, in E.164."),
        DURATION,
        RINGTONE,
        ANNOUNCEMENT,
        NOANSWER,
        Opt::new("extensions", Kind::Items, "As in `extension`."),
        ON_BUSY,
        ON_UNAVAILABLE,
        ON_ANSWER,
    ]),
    wild("room", &["Conference"], "As `conference`.").answers().options(&[
        PIN,
        MUSIC,
        WELCOME,
        NEXT,
        Opt::new("uuid", Kind::Id, "The room's uuid."),
        Opt::new("name", Kind::Text, "As `uuid`."),
        Opt::new("room", Kind::Text, "As `uuid`."),
    ]),
    wild("callqueue", &["Queue", "Answer"], "Waits for an agent of a queue.").answers().options(&[
        UUID,
        Opt::new("duration", Kind::Seconds, "Longest wait."),
        NOANSWER,
        Opt::new("next", Kind::Id, "As `noanswer`."),
    ]),
    wild("callflow", &["Subflow"], "Another route takes the call.").options(&[
        UUID,
        NOANSWER,
        Opt::new("next", Kind::Id, "As `noanswer`."),
    ]),
    wild("diary", &["Unavailable"], "An out-of-hours diary; what stands in it is documented nowhere.")
        .aliases(&["outofhours"])
        .options(&[NOANSWER, Opt::new("next", Kind::Id, "Where the route goes on.")]),
    wild("sleep", &["Sleep"], "Waits.")
        .options(&[Opt::new("duration", Kind::Millis, "How long.").default("1000"), NEXT]),
    wild("hangup", &["Hangup"], "Ends the call."),
];
