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
