//! What a leg can be asked to do, and what it is set up with.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use audio::Rate;
use audio::codec::{Codec, MAX_PAYLOAD, OpusSettings};

use crate::clock;
use crate::detector::Detector;
use crate::guard::Security;
use crate::prompt::{Form, Prompt};
use crate::recording::{Pause, Recording};

/// What offer and answer agreed on for one leg.
#[derive(Clone, Debug, PartialEq)]
pub struct LegSetup {
    /// How audio is encoded, both ways.
    pub codec: Codec,
    /// Of the samples that the leg decodes to and encodes from. Opus works at 8 to 48 kHz, whatever the wire's clock
    /// says, and cheaper at fewer; the other codecs have their own rate.
    pub rate: Rate,
    /// How Opus is encoded for the peer.
    pub opus: OpusSettings,
    /// The payload type of audio we send.
    pub payload_type: u8,
    /// The payload type of telephone-events we send; `None` if the peer does not take them.
    pub telephone_event: Option<u8>,
    /// The payload type of telephone-events we receive.
    pub telephone_event_receive: Option<u8>,
    /// Ticks a second of telephone-events' durations.
    pub telephone_event_clock: u32,
    /// Whether keys are also listened for in the sound, as they come from peers without telephone-events.
    pub keys_in_sound: bool,
    /// The payload type of comfort noise (RFC 3389) we receive; `None` if it was not agreed on.
    pub comfort_noise: Option<u8>,
    /// The payload type of comfort noise we send in place of silence, five times a second; `None` if silence is sent as
    /// packets of silence. By the codec's clock, and never beside Opus, which has its own.
    pub comfort_noise_send: Option<u8>,
    /// The payload type of audio we receive.
    pub receive_payload_type: u8,
    /// Further codecs that the peer may change over to at any packet, as both ends described them (RFC 3264 §8.3.2);
    /// we go on to send `codec`. Usually none: an answer of ours names one codec.
    pub alternatives: Box<[Alternative]>,
    /// Where the peer asked for its RTP.
    pub remote: SocketAddr,
    /// Where the peer asked for its RTCP; the same as `remote` where both share a port (RFC 5761).
    pub remote_rtcp: SocketAddr,
    /// Which of our addresses the peer was told to send to; `None` if that is not known.
    pub told: Option<IpAddr>,
    /// How much audio a packet of ours carries; made to fit 10 to 60 ms in steps of 5, Opus's frames and
    /// [`MAX_PAYLOAD`].
    pub ptime: Duration,
    /// Whether the peer wants to be told how it is heard (RFC 3611 voice metrics).
    pub voice_reports: bool,
    /// Whether we send at all; not while the peer holds us.
    pub send: bool,
    /// Whether we listen.
    pub receive: bool,
    /// How packets are encrypted.
    pub security: Security,
}

/// A codec that the peer may change over to in mid-stream, with the payload types that it then comes with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alternative {
    /// How audio is encoded then.
    pub codec: Codec,
    /// Of audio.
    pub receive_payload_type: u8,
    /// Of telephone-events by the codec's clock (RFC 4733 §2.1), where that is another than the leg's.
    pub telephone_event: Option<u8>,
    /// Of comfort noise by the codec's clock.
    pub comfort_noise: Option<u8>,
}

/// How often a list of prompts is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// So many times in all; 0 is over at once.
    Times(u32),
    /// Until it is stopped.
    Forever,
}

/// Where a list of prompts begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// So far from its beginning.
    At(Duration),
    /// Where it is by now: as if it had begun with the engine and went on ever since, heard or not, as music on hold
    /// does. All that play the same list this way hear the same of it at a time.
    Now,
}

impl Start {
    /// From the beginning.
    pub const BEGINNING: Start = Start::At(Duration::ZERO);
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
        /// In the leg's form ([`LegSetup::form`]).
        items: Vec<Arc<Prompt>>,
        /// How often the whole list.
        repeat: Repeat,
        /// From where on.
        start: Start,
    },
    /// Silence in place of the play of this tag, until it is resumed. → [`Event::Position`](crate::Event::Position)
    Pause {
        /// Of the play.
        tag: u64,
    },
    /// The play of this tag goes on where it was paused. → [`Event::Position`](crate::Event::Position)
    Resume {
        /// Of the play.
        tag: u64,
    },
    /// The play of this tag goes on from another place. What lies behind the list's end is in the rounds that follow, or
    /// ends it. → [`Event::Position`](crate::Event::Position)
    Seek {
        /// Of the play.
        tag: u64,
        /// From the beginning of the list.
        to: Duration,
    },
    /// The play of this tag goes on so much later, or earlier; bounded by the beginning and the end of the list.
    /// → [`Event::Position`](crate::Event::Position)
    Skip {
        /// Of the play.
        tag: u64,
        /// Milliseconds, forwards or backwards.
        by: i64,
    },
    /// Where the play of this tag is. → [`Event::Position`](crate::Event::Position)
    Locate {
        /// Of the play.
        tag: u64,
    },
    /// The play of this tag goes on where it is with these prompts, the same in another form. A play whose prompts are
    /// not in the leg's form any more, after a [`Command::Reconfigure`], is silent and stands still until this; G.711's
    /// two laws are turned into each other on the fly. After three seconds its time runs on.
    Swap {
        /// Of the play.
        tag: u64,
        /// As many as before.
        items: Vec<Arc<Prompt>>,
    },
    /// End the play, echo, digits, recording or detector of this tag; its own event follows.
    Stop {
        /// Of the command to end.
        tag: u64,
    },
    /// Send back what is heard until the `Stop` of this tag. → [`Event::Played`](crate::Event::Played)
    Echo {
        /// Comes back in the event.
        tag: u64,
    },
    /// Send keys, as telephone-events or, where those were not agreed, as tones; a prompt waits meanwhile.
    /// → [`Event::DigitsSent`](crate::Event::DigitsSent)
    SendDigits {
        /// Comes back in the event.
        tag: u64,
        /// In order.
        digits: Vec<DigitToSend>,
    },
    /// Record into a file until the `Stop` of this tag, or an end of the recording's own, beside those that run already.
    /// → [`Event::Recorded`](crate::Event::Recorded) or [`Event::RecordFailed`](crate::Event::RecordFailed)
    Record {
        /// Comes back in the event.
        tag: u64,
        /// What, and until when.
        recording: Recording,
    },
    /// Leave out of the recording of this tag what comes, until it is resumed.
    PauseRecording {
        /// Of the recording.
        tag: u64,
        /// What that leaves in the file.
        pause: Pause,
    },
    /// Go on with the recording of this tag.
    ResumeRecording {
        /// Of the recording.
        tag: u64,
    },
    /// Listen for something until the `Stop` of this tag, or until everything is found, beside what is listened for
    /// already; eight at a time. Of a re-INVITE it hears nothing.
    /// → [`Event::Detected`](crate::Event::Detected)
    Detect {
        /// Comes back in the events.
        tag: u64,
        /// For what.
        what: Detector,
    },
    /// How loud the far end is heard by whoever hears the leg, in a bridge, a room or a recording: a factor, at most 8; 0
    /// mutes it. Its keys, and what a detector listens for, are heard all the same.
    Loudness {
        /// 1 for as it is.
        gain: f32,
    },
    /// Tell when the next packet of audio comes. → [`Event::Arrives`](crate::Event::Arrives)
    Await,
    /// What a re-INVITE agreed on: a new address, hold, another packet time. Does what [`Command::Renew`] does, too.
    Reconfigure(Box<LegSetup>),
    /// A re-INVITE agreed on what there was already. The peer may send from elsewhere from now on, as a phone behind NAT
    /// whose way there has changed: another source may prove to be it, once the one that it sent from is silent.
    Renew,
    /// Say BYE and let go. → [`Event::Released`](crate::Event::Released)
    Release,
}

impl LegSetup {
    /// Audio both ways with a codec that is numbered `payload_type` in both: 20 ms a packet, RTCP one port above, no
    /// telephone-events.
    pub fn new(codec: Codec, payload_type: u8, remote: SocketAddr) -> LegSetup {
        LegSetup {
            codec,
            rate: codec.rate(),
            opus: OpusSettings::default(),
            payload_type,
            telephone_event: None,
            telephone_event_receive: None,
            telephone_event_clock: codec.clock(),
            keys_in_sound: false,
            comfort_noise: None,
            comfort_noise_send: None,
            receive_payload_type: payload_type,
            alternatives: Box::default(),
            remote,
            remote_rtcp: SocketAddr::new(remote.ip(), remote.port().wrapping_add(1).max(1)),
            told: None,
            ptime: Duration::from_millis(20),
            voice_reports: false,
            send: true,
            receive: true,
            security: Security::None,
        }
    }

    /// The codec of packets of this format: 0 for the first that was agreed on, then the alternatives.
    pub(crate) fn codec_of(&self, format: u8) -> Codec {
        let at = usize::from(format).checked_sub(1);
        at.and_then(|at| self.alternatives.get(at)).map_or(self.codec, |other| other.codec)
    }

    /// The codecs that the peer may change over to, in the order of their formats.
    pub(crate) fn others(&self) -> Vec<Codec> {
        self.alternatives.iter().map(|other| other.codec).collect()
    }

    /// The packet time in slots of 5 ms, made to fit: peers ask for odd ones.
    pub(crate) fn period(&self) -> u64 {
        let slot = clock::SLOT.as_millis() as u64;
        let asked = ((self.ptime.as_millis().min(1_000) as u64 + 2) / slot).clamp(2, 12);
        match self.codec.bytes_per_ms() {
            Some(bytes) => asked.min((MAX_PAYLOAD / (bytes * slot as usize)) as u64),
            // Opus has frames of 10, 20, 40 and 60 ms (RFC 6716 §2.1.4).
            None => [2, 4, 8, 12].into_iter().rfind(|period| *period <= asked).unwrap_or(2),
        }
    }

    /// What prompts for the leg are encoded as.
    pub fn form(&self) -> Form {
        Form::new(self.codec, clock::SLOT * self.period() as u32, self.opus)
    }

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
