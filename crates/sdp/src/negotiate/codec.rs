//! A codec as descriptions name it, and what its packets may be like.

/// A codec by name and clock, and how we offer it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codec {
    /// The encoding name of its rtpmap, such as `PCMU`.
    pub name: String,
    /// The payload type in our own offers; in an answer the offer's counts.
    pub payload_type: u8,
    /// RTP clock rate in hertz.
    pub clock: u32,
    /// Our own parameters, as `a=fmtp` has them behind the number; empty: there is no such line.
    /// They say what we want to receive, and leave open what we send (RFC 3264 §5.1).
    pub parameters: String,
}

impl Codec {
    /// A codec from its three parts, without parameters.
    pub fn new(name: &str, payload_type: u8, clock: u32) -> Codec {
        Codec { name: name.to_owned(), payload_type, clock, parameters: String::new() }
    }

    /// The same with parameters of ours.
    pub fn with(self, parameters: impl Into<String>) -> Codec {
        Codec { parameters: parameters.into(), ..self }
    }

    /// The channels its rtpmap names: RFC 7587 §7 has Opus always say two, all our other codecs have one.
    pub(crate) fn channels(&self) -> u32 {
        if self.is_opus() { 2 } else { 1 }
    }

    pub(crate) fn is_opus(&self) -> bool {
        self.name.eq_ignore_ascii_case("opus")
    }

    /// Whether both are one codec, whatever their numbers.
    pub(crate) fn same(&self, other: &Codec) -> bool {
        self.name.eq_ignore_ascii_case(&other.name) && self.clock == other.clock
    }

    /// Whether comfort noise (RFC 3389) goes along with it: Opus has its own (RFC 7587 §3.1.3).
    pub(crate) fn takes_noise(&self) -> bool {
        !self.is_opus()
    }

    /// The longest packet in milliseconds: L16 at 16 kHz has 32 bytes a millisecond, and a packet holds 1,400, so that
    /// it fits an Ethernet frame with whatever tunnels and encryption add.
    pub(crate) fn longest_ms(&self) -> u32 {
        const MOST_BYTES: u32 = 1_400;
        match self.name.eq_ignore_ascii_case("L16") {
            true => (MOST_BYTES * 1_000 / (2 * self.clock.max(1))).clamp(10, 60) / 10 * 10,
            false => 60,
        }
    }

    /// The packet time nearest below that it has: Opus frames have 10, 20, 40 or 60 ms (RFC 6716 §2.1.4).
    pub(crate) fn packet_ms(&self, wanted: u32) -> u32 {
        let steps = wanted.clamp(10, self.longest_ms()) / 10 * 10;
        match steps {
            30 if self.is_opus() => 20,
            50 if self.is_opus() => 40,
            steps => steps,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_of_wide_linear_sound_fit_a_frame() {
        assert_eq!(Codec::new("L16", 97, 16_000).longest_ms(), 40);
        assert_eq!(Codec::new("L16", 97, 8_000).longest_ms(), 60);
        assert_eq!(Codec::new("l16", 97, 48_000).longest_ms(), 10);
        assert_eq!(Codec::new("PCMU", 0, 8_000).longest_ms(), 60);
        assert_eq!(Codec::new("L16", 97, 0).longest_ms(), 60);
    }

    #[test]
    fn opus_has_frames_of_four_lengths() {
        let opus = Codec::new("opus", 96, 48_000);
        let times: Vec<u32> = (0..=8).map(|tens| opus.packet_ms(tens * 10 + 5)).collect();
        assert_eq!(times, [10, 10, 20, 20, 40, 40, 60, 60, 60]);
    }
}
