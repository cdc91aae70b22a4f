//! The descriptions we write.

use sdp_types::{Attribute, Connection, Media, Origin, Time};

use super::{Audio, Capabilities};
use crate::Session;

/// The payload type of telephone-event in our offers: 101, as everyone's, unless a codec has it.
pub(super) fn event_payload_type(ours: &Capabilities) -> u8 {
    let taken = |number: &u8| ours.codecs.iter().any(|codec| codec.payload_type == *number);
    // 96 to 127 are the dynamic types, RFC 3551 §3.
    (101..=127).chain(96..=100).find(|number| !taken(number)).unwrap_or(101)
}

/// Keys 0-9, *, # and A-D: RFC 4733 §2.4.1.
const EVENTS: &str = "0-15";

pub(super) fn offer(ours: &Capabilities) -> Session {
    let mut media = audio_line(ours, "RTP/AVP");
    let mut formats = Vec::new();
    for codec in &ours.codecs {
        formats.push(codec.payload_type.to_string());
        add(&mut media, "rtpmap", format!("{} {}/{}", codec.payload_type, codec.name, codec.clock));
    }
    if ours.telephone_event {
        let number = event_payload_type(ours);
        formats.push(number.to_string());
        add(&mut media, "rtpmap", format!("{number} telephone-event/8000"));
        add(&mut media, "fmtp", format!("{number} {EVENTS}"));
    }
    media.fmt = formats.join(" ");
    add(&mut media, "ptime", ours.ptime.to_string());
    media.attributes.push(flag("sendrecv"));
    description(ours, vec![media])
}

/// The answer to `offer` that takes line `taken` as agreed in `audio` and declines the rest.
pub(super) fn answer(
    offer: &sdp_types::Session,
    taken: usize,
    ours: &Capabilities,
    audio: &Audio,
) -> Session {
    let lines = offer.medias.iter().enumerate();
    let lines =
        lines.map(|(at, line)| if at == taken { accepted(line, ours, audio) } else { declined(line) });
    description(ours, lines.collect())
}

fn accepted(offered: &Media, ours: &Capabilities, audio: &Audio) -> Media {
    let mut media = audio_line(ours, &offered.proto);
    let number = audio.receive_payload_type;
    media.fmt = number.to_string();
    add(&mut media, "rtpmap", format!("{number} {}/{}", audio.codec.name, audio.codec.clock));
    if let Some(event) = audio.telephone_event {
        let number = event.receive_payload_type;
        media.fmt = format!("{} {number}", media.fmt);
        add(&mut media, "rtpmap", format!("{number} telephone-event/{}", event.clock));
        add(&mut media, "fmtp", format!("{number} {EVENTS}"));
    }
    add(&mut media, "ptime", audio.ptime_ms.to_string());
    media.attributes.push(flag(audio.direction.name()));
    media
}

/// A line that is not wanted: the same media, profile and formats, and port 0, RFC 3264 §6.
fn declined(offered: &Media) -> Media {
    Media {
        media: offered.media.clone(),
        port: 0,
        num_ports: None,
        proto: offered.proto.clone(),
        fmt: offered.fmt.clone(),
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
