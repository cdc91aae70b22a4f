//! The rows of the modules for calls that are elsewhere, and of those that change something about a user.

use super::{SKIPS, seed, upstream};
use crate::lower::reference::{Kind, Module, Opt};

const DEVICE: Opt = Opt::new("device_id", Kind::Id, "Whose: a phone's.");
const USER: Opt = Opt::new("user_id", Kind::Id, "Whose: a user's.");
const GROUP: Opt = Opt::new("group_id", Kind::Id, "Whose: a group's.");
const BY_DEVICE: Opt = Opt::new("approved_device_id", Kind::Id, "Only this phone may.");
const BY_USER: Opt = Opt::new("approved_user_id", Kind::Id, "Only this user may.");
const BY_GROUP: Opt = Opt::new("approved_group_id", Kind::Id, "Only this group may.");
const WHOSE: &[Opt] = &[DEVICE, USER, GROUP, BY_DEVICE, BY_USER, BY_GROUP];
const ENDS: &[(&str, &str)] = &[("stop", "however it went"), ("_", "it is not configured")];
const CHANGED: &[(&str, &str)] =
    &[("_", "the caller heard what was done"), ("stop", "there is nothing to change")];

const fn captured(name: &'static str) -> Opt {
    Opt::new(name, Kind::Id, "the captured number says who.").ignored()
}

pub(super) const MODULES: &[Module] = &[
    upstream("park", &["Park", "Branch"], "Puts the caller into a slot, or takes out who is there.")
        .options(&[
            Opt::new("action", Kind::OneOf(&["park", "retrieve", "auto", "direct_park"]), "What is done; `auto` takes out who is there, else puts in.")
                .default("park"),
            Opt::new("slot", Kind::Text, "The slot; without it the captured one, else the first that is free."),
            Opt::new("slots", Kind::Object, "Slots of their own by number, with `ringback_timeout`, `callback_timeout`, `presence_id` and `presence_type`."),
            Opt::new("max_slot_number", Kind::Count, "The highest slot."),
            Opt::new("default_ringback_timeout", Kind::Millis, "After so long the parker's phone rings; two minutes without it."),
            Opt::new("default_callback_timeout", Kind::Seconds, "How long it rings then; half a minute without it."),
            Opt::new("default_presence_type", Kind::OneOf(&["early", "terminated", "confirmed"]), "What the lamp of a slot that is taken shows."),
            Opt::new("presence_id", Kind::Id, "Whose lamp shows it."),
            Opt::new("custom_presence_id", Kind::Flag, "False: `presence_id` does not count, the lamp is the slot's.").default("true"),
        ])
        .edges(&[
            ("stop", "a retrieved conversation is over"),
            ("MAX_SLOT_EXCEEDED", "there is no such slot"),
            ("the slot", "nobody took the caller, and the parker did not answer; without such a child the caller is parked again"),
            ("_", "the slot is empty, or taken"),
        ]),
    upstream("group_pickup", &["Pickup"], "Takes a call that rings at somebody else.").options(WHOSE).edges(ENDS),
    upstream("intercept", &["Pickup"], "Takes a call that rings at somebody else, or is answered there.").options(WHOSE).edges(ENDS),
    upstream("group_pickup_feature", &["Pickup"], "As `group_pickup`, of whom the captured number means.")
        .options(&[
            Opt::new("type", Kind::OneOf(&["extension", "user", "device", "group"]), "What the captured number is.").default("extension"),
            BY_DEVICE,
            BY_USER,
            BY_GROUP,
            captured("device_id"),
            captured("user_id"),
            captured("group_id"),
        ])
        .edges(ENDS),
    upstream("intercept_feature", &["Pickup"], "As `intercept`, of whom the captured number means.")
        .options(&[
            Opt::new("type", Kind::OneOf(&["extension", "user", "device"]), "What the captured number is.").default("extension"),
            BY_DEVICE,
            BY_USER,
            BY_GROUP,
        ])
        .edges(ENDS),
    upstream("eavesdrop", &["Listen"], "Hears somebody's conversation.").options(WHOSE).edges(ENDS),
    upstream("eavesdrop_feature", &["Listen"], "Hears the conversation of the captured extension.")
        .options(&[Opt::new("group_id", Kind::Id, "Only members of this group are heard."), BY_DEVICE, BY_USER, BY_GROUP])
        .edges(ENDS),
    upstream("camping_feature", &["Camp"], "Calls the caller back when the captured extension has time again.").edges(ENDS),
    upstream("call_forward", &["Setting", "If", "Collect", "Play"], "Forwards the caller's calls to the captured number; where one is needed, it is asked for.")
        .options(&[Opt::new("action", Kind::OneOf(&["activate", "deactivate", "update", "toggle", "menu"]), "What is done.").default("toggle")])
        .edges(CHANGED),
    upstream("do_not_disturb", &["Setting", "Play"], "Switches the caller's do not disturb.")
        .answers()
        .options(&[
            Opt::new("action", Kind::OneOf(&["activate", "deactivate", "toggle"]), "What is done.").default("toggle"),
            Opt::new("id", Kind::Id, "That of this phone instead."),
        ])
        .edges(CHANGED),
    upstream("call_waiting", &["Setting", "Play"], "Switches the caller's call waiting.")
        .options(&[
            Opt::new("action", Kind::OneOf(&["activate", "deactivate", "toggle"]), "What is done.").default("toggle"),
            Opt::new("scope", Kind::OneOf(&["device", "user"]), "For this phone, or for all of the user's.").default("device"),
        ])
        .edges(CHANGED),
    upstream("hotdesk", &["Setting", "If", "Collect", "Play", "Jump", "Dial"], "Makes the phone a user's, or no more; `bridge` rings where the user sits.")
        .options(&[
            Opt::new("action", Kind::OneOf(&["login", "logout", "toggle", "bridge"]), "What is done.").default("toggle"),
            Opt::new("id", Kind::Id, "The user; without it the captured id, else it is asked for."),
            Opt::new("interdigit_timeout", Kind::Millis, "Time between keys.").default("2000"),
        ])
        .edges(&[("_", "it is done, or the PIN was wrong three times"), ("the cause", "with `bridge`, as for `user`")]),
    upstream("ring_group_toggle", &["Setting"], "The caller joins or leaves a ring group.")
        .options(&[
            Opt::new("action", Kind::OneOf(&["login", "logout"]), "Joins, or leaves.").required(),
            Opt::new("callflow_id", Kind::Id, "The callflow that rings the group.").required(),
        ])
        .edges(SKIPS),
    seed("manual_presence", &["Presence"], "Sets what a lamp shows.")
        .options(&[
            Opt::new("presence_id", Kind::Id, "Whose lamp; the account's domain is added.").required(),
            Opt::new("status", Kind::OneOf(&["idle", "ringing", "busy"]), "What it shows.").default("idle"),
        ])
        .edges(SKIPS),
];
