//! One direction of a stream, towards the wire.

use super::{Codec, CodecError, OpusSettings, g722, opus};
use crate::Rate;

/// Turns samples into packets.
#[derive(Debug)]
#[non_exhaustive]
pub enum Encoder {
    /// A codec without state.
    Stateless(Codec),
    /// G.722.
    G722(Box<g722::Encoder>),
    /// Opus.
    Opus(opus::Encoder),
}

impl Encoder {
    /// An encoder for samples of `rate`, which only Opus is free to choose; all others have [`Codec::rate`].
    /// Allocates.
    ///
    /// # Errors
    /// [`CodecError`] for a rate that the codec does not work with.
    pub fn new(codec: Codec, rate: Rate, opus: &OpusSettings) -> Result<Encoder, CodecError> {
        match codec {
            Codec::Opus => Ok(Encoder::Opus(opus::Encoder::new(rate, opus)?)),
            _ if rate != codec.rate() => Err(CodecError::Rate { codec, rate }),
            Codec::G722 => Ok(Encoder::G722(Box::default())),
            Codec::Pcmu | Codec::Pcma | Codec::L16(_) => Ok(Encoder::Stateless(codec)),
        }
    }

    /// Which codec.
    pub fn codec(&self) -> Codec {
        match self {
            Encoder::Stateless(codec) => *codec,
            Encoder::G722(_) => Codec::G722,
            Encoder::Opus(_) => Codec::Opus,
        }
    }

    /// Of the samples.
    pub fn rate(&self) -> Rate {
        match self {
            Encoder::Stateless(codec) => codec.rate(),
            Encoder::G722(_) => Codec::G722.rate(),
            Encoder::Opus(encoder) => encoder.rate(),
        }
    }

    /// Encodes a packet's samples and says how many bytes it came to; 0 if there is nothing to be sent (Opus with DTX).
    /// Opus takes 5, 10, 20, 40 or 60 ms and nothing else (RFC 6716 §2.1.4); the others encode as much as fits `payload`.
    pub fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> usize {
        match self {
            Encoder::Stateless(codec) => codec.encode(samples, payload),
            Encoder::G722(encoder) => encoder.encode(samples, payload),
            Encoder::Opus(encoder) => encoder.encode(samples, payload),
        }
    }

    /// Whether the packets that follow need as little as can be of those before them, as at the seam of what is repeated; they
    /// are larger for it.
    pub fn detach(&mut self, on: bool) {
        if let Encoder::Opus(encoder) = self {
            encoder.detach(on);
        }
    }

    /// The peer misses so many packets in a hundred: how much goes into their repair.
    pub fn expect_loss(&mut self, percent: u8) {
        if let Encoder::Opus(encoder) = self {
            encoder.expect_loss(percent);
        }
    }
}
