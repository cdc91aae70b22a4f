//! The descriptions we write.

use sdp_types::{Attribute, Connection, Media, Origin, Time};

use super::numbers::Numbers;
use super::security::{self, Security};
use super::{Audio, Capabilities, Codec};
use crate::Session;
use crate::attribute::{Direction, EVENT, NOISE, VOICE};

/// Keys 0-9, *, # and A-D: RFC 4733 §2.4.1.
const EVENTS: &str = "0-15";

/// What is to be kept of a media line for the descriptions after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    media: Box<str>,
    profile: Box<str>,
    formats: Box<str>,
}

impl From<&Media> for Line {
    fn from(line: &Media) -> Line {
        Line {
            media: line.media.as_str().into(),
            profile: line.proto.as_str().into(),
            formats: line.fmt.as_str().into(),
        }
    }
}

/// The media lines of a description.
pub(super) fn lines(session: &Session) -> Vec<Line> {
    session.0.medias.iter().map(Line::from).collect()
}

/// An offer of our audio in line `at` of a session that has these lines; the others stay declined. `now` is how the
/// audio is secured so far.
pub(super) fn offer(
    ours: &Capabilities,
    numbers: &Numbers,
    direction: Direction,
    now: Option<&Security>,
    (lines, at): (&[Line], usize),
) -> Session {
    let profile = lines.get(at).map_or(security::offered_profile(&ours.encryption), |line| &line.profile);
    let mut media = audio_line(ours, profile);
    let mut formats = Vec::new();
    for codec in &numbers.codecs {
        formats.push(codec.payload_type.to_string());
        describe(&mut media, codec.payload_type, codec);
    }
    for (clock, number) in &numbers.noises {
        formats.push(number.to_string());
        add(&mut media, "rtpmap", format!("{number} {NOISE}/{clock}"));
    }
    for (clock, number) in &numbers.events {
        formats.push(number.to_string());
        add(&mut media, "rtpmap", format!("{number} {EVENT}/{clock}"));
        add(&mut media, "fmtp", format!("{number} {EVENTS}"));
    }
    media.fmt = formats.join(" ");
    let most = numbers.codecs.iter().map(Codec::longest_ms).min().unwrap_or(60);
    packet_times(&mut media, ours.ptime.min(most), &numbers.codecs);
    for (name, value) in security::offer(&ours.encryption, now) {
        add(&mut media, name, value);
    }
    // Who cannot leaves it out of the answer, and RTCP has its own port: RFC 5761 §5.1.1.
    media.attributes.push(flag("rtcp-mux"));
    voice_reports(&mut media);
    media.attributes.push(flag(direction.name()));
    let mut medias: Vec<Media> = lines.iter().map(declined).collect();
    match medias.get_mut(at) {
        Some(line) => *line = media,
        None => medias.push(media),
    }
    description(ours, medias)
}

/// The answer to `offer` that takes one line as agreed and declines the rest.
pub(super) fn answer(
    offer: &sdp_types::Session,
    agreed: Option<(usize, &Audio)>,
    ours: &Capabilities,
) -> Session {
    let lines = offer.medias.iter().enumerate().map(|(at, line)| match agreed {
        Some((taken, audio)) if taken == at => accepted(line, ours, audio),
        _ => declined(&line.into()),
    });
    description(ours, lines.collect())
}

/// The codec's name and our parameters of it.
fn describe(media: &mut Media, number: u8, codec: &Codec) {
    add(media, "rtpmap", rtpmap(number, codec));
    if !codec.parameters.is_empty() {
        add(media, "fmtp", format!("{number} {}", codec.parameters));
    }
}

/// The packet time that we like, and the longest that we take, where a peer could think of a longer one: Opus has
/// packets of 120 ms (RFC 7587 §6.1), and those of L16 may be larger than a frame.
fn packet_times(media: &mut Media, milliseconds: u32, codecs: &[Codec]) {
    add(media, "ptime", milliseconds.to_string());
    let most = codecs.iter().map(Codec::longest_ms).min().unwrap_or(60);
    if most < 60 || codecs.iter().any(Codec::is_opus) {
        add(media, "maxptime", most.to_string());
    }
}

/// We want to be told how we are heard: RFC 3611 §5.1. Each end says it for itself (§5.2).
fn voice_reports(media: &mut Media) {
    add(media, "rtcp-xr", VOICE.into());
}

/// `0 PCMU/8000`; the channels only if there are two.
fn rtpmap(number: u8, codec: &Codec) -> String {
    match codec.channels() {
        1 => format!("{number} {}/{}", codec.name, codec.clock),
        channels => format!("{number} {}/{}/{channels}", codec.name, codec.clock),
    }
}

fn accepted(offered: &Media, ours: &Capabilities, audio: &Audio) -> Media {
    let mut media = audio_line(ours, &offered.proto);
    let number = audio.receive_payload_type;
    media.fmt = number.to_string();
    describe(&mut media, number, &audio.codec);
    if let Some(noise) = audio.comfort_noise {
        let number = noise.receive_payload_type;
        media.fmt = format!("{} {number}", media.fmt);
        add(&mut media, "rtpmap", format!("{number} {NOISE}/{}", audio.codec.clock));
    }
    if let Some(event) = audio.telephone_event {
        let number = event.receive_payload_type;
        media.fmt = format!("{} {number}", media.fmt);
        add(&mut media, "rtpmap", format!("{number} {EVENT}/{}", event.clock));
        add(&mut media, "fmtp", format!("{number} {EVENTS}"));
    }
    packet_times(&mut media, audio.ptime_ms, std::slice::from_ref(&audio.codec));
    for (name, value) in security::answered(&ours.encryption, &audio.security) {
        add(&mut media, name, value);
    }
    if audio.rtcp_mux {
        media.attributes.push(flag("rtcp-mux"));
    }
    if audio.voice_reports {
        voice_reports(&mut media);
    }
    media.attributes.push(flag(audio.direction.name()));
    media
}

/// A line that is not wanted: the same media, profile and formats, and port 0, RFC 3264 §6.
fn declined(line: &Line) -> Media {
    Media {
        media: line.media.to_string(),
        port: 0,
        num_ports: None,
        proto: line.profile.to_string(),
        fmt: line.formats.to_string(),
        media_title: None,
        connections: Vec::new(),
        bandwidths: Vec::new(),
        key: None,
        attributes: Vec::new(),
    }
}

fn audio_line(ours: &Capabilities, profile: &str) -> Media {
    Media {
        media: "audio".into(),
        port: ours.rtp_port,
        num_ports: None,
        proto: profile.to_owned(),
        fmt: String::new(),
        media_title: None,
        connections: Vec::new(),
        bandwidths: Vec::new(),
        key: None,
        attributes: Vec::new(),
    }
}

fn description(ours: &Capabilities, medias: Vec<Media>) -> Session {
    let origin = Origin::with_ip_addr(ours.session_id, ours.version, ours.address);
    let mut session = sdp_types::Session::new(origin, "-");
    session.connection = Some(Connection::from_ip_addr(ours.address));
    session.times = vec![Time { start_time: 0, stop_time: 0, repeats: Vec::new() }];
    session.medias = medias;
    Session(session)
}

fn add(media: &mut Media, name: &str, value: String) {
    media.attributes.push(Attribute { attribute: name.into(), value: Some(value) });
}

fn flag(name: &str) -> Attribute {
    Attribute { attribute: name.into(), value: None }
}
