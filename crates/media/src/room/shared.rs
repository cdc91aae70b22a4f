//! What silent listeners hear, encoded once for all of them that have it encoded in the same manner.

use audio::Rate;
use audio::codec::{Codec, CodecError, Encoder, MAX_PAYLOAD, OpusSettings};
use audio::resample::Resampler;

use super::{samples, succeed};

/// How a packet of 20 ms is encoded. Listeners of one manner can have the same packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Manner {
    pub(crate) codec: Codec,
    pub(crate) rate: Rate,
    /// Of Opus only; for other codecs always the same.
    opus: OpusSettings,
}

impl Manner {
    pub(crate) fn new(codec: Codec, rate: Rate, opus: OpusSettings) -> Manner {
        let opus = if codec == Codec::Opus { opus } else { OpusSettings::default() };
        Manner { codec, rate, opus }
    }
}

/// The encoder of one manner, and the packet of this turn.
pub(crate) struct Shared {
    manner: Manner,
    encoder: Encoder,
    /// From the room's rate to the listeners', with a frame at theirs.
    resampler: Option<Resampler>,
    frame: Box<[i16]>,
    payload: Box<[u8]>,
    /// The packet's length, once somebody asked for it.
    len: Option<usize>,
    /// Packets encoded.
    #[cfg(test)]
    pub(crate) encoded: u64,
}

impl Shared {
    /// For a room of `rate`. Allocates.
    pub(crate) fn new(manner: Manner, rate: Rate) -> Result<Shared, CodecError> {
        Ok(Shared {
            manner,
            encoder: Encoder::new(manner.codec, manner.rate, &manner.opus)?,
            resampler: Resampler::between(rate, manner.rate),
            frame: vec![0; samples(manner.rate)].into(),
            payload: vec![0; MAX_PAYLOAD].into(),
            len: None,
            #[cfg(test)]
            encoded: 0,
        })
    }

    pub(crate) fn manner(&self) -> Manner {
        self.manner
    }

    /// The room goes on at another rate, of which `resampler` leads to the listeners'; `last` is what they heard last.
    pub(super) fn fit(&mut self, resampler: &mut Option<Resampler>, last: &[i16]) {
        succeed(&mut self.resampler, resampler, last);
    }

    /// A turn begins.
    pub(crate) fn open(&mut self) {
        self.len = None;
    }

    /// The packet; empty if there is nothing to be sent.
    pub(crate) fn payload(&mut self, common: &[i16]) -> &[u8] {
        let len = match self.len {
            Some(len) => len,
            None => {
                let frame = match &mut self.resampler {
                    Some(resampler) => {
                        resampler.process(common, &mut self.frame);
                        &*self.frame
                    }
                    None => common,
                };
                let len = self.encoder.encode(frame, &mut self.payload);
                #[cfg(test)]
                {
                    self.encoded += 1;
                }
                *self.len.insert(len)
            }
        };
        self.payload.get(..len).unwrap_or_default()
    }
}
