//! Buffers for what is received: some are the kernel's to fill, some hold what waits for its leg, the rest is free.
//!
//! A buffer is in exactly one of the three states. The kernel takes buffers in the order they were lent, so only as many
//! are lent as may be needed before the next slot, and those freed last are lent first: what is touched stays in the caches.

use std::io;
use std::sync::atomic::{AtomicU16, Ordering};

use io_uring::IoUring;
use io_uring::types::BufRingEntry;

use crate::io::memory::Pages;

/// The only group of buffers of a ring.
pub(super) const GROUP: u16 = 0;

/// Of a buffer: the longest datagram that is read and what stands before it. An odd number of cache lines, so that the
/// first bytes of all buffers do not want the same places in the caches.
pub(super) const SIZE: usize = 33 * 64;

/// No buffer.
pub(super) const NONE: u16 = u16::MAX;

/// The most a ring can have (a limit of io_uring).
const MOST: usize = 1 << 15;

/// The buffers of a ring.
pub(super) struct Store {
    /// The kernel's list: as many entries as buffers.
    list: Pages,
    memory: Pages,
    buffers: u16,
    /// Where the next entry goes, and what of it the kernel knows.
    tail: u16,
    shown: u16,
    lent: usize,
    /// How many should be lent.
    wanted: usize,
    free: Vec<u16>,
    /// The buffer that came after this one on the same socket.
    next: Box<[u16]>,
}

impl Store {
    /// `buffers`, made a power of two, and `wanted` of them lent at a time. The ring learns of them.
    pub(super) fn new(ring: &IoUring, buffers: usize) -> io::Result<Store> {
        let buffers = buffers.next_power_of_two().min(MOST);
        let list = Pages::new(buffers * size_of::<BufRingEntry>())?;
        let memory = Pages::new(buffers * SIZE)?;
        // SAFETY: the list is aligned to a page, has an entry a buffer, and outlives the ring's use of it: see `Uring`.
        unsafe {
            ring.submitter().register_buf_ring_with_flags(list.start() as u64, buffers as u16, GROUP, 0)?;
        }
        let mut store = Store {
            list,
            memory,
            buffers: buffers as u16,
            tail: 0,
            shown: 0,
            lent: 0,
            wanted: buffers,
            free: (0..buffers as u16).rev().collect(),
            next: vec![NONE; buffers].into(),
        };
        store.lend();
        Ok(store)
    }

    /// How many should be lent from the next [`Store::lend`] on; what is lent stays so.
    pub(super) fn want(&mut self, wanted: usize) {
        self.wanted = wanted.min(self.buffers.into());
    }

    /// Lend the kernel what it used since.
    pub(super) fn lend(&mut self) {
        while self.lent < self.wanted {
            let Some(buffer) = self.free.pop() else { break };
            let at = usize::from(self.tail & (self.buffers - 1));
            // SAFETY: the entry is in the list, and the kernel does not look at it before the tail says so below: no more
            // than all buffers are ever lent. Its last two bytes are the tail itself in the first entry, and not written.
            // The address is inside the memory for the whole of the buffer's size.
            unsafe {
                let entry = &mut *self.list.start().cast::<BufRingEntry>().add(at);
                entry.set_addr(self.memory.start().add(usize::from(buffer) * SIZE) as u64);
                entry.set_len(SIZE as u32);
                entry.set_bid(buffer);
            }
            self.tail = self.tail.wrapping_add(1);
            self.lent += 1;
        }
        if self.tail != self.shown {
            // SAFETY: the list's tail is a u16 inside its first entry, aligned, which the kernel reads as an atomic.
            let tail = unsafe {
                let tail = BufRingEntry::tail(self.list.start().cast::<BufRingEntry>());
                AtomicU16::from_ptr(tail.cast_mut())
            };
            tail.store(self.tail, Ordering::Release);
            self.shown = self.tail;
        }
    }

    /// The kernel filled a buffer. `false` if there is no such buffer.
    pub(super) fn took(&mut self, buffer: u16) -> bool {
        self.lent = self.lent.saturating_sub(1);
        buffer < self.buffers
    }

    /// Nobody wants what is in it any more.
    pub(super) fn give_back(&mut self, buffer: u16) {
        self.free.push(buffer);
    }

    /// How many hold nothing.
    pub(super) fn left(&self) -> usize {
        self.free.len() + self.lent
    }

    /// What is in a buffer that the kernel filled.
    pub(super) fn bytes(&self, buffer: u16) -> &[u8] {
        // SAFETY: callers name buffers that the kernel has given back and that were not lent since.
        unsafe { self.memory.bytes(usize::from(buffer) * SIZE, SIZE) }
    }

    /// Have a buffer's first bytes on their way to the caches.
    pub(super) fn fetch(&self, buffer: u16) {
        #[cfg(target_arch = "x86_64")]
        for line in 0..5 {
            use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
            let at = usize::from(buffer) * SIZE + line * 64;
            // SAFETY: a prefetch reads nothing that the program could see, and never faults.
            unsafe { _mm_prefetch(self.memory.start().wrapping_add(at).cast(), _MM_HINT_T0) };
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = buffer;
    }

    pub(super) fn next(&self, buffer: u16) -> u16 {
        self.next.get(usize::from(buffer)).copied().unwrap_or(NONE)
    }

    pub(super) fn set_next(&mut self, buffer: u16, next: u16) {
        if let Some(link) = self.next.get_mut(usize::from(buffer)) {
            *link = next;
        }
    }

    #[cfg(test)]
    pub(super) fn free(&self) -> usize {
        self.free.len()
    }

    #[cfg(test)]
    pub(super) fn lent(&self) -> usize {
        self.lent
    }

    #[cfg(test)]
    pub(super) fn buffers(&self) -> usize {
        self.buffers.into()
    }
}
