//! The slots of a jitter buffer: which packets are here, and their bytes.
//!
//! All memory is asked for at the start, but a slot's bytes are touched only when a packet first lies in it, and the
//! lowest free slot is always taken: an even stream lives in two or three of them, and the rest stays untouched.

use crate::{RtpTime, Seq};

/// Packets held: 640 ms of the shortest usual packets, which last 10 ms.
pub(super) const SLOTS: usize = 64;

/// What is known of a packet beside its bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slot {
    pub(super) timestamp: RtpTime,
    pub(super) seq: Seq,
    /// How long it lasts, in clock units; 0 for comfort noise.
    pub(super) units: u16,
    len: u16,
}

impl Slot {
    pub(super) fn end(&self) -> RtpTime {
        self.timestamp.plus(self.units.into())
    }

    pub(super) fn is_noise(&self) -> bool {
        self.units == 0
    }
}

pub(super) struct Store {
    /// Which slots hold a packet, a bit each.
    used: u64,
    slots: [Slot; SLOTS],
    /// The longest payload.
    longest: usize,
    /// Room for all slots; as long as the highest slot that was ever used.
    bytes: Vec<u8>,
}

impl Store {
    pub(super) fn new(longest: usize) -> Store {
        Store {
            used: 0,
            slots: [Slot::default(); SLOTS],
            longest,
            bytes: Vec::with_capacity(SLOTS * longest),
        }
    }

    pub(super) fn clear(&mut self) {
        self.used = 0;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.used == 0
    }

    pub(super) fn len(&self) -> u32 {
        self.used.count_ones()
    }

    /// How many slots were ever used.
    #[cfg(test)]
    pub(super) fn touched(&self) -> usize {
        self.bytes.len() / self.longest
    }

    pub(super) fn fits(&self, payload: &[u8]) -> bool {
        payload.len() <= self.longest
    }

    /// The packets that are held, in no order.
    pub(super) fn held(&self) -> impl Iterator<Item = (usize, &Slot)> {
        let mut left = self.used;
        std::iter::from_fn(move || {
            let index = (left != 0).then(|| left.trailing_zeros() as usize)?;
            left &= left - 1;
            Some((index, self.slots.get(index)?))
        })
    }

    /// The packet that is to be played first, as seen from `at`; of two of one time that of the lower number.
    pub(super) fn front(&self, at: RtpTime) -> Option<(usize, Slot)> {
        let order = |slot: &Slot, than: &Slot| match slot
            .timestamp
            .since(at)
            .wrapping_sub(than.timestamp.since(at))
        {
            0 => slot.seq.since(than.seq) < 0,
            apart => apart < 0,
        };
        let mut best: Option<(usize, Slot)> = None;
        for (index, slot) in self.held() {
            if best.is_none_or(|(_, than)| order(slot, &than)) {
                best = Some((index, *slot));
            }
        }
        best
    }

    /// Keep a packet. Of a full store the one to be played first makes room, for the newer is the better.
    pub(super) fn put(
        &mut self,
        seq: Seq,
        timestamp: RtpTime,
        units: u16,
        payload: &[u8],
        at: RtpTime,
    ) -> bool {
        let lowest = self.used.trailing_ones() as usize;
        let index = if lowest < SLOTS { lowest } else { self.front(at).map_or(0, |(index, _)| index) };
        let begin = index * self.longest;
        if self.bytes.len() < begin + self.longest {
            // Within the capacity: nothing is allocated.
            self.bytes.resize(begin + self.longest, 0);
        }
        let (Some(slot), Some(room)) =
            (self.slots.get_mut(index), self.bytes.get_mut(begin..begin + payload.len()))
        else {
            return false;
        };
        room.copy_from_slice(payload);
        *slot = Slot { timestamp, seq, units, len: payload.len() as u16 };
        self.used |= 1 << index;
        true
    }

    /// Let a packet go; its bytes stay until the next is put.
    pub(super) fn free(&mut self, index: usize) {
        self.used &= !(1 << index);
    }

    pub(super) fn payload(&self, index: usize, slot: &Slot) -> &[u8] {
        let begin = index * self.longest;
        self.bytes.get(begin..begin + usize::from(slot.len)).unwrap_or_default()
    }
}
