//! A leg's turn in two halves: with a room's mixing between them, or with those of the leg that it talks to.

use audio::codec::Codec;

use super::Leg;
use crate::ears::Kit;
use crate::id::PartId;
use crate::io::Io;
use crate::order::Outlet;
use crate::worker::Turn;

/// What a leg says that was not asked to say anything before all else (keys, prompts, an echo).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// What its bridge brings, if it has one.
    Bridge,
    /// Nothing.
    Nothing,
    /// The samples in the scratch's `said`.
    Samples,
    /// The payload of this length behind the header's place in the scratch's packet.
    Written(usize),
}

/// What the first half of a turn came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attended {
    /// Samples in the scratch's `heard`; 0 if it does not listen.
    pub(crate) heard: usize,
    /// It has spoken already, or is held: the second half does not take place.
    pub(crate) served: bool,
}

impl Leg {
    /// The first half of a turn: take what arrived, and hear a frame of it.
    pub(crate) fn take_in<I: Io>(&mut self, turn: &mut Turn<'_, I>) {
        self.turns += 1;
        self.early = 0;
        self.review(turn);
        self.hear(turn);
        self.listen(turn);
        self.press(turn);
    }

    /// The first half of a turn with a room. A leg that does not say what the room says is through with it.
    pub(crate) fn attend<I: Io>(&mut self, turn: &mut Turn<'_, I>) -> Attended {
        self.take_in(turn);
        let heard = if self.rx.ears.is_some() { self.samples() } else { 0 };
        let served = !self.setup.send || self.is_covered();
        if served {
            self.say(Said::Nothing, turn);
        }
        Attended { heard, served }
    }

    /// The second half: speak, and now and then keep house.
    pub(crate) fn reply<I: Io>(&mut self, said: Said, turn: &mut Turn<'_, I>) {
        self.say(said, turn);
    }

    pub(crate) fn codec(&self) -> Codec {
        self.setup.codec
    }

    /// Whether it is in a room, with its turn or by a bridge.
    pub(crate) fn is_in_room(&self) -> bool {
        self.room.is_some() || self.bridge.as_ref().is_some_and(|bridge| bridge.end.of_room())
    }

    /// The part of a room that it has its turns with.
    pub(crate) fn part(&self) -> Option<PartId> {
        self.room
    }

    /// It has its turns with a room from now on, and another leg or room no longer.
    pub(crate) fn join_room<P>(&mut self, part: PartId, kit: Option<Kit>, out: &mut Outlet<P>) {
        if let Some(kit) = kit {
            self.equip(kit, out);
        }
        self.room = Some(part);
        self.end_bridge(out);
    }

    pub(crate) fn leave_room<P>(&mut self, out: &mut Outlet<P>) {
        self.room = None;
        self.unequip(out);
    }
}
