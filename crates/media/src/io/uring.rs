//! The backend over io_uring: what all sockets of a worker received is fetched with one system call a slot, and what they
//! send leaves with one for each few dozen packets.
//!
//! Where packets are passed on as they come, the ring itself is waited for between two slots: it wakes for whatever comes,
//! and tells of those legs that are watched.
//!
//! Each RTP socket has one request that never ends, to receive into a buffer of a common store. What it brings waits in a
//! list of its leg's until the leg's turn. RTCP is rare and goes by system calls of its own.
//!
//! A place is given to one leg after the other. Requests bear the number of their leg beside its place, so that what they
//! still bring after the leg has left is nobody's. Before a leg's sockets are handed out, every request that names them is
//! with the kernel, which holds them open by itself, and the one that receives is cancelled.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::time::Duration;

use io_uring::types::{CancelBuilder, Fd, RecvMsgOut, SubmitArgs, Timespec};
use io_uring::{IoUring, cqueue, opcode, squeue};

use self::place::Place;
use self::store::{GROUP, Store};
use super::memory::Pages;
use super::{Received, stamp};
use crate::port::Ports;

mod address;
mod place;
pub(crate) mod probe;
mod sockets;
mod store;
#[cfg(test)]
mod tests;

/// Requests handed over at once. More saves next to nothing, and what is touched for them should stay in the caches.
const BATCH: usize = 64;

/// Bytes for what is being sent, with its addresses.
const OUTBOX: usize = 64 * 1_024;

/// A leg that so many datagrams wait for is being flooded: its socket is left alone until it has taken some.
const FLOOD: u16 = 64;

/// So many a leg may have at least, however few buffers are left.
const FEW: u16 = 4;

/// Room for the control message of a time stamp: a header and two longs.
const CONTROL: usize = 32;

/// What a request is for, in the highest byte of its number.
const RECEIVE: u64 = 1 << 56;
const SEND: u64 = 2 << 56;
const CANCEL: u64 = 3 << 56;
const KIND: u64 = 0xff << 56;

/// Owns the sockets of a worker's legs, and a ring.
pub(crate) struct Uring {
    /// The first to go: memory that it has leave to write to comes after it.
    ring: IoUring,
    store: Store,
    outbox: Pages,
    /// How much of the outbox is used.
    filled: usize,
    places: Box<[Place]>,
    ports: Box<[Option<Ports>]>,
    legs: usize,
    /// Places whose sockets are to be received from again, those that wait the longest first.
    idle: VecDeque<u32>,
    /// How what is received is laid out; the kernel reads it when a request begins.
    message: Box<libc::msghdr>,
    /// The time since 1970 at the slot's time.
    wall: Duration,
    /// How many legs are watched, and those of them that something came for since that was last told.
    watched: usize,
    arrived: Vec<u32>,
    failures: u64,
    /// How often a socket had to wait because every buffer lent was used.
    pub(crate) exhausted: u64,
}

// SAFETY: the pointers are to memory that is owned here and stays where it is; the ring itself may move to another thread
// as long as one thread at a time uses it, and that thread has made it (see `Uring::new`) or the kernel refuses.
unsafe impl Send for Uring {}

impl Uring {
    /// For so many legs. To be called on the thread that will use it: the kernel serves no other.
    pub(crate) fn new(places: usize) -> io::Result<Uring> {
        // Twice what all legs receive in a packet time.
        Uring::with_buffers(places, (2 * places).clamp(512, 1 << 15))
    }

    fn with_buffers(places: usize, buffers: usize) -> io::Result<Uring> {
        let ring = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .setup_taskrun_flag()
            .setup_clamp()
            .setup_cqsize(buffers.clamp(1_024, 1 << 15) as u32)
            .build(BATCH as u32)?;
        let store = Store::new(&ring, buffers)?;
        // SAFETY: `msghdr` is plain numbers and pointers, for which zeros are values.
        let mut message: Box<libc::msghdr> = Box::new(unsafe { std::mem::zeroed() });
        message.msg_namelen = address::ROOM as u32;
        message.msg_controllen = CONTROL as _;
        Ok(Uring {
            ring,
            store,
            outbox: Pages::new(OUTBOX)?,
            filled: 0,
            places: vec![Place::FREE; places].into(),
            ports: (0..places).map(|_| None).collect(),
            legs: 0,
            idle: VecDeque::with_capacity(places),
            message,
            wall: Duration::ZERO,
            watched: 0,
            arrived: Vec::with_capacity(places),
            failures: 0,
            exhausted: 0,
        })
    }

    /// Put a request into the queue; if that is full, what is in it goes first.
    ///
    /// # Safety
    ///
    /// What the request points to stays until it is with the kernel, and if the kernel writes to it or keeps it, until
    /// it ends.
    unsafe fn push(&mut self, request: &squeue::Entry) -> bool {
        for _ in 0..2 {
            // SAFETY: the caller's promise.
            if unsafe { self.ring.submission().push(request) }.is_ok() {
                return true;
            }
            self.submit();
        }
        false
    }

    /// Hand the queue over. Sends take place meanwhile, so the outbox is free again.
    fn submit(&mut self) {
        for _ in 0..8 {
            if self.ring.submission().is_empty() {
                self.filled = 0;
                return;
            }
            match self.ring.submit() {
                Ok(_) => {}
                // Completions wait for room: take them. Other failures are the memory of the machine, and may pass.
                Err(_) => self.gather(),
            }
        }
    }

    /// Fetch what has happened, if anything has.
    fn gather(&mut self) {
        const GETEVENTS: u32 = 1;
        // The kernel sees to a few arrivals a call (20 since Linux 6.14), and says whether there are more. Those that come
        // meanwhile are not waited for.
        for _ in 0..8 + self.legs / 8 {
            if !self.has_more() {
                break;
            }
            // SAFETY: nothing is submitted and no argument passed. What an interruption left is fetched the next time.
            let _ = unsafe { self.ring.submitter().enter::<libc::sigset_t>(0, 0, GETEVENTS, None) };
            self.reap();
        }
        // What handing over requests has brought.
        self.reap();
    }

    /// Sleep until something happens, for so long at most.
    fn linger(&mut self, span: Duration) {
        self.provide();
        self.arm();
        let span = Timespec::from(span);
        // That the time is over, and interruptions, are answers like any other.
        let _ = self.ring.submitter().submit_with_args(1, &SubmitArgs::new().timespec(&span));
    }

    fn has_more(&mut self) -> bool {
        let queue = self.ring.submission();
        queue.taskrun() || queue.cq_overflow()
    }

    fn reap(&mut self) {
        let Uring { ring, store, places, arrived, .. } = self;
        let mut flooded = [0; 8];
        let mut floods = 0;
        for entry in ring.completion() {
            let (name, result, flags) = (entry.user_data(), entry.result(), entry.flags());
            if name & KIND == SEND {
                // Successes are not told; that nobody listens there any more is no failure (see `Ports::send`).
                self.failures += u64::from(result < 0 && result != -libc::ECONNREFUSED);
            }
            if name & KIND != RECEIVE {
                continue;
            }
            let at = (name & 0xffff_ffff) as usize;
            let buffer = cqueue::buffer_select(flags).filter(|buffer| store.took(*buffer));
            let Some(place) = places.get_mut(at).filter(|place| place.name(at) == name) else {
                // Of a leg that has left.
                buffer.into_iter().for_each(|buffer| store.give_back(buffer));
                continue;
            };
            let most = most(store);
            match buffer {
                // What comes before the kernel knows that it is to stop is kept, too.
                Some(buffer) if result >= 0 && place.held < 2 * most => {
                    place.append(buffer, store);
                    place.tell(at, arrived);
                }
                Some(buffer) => store.give_back(buffer),
                None => {}
            }
            if !cqueue::more(flags) {
                place.armed = false;
                self.exhausted += u64::from(result == -libc::ENOBUFS);
                place.list(at, &mut self.idle);
            } else if place.held >= most
                && let Some(one) = flooded.get_mut(floods)
            {
                *one = name;
                floods += 1;
            }
        }
        for name in flooded.into_iter().take(floods) {
            let cancel = opcode::AsyncCancel::new(name).build().user_data(CANCEL);
            // SAFETY: it points to nothing. If it finds no room, the flood goes on, and what is too much is dropped.
            let _ = unsafe { self.ring.submission().push(&cancel) };
        }
    }

    /// End a request to receive.
    fn cancel(&mut self, name: u64) {
        let cancel = opcode::AsyncCancel::new(name).build().user_data(CANCEL);
        // SAFETY: it points to nothing.
        unsafe { self.push(&cancel) };
    }

    /// Receive from the sockets that are not received from.
    fn arm(&mut self) {
        while let Some(at) = self.idle.pop_front() {
            let at = at as usize;
            let Some(place) = self.places.get_mut(at) else { continue };
            place.listed = false;
            if place.armed || place.rtp < 0 || place.held >= most(&self.store) {
                continue;
            }
            place.armed = true;
            let name = place.name(at);
            let request = opcode::RecvMsgMulti::new(Fd(place.rtp), &raw const *self.message, GROUP);
            // SAFETY: the message stays as long as the ring; the store's memory does, too.
            if !unsafe { self.push(&request.build().user_data(name)) }
                && let Some(place) = self.places.get_mut(at)
            {
                // Not now, then. The leg's next turn lists it again.
                place.armed = false;
            }
        }
    }

    /// Receive from a socket for a place; it is open until the place lets go of it.
    fn hold(&mut self, at: usize, rtp: RawFd, peer: Option<SocketAddr>) {
        if let Some(place) = self.places.get_mut(at) {
            (place.rtp, place.peer) = (rtp, peer);
            place.list(at, &mut self.idle);
            self.legs += 1;
        }
    }

    /// What the kernel has leave to fill: enough for a packet of each leg, and for some more of a few.
    fn provide(&mut self) {
        self.store.want(self.legs + 256);
        self.store.lend();
    }

    fn receive_rtp(&mut self, at: usize, datagram: &mut [u8]) -> Option<Received> {
        loop {
            let place = self.places.get_mut(at)?;
            if !place.armed && !place.listed && place.rtp >= 0 && place.held < FLOOD {
                place.list(at, &mut self.idle);
            }
            let buffer = place.take(&self.store)?;
            let received = read(self.store.bytes(buffer), &self.message, self.wall, datagram);
            self.store.give_back(buffer);
            if received.is_some() {
                return received;
            }
        }
    }

    fn send_rtp(&mut self, at: usize, to: SocketAddr, datagram: &[u8]) -> bool {
        let Some(place) = self.places.get(at).filter(|place| place.rtp >= 0) else { return false };
        let (rtp, connected) = (place.rtp, place.peer == Some(to));
        let need = address::ROOM + datagram.len().next_multiple_of(8);
        if self.filled + need > self.outbox.len() || self.ring.submission().is_full() {
            self.submit();
        }
        if self.filled + need > self.outbox.len() {
            return false;
        }
        // SAFETY: this part of the outbox is named by no request that the kernel still has to read.
        let bytes = unsafe { self.outbox.write(self.filled + address::ROOM, datagram) };
        let mut request = opcode::Send::new(Fd(rtp), bytes, datagram.len() as u32)
            // A socket without room refuses: late audio is worth nothing, and no request is to outlive its hand-over.
            .flags(libc::MSG_DONTWAIT);
        if !connected {
            let mut name = [0; address::ROOM];
            let len = address::write(to, &mut name);
            // SAFETY: as above; an address has its room before what is sent to it.
            let name = unsafe { self.outbox.write(self.filled, &name) };
            request = request.dest_addr(name.cast()).dest_addr_len(len);
        }
        let request = request.build().flags(squeue::Flags::SKIP_SUCCESS).user_data(SEND | at as u64);
        // SAFETY: the outbox is not written to there until the queue is with the kernel. A send that may not wait is
        // over by then, with what it sends copied.
        let pushed = unsafe { self.ring.submission().push(&request) }.is_ok();
        self.filled += need;
        pushed
    }
}

impl Drop for Uring {
    fn drop(&mut self) {
        // A ring that is closed lets its requests go in its own time; the memory they may write to goes now.
        let _ = self.ring.submitter().register_sync_cancel(None, CancelBuilder::any());
        self.gather();
    }
}

/// How many datagrams may wait for one leg: a part of what is left for all, so that the others find buffers however many
/// are flooded.
fn most(store: &Store) -> u16 {
    (store.left() as u16 / 4).clamp(FEW, FLOOD)
}

/// Copy the datagram in a buffer out. What has no address is nobody's.
fn read(buffer: &[u8], message: &libc::msghdr, wall: Duration, datagram: &mut [u8]) -> Option<Received> {
    let parts = RecvMsgOut::parse(buffer, message).ok()?;
    let from = address::read(parts.name_data())?;
    let payload = parts.payload_data();
    let len = payload.len().min(datagram.len());
    datagram.get_mut(..len)?.copy_from_slice(payload.get(..len)?);
    let (waited, stale) = stamp::waited(parts.control_data(), wall);
    Some(Received { len, from, waited, stale })
}
