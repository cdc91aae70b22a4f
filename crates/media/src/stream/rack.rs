//! Where encoded pieces of long sounds lie, for all who come to them; bounded, the longest unused go first.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Some time of a sound in one form.
#[derive(Debug, PartialEq)]
pub(super) struct Piece {
    pub(super) bytes: Box<[u8]>,
    /// Where each packet ends; empty for codecs whose payload can be cut anywhere.
    pub(super) ends: Box<[u32]>,
    /// Nothing comes after it.
    pub(super) last: bool,
}

/// A reel's number, and which of its pieces.
pub(super) type Place = (u64, u32);

/// See the module.
pub(crate) struct Rack {
    bound: usize,
    all: Mutex<All>,
}

#[derive(Default)]
struct All {
    pieces: HashMap<Place, (Arc<Piece>, u64)>,
    bytes: usize,
    /// Counts uses; the smallest stamp is the longest unused.
    uses: u64,
    /// Counts pieces that were made.
    made: u64,
}

impl Piece {
    fn size(&self) -> usize {
        size_of::<Piece>() + self.bytes.len() + size_of_val(&*self.ends)
    }
}

impl Rack {
    /// For so many bytes.
    pub(super) fn new(bound: usize) -> Rack {
        Rack { bound, all: Mutex::default() }
    }

    pub(super) fn get(&self, place: Place) -> Option<Arc<Piece>> {
        let mut all = self.lock();
        all.uses += 1;
        let now = all.uses;
        let (piece, used) = all.pieces.get_mut(&place)?;
        *used = now;
        Some(piece.clone())
    }

    /// One that was just made.
    pub(super) fn put(&self, place: Place, piece: Arc<Piece>) {
        let mut all = self.lock();
        all.made += 1;
        all.uses += 1;
        let (size, used) = (piece.size(), all.uses);
        while all.bytes + size > self.bound {
            let oldest = all.pieces.iter().min_by_key(|(_, (_, used))| *used).map(|(place, _)| *place);
            let Some((oldest, _)) = oldest.and_then(|place| all.pieces.remove(&place)) else { return };
            all.bytes -= oldest.size();
        }
        all.bytes += size;
        if let Some((before, _)) = all.pieces.insert(place, (piece, used)) {
            all.bytes -= before.size();
        }
    }

    /// How many pieces were made.
    #[cfg(test)]
    pub(super) fn made(&self) -> u64 {
        self.lock().made
    }

    /// Bytes that lie here.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        // It is whole between any two statements that could panic.
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_unused_goes_first_and_the_bound_holds() {
        let rack = Rack::new(3_000);
        let piece = |len| Arc::new(Piece { bytes: vec![0; len].into(), ends: Box::default(), last: false });
        for at in [0, 1] {
            rack.put((7, at), piece(1_200));
        }
        assert!(rack.get((7, 0)).is_some());
        rack.put((8, 0), piece(1_200));
        assert!(rack.get((7, 0)).is_some() && rack.get((8, 0)).is_some() && rack.get((7, 1)).is_none());
        rack.put((9, 0), piece(4_000));
        assert!(rack.get((9, 0)).is_none(), "a giant is not kept");
        assert!(rack.bytes() <= 3_000 && rack.made() == 4);
    }
}
