//! What is known outside the workers about rooms: which parts they have, and who is in them.
//!
//! Written by the engine when somebody joins and by the carrier when somebody has left.
//! It counts seats so that a worker's lists are longer before they must be, and it never counts too few:
//! a seat is given back when its worker let it out.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use audio::Rate;

use crate::error::Error;
use crate::id::{LegId, PartId, RoomId};
use crate::mailbox::Mailbox;
use crate::member::{Member, RoomConfig};
use crate::order::{Order, RoomOrder};
use crate::port::Ports;
use crate::room::{Lists, Manner};

/// Seats that a list has beyond those that are counted: whoever leaves and comes back at once may be counted once.
pub(crate) const SPARE: usize = 2;

/// The register. No worker touches it.
pub(crate) struct Register {
    inner: Mutex<Inner>,
    /// To the workers.
    mailboxes: Vec<Arc<Mailbox<Ports>>>,
    /// What found a mailbox full and must arrive nevertheless.
    unsent: Mutex<VecDeque<(PartId, RoomOrder)>>,
}

/// What the register has, for who holds its lock.
pub(crate) struct Inner {
    count: u64,
    serials: u64,
    rooms: HashMap<RoomId, Entry>,
    legs: HashMap<LegId, RoomId>,
    /// Members whose end was told before their seats came out.
    told: HashSet<u64>,
    /// Free places for rooms, by worker.
    free: Vec<Vec<u32>>,
}

/// A room.
pub(crate) struct Entry {
    pub(crate) rate: Rate,
    /// It goes on at a higher rate when somebody speaks wider.
    pub(crate) widens: bool,
    /// Of what was last to be said to all, and of the last recording.
    pub(crate) said: Rate,
    pub(crate) taped: Rate,
    /// The first is the hub.
    pub(crate) parts: Vec<Part>,
    pub(crate) members: HashMap<LegId, Membership>,
    /// Nobody can join any more.
    closing: bool,
}

/// A part of a room.
pub(crate) struct Part {
    pub(crate) id: PartId,
    /// Seats its list has, and seats taken.
    pub(crate) seats: usize,
    pub(crate) taken: usize,
    /// In which manners it can say to many what all hear, and how many its list takes.
    pub(crate) manners: Vec<Manner>,
    pub(crate) most_manners: usize,
    /// What it was told about company in other parts.
    pub(crate) company: bool,
}

/// Somebody in a room.
#[derive(Clone, Debug)]
pub(crate) struct Membership {
    pub(crate) tag: u64,
    /// Of its seat: each that was ever given has another.
    pub(crate) serial: u64,
    /// Where its seat is.
    pub(crate) part: PartId,
    /// Its seat's end of a bridge is there, and its own at the leg: the rate at which that one hears the room at first.
    pub(crate) ring: Option<Rate>,
    /// It was asked to leave.
    pub(crate) leaving: bool,
    pub(crate) member: Member,
}

impl Register {
    /// For workers with these mailboxes, and so many places for rooms each.
    pub(crate) fn new(mailboxes: Vec<Arc<Mailbox<Ports>>>, places: usize) -> Register {
        let free = vec![(0..places as u32).rev().collect(); mailboxes.len()];
        let inner = Inner {
            count: 0,
            serials: 0,
            rooms: HashMap::new(),
            legs: HashMap::new(),
            told: HashSet::new(),
            free,
        };
        Register { inner: Mutex::new(inner), mailboxes, unsent: Mutex::default() }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        // Whoever panicked with it left at worst a seat counted that is free.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Send an order that must arrive: what finds the worker's mailbox full is sent by [`Register::resend`].
    pub(crate) fn post(&self, part: PartId, order: RoomOrder) {
        let mut unsent = self.unsent.lock().unwrap_or_else(PoisonError::into_inner);
        unsent.push_back((part, order));
        self.send(&mut unsent);
    }

    /// Send an order that may be refused: where there is no room, and while others wait before it.
    pub(crate) fn offer(&self, part: PartId, order: RoomOrder) -> Result<(), Error> {
        let mut unsent = self.unsent.lock().unwrap_or_else(PoisonError::into_inner);
        self.send(&mut unsent);
        let mailbox = self.mailboxes.get(usize::from(part.worker)).filter(|_| unsent.is_empty());
        mailbox.ok_or(Error::Busy)?.push(Order::Room(part, order)).map_err(|_| Error::Busy)
    }

    /// Send what found a mailbox full.
    ///
    /// Whether some are left.
    pub(crate) fn resend(&self) -> bool {
        let mut unsent = self.unsent.lock().unwrap_or_else(PoisonError::into_inner);
        self.send(&mut unsent);
        !unsent.is_empty()
    }

    fn send(&self, unsent: &mut VecDeque<(PartId, RoomOrder)>) {
        // One after another at each worker, of which there are 64 at most: none overtakes one that found no room.
        let mut full = 0u64;
        for _ in 0..unsent.len() {
            let Some((part, order)) = unsent.pop_front() else { return };
            let Some(mailbox) = self.mailboxes.get(usize::from(part.worker)) else { continue };
            if full >> (part.worker % 64) & 1 == 1 {
                unsent.push_back((part, order));
            } else if let Err(Order::Room(part, order)) = mailbox.push(Order::Room(part, order)) {
                full |= 1 << (part.worker % 64);
                unsent.push_back((part, order));
            }
        }
    }
}

impl Inner {
    pub(crate) fn open(&mut self, RoomConfig { rate, widens }: RoomConfig) -> RoomId {
        self.count += 1;
        let id = RoomId(self.count);
        let (parts, members, closing) = (Vec::new(), HashMap::new(), false);
        self.rooms.insert(id, Entry { rate, widens, said: rate, taped: rate, parts, members, closing });
        id
    }

    pub(crate) fn room(&mut self, room: RoomId) -> Option<&mut Entry> {
        self.rooms.get_mut(&room).filter(|entry| !entry.closing)
    }

    /// The parts of a room that is over for whoever asks; its members' ends are still to come.
    pub(crate) fn close(&mut self, room: RoomId) -> Option<Vec<Part>> {
        let entry = self.rooms.get_mut(&room).filter(|entry| !entry.closing)?;
        entry.closing = true;
        let parts = std::mem::take(&mut entry.parts);
        if entry.members.is_empty() {
            self.rooms.remove(&room);
        }
        Some(parts)
    }

    /// In which room a leg is, and how.
    pub(crate) fn of(&self, leg: LegId) -> Option<(RoomId, &Entry, &Membership)> {
        let room = *self.legs.get(&leg)?;
        let entry = self.rooms.get(&room)?;
        Some((room, entry, entry.members.get(&leg).filter(|membership| !membership.leaving)?))
    }

    /// Members that hear a room by a ring, with their tags; not those that have gone to another room meanwhile.
    pub(crate) fn rings(&self, room: RoomId) -> Vec<(LegId, u64)> {
        let Some(entry) = self.rooms.get(&room) else { return Vec::new() };
        let here = entry.members.iter().filter(|(leg, _)| self.legs.get(leg) == Some(&room));
        here.filter(|(_, member)| member.ring.is_some()).map(|(leg, member)| (*leg, member.tag)).collect()
    }

    /// For the next seat.
    pub(crate) fn serial(&mut self) -> u64 {
        self.serials += 1;
        self.serials
    }

    /// Somebody joins. Who was there under its name is replaced.
    pub(crate) fn enter(&mut self, room: RoomId, leg: LegId, membership: Membership) {
        if let Some(entry) = self.rooms.get_mut(&room) {
            entry.members.insert(leg, membership);
            let before = self.legs.insert(leg, room).filter(|before| *before != room);
            // It is on its way out of the room where it was.
            if let Some(there) = before.and_then(|before| self.rooms.get_mut(&before)?.members.get_mut(&leg))
            {
                there.leaving = true;
            }
        }
    }

    /// A worker let somebody's seat out. Whether that is news.
    pub(crate) fn left(&mut self, part: PartId, leg: LegId, serial: u64) -> bool {
        if let Some(part) = self.part(part) {
            part.taken = part.taken.saturating_sub(1);
        }
        if let Some(entry) = self.rooms.get_mut(&part.room) {
            if entry.members.get(&leg).is_some_and(|membership| membership.serial == serial) {
                entry.members.remove(&leg);
                if self.legs.get(&leg) == Some(&part.room) {
                    self.legs.remove(&leg);
                }
            }
            if entry.closing && entry.members.is_empty() {
                self.rooms.remove(&part.room);
            }
        }
        !self.told.remove(&serial)
    }

    /// A leg is over. The room that it was in until now, which will let it out later, and the tag.
    pub(crate) fn gone(&mut self, leg: LegId) -> Option<(RoomId, u64)> {
        let room = self.legs.remove(&leg)?;
        let entry = self.rooms.get_mut(&room)?;
        let Membership { tag, serial, .. } = entry.members.remove(&leg)?;
        if entry.closing && entry.members.is_empty() {
            self.rooms.remove(&room);
        }
        self.told.insert(serial);
        Some((room, tag))
    }

    /// A member only changes its seat: that the old one comes out is nobody's news.
    pub(crate) fn keep_quiet(&mut self, serial: u64) {
        self.told.insert(serial);
    }

    /// What the parts of a room must be told after somebody came or went: who has company in other parts, and that the
    /// last has gone.
    pub(crate) fn settle(&mut self, room: RoomId) -> Vec<(PartId, RoomOrder)> {
        let Some(entry) = self.rooms.get_mut(&room) else { return Vec::new() };
        if entry.members.is_empty() {
            return entry.parts.drain(..).map(|part| (part.id, RoomOrder::Close)).collect();
        }
        if entry.parts.len() < 2 {
            return Vec::new();
        }
        let present = entry.present();
        let company: Vec<bool> = entry.parts.iter().map(|part| present > entry.members_of(part.id)).collect();
        let changed = entry.parts.iter_mut().zip(company).filter(|(part, company)| part.company != *company);
        changed
            .map(|(part, company)| {
                part.company = company;
                (part.id, RoomOrder::Company(company))
            })
            .collect()
    }

    fn part(&mut self, id: PartId) -> Option<&mut Part> {
        self.rooms.get_mut(&id.room)?.parts.iter_mut().find(|part| part.id == id)
    }

    /// A place for a part of a room.
    pub(crate) fn place(&mut self, worker: u16, room: RoomId) -> Option<PartId> {
        let place = self.free.get_mut(usize::from(worker))?.pop()?;
        Some(PartId { worker, place, room })
    }

    /// A part is over and its place free.
    pub(crate) fn give_back(&mut self, part: PartId) {
        if let Some(free) = self.free.get_mut(usize::from(part.worker)) {
            free.push(part.place);
        }
    }
}

impl Part {
    /// Longer lists, if the next seat (or manner) needs them.
    pub(crate) fn lists(&mut self, manner: bool) -> Option<Box<Lists>> {
        let (seats, manners) = (self.taken + 1, self.manners.len() + usize::from(manner));
        if seats <= self.seats && manners <= self.most_manners {
            return None;
        }
        self.seats = self.seats.max(seats.next_power_of_two());
        self.most_manners = self.most_manners.max(manners.next_power_of_two());
        Some(Box::new(Lists::new(self.seats + SPARE, self.most_manners)))
    }
}

impl Entry {
    /// Whether a member hears somebody, or is heard by somebody, otherwise than all are.
    pub(crate) fn is_paired(&self, leg: LegId, member: &Member) -> bool {
        !member.pairs.is_empty()
            || self
                .members
                .values()
                .any(|other| other.member.pairs.iter().any(|(listener, _)| *listener == leg))
    }

    /// Members that sit in a part.
    pub(crate) fn members_of(&self, part: PartId) -> usize {
        self.members.values().filter(|membership| membership.part == part && !membership.leaving).count()
    }

    /// Members in all.
    pub(crate) fn present(&self) -> usize {
        self.members.values().filter(|membership| !membership.leaving).count()
    }
}
