//! Offer and answer for one call: our capabilities in, session descriptions and leg set-ups out.
//!
//! `sdp` negotiates and remembers; this makes its words the media leg's.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use audio::codec::{Codec, OpusSettings};
use media::{Alternative, LegSetup};
use sdp::negotiate::{Audio, Capabilities, Ours, Terms};
use sip::{Body, Flow};
use store::Dtmf;

use crate::codecs::{Codecs, ComfortNoise};
use crate::encryption;
use crate::error::Refusal;

/// Our side of a call's session descriptions.
#[derive(Debug)]
pub(crate) struct Table {
    codecs: Arc<Codecs>,
    /// Where the peer is told to send.
    address: IpAddr,
    ours: Ours,
    /// What the leg was last set up with, for when the peer turns the audio off.
    last: Option<Agreement>,
}

/// What was agreed on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Agreement {
    /// Shared with the media end, which has the same for as long as the call lives.
    pub(crate) setup: Arc<LegSetup>,
    /// `PCMU 20 ms to 192.0.2.1:4000, telephone-event 101`
    pub(crate) words: String,
}

impl Table {
    pub(crate) fn new(codecs: Arc<Codecs>, address: IpAddr, rtp_port: u16) -> Table {
        let capabilities = Capabilities {
            codecs: codecs.described(),
            telephone_event: codecs.dtmf != Dtmf::Inband,
            comfort_noise: codecs.comfort_noise != ComfortNoise::Off,
            encryption: codecs.encryption.described(),
            address,
            rtp_port,
            ptime: codecs.ptime_ms,
            // RFC 8866 §5.2 wants it unique; 62 bits, since some phones read it as a signed number.
            session_id: fastrand::u64(..) >> 2,
            version: 1,
        };
        Table { codecs, address, ours: Ours::new(capabilities), last: None }
    }

    /// For a peer that is reached this way: what goes by a stream may be longer than a datagram.
    pub(crate) fn toward(codecs: Arc<Codecs>, flow: &Flow, rtp_port: u16) -> Table {
        let mut table = Table::new(codecs, flow.local.ip(), rtp_port);
        if flow.transport.is_reliable() {
            table.ours.give_room();
        }
        table
    }

    /// What it was made with.
    pub(crate) fn codecs(&self) -> Arc<Codecs> {
        self.codecs.clone()
    }

    /// What was agreed on last, for the leg.
    pub(crate) fn setup(&self) -> Option<&Arc<LegSetup>> {
        self.last.as_ref().map(|agreement| &agreement.setup)
    }

    /// Answers the peer's offer.
    pub(crate) fn answer(&mut self, offer: &Body) -> Result<(Body, Agreement), Refusal> {
        let (answer, terms) = self.ours.answer(&read(offer)?).map_err(no_codec)?;
        Ok((Body::sdp(answer.to_string()), self.agree(terms)?))
    }

    /// Offers; the answer is to be given to [`Table::accept`].
    pub(crate) fn offer(&mut self) -> Body {
        let wish = self.ours.wish();
        Body::sdp(self.ours.offer(wish).to_string())
    }

    /// The peer's answer to our offer.
    pub(crate) fn accept(&mut self, answer: &Body) -> Result<Agreement, Refusal> {
        let terms = self.ours.accept(&read(answer)?).map_err(no_codec)?;
        self.agree(terms)
    }

    /// What was agreed on last.
    pub(crate) fn agreed(&self) -> Option<&Agreement> {
        self.last.as_ref()
    }

    fn agree(&mut self, terms: Terms) -> Result<Agreement, Refusal> {
        let agreement = match (&terms.audio, &self.last) {
            (Some(audio), _) => agree(audio, &self.codecs, self.address)?,
            (None, Some(last)) => {
                let setup = LegSetup { send: false, receive: false, ..LegSetup::clone(&last.setup) };
                Agreement { setup: Arc::new(setup), words: "off".to_owned() }
            }
            (None, None) => return Err(no_codec(sdp::Reject::NoAudio)),
        };
        self.last = Some(agreement.clone());
        Ok(agreement)
    }
}

fn read(body: &Body) -> Result<sdp::Session, Refusal> {
    sdp::Session::parse(&body.bytes).map_err(no_codec)
}

fn no_codec(error: impl std::fmt::Display) -> Refusal {
    Refusal::NoCommonCodec(error.to_string())
}

fn agree(audio: &Audio, codecs: &Codecs, told: IpAddr) -> Result<Agreement, Refusal> {
    let codec =
        Codec::from_name(&audio.codec.name, audio.codec.clock).ok_or_else(|| no_codec(&audio.codec.name))?;
    let event = audio.telephone_event.as_ref();
    let ptime_ms = audio.ptime_ms;
    let noise = audio.comfort_noise;
    let alternatives = audio.others.iter().filter_map(|other| {
        let of_event = other.telephone_event.map(|event| event.receive_payload_type);
        Some(Alternative {
            codec: Codec::from_name(&other.codec.name, other.codec.clock)?,
            receive_payload_type: other.codec.payload_type,
            telephone_event: of_event
                .filter(|of| event.is_none_or(|event| event.receive_payload_type != *of)),
            comfort_noise: other.comfort_noise.map(|noise| noise.receive_payload_type),
        })
    });
    let security = encryption::agreed(&audio.security).ok_or_else(|| no_codec("no keys for the suite"))?;
    let setup = LegSetup {
        rate: codecs.rate(codec, None),
        opus: match codec {
            Codec::Opus => codecs.toward(&audio.parameters),
            _ => OpusSettings::default(),
        },
        comfort_noise: noise.map(|noise| noise.receive_payload_type),
        comfort_noise_send: noise
            .filter(|_| codecs.comfort_noise == ComfortNoise::Sent)
            .map(|noise| noise.send_payload_type),
        receive_payload_type: audio.receive_payload_type,
        alternatives: alternatives.collect(),
        // What the other party presses by events goes to it by INFO.
        telephone_event: event.filter(|_| codecs.dtmf != Dtmf::Info).map(|event| event.send_payload_type),
        telephone_event_receive: event.map(|event| event.receive_payload_type),
        keys_in_sound: codecs.hears_keys(event.is_some()),
        telephone_event_clock: event.map_or(codec.clock(), |event| event.clock),
        // Without a port nothing is sent.
        remote_rtcp: audio.remote_rtcp.unwrap_or(SocketAddr::new(audio.remote.ip(), 0)),
        told: Some(told),
        security,
        ptime: Duration::from_millis(u64::from(ptime_ms)),
        voice_reports: audio.voice_reports,
        send: audio.direction.sends(),
        receive: audio.direction.receives(),
        ..LegSetup::new(codec, audio.payload_type, audio.remote)
    };
    let mut words = format!("{} {ptime_ms} ms to {}", codec.name(), audio.remote);
    match &audio.telephone_event {
        Some(event) => words.push_str(&format!(", telephone-event {}", event.send_payload_type)),
        None => words.push_str(", no telephone-event"),
    }
    if codecs.dtmf == Dtmf::Info {
        words.push_str(", keys by INFO");
    }
    words.push_str(&encryption::words(&audio.security));
    if audio.held {
        words.push_str(", held");
    }
    Ok(Agreement { setup: Arc::new(setup), words })
}

#[cfg(test)]
mod tests;
