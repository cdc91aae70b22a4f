//! How long the features of the simulated switch take, and what comes of them when the script has no word.

use std::time::Duration;

use crate::ir::{Feature, Parking};

/// What lasts, lasts so long.
const WHILE: Duration = Duration::from_secs(20);

/// Words of features that could not be had.
pub(super) const REFUSALS: [&str; 8] =
    ["none", "forbidden", "failed", "empty", "occupied", "too_high", "full", "unconfigured"];

/// When a feature is over by itself, and its word; `None` for when the caller hangs up.
pub(super) fn usual(feature: &Feature<String>) -> Option<(Duration, &'static str)> {
    match feature {
        Feature::Park(park) if park.how != Parking::Retrieve => None,
        Feature::Page(_)
        | Feature::Park(_)
        | Feature::Pickup(_)
        | Feature::Listen(_)
        | Feature::Queue(_)
        | Feature::Leave(_)
        | Feature::Mailbox(_)
        | Feature::Directory(_)
        | Feature::Fax { .. } => Some((WHILE, "done")),
        Feature::Converse(converse) => Some((converse.longest.unwrap_or(WHILE).min(WHILE), "done")),
        Feature::Hold(hold) if hold.release.is_some() => Some((WHILE, "done")),
        Feature::Announce(_) => Some((Duration::from_secs(2), "done")),
        Feature::ForPeer(feature) => usual(feature),
        Feature::FaxDetect(length) => Some((*length, "voice")),
        _ => Some((Duration::ZERO, "done")),
    }
}
