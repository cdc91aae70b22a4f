//! Hold: who is held by the other party hears music.
//!
//! A phone that holds tells us by a re-INVITE or an UPDATE, in any of its spellings; its leg answers that. The other
//! phone is not told: it is our leg that plays music to it, over what the bridge has, until the first one is back.
//! The music goes on whether anybody hears it or not: who is held again hears it where it is by then.

use flow::leg::Prompt;

use super::run::Call;

/// The music; the sound of the built-in set unless the flows' own sounds have another of the name.
pub(super) const MUSIC: &str = "demo-60s";

impl Call {
    /// Music for whom the other party holds, and no longer.
    pub(super) fn sync_hold(&mut self) {
        let Some(bridge) = &self.bridge else { return };
        for (held, by) in [(bridge.one, bridge.other), (bridge.other, bridge.one)] {
            let hold = self.leg(by).is_some_and(|leg| leg.holds());
            let Some(leg) = self.leg_mut(held) else { continue };
            match leg.hears_music() {
                false if hold && leg.has_media() => leg.play_music(vec![Prompt::Sound(MUSIC.to_owned())]),
                true if !hold => leg.hush(),
                _ => {}
            }
        }
    }
}
