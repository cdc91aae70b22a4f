//! How a leg fares: the numbers and the sentence that the API shows.

use std::fmt;
use std::net::SocketAddr;

use audio::codec::Codec;
pub use rtp::burst::Clusters;
use rtp::srtp::Profile;

/// A leg's counters, and what it is doing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LegReport {
    /// RTP packets accepted.
    pub packets_in: u64,
    /// RTP packets sent.
    pub packets_out: u64,
    /// Packets that never came, by sequence number (RFC 3550 A.3); duplicates make it smaller.
    pub lost: i64,
    /// Interarrival jitter (RFC 3550 A.8), in milliseconds.
    pub jitter_ms: f32,
    /// Packets that came twice.
    pub duplicates: u64,
    /// Packets that came after a later one.
    pub out_of_order: u64,
    /// Packets that came too late to be played.
    pub late: u64,
    /// Datagrams from addresses that are not the peer's.
    pub strangers: u64,
    /// Datagrams that were no RTP, or of a payload type nobody agreed on.
    pub unusable: u64,
    /// Datagrams that nobody wrote who has the keys.
    pub forged: u64,
    /// Authentic datagrams that came before.
    pub replayed: u64,
    /// How packets are encrypted.
    pub secured: Secured,
    /// Round trip by RTCP, in milliseconds.
    pub round_trip_ms: Option<f32>,
    /// Packets of ours that the peer says it missed (RTCP).
    pub remote_lost: Option<i32>,
    /// Where audio goes now.
    pub remote: SocketAddr,
    /// Whether that is the latched address, not the signalled one.
    pub latched: bool,
    /// How audio is encoded.
    pub codec: Codec,
    /// Audio in a packet of ours, in milliseconds.
    pub ptime_ms: u16,
    /// The jitter buffer's depth in milliseconds, while something listens.
    pub buffer_ms: Option<u16>,
    /// How much later than the fastest packets sound is played, in milliseconds, while something listens.
    pub delay_ms: Option<u16>,
    /// The share of what was heard that was made up for losses and late packets, 0 to 1; `None` if nothing listened.
    pub concealed: Option<f32>,
    /// How losses cluster.
    pub bursts: Clusters,
    /// The opinion that people would have of how the peer is heard, 1 to 4.5, by the E-model (ITU-T G.107).
    pub mos: Option<f32>,
    /// The same of how the peer hears us: its own word (RFC 3611), else from the losses it reports.
    pub remote_mos: Option<f32>,
    /// What is being said.
    pub saying: Saying,
    /// Whether a recording runs.
    pub recording: bool,
}

/// How a leg is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secured {
    /// It is not.
    No,
    /// The keys are awaited; nothing goes either way.
    NotYet,
    /// With keys from the descriptions.
    Srtp(Profile),
    /// With keys from a handshake.
    Dtls(Profile),
}

impl Secured {
    /// Whether the keys come, or would have come, from a handshake.
    pub(crate) fn by_handshake(self) -> bool {
        matches!(self, Secured::NotYet | Secured::Dtls(_))
    }
}

impl fmt::Display for Secured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Secured::No => f.write_str("not encrypted"),
            Secured::NotYet => f.write_str("waiting for keys"),
            Secured::Srtp(profile) => write!(f, "SRTP {}", profile.name()),
            Secured::Dtls(profile) => write!(f, "DTLS-SRTP {}", profile.name()),
        }
    }
}

/// What a leg sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saying {
    /// Nothing: held.
    Held,
    /// Silence.
    Silence,
    /// Prompts.
    Prompt,
    /// What it hears.
    Echo,
    /// What another leg hears.
    Bridge,
    /// What the others in a room say.
    Room,
    /// Another leg's packets, as they come.
    Relay,
    /// Keys.
    Digits,
}

impl LegReport {
    /// The media path in a line: `PCMU 20 ms · jitter 40 ms · playing · recording`.
    pub fn describe(&self) -> String {
        let mut line = format!("{} {} ms", self.codec.name(), self.ptime_ms);
        if self.secured != Secured::No {
            line.push_str(&format!(" · {}", self.secured));
        }
        if let Some(depth) = self.buffer_ms {
            line.push_str(&format!(" · jitter {depth} ms"));
        }
        line.push_str(match self.saying {
            Saying::Held => " · held",
            Saying::Silence => " · silence",
            Saying::Prompt => " · playing",
            Saying::Echo => " · echo",
            Saying::Bridge => " · bridged",
            Saying::Room => " · room",
            Saying::Relay => " · relayed",
            Saying::Digits => " · sending keys",
        });
        if self.recording {
            line.push_str(" · recording");
        }
        if let Some(mos) = self.mos {
            line.push_str(&format!(" · MOS {mos:.1}"));
            if let Some(remote) = self.remote_mos {
                line.push_str(&format!(" and {remote:.1} there"));
            }
        }
        if self.latched {
            line.push_str(&format!(" · latched to {}", self.remote));
        }
        line
    }
}
