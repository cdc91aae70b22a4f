//! Rooms, as asynchronous code has them: opened, joined, changed, spoken to and closed.
//!
//! Which worker does what is decided here: a room has a part on each worker that has members of it with packets of
//! 20 ms; members with other packet times, those who hear or are heard by single others, and those whose leg is on its
//! way from one worker to another sit at the first part, the hub, by a ring.

mod widening;

use audio::Rate;
use audio::codec::Codec;
use audio::resample::Resampler;
use audio::write::Layout;
use rtrb::RingBuffer;

use self::widening::known;
use super::Engine;
use crate::board::Whereabouts;
use crate::bridge::Bridge;
use crate::command::{LegSetup, Repeat};
use crate::disk::{Intake, Job};
use crate::ears::{Delay, Kit};
use crate::error::Error;
use crate::id::{LegId, PartId, RoomId};
use crate::member::{Member, RoomCommand, RoomConfig};
use crate::order::{Joining, Order, RoomOrder};
use crate::recorder::{self, Recorder};
use crate::recording::{Recording, Verdict};
use crate::register::{Inner, Membership, Part, SPARE};
use crate::room::{Lists, Manner, PERIOD, Room, Seat, Settings, Shared, Way, Who};

/// Seats and manners that a part begins with.
const SEATS: usize = 4;
const MANNERS: usize = 2;

impl Engine {
    /// A room for legs to hear each other. It costs nothing until somebody joins, and is there until it is closed.
    ///
    /// # Errors
    /// [`Error::Rate`] for a rate that rooms do not have.
    pub fn open_room(&self, config: RoomConfig) -> Result<RoomId, Error> {
        known(config.rate)?;
        Ok(self.shared.register.lock().open(config))
    }

    /// At which rate a room mixes now, if it is open.
    pub fn room_rate(&self, room: RoomId) -> Option<Rate> {
        self.shared.register.lock().room(room).map(|entry| entry.rate)
    }

    /// Let a leg take part in a room until it leaves, the `Stop` of this tag, or its or the room's end.
    /// Prompts, keys and an echo of its own go before what it hears there.
    /// A leg is in one room or bridged to one leg: what it was in before ends. Joining again changes tag and settings.
    /// → [`Event::Joined`](crate::Event::Joined), [`Event::Left`](crate::Event::Left)
    ///
    /// # Errors
    /// [`Error::NoRoom`], [`Error::NoLeg`], [`Error::Codec`]; [`Error::Busy`] if there is no place for another room. Orders
    /// for which a worker has no room wait until it has.
    pub fn join(&self, room: RoomId, leg: LegId, tag: u64, member: Member) -> Result<(), Error> {
        let setup = self.shared.board.setup(leg).ok_or(Error::NoLeg)?;
        let mut register = self.shared.register.lock();
        self.seat(&mut register, room, (leg, tag), &setup, member)?;
        self.gather(&mut register, room, leg);
        self.settle(&mut register, room);
        Ok(())
    }

    /// Change how a member takes part.
    ///
    /// # Errors
    /// [`Error::NoRoom`] if it is not in that room.
    pub fn change(&self, room: RoomId, leg: LegId, member: Member) -> Result<(), Error> {
        let mut register = self.shared.register.lock();
        let entry = register.room(room).ok_or(Error::NoRoom)?;
        let membership = entry.members.get_mut(&leg).filter(|member| !member.leaving).ok_or(Error::NoRoom)?;
        let (part, settings) = (membership.part, Box::new(member.settings()));
        membership.member = member;
        self.post(part, RoomOrder::Change(leg, settings));
        self.gather(&mut register, room, leg);
        self.settle(&mut register, room);
        Ok(())
    }

    /// Let a member go. → [`Event::Left`](crate::Event::Left)
    ///
    /// # Errors
    /// [`Error::NoRoom`] if it is not in that room.
    pub fn leave(&self, room: RoomId, leg: LegId) -> Result<(), Error> {
        let mut register = self.shared.register.lock();
        self.let_go(&mut register, room, leg)?;
        self.settle(&mut register, room);
        Ok(())
    }

    fn let_go(&self, register: &mut Inner, room: RoomId, leg: LegId) -> Result<(), Error> {
        let entry = register.room(room).ok_or(Error::NoRoom)?;
        let membership = entry.members.get_mut(&leg).filter(|member| !member.leaving).ok_or(Error::NoRoom)?;
        membership.leaving = true;
        let part = membership.part;
        self.post(part, RoomOrder::Leave(leg));
        let ring = register.rings(room).into_iter().find(|(member, _)| *member == leg);
        if let Some((leg, tag)) = ring {
            let _ = self.order(leg, Order::Stop(leg, tag));
        }
        Ok(())
    }

    /// Pass a command on to a room; it is obeyed within a slot (5 ms).
    ///
    /// # Errors
    /// [`Error::NoRoom`] if there is no such room, or nobody in it to play to; [`Error::Busy`].
    pub fn send_to_room(&self, room: RoomId, command: RoomCommand) -> Result<(), Error> {
        let mut register = self.shared.register.lock();
        let entry = register.room(room).ok_or(Error::NoRoom)?;
        let (rate, hub) = (entry.rate, entry.parts.first().map(|part| part.id));
        match command {
            RoomCommand::Play { tag, items, repeat } => {
                let form = items.first().map_or(Codec::L16(rate), |item| item.form().codec);
                let said = match form {
                    Codec::L16(said) if known(said).is_ok() => said,
                    _ => return Err(Error::Form(Codec::L16(rate))),
                };
                if items.iter().any(|item| item.form().codec != form) {
                    return Err(Error::Form(form));
                }
                let order = RoomOrder::Play(
                    self.list(tag, items, repeat),
                    Resampler::between(said, rate).map(Box::new),
                );
                self.order_part(hub.ok_or(Error::NoRoom)?, order)?;
                entry.said = said;
                Ok(())
            }
            RoomCommand::Record { tag, path, format, rate: wanted, limit, silence } => {
                let hub = hub.ok_or(Error::NoRoom)?;
                let taped = wanted.map_or(rate, |wanted| wanted.max(rate));
                known(taped)?;
                let (write, ring) = RingBuffer::new(taped.samples(recorder::RING));
                let (leg, verdict) = (room.as_leg(), Verdict::default());
                let recording = Recording { limit, silence, ..Recording::new(path) };
                let recorder = Recorder::new((leg, tag), write, taped, &recording, verdict.clone());
                let resampler = Resampler::between(rate, taped).map(Box::new);
                self.order_part(hub, RoomOrder::Record(Box::new(recorder), resampler))?;
                entry.taped = taped;
                let path = self.shared.config.recordings_dir.join(recording.path);
                let layout = Layout::mono(taped);
                let ring = Intake::new(ring, taped, layout);
                self.shared.disks.begin(Job { leg, tag, path, format, layout, verdict, ring })
            }
            RoomCommand::PauseRecording { tag, pause } => {
                // It must arrive: somebody is about to say what is not to be kept.
                hub.into_iter().for_each(|hub| self.post(hub, RoomOrder::Pause(tag, Some(pause))));
                Ok(())
            }
            RoomCommand::ResumeRecording { tag } => {
                hub.into_iter().for_each(|hub| self.post(hub, RoomOrder::Pause(tag, None)));
                Ok(())
            }
            RoomCommand::Stop { tag } => hub.map_or(Ok(()), |hub| self.order_part(hub, RoomOrder::Stop(tag))),
            RoomCommand::Close => {
                for (leg, tag) in register.rings(room) {
                    // Without this it would play silence until it is told to stop.
                    let _ = self.order(leg, Order::Stop(leg, tag));
                }
                for part in register.close(room).unwrap_or_default() {
                    self.post(part.id, RoomOrder::Close);
                }
                Ok(())
            }
        }
    }

    /// Who is in a room.
    pub fn members(&self, room: RoomId) -> Vec<LegId> {
        let mut register = self.shared.register.lock();
        let Some(entry) = register.room(room) else { return Vec::new() };
        entry.members.iter().filter(|(_, member)| !member.leaving).map(|(leg, _)| *leg).collect()
    }

    /// In which room a leg is, and with how many: `room 7 (3)`.
    pub(super) fn describe_room(&self, leg: LegId) -> Option<String> {
        let register = self.shared.register.lock();
        let (room, entry, _) = register.of(leg)?;
        Some(format!("room {} ({})", room.0, entry.present()))
    }

    /// After a re-INVITE: a member's seat fits its codec, rate and packet time again. Who has changed already, and for whom
    /// there is no such seat, leaves the room: in its old one it would neither hear nor be heard.
    pub(super) fn reseat(&self, leg: LegId, setup: &LegSetup) {
        let mut register = self.shared.register.lock();
        let Some((room, _, membership)) = register.of(leg) else { return };
        let (tag, member) = (membership.tag, membership.member.clone());
        match self.seat(&mut register, room, (leg, tag), setup, member) {
            // Or one of them is going, and the event of that is on its way.
            Ok(()) | Err(Error::NoRoom | Error::NoLeg) => {}
            Err(error) => {
                tracing::warn!(%leg, %room, %error, "there is no seat for a member as it speaks now: it leaves");
                // It is in the room, or there would have been no seat to be changed.
                let _ = self.let_go(&mut register, room, leg);
            }
        }
        self.settle(&mut register, room);
    }

    /// Give a leg a seat.
    fn seat(
        &self,
        register: &mut Inner,
        room: RoomId,
        (leg, tag): (LegId, u64),
        setup: &LegSetup,
        member: Member,
    ) -> Result<(), Error> {
        let entry = register.room(room).ok_or(Error::NoRoom)?;
        let suiting = RoomConfig::suiting(setup.rate).rate;
        if entry.widens && suiting > entry.rate {
            self.widen(register, room, suiting);
        }
        let entry = register.room(room).ok_or(Error::NoRoom)?;
        let rate = entry.rate;
        // No leg departs while the register is locked, and one that is on its way may yet stay or end: a ring reaches it
        // wherever it is, and is cut where it is not.
        let (home, moves) = match self.shared.board.whereabouts(leg).ok_or(Error::NoLeg)? {
            Whereabouts::At(worker) => (worker, false),
            Whereabouts::MovesTo(worker) => (worker, true),
        };
        let at_hub =
            entry.is_paired(leg, &member) && entry.parts.first().is_some_and(|hub| hub.id.worker != home);
        let by_ring = at_hub || moves || setup.period() != PERIOD;
        let worker = entry.parts.first().filter(|_| by_ring).map_or(home, |hub| hub.id.worker);
        let kit = Kit::to_talk(setup, Delay::CONVERSATION)?;
        let part = self.part_on(register, room, worker)?;
        let serial = register.serial();
        let (way, other) = match by_ring {
            true => {
                let (here, there) = Bridge::pair(rate, setup.rate);
                (Way::Ring(Box::new(here)), Some(Box::new(there.into_room())))
            }
            false => (
                Way::Inline {
                    inward: Resampler::between(setup.rate, rate),
                    outward: Resampler::between(rate, setup.rate),
                },
                None,
            ),
        };
        let who = Who::Leg(leg);
        let mut seat = Box::new(Seat::new(who, tag, rate, member.settings(), way));
        seat.serial = serial;
        if !member.music.is_empty() {
            seat.music = Some(self.list(tag, member.music.clone(), Repeat::Forever));
        }
        let entry = register.room(room).ok_or(Error::NoRoom)?;
        // Who only changes its seat keeps its tag: one that is taken in the same part is the same.
        let before = entry.members.get(&leg).filter(|before| before.tag == tag && !before.leaving);
        let before = before.map(|before| (before.part, before.serial));
        let there = before.is_some_and(|(at, _)| at == part);
        seat.moved = before.is_some();
        let slot = entry.parts.iter_mut().find(|other| other.id == part).ok_or(Error::NoRoom)?;
        let manner = Manner::new(setup.codec, setup.rate, setup.opus);
        let shared = match by_ring || slot.manners.contains(&manner) {
            true => None,
            false => Some(Box::new(Shared::new(manner, rate)?)),
        };
        seat.manner = (!by_ring).then_some(manner);
        let lists = slot.lists(shared.is_some());
        let new_manner = shared.as_ref().map(|_| manner);
        let (kit, ring_kit) = if by_ring { (None, Some(kit)) } else { (Some(kit), None) };
        let joining = Joining { seat: Some(seat), shared, kit, lists };
        self.post(part, RoomOrder::Join(Box::new(joining)));
        slot.taken += usize::from(!there);
        slot.manners.extend(new_manner);
        // It must arrive, as the seat does: one without the other is a member that nobody hears.
        if let (Some(end), Some(kit)) = (other, ring_kit)
            && !self.shared.board.post(leg, Order::Bridge(leg, tag, end, kit))
        {
            // Its end of the ring is cut, which lets it out again.
            return Err(Error::NoLeg);
        }
        if let Some((_, serial)) = before.filter(|(at, _)| *at != part) {
            register.keep_quiet(serial);
        }
        let ring = by_ring.then_some(rate);
        register.enter(room, leg, Membership { tag, serial, part, ring, leaving: false, member });
        Ok(())
    }

    /// Those whom a member hears, or who hear it, otherwise than all do sit at the hub with it.
    fn gather(&self, register: &mut Inner, room: RoomId, leg: LegId) {
        let Some((_, entry, membership)) = register.of(leg) else { return };
        let Some(hub) = entry.parts.first().map(|part| part.id) else { return };
        let away =
            |leg: &LegId| entry.members.get(leg).is_some_and(|member| member.part != hub && !member.leaving);
        let mut move_in: Vec<LegId> =
            membership.member.pairs.iter().map(|(leg, _)| *leg).filter(|leg| away(leg)).collect();
        if entry.is_paired(leg, &membership.member) && away(&leg) {
            move_in.push(leg);
        }
        for leg in move_in {
            let Some((_, _, membership)) = register.of(leg).filter(|(of, ..)| *of == room) else { continue };
            let (tag, member) = (membership.tag, membership.member.clone());
            let Some(setup) = self.shared.board.setup(leg) else { continue };
            if let Err(error) = self.seat(register, room, (leg, tag), &setup, member) {
                tracing::warn!(%leg, %room, %error, "a member stays where single gains do not reach it");
            }
        }
    }

    /// The part of a room on a worker, opened and linked if there was none.
    fn part_on(&self, register: &mut Inner, room: RoomId, worker: u16) -> Result<PartId, Error> {
        let entry = register.room(room).ok_or(Error::NoRoom)?;
        if let Some(part) = entry.parts.iter().find(|part| part.id.worker == worker) {
            return Ok(part.id);
        }
        let rate = entry.rate;
        let id = register.place(worker, room).ok_or(Error::Busy)?;
        let opened = Box::new(Room::new(id, rate, Lists::new(SEATS + SPARE, MANNERS)));
        self.post(id, RoomOrder::Open(opened));
        let entry = register.room(room).ok_or(Error::NoRoom)?;
        let mut part =
            Part { id, seats: SEATS, taken: 0, manners: Vec::new(), most_manners: MANNERS, company: false };
        if let Some(hub) = entry.parts.first_mut() {
            let (here, there) = Bridge::pair(rate, rate);
            let seat = Some(link(worker, rate, here));
            let joining = Joining { seat, shared: None, kit: None, lists: hub.lists(false) };
            self.post(hub.id, RoomOrder::Join(Box::new(joining)));
            hub.taken += 1;
            let seat = Some(link(hub.id.worker, rate, there));
            let joining = Joining { seat, shared: None, kit: None, lists: None };
            self.post(id, RoomOrder::Join(Box::new(joining)));
            part.taken += 1;
        }
        entry.parts.push(part);
        Ok(id)
    }

    /// Tell the parts what has changed with who is there.
    fn settle(&self, register: &mut Inner, room: RoomId) {
        for (part, order) in register.settle(room) {
            self.post(part, order);
        }
    }

    fn order_part(&self, part: PartId, order: RoomOrder) -> Result<(), Error> {
        self.shared.register.offer(part, order)
    }

    /// An order that must arrive: one that finds the queue full waits for the carrier's next round.
    fn post(&self, part: PartId, order: RoomOrder) {
        self.shared.register.post(part, order);
    }
}

/// A seat of another part of the same room.
fn link(worker: u16, rate: Rate, end: Bridge) -> Box<Seat> {
    Box::new(Seat::new(Who::Link(worker), 0, rate, Settings::default(), Way::Ring(Box::new(end))))
}

#[cfg(test)]
mod tests;
