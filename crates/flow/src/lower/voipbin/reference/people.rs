//! Rows of actions with other people, texts and services.

use super::{NEXT, row};
use crate::lower::reference::{Kind, Module, Opt, Origin};

const SOURCE: Opt =
    Opt::new("source", Kind::Object, "The address that the other one sees; else the caller's.");
const TO: Opt = Opt::new("destinations", Kind::Items, "The addresses.").required();
const ANONYMOUS: Opt = Opt::new(
    "anonymous",
    Kind::OneOf(&["auto", "yes", "no"]),
    "Whether the source is withheld; `auto` withholds it if the caller did.",
)
.default("auto");
const SYNC: Opt = Opt::new("sync", Kind::Flag, "The next action waits until it is done.").default("false");
const ENDS: (&str, &str) = ("hang up", "It cannot be done at all; a flow without a call ends.");
const NOT_REACHED: (&str, &str) =
    ("next", "After the conversation, or when nobody was reached within 60 seconds.");

pub(super) const ROWS: &[Module] = &[
    row(
        "connect",
        &["Dial", "Conference"],
        "Calls all destinations at once and connects the first who answers.",
    )
    .options(&[
        SOURCE,
        TO,
        Opt::new("early_media", Kind::Flag, "The caller hears the callee's early media, else ringing.")
            .default("false"),
        Opt::new("relay_reason", Kind::Flag, "The call ends with its callee's, for the same reason.")
            .default("false"),
        ANONYMOUS,
    ])
    .edges(&[NOT_REACHED, ENDS]),
    row("agent_call", &["Dial"], "Calls an agent; the old form of `connect`.")
        .options(&[Opt::new("agent_id", Kind::Id, "The agent.").required()])
        .edges(&[NOT_REACHED, ENDS]),
    row("call", &["Originate"], "Begins a call of its own to each destination, with a flow of its own.")
        .options(&[
            SOURCE,
            TO,
            Opt::new("flow_id", Kind::Id, "The flow of the other call."),
            Opt::new("actions", Kind::Nodes, "The actions of the other call, if there is no `flow_id`."),
            Opt::new("chained", Kind::Flag, "The other call is hung up with this one.").default("false"),
            Opt::new(
                "early_execution",
                Kind::Flag,
                "Its flow begins when it rings, not when it is answered.",
            )
            .default("false"),
            ANONYMOUS,
        ])
        .edges(&[("next", "At once."), ENDS]),
    row("conference_join", &["Conference"], "Talks with all who are in the conference.")
        .options(&[Opt::new("conference_id", Kind::Id, "The conference.").required()])
        .edges(&[("next", "After leaving it."), ENDS]),
    row("confbridge_join", &["Conference"], "Talks with all who are in the room.").options(&[Opt::new(
        "confbridge_id",
        Kind::Id,
        "The room.",
    )
    .required()]),
    row("queue_join", &["Set", "Queue"], "Waits for an agent, with the queue's wait flow and time limits.")
        .options(&[Opt::new("queue_id", Kind::Id, "The queue.").required()])
        .edges(&[("next", "After the conversation, or when the time to wait is over."), ENDS]),
    row("message_send", &["Message"], "Sends a text message to each destination.")
        .options(&[SOURCE, TO, Opt::new("text", Kind::Template, "The text.").required()])
        .edges(&[NEXT, ENDS]),
    row("conversation_send", &["Message"], "Sends a text into a conversation.").options(&[
        Opt::new("conversation_id", Kind::Id, "The conversation.").required(),
        Opt::new("text", Kind::Template, "The text."),
        SYNC,
    ]),
    row("email_send", &["Message"], "Sends a mail to each destination.").origin(Origin::Upstream).options(&[
        TO,
        Opt::new("subject", Kind::Template, "Its subject."),
        Opt::new("content", Kind::Template, "Its text."),
        Opt::new("attachments", Kind::Items, "What goes with it: `{reference_type, reference_id}`."),
        SYNC,
    ]),
    row("ai_summary", &["Converse"], "Sums up a call or a recording; only in flows without a call.")
        .origin(Origin::Upstream)
        .options(&[
            Opt::new("reference_type", Kind::Template, "Of what.").default("call"),
            Opt::new("reference_id", Kind::Id, "Of which.").required(),
            Opt::new("language", Kind::Template, "The language, `en-US`."),
            Opt::new("on_end_flow_id", Kind::Id, "A flow that runs when the summary is there."),
        ])
        .edges(&[NEXT, ENDS]),
    row("ai_task", &["Converse"], "Gives an assistant a task; only in flows without a call.")
        .origin(Origin::Upstream)
        .options(&[
            Opt::new("assistance_id", Kind::Id, "The assistant.").required(),
            Opt::new("ai_id", Kind::Id, "The old name of `assistance_id`."),
        ])
        .edges(&[NEXT, ENDS]),
    row("case_create", &["Event"], "Opens a case about who called or wrote.")
        .origin(Origin::Upstream)
        .options(&[
            Opt::new("name", Kind::Template, "Its name."),
            Opt::new("detail", Kind::Template, "What it is about."),
            Opt::new("note", Kind::Template, "A first note."),
            SYNC,
        ]),
];
