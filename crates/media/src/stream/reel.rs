//! A long sound in one form, in encoded pieces that follow each other sample for sample.
//!
//! Whoever comes to a piece first makes it, and those who want it meanwhile wait for it. Who makes one goes on with the next,
//! so that decoder, resampler and encoder run through from the beginning; one that begins elsewhere makes the piece before it,
//! too, for nobody to hear: it has got going then.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use audio::ReadError;
use audio::codec::Encoder;
use audio::read::{LONGEST, Reader};
use audio::resample::Conversion;

use super::Long;
use super::rack::{Piece, Rack};
use crate::error::NotMade;
use crate::prompt::{Form, encoded};

/// How long a piece sounds: whole packets of every packet time that there is, and whole samples of every usual rate.
pub(super) const PIECE: Duration = Duration::from_millis(1_200);

/// See the module.
pub(crate) struct Reel {
    number: u64,
    long: Long,
    form: Form,
    makers: Mutex<Makers>,
}

/// Those who can make a piece.
#[derive(Default)]
struct Makers {
    /// Who hears it. There are no more makers than that, and none when nobody does.
    listeners: usize,
    /// Those who wait to be asked for their next piece; who was asked last is at the end.
    waiting: Vec<Maker>,
}

impl PartialEq for Reel {
    fn eq(&self, other: &Reel) -> bool {
        (&self.long, self.form) == (&other.long, other.form)
    }
}

impl fmt::Debug for Reel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.long.fmt(f)
    }
}

impl Reel {
    pub(crate) fn new(long: Long, form: Form) -> Reel {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        Reel { number, long, form, makers: Mutex::default() }
    }

    /// What is on it.
    pub(crate) fn long(&self) -> &Long {
        &self.long
    }

    /// Somebody begins to hear it, ...
    pub(super) fn begin(&self) {
        self.makers().listeners += 1;
    }

    /// ... and ends.
    pub(super) fn end(&self) {
        let mut makers = self.makers();
        makers.listeners = makers.listeners.saturating_sub(1);
        makers.dismiss();
    }

    /// Its piece at this place, counted from 0. Blocks while it is being made.
    pub(super) fn piece(&self, at: u32, rack: &Rack) -> Result<Arc<Piece>, String> {
        let place = (self.number, at);
        if let Some(piece) = rack.get(place) {
            return Ok(piece);
        }
        let mut makers = self.makers();
        // Somebody may have made it while we waited.
        if let Some(piece) = rack.get(place) {
            return Ok(piece);
        }
        let mut maker = match makers.waiting.iter().position(|maker| maker.next == at) {
            Some(nth) => makers.waiting.remove(nth),
            None => Maker::open(&self.long, self.form, at).map_err(|why| why.to_string())?,
        };
        let piece = Arc::new(maker.piece());
        rack.put(place, piece.clone());
        if !piece.last {
            makers.waiting.push(maker);
        }
        makers.dismiss();
        Ok(piece)
    }

    /// How many makers there are.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.makers().waiting.len()
    }

    fn makers(&self) -> MutexGuard<'_, Makers> {
        // A maker that panicked is gone; all others are whole.
        self.makers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All of a sound in one form: its bytes, and where its packets end. It is never decoded as a whole.
pub(crate) fn whole(long: &Long, form: Form) -> Result<(Vec<u8>, Vec<u32>), NotMade> {
    let mut maker = Maker::open(long, form, 0)?;
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    loop {
        // A small file can be a very long one, whatever it says.
        if PIECE * maker.next > LONGEST {
            return Err(ReadError::TooLong.into());
        }
        let piece = maker.piece();
        let before = bytes.len() as u32;
        ends.extend(piece.ends.iter().map(|end| before + end));
        bytes.extend_from_slice(&piece.bytes);
        if piece.last {
            return Ok((bytes, ends));
        }
    }
}

impl Makers {
    /// Those whom nobody asked for longest go.
    fn dismiss(&mut self) {
        let surplus = self.waiting.len().saturating_sub(self.listeners);
        self.waiting.drain(..surplus);
    }
}

/// Reads, decodes, resamples and encodes.
struct Maker {
    reader: Reader,
    conversion: Conversion,
    encoder: Encoder,
    form: Form,
    /// The piece that it makes next.
    next: u32,
    /// Samples at the form's rate that are not encoded yet.
    ready: Vec<i16>,
    over: bool,
}

impl Maker {
    fn open(long: &Long, form: Form, at: u32) -> Result<Maker, NotMade> {
        let mut reader = long.open()?;
        let lead = at.min(1);
        let from = at - lead;
        if from > 0 {
            reader.skip(PIECE * from)?;
        }
        let encoder = Encoder::new(form.codec, form.rate(), &form.opus())?;
        let conversion = Conversion::new(reader.rate(), form.rate());
        let (ready, over) = (Vec::new(), false);
        let mut maker = Maker { reader, conversion, encoder, form, next: from, ready, over };
        if lead > 0 {
            maker.piece();
        }
        Ok(maker)
    }

    fn piece(&mut self) -> Piece {
        self.next += 1;
        let want = self.form.rate().samples(PIECE);
        // One sample more tells whether there is another piece.
        while self.ready.len() <= want && !self.over {
            self.over = !self.read();
        }
        let last = self.ready.len() <= want;
        let rest = self.ready.split_off(want.min(self.ready.len()));
        let samples = std::mem::replace(&mut self.ready, rest);
        let (bytes, ends) = encoded(&mut self.encoder, &samples, self.form);
        Piece { bytes: bytes.into(), ends: ends.into(), last }
    }

    /// The next samples, at the form's rate. `false` at the end; a place that cannot be read is one.
    fn read(&mut self) -> bool {
        let mut samples = Vec::new();
        let more = self.reader.read(&mut samples).unwrap_or(false);
        self.conversion.push(&samples, &mut self.ready);
        if !more {
            self.conversion.end(&mut self.ready);
        }
        more
    }
}
