//! Commands on their way to a worker: what they need is made here, where allocating and failing are allowed.

use std::sync::Arc;
use std::time::Duration;

use audio::codec::CodecError;
use audio::mix::Gain;
use audio::write::Layout;
use audio::{Pcm, tone};
use rtrb::RingBuffer;

use super::Engine;
use crate::bridge::Bridge;
use crate::command::{Command, DigitToSend, LegSetup, Repeat, Start};
use crate::detector::Listener;
use crate::disk::{Intake, Job};
use crate::dtls;
use crate::ears::{Delay, Kit};
use crate::error::Error;
use crate::guard::{Guard, Security};
use crate::id::LegId;
use crate::order::{Order, Steer};
use crate::port::Ports;
use crate::prompt::{Form, Prompt};
use crate::recorder::{self, Recorder};
use crate::recording::{Recording, Sides, Verdict};
use crate::source::Playlist;
use crate::tx::{Dialling, Keys};

/// Tones are rendered as a whole: 58 MB at the highest rate.
const LONGEST_TONES: Duration = Duration::from_secs(600);

impl Engine {
    /// Pass a command on; it is obeyed within a slot (5 ms).
    ///
    /// [`Error::Busy`] if the worker's queue is full, [`Error::NoLeg`] if the leg is gone.
    /// A leg that goes while the command is on its way gives no event for it, except for the end of a recording.
    pub fn send(&self, leg: LegId, command: Command) -> Result<(), Error> {
        let board = &self.shared.board;
        let setup = board.setup(leg).ok_or(Error::NoLeg)?;
        match command {
            Command::Play { tag, items, repeat, start } => {
                let list = self.list(tag, items, repeat);
                let list = match start {
                    Start::At(at) => list.from(at),
                    Start::Now => list.from(self.shared.began.elapsed()).running(),
                };
                self.order(leg, Order::Play(leg, list))
            }
            Command::Pause { tag } => self.order(leg, Order::Steer(leg, tag, Steer::Pause)),
            Command::Resume { tag } => self.order(leg, Order::Steer(leg, tag, Steer::Resume)),
            Command::Seek { tag, to } => self.order(leg, Order::Steer(leg, tag, Steer::Seek(to))),
            Command::Skip { tag, by } => self.order(leg, Order::Steer(leg, tag, Steer::Skip(by))),
            Command::Locate { tag } => self.order(leg, Order::Steer(leg, tag, Steer::Tell)),
            Command::Swap { tag, items } => {
                self.order(leg, Order::Swap(leg, self.list(tag, items, Repeat::Times(0))))
            }
            Command::Stop { tag } => self.order(leg, Order::Stop(leg, tag)),
            Command::Echo { tag } => {
                self.order(leg, Order::Echo(leg, tag, Kit::to_talk(&setup, Delay::PATIENT)?))
            }
            Command::SendDigits { tag, digits } => {
                let dialling = match setup.telephone_event.is_some() {
                    true => Dialling::Events(Keys::new(tag, digits)),
                    false => Dialling::Tones(tones(tag, &digits, setup.form())?),
                };
                self.order(leg, Order::Dial(leg, dialling))
            }
            Command::Record { tag, recording } => {
                let rate = setup.rate;
                let kit = Kit::to_record(&setup, Delay::PATIENT, recording.sides)?;
                let stereo = recording.sides == Sides::Stereo;
                let layout = Layout { rate: recording.rate.unwrap_or(rate), stereo };
                // The leg may become as wide as its file.
                let room = rate.max(layout.rate).samples(recorder::RING);
                let (write, ring) = RingBuffer::new(room * usize::from(layout.channels()));
                let (tell, marks) = RingBuffer::new(recorder::MARKS);
                let verdict = Verdict::default();
                let recorder = Recorder::new((leg, tag), write, rate, &recording, verdict.clone());
                let recorder = recorder.marking(tell);
                let ring = Intake::new(ring, rate, layout).marked(marks);
                let Recording { path, format, .. } = recording;
                let path = self.shared.config.recordings_dir.join(path);
                // Counted before the order, which may be over before this function is.
                board.recording_begins(leg);
                let ordered = self.order(leg, Order::Record(leg, Box::new(recorder), kit));
                if ordered.is_err() {
                    // Its leg may have ended meanwhile, and waited for this.
                    board.never_recorded(leg);
                    return ordered;
                }
                self.shared.disks.begin(Job { leg, tag, path, format, layout, verdict, ring })
            }
            Command::Detect { tag, what } => {
                let listener = Box::new(Listener::new(tag, what));
                self.order(leg, Order::Detect(leg, listener, Kit::to_detect(&setup, Delay::PATIENT)?))
            }
            Command::PauseRecording { tag, pause } => self.order(leg, Order::Pause(leg, tag, Some(pause))),
            Command::ResumeRecording { tag } => self.order(leg, Order::Pause(leg, tag, None)),
            Command::Renew => self.order(leg, Order::Renew(leg)),
            Command::Await => self.order(leg, Order::Await(leg)),
            Command::Loudness { gain } => self.order(leg, Order::Loudness(leg, Gain::new(gain))),
            Command::Reconfigure(new) => {
                let new = new.seen_from(self.shared.config.bind);
                let same = (setup.codec, setup.rate, setup.opus, setup.keys_in_sound, &setup.alternatives)
                    == (new.codec, new.rate, new.opus, new.keys_in_sound, &new.alternatives);
                // Whether anybody there listens or talks is the worker's to know.
                let kit = (!same).then(|| Kit::for_all(&new, Delay::CONVERSATION)).transpose()?;
                let agreed = Box::new(new.clone());
                // All of it in one order: a change that is refused has changed nothing.
                self.order(
                    leg,
                    match guard_after(&setup.security, &new.security) {
                        Some(guard) => Order::Rekey(leg, agreed, kit, guard),
                        None => Order::Reconfigure(leg, agreed, kit),
                    },
                )?;
                if setup.security != new.security {
                    self.shake_hands(leg, &new);
                }
                board.set_setup(leg, new.clone());
                if !same || setup.period() != new.period() {
                    self.reseat(leg, &new);
                }
                Ok(())
            }
            Command::Release => self.order(leg, Order::Release(leg)),
        }
    }

    /// Let two legs hear each other until the `Stop` of each one's tag, the number beside it; prompts and keys go before
    /// what the other says. An end that a leg has already is replaced, and told as stopped.
    /// Where both speak alike, and nobody else listens, packets are passed on as they come.
    /// Of two legs at two workers one moves to the other's, with all that it does; one that cannot stays, and they are
    /// mixed over two workers.
    /// → [`Event::Played`] of each
    ///
    /// # Errors
    /// As for [`Engine::send`]; neither leg is bridged then.
    pub fn bridge(&self, one: (LegId, u64), other: (LegId, u64)) -> Result<(), Error> {
        let setups = [one.0, other.0].map(|leg| self.shared.board.setup(leg).ok_or(Error::NoLeg));
        let [of_one, of_other] = setups;
        let (of_one, of_other) = (of_one?, of_other?);
        let kits =
            (Kit::to_talk(&of_one, Delay::CONVERSATION)?, Kit::to_talk(&of_other, Delay::CONVERSATION)?);
        let (mut here, mut there) = Bridge::pair(of_one.rate, of_other.rate);
        Bridge::face((&mut here, one.0), (&mut there, other.0), self.shared.config.relay);
        self.order(one.0, Order::Bridge(one.0, one.1, Box::new(here), kits.0))?;
        let done = self.order(other.0, Order::Bridge(other.0, other.1, Box::new(there), kits.1));
        if done.is_err() {
            // If that finds no room either, it hears silence from an end without another.
            let _ = self.order(one.0, Order::Stop(one.0, one.1));
            return done;
        }
        // Nobody takes a seat in a room meanwhile: that is at its leg's worker.
        let _seats = self.shared.register.lock();
        self.shared.board.bring_together(one.0, other.0);
        Ok(())
    }

    /// Have the keys of a leg found out, if they are not known; what was going on before ends.
    pub(super) fn shake_hands(&self, leg: LegId, setup: &LegSetup) {
        let note = match &setup.security {
            Security::Handshake { fingerprints, active } => dtls::Note::Begin {
                leg,
                remote: setup.remote,
                fingerprints: fingerprints.clone(),
                active: *active,
            },
            _ => dtls::Note::End(leg),
        };
        // Without the thread the leg stays without keys, and quiet.
        let _ = self.shared.dtls.send(note);
    }

    /// A list, whose long sounds are being read from now on.
    pub(super) fn list(&self, tag: u64, items: Vec<Arc<Prompt>>, repeat: Repeat) -> Playlist {
        let tap = self.shared.streams.tap(&items);
        Playlist::new(tag, items, repeat).tapped(tap)
    }

    pub(super) fn order(&self, leg: LegId, order: Order<Ports>) -> Result<(), Error> {
        self.shared.board.send(leg, order).into()
    }
}

/// What a re-INVITE changed about encryption: what takes over, if anything does.
fn guard_after(now: &Security, new: &Security) -> Option<Box<Guard>> {
    match new {
        _ if now == new => None,
        Security::None => Some(Guard::plain()),
        Security::Keys { .. } => Guard::of(new),
        // The keys that there are count until those of the handshake come; a leg without any keeps quiet.
        Security::Handshake { .. } => Guard::of(new).filter(|_| *now == Security::None),
    }
}

/// Keys as tones, for a peer that takes no telephone-events; those behind the longest sound are left out.
fn tones(tag: u64, digits: &[DigitToSend], form: Form) -> Result<Playlist, CodecError> {
    let rate = form.rate();
    let mut sound = Pcm::new(rate, Vec::new());
    let left = |sound: &Pcm| LONGEST_TONES.saturating_sub(sound.duration());
    for digit in digits {
        let length = digit.duration.min(left(&sound));
        match digit.key {
            Some(key) => sound.append(&tone::dtmf(key, length, rate)),
            None => sound.append(&Pcm::silence(rate, length)),
        }
        sound.append(&Pcm::silence(rate, digit.gap.min(left(&sound))));
    }
    Ok(Playlist::new(tag, vec![Arc::new(Prompt::encode(&sound, form)?)], Repeat::Times(1)))
}

#[cfg(test)]
mod tests {
    use audio::codec::{Codec, OpusSettings};

    use super::*;

    #[test]
    fn keys_of_any_length_are_rendered_in_bounds() {
        let form = Form::new(Codec::Pcmu, Duration::ZERO, OpusSettings::default());
        let of = |digits: &[DigitToSend]| tones(1, digits, form).unwrap().current().unwrap().duration();
        let ms = Duration::from_millis;
        let usual = DigitToSend { key: Some('1'), duration: ms(100), gap: ms(50) };
        assert_eq!(of(&[usual, DigitToSend { key: None, ..usual }]), ms(300));
        let endless = DigitToSend { duration: Duration::MAX, gap: Duration::MAX, ..usual };
        assert_eq!(of(&[usual, endless, endless]), LONGEST_TONES);
    }
}
