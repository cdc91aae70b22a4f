//! What the phones that ring do: ring on, let something be heard, answer, refuse.

use std::time::Instant;

use flow::ir::Meanwhile;
use flow::leg::{DialOutcome, Leg, LegCommand, Prompt};
use flow::tone::{Sign, Signal};
use sip::Reason;

use super::LegKey;
use super::dial::Stage;
use super::run::Call;
use super::transfer::News;

impl Call {
    /// A phone rings, or lets something be heard.
    pub(super) fn fork_progress(&mut self, now: Instant, key: LegKey, media: bool) {
        let caller = self.dial.as_ref().map(|dial| dial.caller);
        if self.dial.as_ref().is_some_and(|dial| dial.rings(key))
            && let Some(origin) = &self.origin
        {
            origin.tell(News::Progress(if media { 183 } else { 180 }));
        }
        self.outset_rings(now, key);
        let Some(Stage::Ringing { forks, heard, .. }) = self.stage() else { return };
        if !forks.iter().any(|(fork, _)| *fork == key) {
            return;
        }
        let quiet = heard.is_none();
        if media {
            self.early_promised(key);
            self.listen_to_network(key);
        }
        let Some(caller) = caller.and_then(|key| self.leg(key)) else { return };
        if quiet || !caller.has_media() {
            self.let_ring();
        }
    }

    /// The caller hears that it rings, in the way that the flow chose.
    pub(super) fn let_ring(&mut self) {
        let chosen = match self.dial.as_ref().map(|dial| &dial.order.meanwhile) {
            Some(Meanwhile::Sound(sound)) => Some(self.shared.music(sound)),
            _ => None,
        };
        let caller = self.dial.as_ref().map(|dial| dial.caller);
        // One who talks to somebody meanwhile hears nothing of it.
        let caller = caller.filter(|caller| !self.talks(*caller));
        let Some(caller) = caller.and_then(|key| self.leg_mut(key)) else { return };
        match chosen {
            Some(sound) if caller.has_media() => caller.ring_by(sound),
            _ => caller.ring(ringback()),
        }
    }

    /// A phone was answered.
    pub(super) fn fork_answered(&mut self, now: Instant, key: LegKey) {
        let Some(place) = self.dial.as_ref().and_then(|dial| dial.place(key)) else {
            // It lost, or nobody wants it any more.
            if let Some(leg) = self.leg_mut(key) {
                leg.leave(480, None, Reason::completed_elsewhere());
            }
            return;
        };
        if !self.screen(now, key, place) {
            self.take(now, key);
        }
    }

    /// One who answered takes the call; nobody else has it.
    pub(super) fn take(&mut self, now: Instant, key: LegKey) {
        let Some(dial) = &mut self.dial else { return };
        let (tag, caller) = (dial.tag, dial.caller);
        let until = dial.order.longest.and_then(|longest| now.checked_add(longest));
        let Stage::Ringing { forks, screened, .. } =
            std::mem::replace(&mut dial.stage, Stage::Talking(key, until))
        else {
            return;
        };
        let was_screened = screened.iter().any(|one| one.leg == key);
        let answered = screened.into_iter().map(|one| one.leg);
        for loser in forks.into_iter().map(|(fork, _)| fork).chain(answered).filter(|leg| *leg != key) {
            if let Some(leg) = self.leg_mut(loser) {
                leg.leave(480, None, Reason::completed_elsewhere());
            }
        }
        if was_screened {
            self.end_screening(now, key);
        }
        self.settled_in();
        if self.outset_answered(now, key) {
            return;
        }
        if let Some(leg) = self.leg_mut(caller) {
            leg.hush();
            leg.perform(now, tag, LegCommand::Answer);
        }
        self.connect(now, caller, key);
        self.feature_answered(now, tag, key);
    }

    /// A phone was not answered, for a reason.
    pub(super) fn fork_refused(&mut self, now: Instant, key: LegKey, status: u16) {
        let one_rejects_all = self.dial.as_ref().is_some_and(|dial| dial.order.one_rejects_all);
        let Some(Stage::Ringing { forks, heard, .. }) = self.stage() else { return };
        let Some(at) = forks.iter().position(|(fork, _)| *fork == key) else { return };
        let (_, place) = forks.remove(at);
        if *heard == Some(key) {
            self.early_over();
        }
        if self.hunt_on(now, key, place, status) {
            return;
        }
        if self.redirected(now, key, place) {
            return self.look(now, Some(place));
        }
        self.refused_at(place, status);
        self.failed(status);
        if one_rejects_all && DialOutcome::of(status) == DialOutcome::Rejected {
            self.drop_forks(&Reason::normal());
            return self.dialled(now, DialOutcome::Rejected, status);
        }
        // RFC 3261 §16.7 step 5: the user does not want to be called, wherever.
        if status >= 600 {
            self.drop_ringing(&Reason::normal(), |of| of == place);
        }
        self.look(now, Some(place));
    }
}

/// One turn of the tone that says that it rings, for a caller who is answered already.
pub(super) fn ringback() -> Vec<Prompt> {
    vec![Prompt::Signal(Signal::usual(Sign::Ringback))]
}
