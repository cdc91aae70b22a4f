//! A room goes on at a higher rate: what each of its parts needs for that is made here, and sent with one order.
//!
//! Those who sit by a ring keep it, with what it takes in between; the ways between parts are made anew, of which some
//! milliseconds are lost where a room is spread over workers.

use audio::Rate;
use audio::resample::Resampler;

use super::{Engine, link};
use crate::bridge::Bridge;
use crate::error::Error;
use crate::id::RoomId;
use crate::member::RoomConfig;
use crate::order::RoomOrder;
use crate::register::Inner;
use crate::room::{Fitting, Who, Wider};

/// That rooms have this rate.
pub(super) fn known(rate: Rate) -> Result<(), Error> {
    if RoomConfig::has(rate) { Ok(()) } else { Err(Error::Rate(rate)) }
}

/// Resamplers, of which many are wanted of few kinds.
#[derive(Default)]
struct Kinds(Vec<Resampler>);

impl Kinds {
    fn between(&mut self, from: Rate, to: Rate) -> Option<Resampler> {
        if from == to {
            return None;
        }
        let known = self.0.iter().find(|kind| (kind.from(), kind.to()) == (from, to)).cloned();
        Some(known.unwrap_or_else(|| {
            let made = Resampler::new(from, to);
            self.0.push(made.clone());
            made
        }))
    }
}

impl Engine {
    /// The room mixes at `rate` from here on.
    pub(super) fn widen(&self, register: &mut Inner, room: RoomId, rate: Rate) {
        let Some(entry) = register.room(room) else { return };
        entry.rate = rate;
        let mut kinds = Kinds::default();
        let mut orders: Vec<_> =
            entry.parts.iter().map(|part| (part.id, Box::new(Wider::new(rate)))).collect();
        for (leg, member) in &entry.members {
            // One that is over has left already, or will have.
            let Some(setup) = self.shared.board.setup(*leg) else { continue };
            let at = orders.iter_mut().find(|(part, _)| *part == member.part);
            let ways = (setup.rate, member.ring.unwrap_or(setup.rate));
            let fitting = Fitting::new(Who::Leg(*leg), rate, ways, |from, to| kinds.between(from, to));
            if let Some((_, wider)) = at {
                wider.fittings.push(fitting);
            }
        }
        for (part, (_, wider)) in entry.parts.iter().zip(&mut orders) {
            let manners = part.manners.iter().map(|manner| (*manner, kinds.between(rate, manner.rate)));
            wider.manners.extend(manners);
        }
        if let Some(((hub, first), others)) = orders.split_first_mut() {
            first.saying = kinds.between(entry.said, rate).map(Box::new);
            first.taping = kinds.between(rate, entry.taped).map(Box::new);
            for (other, wider) in others {
                let (here, there) = Bridge::pair(rate, rate);
                first.links.push(link(other.worker, rate, here));
                wider.links.push(link(hub.worker, rate, there));
            }
        }
        for (part, wider) in orders {
            self.post(part, RoomOrder::Widen(wider));
        }
    }
}
