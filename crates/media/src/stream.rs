//! Sounds too long to be kept as a whole: read, decoded and encoded in pieces on threads of their own, a second ahead of who
//! hears them first.
//!
//! A piece is made once in each form for all who hear it (`reel.rs`), and lies in a rack of bounded size (`rack.rs`) for those
//! who come to it later; what each of them costs is copying bytes.
//! Each list that has such sounds holds a [`Tap`], the worker's end of a ring of encoded pieces.
//! Its other end reads on from the place that the tap wishes for; a wish is a number in an atomic, so that the worker neither
//! locks nor waits. What was read for an earlier wish is thrown away at the tap.
//! A ring that is empty is silence, and the sound stands still meanwhile.

mod feed;
mod origin;
mod rack;
mod reel;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use audio::ReadError;
use audio::codec::MAX_PAYLOAD;
use audio::read::Reader;
use rtrb::{Consumer, RingBuffer};

pub(crate) use feed::Feed;
pub use origin::{Fleeting, Origin};
use rack::Rack;
pub(crate) use reel::{Reel, whole};

use crate::prompt::{Prompt, TICKS_A_MS};

/// What a ring holds ahead.
const AHEAD: Duration = Duration::from_secs(1);
/// Bytes of encoded pieces that are kept for who comes to them later: two hours of G.711, six of Opus.
const RACK: usize = 64 << 20;
/// How often rings are filled while any is heard.
const ROUND: Duration = Duration::from_millis(20);
/// Threads that read, at most.
const READERS: usize = 4;
/// Before each piece: the wish that it answers, its item, its length and whether it is the item's last, two bytes each.
const HEADER: usize = 8;

/// A sound that is read while it is heard.
#[derive(Clone, Debug, PartialEq)]
pub struct Long {
    origin: Origin,
    hint: Option<String>,
    length: Duration,
}

impl Long {
    /// Looks through a file for its length, without decoding it; `hint` is its name's extension. Blocks.
    ///
    /// # Errors
    /// [`ReadError`] when there is no sound in it.
    pub fn new(origin: Origin, hint: Option<&str>) -> Result<Long, ReadError> {
        let long = Long { origin, hint: hint.map(str::to_owned), length: Duration::ZERO };
        let length = long.open()?.length();
        Ok(Long { length, ..long })
    }

    /// How long it sounds.
    pub fn length(&self) -> Duration {
        self.length
    }

    /// Bytes of it that are in memory, with what reads it.
    pub(crate) fn size(&self) -> usize {
        size_of::<Reel>() + self.origin.size()
    }

    fn open(&self) -> Result<Reader, ReadError> {
        self.origin.open(self.hint.as_deref())
    }
}

/// A place in a list, asked for by a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wish {
    /// Counts wishes.
    number: u16,
    item: u16,
    ms: u32,
}

impl Wish {
    fn pack(self) -> u64 {
        u64::from(self.number) << 48 | u64::from(self.item) << 32 | u64::from(self.ms)
    }

    fn unpack(packed: u64) -> Wish {
        Wish { number: (packed >> 48) as u16, item: (packed >> 32) as u16, ms: packed as u32 }
    }
}

/// The long sound that comes after the one at `item`, in a list that goes round.
fn next_long(longs: &[u16], item: u16) -> Option<u16> {
    longs.iter().copied().find(|long| *long > item).or(longs.first().copied())
}

/// A worker's end: pieces of a list's long sounds, in its form.
#[derive(Debug)]
pub(crate) struct Tap {
    ring: Consumer<u8>,
    wish: Arc<AtomicU64>,
    number: u16,
    longs: Arc<[u16]>,
    /// Where the next piece for the last wish belongs.
    item: u16,
    at: u64,
    /// Bytes of the piece that is being taken, and whether it is its item's last.
    rest: usize,
    ends: bool,
    /// Something has come since the last wish: silence from here on is a stall.
    flowing: bool,
    stalls: Arc<AtomicU64>,
}

/// What a tap gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Nothing is there yet.
    Nothing,
    /// So many bytes; fewer than wanted if there are no more now.
    Bytes(usize),
    /// So many bytes, and the sound is over.
    End(usize),
}

/// Both ends for a list of these prompts; `None` if none of them is long.
pub(crate) fn pair(items: &[Arc<Prompt>], stalls: Arc<AtomicU64>, rack: Arc<Rack>) -> Option<(Tap, Feed)> {
    let longs: Arc<[u16]> = items
        .iter()
        .enumerate()
        .filter(|(_, prompt)| prompt.long().is_some())
        .filter_map(|(at, _)| u16::try_from(at).ok())
        .collect();
    let first = *longs.first()?;
    let form = items.get(usize::from(first))?.form();
    let room = match form.codec.bytes_per_ms() {
        Some(per_ms) => AHEAD.as_millis() as usize * per_ms * 5 / 4,
        None => 64 * 1_024,
    };
    let (write, ring) = RingBuffer::new(room + 2 * (HEADER + MAX_PAYLOAD));
    let wish = Arc::new(AtomicU64::new(Wish { number: 0, item: first, ms: 0 }.pack()));
    let feed = Feed::new((items.to_vec(), longs.clone()), write, wish.clone(), rack);
    let tap = Tap {
        ring,
        wish,
        number: 0,
        longs,
        item: first,
        at: 0,
        rest: 0,
        ends: false,
        flowing: false,
        stalls,
    };
    Some((tap, feed))
}

impl Tap {
    /// Fill `out` from the place `at` (in ticks) of the sound at `item`.
    pub(crate) fn take(&mut self, item: usize, at: u64, per_ms: usize, out: &mut [u8]) -> Taken {
        self.wish_for(item, at);
        let mut filled = 0;
        while filled < out.len() {
            if self.rest == 0 {
                if std::mem::take(&mut self.ends) {
                    return self.end(filled);
                }
                if !self.begin() {
                    self.note_stall();
                    return Taken::Bytes(filled);
                }
                continue;
            }
            let n = self.rest.min(out.len() - filled);
            self.copy(out.get_mut(filled..filled + n).unwrap_or_default());
            filled += n;
            self.at += n as u64 * TICKS_A_MS / per_ms.max(1) as u64;
        }
        // The end is told with the last byte.
        if self.rest == 0 && std::mem::take(&mut self.ends) { self.end(filled) } else { Taken::Bytes(filled) }
    }

    /// The packet at the place `at` (in ticks) of the sound at `item`, `ticks` long.
    pub(crate) fn take_packet(&mut self, item: usize, at: u64, ticks: u64, out: &mut [u8]) -> Taken {
        self.wish_for(item, at);
        if !self.begin() {
            self.note_stall();
            return Taken::Nothing;
        }
        let len = self.rest;
        self.at += ticks;
        match out.get_mut(..len) {
            Some(out) => self.copy(out),
            None => self.discard(len),
        }
        if std::mem::take(&mut self.ends) { self.end(len) } else { Taken::Bytes(len) }
    }

    fn end(&mut self, filled: usize) -> Taken {
        (self.item, self.at) = (next_long(&self.longs, self.item).unwrap_or_default(), 0);
        Taken::End(filled)
    }

    /// Ask for another place if what comes next is not of this one.
    fn wish_for(&mut self, item: usize, at: u64) {
        let item = u16::try_from(item).unwrap_or(u16::MAX);
        if (self.item, self.at) == (item, at) {
            return;
        }
        self.number = self.number.wrapping_add(1);
        (self.item, self.at, self.ends, self.flowing) = (item, at, false, false);
        self.discard(self.rest);
        let ms = u32::try_from(at / TICKS_A_MS).unwrap_or(u32::MAX);
        self.wish.store(Wish { number: self.number, item, ms }.pack(), Ordering::Release);
    }

    /// Find the next piece that was wished for. `false` if there is none yet.
    fn begin(&mut self) -> bool {
        loop {
            let mut header = [0; HEADER];
            if self.ring.slots() < HEADER {
                return false;
            }
            let _ = self.ring.pop_entire_slice(&mut header);
            let [n0, n1, i0, i1, l0, l1, last, _] = header;
            self.rest = u16::from_le_bytes([l0, l1]).into();
            let (number, item) = (u16::from_le_bytes([n0, n1]), u16::from_le_bytes([i0, i1]));
            if (number, item) == (self.number, self.item) {
                self.ends = last != 0;
                self.flowing = true;
                return true;
            }
            self.discard(self.rest);
        }
    }

    /// The next bytes of the piece, which came as a whole.
    fn copy(&mut self, out: &mut [u8]) {
        let _ = self.ring.pop_entire_slice(out);
        self.rest = self.rest.saturating_sub(out.len());
    }

    fn discard(&mut self, bytes: usize) {
        if let Ok(chunk) = self.ring.read_chunk(bytes.min(self.ring.slots())) {
            chunk.commit_all();
        }
        self.rest = 0;
    }

    fn note_stall(&mut self) {
        if self.flowing {
            self.stalls.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What a thread is given to read; nothing is its end.
pub(crate) type Feeds = Receiver<Option<Feed>>;

/// The way to the threads that read.
#[derive(Clone)]
pub(crate) struct Streams {
    readers: Vec<Sender<Option<Feed>>>,
    count: Arc<AtomicU64>,
    stalls: Arc<AtomicU64>,
    rack: Arc<Rack>,
}

impl Streams {
    /// The way, and its end: for each thread its name and what it reads.
    pub(crate) fn new() -> (Streams, Vec<(String, Feeds)>) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let (readers, ends): (Vec<_>, Vec<_>) = (0..cores.min(READERS))
            .map(|n| {
                let (sender, feeds) = mpsc::channel();
                (sender, (format!("media-read-{n}"), feeds))
            })
            .unzip();
        let rack = Arc::new(Rack::new(RACK));
        (Streams { readers, count: Arc::default(), stalls: Arc::default(), rack }, ends)
    }

    /// A tap for a list, if it needs one; its sounds are being read from now on.
    pub(crate) fn tap(&self, items: &[Arc<Prompt>]) -> Option<Tap> {
        let (tap, feed) = pair(items, self.stalls.clone(), self.rack.clone())?;
        let n = self.count.fetch_add(1, Ordering::Relaxed) as usize;
        let reader = self.readers.get(n % self.readers.len().max(1))?;
        // Without readers it stays silent.
        let _ = reader.send(Some(feed));
        Some(tap)
    }

    /// How often a list that was being heard found nothing read.
    pub(crate) fn stalls(&self) -> u64 {
        self.stalls.load(Ordering::Relaxed)
    }

    /// Let the threads end.
    pub(crate) fn end(&self) {
        for reader in &self.readers {
            // One that has ended already needs no telling.
            let _ = reader.send(None);
        }
    }
}

/// A thread that reads, until it is told to end.
pub(crate) fn run(feeds: &Feeds) {
    let mut open: Vec<Feed> = Vec::new();
    loop {
        let next = match open.is_empty() {
            true => feeds.recv().map_err(|_| RecvTimeoutError::Disconnected),
            false => feeds.recv_timeout(ROUND),
        };
        match next {
            Ok(Some(feed)) => open.push(feed),
            Err(RecvTimeoutError::Timeout) => {}
            Ok(None) | Err(RecvTimeoutError::Disconnected) => return,
        }
        open.retain_mut(Feed::fill);
    }
}
