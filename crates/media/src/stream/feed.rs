//! The reading end of a list's long sounds: has their pieces made, or finds them made, and fills the ring.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rtrb::Producer;

use super::rack::{Piece, Rack};
use super::reel::PIECE;
use super::{HEADER, Wish, next_long};
use crate::prompt::Prompt;

/// Slices written in one turn at most, so that others get theirs: half a second.
const TURN: usize = 25;
/// A slice, of codecs whose payload can be cut anywhere.
const SLICE_MS: usize = 20;
/// The longest slice in bytes: 20 ms of linear samples at 48 kHz are less, and so is every packet.
const LONGEST: usize = 2_000;

/// See the module.
pub(crate) struct Feed {
    items: Vec<Arc<Prompt>>,
    longs: Arc<[u16]>,
    ring: Producer<u8>,
    wish: Arc<AtomicU64>,
    rack: Arc<Rack>,
    /// The wish that is being answered, and the item that it has come to.
    answered: Option<u16>,
    item: u16,
    sound: Option<Sound>,
}

impl Feed {
    pub(super) fn new(
        (items, longs): (Vec<Arc<Prompt>>, Arc<[u16]>),
        ring: Producer<u8>,
        wish: Arc<AtomicU64>,
        rack: Arc<Rack>,
    ) -> Feed {
        Feed { items, longs, ring, wish, rack, answered: None, item: 0, sound: None }
    }

    /// Fill the ring as far as there is room. `false` if nobody listens any more.
    pub(crate) fn fill(&mut self) -> bool {
        if self.ring.is_abandoned() {
            return false;
        }
        let wish = Wish::unpack(self.wish.load(Ordering::Acquire));
        if self.answered != Some(wish.number) {
            self.answered = Some(wish.number);
            self.open(wish.item, wish.ms);
        }
        for _ in 0..TURN {
            if self.ring.slots() < HEADER + LONGEST {
                break;
            }
            let Some(sound) = &mut self.sound else { break };
            let mut slice = [0; HEADER + LONGEST];
            let (len, last) = sound.slice(&self.rack, &mut slice[HEADER..]);
            let [n0, n1] = wish.number.to_le_bytes();
            let [i0, i1] = self.item.to_le_bytes();
            let [l0, l1] = (len as u16).to_le_bytes();
            slice[..HEADER].copy_from_slice(&[n0, n1, i0, i1, l0, l1, last.into(), 0]);
            // There is room: a slice comes as a whole.
            let _ = self.ring.push_entire_slice(&slice[..HEADER + len]);
            if last {
                // What follows without a gap, if the list goes on.
                match next_long(&self.longs, self.item) {
                    Some(next) => self.open(next, 0),
                    None => self.sound = None,
                }
            }
        }
        true
    }

    fn open(&mut self, item: u16, ms: u32) {
        self.item = item;
        self.sound = self.items.get(usize::from(item)).map(|prompt| Sound::open(prompt.clone(), ms));
    }
}

/// A place in a sound.
struct Sound {
    prompt: Arc<Prompt>,
    /// Which piece, and where in it: a byte, or a packet.
    at: u32,
    offset: usize,
    piece: Option<Arc<Piece>>,
}

impl Drop for Sound {
    fn drop(&mut self) {
        if let Some(reel) = self.prompt.reel() {
            reel.end();
        }
    }
}

impl Sound {
    fn open(prompt: Arc<Prompt>, ms: u32) -> Sound {
        if let Some(reel) = prompt.reel() {
            reel.begin();
        }
        let form = prompt.form();
        let (at, ms) = (ms / PIECE.as_millis() as u32, (ms % PIECE.as_millis() as u32) as usize);
        let offset = match form.codec.bytes_per_ms() {
            Some(per_ms) => ms * per_ms,
            None => ms / (form.packet().as_millis() as usize).max(1),
        };
        Sound { prompt, at, offset, piece: None }
    }

    /// Copies the next slice; how long it is, and whether it is the last. What cannot be read is over.
    fn slice(&mut self, rack: &Rack, out: &mut [u8]) -> (usize, bool) {
        let per_ms = self.prompt.form().codec.bytes_per_ms();
        loop {
            let piece = match self.piece.take().map_or_else(|| self.fetch(rack), Ok) {
                Ok(piece) => piece,
                Err(why) => {
                    tracing::warn!(why, "a long sound cannot be read");
                    return (0, true);
                }
            };
            let units = if per_ms.is_some() { piece.bytes.len() } else { piece.ends.len() };
            if self.offset >= units {
                if piece.last {
                    return (0, true);
                }
                (self.at, self.offset) = (self.at + 1, 0);
                continue;
            }
            let (from, to) = match per_ms {
                Some(per_ms) => (self.offset, units.min(self.offset + SLICE_MS * per_ms)),
                None => {
                    let end = |nth: usize| piece.ends.get(nth).map_or(0, |end| *end as usize);
                    (self.offset.checked_sub(1).map_or(0, end), end(self.offset))
                }
            };
            self.offset = if per_ms.is_some() { to } else { self.offset + 1 };
            let last = piece.last && self.offset >= units;
            let bytes =
                piece.bytes.get(from..to).filter(|bytes| bytes.len() <= out.len()).unwrap_or_default();
            let len = bytes.len();
            out[..len].copy_from_slice(bytes);
            self.piece = Some(piece);
            return (len, last);
        }
    }

    fn fetch(&self, rack: &Rack) -> Result<Arc<Piece>, String> {
        let reel = self.prompt.reel().ok_or("it is none")?;
        reel.piece(self.at, rack)
    }
}
