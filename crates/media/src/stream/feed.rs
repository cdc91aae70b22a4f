//! The reading end of a list's long sounds: decodes, resamples, encodes and fills the ring.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use audio::codec::{Encoder, MAX_PAYLOAD};
use audio::read::Reader;
use audio::resample::Resampler;
use rtrb::Producer;

use super::{HEADER, Wish, next_long};
use crate::prompt::{Form, Prompt};

/// Pieces written in one turn at most, so that others get theirs: half a second.
const TURN: usize = 25;
/// A piece, of codecs whose payload can be cut anywhere.
const PIECE: Duration = Duration::from_millis(20);
/// The longest piece in bytes: 20 ms of linear samples at 48 kHz are less.
const LONGEST: usize = 2_000;

/// See the module.
pub(crate) struct Feed {
    items: Vec<Arc<Prompt>>,
    longs: Arc<[u16]>,
    ring: Producer<u8>,
    wish: Arc<AtomicU64>,
    /// The wish that is being answered, and the item that it has come to.
    answered: Option<u16>,
    item: u16,
    sound: Option<Sound>,
}

impl Feed {
    pub(super) fn new(
        items: Vec<Arc<Prompt>>,
        longs: Arc<[u16]>,
        ring: Producer<u8>,
        wish: Arc<AtomicU64>,
    ) -> Feed {
        Feed { items, longs, ring, wish, answered: None, item: 0, sound: None }
    }

    /// Fill the ring as far as there is room. `false` if nobody listens any more.
    pub(crate) fn fill(&mut self) -> bool {
        if self.ring.is_abandoned() {
            return false;
        }
        let wish = Wish::unpack(self.wish.load(Ordering::Acquire));
        if self.answered != Some(wish.number) {
            self.answered = Some(wish.number);
            self.open(wish.item, Duration::from_millis(wish.ms.into()));
        }
        for _ in 0..TURN {
            if self.ring.slots() < HEADER + LONGEST {
                break;
            }
            let Some(sound) = &mut self.sound else { break };
            let mut piece = [0; HEADER + LONGEST];
            let (len, last) = sound.piece(&mut piece[HEADER..]);
            let [n0, n1] = wish.number.to_le_bytes();
            let [i0, i1] = self.item.to_le_bytes();
            let [l0, l1] = (len as u16).to_le_bytes();
            piece[..HEADER].copy_from_slice(&[n0, n1, i0, i1, l0, l1, last.into(), 0]);
            // There is room: a piece comes as a whole.
            let _ = self.ring.push_entire_slice(&piece[..HEADER + len]);
            if last {
                // What follows without a gap, if the list goes on.
                match next_long(&self.longs, self.item) {
                    Some(next) => self.open(next, Duration::ZERO),
                    None => self.sound = None,
                }
            }
        }
        true
    }

    fn open(&mut self, item: u16, at: Duration) {
        self.item = item;
        let prompt = self.items.get(usize::from(item));
        self.sound = prompt.map(|prompt| {
            Sound::open(prompt, at).unwrap_or_else(|why| {
                tracing::warn!(why, "a long sound cannot be read");
                Sound::nothing()
            })
        });
    }
}

/// A sound being read.
struct Sound {
    voice: Option<Voice>,
    /// Samples at the form's rate, from `taken` on.
    ready: Vec<i16>,
    taken: usize,
}

struct Voice {
    reader: Reader,
    resampler: Resampler,
    encoder: Encoder,
    form: Form,
    over: bool,
}

impl Sound {
    fn open(prompt: &Prompt, at: Duration) -> Result<Sound, String> {
        let Some(long) = prompt.long() else { return Ok(Sound::nothing()) };
        let form = prompt.form();
        let mut reader = long.open().map_err(|why| why.to_string())?;
        if !at.is_zero() {
            reader.skip(at).map_err(|why| why.to_string())?;
        }
        let encoder = Encoder::new(form.codec, form.rate(), &form.opus()).map_err(|why| why.to_string())?;
        let resampler = Resampler::new(reader.rate(), form.rate());
        let voice = Voice { reader, resampler, encoder, form, over: false };
        Ok(Sound { voice: Some(voice), ready: Vec::new(), taken: 0 })
    }

    /// One that is over at once.
    fn nothing() -> Sound {
        Sound { voice: None, ready: Vec::new(), taken: 0 }
    }

    /// Encode the next piece; how long it is, and whether it is the last.
    fn piece(&mut self, out: &mut [u8]) -> (usize, bool) {
        let Some(voice) = &mut self.voice else { return (0, true) };
        let whole = voice.form.codec.bytes_per_ms().is_none();
        let length = if whole { voice.form.packet() } else { PIECE };
        let want = voice.form.rate().samples(length).max(1);
        // One sample more tells whether there is another piece.
        while self.ready.len() - self.taken <= want && !voice.over {
            self.ready.drain(..self.taken);
            self.taken = 0;
            voice.over = !voice.read(&mut self.ready);
        }
        let left = &self.ready[self.taken..];
        let last = voice.over && left.len() <= want;
        let mut frame = left[..want.min(left.len())].to_vec();
        self.taken += frame.len();
        if frame.is_empty() {
            return (0, true);
        }
        if whole {
            frame.resize(want, 0);
        }
        let room = if whole { MAX_PAYLOAD } else { LONGEST };
        (voice.encoder.encode(&frame, out.get_mut(..room).unwrap_or_default()), last)
    }
}

impl Voice {
    /// The next samples, at the form's rate. `false` at the end; a place that cannot be read is one.
    fn read(&mut self, ready: &mut Vec<i16>) -> bool {
        let mut samples = Vec::new();
        let more = self.reader.read(&mut samples).unwrap_or(false);
        let (from, to) = (self.resampler.from().hertz().max(1), self.resampler.to().hertz());
        let most = samples.len() as u64 * u64::from(to) / u64::from(from) + 2;
        let before = ready.len();
        ready.resize(before + most as usize, 0);
        let n = self.resampler.process(&samples, &mut ready[before..]);
        ready.truncate(before + n);
        more
    }
}
