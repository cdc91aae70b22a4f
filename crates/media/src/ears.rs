//! A leg's ears: packets in as they come, samples out at an even pace.
//!
//! Made on the engine's side, because making them allocates; a worker only uses them and hands them back.

use std::time::Duration;

use audio::Rate;
use audio::codec::{Codec, CodecError, Decoder, Encoder};
use rtp::jitter::{Buffer, Inserted};
use rtp::{RtpTime, Seq};

use crate::command::LegSetup;

/// How much sound is kept back so that late packets are in time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delay {
    pub(crate) start: Duration,
    pub(crate) most: Duration,
}

impl Delay {
    /// For a recorder or an echo: two packets to begin with.
    pub(crate) const PATIENT: Delay =
        Delay { start: Duration::from_millis(40), most: Duration::from_millis(200) };

    /// For people who talk to each other.
    pub(crate) const CONVERSATION: Delay =
        Delay { start: Duration::from_millis(20), most: Duration::from_millis(140) };
}

/// What a leg needs that hears, and speaks from samples.
#[derive(Debug)]
pub(crate) struct Kit {
    pub(crate) ears: Box<Ears>,
    /// For what is said from samples; a recorder has none.
    pub(crate) encoder: Option<Encoder>,
}

impl Kit {
    /// To hear.
    pub(crate) fn to_hear(setup: &LegSetup, delay: Delay) -> Result<Kit, CodecError> {
        Ok(Kit { ears: Box::new(Ears::new(setup.codec, setup.rate, delay)?), encoder: None })
    }

    /// To hear and to speak from samples.
    pub(crate) fn to_talk(setup: &LegSetup, delay: Delay) -> Result<Kit, CodecError> {
        let encoder = Encoder::new(setup.codec, setup.rate, &setup.opus)?;
        Ok(Kit { encoder: Some(encoder), ..Kit::to_hear(setup, delay)? })
    }
}

/// The jitter buffer and the decoder of an incoming stream.
#[derive(Debug)]
pub(crate) struct Ears {
    codec: Codec,
    decoder: Decoder,
    buffer: Buffer,
}

/// The longest packet read at once, in bytes.
const LONGEST: usize = 480;

impl Ears {
    /// Ears for packets of `codec` that give samples of `rate`.
    pub(crate) fn new(codec: Codec, rate: Rate, delay: Delay) -> Result<Ears, CodecError> {
        let decoder = Decoder::new(codec, rate)?;
        Ok(Ears { codec, decoder, buffer: Buffer::new(codec.clock(), delay.start, delay.most) })
    }

    /// Whether they understand what `setup` says is sent, and give what the leg works with.
    pub(crate) fn is_for(&self, setup: &LegSetup) -> bool {
        self.codec == setup.codec && self.rate() == setup.rate
    }

    /// Of the samples.
    pub(crate) fn rate(&self) -> Rate {
        self.decoder.rate()
    }

    /// A packet arrived.
    pub(crate) fn insert(&mut self, seq: Seq, timestamp: RtpTime, payload: &[u8]) -> Inserted {
        self.buffer.insert(seq, timestamp, payload)
    }

    /// The next samples: `out` is always filled.
    pub(crate) fn read(&mut self, out: &mut [i16]) {
        let bytes = out.len() * self.codec.clock() as usize / self.rate().0.max(1) as usize;
        let mut payload = [0; LONGEST];
        let payload = &mut payload[..bytes.min(LONGEST)];
        payload.fill(self.codec.silence());
        self.buffer.read(payload);
        let n = self.decoder.decode(payload, out);
        out.get_mut(n..).unwrap_or_default().fill(0);
    }

    /// Another stream begins.
    pub(crate) fn reset(&mut self) {
        self.buffer.reset();
        self.decoder.reset();
    }

    /// How much is held ahead of the reader.
    pub(crate) fn depth(&self) -> Duration {
        self.buffer.depth()
    }
}
