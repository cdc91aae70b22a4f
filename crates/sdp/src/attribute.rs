//! The attributes that negotiation reads, each tolerant of how phones write it.

use std::net::IpAddr;

use sdp_types::{Attribute, Media};

/// Which way audio flows, seen from whoever wrote it: RFC 8866 §6.7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Both ways.
    SendRecv,
    /// From the writer only.
    SendOnly,
    /// To the writer only.
    RecvOnly,
    /// Neither way.
    Inactive,
}

impl Direction {
    /// Whether the writer sends.
    pub const fn sends(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::SendOnly)
    }

    /// Whether the writer receives.
    pub const fn receives(self) -> bool {
        matches!(self, Direction::SendRecv | Direction::RecvOnly)
    }

    /// The direction for these two.
    pub const fn new(sends: bool, receives: bool) -> Direction {
        match (sends, receives) {
            (true, true) => Direction::SendRecv,
            (true, false) => Direction::SendOnly,
            (false, true) => Direction::RecvOnly,
            (false, false) => Direction::Inactive,
        }
    }

    /// The same seen from the other end.
    pub const fn reversed(self) -> Direction {
        Direction::new(self.receives(), self.sends())
    }

    /// What both allow.
    pub const fn and(self, other: Direction) -> Direction {
        Direction::new(self.sends() && other.sends(), self.receives() && other.receives())
    }

    /// The attribute's name.
    pub const fn name(self) -> &'static str {
        match self {
            Direction::SendRecv => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::RecvOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    fn from_name(name: &str) -> Option<Direction> {
        [Direction::SendRecv, Direction::SendOnly, Direction::RecvOnly, Direction::Inactive]
            .into_iter()
            .find(|direction| direction.name().eq_ignore_ascii_case(name))
    }
}

/// One payload type of a media line and what it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Format {
    pub payload_type: u8,
    /// Empty if neither an rtpmap nor RFC 3551 says.
    pub name: String,
    pub clock: u32,
    pub channels: u32,
}

impl Format {
    pub(crate) fn is(&self, name: &str, clock: u32, channels: u32) -> bool {
        self.name.eq_ignore_ascii_case(name) && self.clock == clock && self.channels == channels
    }

    /// The same with what phones get wrong put right: Opus without its two channels, which it has by RFC 7587 §7, and
    /// G.722 with the rate of its samples for the clock, which is 8000 by RFC 3551 §4.5.2.
    fn mended(mut self) -> Format {
        if self.name.eq_ignore_ascii_case("opus") && self.channels == 1 {
            self.channels = 2;
        }
        if self.name.eq_ignore_ascii_case("G722") && self.clock == 16_000 {
            self.clock = 8_000;
        }
        self
    }
}

/// The encoding name of RFC 4733.
pub(crate) const EVENT: &str = "telephone-event";

/// The encoding name of RFC 3389.
pub(crate) const NOISE: &str = "CN";

/// How `a=rtcp-xr` calls the report of how somebody is heard: RFC 3611 §5.1.
pub(crate) const VOICE: &str = "voip-metrics";

/// The media line's formats in the order of preference. A type that is listed twice counts once, so that a long line
/// costs no more than its 128 types do.
pub(crate) fn formats(media: &Media) -> Vec<Format> {
    let mut seen = [false; 128];
    let tokens = media.fmt.split_ascii_whitespace();
    // Payload types have seven bits.
    let numbers = tokens.filter_map(|token| token.parse().ok().filter(|&number: &u8| number < 128));
    numbers
        .filter(|number| {
            seen.get_mut(usize::from(*number)).is_some_and(|seen| !std::mem::replace(seen, true))
        })
        .filter_map(|number| format_of(media, number))
        .collect()
}

fn format_of(media: &Media, payload_type: u8) -> Option<Format> {
    let mapped = values(&media.attributes, "rtpmap").find_map(|value| {
        let (number, map) = value.trim().split_once(' ')?;
        (number.trim().parse() == Ok(payload_type)).then_some(map)
    });
    let Some(map) = mapped else {
        let (name, clock) = static_type(payload_type).unwrap_or_default();
        return Some(Format { payload_type, name: name.into(), clock, channels: 1 });
    };
    let mut parts = map.trim().split('/');
    let name = parts.next().unwrap_or_default().trim().to_owned();
    // A missing clock is 8000 in the few phones that forget it.
    let clock = parts.next().map_or(Some(8_000), |clock| clock.trim().parse().ok())?;
    let channels = parts.next().map_or(Some(1), |channels| channels.trim().parse().ok()).unwrap_or(1);
    Some(Format { payload_type, name, clock, channels }.mended())
}

/// What `a=fmtp` says behind this number; of several such lines, as some phones write, all of them.
pub(crate) fn parameters(media: &Media, payload_type: u8) -> String {
    let lines = values(&media.attributes, "fmtp").filter_map(|value| {
        let (number, parameters) = value.trim().split_once(' ')?;
        (number.trim().parse() == Ok(payload_type)).then(|| parameters.trim().to_owned())
    });
    lines.collect::<Vec<_>>().join(";")
}

/// The audio payload types that need no rtpmap: RFC 3551 §6.
fn static_type(payload_type: u8) -> Option<(&'static str, u32)> {
    Some(match payload_type {
        0 => ("PCMU", 8_000),
        3 => ("GSM", 8_000),
        4 => ("G723", 8_000),
        8 => ("PCMA", 8_000),
        // RFC 3551 §4.5.2: the clock is 8000 by an old mistake that stays.
        9 => ("G722", 8_000),
        13 => ("CN", 8_000),
        15 => ("G728", 8_000),
        18 => ("G729", 8_000),
        _ => return None,
    })
}

pub(crate) fn values<'a>(attributes: &'a [Attribute], name: &'a str) -> impl Iterator<Item = &'a str> {
    attributes
        .iter()
        .filter(move |attribute| attribute.attribute.eq_ignore_ascii_case(name))
        .filter_map(|attribute| attribute.value.as_deref())
}

/// The direction of the media line, else of the session, else both ways.
pub(crate) fn direction(session: &sdp_types::Session, media: &Media) -> Direction {
    let of = |attributes: &[Attribute]| {
        attributes.iter().rev().find_map(|attribute| Direction::from_name(attribute.attribute.trim()))
    };
    of(&media.attributes).or_else(|| of(&session.attributes)).unwrap_or(Direction::SendRecv)
}

/// The address of the media line, else of the session; `None` if it is missing or no literal address.
pub(crate) fn address(session: &sdp_types::Session, media: &Media) -> Option<IpAddr> {
    let literal = |connection: &sdp_types::Connection| {
        let text = connection.connection_address.as_str();
        // Behind a slash stand a multicast group's reach and size, RFC 8866 §5.7.
        let address: IpAddr = text.split('/').next().unwrap_or(text).parse().ok()?;
        Some(address.to_canonical())
    };
    if media.connections.is_empty() {
        session.connection.as_ref().and_then(literal)
    } else {
        media.connections.iter().find_map(literal)
    }
}

/// Where RTCP goes if not next to RTP: RFC 3605. The address, if there is one, comes from the attribute, else it is RTP's.
pub(crate) fn rtcp(media: &Media) -> Option<(u16, Option<IpAddr>)> {
    let value = values(&media.attributes, "rtcp").next()?;
    let mut fields = value.split_ascii_whitespace();
    let port = fields.next()?.parse().ok().filter(|&port: &u16| port != 0)?;
    Some((port, fields.nth(2).and_then(|address| address.parse().ok())))
}

/// Whether RTCP may share RTP's port: RFC 5761 §5.1.
pub(crate) fn rtcp_mux(media: &Media) -> bool {
    media.attributes.iter().any(|attribute| attribute.attribute.trim().eq_ignore_ascii_case("rtcp-mux"))
}

/// Whether the peer wants to be told how it is heard: voice metrics, RFC 3611 §5.1.
pub(crate) fn voice_reports(session: &sdp_types::Session, media: &Media) -> bool {
    let wants = |value: &str| value.split_ascii_whitespace().any(|format| format.eq_ignore_ascii_case(VOICE));
    values(&media.attributes, "rtcp-xr").chain(values(&session.attributes, "rtcp-xr")).any(wants)
}

/// Whether the peer wants no RTCP at all: both its bandwidths are zero, RFC 3556 §2.
pub(crate) fn rtcp_off(media: &Media) -> bool {
    let zero =
        |kind: &str| media.bandwidths.iter().any(|b| b.bwtype.eq_ignore_ascii_case(kind) && b.bandwidth == 0);
    zero("RS") && zero("RR")
}

/// Milliseconds of an attribute such as `a=ptime:20`, whose fraction, if any, is dropped; `None` for zero and for nonsense.
pub(crate) fn milliseconds(media: &Media, name: &str) -> Option<u32> {
    let value = values(&media.attributes, name).next()?.trim();
    let digits = value.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok().filter(|&ms| ms > 0)
}
