//! A leg: one end's media, its ears (`rx`) and its mouth (`tx`), and what it was asked to do.

use std::sync::Arc;
use std::time::Duration;

use audio::mix::{self, Gain};
use rtp::rtcp::VoiceMetrics;

use crate::bridge::Bridged;
use crate::clock;
use crate::command::LegSetup;
use crate::detectors::Detectors;
use crate::event::Event;
use crate::guard::{self, Guard};
use crate::id::{LegId, PartId};
use crate::io::{Channel, Io, Received};
use crate::order::{Out, Spent};
use crate::quality::Hearing;
use crate::recorders::Recorders;
use crate::rtcp::{self, Rtcp};
use crate::rx::Rx;
use crate::source::Source;
use crate::tx::{Dialling, Tx};
use crate::worker::{FRAME, Turn, fetch};
use connecting::Door;

/// Slots in a second.
const SLOTS_A_SECOND: u64 = 200;

mod attending;
mod connecting;
mod doing;
mod greeting;
mod listening;
mod passing;
mod reporting;
mod reports;
mod speaking;

pub(crate) use attending::Said;

/// What a packet time comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pace {
    /// Slots from one turn to the next.
    period: u16,
    /// Samples in a frame, by the leg's rate.
    samples: u16,
    /// Ticks of a packet, by the codec's clock.
    ticks: u16,
}

impl Pace {
    fn of(setup: &LegSetup) -> Pace {
        let period = setup.period();
        let of = |hertz: u32| (period * u64::from(hertz) / SLOTS_A_SECOND) as u16;
        let samples = usize::from(of(setup.rate.0)).min(FRAME) as u16;
        Pace { period: period as u16, samples, ticks: of(setup.codec.clock()) }
    }

    /// The packet time in milliseconds.
    fn ms(self) -> usize {
        usize::from(self.period) * clock::SLOT.as_millis() as usize
    }
}

/// Owned by exactly one worker at a time from adoption to release.
///
/// What every turn touches comes first: a leg is out of the caches by its next turn, and fetching its memory is
/// most of what it costs beside its system calls.
#[repr(C)]
pub(crate) struct Leg {
    pub(crate) id: LegId,
    /// What the packet time comes to.
    pace: Pace,
    /// Turns until the next housekeeping; the first is at a time of its own, so that not all legs keep house at once.
    chores: u32,
    turns: u64,
    /// The slot of the last turn; the slots of its turns, modulo its packet time.
    pub(crate) served: u64,
    pub(crate) phase: u64,
    /// The worker wakes for its packets.
    watched: bool,
    /// Where the last packet was passed on to.
    aimed: Option<LegId>,
    /// When the last packet came that was read between turns, how many were since the last turn, and for how many
    /// arrivals more the socket is asked until it is empty.
    came: Duration,
    early: u8,
    doubt: u8,
    /// Turns that were skipped and whose audio is still to be read, and such whose audio is still to be said.
    unread: u64,
    unsaid: u8,
    recorders: Recorders,
    detectors: Detectors,
    bridge: Option<Bridged>,
    /// How loud the peer is heard by others.
    pub(crate) gain: Gain,
    /// The next packet after so many is to be told of.
    pub(crate) expected: Option<u64>,
    /// The part of a room whose turns are also this leg's.
    room: Option<PartId>,
    tx: Tx,
    setup: LegSetup,
    source: Source,
    rx: Rx,
    dialling: Option<Dialling>,
    rtcp: Rtcp,
    timeout: Duration,
    door: Door,
}

impl Leg {
    pub(crate) fn new(id: LegId, setup: LegSetup, cname: Arc<str>, timeout: Duration, seed: u64) -> Leg {
        Leg {
            id,
            pace: Pace::of(&setup),
            chores: id.place % 50 + 1,
            timeout,
            rx: Rx::new(&setup),
            tx: Tx::new(seed, Guard::of(&setup.security)),
            rtcp: Rtcp::new(cname, seed.rotate_left(17)),
            source: Source::Silence,
            dialling: None,
            recorders: Recorders::default(),
            detectors: Detectors::default(),
            bridge: None,
            gain: Gain::UNITY,
            expected: None,
            room: None,
            turns: u64::from(id.place),
            served: 0,
            phase: 0,
            watched: false,
            aimed: None,
            came: Duration::ZERO,
            early: 0,
            doubt: 0,
            unread: 0,
            unsaid: 0,
            door: Door::Open,
            setup,
        }
    }

    /// The worker has it from `now` on; `wall` is the time since 1970 at the worker's epoch.
    pub(crate) fn begin(&mut self, now: Duration, wall: Duration) {
        self.rx.heard = now;
        self.rtcp.begin(now, wall);
    }

    /// Slots from one turn to the next: the packet time.
    pub(crate) fn period(&self) -> u64 {
        self.pace.period.into()
    }

    /// Samples in a frame.
    fn samples(&self) -> usize {
        self.pace.samples.into()
    }

    fn place(&self) -> usize {
        self.id.place as usize
    }

    /// One packet time: hear what arrived, say what is due.
    pub(crate) fn turn<I: Io>(&mut self, turn: &mut Turn<'_, I>) {
        self.take_in(turn);
        self.say(Said::Bridge, turn);
    }

    /// Whether its last turn is long enough ago, in a slot of its turns. A leg that was just given other slots has its
    /// next turn at most half a packet time before or after it would have been.
    pub(crate) fn is_due(&self, slot: u64) -> bool {
        self.served == 0 || slot.saturating_sub(self.served) * 2 >= self.period()
    }

    /// Whether what it hears is passed on as packets.
    pub(crate) fn relays(&self) -> bool {
        self.rx.relaying
    }

    /// Have on its way what a turn needs beside the leg itself.
    pub(crate) fn fetch_held(&self) {
        if self.relays() {
            return;
        }
        if let Some(ears) = &self.rx.ears {
            fetch(&**ears);
        }
        if let Some(Bridged { end: bridge, .. }) = &self.bridge {
            fetch(&**bridge);
        }
        if let Source::Prompts(list) = &self.source {
            list.current().into_iter().for_each(fetch);
        }
    }

    /// The leg of the same worker that hears what this one says, if both may have their turns together: an echo says
    /// what is in the scratch, where the other's would be.
    pub(crate) fn partner(&self) -> Option<LegId> {
        self.bridge.as_ref()?.facing.filter(|_| !matches!(self.source, Source::Echo { .. }))
    }

    /// The end of a turn: speak, and now and then keep house.
    fn say<I: Io>(&mut self, said: Said, turn: &mut Turn<'_, I>) {
        let ticks = self.pace.ticks.into();
        if self.setup.send {
            if !(self.is_relayed() && self.tx.stands_by(ticks, self.pace.ms())) {
                match self.bridge {
                    Some(_) if !self.is_covered() => self.tx.change_way(),
                    _ => self.tx.leave(ticks),
                }
                if self.unsaid > 0 {
                    self.catch_up(said, turn);
                }
                self.speak(said, turn);
            }
            self.unsaid = 0;
        } else {
            self.tx.leave(ticks);
            if let Some(Bridged { end: bridge, .. }) = &mut self.bridge {
                bridge.pass();
            }
            // Those that were skipped before it was held are not said late.
            let turns = 1 + std::mem::take(&mut self.unsaid);
            self.play_unheard(turns.into());
            self.tx.pass(ticks * u32::from(turns));
            self.tx.pause();
        }
        self.settle_recording(turn);
        if self.rx.relaying != self.watched {
            self.watched = turn.io.watch(self.place(), self.rx.relaying);
        }
        self.chores -= 1;
        if self.chores == 0 {
            self.chores = 200 / u32::from(self.pace.period);
            self.keep_house(turn);
        }
    }

    /// Take what the socket has.
    fn hear<I: Io>(&mut self, turn: &mut Turn<'_, I>) {
        let appetite = self.rx.appetite(self.turns, self.watched);
        let (mut read, mut empty) = (0, false);
        while read < appetite && !empty {
            empty = self.hear_one(turn).is_none();
            read += u32::from(!empty);
        }
        self.rx.fed(read, empty, self.watched);
        if self.expected.is_some_and(|before| self.rx.packets() > before) {
            self.expected = None;
            turn.out.event(Event::Arrives { leg: self.id });
        }
        self.rx.settle(self.id, turn);
    }

    /// Packets of audio that came so far.
    pub(crate) fn packets(&self) -> u64 {
        self.rx.packets()
    }

    /// What a datagram comes to: how many bytes of it are in the turn's buffer, and whether they are proven to be the
    /// peer's. `None` if nothing of it is for us to read.
    fn open<I: Io>(
        &mut self,
        channel: Channel,
        received: &Received,
        turn: &mut Turn<'_, I>,
    ) -> Option<(usize, bool)> {
        let Some(guard) = &mut self.tx.guard else { return Some((received.len, false)) };
        let datagram = turn.scratch.datagram.get_mut(..received.len)?;
        if guard::is_handshake(datagram) {
            // RTCP would take a handshake of its own on its own port; who shares a port has the one.
            if channel == Channel::Rtcp {
                return None;
            }
            self.greet(received.from, received.len, turn);
            return None;
        }
        let rtcp = channel == Channel::Rtcp || rtcp::is_rtcp(datagram);
        let opened = guard.open(rtcp, datagram, turn.now);
        turn.stats.forged += u64::from(opened.is_none());
        Some((opened?, guard.proves()))
    }

    /// Read a frame of what was heard, for the recorders, the bridge, the detectors and the echo, which finds it where it
    /// was read.
    fn listen<I: Io>(&mut self, turn: &mut Turn<'_, I>) {
        let samples = self.samples();
        let missed = std::mem::take(&mut self.unread);
        if self.rx.relaying {
            return;
        }
        if self.rx.ears.is_none() {
            return;
        }
        // What arrived during skipped turns is in the buffer by now: read it in its time. Longer gaps are silence.
        let late = missed.min(16);
        if missed > late {
            self.recorders.owe((missed - late).saturating_mul(samples as u64), self.setup.rate);
        }
        let mut found_all = false;
        let heard = &mut turn.scratch.heard[..samples];
        let clock = self.setup.codec.clock();
        let now = rtp::time::units(turn.now, clock);
        for back in (0..=late as u32).rev() {
            let Some(ears) = &mut self.rx.ears else { return };
            ears.read(now.wrapping_sub(back * u32::from(self.pace.ticks)), heard);
            let begun = ears.has_begun();
            self.rx.hear_keys(self.id, heard, turn.out);
            if !self.detectors.is_empty() {
                found_all |= self.detectors.hear(heard, self.id, |event| turn.out.event(event));
            }
            if self.gain != Gain::UNITY {
                mix::scale(heard, self.gain);
            }
            if let Some(Bridged { end: bridge, .. }) = &mut self.bridge
                && begun
                && bridge.rate() == self.setup.rate
            {
                bridge.push(heard);
            }
            self.recorders.hear(heard, self.setup.rate);
            // What was to be said in this turn is not said any more.
            if back > self.unsaid.into() {
                self.recorders.settle();
            }
        }
        if found_all {
            while let Some(listener) = self.detectors.take_over() {
                self.tell_over(listener, turn.out);
            }
            self.unequip(turn.out);
        }
    }

    /// The recorders learn of a key before others have their turns.
    pub(crate) fn press<I: Io>(&mut self, turn: &mut Turn<'_, I>) {
        let pressed = turn.out.pressed.take().filter(|(leg, _)| *leg == self.id);
        if let Some((_, key)) = pressed {
            self.recorders.press(key);
        }
    }

    /// The end of a turn for what records.
    fn settle_recording<I: Io>(&mut self, turn: &mut Turn<'_, I>) {
        let (talking, over) = self.recorders.close();
        if talking {
            turn.out.event(Event::Talking { leg: self.id });
        }
        if over {
            while let Some(recorder) = self.recorders.take_over() {
                turn.out.spent(Spent::Recorder(recorder));
            }
            self.unequip(turn.out);
        }
    }

    /// Once a second: RTCP in, RTCP out, the timeout, the socket, the report.
    fn keep_house<I: Io>(&mut self, turn: &mut Turn<'_, I>) {
        self.hear_reports(turn);
        if let Some(percent) = self.rtcp.news_of_loss() {
            self.tx.expect_loss(percent);
        }
        if self.rtcp.is_due(turn.now) {
            self.send_rtcp(turn, false);
        }
        if self.setup.receive && self.rx.is_lost(turn.now, self.timeout) {
            turn.out.event(Event::Lost { leg: self.id });
        }
        self.tend_door(turn);
        turn.stats.jitter.count(Duration::from_secs_f32(self.rx.jitter_ms().clamp(0.0, 1e6) / 1_000.0));
        turn.out.put(Out::Report(self.id, self.report()));
    }

    fn send_rtcp<I: Io>(&mut self, turn: &mut Turn<'_, I>, bye: bool) {
        let buffer = &mut turn.scratch.packet;
        let voice = self.setup.voice_reports.then(|| self.voice()).flatten();
        let ends = (&mut self.rx, &self.tx);
        let Some(n) = self.rtcp.write(turn.now, ends, voice, bye, buffer) else { return };
        // An RFC 2543 hold has no address.
        if self.setup.remote_rtcp.ip().is_unspecified() || self.setup.remote_rtcp.port() == 0 {
            return;
        }
        let muxed = self.setup.remote_rtcp == self.setup.remote;
        let to = rtcp::destination(self.setup.remote_rtcp, &self.rx, muxed, self.rtcp.from);
        let channel = if muxed { Channel::Rtp } else { Channel::Rtcp };
        let n = match &mut self.tx.guard {
            None => Some(n),
            Some(guard) => guard.seal(true, &mut turn.scratch.packet, n),
        };
        let Some(packet) = n.and_then(|n| turn.scratch.packet.get(..n)) else { return };
        // A report that does not leave is followed by another.
        let _ = turn.io.send(self.place(), channel, to, packet);
    }

    /// How the peer is heard, for itself.
    fn voice(&self) -> Option<VoiceMetrics> {
        let hearing = Hearing::of(&self.setup, &self.rx, &self.rtcp)?;
        Some(hearing.metrics(self.rx.ssrc()?, &self.setup, &self.rx, &self.rtcp))
    }

    /// The last turn: what runs ends, and the peer is told goodbye.
    pub(crate) fn end<I: Io>(&mut self, turn: &mut Turn<'_, I>) {
        self.interrupt(turn.out);
        self.end_dialling(turn.out);
        self.end_recordings(turn.out);
        self.end_detectors(turn.out);
        self.end_bridge(turn.out);
        self.send_rtcp(turn, true);
        turn.stats.lost += self.rx.lost().max(0) as u64;
    }
}
