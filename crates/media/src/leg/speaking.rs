//! What a leg says in a turn: keys, a prompt, another leg, an echo, or silence.

use audio::codec::Codec;
use rtp::packet::HEADER;

use super::{Leg, Said};
use crate::bridge::Bridged;
use crate::event::Event;
use crate::io::Io;
use crate::source::Source;
use crate::tx::Step;
use crate::worker::Turn;

/// What was to be said in so many milliseconds before is said late; of more, time passes.
const LATE_MS: u64 = 60;

/// Where what is said lies, for whoever records it.
enum Voice {
    /// Encoded, in the packet.
    Payload,
    /// As samples, of its own or of what was heard.
    Said,
    Heard,
}

impl Leg {
    /// Whether there is something that goes before what a bridge or a room brings.
    pub(super) fn is_covered(&self) -> bool {
        self.dialling.is_some() || !matches!(self.source, Source::Silence)
    }

    /// Whether it was not asked to say anything, be it silent just now: it records, gathers keys or waits.
    ///
    /// What it passed on may have been the other's silence, which is described until something is heard again.
    fn has_nothing_to_say(&self) -> bool {
        !self.is_covered() && self.room.is_none() && (self.bridge.is_none() || self.tx.has_passed_noise())
    }

    /// Turns that did not take place.
    ///
    /// Of a few that were skipped the sound is said late, at the next turn: a phone has it in time if it holds that much
    /// ahead, and would hear a hole in any case if it does not.
    pub(crate) fn skip(&mut self, turns: u64) {
        let unsaid = turns.saturating_add(self.unsaid.into());
        if self.tx.slept(turns) {
            self.play_unheard(turns);
        } else if self.speaks_alone() && unsaid.saturating_mul(self.pace.ms() as u64) <= LATE_MS {
            self.unsaid = unsaid as u8;
        } else {
            self.tx.pass(u32::from(self.pace.ticks).wrapping_mul(unsaid as u32));
            self.tx.pause();
            self.play_unheard(unsaid);
            self.unsaid = 0;
        }
        self.unread = self.unread.saturating_add(turns);
        self.rx.skip(turns);
    }

    /// Whether each packet time has a sound that waits to be said.
    fn speaks_alone(&self) -> bool {
        let bridged = self.bridge.as_ref().is_some_and(|bridge| !bridge.end.of_room());
        self.setup.send
            && self.dialling.is_none()
            && match &self.source {
                Source::Prompts(list) => !list.is_paused(),
                Source::Silence => bridged,
                Source::Echo { .. } => false,
            }
    }

    /// Say what was to be said in turns that were skipped.
    pub(super) fn catch_up<I: Io>(&mut self, said: Said, turn: &mut Turn<'_, I>) {
        for left in (1..=std::mem::take(&mut self.unsaid)).rev() {
            if !self.speaks_alone() {
                self.tx.pass(u32::from(self.pace.ticks).wrapping_mul(left.into()));
                self.tx.pause();
                break;
            }
            self.recorders.turn_to(left.into());
            self.speak(said, turn);
        }
        self.recorders.turn_to(0);
    }

    pub(super) fn speak<I: Io>(&mut self, said: Said, turn: &mut Turn<'_, I>) {
        let (place, to) = (self.place(), self.rx.latch.remote());
        let (codec, ms, ticks) = (self.setup.codec, self.pace.ms(), u32::from(self.pace.ticks));
        let payload_type = self.setup.payload_type;
        let mut quiet = false;
        let covered = self.is_covered();
        if covered && let Some(Bridged { end: bridge, .. }) = &mut self.bridge {
            bridge.pass();
        }
        if let Some(dialling) = &mut self.dialling {
            let payload = &mut turn.scratch.packet[HEADER..];
            let clock = self.setup.telephone_event_clock;
            match dialling.step(self.tx.timestamp(), (codec, ms), clock, payload) {
                Step::Event(update) => {
                    let payload_type = self.setup.telephone_event.unwrap_or(payload_type);
                    self.tx.event(place, to, payload_type, &update, turn);
                    self.play_unheard(1);
                    return self.tx.pass(ticks);
                }
                Step::Tone(filled) => {
                    if self.recorders.want_said() {
                        let payload = payload.get(..filled.len).unwrap_or_default();
                        self.recorders.say_encoded(payload, &mut turn.scratch.said);
                    }
                    self.play_unheard(1);
                    self.tx.audio(place, to, payload_type, true, (filled.len, ticks), turn);
                    if filled.last {
                        self.end_dialling(turn.out);
                    }
                    return;
                }
                Step::Quiet => {
                    self.play_unheard(1);
                    quiet = true;
                }
                Step::Over => self.end_dialling(turn.out),
            }
        }
        let samples = self.samples();
        let payload = &mut turn.scratch.packet[HEADER..];
        let mut played = None;
        let mut voice = Voice::Payload;
        // How long the payload is, if there is anything to be heard.
        let said = match &mut self.source {
            // A prompt waits while keys are being sent.
            Source::Prompts(_) | Source::Echo { .. } if quiet => None,
            Source::Silence => match (said, &mut self.bridge) {
                (Said::Written(len), _) => Some(len),
                (Said::Samples, _) => {
                    voice = Voice::Said;
                    Some(self.tx.encode(&turn.scratch.said[..samples], payload))
                }
                (Said::Bridge, Some(Bridged { end: bridge, .. }))
                    if !covered && bridge.rate() == self.setup.rate =>
                {
                    voice = Voice::Said;
                    let frame = &mut turn.scratch.said[..samples];
                    bridge.fill(frame).then(|| self.tx.encode(frame, payload))
                }
                _ => None,
            },
            // Nothing was read of what is passed on as it comes.
            Source::Echo { .. } if self.rx.relaying => None,
            Source::Echo { .. } => {
                voice = Voice::Heard;
                Some(self.tx.encode(&turn.scratch.heard[..samples], payload))
            }
            Source::Prompts(list) => {
                let filled = list.next(codec, ms, payload);
                played = filled.last.then_some(list.tag);
                (!list.is_paused()).then_some(filled.len)
            }
        };
        if said.is_some() {
            self.tx.go_on(ticks, ms);
        } else if self.tx.waits_on(ticks, ms) {
            return;
        }
        if let Some(len) = said.filter(|_| self.recorders.want_said()) {
            let recorders = &mut self.recorders;
            let scratch = &mut *turn.scratch;
            match voice {
                Voice::Payload => {
                    let payload = scratch.packet.get(HEADER..HEADER + len).unwrap_or_default();
                    recorders.say_encoded(payload, &mut scratch.said);
                }
                Voice::Said => recorders.say(&scratch.said[..samples], self.setup.rate),
                Voice::Heard => recorders.say(&scratch.heard[..samples], self.setup.rate),
            }
        }
        if said.is_none()
            && let Some(noise) = self.setup.comfort_noise_send.filter(|_| self.has_nothing_to_say())
            && self.tx.silence(place, to, noise, (ticks, codec.clock()), turn)
        {
            return;
        }
        let rests =
            said.is_none() && self.setup.opus.dtx && codec == Codec::Opus && self.has_nothing_to_say();
        if rests && self.tx.rests(ticks, codec.clock()) {
            return;
        }
        let payload = &mut turn.scratch.packet[HEADER..];
        let len = said.unwrap_or_else(|| codec.write_silence(ms, payload));
        self.tx.audio(place, to, payload_type, said.is_some(), (len, ticks), turn);
        if rests {
            self.tx.rested();
        }
        if let Some(tag) = played {
            self.hush(turn.out);
            turn.out.event(Event::Played { leg: self.id, tag, stopped: false });
        }
    }
}
