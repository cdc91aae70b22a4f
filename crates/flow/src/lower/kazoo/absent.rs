//! Modules that need people, devices or services which are not there yet.
//!
//! They are known by name, so that a flow with them loads, says what it lacks in the trace, and goes on where Kazoo
//! would go on when nobody could be reached.

use super::{Step, Walk};
use crate::ir::{Cause, Edges, Hangup, NodeId, Op, Outcome, Target};

/// A module that cannot run here.
#[derive(Debug)]
pub(super) struct Absent {
    /// The module.
    pub(super) name: &'static str,
    /// What it is for, as the trace says it.
    feature: &'static str,
    /// Where it goes on.
    way: Way,
}

/// Where an absent module goes on.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// The child `_`; the others are by cause and kept for when the feature is there.
    Next,
    /// The child `sip:503`, else `_`, else the caller gets the 503. Kazoo's `resources` ignores `_`; a flow that has
    /// one means it.
    Refuse,
    /// The child of this key, else `_`.
    Child(&'static str),
}

const fn absent(name: &'static str, feature: &'static str) -> Absent {
    Absent { name, feature, way: Way::Next }
}

/// All of them.
pub(super) const ABSENT: &[Absent] = &[
    absent("acdc_agent", "call queue agents"),
    absent("acdc_member", "call queues"),
    absent("acdc_queue", "call queues"),
    absent("acdc_wait_time", "call queues"),
    absent("after_bridge", "calling devices"),
    absent("call_forward", "call forwarding"),
    absent("call_waiting", "call waiting"),
    absent("camping_feature", "camping on a busy extension"),
    absent("device", "calling a device"),
    absent("do_not_disturb", "do not disturb"),
    absent("dynamic_cid", "caller id for outside calls"),
    absent("eavesdrop", "eavesdropping"),
    absent("eavesdrop_feature", "eavesdropping"),
    absent("edr", "event records"),
    Absent { name: "fax_detect", feature: "fax detection", way: Way::Child("ON_VOICE") },
    absent("faxbox", "fax"),
    absent("function", "serverless functions"),
    absent("group", "calling a group"),
    absent("group_pickup", "call pickup"),
    absent("group_pickup_feature", "call pickup"),
    absent("hotdesk", "hot desks"),
    absent("intercept", "call intercept"),
    absent("intercept_feature", "call intercept"),
    absent("intercom", "intercom"),
    absent("lookupcidname", "caller names from lists"),
    absent("manual_presence", "presence"),
    absent("missed_call_alert", "missed call alerts"),
    absent("move", "moving a call between devices"),
    absent("nomorobo", "robocall scores"),
    absent("notification", "notifications"),
    Absent { name: "offnet", feature: "calling outside numbers", way: Way::Refuse },
    absent("page_group", "paging"),
    absent("park", "parking"),
    absent("privacy", "caller id for outside calls"),
    absent("receive_fax", "fax"),
    Absent { name: "resources", feature: "calling outside numbers", way: Way::Refuse },
    absent("ring_group", "calling a ring group"),
    absent("ring_group_toggle", "ring groups"),
    absent("route_to_cid", "calling by caller id"),
    absent("set_alert_info", "alert info for called devices"),
    absent("transfer", "transfer"),
    absent("user", "calling a user"),
    absent("voicemail", "voicemail"),
];

impl Walk<'_> {
    /// A node that says what is missing and goes on.
    pub(super) fn absent(&mut self, absent: &Absent, step: &Step<'_>) -> NodeId {
        let key = match absent.way {
            Way::Next => None,
            Way::Child(key) => Some(key),
            Way::Refuse => Some("sip:503"),
        };
        let child = key.and_then(|key| Some((key, step.children.get(key)?)));
        let (target, follows) = match (child, absent.way) {
            (Some((key, target)), _) => (target, format!("the child `{key}` follows")),
            (None, _) if step.children.has_next() => (step.next(), "the child `_` follows".to_owned()),
            (None, Way::Refuse) => (self.refusal(step), "the caller is refused with 503".to_owned()),
            (None, _) => (step.next(), "the branch ends here".to_owned()),
        };
        self.warn(&step.at, format!("{} is not there yet; {follows}", absent.feature));
        self.unavailable(absent.feature, step.children.edges(), target, step)
    }

    /// A node that says that `feature` is missing and goes on at `target`; `edges` are for when it is there.
    pub(super) fn unavailable(
        &mut self,
        feature: &str,
        mut edges: Edges,
        target: Target,
        step: &Step<'_>,
    ) -> NodeId {
        edges.cases.insert(0, (Outcome::Failed(Cause::Unavailable), target));
        self.add(Op::Unavailable { feature: feature.to_owned() }, edges, step)
    }

    fn refusal(&mut self, step: &Step<'_>) -> Target {
        let hangup = Hangup { status: 503, phrase: None, cause: "unavailable".to_owned() };
        Target::Node(self.add(Op::Hangup(hangup), Edges::always(Target::Hangup), step))
    }
}
