//! A leg's ears: whose packets they are, what they carry, and when nothing comes.

use std::net::SocketAddr;
use std::time::Duration;

use audio::detect::Dtmf;
use rtp::jitter::Inserted;
use rtp::receiver::{Order, Receiver};
use rtp::{RtpTime, View, dtmf};

use crate::command::LegSetup;
use crate::ears::Ears;
use crate::event::{Event, KeyWay};
use crate::id::LegId;
use crate::io::{Io, Received};
use crate::latch::{Latch, Verdict};
use crate::order::{Out, Outlet};
use crate::stats::WorkerStats;
use crate::timeline::Timeline;
use crate::worker::Turn;
use kinds::{Kind, kind, turn_law};

mod keeping;
mod kinds;
mod sums;

/// A key whose packets stopped coming was let go: three updates of 50 ms, the slowest usual pace, were missed.
const KEY_LOST: Duration = Duration::from_millis(200);

/// After so long without a key's packet none of it can be still on its way.
const KEYS_OVER: Duration = Duration::from_secs(1);

/// Every so many turns a socket is read until it is empty, whatever was expected.
const FULL_DRAIN: u64 = 8;

/// Datagrams read in one turn; a flood must not make other legs late.
const MOST: u32 = 16;

/// Turns of reading until empty after more came than was expected.
const HUNGER: u32 = 64;

/// So many turns in a row brought none of the packets that are owed: they are lost or were never sent, as those from before
/// the peer began to speak.
const FORGIVEN: u8 = 8;

/// So many packets in a row of the codec that was agreed on first, after others, and the stream has settled on it again.
const SETTLED: u32 = 50;

/// After so many packets of a stream it is known how late some are.
const KNOWN: u64 = 50;

/// What a datagram was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// Audio of the peer's that was not heard before.
    Audio,
    /// The same, of another codec than is passed on: it is still to be kept, by [`Rx::keep`].
    Astray(Packet),
    /// A description of silence, where audio is passed on: it is to be passed on too, or kept, by [`Rx::keep_noise`].
    Noise(Packet),
    /// The peer's, but no audio.
    Other,
    /// Of no use.
    Nothing,
}

/// When a packet of audio came and when it is due, by the leg's clock, and what decodes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    arrival: u32,
    timestamp: RtpTime,
    format: u8,
}

/// The incoming stream.
pub(crate) struct Rx {
    /// Audio is passed on as it comes, and not kept.
    pub(crate) relaying: bool,
    pub(crate) latch: Latch,
    stream: Option<Receiver>,
    /// Where the peer may change its codec.
    timeline: Timeline,
    /// It has done so, and so many packets are to come before it is sure to be back.
    astray: u32,
    keys: dtmf::Receiver,
    /// When the last packet of a key came.
    key_at: Duration,
    /// Listens for keys as tones, where that is wanted.
    pub(crate) tones: Option<Box<Dtmf>>,
    /// While something listens.
    pub(crate) ears: Option<Box<Ears>>,
    /// Samples made up, and samples in all, by ears that are gone.
    heard_before: (u64, u64),
    /// When a packet of the peer last came, or since when one could have.
    pub(crate) heard: Duration,
    lost_told: bool,
    /// The peer's numbers began anew, which whoever passes them on is to know.
    pub(crate) anew: bool,
    /// Packets that should be waiting, by the count of turns; and turns in a row in which more was expected than came.
    expected: u32,
    short: u8,
    hungry: u32,
    /// Of streams before the current one.
    past: Past,
    pub(crate) strangers: u64,
    pub(crate) unusable: u64,
    pub(crate) late: u64,
}

/// The sums of streams that are over.
#[derive(Clone, Copy, Debug, Default)]
struct Past {
    packets: u64,
    lost: i64,
    duplicates: u64,
    out_of_order: u64,
}

impl Rx {
    pub(crate) fn new(setup: &LegSetup) -> Rx {
        Rx {
            relaying: false,
            latch: Latch::new(setup.remote),
            stream: None,
            timeline: Timeline::new(setup.codec.clock()),
            astray: 0,
            keys: dtmf::Receiver::new(setup.telephone_event_clock),
            key_at: Duration::ZERO,
            tones: None,
            ears: None,
            heard_before: (0, 0),
            heard: Duration::ZERO,
            lost_told: false,
            anew: false,
            expected: 0,
            short: 0,
            hungry: 0,
            past: Past::default(),
            strangers: 0,
            unusable: 0,
            late: 0,
        }
    }

    /// How many datagrams to read in this turn.
    ///
    /// A steady peer sends one packet a turn, and asking a socket once more only to hear that it is empty costs
    /// as much as half a packet: so read what is expected, and now and then, or when more came, all there is.
    ///
    /// A `watched` socket has been read as packets came.
    pub(crate) fn appetite(&mut self, turn: u64, watched: bool) -> u32 {
        self.expected = if watched { 0 } else { (self.expected + 1).min(MOST) };
        if self.hungry > 0 || turn.is_multiple_of(FULL_DRAIN) { MOST } else { self.expected }
    }

    /// So many were read; `empty` if the socket had no more.
    pub(crate) fn fed(&mut self, read: u32, empty: bool, watched: bool) {
        // One may have come since the last was read.
        let surplus = if watched { read > 1 } else { read > self.expected };
        self.hungry = if surplus { HUNGER } else { self.hungry.saturating_sub(1) };
        // What an empty socket still owes is what jitter may bring next time; more than two is a pause.
        let owed = self.expected.saturating_sub(read);
        self.expected = if empty { owed.min(2) } else { owed };
        self.short = if self.expected > 0 { self.short + 1 } else { 0 };
        if self.short == FORGIVEN {
            (self.expected, self.short) = (0, 0);
        }
    }

    /// More than usual may wait in the socket.
    pub(crate) fn hunger(&mut self) {
        self.hungry = HUNGER;
    }

    /// So many turns did not take place: what came meanwhile waits in the socket.
    pub(crate) fn skip(&mut self, turns: u64) {
        self.expected = self.expected.saturating_add(turns.min(MOST.into()) as u32).min(MOST);
    }

    /// A datagram from the RTP socket that is not RTCP; keys may have proven that it is the peer's.
    #[inline]
    pub(crate) fn datagram<I: Io>(
        &mut self,
        id: LegId,
        setup: &LegSetup,
        Received { len, from, waited, .. }: Received,
        proven: bool,
        turn: &mut Turn<'_, I>,
    ) -> Heard {
        let datagram = turn.scratch.datagram.get_mut(..len).unwrap_or_default();
        turn_law(setup, datagram);
        let packet = View::parse(datagram);
        let Some((packet, kind)) = packet.and_then(|packet| Some((packet, kind(setup, &packet)?))) else {
            self.unusable += 1;
            turn.stats.unusable += 1;
            return Heard::Nothing;
        };
        let verdict = if proven {
            self.latch.judge_proven(turn.now, from)
        } else if setup.receive || self.latch.remote() == from {
            self.latch.judge(turn.now, from, &packet)
        } else {
            // A held peer says nothing: nobody can prove to be it.
            Verdict::Stranger
        };
        match verdict {
            Verdict::Accept => {}
            Verdict::Latched => {
                let remote = SocketAddr::new(from.ip().to_canonical(), from.port());
                turn.out.event(Event::Latched { leg: id, remote });
            }
            Verdict::Stranger => {
                self.strangers += 1;
                turn.stats.strangers += 1;
                return Heard::Nothing;
            }
        }
        self.lives(turn.now);
        turn.stats.packets_in += 1;
        let clock = setup.codec.clock();
        let foreign = self.stream.as_ref().is_none_or(|stream| stream.ssrc() != packet.ssrc);
        if let Kind::Key(clock) = kind {
            self.change_clock(id, clock, turn.out);
            self.key(id, &packet, turn.now, turn.out);
            // Some gateways send keys under an SSRC of their own, between the packets of the voice.
            if foreign {
                return Heard::Other;
            }
        } else if foreign {
            self.change(packet.ssrc, packet.seq, clock);
        }
        let Some(stream) = &mut self.stream else { return Heard::Nothing };
        // When it came, not when we look: that is on our grid, which is none of the network's.
        let arrival = rtp::time::units(turn.now.saturating_sub(waited), clock);
        let timestamp = match kind {
            _ if setup.alternatives.is_empty() => packet.timestamp,
            // One that is dropped has no place in time, and changes no other's.
            _ if matches!(stream.order(packet.seq), Order::Stray | Order::Duplicate) => packet.timestamp,
            Kind::Audio(format) => {
                let codec = setup.codec_of(format);
                let length = codec.ticks(packet.payload) as u64 * u64::from(clock);
                let length = (length / u64::from(codec.clock().max(1))) as u32;
                self.timeline.place((packet.seq, packet.timestamp), codec.clock(), length, arrival)
            }
            Kind::Key(_) | Kind::Noise => self.timeline.about(packet.timestamp),
        };
        let order = stream.receive(packet.seq, timestamp, arrival, matches!(kind, Kind::Audio(_)));
        if order == Order::Restart {
            self.anew = true;
            self.ears.iter_mut().for_each(|ears| ears.reset());
        }
        match kind {
            Kind::Key(_) => {
                if let Some(ears) = &mut self.ears {
                    ears.mute(packet.seq);
                }
                Heard::Other
            }
            Kind::Noise => {
                if !setup.receive || !matches!(order, Order::Newest | Order::Late) {
                    return Heard::Other;
                }
                if self.relaying {
                    return Heard::Noise(Packet { arrival, timestamp, format: 0 });
                }
                if let Some(ears) = &mut self.ears {
                    ears.insert_noise(arrival, packet.seq, timestamp, packet.payload);
                }
                Heard::Other
            }
            Kind::Audio(_) if !setup.receive || matches!(order, Order::Stray | Order::Duplicate) => {
                Heard::Nothing
            }
            Kind::Audio(format) => {
                self.astray = if format == 0 { self.astray.saturating_sub(1) } else { SETTLED };
                let about = Packet { arrival, timestamp, format };
                match self.relaying {
                    true if format == 0 => Heard::Audio,
                    true => Heard::Astray(about),
                    false => {
                        self.insert(id, about, &packet, (turn.out, turn.stats));
                        Heard::Audio
                    }
                }
            }
        }
    }

    fn insert<P>(
        &mut self,
        id: LegId,
        Packet { arrival, timestamp, format }: Packet,
        packet: &View<'_>,
        (out, stats): (&mut Outlet<P>, &mut WorkerStats),
    ) {
        let Some(ears) = &mut self.ears else { return };
        if ears.insert(arrival, packet.seq, timestamp, format, packet.payload) == Inserted::Late {
            self.late += 1;
            stats.late_packets += 1;
        }
        if format != 0
            && let Some(codec) = ears.wants(format, arrival)
        {
            out.put(Out::Wanted(id, codec, ears.rate()));
        }
    }

    /// Whether the peer has left the codec that was agreed on first, and is not back for good.
    pub(crate) fn is_astray(&self) -> bool {
        self.astray > 0
    }

    /// Another stream of the same peer, as after a transfer.
    fn change(&mut self, ssrc: u32, first: rtp::Seq, clock: u32) {
        self.past = self.sums();
        self.timeline = Timeline::new(clock);
        self.stream = Some(Receiver::new(ssrc, first, clock));
        if let Some(ears) = &mut self.ears {
            ears.reset();
        }
    }

    fn key<P>(&mut self, leg: LegId, packet: &View<'_>, now: Duration, out: &mut Outlet<P>) {
        self.key_at = now;
        match self.keys.feed(packet.timestamp, packet.payload) {
            None => {}
            Some(dtmf::Report::Ended(end)) => out.event(let_go(leg, end)),
            Some(dtmf::Report::Started { key, before, ended }) => {
                before.into_iter().for_each(|end| out.event(let_go(leg, end)));
                out.event(Event::Digit { leg, key, way: KeyWay::Event });
                ended.into_iter().for_each(|end| out.event(let_go(leg, end)));
            }
        }
    }

    /// Once a turn: a key whose end was lost, and keys so long ago that they are over for good.
    #[inline]
    pub(crate) fn settle<I: Io>(&mut self, leg: LegId, turn: &mut Turn<'_, I>) {
        let quiet = turn.now.saturating_sub(self.key_at);
        if self.keys.is_pressed()
            && quiet >= KEY_LOST
            && let Some(end) = self.keys.give_up()
        {
            turn.out.event(let_go(leg, end));
        }
        if quiet >= KEYS_OVER {
            self.keys.rest();
        }
    }

    /// The peer gave a sign of life.
    pub(crate) fn lives(&mut self, now: Duration) {
        (self.heard, self.lost_told) = (now, false);
    }

    /// Whether the peer has just been silent for `timeout`.
    pub(crate) fn is_lost(&mut self, now: Duration, timeout: Duration) -> bool {
        let lost = !self.lost_told && !timeout.is_zero() && now.saturating_sub(self.heard) >= timeout;
        self.lost_told |= lost;
        lost
    }

    /// After a re-INVITE.
    pub(crate) fn reconfigure(&mut self, setup: &LegSetup, now: Duration) {
        self.latch.renew(setup.remote);
        if !self.timeline.is_of(setup.codec.clock()) {
            self.timeline = Timeline::new(setup.codec.clock());
        }
        self.stream.iter_mut().for_each(|stream| stream.set_clock(setup.codec.clock()));
        // The silence of a hold is not the silence of a loss.
        self.lives(now);
    }

    /// Telephone-events are counted by another clock: what is pressed was let go.
    pub(crate) fn change_clock<P>(&mut self, leg: LegId, clock: u32, out: &mut Outlet<P>) {
        self.keys.change_clock(clock).into_iter().for_each(|end| out.event(let_go(leg, end)));
    }

    /// The report block for RTCP, if a stream was heard since the last.
    pub(crate) fn block(&mut self, last_sr: u32, delay: u32) -> Option<rtp::rtcp::ReportBlock> {
        self.stream.as_mut().filter(|stream| stream.has_news()).map(|stream| stream.report(last_sr, delay))
    }

    /// Who listens did not until now, or from other packets, while the stream went on.
    pub(crate) fn resume(&mut self) {
        let Some(ears) = &mut self.ears else { return };
        match self.stream.as_ref().filter(|stream| stream.packets() >= KNOWN) {
            Some(stream) => ears.resume(stream.swing()),
            None => ears.reset(),
        }
    }

    /// Nobody listens any more, or others do.
    pub(crate) fn take_ears(&mut self) -> Option<Box<Ears>> {
        self.heard_before = self.tally();
        self.ears.take()
    }
}

fn let_go(leg: LegId, end: dtmf::Ended) -> Event {
    Event::DigitEnded { leg, key: end.key, way: KeyWay::Event, ms: end.duration.as_millis() as u32 }
}
