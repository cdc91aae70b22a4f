//! What the caller hears of phones that let something be heard while they ring.
//!
//! A 183 with a session description promises sound; many send it and nothing after it, or stop. So it is the packets that
//! count: until the first of them comes the caller goes on hearing that it rings, and hears so again when none came
//! for as long as a pause of a ringing tone may last.

use std::time::{Duration, Instant};

use flow::ir::Meanwhile;

use super::LegKey;
use super::dial::Stage;
use super::leg::CallLeg;
use super::run::Call;

/// The pauses of the world's ringing tones are of five seconds at most; some networks send nothing in them.
const PAUSE: Duration = Duration::from_secs(6);

/// Legs are counted once a second.
const LOOK: Duration = Duration::from_secs(1);

/// How what is heard goes on.
#[derive(Debug)]
pub(super) struct Pulse {
    /// So many packets had come,
    packets: u64,
    /// and no more since then.
    since: Instant,
    /// When to look again.
    look: Instant,
}

impl Pulse {
    pub(super) fn poll_timeout(&self) -> Instant {
        self.look
    }
}

impl Call {
    /// A phone that rings has promised sound: it is heard when it comes.
    pub(super) fn early_promised(&mut self, key: LegKey) {
        let passes = matches!(self.dial.as_ref().map(|dial| &dial.order.meanwhile), Some(Meanwhile::Pass));
        if let Some(leg) = self.leg_mut(key).filter(|_| passes) {
            leg.await_audio();
        }
    }

    /// The sound of a leg comes that was awaited.
    pub(super) fn early_comes(&mut self, now: Instant, key: LegKey) {
        let caller = self.dial.as_ref().map(|dial| dial.caller);
        let rings = self.dial.as_ref().is_some_and(|dial| dial.rings(key));
        let Some(Stage::Ringing { heard, .. }) = self.stage() else { return };
        if !rings || heard.is_some() {
            return;
        }
        // A caller whose offer is still to come hears nothing before the answer.
        let Some(caller) = caller.and_then(|caller| self.leg_mut(caller)) else { return };
        if caller.ensure_media(now).is_err() {
            return;
        }
        let caller = caller.key();
        let packets = self.leg(key).map_or(0, CallLeg::packets_in);
        if let Some(Stage::Ringing { heard, pulse, .. }) = self.stage() {
            *heard = Some(key);
            *pulse = Some(Box::new(Pulse { packets, since: now, look: now + LOOK }));
        }
        self.connect(now, caller, key);
    }

    /// Looks whether what is heard goes on.
    pub(super) fn early_time(&mut self, now: Instant) {
        let Some(Stage::Ringing { heard, pulse, .. }) = self.stage() else { return };
        if pulse.as_ref().is_none_or(|pulse| pulse.look > now) {
            return;
        }
        let Some(key) = *heard else {
            *pulse = None;
            return;
        };
        let came = self.leg(key).map_or(0, CallLeg::packets_in);
        let Some(Stage::Ringing { pulse: Some(pulse), .. }) = self.stage() else { return };
        pulse.look = now + LOOK;
        if came > pulse.packets {
            (pulse.packets, pulse.since) = (came, now);
        } else if now >= pulse.since + PAUSE {
            self.record.timeline.note(now, "nothing more is heard of who rings");
            self.early_over();
        }
    }

    /// What was heard is over: the caller hears that it rings, until somebody else of those who ring is heard.
    pub(super) fn early_over(&mut self) {
        let Some(Stage::Ringing { heard, pulse, forks, .. }) = self.stage() else { return };
        let ring: Vec<LegKey> = forks.iter().map(|(key, _)| *key).collect();
        (*heard, *pulse) = (None, None);
        self.part();
        for key in ring {
            if let Some(leg) = self.leg_mut(key) {
                leg.await_audio();
            }
        }
        self.let_ring();
    }
}
