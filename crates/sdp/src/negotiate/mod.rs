//! Offer and answer, RFC 3264: what two ends agree on for one audio stream.
//!
//! One audio line is taken, all others are declined in place: same order, same profile, same formats, port 0.
//! The answer names one codec, so that the peer cannot change it in mid-stream, and telephone-event beside it.
//! ICE, DTLS, crypto, rtcp-fb, BUNDLE and rtcp-mux lines of an offer are neither used nor answered, which declines them.

mod wire;

use std::net::{IpAddr, SocketAddr};

use crate::attribute::{self, Direction, Format};
use crate::{Reject, Session};

/// A codec by name and clock, and the payload type we offer it with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Codec {
    /// The encoding name of its rtpmap, such as `PCMU`.
    pub name: String,
    /// The payload type in our own offers; in an answer the offer's counts.
    pub payload_type: u8,
    /// RTP clock rate in hertz.
    pub clock: u32,
}

impl Codec {
    /// A codec from its three parts.
    pub fn new(name: &str, payload_type: u8, clock: u32) -> Codec {
        Codec { name: name.to_owned(), payload_type, clock }
    }
}

/// What we can do and where we listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Most preferred first; the order counts in our offers, and in answers the peer's order does.
    pub codecs: Vec<Codec>,
    /// Whether digits travel as RFC 4733 events.
    pub telephone_event: bool,
    /// Where the peer shall send.
    pub address: IpAddr,
    /// Where the peer shall send RTP; RTCP goes one above.
    pub rtp_port: u16,
    /// Milliseconds a packet that we like best; an answer follows the peer's wish instead.
    pub ptime: u32,
    /// Our `o=` line's id: the same for the whole session.
    pub session_id: u64,
    /// Our `o=` line's version: one more with each description that differs from the one before.
    pub version: u64,
}

/// What came of an offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiated {
    /// To be sent back.
    pub answer: Session,
    /// To be set up.
    pub audio: Audio,
}

/// Digits as RFC 4733 events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TelephoneEvent {
    /// The payload type to send them with.
    pub send_payload_type: u8,
    /// The payload type they come with.
    pub receive_payload_type: u8,
    /// Hertz of the durations within: the codec's clock.
    pub clock: u32,
}

/// The audio both ends agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audio {
    /// One of ours.
    pub codec: Codec,
    /// The payload type to send it with.
    pub payload_type: u8,
    /// The payload type it comes with.
    pub receive_payload_type: u8,
    /// `None` when the peer does not speak them: digits are then in the sound.
    pub telephone_event: Option<TelephoneEvent>,
    /// Where to send RTP. The address is unspecified while the peer holds the old way; [`Audio::direction`] then forbids sending.
    pub remote: SocketAddr,
    /// Where to send RTCP; `None` when the peer wants none.
    pub remote_rtcp: Option<SocketAddr>,
    /// Whether RTCP shares RTP's port; not yet agreed to, so false.
    pub rtcp_mux: bool,
    /// Milliseconds a packet to send: 10 to 60, a multiple of 10.
    pub ptime_ms: u32,
    /// Which way we send: sends when we may send, receives when we will hear something.
    pub direction: Direction,
    /// Whether the peer has put us on hold: it will not hear what we send.
    pub held: bool,
}

/// Answers an offer with what both can do.
///
/// # Errors
/// [`Reject`] when no audio line can be taken; the best reason wins.
pub fn answer(offer: &Session, ours: &Capabilities) -> Result<Negotiated, Reject> {
    let mut best = Reject::NoAudio;
    for (at, media) in offer.0.medias.iter().enumerate() {
        match agree(&offer.0, media, ours, &ours_for_answer) {
            Ok(audio) => {
                let answer = wire::answer(&offer.0, at, ours, &audio);
                return Ok(Negotiated { answer, audio });
            }
            Err(reject) => best = nearer(best, reject),
        }
    }
    Err(best)
}

/// Our offer: one audio line with all we can do.
pub fn offer(ours: &Capabilities) -> Session {
    wire::offer(ours)
}

/// Takes the answer to our offer.
///
/// # Errors
/// [`Reject`] when the peer declined the audio or answered with what was not offered.
pub fn accept(ours: &Capabilities, answer: &Session) -> Result<Audio, Reject> {
    // We offer one line, so the answer has one; some add more, which were never offered.
    let media = answer.0.medias.first().ok_or(Reject::NoAudio)?;
    if media.port == 0 {
        return Err(Reject::Declined);
    }
    agree(&answer.0, media, ours, &ours_for_offer)
}

/// The reason that came nearest to a session is the one worth telling.
fn nearer(one: Reject, other: Reject) -> Reject {
    let rank = |reject| match reject {
        Reject::Address => 3,
        Reject::Codec => 2,
        Reject::Profile => 1,
        _ => 0,
    };
    if rank(other) > rank(one) { other } else { one }
}

/// Which payload type we receive a format with, given the peer's format and the type in our own offers.
type Receive = dyn Fn(&Format, u8) -> u8;

/// In an answer we use the offer's types both ways, as RFC 3264 §6.1 recommends.
fn ours_for_answer(theirs: &Format, _: u8) -> u8 {
    theirs.payload_type
}

/// After our offer the peer sends with the types we offered, whatever types it answered with.
fn ours_for_offer(_: &Format, ours: u8) -> u8 {
    ours
}

/// What the peer's media line and we have in common.
fn agree(
    session: &sdp_types::Session,
    media: &sdp_types::Media,
    ours: &Capabilities,
    receive: &Receive,
) -> Result<Audio, Reject> {
    if !media.media.eq_ignore_ascii_case("audio") || media.port == 0 {
        return Err(Reject::NoAudio);
    }
    if !["RTP/AVP", "RTP/AVPF"].iter().any(|profile| media.proto.eq_ignore_ascii_case(profile)) {
        return Err(Reject::Profile);
    }
    let formats = attribute::formats(media);
    let (format, codec) = formats
        .iter()
        .find_map(|format| {
            ours.codecs.iter().find(|codec| format.is(&codec.name, codec.clock)).map(|codec| (format, codec))
        })
        .ok_or(Reject::Codec)?;
    let address = attribute::address(session, media).ok_or(Reject::Address)?;
    if address.is_multicast() || address.is_ipv4() != ours.address.is_ipv4() {
        return Err(Reject::Address);
    }

    let theirs = attribute::direction(session, media);
    // RFC 2543's hold: an address of zero means "do not send", RFC 3264 §8.4.
    let reachable = !address.is_unspecified();
    let peer = Direction::new(theirs.sends(), theirs.receives() && reachable);
    let next_port = media.port.checked_add(1);
    let remote_rtcp = match attribute::rtcp(media) {
        _ if attribute::rtcp_off(media) || !reachable => None,
        Some((port, elsewhere)) => Some(SocketAddr::new(elsewhere.unwrap_or(address), port)),
        None => next_port.map(|port| SocketAddr::new(address, port)),
    };
    Ok(Audio {
        codec: codec.clone(),
        payload_type: format.payload_type,
        receive_payload_type: receive(format, codec.payload_type),
        telephone_event: ours
            .telephone_event
            .then(|| telephone_event(&formats, codec, ours, receive))
            .flatten(),
        remote: SocketAddr::new(address, media.port),
        remote_rtcp,
        rtcp_mux: false,
        ptime_ms: ptime(media, ours),
        direction: peer.reversed(),
        held: !peer.receives(),
    })
}

/// The peer's telephone-event with the codec's clock, or with 8000 beside a faster codec, as many desk phones offer it.
fn telephone_event(
    formats: &[Format],
    codec: &Codec,
    ours: &Capabilities,
    receive: &Receive,
) -> Option<TelephoneEvent> {
    let with_clock = |clock| formats.iter().find(|format| format.is("telephone-event", clock));
    let format = with_clock(codec.clock).or_else(|| with_clock(8_000))?;
    Some(TelephoneEvent {
        send_payload_type: format.payload_type,
        receive_payload_type: receive(format, wire::event_payload_type(ours)),
        clock: format.clock,
    })
}

/// The peer's ptime within its maxptime, in the steps a media worker has.
fn ptime(media: &sdp_types::Media, ours: &Capabilities) -> u32 {
    let wanted = attribute::milliseconds(media, "ptime").unwrap_or(ours.ptime);
    let most = attribute::milliseconds(media, "maxptime").unwrap_or(60);
    let steps = wanted.min(most).min(60) / 10 * 10;
    steps.max(10)
}

#[cfg(test)]
mod tests;
