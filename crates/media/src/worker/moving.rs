//! Legs that move to another worker, because the leg that they are to talk to lives there.
//!
//! A leg moves whole: its sockets, what it hears, says, records and counts, in the box that it is. What came for it and is
//! not in its sockets any more it hears before it goes; what comes meanwhile waits in them.
//! It stays where it is in a room, whose turns are also its own; when its sockets cannot be let go of; when the other
//! worker has no room for one more order; and when its worker ends. It is heard over two workers then.

use std::time::Duration;

use super::timetable::Entry;
use super::{Turn, Worker, find};
use crate::clock;
use crate::id::LegId;
use crate::io::Io;
use crate::leg::Leg;
use crate::order::{Order, Out};

impl<I: Io> Worker<I> {
    /// Hand a leg over to another worker. If it stays, that is told.
    pub(super) fn move_out(&mut self, id: LegId, to: u16, now: Duration, io: &mut I) {
        // The end of one that is gone was told.
        let gone = self.hand_over(id, to, now, io) || find(&mut self.legs, id).is_none();
        if !gone {
            self.out.put(Out::Moved { leg: id, from: self.id, at: self.id });
        }
    }

    fn hand_over(&mut self, id: LegId, to: u16, now: Duration, io: &mut I) -> bool {
        let (place, slot) = (id.place as usize, clock::slot_of(now));
        let Some(leg) = find(&mut self.legs, id).filter(|leg| !leg.is_in_room()) else { return false };
        if to == self.id || self.ending {
            return false;
        }
        // The turn it would have now is not lost.
        if slot % leg.period() == leg.phase && !self.leg_turn(place, slot, now, io) {
            return false;
        }
        let Some(waiting) = io.drain(place) else { return false };
        for _ in 0..waiting {
            let hear = |leg: &mut Leg, turn: &mut Turn<'_, I>| {
                leg.hear_one(turn);
                leg.press(turn);
            };
            if !self.have(place, now, io, hear) {
                return false;
            }
        }
        let Some(mut leg) = self.legs.get_mut(place).and_then(Option::take) else { return false };
        let Some(ports) = io.detach(place) else {
            self.legs[place] = Some(leg);
            return false;
        };
        leg.depart();
        self.timetable.remove(Entry::Leg(id.place), leg.period(), 1);
        self.stats.legs -= 1;
        let order = Order::Arrive(leg, ports, self.id, slot);
        let refused = match self.mailboxes.get(usize::from(to)) {
            Some(mailbox) => mailbox.push(order).err(),
            None => Some(order),
        };
        match refused {
            None => true,
            Some(Order::Arrive(leg, ports, ..)) => {
                if let Err((leg, ports)) = self.seat(leg, ports, io) {
                    self.out.put(Out::Released(leg, Some(ports)));
                }
                false
            }
            Some(_) => false,
        }
    }

    /// A leg comes from another worker, which it left in the slot `left`.
    pub(super) fn move_in(
        &mut self,
        mut leg: Box<Leg>,
        ports: I::Ports,
        (from, left): (u16, u64),
        now: Duration,
        io: &mut I,
    ) {
        let id = leg.id;
        leg.arrive(clock::slot_of(now).saturating_sub(left));
        if let Err((leg, ports)) = self.seat(leg, ports, io) {
            return self.out.put(Out::Released(leg, Some(ports)));
        }
        self.stats.moved += 1;
        self.out.put(Out::Moved { leg: id, from, at: self.id });
        self.seat_together(id, now, io);
    }
}
