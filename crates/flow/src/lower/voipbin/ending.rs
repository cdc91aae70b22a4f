//! VoIPBIN's hangup: the reasons and their SIP statuses, and ending as another call ended.

use super::list::{Action, Lowering, hangup};
use crate::ir::{Cause, Edges, Feature, Op, Outcome};
use crate::lower::{Code, nearest};

/// The reasons, and the status of a call that was not answered: `dialout` is a ring time that is over.
pub(super) const REASONS: [(&str, u16); 8] = [
    ("normal", 480),
    ("failed", 500),
    ("busy", 486),
    ("cancel", 487),
    ("timeout", 408),
    ("noanswer", 480),
    ("dialout", 480),
    ("amd", 480),
];

/// Lowers `action` if it hangs up.
pub(super) fn lower(lowering: &mut Lowering, action: &Action<'_>) -> bool {
    if !["hangup", "hangup_relay"].contains(&action.name) {
        return false;
    }
    let relay = action.name == "hangup_relay";
    let reason = if relay { None } else { action.option.text(&mut lowering.builder, "reason") };
    let reason = reason.map(|reason| reason.trim().to_ascii_lowercase()).unwrap_or_default();
    let (cause, status) = known(&reason).unwrap_or_else(|| {
        if !reason.is_empty() {
            unknown(lowering, action, &reason);
        }
        ("normal", 480)
    });
    let reference = lowering.id(&action.option, "reference_id");
    if reference.is_none() && relay {
        lowering.missing(action, "reference_id");
    }
    match reference {
        // Another call's reason goes before one's own.
        Some(id) => as_another(lowering, action, &id),
        None => lowering.op(action.head, hangup(status, cause)),
    }
    true
}

fn known(reason: &str) -> Option<(&'static str, u16)> {
    REASONS.into_iter().find(|(name, _)| *name == reason)
}

fn unknown(lowering: &mut Lowering, action: &Action<'_>, reason: &str) {
    let names = REASONS.map(|(name, _)| name);
    let meant = nearest(reason, &names).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
    let message = format!("expected one of {}, found `{reason}`{meant}", names.join(", "));
    lowering.builder.report(Code::BadValue, &action.option.at("reason"), message);
}

/// Hangs up for the reason for which another call ended; one that has not ended, or that nobody knows, is a normal end.
fn as_another(lowering: &mut Lowering, action: &Action<'_>, id: &str) {
    let call = lowering.template(id);
    let always = Edges::always(action.next);
    let normal = lowering.beside(action, hangup(480, "normal"), always.clone());
    let mut edges = Edges::always(normal);
    for (reason, status) in REASONS.into_iter().filter(|(reason, _)| *reason != "normal") {
        let end = lowering.beside(action, hangup(status, reason), always.clone());
        edges = edges.case(Outcome::Key(reason.to_owned()), end);
    }
    lowering.op(action.head, Op::Feature(Box::new(Feature::CauseOf(call))));
    lowering.builder.edges(action.head, edges.case(Outcome::Failed(Cause::Unavailable), normal));
}
