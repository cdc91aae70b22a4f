//! One thread's work, a slot at a time. Owns its legs outright, is never shared, reads no clock.
//!
//! A slot, in order: obey orders → for each leg whose turn it is: hear, then speak → report.
//! Nothing is allocated, locked, freed or waited for here.

use std::sync::Arc;
use std::time::Duration;

use audio::codec::MAX_PAYLOAD;
use rtp::packet::HEADER;
use rtp::srtp::OVERHEAD;

use crate::clock::{self, Due};
use crate::command::LegSetup;
use crate::ears::Kit;
use crate::guard::Guard;
use crate::id::LegId;
use crate::io::{Channel, Io};
use crate::leg::Leg;
use crate::mailbox::Mailbox;
use crate::order::{Order, Out, Outlet, Spent};
use crate::room::Room;
use crate::stats::WorkerStats;

mod moving;
mod rooms;
mod seating;
mod timetable;
mod turns;

use timetable::{Entry, Timetable};

/// Orders obeyed in one slot; the rest wait for the next, so that a burst does not make legs late.
const ORDERS_A_SLOT: usize = 256;

/// Slots in a second.
const SECOND: u64 = 200;

/// The longest datagram read; telephony's are far shorter, and what is longer is cut and dropped by its lengths.
const DATAGRAM: usize = 2_048;

/// Samples of the longest frame: 60 ms at 48 kHz.
pub(crate) const FRAME: usize = 2_880;

/// The longest packet sent.
const PACKET: usize = HEADER + MAX_PAYLOAD + OVERHEAD;

/// Buffers that live for one leg's turn.
pub(crate) struct Scratch {
    pub(crate) datagram: [u8; DATAGRAM],
    pub(crate) packet: [u8; PACKET],
    /// A frame of what is heard, and one of what is said.
    pub(crate) heard: [i16; FRAME],
    pub(crate) said: [i16; FRAME],
}

/// What a leg may use during its turn.
pub(crate) struct Turn<'a, I: Io> {
    /// Since the worker's epoch.
    pub(crate) now: Duration,
    pub(crate) io: &'a mut I,
    pub(crate) scratch: &'a mut Scratch,
    pub(crate) out: &'a mut Outlet<I::Ports>,
    pub(crate) stats: &'a mut WorkerStats,
    /// The others; the place of the one whose turn it is is empty.
    pub(crate) legs: &'a mut [Option<Box<Leg>>],
}

/// Owns legs and runs their slots.
pub(crate) struct Worker<I: Io> {
    id: u16,
    legs: Box<[Option<Box<Leg>>]>,
    rooms: Box<[Option<Box<Room>>]>,
    timetable: Timetable,
    orders: Arc<Mailbox<I::Ports>>,
    /// All workers', to hand legs over.
    mailboxes: Vec<Arc<Mailbox<I::Ports>>>,
    /// Its slots begin so long after the epoch's.
    offset: Duration,
    /// It ends: nobody moves any more.
    ending: bool,
    out: Outlet<I::Ports>,
    /// The time since 1970 at the worker's epoch.
    wall: Duration,
    scratch: Box<Scratch>,
    stats: WorkerStats,
    /// When sockets were last looked at between slots.
    looked: Duration,
}

impl<I: Io> Worker<I> {
    /// A worker for at most `places` legs.
    pub(crate) fn new(
        id: u16,
        places: usize,
        orders: Arc<Mailbox<I::Ports>>,
        out: Outlet<I::Ports>,
        wall: Duration,
    ) -> Worker<I> {
        Worker {
            id,
            legs: (0..places).map(|_| None).collect(),
            rooms: (0..places).map(|_| None).collect(),
            timetable: Timetable::new(places),
            orders,
            mailboxes: Vec::new(),
            offset: Duration::ZERO,
            ending: false,
            out,
            scratch: Box::new(Scratch {
                datagram: [0; DATAGRAM],
                packet: [0; PACKET],
                heard: [0; FRAME],
                said: [0; FRAME],
            }),
            wall,
            stats: WorkerStats::default(),
            looked: Duration::ZERO,
        }
    }

    /// The same as one of several, whose slots begin so long after their epoch's.
    pub(crate) fn among(self, mailboxes: Vec<Arc<Mailbox<I::Ports>>>, offset: Duration) -> Worker<I> {
        Worker { mailboxes, offset, ..self }
    }

    /// Nothing to do until an order comes.
    pub(crate) fn is_idle(&self) -> bool {
        self.stats.legs == 0 && self.stats.rooms == 0 && self.orders.is_empty() && self.out.is_empty()
    }

    /// Run a slot. `true` if the carrier should be woken.
    pub(crate) fn slot(&mut self, due: Due, io: &mut I) -> bool {
        let now = clock::at(due.slot) + self.offset;
        io.begin(due.late);
        if due.skipped > 0 {
            self.skip(due.slot - due.skipped, due.slot);
        }
        self.obey(now, io);
        for period in Timetable::PERIODS {
            let group = Timetable::group(period, due.slot);
            let mut at = 0;
            while let Some(entry) = self.timetable.get(group, at) {
                at += 1;
                // The memory of those whose turns come next is on its way while this one has its turn: the leg of the
                // second next, and what the leg of the next holds.
                let leg = |at| match self.timetable.get(group, at) {
                    Some(Entry::Leg(place)) => self.legs.get(place as usize)?.as_deref(),
                    _ => None,
                };
                leg(at + 1).into_iter().for_each(fetch);
                if let Some(next) = leg(at) {
                    next.fetch_held();
                    io.expect(next.id.place as usize);
                }
                let place = match entry {
                    Entry::Leg(place) => place as usize,
                    Entry::Room(place) => {
                        at -= usize::from(self.room_turn(place, now, io));
                        continue;
                    }
                };
                // The last of the list has the place of one that stumbled.
                at -= usize::from(!self.leg_turn(place, due.slot, now, io));
            }
        }
        io.flush();
        self.stats.send_failures += io.refused();
        self.stats.starved = io.starved();
        self.stats.slots += 1;
        self.stats.lateness.count(due.late);
        self.stats.late_slots += u64::from(due.late > Duration::from_millis(1));
        if due.slot.is_multiple_of(SECOND) || self.stats.legs == 0 {
            self.stats.events_dropped = self.out.dropped;
            self.out.put(Out::Stats(self.id, self.stats));
        }
        self.out.close()
    }

    /// Between two slots: some legs whose packets are passed on have one.
    pub(crate) fn between(&mut self, now: Duration, ready: &[u32], io: &mut I) {
        let before = std::mem::replace(&mut self.looked, now);
        for (n, place) in ready.iter().enumerate() {
            // The leg after the next, and the one that the next speaks through.
            let leg = |n: usize| self.legs.get(*ready.get(n)? as usize)?.as_deref();
            leg(n + 2).into_iter().for_each(fetch);
            ready.get(n + 1).into_iter().for_each(|next| io.expect(*next as usize));
            let through = leg(n + 1).and_then(Leg::aimed);
            if let Some(Some(through)) = through.and_then(|id| self.legs.get(id.place as usize)) {
                fetch(through);
            }
            self.have(*place as usize, now, io, |leg, turn| leg.hear_early(before, turn));
        }
        io.flush();
    }

    /// Let everything go, as before the thread ends. `true` when nothing is left.
    pub(crate) fn release_all(&mut self, due: Due, io: &mut I) -> bool {
        let now = clock::at(due.slot) + self.offset;
        self.ending = true;
        self.obey(now, io);
        self.close_rooms();
        for place in 0..self.legs.len() {
            if let Some(id) = self.legs[place].as_ref().map(|leg| leg.id) {
                self.release(id, now, io);
            }
        }
        io.flush();
        self.out.put(Out::Stats(self.id, self.stats));
        self.out.close();
        self.orders.is_empty() && self.out.is_empty()
    }

    /// Slots from `from` to before `to` are given up: their legs let the time pass.
    fn skip(&mut self, from: u64, to: u64) {
        self.stats.overruns += to - from;
        for period in Timetable::PERIODS {
            for phase in 0..period {
                let missed = turns(from, to, period, phase);
                for entry in self.timetable.list(Timetable::group(period, phase)) {
                    match entry {
                        Entry::Leg(place) => skip_leg(&mut self.legs, place, missed),
                        Entry::Room(place) => {
                            let Some(Some(room)) = self.rooms.get_mut(place as usize) else { continue };
                            room.skip(missed);
                            for leg in room.inline_legs() {
                                skip_leg(&mut self.legs, leg.place, missed);
                            }
                        }
                    }
                }
            }
        }
    }

    fn obey(&mut self, now: Duration, io: &mut I) {
        for _ in 0..ORDERS_A_SLOT {
            let Some(order) = self.orders.pop() else { break };
            match order {
                Order::Adopt(leg, ports) => self.adopt(leg, ports, now, io),
                Order::Move(id, to) => self.move_out(id, to, now, io),
                Order::Arrive(leg, ports, from, left) => self.move_in(leg, ports, (from, left), now, io),
                Order::Release(id) => self.release(id, now, io),
                Order::Reconfigure(id, setup, kit) => self.reconfigure(id, (setup, kit, None), now, io),
                Order::Rekey(id, setup, kit, guard) => {
                    self.reconfigure(id, (setup, kit, Some(guard)), now, io);
                }
                Order::Renew(id) => {
                    if let Some(leg) = find(&mut self.legs, id) {
                        leg.renew();
                    }
                }
                Order::Secure(id, guard, from) => match find(&mut self.legs, id) {
                    Some(leg) => {
                        leg.open_door(io);
                        leg.secure(guard, from, now, &mut self.out);
                    }
                    None => self.out.spent(Spent::Guard(guard)),
                },
                Order::Interpret(id, interpreter) => match find(&mut self.legs, id) {
                    Some(leg) => leg.interpret(interpreter, &mut self.out),
                    None => self.out.spent(Spent::Interpreter(interpreter)),
                },
                Order::Post(letter) => {
                    if find(&mut self.legs, letter.leg).is_some() {
                        io.send(letter.leg.place as usize, Channel::Rtp, letter.at, letter.bytes());
                    }
                    self.out.spent(Spent::Letter(letter));
                }
                Order::Play(id, list) => match find(&mut self.legs, id) {
                    Some(leg) => leg.play(list, &mut self.out),
                    None => self.out.spent(Spent::Playlist(list)),
                },
                Order::Swap(id, list) => match find(&mut self.legs, id) {
                    Some(leg) => leg.swap(list, &mut self.out),
                    None => self.out.spent(Spent::Playlist(list)),
                },
                Order::Steer(id, tag, steer) => {
                    if let Some(leg) = find(&mut self.legs, id) {
                        leg.steer(tag, steer, &mut self.out);
                    }
                }
                Order::Echo(id, tag, kit) => match find(&mut self.legs, id) {
                    Some(leg) => leg.echo(tag, kit, &mut self.out),
                    None => self.out.spent(Spent::Order(Order::Echo(id, tag, kit))),
                },
                Order::Bridge(id, tag, end, kit) => {
                    self.leave_room(id, None);
                    match find(&mut self.legs, id) {
                        Some(leg) => leg.bridge(tag, end, kit, &mut self.out),
                        None => self.out.spent(Spent::Order(Order::Bridge(id, tag, end, kit))),
                    }
                    self.seat_together(id, now, io);
                }
                Order::Dial(id, dialling) => match find(&mut self.legs, id) {
                    Some(leg) => leg.dial(dialling, &mut self.out),
                    None => self.out.spent(Spent::Dialling(dialling)),
                },
                Order::Record(id, recorder, kit) => match find(&mut self.legs, id) {
                    Some(leg) => leg.record(recorder, kit, &mut self.out),
                    None => self.out.spent(Spent::Order(Order::Record(id, recorder, kit))),
                },
                Order::Pause(id, tag, pause) => {
                    if let Some(leg) = find(&mut self.legs, id) {
                        leg.pause_recording(tag, pause);
                    }
                }
                Order::Loudness(id, gain) => {
                    if let Some(leg) = find(&mut self.legs, id) {
                        leg.gain = gain;
                    }
                }
                Order::Await(id) => {
                    if let Some(leg) = find(&mut self.legs, id) {
                        leg.expected = Some(leg.packets());
                    }
                }
                Order::Detect(id, listener, kit) => match find(&mut self.legs, id) {
                    Some(leg) => leg.detect(listener, kit, &mut self.out),
                    None => self.out.spent(Spent::Order(Order::Detect(id, listener, kit))),
                },
                Order::Stop(id, tag) => {
                    if let Some(leg) = find(&mut self.legs, id) {
                        leg.stop(tag, &mut self.out);
                        self.leave_room(id, Some(tag));
                    }
                }
                Order::Room(part, order) => self.obey_room(part, order),
            }
        }
    }

    fn adopt(&mut self, mut leg: Box<Leg>, ports: I::Ports, now: Duration, io: &mut I) {
        leg.begin(now, self.wall);
        if let Err((leg, ports)) = self.seat(leg, ports, io) {
            self.out.spent(Spent::Order(Order::Adopt(leg, ports)));
        }
    }

    /// Give a leg a place and turns. Both come back if the place is taken.
    fn seat(&mut self, mut leg: Box<Leg>, ports: I::Ports, io: &mut I) -> Result<(), (Box<Leg>, I::Ports)> {
        let place = leg.id.place as usize;
        let free = self.legs.get(place).is_some_and(Option::is_none);
        debug_assert!(free, "a place is given to one leg at a time");
        if !free {
            return Err((leg, ports));
        }
        if let Err(ports) = io.attach(place, ports) {
            return Err((leg, ports));
        }
        leg.phase = self.timetable.add(Entry::Leg(place as u32), leg.period(), 1);
        self.legs[place] = Some(leg);
        self.stats.legs += 1;
        Ok(())
    }

    fn release(&mut self, id: LegId, now: Duration, io: &mut I) {
        if find(&mut self.legs, id).is_none() {
            return;
        }
        let Some(leg) = self.legs.get_mut(id.place as usize).and_then(Option::take) else { return };
        self.stats.panics += u64::from(!self.turn(leg, now, io, Leg::end));
        self.let_go(id, io);
    }

    /// A leg leaves, with its sockets.
    fn let_go(&mut self, id: LegId, io: &mut I) {
        self.leave_room(id, None);
        let place = id.place as usize;
        let Some(leg) = self.legs.get_mut(place).and_then(Option::take) else { return };
        self.timetable.remove(Entry::Leg(id.place), leg.period(), 1);
        self.stats.legs -= 1;
        self.out.put(Out::Released(leg, io.detach(place)));
    }

    fn reconfigure(
        &mut self,
        id: LegId,
        (setup, kit, guard): (Box<LegSetup>, Option<Kit>, Option<Box<Guard>>),
        now: Duration,
        io: &mut I,
    ) {
        let Some(leg) = find(&mut self.legs, id) else {
            self.out.spent(Spent::Order(Order::Reconfigure(id, setup, kit)));
            return guard.into_iter().for_each(|guard| self.out.spent(Spent::Guard(guard)));
        };
        let before = leg.period();
        leg.open_door(io);
        if let Some(guard) = guard {
            leg.secure(guard, None, now, &mut self.out);
        }
        leg.reconfigure(setup, kit, now, &mut self.out);
        // One that has its turns with a room gets another seat there, if it needs it.
        if leg.period() != before && leg.part().is_none() {
            self.timetable.remove(Entry::Leg(id.place), before, 1);
            leg.phase = self.timetable.add(Entry::Leg(id.place), leg.period(), 1);
            self.seat_together(id, now, io);
        }
    }
}

/// Have memory on its way while something else is done.
pub(crate) fn fetch<T>(what: &T) {
    #[cfg(target_arch = "x86_64")]
    for line in 0..size_of::<T>().div_ceil(64) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let address = std::ptr::from_ref(what).cast::<i8>().wrapping_add(line * 64);
        // SAFETY: a prefetch reads nothing that the program could see, and never faults.
        unsafe { _mm_prefetch(address, _MM_HINT_T0) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = what;
}

pub(crate) fn find(legs: &mut [Option<Box<Leg>>], id: LegId) -> Option<&mut Leg> {
    legs.get_mut(id.place as usize)?.as_deref_mut().filter(|leg| leg.id == id)
}

#[cfg(test)]
pub(crate) mod tests;

/// How many slots of `from..to` are `phase` modulo `period`.
fn turns(from: u64, to: u64, period: u64, phase: u64) -> u64 {
    let before = |end: u64| (end + period - 1 - phase) / period;
    before(to) - before(from)
}

/// Turns of a leg that did not take place.
fn skip_leg(legs: &mut [Option<Box<Leg>>], place: u32, missed: u64) {
    if let Some(Some(leg)) = legs.get_mut(place as usize) {
        leg.skip(missed);
    }
}
