//! The rows of the modules for who calls.

use super::{SKIPS, upstream};
use crate::lower::reference::{Kind, Module, Opt};

const MATCH: &[(&str, &str)] =
    &[("match", "the caller is meant"), ("nomatch", "the caller is not"), ("_", "there is no such child")];

pub(super) const MODULES: &[Module] = &[
    upstream("set_cid", &["Set", "Identify"], "Sets who callees see; an empty text clears it.")
        .options(&[
            Opt::new("caller_id_name", Kind::Text, "The name."),
            Opt::new("caller_id_number", Kind::Text, "The number."),
        ])
        .edges(SKIPS),
    upstream("prepend_cid", &["Set", "Identify"], "Puts something before the caller's name and number.")
        .options(&[
            Opt::new(
                "action",
                Kind::OneOf(&["prepend", "reset"]),
                "Prepend, or go back to what came with the call.",
            )
            .default("prepend"),
            Opt::new(
                "apply_to",
                Kind::OneOf(&["current", "original"]),
                "Before what is there now, or before what came with the call.",
            )
            .default("current"),
            Opt::new("caller_id_name_prefix", Kind::Text, "Before the name."),
            Opt::new("caller_id_number_prefix", Kind::Text, "Before the number."),
        ])
        .edges(SKIPS),
    upstream(
        "privacy",
        &["Identify", "If", "Number"],
        "Withholds who calls, then calls the captured number.",
    )
    .options(&[
        Opt::new("mode", Kind::OneOf(&["full", "name", "number", "yes"]), "What is withheld.")
            .default("full"),
        Opt::new(
            "endpoint_strategy",
            Kind::OneOf(&["overwrite", "merge"]),
            "In place of what was withheld before, or beside it.",
        )
        .default("overwrite"),
    ])
    .edges(&[("_", "no number was captured, or nothing is there")]),
    upstream(
        "dynamic_cid",
        &["Collect", "If", "Set", "Identify", "Jump", "Play", "Number", "Dial", "Noop"],
        "Gives the caller another caller id, then calls the captured number.",
    )
    .options(&[
        Opt::new(
            "action",
            Kind::OneOf(&["manual", "static", "list", "lists"]),
            "Typed by the caller, from `caller_id`, or from a list by the first two captured digits.",
        )
        .default("manual"),
        Opt::new("media_id", Kind::Text, "What asks for it."),
        Opt::new("min_digits", Kind::Count, "Least digits; without it as many as at most.").default("10"),
        Opt::new("max_digits", Kind::Count, "Most digits.").default("10"),
        Opt::new("interdigit_timeout", Kind::Millis, "Time between digits.").default("2000"),
        Opt::new("whitelist_regex", Kind::Pattern, "What may be typed."),
        Opt::new("caller_id", Kind::Object, "`name` and `number`, for `static`."),
        Opt::new("id", Kind::Id, "The list, in the document's `lists`."),
        Opt::new("idx_name", Kind::Text, "The named group that chooses from the list."),
        Opt::new("permit_custom_callflow", Kind::Flag, "The number may be a callflow's, too.")
            .default("false"),
        Opt::new("enforce_call_restriction", Kind::Flag, "What the caller may not dial is not dialled.")
            .default("true"),
    ])
    .edges(&[
        ("stop", "a conversation is over"),
        ("the cause", "it failed so: `USER_BUSY`, `NO_ANSWER`, …"),
        ("sip:NNN", "it failed with this status"),
        ("_", "it failed otherwise"),
    ]),
    upstream("check_cid", &["If", "Branch", "Set", "Identify"], "Chooses by the caller's number.")
        .options(&[
            Opt::new("regex", Kind::Pattern, "What the number must be like.").default(".*"),
            Opt::new("use_absolute_mode", Kind::Flag, "The child of that very number instead.")
                .default("false"),
            Opt::new(
                "caller_id",
                Kind::Object,
                "`external` with `name` and `number`: how a caller who matches is shown.",
            ),
            Opt::new("user_id", Kind::Id, "Who a caller who matches is."),
        ])
        .edges(&[
            ("match", "the number is so"),
            ("nomatch", "it is not"),
            ("the number", "with `use_absolute_mode`: it is this"),
            ("_", "there is no such child"),
        ]),
    upstream("cidlistmatch", &["If"], "Chooses by whether the caller's number is on a list.")
        .options(&[Opt::new("id", Kind::Id, "The list, in the document's `lists`.").required()])
        .edges(MATCH),
    upstream(
        "lookupcidname",
        &["If", "Set", "Identify", "Noop"],
        "Gives the caller the name that lists have for the number.",
    )
    .options(&[Opt::new(
        "lists",
        Kind::Items,
        "Lists, in the document's `lists`; the first that has it counts.",
    )
    .required()])
    .edges(SKIPS),
    upstream("nomorobo", &["Score"], "Chooses by how likely the caller is a robot, of 0 to 10.")
        .options(&[
            Opt::new("username", Kind::Text, "The account at the service.").required(),
            Opt::new("password", Kind::Text, "Its password."),
        ])
        .edges(&[("a number", "the highest that is not above the score"), ("_", "there is none")]),
    upstream("set_alert_info", &["Alert"], "Says how phones ring from here on.")
        .options(&[Opt::new("alert_info", Kind::Text, "`Alert-Info`; empty for none.").required()])
        .edges(SKIPS),
];
