//! One direction of a stream, from the wire.

use super::{Codec, CodecError};
use crate::Rate;

/// Turns packets into samples.
#[derive(Debug)]
#[non_exhaustive]
pub enum Decoder {
    /// A codec without state.
    Stateless(Codec),
}

impl Decoder {
    /// A decoder to samples of `rate`, which only Opus is free to choose; all others have [`Codec::rate`].
    /// Allocates.
    ///
    /// # Errors
    /// [`CodecError`] for a rate that the codec does not work with.
    pub fn new(codec: Codec, rate: Rate) -> Result<Decoder, CodecError> {
        match codec {
            _ if codec.is_stateless() && rate == codec.rate() => Ok(Decoder::Stateless(codec)),
            Codec::G722 | Codec::Opus => Err(CodecError::Library(codec)),
            _ => Err(CodecError::Rate { codec, rate }),
        }
    }

    /// Of the samples.
    pub fn rate(&self) -> Rate {
        match self {
            Decoder::Stateless(codec) => codec.rate(),
        }
    }

    /// Decodes a packet and says how many samples it came to; 0 if it is broken.
    pub fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> usize {
        match self {
            Decoder::Stateless(codec) => codec.decode(payload, out),
        }
    }

    /// How many samples a packet will come to.
    pub fn samples(&self, payload: &[u8]) -> usize {
        match self {
            Decoder::Stateless(Codec::L16(_)) => payload.len() / 2,
            Decoder::Stateless(_) => payload.len(),
        }
    }

    /// Decodes the lost packet before `next` from what `next` carries of it. 0 if it carries nothing.
    pub fn recover(&mut self, next: &[u8], out: &mut [i16]) -> usize {
        let (_, _) = (next, out);
        0
    }

    /// Fills `out` with the codec's own guess of what was lost; `false` if it has none.
    pub fn conceal(&mut self, out: &mut [i16]) -> bool {
        let _ = out;
        false
    }

    /// Another stream begins.
    pub fn reset(&mut self) {}
}
