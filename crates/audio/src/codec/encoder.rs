//! One direction of a stream, towards the wire.

use super::{Codec, CodecError, OpusSettings};
use crate::Rate;

/// Turns samples into packets.
#[derive(Debug)]
#[non_exhaustive]
pub enum Encoder {
    /// A codec without state.
    Stateless(Codec),
}

impl Encoder {
    /// An encoder for samples of `rate`, which only Opus is free to choose; all others have [`Codec::rate`].
    /// Allocates.
    ///
    /// # Errors
    /// [`CodecError`] for a rate that the codec does not work with.
    pub fn new(codec: Codec, rate: Rate, opus: &OpusSettings) -> Result<Encoder, CodecError> {
        let _ = opus;
        match codec {
            _ if codec.is_stateless() && rate == codec.rate() => Ok(Encoder::Stateless(codec)),
            Codec::G722 | Codec::Opus => Err(CodecError::Library(codec)),
            _ => Err(CodecError::Rate { codec, rate }),
        }
    }

    /// Which codec.
    pub fn codec(&self) -> Codec {
        match self {
            Encoder::Stateless(codec) => *codec,
        }
    }

    /// Of the samples.
    pub fn rate(&self) -> Rate {
        match self {
            Encoder::Stateless(codec) => codec.rate(),
        }
    }

    /// Encodes a packet's samples and says how many bytes it came to; 0 if there is nothing to be sent (Opus with DTX).
    pub fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> usize {
        match self {
            Encoder::Stateless(codec) => codec.encode(samples, payload),
        }
    }

    /// The peer misses so many packets in a hundred: how much goes into their repair.
    pub fn expect_loss(&mut self, percent: u8) {
        let _ = percent;
    }
}
