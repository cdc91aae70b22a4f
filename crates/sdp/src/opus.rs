//! The parameters of Opus, RFC 7587 §6.1: what one end says limits what the other sends.

/// What an end says about the Opus it wants to receive, and that it will send.
///
/// Both ends say theirs, and they need not agree (RFC 7587 §7.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opus {
    /// Hertz of sound that it can play; more is wasted on it.
    pub max_playback_rate: u32,
    /// Hertz of sound that it is likely to send: a hint.
    pub max_capture_rate: u32,
    /// Bits a second that it wants at most, if it says; 6,000 to 510,000.
    pub max_average_bitrate: Option<u32>,
    /// Whether it would rather have stereo.
    pub stereo: bool,
    /// Whether it wants a constant bit rate.
    pub cbr: bool,
    /// Whether it makes use of forward error correction.
    pub fec: bool,
    /// Whether it would like silence not to be sent.
    pub dtx: bool,
}

impl Default for Opus {
    /// What an end means that says nothing.
    fn default() -> Opus {
        Opus {
            max_playback_rate: 48_000,
            max_capture_rate: 48_000,
            max_average_bitrate: None,
            stereo: false,
            cbr: false,
            fec: false,
            dtx: false,
        }
    }
}

impl Opus {
    /// Reads what stands behind the number in `a=fmtp`. Unknown parameters are ignored, as RFC 7587 §6.1 asks; values
    /// out of range count as unsaid or as the nearest that is in range.
    pub fn read(parameters: &str) -> Opus {
        let mut read = Opus::default();
        for part in parameters.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
            let number = value.parse::<u32>().ok();
            let rate = number.map(|rate| rate.clamp(8_000, 48_000));
            match name.as_str() {
                "maxplaybackrate" => read.max_playback_rate = rate.unwrap_or(read.max_playback_rate),
                "sprop-maxcapturerate" => read.max_capture_rate = rate.unwrap_or(read.max_capture_rate),
                "maxaveragebitrate" => {
                    read.max_average_bitrate = number.map(|bits| bits.clamp(6_000, 510_000));
                }
                "stereo" => read.stereo = value == "1",
                "cbr" => read.cbr = value == "1",
                "useinbandfec" => read.fec = value == "1",
                "usedtx" => read.dtx = value == "1",
                _ => {}
            }
        }
        read
    }
}

impl std::fmt::Display for Opus {
    /// The parameters that differ from what silence means: `maxplaybackrate=16000;useinbandfec=1`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let usual = Opus::default();
        let number = |name, value: u32, usual: u32| (value != usual).then(|| format!("{name}={value}"));
        let flag = |name, value: bool| value.then(|| format!("{name}=1"));
        let parts = [
            number("maxplaybackrate", self.max_playback_rate, usual.max_playback_rate),
            number("sprop-maxcapturerate", self.max_capture_rate, usual.max_capture_rate),
            self.max_average_bitrate.map(|bits| format!("maxaveragebitrate={bits}")),
            flag("stereo", self.stereo),
            flag("cbr", self.cbr),
            flag("useinbandfec", self.fec),
            flag("usedtx", self.dtx),
        ];
        f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(";"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_as_the_rfc_has_it() {
        assert_eq!(Opus::read(""), Opus::default());
        assert_eq!(Opus::read("minptime=10; x=y;;=;useinbandfec").to_string(), "");
        assert_eq!(Opus::default().max_playback_rate, 48_000);
    }

    #[test]
    fn every_parameter_is_read_and_written() {
        let text = "maxplaybackrate=16000;sprop-maxcapturerate=8000;maxaveragebitrate=20000;stereo=1;cbr=1;useinbandfec=1;usedtx=1";
        let opus = Opus::read(text);
        assert_eq!(
            opus,
            Opus {
                max_playback_rate: 16_000,
                max_capture_rate: 8_000,
                max_average_bitrate: Some(20_000),
                stereo: true,
                cbr: true,
                fec: true,
                dtx: true,
            }
        );
        assert_eq!(opus.to_string(), text);
        // As phones write it.
        assert_eq!(Opus::read("minptime=10;useinbandfec=1"), Opus { fec: true, ..Opus::default() });
        assert_eq!(Opus::read("  UseInbandFEC = 1 ; usedtx=0 "), Opus { fec: true, ..Opus::default() });
        assert_eq!(Opus::read("useinbandfec=1; usedtx=1"), Opus { fec: true, dtx: true, ..Opus::default() });
    }

    #[test]
    fn numbers_out_of_range_are_brought_into_it() {
        let bits = |text: &str| Opus::read(text).max_average_bitrate;
        assert_eq!(bits("maxaveragebitrate=1"), Some(6_000));
        assert_eq!(bits("maxaveragebitrate=9999999"), Some(510_000));
        assert_eq!(bits("maxaveragebitrate=99999999999"), None);
        assert_eq!(Opus::read("maxplaybackrate=0").max_playback_rate, 8_000);
        assert_eq!(Opus::read("maxplaybackrate=96000").max_playback_rate, 48_000);
    }
}
