//! The names of legs and rooms.

use std::fmt;

/// Names a leg for as long as it lives; a name that is out of date finds nothing.
///
/// Printed as `leg-2.19.1`: the worker where it began, place, generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LegId {
    /// The worker where it began; it may have moved since, and the board knows where it is.
    pub(crate) home: u16,
    /// Its place, which no other leg has meanwhile at any worker: it keeps it when it moves.
    pub(crate) place: u32,
    /// Counts the legs that had this place.
    pub(crate) generation: u32,
}

impl LegId {
    /// The name of the next leg in the same place.
    pub(crate) fn next(self) -> LegId {
        LegId { generation: self.generation.wrapping_add(1), ..self }
    }
}

impl fmt::Display for LegId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "leg-{}.{}.{}", self.home, self.place, self.generation)
    }
}

/// Names a room from its opening on; no other ever has the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomId(pub(crate) u64);

impl RoomId {
    /// The name that a room's recordings have where legs' have their leg's. No worker has this number.
    pub(crate) fn as_leg(self) -> LegId {
        LegId { home: u16::MAX, place: self.0 as u32, generation: (self.0 >> 32) as u32 }
    }

    /// The room that a name of this kind is of.
    pub(crate) fn of_leg(leg: LegId) -> Option<RoomId> {
        let number = u64::from(leg.generation) << 32 | u64::from(leg.place);
        (leg.home == u16::MAX).then_some(RoomId(number))
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "room-{}", self.0)
    }
}

/// Names the part of a room that lives on a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PartId {
    pub(crate) worker: u16,
    /// Its place among the worker's rooms.
    pub(crate) place: u32,
    pub(crate) room: RoomId,
}
