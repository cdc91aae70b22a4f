//! A leg's place at the ring: its socket, and what of it waits.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::RawFd;

use super::RECEIVE;
use super::store::{NONE, Store};

/// A leg's place, as far as it is looked at often.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Which leg has it or had it last.
    pub(super) generation: u32,
    /// What waits: the first and the last buffer, and how many.
    pub(super) head: u16,
    tail: u16,
    pub(super) held: u16,
    /// Its socket is being received from.
    pub(super) armed: bool,
    /// What comes for it is told of.
    pub(super) watched: bool,
    /// It stands in the list of those to be told of.
    pub(super) told: bool,
    /// It stands in the list of those to arm.
    pub(super) listed: bool,
    pub(super) rtp: RawFd,
    /// Whom the socket is connected to.
    pub(super) peer: Option<SocketAddr>,
}

impl Place {
    /// Nobody is there.
    pub(super) const FREE: Place = Place {
        generation: 0,
        head: NONE,
        tail: NONE,
        held: 0,
        armed: false,
        watched: false,
        told: false,
        listed: false,
        rtp: -1,
        peer: None,
    };

    /// Have it armed again.
    pub(super) fn list(&mut self, at: usize, idle: &mut VecDeque<u32>) {
        if !self.listed {
            self.listed = true;
            idle.push_back(at as u32);
        }
    }

    /// If it is watched, have it told of that something waits.
    pub(super) fn tell(&mut self, at: usize, arrived: &mut Vec<u32>) {
        if self.watched && !self.told {
            self.told = true;
            arrived.push(at as u32);
        }
    }

    pub(super) fn append(&mut self, buffer: u16, store: &mut Store) {
        store.set_next(buffer, NONE);
        match self.held {
            0 => self.head = buffer,
            _ => store.set_next(self.tail, buffer),
        }
        self.tail = buffer;
        self.held += 1;
    }

    pub(super) fn take(&mut self, store: &Store) -> Option<u16> {
        self.held = self.held.checked_sub(1)?;
        let buffer = self.head;
        self.head = store.next(buffer);
        Some(buffer)
    }

    /// The number of its request to receive.
    pub(super) fn name(&self, place: usize) -> u64 {
        RECEIVE | u64::from(self.generation & 0xff_ffff) << 32 | place as u64
    }
}
