//! The rows of Voxology's actions.
//!
//! Its documentation names all actions and shows the options of a few; the others are as published scripts have them,
//! or our own.

use crate::lower::reference::{Kind, Module, Opt};
use crate::lower::{Dialect, timings};

/// All rows.
pub(in crate::lower) const TABLES: &[&[Module]] = &[HEARD, OTHERS, ASKED, CONTROL];

/// What every action has.
pub(in crate::lower) const COMMON: &[Opt] = &[
    Opt::new("type", Kind::Text, "The action's name.").beside(),
    Opt::new("params", Kind::Object, "The action's parameters.").beside(),
    Opt::new("name", Kind::Text, "The action's name for who reads the script.").beside(),
    Opt::new("comment", Kind::Any, "For who reads the script.").beside(),
    Opt::new("comments", Kind::Any, "For who reads the script.").beside(),
];

const fn action(name: &'static str, ops: &'static [&'static str], doc: &'static str) -> Module {
    Module::new(Dialect::Voxology, name, ops, doc).edges(&[("next", "always")])
}

const LOOP: Opt = Opt::new("loop", Kind::Count, "How often; 0 is for ever.").default("1");
const FINISH: Opt = Opt::new(
    "finish_on_key",
    Kind::Keys,
    "The key that ends it: `pound`, `star`, `#`; `none` for none. It is no part of the result.",
);
const NO: Opt = Opt::new("no", Kind::Template, "The number that is called, or a `sip:` address.").required();
const RING: Opt = Opt::new("timeout", Kind::Seconds, "How long it rings.").default("60");
const LONGEST: Opt =
    Opt::new("max_call_time", Kind::Millis, "The longest call; 0 for no limit.").default("0");
const SESSION: Opt =
    Opt::new("session_data", Kind::Any, "An object, whose texts may have variables, or `$sessionData`.")
        .beside();
const METHODS: &[&str] = &["GET", "POST", "PUT", "DELETE", "PATCH"];
const CONTENT: Opt = Opt::new("content_type", Kind::Text, "`application/json`, `application/xml`, `application/x-www-form-urlencoded` or `query`; a GET asks in its query in any case.").default("application/json");

const HEARD: &[Module] = &[
    action("SAY", &["Play"], "Reads a text to the caller.").answers().options(&[
        Opt::new("text", Kind::Template, "The text, or SSML.").required(),
        Opt::new("voice", Kind::Template, "`male`, `female` or a voice's name."),
        Opt::new("gender", Kind::Template, "The same, for want of a `voice`."),
        Opt::new("language", Kind::Template, "Such as `en-US`; without it the flow's own."),
        LOOP,
    ]),
    action("PLAY", &["Play", "Answer", "SendDigits"], "Plays a sound, or sends keys to the far end.").answers().options(&[
        Opt::new("url", Kind::Url, "The sound; nothing but keys and pauses are keys."),
        Opt::new("dtmf", Kind::Template, "Keys to send; `w` and `,` are half a second's pause, `W` a second's."),
        Opt::new("digits", Kind::Template, "The same."),
        LOOP,
    ]),
    action("COLLECT", &["Collect"], "Gathers keys from the caller. They are `$keyPresses`, and `key_presses` of the next callback, empty if none was pressed.").answers().options(&[
        Opt::new("num_digits", Kind::Count, "Most keys; without it only a key or the time ends it."),
        FINISH.default("# without num_digits, else none"),
        Opt::new("timeout", Kind::Millis, "Time for the first key, from the end of the prompts, and between keys.").default("5000"),
        Opt::new("name", Kind::Template, "Its name in `key_presses`.").beside(),
        Opt::new("actions", Kind::Nodes, "SAY, PLAY and PAUSE that are heard meanwhile; the first key stops them.").beside(),
    ]),
    action("RECORD", &["Record"], "Records the caller, until a key, silence or the limit. It is in `recordings` of the next callback.").answers().options(&[
        FINISH.default("pound"),
        Opt::new("max_length", Kind::Millis, "The longest recording; 0 for no limit.").default("0"),
        Opt::new("timeout", Kind::Millis, "Silence that ends it; 0 for none.").default("0"),
        Opt::new("beep", Kind::Flag, "A beep first.").default("true"),
        Opt::new("name", Kind::Template, "Its name in `recordings`.").beside(),
        Opt::new("url", Kind::Url, "Where its file is sent by POST."),
    ]),
    action("DETECT", &["Detect"], "Finds out whether a person or a machine answered, which is `$detection` from then on: `live_person`, `machine`, `unknown`.")
        .answers()
        .options(&[
            Opt::new("timeout", Kind::Millis, "How long it listens at most."),
            timings::INITIAL_SILENCE,
            timings::GREETING,
            timings::AFTER_GREETING,
            timings::MIN_WORD,
            timings::BETWEEN_WORDS,
            timings::MAX_WORDS,
            timings::MAX_WORD,
            Opt::new("events", Kind::Object, "Actions by result: `live_person`, `machine`, `unknown`, with or without `on_`.").beside(),
        ])
        .edges(&[("live_person", "a person answered"), ("machine", "a machine answered"), ("unknown", "nobody can tell"), ("next", "after the event's actions, or without any")]),
    action("PAUSE", &["Sleep"], "Waits.").options(&[
        Opt::new("duration", Kind::Millis, "How long.").default("1000"),
        Opt::new("length", Kind::Seconds, "How long, for want of a `duration`."),
    ]),
];

const OTHERS: &[Module] = &[
    action("DIAL", &["Originate"], "Begins another call, which runs the script of its `caller_id_no`; this one goes on at once.").options(&[
        NO,
        Opt::new("caller_id_no", Kind::Template, "The number that is shown, and whose script runs.").default("apiNo"),
        RING,
        LONGEST,
        SESSION,
    ]),
    action("TRANSFER", &["Dial"], "Calls somebody and connects the caller. The next action follows the conversation, and follows at once if there was none.")
        .answers()
        .options(&[
            NO,
            Opt::new("caller_id_no", Kind::Template, "The number that is shown.").default("callerNo"),
            RING,
            LONGEST,
        ]),
    action("CONFERENCE", &["Conference"], "Talks with all who are in the room of this name, until the caller is sent out or the room closed.")
        .answers()
        .options(&[
            Opt::new("name", Kind::Template, "The room.").required(),
            Opt::new("max_participants", Kind::Count, "Nobody else gets in when so many are inside; 0 for no limit.").default("0"),
            Opt::new("end_on_exit", Kind::Flag, "The room is closed when the caller leaves it.").default("false"),
            Opt::new("event", Kind::OneOf(&["join"]), "What is done; there is nothing else.").default("join"),
            Opt::new("mute", Kind::Flag, "The others do not hear the caller.").default("false"),
            Opt::new("muted", Kind::Flag, "The same."),
            Opt::new("beep", Kind::Flag, "A tone tells the others who comes and goes.").default("false"),
            Opt::new("wait_music", Kind::Template, "A sound for who is alone; without it the hold music."),
            Opt::new("music", Kind::Template, "The same."),
            Opt::new("events", Kind::Object, "Actions by event: `on_enter` runs while the caller is in the room, `on_exit` afterwards, `on_enter_error_max_participants` if there is no place.").beside(),
        ])
        .edges(&[("on_exit", "the room was left"), ("on_enter_error_max_participants", "there was no place"), ("next", "after the event's actions, or without any")]),
    action("QUEUE", &["Queue"], "Waits for an agent of a queue and talks.")
        .answers()
        .options(&[
            Opt::new("name", Kind::Template, "The queue.").required(),
            Opt::new("timeout", Kind::Seconds, "The longest wait; without it the queue's own."),
            Opt::new("actions", Kind::Nodes, "Heard again and again while waiting; without them the queue's own. Jumps stay inside.").beside(),
            Opt::new("events", Kind::Object, "Actions by event: `on_timeout`, `on_full`, `on_empty`, `on_exit`, `on_failed`.").beside(),
        ])
        .edges(&[("on_timeout", "nobody came in time"), ("on_full", "the queue is full"), ("on_empty", "it has no agents"), ("on_exit", "a key left it"), ("on_failed", "it could not be done"), ("next", "after the conversation, or the event's actions")]),
    action("SMS", &["Message"], "Sends a text message.").options(&[
        Opt::new("no", Kind::Template, "To whom.").default("callerNo"),
        Opt::new("caller_id_no", Kind::Template, "From which number.").default("apiNo"),
        Opt::new("message", Kind::Template, "The text.").required(),
        Opt::new("text", Kind::Template, "The same."),
    ]),
];

const ASKED: &[Module] = &[
    action(
        "REDIRECT",
        &["Fetch"],
        "Asks another server for a script, which takes the place of what is left of this one.",
    )
    .options(&[
        Opt::new("url", Kind::Url, "The server; what is relative is seen from this script's own address.")
            .required(),
        Opt::new("method", Kind::OneOf(METHODS), "How.").default("GET"),
        CONTENT,
    ])
    .edges(&[("end", "the server has no script: the call ends")]),
    action("WEBHOOK", &["Webhook"], "Tells a server, and does not wait for it.").options(&[
        Opt::new("url", Kind::Url, "The server.").required(),
        Opt::new("method", Kind::OneOf(METHODS), "How.").default("POST"),
        Opt::new("data", Kind::Any, "An object, or the body as text; without it all that a callback says."),
        CONTENT,
    ]),
    action("SESSIONDATA", &["Set"], "Adds to the call's session data, member by member.")
        .options(&[SESSION.required()]),
];

const CONTROL: &[Module] = &[
    action("HANGUP", &["Hangup"], "Ends the call.").edges(&[("end", "always")]),
    action("REJECT", &["Hangup"], "Refuses the call; an answered one is ended.")
        .options(&[Opt::new("reason", Kind::Text, "`busy` (486), `rejected` (603), or a SIP status.").default("rejected")])
        .edges(&[("end", "always")]),
    action("STOP", &["WaitForChange"], "Runs no more actions and does not hang up: the callback is asked again when the call's session data is changed from outside.")
        .edges(&[("callback", "something changed")]),
    action("IF", &["If"], "Runs one of two lists.")
        .options(&[
            Opt::new("condition", Kind::Expr, "The question.").beside().required(),
            Opt::new("then", Kind::Nodes, "What is done if it is true.").beside(),
            Opt::new("orElse", Kind::Nodes, "What is done if it is not.").beside(),
            Opt::new("else", Kind::Nodes, "The same.").beside(),
            Opt::new("or_else", Kind::Nodes, "The same.").beside(),
        ])
        .edges(&[("then", "it is true"), ("orElse", "it is not"), ("next", "after either, or without it")]),
    action("FOREACH", &["EachStart", "EachNext"], "Runs a list for each element, which is `$val`, with `$key` and `$index`.")
        .options(&[
            Opt::new("iterator", Kind::Expr, "A list or an object.").required(),
            Opt::new("then", Kind::Nodes, "What is done for each.").beside(),
            Opt::new("actions", Kind::Nodes, "The same.").beside(),
        ])
        .edges(&[("then", "there is an element left"), ("next", "there is none")]),
    action("GOTO", &["Noop"], "Goes on at a LABEL, wherever that stands.")
        .options(&[Opt::new("label", Kind::Text, "The LABEL's name.").required()])
        .edges(&[("label", "always")]),
    action("LABEL", &["Noop"], "A place for GOTO.").options(&[Opt::new("name", Kind::Text, "Its name.").beside().required()]),
];
