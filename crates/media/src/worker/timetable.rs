//! Which legs and rooms have their turn in which slot: for each packet time, a list for each of its slots.

use crate::room::PERIOD;

/// Marks a room among the entries.
const ROOM: u32 = 1 << 31;

/// A leg or a room, by its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Leg(u32),
    Room(u32),
}

impl Entry {
    fn code(self) -> u32 {
        match self {
            Entry::Leg(place) => place,
            Entry::Room(place) => place | ROOM,
        }
    }

    fn of(code: u32) -> Entry {
        if code & ROOM == 0 { Entry::Leg(code) } else { Entry::Room(code & !ROOM) }
    }
}

/// The timetable. Its lists have room for every leg and room from the start.
pub(crate) struct Timetable {
    groups: Vec<Group>,
}

/// What has its turn in the same slots.
struct Group {
    entries: Vec<u32>,
    /// Legs, those in rooms included.
    weight: u32,
}

impl Timetable {
    /// Packet times in slots: 10 to 60 ms.
    pub(crate) const PERIODS: std::ops::RangeInclusive<u64> = 2..=12;

    pub(crate) fn new(places: usize) -> Timetable {
        let lists = Self::group(*Self::PERIODS.end() + 1, 0);
        // Rooms are as many as legs at most, and have all the same pace.
        let rooms = Self::group(PERIOD, 0)..Self::group(PERIOD + 1, 0);
        let room = |list| if rooms.contains(&list) { 2 * places } else { places };
        let group = |list| Group { entries: Vec::with_capacity(room(list)), weight: 0 };
        Timetable { groups: (0..lists).map(group).collect() }
    }

    /// The list for a packet time in a slot. Lists of shorter packet times stand before: 2 + 3 + … + (period − 1).
    pub(crate) fn group(period: u64, slot: u64) -> usize {
        (period * (period - 1) / 2 - 1 + slot % period) as usize
    }

    /// What stands at a place of a list.
    pub(crate) fn get(&self, group: usize, at: usize) -> Option<Entry> {
        self.groups.get(group)?.entries.get(at).copied().map(Entry::of)
    }

    /// What stands in a list.
    pub(crate) fn list(&self, group: usize) -> impl Iterator<Item = Entry> {
        self.groups.get(group).into_iter().flat_map(|group| &group.entries).copied().map(Entry::of)
    }

    /// Give an entry the emptiest of the slots that its packet time allows. A room counts for the legs in it.
    /// Answers the slot, modulo the packet time.
    pub(crate) fn add(&mut self, entry: Entry, period: u64, weight: u32) -> u64 {
        let phase = self.emptiest(period);
        self.add_at(phase, entry, period, weight);
        phase
    }

    /// The phase of a packet time with the fewest legs.
    pub(crate) fn emptiest(&self, period: u64) -> u64 {
        let load = |phase: &u64| {
            let group = self.groups.get(Self::group(period, *phase));
            group.map(|group| (group.weight, group.entries.len()))
        };
        (0..period).min_by_key(load).unwrap_or(0)
    }

    /// Give an entry the slots of a phase.
    pub(crate) fn add_at(&mut self, phase: u64, entry: Entry, period: u64, weight: u32) {
        if let Some(group) = self.groups.get_mut(Self::group(period, phase)) {
            group.entries.push(entry.code());
            group.weight += weight;
        }
    }

    /// How many legs have their turns in the slots of a phase.
    pub(crate) fn weight(&self, phase: u64, period: u64) -> u32 {
        self.groups.get(Self::group(period, phase)).map_or(0, |group| group.weight)
    }

    pub(crate) fn remove(&mut self, entry: Entry, period: u64, weight: u32) {
        let code = entry.code();
        if let Some((group, at)) = self.find(entry, period) {
            debug_assert_eq!(group.entries.get(at), Some(&code));
            group.entries.swap_remove(at);
            group.weight = group.weight.saturating_sub(weight);
        }
    }

    /// An entry counts for more or fewer legs than before.
    pub(crate) fn weigh(&mut self, entry: Entry, period: u64, before: u32, now: u32) {
        if let Some((group, _)) = self.find(entry, period) {
            group.weight = (group.weight + now).saturating_sub(before);
        }
    }

    fn find(&mut self, entry: Entry, period: u64) -> Option<(&mut Group, usize)> {
        let (code, first) = (entry.code(), Self::group(period, 0));
        let groups = self.groups.get_mut(first..first + period as usize)?;
        groups.iter_mut().find_map(|group| {
            let at = group.entries.iter().position(|other| *other == code)?;
            Some((group, at))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_weighs_as_much_as_the_legs_in_it() {
        let mut timetable = Timetable::new(64);
        timetable.add(Entry::Room(3), 4, 0);
        timetable.weigh(Entry::Room(3), 4, 0, 10);
        for place in 0..30 {
            timetable.add(Entry::Leg(place), 4, 1);
        }
        let len = |timetable: &Timetable, slot| {
            let group = Timetable::group(4, slot);
            (0..).take_while(|at| timetable.get(group, *at).is_some()).count()
        };
        assert_eq!([0, 1, 2, 3].map(|slot| len(&timetable, slot)), [1, 10, 10, 10]);
        timetable.weigh(Entry::Room(3), 4, 10, 2);
        timetable.add(Entry::Leg(30), 4, 1);
        assert_eq!(timetable.get(Timetable::group(4, 0), 0), Some(Entry::Room(3)));
        assert_eq!(timetable.get(Timetable::group(4, 0), 1), Some(Entry::Leg(30)));
        timetable.remove(Entry::Room(3), 4, 2);
        assert_eq!(timetable.get(Timetable::group(4, 0), 0), Some(Entry::Leg(30)));
    }
}
