//! A room that goes on at another rate: with its members, with what is said to all, and with its recording.
//!
//! All that this takes is made before and comes with one order, so that no turn finds half of it; what it takes the place
//! of goes out the same way.
//! What is new has heard what was there before it, so that nobody's sound begins anew.

use std::borrow::BorrowMut;

use audio::Rate;
use audio::mix;
use audio::resample::Resampler;

use super::seat::{Seat, Way, Who};
use super::shared::Manner;
use super::{Room, samples};

/// The longest frame of a room: 20 ms at 48 kHz.
const LONGEST: usize = 960;

/// What a part of a room needs to go on at another rate.
#[allow(clippy::vec_box, reason = "a seat goes out as it came in: in its box")]
pub(crate) struct Wider {
    pub(crate) rate: Rate,
    sum: Box<[i32]>,
    own: Box<[i32]>,
    common: Box<[i16]>,
    /// For each member.
    pub(crate) fittings: Vec<Fitting>,
    /// For what is said to many at once.
    pub(crate) manners: Vec<(Manner, Option<Resampler>)>,
    /// New ways to other parts.
    pub(crate) links: Vec<Box<Seat>>,
    /// From what is being said to all, and to the rate of the file.
    pub(crate) saying: Option<Box<Resampler>>,
    pub(crate) taping: Option<Box<Resampler>>,
    /// Room to work in.
    work: [Box<[i16]>; 2],
}

/// What one member needs.
pub(crate) struct Fitting {
    who: Who,
    frame: Box<[i16]>,
    /// From the leg, or its ring, and back.
    inward: Option<Resampler>,
    outward: Option<Resampler>,
}

impl Fitting {
    /// In a room of `rate`, for a member that speaks `from`, and is spoken to at `to`. `make` makes what is needed
    /// between two rates.
    pub(crate) fn new(
        who: Who,
        rate: Rate,
        (from, to): (Rate, Rate),
        mut make: impl FnMut(Rate, Rate) -> Option<Resampler>,
    ) -> Fitting {
        let frame = vec![0; samples(rate)].into();
        Fitting { who, frame, inward: make(from, rate), outward: make(rate, to) }
    }
}

impl Wider {
    /// For a part of a room, without what its members need. Allocates.
    pub(crate) fn new(rate: Rate) -> Wider {
        let length = samples(rate);
        Wider {
            rate,
            sum: vec![0; length].into(),
            own: vec![0; length].into(),
            common: vec![0; length].into(),
            fittings: Vec::new(),
            manners: Vec::new(),
            links: Vec::new(),
            saying: None,
            taping: None,
            work: [vec![0; LONGEST].into(), vec![0; LONGEST].into()],
        }
    }
}

impl Room {
    /// Go on at another rate. In `wider` is what was there before, then.
    pub(crate) fn widen(&mut self, wider: &mut Wider) {
        let Wider { rate, fittings, manners, links, saying, taping, work: [heard, spare], .. } = &mut *wider;
        self.rate = *rate;
        let length = samples(*rate);
        for fitting in fittings {
            let Some(seat) = self.seats.iter_mut().find(|seat| seat.who == fitting.who) else { continue };
            let heard = heard_by(seat, &self.sum, &self.common, self.peak, heard);
            seat.fit(fitting, *rate, stretched(heard, length, spare));
        }
        for (manner, resampler) in manners {
            if let Some(shared) = self.shared.iter_mut().find(|shared| shared.manner() == *manner) {
                shared.fit(resampler, stretched(&self.common, length, spare));
            }
        }
        succeed(&mut self.saying, saying, &self.common);
        succeed(&mut self.taping, taping, stretched(&self.common, length, spare));
        for at in (0..links.len()).rev() {
            let Some(place) = links.get(at).map(|link| self.find(link.who)) else { continue };
            match (place, links.get_mut(at)) {
                (Some(place), Some(link)) => std::mem::swap(&mut self.seats[place], link),
                // The other part was first, and has cut the way that there was.
                (None, Some(_)) if self.seats.len() < self.seats.capacity() => {
                    self.seats.push(links.swap_remove(at));
                }
                _ => {}
            }
        }
        std::mem::swap(&mut self.sum, &mut wider.sum);
        std::mem::swap(&mut self.own, &mut wider.own);
        std::mem::swap(&mut self.common, &mut wider.common);
    }
}

impl Seat {
    /// Go on at another rate; `heard` is what it heard last, at that one.
    fn fit(&mut self, fitting: &mut Fitting, to: Rate, heard: &[i16]) {
        self.gate.retime(to);
        // What it said in the last turn, if it said anything.
        let said: &[i16] = if self.sounds { &self.frame } else { &[] };
        match &mut self.way {
            Way::Inline { inward, outward } => {
                succeed(inward, &mut fitting.inward, said);
                succeed(outward, &mut fitting.outward, heard);
            }
            Way::Ring(bridge) => {
                bridge.widen(to, (&mut fitting.inward, said), (&mut fitting.outward, heard));
            }
        }
        std::mem::swap(&mut self.frame, &mut fitting.frame);
    }
}

/// One resampler takes another's place, and has heard what that heard; if there was none, `last`.
pub(crate) fn succeed<R: BorrowMut<Resampler>>(old: &mut Option<R>, new: &mut Option<R>, last: &[i16]) {
    if let Some(new) = new.as_mut().map(R::borrow_mut) {
        match old.as_ref().map(R::borrow).filter(|old| old.from() == new.from()) {
            Some(old) => new.follow(old),
            None => new.hear(last),
        }
    }
    std::mem::swap(old, new);
}

/// What a member heard in the last turn, as well as that is known.
fn heard_by<'a>(seat: &Seat, sum: &[i32], common: &'a [i16], peak: i32, room: &'a mut [i16]) -> &'a [i16] {
    match room.get_mut(..common.len()) {
        _ if seat.settings.deaf => &[],
        Some(room) if seat.adds => {
            mix::others(sum, &seat.frame, peak + seat.peak, room);
            room
        }
        _ => common,
    }
}

/// A frame at another rate, plainly: for a filter to have something behind it.
fn stretched<'a>(frame: &[i16], length: usize, room: &'a mut [i16]) -> &'a [i16] {
    let Some(room) = room.get_mut(..length) else { return &[] };
    for (at, sample) in room.iter_mut().enumerate() {
        *sample = frame.get(at * frame.len() / length).copied().unwrap_or_default();
    }
    if frame.is_empty() { &[] } else { room }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_stretched_to_a_length() {
        let mut room = [9; 8];
        assert_eq!(stretched(&[1, 2], 6, &mut room), [1, 1, 1, 2, 2, 2]);
        assert_eq!(stretched(&[1, 2, 3, 4], 2, &mut room), [1, 3]);
        assert!(stretched(&[], 4, &mut room).is_empty() && stretched(&[1], 9, &mut room).is_empty());
    }
}
