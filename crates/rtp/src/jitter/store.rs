//! The blocks of a jitter buffer: which packets are here, and their bytes.
//!
//! A packet lies in as many blocks in a row as it needs, so that the memory is that of so much sound and not of so many
//! packets of the longest kind.
//! All memory is asked for at the start, but a block's bytes are touched only when a packet first lies in it, and the
//! lowest free blocks are always taken: an even stream lives in those of two or three packets, and the rest stays
//! untouched.

use crate::{RtpTime, Seq};

/// Blocks, and the most packets held: 640 ms of sound, if a block has 10 ms.
pub(super) const BLOCKS: usize = 64;

/// The longest packet takes no more of them.
const MOST: usize = 8;

/// What is known of a packet beside its bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slot {
    pub(super) timestamp: RtpTime,
    pub(super) seq: Seq,
    /// How long it lasts, in clock units; 0 for comfort noise.
    pub(super) units: u16,
    len: u16,
    /// How many blocks it lies in.
    blocks: u8,
    /// What decodes it.
    pub(super) format: u8,
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
    /// In which blocks a packet begins, a bit each, and which are taken.
    used: u64,
    taken: u64,
    /// Of the packets that begin in them.
    slots: [Slot; BLOCKS],
    /// The length of a block, and of the longest payload.
    block: usize,
    longest: usize,
    /// Room for all blocks; as long as the highest block that was ever used.
    bytes: Vec<u8>,
}

impl Store {
    /// For payloads of up to `longest` bytes, in blocks of `block`; those are not so small that the longest payloads
    /// would fill the store, and not longer than they are.
    pub(super) fn new(block: usize, longest: usize) -> Store {
        let longest = longest.max(1);
        let block = block.clamp(longest.div_ceil(MOST), longest);
        Store {
            used: 0,
            taken: 0,
            slots: [Slot::default(); BLOCKS],
            block,
            longest,
            bytes: Vec::with_capacity(BLOCKS * block),
        }
    }

    pub(super) fn clear(&mut self) {
        self.used = 0;
        self.taken = 0;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.used == 0
    }

    pub(super) fn len(&self) -> u32 {
        self.used.count_ones()
    }

    pub(super) fn reserved(&self) -> usize {
        self.bytes.capacity()
    }

    /// How many bytes were ever used.
    #[cfg(test)]
    pub(super) fn touched(&self) -> usize {
        self.bytes.len()
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

    /// The lowest of so many free blocks in a row.
    fn gap(&self, blocks: usize) -> Option<usize> {
        // A bit stays for each block that so many free ones follow.
        let free = !self.taken;
        let starts = (1..blocks).fold(free, |starts, n| starts & free >> n);
        (starts != 0).then(|| starts.trailing_zeros() as usize)
    }

    /// Keep a packet. Where there is no room those to be played first make some, for the newer are the better.
    pub(super) fn put(
        &mut self,
        seq: Seq,
        timestamp: RtpTime,
        (units, format): (u16, u8),
        payload: &[u8],
        at: RtpTime,
    ) -> bool {
        if !self.fits(payload) {
            return false;
        }
        let blocks = payload.len().div_ceil(self.block).max(1);
        let Some(index) = self.gap(blocks).or_else(|| self.make_gap(blocks, at)) else { return false };
        let begin = index * self.block;
        let end = begin + blocks * self.block;
        if self.bytes.len() < end {
            // Within the capacity: nothing is allocated.
            self.bytes.resize(end, 0);
        }
        let (Some(slot), Some(room)) =
            (self.slots.get_mut(index), self.bytes.get_mut(begin..begin + payload.len()))
        else {
            return false;
        };
        room.copy_from_slice(payload);
        *slot = Slot { timestamp, seq, units, len: payload.len() as u16, blocks: blocks as u8, format };
        self.used |= 1 << index;
        self.taken |= mask(index, blocks);
        true
    }

    /// Let the packets to be played first go until there are so many blocks in a row.
    #[cold]
    fn make_gap(&mut self, blocks: usize, at: RtpTime) -> Option<usize> {
        while let Some((index, _)) = self.front(at) {
            self.free(index);
            if let Some(gap) = self.gap(blocks) {
                return Some(gap);
            }
        }
        None
    }

    /// Let a packet go; its bytes stay until the next is put.
    pub(super) fn free(&mut self, index: usize) {
        let Some(slot) = self.slots.get(index) else { return };
        self.used &= !(1 << index);
        self.taken &= !mask(index, slot.blocks.into());
    }

    pub(super) fn payload(&self, index: usize, slot: &Slot) -> &[u8] {
        let begin = index * self.block;
        self.bytes.get(begin..begin + usize::from(slot.len)).unwrap_or_default()
    }
}

/// The bits of so many blocks from `index` on.
fn mask(index: usize, blocks: usize) -> u64 {
    ((1u64 << blocks) - 1) << index
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::tests::Random;

    /// Blocks are those of the packets that are held and of no others, and a packet's bytes are its own.
    fn check(store: &Store) {
        let mut taken = 0;
        for (index, slot) in store.held() {
            let blocks = mask(index, slot.blocks.into());
            assert_eq!(taken & blocks, 0, "two packets in one block");
            taken |= blocks;
            let payload = store.payload(index, slot);
            assert_eq!(payload.len(), usize::from(slot.len));
            assert!(payload.iter().all(|byte| *byte == slot.seq.0 as u8), "{:?}", slot.seq);
        }
        assert_eq!(taken, store.taken);
        assert!(store.bytes.len() <= store.bytes.capacity());
    }

    #[test]
    fn packets_of_any_length_come_and_go_in_the_memory_of_the_start() {
        for seed in 0..40 {
            let mut random = Random(seed + 1);
            let longest = 1 + random.below(1_500);
            let mut store = Store::new(random.below(400), longest);
            let reserved = store.reserved();
            assert!(reserved <= BLOCKS * 400.max(longest.div_ceil(MOST)), "{reserved} for {longest}");
            for n in 0..2_000u16 {
                let payload = vec![n as u8; random.below(longest + 20)];
                let at = RtpTime(random.next() as u32);
                let kept = store.put(Seq(n), at.plus(random.below(9_000) as u32), (160, 0), &payload, at);
                assert_eq!(kept, payload.len() <= longest);
                if random.below(3) == 0
                    && let Some((index, _)) = store.front(at)
                {
                    store.free(index);
                }
                check(&store);
            }
            assert_eq!(store.reserved(), reserved, "nothing is allocated");
        }
    }

    #[test]
    fn the_first_to_be_played_make_room_for_a_long_one() {
        let mut store = Store::new(80, 480);
        for n in 0..64u16 {
            assert!(store.put(Seq(n), RtpTime(u32::from(n) * 80), (80, 0), &[n as u8; 80], RtpTime(0)));
        }
        assert!(store.put(Seq(64), RtpTime(64 * 80), (480, 0), &[64; 480], RtpTime(0)));
        assert_eq!(store.len(), 59);
        assert_eq!(store.front(RtpTime(0)).map(|(_, slot)| slot.seq), Some(Seq(6)));
        check(&store);
    }

    #[test]
    fn eight_of_the_longest_always_fit() {
        for (block, longest) in [(0, 1), (1, 1_500), (80, 480), (256, 1_400), (9_999, 480)] {
            let mut store = Store::new(block, longest);
            for n in 0..8u16 {
                assert!(store.put(Seq(n), RtpTime(n.into()), (1, 0), &vec![n as u8; longest], RtpTime(0)));
            }
            assert_eq!(store.len(), 8, "{block} {longest}");
            check(&store);
        }
    }
}
