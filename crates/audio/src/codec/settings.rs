//! What offer and answer can say about Opus: RFC 7587 §6.1.

use crate::Rate;

/// How Opus is to be encoded for a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OpusSettings {
    /// Bits a second; `None` leaves it to the encoder.
    pub bitrate: Option<u32>,
    /// A constant bit rate instead of a variable one.
    pub cbr: bool,
    /// Whether packets carry a coarse copy of the one before.
    pub fec: bool,
    /// Whether silence is not sent.
    pub dtx: bool,
    /// The peer plays nothing above half of this.
    pub max_playback_rate: Rate,
    /// 0 (cheap) to 10 (good).
    pub complexity: u8,
}

impl Default for OpusSettings {
    fn default() -> OpusSettings {
        OpusSettings {
            bitrate: None,
            cbr: false,
            fec: false,
            dtx: false,
            max_playback_rate: Rate::FULL,
            complexity: 5,
        }
    }
}

impl OpusSettings {
    /// Whether packets that are sent by the settings `sent` are what these ask for: no more bits a second, and a constant
    /// rate where one is wanted. What else they say is a hint that a decoder can do without (RFC 7587 §6.1).
    pub fn are_met_by(&self, sent: &OpusSettings) -> bool {
        let few = self.bitrate.is_none_or(|most| sent.bitrate.is_some_and(|sent| sent <= most));
        few && (sent.cbr || !self.cbr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_meets_what_it_is_as_strict_as() {
        let of = |bitrate, cbr| OpusSettings { bitrate, cbr, ..OpusSettings::default() };
        let (free, few, fewer) = (of(None, false), of(Some(24_000), false), of(Some(16_000), false));
        assert!(free.are_met_by(&free) && free.are_met_by(&fewer) && few.are_met_by(&few));
        assert!(few.are_met_by(&fewer) && !fewer.are_met_by(&few) && !few.are_met_by(&free));
        let constant = of(None, true);
        assert!(free.are_met_by(&constant) && constant.are_met_by(&constant) && !constant.are_met_by(&free));
        let hinted = OpusSettings { fec: true, dtx: true, max_playback_rate: Rate::NARROW, ..free };
        assert!(hinted.are_met_by(&free));
    }
}
