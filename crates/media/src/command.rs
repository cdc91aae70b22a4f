//! What a leg can be asked to do, and what it is set up with.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use audio::codec::Codec;

use crate::bridge::Bridge;
use crate::prompt::Prompt;

/// What offer and answer agreed on for one leg.
#[derive(Clone, Debug, PartialEq)]
pub struct LegSetup {
    /// How audio is encoded, both ways.
    pub codec: Codec,
    /// The payload type of audio we send.
    pub payload_type: u8,
    /// The payload type of telephone-events we send; `None` if the peer does not take them.
    pub telephone_event: Option<u8>,
    /// The payload type of telephone-events we receive.
    pub telephone_event_receive: Option<u8>,
    /// The payload type of audio we receive.
    pub receive_payload_type: u8,
    /// Where the peer asked for its RTP.
    pub remote: SocketAddr,
    /// Where the peer asked for its RTCP; the same as `remote` where both share a port (RFC 5761).
    pub remote_rtcp: SocketAddr,
    /// How much audio a packet of ours carries; made to fit 10 to 60 ms in steps of 5.
    pub ptime: Duration,
    /// Whether we send at all; not while the peer holds us.
    pub send: bool,
    /// Whether we listen.
    pub receive: bool,
}

/// How often a list of prompts is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// So many times in all; 0 is over at once.
    Times(u32),
    /// Until it is stopped.
    Forever,
}

/// A key to send, or a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DigitToSend {
    /// `0-9`, `*`, `#`, `A-D`; `None` is a pause of `duration`.
    pub key: Option<char>,
    /// How long it is pressed (or the pause lasts).
    pub duration: Duration,
    /// Quiet after it.
    pub gap: Duration,
}

/// What a leg is asked to do. Everything slow has already happened.
///
/// `tag` is the caller's own number for the command; it comes back in the event that ends it.
#[derive(Debug)]
pub enum Command {
    /// Play these in order without a gap. What was playing ends with `Played { stopped: true }`.
    /// → [`Event::Played`](crate::Event::Played)
    Play {
        /// Comes back in the event.
        tag: u64,
        /// Best in the leg's codec; those in another are turned into it on the fly.
        items: Vec<Arc<Prompt>>,
        /// How often the whole list.
        repeat: Repeat,
    },
    /// End the play, echo, digits or recording of this tag; its own event follows.
    Stop {
        /// Of the command to end.
        tag: u64,
    },
    /// Send back what is heard until the `Stop` of this tag. → [`Event::Played`](crate::Event::Played)
    Echo {
        /// Comes back in the event.
        tag: u64,
    },
    /// Say what another leg hears and hand it what is heard here, until the `Stop` of this tag; prompts and keys go
    /// before it. An end that is there already is replaced, and told as stopped.
    /// → [`Event::Played`](crate::Event::Played)
    Bridge {
        /// Comes back in the event.
        tag: u64,
        /// This leg's end.
        end: Box<Bridge>,
    },
    /// Send keys, as telephone-events or, where those were not agreed, as tones; a prompt waits meanwhile.
    /// → [`Event::DigitsSent`](crate::Event::DigitsSent)
    SendDigits {
        /// Comes back in the event.
        tag: u64,
        /// In order.
        digits: Vec<DigitToSend>,
    },
    /// Record what is heard into a WAV file until the `Stop` of this tag, the limit or the silence.
    /// → [`Event::Recorded`](crate::Event::Recorded) or [`Event::RecordFailed`](crate::Event::RecordFailed)
    Record {
        /// Comes back in the event.
        tag: u64,
        /// The file; relative to the recordings' directory.
        path: PathBuf,
        /// Longest.
        limit: Option<Duration>,
        /// Ends after so much silence.
        silence: Option<Duration>,
    },
    /// What a re-INVITE agreed on: a new address, hold, another packet time.
    Reconfigure(Box<LegSetup>),
    /// Say BYE and let go. → [`Event::Released`](crate::Event::Released)
    Release,
}

impl LegSetup {
    /// The same with addresses as a socket bound at `bind` knows them: an IPv6 socket speaks to IPv4 peers by their
    /// mapped addresses. An unspecified one stays: it means nowhere.
    pub(crate) fn seen_from(mut self, bind: IpAddr) -> LegSetup {
        for address in [&mut self.remote, &mut self.remote_rtcp] {
            if let (IpAddr::V6(_), IpAddr::V4(v4)) = (bind, address.ip())
                && !v4.is_unspecified()
            {
                address.set_ip(v4.to_ipv6_mapped().into());
            }
        }
        self
    }
}
