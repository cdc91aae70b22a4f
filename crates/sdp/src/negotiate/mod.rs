//! Offer and answer, RFC 3264: what two ends agree on for one audio stream.
//!
//! One audio line is taken, all others are declined in place: same order, same profile, same formats, port 0.
//! The answer names one codec, so that the peer cannot change it in mid-stream, and beside it telephone-event and
//! comfort noise.
//! How it is encrypted is [`security`]'s; RTCP shares RTP's port where the peer can.
//! ICE, rtcp-fb and BUNDLE lines of an offer are neither used nor answered, which declines them.

mod agree;
mod codec;
mod numbers;
mod ours;
pub mod security;
mod wire;

use std::net::{IpAddr, SocketAddr};

use self::agree::{Role, agree};
pub use self::codec::Codec;
use self::numbers::Numbers;
pub use self::ours::{Ours, Terms};
use self::security::{Encryption, Security};
use crate::attribute::Direction;
use crate::{Reject, Session};

/// What we can do and where we listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Most preferred first; the order counts in our offers, and in answers the peer's order does.
    pub codecs: Vec<Codec>,
    /// Whether digits travel as RFC 4733 events.
    pub telephone_event: bool,
    /// Whether silence may be told by comfort noise, RFC 3389.
    pub comfort_noise: bool,
    /// How much the audio is encrypted.
    pub encryption: Encryption,
    /// Where the peer shall send.
    pub address: IpAddr,
    /// Where the peer shall send RTP; RTCP goes one above, or to the same.
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

/// Silence as comfort noise, with the codec's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ComfortNoise {
    /// The payload type to send it with.
    pub send_payload_type: u8,
    /// The payload type it comes with.
    pub receive_payload_type: u8,
}

/// A further codec that the peer may switch to at any time, with what goes along with its clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    /// With the number it comes with.
    pub codec: Codec,
    /// Digits beside it.
    pub telephone_event: Option<TelephoneEvent>,
    /// Silence beside it.
    pub comfort_noise: Option<ComfortNoise>,
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
    /// What the peer says about the codec in `a=fmtp`, which limits what we send; [`crate::Opus`] reads that of Opus.
    pub parameters: String,
    /// Further codecs that the answer to our offer names, with our numbers: the peer may switch to them at any time,
    /// unless it is offered the one codec again.
    pub others: Vec<Other>,
    /// `None` when the peer does not speak them: digits are then in the sound.
    pub telephone_event: Option<TelephoneEvent>,
    /// `None` when either end does not want it, or the codec has its own.
    pub comfort_noise: Option<ComfortNoise>,
    /// Where to send RTP. The address is unspecified while the peer holds the old way; [`Audio::direction`] then forbids sending.
    pub remote: SocketAddr,
    /// Where to send RTCP; `None` when the peer wants none.
    pub remote_rtcp: Option<SocketAddr>,
    /// Whether RTCP shares RTP's port, RFC 5761.
    pub rtcp_mux: bool,
    /// Whether the peer wants to be told how it is heard, RFC 3611 §5.
    pub voice_reports: bool,
    /// How it is encrypted.
    pub security: Security,
    /// Milliseconds a packet to send: 10 to 60, a multiple of 10, and one that the codec has.
    pub ptime_ms: u32,
    /// Which way we send: sends when we may send, receives when we will hear something.
    pub direction: Direction,
    /// Whether the peer has put us on hold: it will not hear what we send.
    pub held: bool,
}

/// Answers an offer with what both can do. For the first description of a call, or the only one; see [`Ours`].
///
/// # Errors
/// [`Reject`] when no audio line can be taken; the best reason wins.
pub fn answer(offer: &Session, ours: &Capabilities) -> Result<Negotiated, Reject> {
    let mut best = Reject::NoAudio;
    for (at, media) in offer.0.medias.iter().enumerate() {
        match agree(&offer.0, media, Role::Answering(ours), Direction::SendRecv, None) {
            Ok(audio) => {
                let answer = wire::answer(&offer.0, Some((at, &audio)), ours);
                return Ok(Negotiated { answer, audio });
            }
            Err(reject) => best = nearer(best, reject),
        }
    }
    Err(best)
}

/// Our first offer: one audio line with all we can do.
pub fn offer(ours: &Capabilities) -> Session {
    wire::offer(ours, &Numbers::new(ours, None), Direction::SendRecv, None, (&[], 0))
}

/// Takes the answer to our first offer.
///
/// # Errors
/// [`Reject`] when the peer declined the audio or answered with what was not offered.
pub fn accept(ours: &Capabilities, answer: &Session) -> Result<Audio, Reject> {
    // We offer one line, so the answer has one; some add more, which were never offered.
    let media = answer.0.medias.first().ok_or(Reject::NoAudio)?;
    if media.port == 0 {
        return Err(Reject::Declined);
    }
    let numbers = Numbers::new(ours, None);
    agree(&answer.0, media, Role::Offered(ours, &numbers), Direction::SendRecv, None)
}

/// The reason that came nearest to a session is the one worth telling.
fn nearer(one: Reject, other: Reject) -> Reject {
    let rank = |reject| match reject {
        Reject::Address => 4,
        Reject::Codec => 3,
        Reject::Encryption => 2,
        Reject::Profile => 1,
        _ => 0,
    };
    if rank(other) > rank(one) { other } else { one }
}

#[cfg(test)]
mod tests;
