//! A room: many legs that hear each other. A value without I/O, owned by one worker and run by it every 20 ms.
//!
//! A turn: every member's frame is taken ([`Room::hear`]), those that sound are summed once ([`Room::mix`]), and every
//! member is given the sum without its own ([`Room::give`]).
//! Members with nothing to say are not summed, all hear the same, and that is encoded once for each codec
//! ([`Room::payload`]).
//!
//! A room of legs on several workers has a part on each. The first is the hub; every other part is linked to it by a
//! bridge, as if it were a member: what it says is the sum of its own, what it hears is the rest.
//!
//! Nothing is allocated here in a turn; a list that gets too short is replaced by a longer one that came with an order.

mod active;
mod seat;
mod shared;
#[cfg(test)]
mod tests;
mod wider;

use audio::Rate;
use audio::level::measure;
use audio::mix::{self, Gain};
use audio::resample::Resampler;

use crate::event::Event;
use crate::id::{LegId, PartId, RoomId};
use crate::recorder::Recorder;
use crate::source::Playlist;
use active::Active;
pub(crate) use seat::{Seat, Settings, Way, Who};
pub(crate) use shared::{Manner, Shared};
pub(crate) use wider::{Fitting, Wider, succeed};

/// With more members than this, those that only rustle are not summed: a hundred quiet rooms are a loud one.
const CROWD: usize = 16;

/// What sounds no louder than this is silence: G.711 A-law has no zero but 8.
const SILENT: u16 = 8;

/// A codec with state follows one encoder; who has been silent for so many turns (1 s) may follow the shared one.
const SETTLED: u32 = 50;

/// Milliseconds of a frame, and slots of a turn.
pub(crate) const FRAME_MS: usize = 20;
pub(crate) const PERIOD: u64 = 4;

/// No seat.
const NONE: u32 = u32::MAX;

/// One part of a room, mostly the only one.
#[allow(clippy::vec_box, reason = "a seat goes out as it came in: in its box")]
pub(crate) struct Room {
    pub(crate) part: PartId,
    pub(crate) room: RoomId,
    rate: Rate,
    seats: Vec<Box<Seat>>,
    /// What is being said to all.
    pub(crate) playing: Option<Playlist>,
    /// From its rate to the room's, where those differ.
    pub(crate) saying: Option<Box<Resampler>>,
    /// Who writes down what all say.
    pub(crate) recorder: Option<Box<Recorder>>,
    /// From the room's rate to the recording's, where those differ.
    pub(crate) taping: Option<Box<Resampler>>,
    /// Whether it has its place in the worker's timetable.
    pub(crate) scheduled: bool,
    pub(crate) sum: Box<[i32]>,
    /// One listener's own mixture.
    own: Box<[i32]>,
    /// What those hear who say nothing.
    pub(crate) common: Box<[i16]>,
    /// The largest magnitude in the sum.
    peak: i32,
    /// How many were summed.
    voices: u32,
    /// The first of those that sound and have gains for single listeners; the others are linked to it.
    paired: u32,
    active: Active,
    shared: Vec<Box<Shared>>,
    /// Whether somebody is in another part, as far as there are other parts.
    company: bool,
}

/// Lists with room for more.
#[allow(clippy::vec_box, reason = "a seat goes out as it came in: in its box")]
pub(crate) struct Lists {
    seats: Vec<Box<Seat>>,
    shared: Vec<Box<Shared>>,
}

impl Lists {
    /// For so many seats, and so many manners of telling many the same. Allocates.
    pub(crate) fn new(seats: usize, shared: usize) -> Lists {
        Lists { seats: Vec::with_capacity(seats), shared: Vec::with_capacity(shared) }
    }
}

/// What a member is to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    /// Nothing: nobody (else) says anything.
    Silence,
    /// The samples that were written.
    Samples,
    /// What all silent listeners hear; see [`Room::payload`].
    Shared,
    /// Music, for it is alone.
    Music,
}

impl Room {
    /// A room at a rate that has 20 ms frames of whole samples, for as many as `seats` holds.
    pub(crate) fn new(part: PartId, rate: Rate, lists: Lists) -> Room {
        let samples = samples(rate);
        Room {
            part,
            room: part.room,
            rate,
            seats: lists.seats,
            sum: vec![0; samples].into(),
            own: vec![0; samples].into(),
            common: vec![0; samples].into(),
            peak: 0,
            voices: 0,
            paired: NONE,
            active: Active::default(),
            shared: lists.shared,
            company: false,
            playing: None,
            saying: None,
            recorder: None,
            taping: None,
            scheduled: false,
        }
    }

    pub(crate) fn rate(&self) -> Rate {
        self.rate
    }

    /// Samples in a frame.
    pub(crate) fn samples(&self) -> usize {
        self.sum.len()
    }

    pub(crate) fn len(&self) -> usize {
        self.seats.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.seats.is_empty()
    }

    /// Legs whose turns are the room's.
    pub(crate) fn inline_legs(&self) -> impl Iterator<Item = LegId> {
        self.seats.iter().filter_map(|seat| match (&seat.way, seat.who) {
            (Way::Inline { .. }, Who::Leg(leg)) => Some(leg),
            _ => None,
        })
    }

    /// Turns that did not take place: what is recorded stays in its time.
    pub(crate) fn skip(&mut self, turns: u64) {
        let samples = turns.saturating_mul(self.samples() as u64);
        if let Some(recorder) = &mut self.recorder {
            recorder.owe(samples, self.rate);
        }
    }

    /// Members whose turn is the room's.
    pub(crate) fn inline(&self) -> u32 {
        self.inline_legs().count() as u32
    }

    pub(crate) fn seat(&mut self, at: usize) -> Option<&mut Seat> {
        self.seats.get_mut(at).map(Box::as_mut)
    }

    pub(crate) fn seats(&self) -> &[Box<Seat>] {
        &self.seats
    }

    pub(crate) fn find(&self, who: Who) -> Option<usize> {
        self.seats.iter().position(|seat| seat.who == who)
    }

    /// Say to many at once in another manner. It comes back if that is not needed.
    pub(crate) fn share(&mut self, shared: Box<Shared>) -> Option<Box<Shared>> {
        let known = self.shared.iter().any(|other| other.manner() == shared.manner());
        if known || self.shared.len() == self.shared.capacity() {
            return Some(shared);
        }
        self.shared.push(shared);
        None
    }

    /// Whether somebody can take a seat, or has one.
    pub(crate) fn has_room_for(&self, who: Who) -> bool {
        self.seats.len() < self.seats.capacity() || self.find(who).is_some()
    }

    /// Take a seat, if the list has room for it; whoever is there already is replaced. What is left over comes back.
    pub(crate) fn join(
        &mut self,
        mut seat: Box<Seat>,
        mut tell: impl FnMut(Event),
    ) -> Result<Option<Box<Seat>>, Box<Seat>> {
        seat.shared = self.shared.iter().position(|shared| Some(shared.manner()) == seat.manner);
        if let Some(at) = self.find(seat.who) {
            if let Some(before) = self.seats.get(at)
                && !seat.go_on(before)
                && let Who::Leg(leg) = seat.who
            {
                tell(Event::Speaking { room: self.room, leg, on: false });
            }
            return Ok(self.seats.get_mut(at).map(|before| std::mem::replace(before, seat)));
        }
        if self.seats.len() == self.seats.capacity() {
            return Err(seat);
        }
        self.seats.push(seat);
        Ok(None)
    }

    /// Give a seat up.
    pub(crate) fn leave(&mut self, at: usize, mut tell: impl FnMut(Event)) -> Option<Box<Seat>> {
        if at >= self.seats.len() {
            return None;
        }
        let seat = self.seats.swap_remove(at);
        self.paired = NONE;
        self.active.gone(seat.who);
        if let Who::Leg(leg) = seat.who
            && seat.gate.talking()
        {
            tell(Event::Speaking { room: self.room, leg, on: false });
        }
        Some(seat)
    }

    /// Move to longer lists. The old ones come back, empty.
    pub(crate) fn grow(&mut self, mut lists: Box<Lists>) -> Box<Lists> {
        if lists.seats.capacity() >= self.seats.len() {
            lists.seats.append(&mut self.seats);
            std::mem::swap(&mut self.seats, &mut lists.seats);
        }
        if lists.shared.capacity() >= self.shared.len() {
            lists.shared.append(&mut self.shared);
            std::mem::swap(&mut self.shared, &mut lists.shared);
        }
        lists
    }

    /// Whether there is somebody in another part.
    pub(crate) fn set_company(&mut self, company: bool) {
        self.company = company;
    }

    /// Change how a member takes part; the settings before.
    pub(crate) fn set(
        &mut self,
        at: usize,
        settings: Box<Settings>,
        mut tell: impl FnMut(Event),
    ) -> Box<Settings> {
        let Some(seat) = self.seats.get_mut(at) else { return settings };
        if settings.mute
            && let Who::Leg(leg) = seat.who
            && seat.hush()
        {
            tell(Event::Speaking { room: self.room, leg, on: false });
        }
        std::mem::replace(&mut seat.settings, settings)
    }

    /// A turn begins.
    pub(crate) fn open(&mut self) {
        self.sum.fill(0);
        (self.peak, self.voices, self.paired) = (0, 0, NONE);
        self.active.open();
        self.shared.iter_mut().for_each(|shared| shared.open());
    }

    /// A member's frame is in its seat, or there is none (`sounds` is false).
    pub(crate) fn hear(&mut self, at: usize, sounds: bool, mut tell: impl FnMut(Event)) {
        let crowd = self.seats.len() > CROWD;
        let Some(seat) = self.seats.get_mut(at) else { return };
        (seat.sounds, seat.adds, seat.peak) = (false, false, 0);
        seat.quiet = seat.quiet.saturating_add(1);
        if seat.settings.mute {
            return;
        }
        if sounds && !seat.starved && seat.settings.gain != Gain::UNITY {
            mix::scale(&mut seat.frame, seat.settings.gain);
        }
        let measure = if sounds { measure(&seat.frame) } else { Default::default() };
        let before = seat.gate.talking();
        let talking = seat.gate.push_energy(measure.mean_square.into(), seat.frame.len());
        if let Who::Leg(leg) = seat.who
            && talking != before
        {
            tell(Event::Speaking { room: self.room, leg, on: talking });
        }
        seat.follow(measure.mean_square);
        seat.sounds = measure.peak > SILENT && (talking || !crowd || matches!(seat.who, Who::Link(_)));
        if !seat.sounds {
            return;
        }
        seat.quiet = 0;
        seat.peak = measure.peak.into();
        if !seat.settings.pairs.is_empty() {
            seat.next_paired = std::mem::replace(&mut self.paired, at as u32);
        }
        if !seat.settings.private {
            seat.adds = true;
            mix::add(&mut self.sum, &seat.frame);
            self.voices += 1;
            if talking {
                self.active.candidate(seat.who, seat.level);
            }
        }
    }

    /// Something that is said to all, by nobody.
    pub(crate) fn announce(&mut self, frame: &[i16]) {
        mix::add(&mut self.sum, frame);
        self.voices += 1;
    }

    /// All were heard: what those hear who say nothing, and who is the active speaker.
    pub(crate) fn mix(&mut self, mut tell: impl FnMut(Event)) {
        self.peak = mix::peak(&self.sum);
        mix::settle(&self.sum, self.peak, &mut self.common);
        if let Some(Who::Leg(leg)) = self.active.decide() {
            tell(Event::ActiveSpeaker { room: self.room, leg });
        }
    }

    /// What a member is to hear, in `frame` if it is something of its own.
    pub(crate) fn give(&mut self, at: usize, frame: &mut [i16]) -> Given {
        let Some(seat) = self.seats.get(at) else { return Given::Silence };
        if seat.settings.deaf {
            return Given::Silence;
        }
        let others = self.voices - u32::from(seat.adds);
        let pairs = self.paired != NONE && self.add_pairs(at);
        let Some(seat) = self.seats.get(at) else { return Given::Silence };
        let Some(frame) = frame.get_mut(..self.common.len()) else { return Given::Silence };
        if pairs {
            mix::settle(&self.own, mix::peak(&self.own), frame);
        } else if others == 0 {
            return if self.is_alone(at) { Given::Music } else { Given::Silence };
        } else if seat.adds {
            mix::others(&self.sum, &seat.frame, self.peak + seat.peak, frame);
        } else {
            if seat.settings.volume == Gain::UNITY && seat.may_share() {
                return Given::Shared;
            }
            frame.copy_from_slice(&self.common);
        }
        if seat.settings.volume != Gain::UNITY {
            mix::scale(frame, seat.settings.volume);
        }
        Given::Samples
    }

    /// What all silent listeners in the manner of this seat hear, encoded by the first who asks.
    pub(crate) fn payload(&mut self, at: usize) -> Option<&[u8]> {
        let shared = self.seats.get(at)?.shared?;
        Some(self.shared.get_mut(shared)?.payload(&self.common))
    }

    /// Put into `own` what this one hears, if anybody says something to it alone.
    fn add_pairs(&mut self, at: usize) -> bool {
        let Some(listener) = self.seats.get(at) else { return false };
        let Who::Leg(leg) = listener.who else { return false };
        let mut any = false;
        let mut next = self.paired;
        while let Some(speaker) = self.seats.get(next as usize) {
            let here = std::mem::replace(&mut next, speaker.next_paired) as usize;
            let Some(gain) = speaker.settings.gain_for(leg).filter(|_| here != at) else { continue };
            if !any {
                any = true;
                match listener.adds {
                    true => mix::without(&self.sum, &listener.frame, &mut self.own),
                    false => self.own.copy_from_slice(&self.sum),
                }
            }
            let mixed = if speaker.adds { Gain::UNITY } else { Gain::NONE };
            mix::add_scaled(&mut self.own, &speaker.frame, gain.beyond(mixed));
        }
        any
    }

    fn is_alone(&self, at: usize) -> bool {
        let alone = match self.seats.len() {
            1 => true,
            _ => self.seats.iter().enumerate().all(|(n, seat)| n == at || matches!(seat.who, Who::Link(_))),
        };
        alone && !self.company
    }
}

/// Samples in a frame of 20 ms.
pub(crate) fn samples(rate: Rate) -> usize {
    rate.0 as usize / 50
}
