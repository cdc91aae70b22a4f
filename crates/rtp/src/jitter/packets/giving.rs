//! Packets that are not read at an even pace: given up, handed to somebody else, or not listened to for a while.

use std::time::Duration;

use super::Packets;

impl Packets {
    /// Forget everything but the counters, for a stream that goes on and whose packets come so unevenly that `start` is the
    /// delay to begin with, within the bounds.
    pub fn resume(&mut self, start: Duration) {
        self.reset();
        let start = start.as_millis().min(500) as u32 * self.per_ms;
        self.start = start.clamp(self.least.min(self.most), self.most);
    }

    /// Take the next packet of the first format as it is, whenever it is due: `out` is its payload's. How many units are
    /// missing before it, its length, and how many units it lasts; `None` when no packet is left.
    pub fn hand_over(&mut self, out: &mut [u8]) -> Option<(u32, usize, u32)> {
        loop {
            let at = self.at?;
            let (index, slot) = self.store.front(at)?;
            let payload = self.store.payload(index, &slot);
            let length = payload.len();
            let room = out.get_mut(..length).filter(|_| !slot.is_noise() && slot.format == 0);
            let fits = room.map(|room| room.copy_from_slice(payload)).is_some();
            self.store.free(index);
            if fits {
                let gap = slot.timestamp.since(at).max(0) as u32;
                self.at = Some(slot.end());
                return Some((gap, length, slot.units.into()));
            }
        }
    }

    /// Give up what is held so that no more than the greatest delay remains; for a delay that grew beyond all bounds.
    /// Answers whether anything was.
    pub fn trim(&mut self, now: u32) -> bool {
        let Some(at) = self.at else { return false };
        let over = self.spread.behind(now, at).wrapping_sub(self.most as i32);
        if over <= 0 {
            return false;
        }
        let to = at.plus(over as u32);
        let mut trimmed = false;
        while let Some((index, slot)) = self.store.front(at).filter(|(_, slot)| slot.timestamp.since(to) < 0)
        {
            self.store.free(index);
            self.advance(slot.seq);
            self.floor = slot.end();
            self.at = Some(self.floor);
            trimmed = true;
        }
        trimmed
    }
}
