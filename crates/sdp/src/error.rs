//! Why a description cannot be read, and why an offer cannot be taken.

use thiserror::Error;

/// The first line that is beyond forgiving.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("session description line {line}: {what}")]
pub struct ParseError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub what: String,
}

/// Why there is no session to be had; each is a 488 in SIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Reject {
    /// No `m=audio` line, or only ones with port 0.
    #[error("no audio is offered")]
    NoAudio,
    /// Audio only in profiles that are not spoken here: TCP, or SRTP where that is turned off.
    #[error("audio is offered only in a transport profile that is not supported")]
    Profile,
    /// Audio is to be encrypted, and there is no way that both have; or it is not to be, and has to.
    #[error("no encryption in common")]
    Encryption,
    /// Audio only in codecs that are not spoken here.
    #[error("no codec in common")]
    Codec,
    /// Audio at an address that cannot be reached: a host name, a multicast group, the other IP version.
    #[error("the address for audio cannot be used")]
    Address,
    /// The answer to our offer declined the audio.
    #[error("the peer declined our audio")]
    Declined,
    /// An answer came, and there is no offer of ours.
    #[error("an answer to no offer")]
    NotOffered,
}

impl Reject {
    /// The SIP status to reject an offer with: 488, RFC 3261 §13.3.1.3.
    pub const fn status(self) -> u16 {
        488
    }

    /// The code for the Warning header that goes along, RFC 3261 §20.43.
    pub const fn warning(self) -> u16 {
        match self {
            Reject::NoAudio | Reject::Declined | Reject::NotOffered => 304,
            Reject::Profile | Reject::Encryption => 302,
            Reject::Codec => 305,
            Reject::Address => 301,
        }
    }
}
