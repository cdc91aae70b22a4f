//! What a peer's media line and we have in common.

use std::net::SocketAddr;

use super::numbers::Numbers;
use super::security::{self, Security};
use super::{Audio, Capabilities, Codec, ComfortNoise, Other, TelephoneEvent};
use crate::Reject;
use crate::attribute::{self, Direction, Format};

/// Whose offer it is, which decides about payload types.
#[derive(Clone, Copy)]
pub(super) enum Role<'a> {
    /// The line is an offer: its types count both ways, as RFC 3264 §6.1 recommends.
    Answering(&'a Capabilities),
    /// The line answers our offer: the peer sends with the types we offered, whatever types it answered with.
    Offered(&'a Capabilities, &'a Numbers),
}

impl<'a> Role<'a> {
    pub(super) fn ours(self) -> &'a Capabilities {
        match self {
            Role::Answering(ours) | Role::Offered(ours, _) => ours,
        }
    }

    fn codecs(self) -> &'a [Codec] {
        match self {
            Role::Answering(ours) => &ours.codecs,
            Role::Offered(_, numbers) => &numbers.codecs,
        }
    }

    /// The line's formats. An answer may leave out the rtpmap of a type that our offer explains.
    fn formats(self, media: &sdp_types::Media) -> Vec<Format> {
        let mut formats = attribute::formats(media);
        if let Role::Offered(_, numbers) = self {
            for format in formats.iter_mut().filter(|format| format.name.is_empty()) {
                if let Some(offered) = numbers.explain(format.payload_type) {
                    *format = offered;
                }
            }
        }
        formats
    }

    /// The type that comes to us for a codec of ours.
    fn receives(self, theirs: &Format, codec: &Codec) -> u8 {
        match self {
            Role::Answering(_) => theirs.payload_type,
            Role::Offered(..) => codec.payload_type,
        }
    }
}

/// Whether two formats of one line have the same meaning as a codec of ours.
fn find<'a>(codecs: &'a [Codec], format: &Format) -> Option<&'a Codec> {
    codecs.iter().find(|codec| format.is(&codec.name, codec.clock, codec.channels()))
}

/// Takes `media`, a line of `session`; `wish` is what we want to do ourselves, and `now` how the audio is secured so far.
pub(super) fn agree(
    session: &sdp_types::Session,
    media: &sdp_types::Media,
    role: Role<'_>,
    wish: Direction,
    now: Option<&Security>,
) -> Result<Audio, Reject> {
    if !media.media.eq_ignore_ascii_case("audio") || media.port == 0 {
        return Err(Reject::NoAudio);
    }
    let security = security::agree(session, media, role, now)?;
    let formats = role.formats(media);
    let mut common = formats.iter().filter_map(|format| Some((format, find(role.codecs(), format)?)));
    let (format, codec) = common.next().ok_or(Reject::Codec)?;
    let event_of = |codec| role.ours().telephone_event.then(|| event(&formats, codec, role)).flatten();
    let noise_of = |codec| role.ours().comfort_noise.then(|| noise(&formats, codec, role)).flatten();
    let mut others: Vec<Other> = Vec::new();
    if matches!(role, Role::Offered(..)) {
        for (_, other) in common {
            if other != codec && !others.iter().any(|known| known.codec == *other) {
                let (telephone_event, comfort_noise) = (event_of(other), noise_of(other));
                others.push(Other { codec: other.clone(), telephone_event, comfort_noise });
            }
        }
    }
    let address = attribute::address(session, media).ok_or(Reject::Address)?;
    if address.is_multicast() || address.is_ipv4() != role.ours().address.is_ipv4() {
        return Err(Reject::Address);
    }

    let theirs = attribute::direction(session, media);
    // RFC 2543's hold: an address of zero means "do not send", RFC 3264 §8.4.
    let reachable = !address.is_unspecified();
    let peer = Direction::new(theirs.sends(), theirs.receives() && reachable);
    let next_port = media.port.checked_add(1);
    let rtcp_mux = attribute::rtcp_mux(media);
    let remote_rtcp = match attribute::rtcp(media) {
        _ if attribute::rtcp_off(media) || !reachable => None,
        _ if rtcp_mux => Some(SocketAddr::new(address, media.port)),
        // A port of its own would need a handshake of its own.
        _ if matches!(security, Security::Dtls { .. }) => None,
        Some((port, elsewhere)) => Some(SocketAddr::new(elsewhere.unwrap_or(address), port)),
        None => next_port.map(|port| SocketAddr::new(address, port)),
    };
    Ok(Audio {
        codec: codec.clone(),
        payload_type: format.payload_type,
        receive_payload_type: role.receives(format, codec),
        parameters: attribute::parameters(media, format.payload_type),
        others,
        comfort_noise: noise_of(codec),
        telephone_event: event_of(codec),
        remote: SocketAddr::new(address, media.port),
        remote_rtcp,
        rtcp_mux,
        voice_reports: attribute::voice_reports(session, media),
        security,
        ptime_ms: ptime(media, role.ours(), codec),
        direction: peer.reversed().and(wish),
        held: !peer.receives(),
    })
}

/// The peer's telephone-event with the codec's clock, or with 8000 beside a faster codec, as many desk phones offer it.
fn event(formats: &[Format], codec: &Codec, role: Role<'_>) -> Option<TelephoneEvent> {
    let with_clock = |clock| formats.iter().find(|format| format.is(attribute::EVENT, clock, 1));
    let format = with_clock(codec.clock).or_else(|| with_clock(8_000))?;
    let receive = match role {
        Role::Answering(_) => format.payload_type,
        Role::Offered(_, numbers) => numbers.event(format.clock)?,
    };
    Some(TelephoneEvent {
        send_payload_type: format.payload_type,
        receive_payload_type: receive,
        clock: format.clock,
    })
}

/// The peer's comfort noise with the codec's clock, RFC 3389 §4.
fn noise(formats: &[Format], codec: &Codec, role: Role<'_>) -> Option<ComfortNoise> {
    let format = formats.iter().find(|format| format.is(attribute::NOISE, codec.clock, 1))?;
    let receive = match role {
        _ if !codec.takes_noise() => return None,
        Role::Answering(_) => format.payload_type,
        Role::Offered(_, numbers) => numbers.noise(codec.clock)?,
    };
    Some(ComfortNoise { send_payload_type: format.payload_type, receive_payload_type: receive })
}

/// The peer's ptime within its minptime and maxptime, in the steps that a media worker and the codec have.
fn ptime(media: &sdp_types::Media, ours: &Capabilities, codec: &Codec) -> u32 {
    let milliseconds = |name| attribute::milliseconds(media, name);
    let least = milliseconds("minptime").unwrap_or(10);
    let most = milliseconds("maxptime").unwrap_or(60);
    let wanted = milliseconds("ptime").unwrap_or(ours.ptime).max(least);
    codec.packet_ms(wanted.min(most))
}
