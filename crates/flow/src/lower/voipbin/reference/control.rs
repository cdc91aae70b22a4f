//! Rows of jumps, questions, variables, fetches and ends.

use super::{NEXT, row};
use crate::lower::reference::{Kind, Module, Opt, Origin};

const FALSE: Opt = Opt::new("false_target_id", Kind::Id, "The action when it does not hold.").required();
const CONDITION: Opt = Opt::new(
    "condition",
    Kind::OneOf(&["==", "!=", ">", ">=", "<", "<="]),
    "The comparison; what is asked about stands on its left.",
)
.default("==");
const ASKED: &[(&str, &str)] = &[("next", "It holds."), ("false_target_id", "It does not hold.")];
const FETCHED: &[(&str, &str)] = &[
    ("next", "When the other flow has come to its end."),
    ("hang up", "There is none, or the server's answer is none."),
];
const REFERENCE: Opt =
    Opt::new("reference_id", Kind::Id, "Another call, for whose reason this one is ended too.");

pub(super) const ROWS: &[Module] = &[
    row("branch", &["Branch"], "Leads on by the exact text of a variable, which is emptied.")
        .options(&[
            Opt::new("variable", Kind::Template, "The variable's name.").default("voipbin.call.digits"),
            Opt::new("target_ids", Kind::Object, "The action of each text.").required(),
            Opt::new("default_target_id", Kind::Id, "The action of any other text."),
            Opt::new("target_indexes", Kind::Object, "The old form of `target_ids`: places in the list."),
            Opt::new("default_index", Kind::Count, "The old form of `default_target_id`."),
        ])
        .edges(&[
            ("target_ids", "The text is one of them."),
            ("default_target_id", "Any other text."),
            ("hang up", "Any other text, without a default."),
        ]),
    row("goto", &["Jump"], "Jumps so many times; then the next action follows.")
        .options(&[
            Opt::new("target_id", Kind::Id, "The action that it jumps to.").required(),
            Opt::new(
                "loop_count",
                Kind::Count,
                "Jumps in all: 2 run the block three times. 0 is none; without it, always.",
            ),
        ])
        .edges(&[("target_id", "A jump is left."), ("next", "None is left.")]),
    row("condition_variable", &["If"], "Compares a variable.")
        .options(&[
            CONDITION,
            Opt::new("variable", Kind::Template, "A name, or a text with `${}`.").required(),
            Opt::new("value_type", Kind::OneOf(&["string", "number", "length"]), "How it is compared.")
                .default("string"),
            Opt::new("value_string", Kind::Template, "The text to compare with."),
            Opt::new("value_number", Kind::Number, "The number; what is no number never holds."),
            Opt::new("value_length", Kind::Number, "The number of characters."),
            FALSE,
        ])
        .edges(ASKED),
    row(
        "condition_datetime",
        &["If"],
        "Compares the time (UTC); every field that is given must hold by itself.",
    )
    .options(&[
        CONDITION,
        Opt::new("minute", Kind::Number, "0 to 59; -1 for any.").default("-1"),
        Opt::new("hour", Kind::Number, "0 to 23; -1 for any.").default("-1"),
        Opt::new("day", Kind::Number, "1 to 31; -1 for any.").default("-1"),
        Opt::new("month", Kind::Number, "1 to 12; 0 for any.").default("0"),
        Opt::new("weekdays", Kind::Items, "Days of the week, 0 is Sunday; none for any."),
        FALSE,
    ])
    .edges(ASKED),
    row("condition_call_digits", &["If"], "Whether enough keys came, or one of them. Deprecated.")
        .options(&[
            Opt::new("length", Kind::Count, "So many keys at least."),
            Opt::new("key", Kind::Keys, "Or this one among them."),
            FALSE,
        ])
        .edges(ASKED),
    row("condition_call_status", &["If"], "Compares the call's status. Deprecated.")
        .options(&[
            Opt::new(
                "status",
                Kind::OneOf(&["dialing", "ringing", "progressing", "terminating", "canceling", "hangup"]),
                "The status.",
            )
            .required(),
            FALSE,
        ])
        .edges(ASKED),
    row("variable_set", &["Set"], "Sets a variable.").options(&[
        Opt::new("key", Kind::Template, "Its name, which may have spaces.").required(),
        Opt::new("value", Kind::Template, "Its value."),
    ]),
    row("webhook_send", &["Webhook"], "Tells a server; what it answers is of no interest.").options(&[
        Opt::new("sync", Kind::Flag, "The next action waits for the answer.").default("false"),
        Opt::new("uri", Kind::Url, "The server.").required(),
        Opt::new("method", Kind::Template, "`POST`, `GET`, `PUT`, `DELETE`.").default("POST"),
        Opt::new("data_type", Kind::Template, "The content type.").default("application/json"),
        Opt::new("data", Kind::Any, "The body."),
    ]),
    row("fetch", &["Fetch"], "Runs the list of actions that a server answers.")
        .options(&[
            Opt::new("event_url", Kind::Url, "The server.").required(),
            Opt::new("event_method", Kind::Template, "How it is asked.").default("POST"),
        ])
        .edges(FETCHED),
    row("fetch_flow", &["Subflow"], "Runs another flow.")
        .options(&[Opt::new("flow_id", Kind::Id, "The flow.").required()])
        .edges(FETCHED),
    row("hangup", &["Hangup", "CauseOf"], "Ends the call.")
        .options(&[
            Opt::new(
                "reason",
                Kind::OneOf(&["normal", "failed", "busy", "cancel", "timeout", "noanswer", "dialout", "amd"]),
                "Why; a call that was not answered is refused with the SIP status of it.",
            )
            .default("normal"),
            REFERENCE,
        ])
        .edges(&[]),
    row("hangup_relay", &["CauseOf"], "Ends the call for the reason for which another one ended.")
        .options(&[REFERENCE.required()])
        .edges(&[]),
    row("stop", &["Hangup"], "Ends the flow, and the call with it.").edges(&[]),
    row(
        "block",
        &["Block"],
        "Waits until somebody outside lets the flow go on; only in flows without a call.",
    )
    .origin(Origin::Upstream),
    row("empty", &["Noop"], "Does nothing.").origin(Origin::Upstream).edges(&[NEXT]),
];
