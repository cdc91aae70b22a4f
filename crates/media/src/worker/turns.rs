//! Turns of legs: alone, or two that talk to each other together.

use std::panic::{self, AssertUnwindSafe};
use std::time::Duration;

use super::timetable::Entry;
use super::{Turn, Worker, fetch, find};
use crate::clock;
use crate::id::LegId;
use crate::io::Io;
use crate::leg::{Leg, Said};

impl<I: Io> Worker<I> {
    /// A leg's turn, and with it that of the leg it talks to: both hear before either speaks, so that what one says is
    /// with the other in the same slot. `false` if the leg stumbled.
    pub(super) fn leg_turn(&mut self, place: usize, slot: u64, now: Duration, io: &mut I) -> bool {
        let Some(Some(leg)) = self.legs.get_mut(place) else { return true };
        // With its partner's, or just now in the slots of before.
        if !leg.is_due(slot) {
            return true;
        }
        leg.served = slot;
        let (id, partner) = (leg.id, leg.partner().filter(|_| !leg.relays_both_ways()));
        let Some(partner) = partner.and_then(|partner| self.seated_beside(id, partner, slot)) else {
            return self.have(place, now, io, Leg::turn);
        };
        partner.served = slot;
        fetch(partner);
        let beside = partner.id.place as usize;
        let mut stands = self.have(place, now, io, Leg::take_in);
        self.have(beside, now, io, Leg::take_in);
        stands = stands && self.have(place, now, io, |leg, turn| leg.reply(Said::Bridge, turn));
        self.have(beside, now, io, |leg, turn| leg.reply(Said::Bridge, turn));
        stands
    }

    /// The leg `partner`, if its turns are those of `id`, and are to be taken with them.
    fn seated_beside(&mut self, id: LegId, partner: LegId, slot: u64) -> Option<&mut Leg> {
        let about = |leg: &Leg| (leg.period(), leg.phase);
        let (period, phase) = find(&mut self.legs, id).map(|leg| about(leg))?;
        let partner = find(&mut self.legs, partner).filter(|leg| leg.partner() == Some(id))?;
        let beside = about(partner) == (period, phase);
        (beside && partner.part().is_none() && partner.is_due(slot)).then_some(partner)
    }

    /// Two legs that talk to each other have their turns in the same slots from now on, those with fewer legs in them.
    pub(super) fn seat_together(&mut self, id: LegId, now: Duration, io: &mut I) {
        let seat = |legs: &mut [Option<Box<Leg>>], id| {
            let leg = find(legs, id).filter(|leg| leg.part().is_none())?;
            Some((leg.partner()?, leg.period(), leg.phase))
        };
        let Some((partner, period, here)) = seat(&mut self.legs, id) else { return };
        let Some((facing, beside, there)) = seat(&mut self.legs, partner) else { return };
        if facing != id || beside != period || here == there {
            return;
        }
        let fuller = self.timetable.weight(here, period) > self.timetable.weight(there, period);
        let (moved, before, phase) = if fuller { (id, here, there) } else { (partner, there, here) };
        let slot = clock::slot_of(now);
        if slot % period == before {
            // The turn it would have now is not lost.
            self.leg_turn(moved.place as usize, slot, now, io);
        }
        if let Some(leg) = find(&mut self.legs, moved) {
            leg.phase = phase;
            self.timetable.remove(Entry::Leg(moved.place), period, 1);
            self.timetable.add_at(phase, Entry::Leg(moved.place), period, 1);
        }
    }

    /// Have a leg do something. One that stumbles is let go; `false` then.
    pub(super) fn have(
        &mut self,
        place: usize,
        now: Duration,
        io: &mut I,
        act: impl FnOnce(&mut Leg, &mut Turn<'_, I>),
    ) -> bool {
        let Some(leg) = self.legs.get_mut(place).and_then(Option::take) else { return true };
        let id = leg.id;
        let done = self.turn(leg, now, io, act);
        if !done {
            self.stats.panics += 1;
            self.let_go(id, io);
        }
        done
    }

    /// Have a leg do something; `false` if that was a mistake.
    ///
    /// A mistake of ours on one leg must not silence the others. What a turn leaves half done is its leg's.
    pub(super) fn turn(
        &mut self,
        mut leg: Box<Leg>,
        now: Duration,
        io: &mut I,
        act: impl FnOnce(&mut Leg, &mut Turn<'_, I>),
    ) -> bool {
        let place = leg.id.place as usize;
        let mut turn = Turn {
            now,
            io,
            scratch: &mut self.scratch,
            out: &mut self.out,
            stats: &mut self.stats,
            legs: &mut self.legs,
        };
        let done = panic::catch_unwind(AssertUnwindSafe(|| act(&mut leg, &mut turn))).is_ok();
        self.legs[place] = Some(leg);
        done
    }
}
