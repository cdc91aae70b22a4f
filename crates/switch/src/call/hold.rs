//! Hold: who is held by the other party hears music.
//!
//! A phone that holds tells us by a re-INVITE or an UPDATE, in any of its spellings; its leg answers that. The other
//! phone is not told: it is our leg that plays music to it, over what the bridge has, until the first one is back.
//! A flow holds without a word to either phone ([`Call::hold`]): the two hear each other no more, each hears its music,
//! and who holds presses a key, or a star code, to end it.
//! The music goes on whether anybody hears it or not: who is held again hears it where it is by then.

use std::time::Instant;

use flow::ir::{Cause, Hold, Holding};
use flow::leg::Tag;

use super::feature::{Came, Doing, Running};
use super::run::Call;
use super::{LegKey, Mark};

/// The music; the sound of the built-in set unless the flows' own sounds have another of the name.
pub(super) const MUSIC: &str = "demo-60s";

/// A conversation that a flow has put on hold.
#[derive(Debug)]
pub(super) struct Held {
    /// Who holds.
    by: LegKey,
    /// Who is held.
    other: LegKey,
    /// What the one who is held hears; `None` for the music of the call.
    music: Option<String>,
    /// What the one who holds hears; `None` for nothing.
    own_music: Option<String>,
}

impl Held {
    /// Another leg takes the place of one.
    pub(super) fn swap(&mut self, old: LegKey, new: LegKey) {
        for place in [&mut self.by, &mut self.other] {
            if *place == old {
                *place = new;
            }
        }
    }
}

impl Call {
    /// A flow holds, or lets both talk again; `by` asks for it. `None` for one that waits for its key.
    pub(super) fn hold(
        &mut self,
        now: Instant,
        tag: Tag,
        (by, other): (Option<LegKey>, Option<LegKey>),
        hold: Hold<String>,
    ) -> Option<Came> {
        let (Some(by), Some(other)) = (by, other) else { return Some(nobody("to hold")) };
        let holds = match hold.how {
            Holding::Hold => true,
            Holding::Release => false,
            Holding::Toggle => self.held.is_none(),
        };
        if !holds {
            self.release(now);
            return Some(Ok("done"));
        }
        self.separate();
        let Hold { release, music, own_music, .. } = hold;
        self.held = Some(Held { by, other, music, own_music });
        self.record.timeline.note(now, format!("{} holds {}", self.marked(by), self.marked(other)));
        self.sync_hold();
        match release {
            Some(key) => {
                self.doing.push(Running { tag, doing: Doing::Hold { by, key } });
                None
            }
            None => Some(Ok("done")),
        }
    }

    /// Lets both talk again that a flow put on hold.
    pub(super) fn release(&mut self, now: Instant) {
        let Some(held) = self.held.take() else { return };
        self.record.timeline.note(now, format!("{} holds no more", self.marked(held.by)));
        let waiting = self.doing.iter().find(|running| matches!(running.doing, Doing::Hold { .. }));
        if let Some(tag) = waiting.map(|running| running.tag) {
            self.finish(now, tag, "done");
        }
        self.join(now);
        self.sync_hold();
    }

    /// Who holds presses a key.
    pub(super) fn hold_key(&mut self, now: Instant, from: LegKey, pressed: char) {
        let ends = |running: &Running| matches!(running.doing, Doing::Hold { by, key } if by == from && key == pressed);
        if self.doing.iter().any(ends) {
            self.release(now);
        }
    }

    /// The music on hold from here on, by a flow.
    pub(super) fn set_music(&mut self, class: String) -> Came {
        self.music = Some(class).filter(|class| !class.is_empty());
        self.sync_hold();
        Ok("done")
    }

    /// Music for whom the other party holds, and no longer; of the right class.
    pub(super) fn sync_hold(&mut self) {
        let Some(bridge) = &self.bridge else { return };
        for (key, partner) in [(bridge.one, bridge.other), (bridge.other, bridge.one)] {
            let class = self.hears_held(key, partner);
            let wanted = class.map(|class| self.shared.music(&class));
            let Some(leg) = self.leg_mut(key) else { continue };
            match wanted {
                // What is said beside the conversation is heard to its end.
                Some(_) if leg.is_speaking() => {}
                Some(music) if leg.has_media() && !leg.hears_music(&music) => leg.play_music(music),
                None => leg.end_music(),
                _ => {}
            }
        }
    }

    /// The class of what a party hears whom the other one holds, or who holds.
    fn hears_held(&self, key: LegKey, partner: LegKey) -> Option<String> {
        match &self.held {
            Some(held) if held.other == key => {
                Some(held.music.clone().unwrap_or_else(|| self.class_for(key, partner)))
            }
            Some(held) if held.by == key && held.own_music.is_some() => held.own_music.clone(),
            _ => self.leg(partner)?.holds().then(|| self.class_for(key, partner)),
        }
    }

    /// The class of the music that `hears` hears while the party `holds` holds, or is busy with somebody else: what the
    /// flow has said, else what that party's user has, else what the trunk has by which the hearer is reached, else the
    /// usual one.
    pub(super) fn class_for(&self, hears: LegKey, holds: LegKey) -> String {
        let own = || {
            let leg = self.leg(holds)?;
            let user = match leg.mark() == Mark::FIRST {
                true => self.record.summary().user,
                false => None,
            };
            self.shared.users.load().get(&user.unwrap_or_else(|| leg.party()))?.music.clone()
        };
        self.music
            .clone()
            .or_else(own)
            .or_else(|| self.trunk_music(hears))
            .unwrap_or_else(|| MUSIC.to_owned())
    }

    /// The class of the music that the trunk has by which a leg is reached.
    pub(super) fn trunk_music(&self, key: LegKey) -> Option<String> {
        let mark = self.leg(key)?.mark();
        let trunk = self.record.trunk(mark)?;
        self.shared.trunks.get(&trunk)?.trunk.music.clone()
    }

    /// How the timeline calls a party.
    pub(super) fn marked(&self, key: LegKey) -> String {
        self.leg(key).map_or_else(String::new, |leg| leg.mark().to_string())
    }
}

/// There is no other party.
pub(super) fn nobody(what: &str) -> Came {
    Err((Cause::Unavailable, format!("there is nobody {what}")))
}
