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
    /// What the format parameters of a description (`a=fmtp`, without the payload type) ask whoever sends to its author.
    ///
    /// Parameters that are unknown, or whose value makes no sense, stay at their defaults, as do `stereo` (what is sent
    /// here is mono) and the two `sprop-` parameters (which say what its author sends, and bind nobody).
    pub fn from_fmtp(parameters: &str) -> OpusSettings {
        let mut settings = OpusSettings::default();
        for parameter in parameters.split(';') {
            let Some((name, value)) = parameter.split_once('=') else { continue };
            let (name, Ok(value)) = (name.trim(), value.trim().parse::<u32>()) else { continue };
            let is = |known: &str| name.eq_ignore_ascii_case(known);
            if is("maxplaybackrate") && value >= 8_000 {
                settings.max_playback_rate = Rate(value.min(48_000));
            } else if is("maxaveragebitrate") && (6_000..=510_000).contains(&value) {
                settings.bitrate = Some(value);
            } else if is("cbr") {
                settings.cbr = value == 1;
            } else if is("useinbandfec") {
                settings.fec = value == 1;
            } else if is("usedtx") {
                settings.dtx = value == 1;
            }
        }
        settings
    }

    /// The parameters that ask for these settings; empty if they are the defaults.
    /// Complexity is nobody else's business and does not show.
    pub fn to_fmtp(&self) -> String {
        let defaults = OpusSettings::default();
        let mut parameters = Vec::new();
        if self.max_playback_rate != defaults.max_playback_rate {
            parameters.push(format!("maxplaybackrate={}", self.max_playback_rate.0));
        }
        if let Some(bitrate) = self.bitrate {
            parameters.push(format!("maxaveragebitrate={bitrate}"));
        }
        for (name, is_on) in [("cbr", self.cbr), ("useinbandfec", self.fec), ("usedtx", self.dtx)] {
            if is_on {
                parameters.push(format!("{name}=1"));
            }
        }
        parameters.join(";")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_and_written() {
        let text = "maxplaybackrate=16000;maxaveragebitrate=20000;cbr=1;useinbandfec=1;usedtx=1";
        let settings = OpusSettings::from_fmtp(text);
        assert_eq!(
            settings,
            OpusSettings {
                bitrate: Some(20_000),
                cbr: true,
                fec: true,
                dtx: true,
                max_playback_rate: Rate::WIDE,
                complexity: OpusSettings::default().complexity,
            }
        );
        assert_eq!(settings.to_fmtp(), text);
        assert_eq!(OpusSettings::default().to_fmtp(), "");
    }

    #[test]
    fn what_makes_no_sense_is_left_at_its_default() {
        for text in [
            "",
            ";;=;",
            "stereo=1; sprop-stereo=1; sprop-maxcapturerate=8000",
            "maxplaybackrate=0;maxaveragebitrate=1;cbr=2;useinbandfec=yes;usedtx",
            "maxaveragebitrate=99999999999;maxplaybackrate=-8000",
        ] {
            assert_eq!(OpusSettings::from_fmtp(text), OpusSettings::default(), "{text}");
        }
        let spaced = OpusSettings::from_fmtp(" UseInbandFEC = 1 ; maxplaybackrate=96000 ");
        assert!(spaced.fec);
        assert_eq!(spaced.max_playback_rate, Rate::FULL);
    }
}
