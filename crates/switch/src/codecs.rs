//! What this switch speaks: the codecs in their order, how Opus is encoded, packet times, comfort noise.

use std::sync::Arc;

use audio::Rate;
use audio::codec::{Codec, OpusSettings};
use sdp::negotiate;
use store::Dtmf;

use crate::encryption::Encryption;

/// The settings of `[media]` that session descriptions are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codecs {
    /// Most wanted first; the order counts in our offers, and in answers the peer's does.
    pub order: Vec<Codec>,
    /// What Opus is encoded with, as far as the peer lets it: its own wishes limit these.
    pub opus: OpusSettings,
    /// The rate at which legs with Opus work, unless the other party has a narrowband codec.
    pub opus_rate: Rate,
    /// What of silence is told by comfort noise (RFC 3389).
    pub comfort_noise: ComfortNoise,
    /// How much calls are encrypted.
    pub encryption: Encryption,
    /// Milliseconds a packet, where the peer does not say: 10 to 60.
    pub ptime_ms: u32,
    /// Where keys are listened for in the sound.
    pub inband_dtmf: InbandDtmf,
    /// How keys go to the far end, as its trunk, user or device has it.
    pub dtmf: Dtmf,
}

/// What of silence is told by comfort noise (RFC 3389): a description of it now and then in place of its packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ComfortNoise {
    /// Nothing: our descriptions do not name it.
    Off,
    /// That of the far end. We send silence as packets: phones that take missing packets for a dead line, recorders that
    /// do not look at timestamps and scripts that count packets are common, and what a silent packet costs is little.
    #[default]
    Heard,
    /// Ours too, where the far end has agreed to it and a leg has nothing to say.
    Sent,
}

/// Where keys are listened for in the sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InbandDtmf {
    /// Of peers that do not take telephone-events.
    #[default]
    Auto,
    /// Of all.
    Always,
    /// Of none.
    Never,
}

impl Default for Codecs {
    fn default() -> Codecs {
        Codecs {
            order: vec![Codec::Opus, Codec::G722, Codec::Pcmu, Codec::Pcma],
            opus: OpusSettings { fec: true, ..OpusSettings::default() },
            opus_rate: Rate::WIDE,
            comfort_noise: ComfortNoise::default(),
            encryption: Encryption::default(),
            ptime_ms: 20,
            inband_dtmf: InbandDtmf::default(),
            dtmf: Dtmf::default(),
        }
    }
}

/// The codec that a setting means by this name: `opus`, `G722`, `PCMU`, `PCMA`, `L16/16000` (or `L16`), `L16/8000`.
pub fn codec_named(name: &str) -> Option<Codec> {
    let (name, clock) = name.trim().split_once('/').map_or((name.trim(), None), |(n, c)| (n, Some(c)));
    let usual = if name.eq_ignore_ascii_case("opus") {
        Rate::FULL
    } else if name.eq_ignore_ascii_case("L16") {
        Rate::WIDE
    } else {
        Rate::NARROW
    };
    let clock = clock.map_or(Some(usual.hertz()), |clock| clock.parse().ok())?;
    let codec = Codec::from_name(name, clock)?;
    // Of linear sound the rates that phones have, whose packets fit a frame.
    match codec {
        Codec::L16(rate) if ![Rate::NARROW, Rate::WIDE].contains(&rate) => None,
        codec => Some(codec),
    }
}

impl Codecs {
    /// At which rooms are recorded at least: wide where any of the codecs is, so that the file is that wide throughout,
    /// whoever comes first.
    pub(crate) fn tape_rate(&self) -> Rate {
        let widest = self.order.iter().map(|codec| self.rate(*codec, None)).max();
        if widest.is_some_and(|rate| rate > Rate::NARROW) { Rate::WIDE } else { Rate::NARROW }
    }

    /// The same, with the codecs that `names` has, in that order; all of ours if it names none of them.
    pub(crate) fn in_order(&self, names: &[String]) -> Codecs {
        let named = names.iter().filter_map(|name| codec_named(name));
        let order: Vec<Codec> = named.filter(|codec| self.order.contains(codec)).collect();
        if order.is_empty() { self.clone() } else { Codecs { order, ..self.clone() } }
    }

    /// The same, with this codec and packet time before all others: those of the party on whose behalf we call, so that
    /// its packets can be passed on as they are.
    pub(crate) fn led_by(&self, codec: Codec, ptime_ms: u32) -> Codecs {
        let mut order = self.order.clone();
        order.sort_by_key(|other| *other != codec);
        Codecs { order, ptime_ms, ..self.clone() }
    }

    /// The same, for a far end to which keys go so.
    pub(crate) fn pressed_by(self: Arc<Codecs>, dtmf: Dtmf) -> Arc<Codecs> {
        if self.dtmf == dtmf { self } else { Arc::new(Codecs { dtmf, ..Codecs::clone(&self) }) }
    }

    /// The codecs as our offers have them. Those without a number of their own take dynamic ones, from 107 on: 101 is
    /// everyone's telephone-event.
    pub(crate) fn described(&self) -> Vec<negotiate::Codec> {
        let mut dynamic = 107..=127;
        let codecs = self.order.iter().filter_map(|codec| {
            let number = codec.payload_type().or_else(|| dynamic.next())?;
            let described = negotiate::Codec::new(codec.name(), number, codec.clock());
            Some(match codec {
                Codec::Opus => described.with(self.wanted_of_opus().to_string()),
                _ => described,
            })
        });
        codecs.collect()
    }

    /// What we say of the Opus that we want to receive. Its band is left to the peer: its packets may go on to a party
    /// that plays more of it than we hear.
    fn wanted_of_opus(&self) -> sdp::Opus {
        sdp::Opus {
            max_average_bitrate: self.opus.bitrate,
            fec: self.opus.fec,
            dtx: self.opus.dtx,
            ..sdp::Opus::default()
        }
    }

    /// Whether keys are listened for in the sound of a peer with or without telephone-events.
    pub(crate) fn hears_keys(&self, events: bool) -> bool {
        match (self.dtmf, self.inband_dtmf) {
            // What is said of one far end goes before what is said of all.
            (Dtmf::Inband, _) | (_, InbandDtmf::Always) => true,
            (Dtmf::Events, InbandDtmf::Auto) | (_, InbandDtmf::Never) => false,
            (Dtmf::Auto | Dtmf::Info, InbandDtmf::Auto) => !events,
        }
    }

    /// How to encode for a peer that says this of the Opus it wants to receive (RFC 7587 §6.1).
    pub(crate) fn toward(&self, parameters: &str) -> OpusSettings {
        let theirs = sdp::Opus::read(parameters);
        let bitrates = [self.opus.bitrate, theirs.max_average_bitrate];
        // A rate between two that Opus has is played with the higher one.
        let rates = [8_000, 12_000, 16_000, 24_000];
        let playback = rates.into_iter().find(|rate| *rate >= theirs.max_playback_rate).unwrap_or(48_000);
        OpusSettings {
            bitrate: bitrates.into_iter().flatten().min(),
            cbr: self.opus.cbr || theirs.cbr,
            fec: self.opus.fec && theirs.fec,
            dtx: self.opus.dtx && theirs.dtx,
            max_playback_rate: Rate(playback.min(self.opus.max_playback_rate.hertz())),
            ..self.opus
        }
    }

    /// The rate at which a leg with `codec` hears and speaks, together with a party of codec `partner`, if there is one:
    /// two narrow parties need no wide sound between them.
    pub(crate) fn rate(&self, codec: Codec, partner: Option<Codec>) -> Rate {
        match codec {
            Codec::Opus if partner.is_some_and(|partner| partner.rate() == Rate::NARROW) => Rate::NARROW,
            Codec::Opus => self.opus_rate,
            codec => codec.rate(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Codecs {
        let order = vec![Codec::Opus, Codec::G722, Codec::Pcmu, Codec::Pcma, Codec::L16(Rate::WIDE)];
        Codecs { order, ..Codecs::default() }
    }

    #[test]
    fn every_name_that_the_settings_know_is_a_codec() {
        for name in store::CODECS {
            assert!(codec_named(name).is_some(), "{name}");
            assert!(codec_named(&name.to_lowercase()).is_some(), "{name}");
        }
        assert_eq!(codec_named("L16"), Some(Codec::L16(Rate::WIDE)));
        assert_eq!(codec_named(" opus/48000 "), Some(Codec::Opus));
        for name in ["", "G729", "L16/44100", "L16/48000", "PCMU/16000", "opus/8000", "L16/x"] {
            assert_eq!(codec_named(name), None, "{name}");
        }
    }

    #[test]
    fn a_trunk_has_its_own_order() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(all().in_order(&names(&["PCMA", "opus"])).order, [Codec::Pcma, Codec::Opus]);
        assert_eq!(all().in_order(&names(&["G729"])).order, all().order);
        assert_eq!(all().in_order(&[]).order, all().order);
    }

    #[test]
    fn the_callers_codec_leads() {
        let led = all().led_by(Codec::Pcmu, 30);
        assert_eq!(led.order[..3], [Codec::Pcmu, Codec::Opus, Codec::G722]);
        assert_eq!((led.order.len(), led.ptime_ms), (5, 30));
        // One that is not ours is not offered.
        assert_eq!(all().led_by(Codec::L16(Rate::NARROW), 20).order, all().order);
    }

    #[test]
    fn what_the_peer_says_limits_what_we_send() {
        let mut ours = all();
        ours.opus = OpusSettings { bitrate: Some(24_000), fec: true, dtx: true, ..OpusSettings::default() };
        let toward = |parameters: &str| ours.toward(parameters);
        assert_eq!(toward("maxaveragebitrate=16000").bitrate, Some(16_000));
        assert_eq!(toward("maxaveragebitrate=64000").bitrate, Some(24_000));
        let plain = toward("");
        assert_eq!((plain.fec, plain.dtx, plain.cbr, plain.bitrate), (false, false, false, Some(24_000)));
        let asked = toward("useinbandfec=1;usedtx=1;cbr=1;maxplaybackrate=8000");
        assert_eq!((asked.fec, asked.dtx, asked.cbr), (true, true, true));
        assert_eq!(asked.max_playback_rate, Rate(8_000));
        assert_eq!(toward("maxplaybackrate=11025").max_playback_rate, Rate(12_000));
        assert_eq!(toward("maxplaybackrate=44100").max_playback_rate, Rate(48_000));
        // What we want ourselves stands in our descriptions.
        let opus = &ours.described()[0];
        assert_eq!(opus.parameters, "maxaveragebitrate=24000;useinbandfec=1;usedtx=1");
    }

    #[test]
    fn keys_are_listened_for_in_the_sound_as_the_far_end_sends_them() {
        let hears = |dtmf, inband_dtmf| {
            let codecs = Codecs { inband_dtmf, ..Codecs::default() };
            let codecs = Arc::new(codecs).pressed_by(dtmf);
            [codecs.hears_keys(true), codecs.hears_keys(false)]
        };
        for dtmf in [Dtmf::Auto, Dtmf::Info] {
            assert_eq!(hears(dtmf, InbandDtmf::Auto), [false, true]);
            assert_eq!(hears(dtmf, InbandDtmf::Always), [true; 2]);
            assert_eq!(hears(dtmf, InbandDtmf::Never), [false; 2]);
        }
        assert_eq!(hears(Dtmf::Events, InbandDtmf::Auto), [false; 2]);
        assert_eq!(hears(Dtmf::Inband, InbandDtmf::Never), [true; 2]);
    }

    #[test]
    fn narrow_partners_need_no_wide_sound() {
        let codecs = all();
        assert_eq!(codecs.rate(Codec::Opus, None), Rate::WIDE);
        assert_eq!(codecs.rate(Codec::Opus, Some(Codec::Pcmu)), Rate::NARROW);
        assert_eq!(codecs.rate(Codec::Opus, Some(Codec::G722)), Rate::WIDE);
        assert_eq!(codecs.rate(Codec::Opus, Some(Codec::Opus)), Rate::WIDE);
        assert_eq!(codecs.rate(Codec::G722, Some(Codec::Pcmu)), Rate::WIDE);
        assert_eq!(codecs.rate(Codec::Pcmu, Some(Codec::Opus)), Rate::NARROW);
    }
}
