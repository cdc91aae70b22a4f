//! Turning files into sound: WAV (PCM of 8 to 32 bits, float, A-law, µ-law, ADPCM), MP3, AAC, FLAC, ALAC, MP4, Ogg Vorbis, Ogg Opus, and headerless G.711.
//!
//! Symphonia decodes everything but Opus; a WAV's header is rewritten first, because real ones lie about their sizes.
//! [`decode`] reads a whole file, [`Reader`] a file of any length piece by piece.
//! A file that is cut off gives what is there.
//! Whatever the bytes are, the answer is sound or a [`ReadError`].

mod opus;
mod stream;
mod wav;

pub use stream::{Reader, Source};

use std::io::Cursor;
use std::time::Duration;

use crate::{Pcm, ReadError};

/// The longest sound that is decoded into memory: an hour, 58 MB at 8 kHz.
/// A small file can claim to be a very long one.
pub const LONGEST: Duration = Duration::from_secs(3_600);
/// Rates outside of these are mistakes or attacks: sound files run from 4 to 384 kHz.
const RATES: std::ops::RangeInclusive<u32> = 1_000..=384_000;
/// More channels than any layout has.
const CHANNELS: std::ops::RangeInclusive<usize> = 1..=32;

/// Decodes a whole file to mono at its own rate.
///
/// `hint` is the file name's extension, if it has one; it is needed for formats without a header only: `ulaw`, `alaw` and `sln` are 8 kHz.
///
/// # Errors
/// [`ReadError`] when not one sample could be had.
pub fn decode(bytes: Vec<u8>, hint: Option<&str>) -> Result<Pcm, ReadError> {
    let mut reader = Reader::open(Cursor::new(bytes), hint)?;
    let mut samples = Vec::new();
    loop {
        match reader.read(&mut samples) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => return Err(error),
        }
        if reader.rate().duration(samples.len()) > LONGEST {
            return Err(ReadError::TooLong);
        }
    }
    if samples.is_empty() {
        return Err(ReadError::Empty);
    }
    Ok(Pcm::new(reader.rate(), samples))
}

#[cfg(test)]
mod tests;
