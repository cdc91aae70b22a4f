//! One direction of a stream, from the wire.

use super::{Codec, CodecError, g722, opus};
use crate::Rate;

/// Turns packets into samples.
#[derive(Debug)]
#[non_exhaustive]
pub enum Decoder {
    /// A codec without state.
    Stateless(Codec),
    /// G.722.
    G722(Box<g722::Decoder>),
    /// Opus.
    Opus(opus::Decoder),
}

impl Decoder {
    /// A decoder to samples of `rate`, which only Opus is free to choose; all others have [`Codec::rate`].
    /// Allocates.
    ///
    /// # Errors
    /// [`CodecError`] for a rate that the codec does not work with.
    pub fn new(codec: Codec, rate: Rate) -> Result<Decoder, CodecError> {
        match codec {
            Codec::Opus => Ok(Decoder::Opus(opus::Decoder::new(rate)?)),
            _ if rate != codec.rate() => Err(CodecError::Rate { codec, rate }),
            Codec::G722 => Ok(Decoder::G722(Box::default())),
            Codec::Pcmu | Codec::Pcma | Codec::L16(_) => Ok(Decoder::Stateless(codec)),
        }
    }

    /// Of the samples.
    pub fn rate(&self) -> Rate {
        match self {
            Decoder::Stateless(codec) => codec.rate(),
            Decoder::G722(_) => Codec::G722.rate(),
            Decoder::Opus(decoder) => decoder.rate(),
        }
    }

    /// Decodes a packet and says how many samples it came to; 0 if it is broken.
    /// Opus packets must fit `out` as a whole; of the others as much is decoded as fits.
    pub fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> usize {
        match self {
            Decoder::Stateless(codec) => codec.decode(payload, out),
            Decoder::G722(decoder) => decoder.decode(payload, out),
            Decoder::Opus(decoder) => decoder.decode(payload, out),
        }
    }

    /// How many samples a packet will come to; 0 if it is broken.
    pub fn samples(&self, payload: &[u8]) -> usize {
        match self {
            Decoder::Stateless(Codec::L16(_)) => payload.len() / 2,
            Decoder::Stateless(_) => payload.len(),
            Decoder::G722(_) => payload.len() * 2,
            Decoder::Opus(decoder) => decoder.samples(payload),
        }
    }

    /// Decodes the `out.len()` samples that were lost right before `next` from what `next` carries of them (Opus with
    /// FEC); 0, and nothing done, if it carries nothing.
    pub fn recover(&mut self, next: &[u8], out: &mut [i16]) -> usize {
        match self {
            Decoder::Opus(decoder) => decoder.recover(next, out),
            Decoder::Stateless(_) | Decoder::G722(_) => 0,
        }
    }

    /// Fills `out` with the codec's own guess of what was lost; `false`, and nothing done, if it has none.
    pub fn conceal(&mut self, out: &mut [i16]) -> bool {
        match self {
            Decoder::Opus(decoder) => decoder.conceal(out),
            Decoder::Stateless(_) | Decoder::G722(_) => false,
        }
    }

    /// Another stream begins.
    pub fn reset(&mut self) {
        match self {
            Decoder::Stateless(_) => {}
            Decoder::G722(decoder) => **decoder = g722::Decoder::default(),
            Decoder::Opus(decoder) => decoder.reset(),
        }
    }
}
