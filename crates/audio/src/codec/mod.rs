//! Codecs: what they are called, and what turns linear samples into packets and back.
//!
//! [`Codec`] is the name; [`Encoder`] and [`Decoder`] are one direction of one stream, enums and no boxes where the codec
//! has no state.
//! Making one may allocate; encoding and decoding do not, and write into the caller's buffers.

mod decoder;
mod encoder;
mod g711;
mod g722;
mod l16;
mod opus;
mod settings;

pub use decoder::Decoder;
pub use encoder::Encoder;
pub use settings::OpusSettings;

use crate::Rate;

/// The longest payload of a packet, in bytes: what fits an Ethernet frame beside IPv6, UDP, RTP and an SRTP tag.
pub const MAX_PAYLOAD: usize = 1_400;

/// A codec, as negotiated in SDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// G.722 at 64 kbit/s.
    G722,
    /// Opus, RFC 6716 and 7587.
    Opus,
    /// Linear samples, RFC 3551 §4.5.11.
    L16(Rate),
}

/// Why there is no encoder or decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The codec does not work with samples of this rate.
    #[error("{} does not work with samples of {rate}", .codec.name())]
    Rate {
        /// Which.
        codec: Codec,
        /// That was asked for.
        rate: Rate,
    },
    /// The codec's library refused.
    #[error("{} is not to be had", .0.name())]
    Library(Codec),
}

impl Codec {
    /// Every codec there is; L16 at the rates that telephony uses.
    pub const ALL: [Codec; 6] = [
        Codec::Opus,
        Codec::G722,
        Codec::Pcmu,
        Codec::Pcma,
        Codec::L16(Rate::WIDE),
        Codec::L16(Rate::NARROW),
    ];

    /// The encoding name of RFC 3551 and of `a=rtpmap`.
    pub const fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
            Codec::G722 => "G722",
            Codec::Opus => "opus",
            Codec::L16(_) => "L16",
        }
    }

    /// The codec with this encoding name and RTP clock; names are compared without case, RFC 4855 §3.
    pub fn from_name(name: &str, clock: u32) -> Option<Codec> {
        let all = [Codec::Pcmu, Codec::Pcma, Codec::G722, Codec::Opus, Codec::L16(Rate(clock))];
        all.into_iter().find(|codec| codec.name().eq_ignore_ascii_case(name) && codec.clock() == clock)
    }

    /// Ticks a second of its RTP timestamps. G.722's are half its samples, by an old mistake (RFC 3551 §4.5.2).
    pub const fn clock(self) -> u32 {
        match self {
            Codec::Pcmu | Codec::Pcma | Codec::G722 => 8_000,
            Codec::Opus => 48_000,
            Codec::L16(rate) => rate.0,
        }
    }

    /// The rate of the samples on the linear side; Opus works at others too.
    pub const fn rate(self) -> Rate {
        match self {
            Codec::Pcmu | Codec::Pcma => Rate::NARROW,
            Codec::G722 => Rate::WIDE,
            Codec::Opus => Rate::FULL,
            Codec::L16(rate) => rate,
        }
    }

    /// The static payload type, RFC 3551 §6; `None` if its number is agreed on in each call.
    pub const fn payload_type(self) -> Option<u8> {
        match self {
            Codec::Pcmu => Some(0),
            Codec::Pcma => Some(8),
            Codec::G722 => Some(9),
            Codec::Opus | Codec::L16(_) => None,
        }
    }

    /// Payload bytes of a millisecond, for codecs whose payload can be cut between any two samples;
    /// `None` for those whose packets are wholes.
    pub const fn bytes_per_ms(self) -> Option<usize> {
        match self {
            Codec::Pcmu | Codec::Pcma | Codec::G722 => Some(8),
            Codec::L16(rate) => Some(rate.0 as usize / 1_000 * 2),
            Codec::Opus => None,
        }
    }

    /// How long a packet is in ticks of the codec's clock, by what it says itself; 0 if it is broken.
    pub fn ticks(self, payload: &[u8]) -> usize {
        match self {
            Codec::Pcmu | Codec::Pcma | Codec::G722 => payload.len(),
            Codec::L16(_) => payload.len() / 2,
            Codec::Opus => opus::ticks(payload),
        }
    }

    /// The byte that sounds like nothing, or like next to nothing; of codecs with [`Codec::bytes_per_ms`].
    pub const fn silence(self) -> u8 {
        match self {
            Codec::Pcmu => 0xFF,
            Codec::Pcma => 0xD5,
            // Both bands' smallest step up: by none in the lower one, and by less than 1 once the steps have shrunk.
            Codec::G722 => 0xFC,
            Codec::Opus | Codec::L16(_) => 0,
        }
    }

    /// Writes a packet of so many milliseconds (10 to 60, in fives) of silence and says how many bytes it came to.
    pub fn write_silence(self, ms: usize, payload: &mut [u8]) -> usize {
        if let Some(per_ms) = self.bytes_per_ms() {
            let n = payload.len().min(ms * per_ms);
            payload[..n].fill(self.silence());
            return n;
        }
        // RFC 6716 §3.1: CELT, full band, mono, frames of 20, 10 or 5 ms (configurations 31, 30, 29); §3.2.5: as many
        // of them as it takes, all of one length (code 3). Each frame is the range coder's two bytes for silence.
        let (configuration, frames) = match ms {
            _ if ms.is_multiple_of(20) => (31u8, ms / 20),
            _ if ms.is_multiple_of(10) => (30, ms / 10),
            _ => (29, ms / 5),
        };
        let mut bytes = [0xFE; 2 + 2 * 12];
        (bytes[0], bytes[1]) = (configuration << 3 | 3, frames as u8);
        let n = (2 + 2 * frames).min(bytes.len()).min(payload.len());
        bytes[2..].iter_mut().step_by(2).for_each(|byte| *byte = 0xFF);
        payload[..n].copy_from_slice(&bytes[..n]);
        n
    }

    /// Encodes with a codec that has no state (G.711, L16) as many samples as both slices hold; the others, which need
    /// an [`Encoder`], write nothing. Says how many bytes were written.
    pub fn encode(self, samples: &[i16], payload: &mut [u8]) -> usize {
        match self {
            Codec::Pcmu => g711::encode_ulaw(samples, payload),
            Codec::Pcma => g711::encode_alaw(samples, payload),
            Codec::L16(_) => l16::encode(samples, payload),
            Codec::G722 | Codec::Opus => 0,
        }
    }

    /// Decodes with a codec that has no state (G.711, L16) as many bytes as both slices hold; the others, which need a
    /// [`Decoder`], write nothing. Says how many samples were written.
    pub fn decode(self, payload: &[u8], samples: &mut [i16]) -> usize {
        match self {
            Codec::Pcmu => g711::decode(&g711::ULAW_DECODE, payload, samples),
            Codec::Pcma => g711::decode(&g711::ALAW_DECODE, payload, samples),
            Codec::L16(_) => l16::decode(payload, samples),
            Codec::G722 | Codec::Opus => 0,
        }
    }

    /// Whether [`Codec::encode`] and [`Codec::decode`] are all there is to it.
    pub const fn is_stateless(self) -> bool {
        matches!(self, Codec::Pcmu | Codec::Pcma | Codec::L16(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shorter_buffer_limits_what_is_coded() {
        let mut payload = [0; 3];
        assert_eq!(Codec::Pcmu.encode(&[0; 160], &mut payload), 3);
        let mut samples = [1; 2];
        assert_eq!(Codec::Pcma.decode(&payload, &mut samples), 2);
        assert_eq!(
            Codec::L16(Rate::WIDE).encode(&[258; 4], &mut payload),
            2,
            "a sample is whole or not there"
        );
        assert_eq!(payload[..2], [1, 2]);
    }

    #[test]
    fn a_packet_says_how_long_it_is() {
        for codec in Codec::ALL {
            for ms in [10, 20, 60] {
                let mut payload = [0; MAX_PAYLOAD * 2];
                let n = codec.write_silence(ms, &mut payload);
                assert_eq!(codec.ticks(&payload[..n]), codec.clock() as usize / 1_000 * ms, "{codec:?}");
            }
            assert_eq!(codec.ticks(&[]), 0);
        }
    }

    #[test]
    fn silence_is_what_zero_encodes_to() {
        for codec in [Codec::Pcmu, Codec::Pcma, Codec::L16(Rate::NARROW)] {
            let mut payload = [9; 2];
            codec.encode(&[0, 0], &mut payload);
            assert_eq!(payload[0], codec.silence(), "{}", codec.name());
        }
    }

    #[test]
    fn names_are_found_without_case_and_by_their_clock() {
        assert_eq!(Codec::from_name("pcmu", 8_000), Some(Codec::Pcmu));
        assert_eq!(Codec::from_name("PCMA", 8_000), Some(Codec::Pcma));
        assert_eq!(Codec::from_name("PCMA", 16_000), None);
        assert_eq!(Codec::from_name("g722", 8_000), Some(Codec::G722));
        assert_eq!(Codec::from_name("OPUS", 48_000), Some(Codec::Opus));
        assert_eq!(Codec::from_name("L16", 16_000), Some(Codec::L16(Rate::WIDE)));
        assert_eq!(Codec::from_name("speex", 8_000), None);
    }
}
