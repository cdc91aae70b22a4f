//! The rows of the modules that ring people.

use super::{SKIPS, seed, upstream};
use crate::lower::reference::{Kind, Module, Opt};

const HEADERS: Opt = Opt::new(
    "custom_sip_headers",
    Kind::Object,
    "Headers for the callee: name to text, or the same in `out`.",
);
const SELF: Opt = Opt::new("can_call_self", Kind::Flag, "The caller's own phones ring too.").default("false");
const TEXT_SELF: Opt =
    Opt::new("can_text_self", Kind::Flag, "it is about messages.").default("false").ignored();
const STATIC: Opt =
    Opt::new("static_invite", Kind::Text, "The user part of the address that the phone is called by.");
const SUPPRESS: Opt =
    Opt::new("suppress_clid", Kind::Flag, "The callee does not see who calls.").default("false");
const DELAY: Opt = Opt::new("delay", Kind::Seconds, "It rings so much later.").default("0");
const ZERO: Opt = Opt::new("timeout", Kind::Seconds, "How long it rings; 0 is 20.").default("0");
const TWENTY: Opt = Opt::new("timeout", Kind::Seconds, "How long it rings; 0 is 20.").default("20");
const REJECT: Opt =
    Opt::new("fail_on_single_reject", Kind::Flag, "One who rejects ends it for all.").default("false");
const ENDPOINTS: Opt = Opt::new(
    "endpoints",
    Kind::Items,
    "Objects with `endpoint_type` (device, user, group), `id`, `delay` (0 s), `timeout` (20 s) and `weight` (1 to 100), or \
     plain ids.",
);
const BARGE: Opt = Opt::new("barge_calls", Kind::Flag, "Phones that are in a call too.").default("false");
const RINGBACK: Opt =
    Opt::new("ringback", Kind::Text, "What the caller hears; without it the callflow's `ringback.early`.");
const REPEATS: Opt = Opt::new("repeats", Kind::Count, "How often all are tried.").default("1");
const RINGTONES: Opt = Opt::new(
    "ringtones",
    Kind::Object,
    "`Alert-Info` for calls from users (`internal`) and from outside (`external`).",
);
const IGNORE_FORWARD: Opt =
    Opt::new("ignore_forward", Kind::Flag, "Nobody's forwarding is followed.").default("true");

const BRIDGE: &[(&str, &str)] = &[
    ("stop", "a conversation is over"),
    ("the cause", "it failed so: `USER_BUSY`, `NO_ANSWER`, `CALL_REJECTED`, …"),
    ("sip:NNN", "it failed with this status, and no child has the cause's name"),
    ("_", "it failed otherwise"),
];

const GROUP: &[Opt] = &[
    ENDPOINTS,
    Opt::new(
        "strategy",
        Kind::OneOf(&["simultaneous", "single", "weighted_random"]),
        "All at once, one after the other, or so in a random order that prefers heavier ones.",
    )
    .default("simultaneous"),
    TWENTY,
    REPEATS,
    RINGBACK,
    RINGTONES,
    IGNORE_FORWARD,
    REJECT,
];

const GROUP_BY_ID: &[Opt] = &[
    Opt::new("id", Kind::Id, "The group; `endpoints` go before it."),
    ENDPOINTS,
    Opt::new("strategy", Kind::OneOf(&["simultaneous", "single"]), "All at once, or one after the other.")
        .default("simultaneous"),
    TWENTY,
    REPEATS,
    RINGBACK,
    RINGTONES,
    IGNORE_FORWARD,
    REJECT,
];

const fn outside(own: &'static str) -> [Opt; 16] {
    [
        Opt::new("to_did", Kind::Text, "The number; without it the one that was dialled."),
        Opt::new("use_local_resources", Kind::Flag, "Only by the account's own trunks.").default(own),
        Opt::new("hunt_account_id", Kind::Id, "By the trunks of this account."),
        Opt::new("timeout", Kind::Seconds, "How long it rings.").default("60"),
        Opt::new(
            "caller_id_type",
            Kind::OneOf(&["external", "internal", "emergency"]),
            "Which number of the caller's is shown, unless the flow set one.",
        )
        .default("external"),
        RINGBACK,
        Opt::new("ignore_early_media", Kind::Flag, "The caller hears ringing, whatever the far end sends.")
            .default("false"),
        Opt::new("outbound_flags", Kind::Items, "Words that the trunk must have."),
        Opt::new("dynamic_flags", Kind::Items, "Names of what the call has; its values are such words."),
        Opt::new("bypass_e164", Kind::Flag, "The number is sent as written.").default("false"),
        Opt::new("do_not_normalize", Kind::Flag, "The number is sent as written.").default("false"),
        Opt::new("from_uri_realm", Kind::Text, "The host of From; without it the trunk's."),
        Opt::new("format_from_uri", Kind::Flag, "From is written in the trunk's form.").default("false"),
        Opt::new("emit_account_id", Kind::Flag, "The trunk is told whose call it is.").default("false"),
        HEADERS,
        Opt::new("resource_type", Kind::Text, "What the trunk must carry: `audio`, `video`."),
    ]
}

const RESOURCES: &[Opt] = &outside("true");
const OFFNET: &[Opt] = &outside("false");

const TRUNK: &[(&str, &str)] = &[
    ("stop", "a conversation is over"),
    ("the cause", "it failed so: `USER_BUSY`, `NO_ANSWER`, …"),
    ("sip:NNN", "it failed with this status, and no child has the cause's name"),
    ("refuse", "it failed otherwise: the caller gets the status; `_` is never taken"),
];

pub(super) const MODULES: &[Module] = &[
    seed("device", &["Dial"], "Rings one phone.")
        .options(&[
            Opt::new("id", Kind::Id, "The phone.").required(),
            ZERO,
            DELAY,
            Opt::new(
                "dial_strategy",
                Kind::OneOf(&["simultaneous", "single"]),
                "Its contacts all at once, or one after the other.",
            )
            .default("simultaneous"),
            SELF,
            TEXT_SELF,
            SUPPRESS,
            STATIC,
            HEADERS,
        ])
        .edges(BRIDGE),
    seed("user", &["Dial"], "Rings all phones of a user, and follows where the user forwards calls to.")
        .options(&[
            Opt::new("id", Kind::Id, "The user.").required(),
            TWENTY,
            DELAY,
            Opt::new(
                "strategy",
                Kind::OneOf(&["simultaneous", "single"]),
                "The phones all at once, or one after the other.",
            )
            .default("simultaneous"),
            SELF,
            TEXT_SELF,
            SUPPRESS,
            STATIC,
            HEADERS,
            REJECT,
        ])
        .edges(BRIDGE),
    seed("ring_group", &["Dial"], "Rings several phones, users or groups.").options(GROUP).edges(BRIDGE),
    upstream("group", &["Dial"], "Answers, then rings a group of the account.")
        .answers()
        .options(GROUP_BY_ID)
        .edges(BRIDGE),
    upstream("page_group", &["Page"], "Speaks to several phones, which answer by themselves.")
        .options(&[
            ENDPOINTS,
            Opt::new("audio", Kind::OneOf(&["one-way", "two-way"]), "Whether they are heard too.")
                .default("one-way"),
            Opt::new("timeout", Kind::Seconds, "How long phones have to answer.").default("5"),
            BARGE,
        ])
        .edges(&[("stop", "the page is over"), ("_", "paging is not configured")]),
    upstream("intercom", &["Dial"], "Rings the captured extension, whose phone answers by itself.")
        .options(&[BARGE])
        .edges(BRIDGE),
    upstream("route_to_cid", &["Dial"], "Rings whoever has the captured or dialled number as a caller id.")
        .options(&[
            Opt::new(
                "cid_types",
                Kind::Items,
                "Classes of caller ids: `internal`, `external`, `emergency`, `asserted`.",
            )
            .default("[\"internal\"]"),
            Opt::new("endpoint_types", Kind::Items, "`user`, `device`; without it both."),
            ZERO,
            DELAY,
            SELF,
            TEXT_SELF,
            SUPPRESS,
            STATIC,
            HEADERS,
        ])
        .edges(BRIDGE),
    seed("resources", &["Dial", "Hangup"], "Calls a number outside, by way of a trunk.")
        .options(RESOURCES)
        .edges(TRUNK),
    upstream("offnet", &["Dial", "Hangup"], "As `resources`, by everybody's trunks.")
        .options(OFFNET)
        .edges(TRUNK),
    upstream("transfer", &["Transfer"], "Hands the caller, or the other party, over to a number.")
        .options(&[
            Opt::new("target", Kind::Text, "The number."),
            Opt::new(
                "captures",
                Kind::Items,
                "The first is the number, where there is no `target`; else the captured one.",
            )
            .default("[\"no_match\"]"),
            Opt::new(
                "transfer_type",
                Kind::OneOf(&["blind", "attended"]),
                "At once, or after talking to the target.",
            )
            .default("blind"),
            Opt::new("leg", Kind::OneOf(&["self", "bleg"]), "Who is handed over.").default("self"),
        ])
        .edges(&[("stop", "it is done"), ("_", "it failed")]),
    upstream(
        "after_bridge",
        &["AfterBridge"],
        "Says what becomes of the caller when the next conversation is over.",
    )
    .options(&[
        Opt::new("action", Kind::OneOf(&["park", "transfer", "hangup"]), "What it is.").default("hangup"),
        Opt::new("data", Kind::Any, "The number to transfer to, or true; false is as if nothing was said."),
    ])
    .edges(SKIPS),
    upstream("move", &["Pickup"], "Takes over the conversation of the caller's other phone.")
        .edges(&[("stop", "afterwards"), ("_", "it is not configured")]),
];
