//! The catalogue of what may go wrong with a call, and the errors of starting a switch.
//!
//! A [`Refusal`] has a stable code, the SIP status the caller sees and a sentence; manual and API are written from it.

use std::net::SocketAddr;

/// Why a call is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// No flow answers the number.
    UnknownNumber,
    /// The number is outside, and the user may not call there.
    NotPermitted,
    /// The number's flow document cannot be run; the text says where it is broken.
    BrokenFlow(String),
    /// The offer has no audio we can speak; the text is the negotiation's.
    NoCommonCodec(String),
    /// All RTP ports are taken.
    NoPorts,
    /// The media workers take no more legs.
    MediaBusy,
    /// The trunk it came by carries as many calls as it may.
    TrunkFull,
    /// As many calls as are allowed are running.
    Full,
    /// The switch is going down.
    Draining,
}

impl Refusal {
    /// The stable code of the catalogue.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::UnknownNumber => "route.unknown_number",
            Refusal::NotPermitted => "route.not_permitted",
            Refusal::BrokenFlow(_) => "route.broken_flow",
            Refusal::NoCommonCodec(_) => "media.no_common_codec",
            Refusal::NoPorts => "media.no_ports",
            Refusal::MediaBusy => "media.busy",
            Refusal::TrunkFull => "trunk.full",
            Refusal::Full => "switch.full",
            Refusal::Draining => "switch.draining",
        }
    }

    /// The SIP status that the caller is told.
    pub fn status(&self) -> u16 {
        match self {
            Refusal::UnknownNumber => 404,
            Refusal::NotPermitted => 403,
            Refusal::NoCommonCodec(_) => 488,
            Refusal::BrokenFlow(_)
            | Refusal::NoPorts
            | Refusal::MediaBusy
            | Refusal::TrunkFull
            | Refusal::Full
            | Refusal::Draining => 503,
        }
    }

    /// Seconds after which trying again makes sense (`Retry-After`), if it does.
    pub fn retry_after(&self) -> Option<u32> {
        match self {
            // A port is back after its quarantine, a call ends sooner or later.
            Refusal::NoPorts | Refusal::MediaBusy | Refusal::TrunkFull | Refusal::Full => Some(5),
            // A restart takes longer.
            Refusal::Draining => Some(30),
            Refusal::UnknownNumber
            | Refusal::NotPermitted
            | Refusal::BrokenFlow(_)
            | Refusal::NoCommonCodec(_) => None,
        }
    }

    /// The headers that go with the final response.
    pub fn headers(&self) -> Vec<(String, String)> {
        let retry = self.retry_after().map(|seconds| ("Retry-After".to_owned(), seconds.to_string()));
        retry.into_iter().collect()
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::UnknownNumber => f.write_str("no flow answers this number"),
            Refusal::NotPermitted => f.write_str("the user may not call numbers outside"),
            Refusal::BrokenFlow(why) => write!(f, "the number's flow is broken: {why}"),
            Refusal::NoCommonCodec(why) => write!(f, "no common codec: {why}"),
            Refusal::NoPorts => f.write_str("no RTP ports are left"),
            Refusal::MediaBusy => f.write_str("the media workers are full"),
            Refusal::TrunkFull => f.write_str("the limit of the trunk's calls is reached"),
            Refusal::Full => f.write_str("the limit of calls is reached"),
            Refusal::Draining => f.write_str("the switch is going down"),
        }
    }
}

/// Why a switch could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// A SIP port is taken or not ours to take.
    #[error("cannot listen for SIP over {transport} on {address}: {source}")]
    Listen {
        /// As in a Via header: `UDP`, `TLS`.
        transport: &'static str,
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// Nobody can be asked for names.
    #[error(transparent)]
    Dns(#[from] crate::DnsFault),
    /// The certificates cannot be used.
    #[error("{0}")]
    Certificates(#[from] crate::TlsError),
    /// The media engine did not start.
    #[error("cannot start the media engine: {0}")]
    Media(#[from] media::Error),
    /// A directory could not be made.
    #[error("cannot make the directory {path}: {source}")]
    Directory {
        /// Which.
        path: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The bucket for recordings cannot be used.
    #[error("recordings cannot be stored in the bucket: {0}")]
    Bucket(String),
    /// The HTTP client could not be built.
    #[error("cannot build the HTTP client: {0}")]
    Http(reqwest::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_will_pass_tells_when_to_try_again_and_what_will_not_does_not() {
        assert_eq!(Refusal::NoPorts.headers(), vec![("Retry-After".to_owned(), "5".to_owned())]);
        assert!(Refusal::UnknownNumber.headers().is_empty());
        assert_eq!(Refusal::BrokenFlow("x".into()).status(), 503);
    }
}
