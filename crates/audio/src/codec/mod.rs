//! Codecs that turn linear samples into payload bytes and back.
//!
//! One enum and no boxes: a leg stores its codec by value and the worker's calls compile to a jump.
//! Both directions write into the caller's buffers.

mod g711;

use crate::Rate;

/// A codec, as negotiated in SDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Codec {
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
}

impl Codec {
    /// Every codec there is, most preferred first.
    pub const ALL: [Codec; 2] = [Codec::Pcmu, Codec::Pcma];

    /// The encoding name of RFC 3551 and of `a=rtpmap`.
    pub const fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
        }
    }

    /// The codec with this encoding name; names are compared without case, RFC 4855 §3.
    pub fn from_name(name: &str) -> Option<Codec> {
        Codec::ALL.into_iter().find(|codec| codec.name().eq_ignore_ascii_case(name))
    }

    /// The rate of the samples on the linear side.
    pub const fn rate(self) -> Rate {
        Rate::NARROW
    }

    /// The static payload type, RFC 3551 §6.
    pub const fn payload_type(self) -> u8 {
        match self {
            Codec::Pcmu => 0,
            Codec::Pcma => 8,
        }
    }

    /// The byte that sounds like nothing.
    pub const fn silence(self) -> u8 {
        match self {
            Codec::Pcmu => 0xFF,
            Codec::Pcma => 0xD5,
        }
    }

    /// Encodes as many samples as both slices hold and says how many bytes were written.
    pub fn encode(&self, samples: &[i16], payload: &mut [u8]) -> usize {
        match self {
            Codec::Pcmu => g711::encode(&g711::ULAW_ENCODE, samples, payload),
            Codec::Pcma => g711::encode(&g711::ALAW_ENCODE, samples, payload),
        }
    }

    /// Decodes as many bytes as both slices hold and says how many samples were written.
    pub fn decode(&self, payload: &[u8], samples: &mut [i16]) -> usize {
        match self {
            Codec::Pcmu => g711::decode(&g711::ULAW_DECODE, payload, samples),
            Codec::Pcma => g711::decode(&g711::ALAW_DECODE, payload, samples),
        }
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
    }

    #[test]
    fn silence_is_what_zero_encodes_to() {
        for codec in Codec::ALL {
            let mut payload = [0; 1];
            codec.encode(&[0], &mut payload);
            assert_eq!(payload[0], codec.silence(), "{}", codec.name());
        }
    }

    #[test]
    fn names_are_found_without_case() {
        assert_eq!(Codec::from_name("pcmu"), Some(Codec::Pcmu));
        assert_eq!(Codec::from_name("PCMA"), Some(Codec::Pcma));
        assert_eq!(Codec::from_name("opus"), None);
    }
}
