//! A leg: one end's media, its ears (`rx`) and its mouth (`tx`), and what it was asked to do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rtp::jitter::Buffer;
use rtp::packet::HEADER;

use crate::bridge::Bridge;
use crate::clock;
use crate::command::LegSetup;
use crate::event::Event;
use crate::id::LegId;
use crate::io::{Channel, Io};
use crate::order::{Out, Outlet, Spent};
use crate::recorder::{Progress, Recorder};
use crate::report::{LegReport, Saying};
use crate::rtcp::{self, Rtcp};
use crate::rx::Rx;
use crate::source::{Playlist, Source};
use crate::tx::{Dialling, Step, Tx};
use crate::worker::{FRAME, Turn};

/// RTCP datagrams read a second; a peer sends one in five.
const RTCP_A_SECOND: usize = 8;

/// Owned by exactly one worker from adoption to release.
///
/// What every turn touches comes first: a leg is out of the caches by its next turn, and fetching its memory is
/// most of what it costs beside its system calls.
#[repr(C)]
pub(crate) struct Leg {
    pub(crate) id: LegId,
    /// Slots from one turn to the next, and samples in a packet: what the packet time comes to.
    period: u16,
    units: u16,
    /// Turns until the next housekeeping; the first is at a time of its own, so that not all legs keep house at once.
    chores: u32,
    turns: u64,
    /// Turns that were skipped and whose audio is still to be read.
    unread: u64,
    tx: Tx,
    setup: LegSetup,
    source: Source,
    rx: Rx,
    dialling: Option<Dialling>,
    recorder: Option<Recorder>,
    /// With the tag of its command.
    bridge: Option<(u64, Box<Bridge>)>,
    rtcp: Rtcp,
    timeout: Duration,
}

impl Leg {
    pub(crate) fn new(id: LegId, setup: LegSetup, cname: Arc<str>, timeout: Duration, seed: u64) -> Leg {
        let (period, units) = pace(&setup);
        Leg {
            id,
            period,
            units,
            chores: id.place % 50 + 1,
            timeout,
            rx: Rx::new(&setup),
            tx: Tx::new(seed),
            rtcp: Rtcp::new(cname, seed.rotate_left(17)),
            source: Source::Silence,
            dialling: None,
            recorder: None,
            bridge: None,
            turns: u64::from(id.place),
            unread: 0,
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
        self.period.into()
    }

    /// Samples in a packet.
    fn units(&self) -> usize {
        self.units.into()
    }

    fn place(&self) -> usize {
        self.id.place as usize
    }

    /// One packet time: hear what arrived, say what is due.
    pub(crate) fn turn<I: Io>(&mut self, turn: &mut Turn<'_, I>) {
        self.turns += 1;
        self.hear(turn);
        self.listen(turn);
        if self.setup.send {
            self.speak(turn);
        } else {
            if let Some((_, bridge)) = &mut self.bridge {
                bridge.pass();
            }
            self.tx.pass(self.units() as u32);
            self.tx.pause();
        }
        self.chores -= 1;
        if self.chores == 0 {
            self.chores = 200 / u32::from(self.period);
            self.keep_house(turn);
        }
    }

    /// Take what the socket has.
    fn hear<I: Io>(&mut self, turn: &mut Turn<'_, I>) {
        let place = self.place();
        let appetite = self.rx.appetite(self.turns);
        let (mut read, mut empty) = (0, false);
        while read < appetite {
            let Some(received) = turn.io.receive(place, Channel::Rtp, &mut turn.scratch.datagram) else {
                empty = true;
                break;
            };
            read += 1;
            let datagram = turn.scratch.datagram.get(..received.len).unwrap_or_default();
            if rtcp::is_rtcp(datagram) {
                if received.from.ip() == self.rx.latch.remote().ip() {
                    self.rtcp.read(turn.now, self.tx.ssrc(), datagram);
                }
            } else {
                self.rx.datagram(self.id, &self.setup, received.from, received.len, turn);
            }
        }
        self.rx.fed(read, empty);
        self.rx.settle(self.id, turn);
    }

    /// Read a frame of what was heard, for the recorder, the bridge and the echo.
    fn listen<I: Io>(&mut self, turn: &mut Turn<'_, I>) {
        let units = self.units();
        let missed = std::mem::take(&mut self.unread);
        let Some(buffer) = &mut self.rx.buffer else { return };
        // What arrived during skipped turns is in the buffer by now: read it in its time. Longer gaps are silence.
        let late = missed.min(16);
        if let Some(recorder) = &mut self.recorder {
            recorder.owe((missed - late).saturating_mul(units as u64));
        }
        let mut over = false;
        for _ in 0..=late {
            let heard = &mut turn.scratch.heard[..units];
            heard.fill(self.setup.codec.silence());
            buffer.read(heard);
            let recorder = self.recorder.as_mut().filter(|_| !over);
            if recorder.is_none() && self.bridge.is_none() {
                continue;
            }
            let pcm = &mut turn.scratch.pcm[..units];
            let n = self.setup.codec.decode(heard, pcm);
            if let Some((_, bridge)) = &mut self.bridge {
                bridge.push(&pcm[..n]);
            }
            let Some(recorder) = recorder else { continue };
            match recorder.push(&pcm[..n]) {
                Progress::Going => {}
                Progress::Talking => turn.out.event(Event::Talking { leg: self.id }),
                Progress::Over => over = true,
            }
        }
        if over {
            self.end_recording(turn.out);
        }
    }

    fn speak<I: Io>(&mut self, turn: &mut Turn<'_, I>) {
        let (place, units, to) = (self.place(), self.units(), self.rx.latch.remote());
        let codec = self.setup.codec;
        let mut quiet = false;
        let covered = self.dialling.is_some() || !matches!(self.source, Source::Silence);
        if covered && let Some((_, bridge)) = &mut self.bridge {
            bridge.pass();
        }
        if let Some(dialling) = &mut self.dialling {
            let frame = &mut turn.scratch.packet[HEADER..HEADER + units];
            match dialling.step(self.tx.timestamp(), codec, frame) {
                Step::Event(update) => {
                    let payload_type = self.setup.telephone_event.unwrap_or(self.setup.payload_type);
                    self.tx.event(place, to, payload_type, &update, turn);
                    return self.tx.pass(units as u32);
                }
                Step::Tone { last } => {
                    self.tx.audio(place, to, self.setup.payload_type, true, units, turn);
                    if last {
                        self.end_dialling(turn.out);
                    }
                    return;
                }
                Step::Quiet => quiet = true,
                Step::Over => self.end_dialling(turn.out),
            }
        }
        let frame = &mut turn.scratch.packet[HEADER..HEADER + units];
        let mut played = None;
        let talking = match &mut self.source {
            // A prompt waits while keys are being sent.
            Source::Prompts(_) | Source::Echo { .. } if quiet => {
                frame.fill(codec.silence());
                false
            }
            Source::Silence => match &mut self.bridge {
                Some((_, bridge)) if !covered => bridge.fill(codec, frame),
                _ => {
                    frame.fill(codec.silence());
                    false
                }
            },
            Source::Echo { .. } => {
                frame.copy_from_slice(&turn.scratch.heard[..units]);
                true
            }
            Source::Prompts(list) => {
                played = list.fill(codec, frame).then_some(list.tag);
                true
            }
        };
        self.tx.audio(place, to, self.setup.payload_type, talking, units, turn);
        if let Some(tag) = played {
            self.hush(turn.out);
            turn.out.event(Event::Played { leg: self.id, tag, stopped: false });
        }
    }

    /// Once a second: RTCP in, RTCP out, the timeout, the report.
    fn keep_house<I: Io>(&mut self, turn: &mut Turn<'_, I>) {
        let place = self.place();
        for _ in 0..RTCP_A_SECOND {
            let Some(received) = turn.io.receive(place, Channel::Rtcp, &mut turn.scratch.datagram) else {
                break;
            };
            let known = [self.rx.latch.remote().ip(), self.setup.remote_rtcp.ip()];
            let datagram = turn.scratch.datagram.get(..received.len).unwrap_or_default();
            if known.contains(&received.from.ip()) {
                self.rtcp.read(turn.now.saturating_sub(received.waited), self.tx.ssrc(), datagram);
            }
        }
        if self.rtcp.is_due(turn.now) {
            self.send_rtcp(turn, false);
        }
        if self.setup.receive && self.rx.is_lost(turn.now, self.timeout) {
            turn.out.event(Event::Lost { leg: self.id });
        }
        turn.stats.jitter.count(Duration::from_secs_f32(self.rx.jitter_ms().clamp(0.0, 1e6) / 1_000.0));
        turn.out.put(Out::Report(self.id, self.report()));
    }

    fn send_rtcp<I: Io>(&mut self, turn: &mut Turn<'_, I>, bye: bool) {
        let buffer = &mut turn.scratch.packet;
        let Some(n) = self.rtcp.write(turn.now, &mut self.rx, &self.tx, bye, buffer) else { return };
        // An RFC 2543 hold has no address.
        if self.setup.remote_rtcp.ip().is_unspecified() || self.setup.remote_rtcp.port() == 0 {
            return;
        }
        let muxed = self.setup.remote_rtcp == self.setup.remote;
        let to = rtcp::destination(self.setup.remote_rtcp, &self.rx, muxed);
        let channel = if muxed { Channel::Rtp } else { Channel::Rtcp };
        // A report that does not leave is followed by another.
        let _ = turn.io.send(self.place(), channel, to, &turn.scratch.packet[..n]);
    }

    /// Turns that did not take place.
    pub(crate) fn skip(&mut self, turns: u64) {
        self.tx.pass((self.units() as u32).wrapping_mul(turns as u32));
        self.tx.pause();
        self.unread = self.unread.saturating_add(turns);
        self.rx.skip(turns);
    }

    pub(crate) fn play<P>(&mut self, list: Playlist, out: &mut Outlet<P>) {
        self.interrupt(out);
        self.source = Source::Prompts(list);
    }

    pub(crate) fn echo<P>(&mut self, tag: u64, buffer: Box<Buffer>, out: &mut Outlet<P>) {
        self.interrupt(out);
        self.open_ears(buffer, out);
        self.source = Source::Echo { tag };
    }

    pub(crate) fn bridge<P>(&mut self, tag: u64, end: Box<Bridge>, buffer: Box<Buffer>, out: &mut Outlet<P>) {
        self.open_ears(buffer, out);
        if let Some((before, end)) = self.bridge.replace((tag, end)) {
            out.event(Event::Played { leg: self.id, tag: before, stopped: true });
            out.spent(Spent::Bridge(end));
        }
    }

    fn end_bridge<P>(&mut self, out: &mut Outlet<P>) {
        if let Some((tag, end)) = self.bridge.take() {
            out.event(Event::Played { leg: self.id, tag, stopped: true });
            out.spent(Spent::Bridge(end));
            self.close_ears(out);
        }
    }

    pub(crate) fn record<P>(&mut self, recorder: Recorder, buffer: Box<Buffer>, out: &mut Outlet<P>) {
        self.end_recording(out);
        self.open_ears(buffer, out);
        self.recorder = Some(recorder);
    }

    pub(crate) fn dial<P>(&mut self, dialling: Dialling, out: &mut Outlet<P>) {
        self.end_dialling(out);
        self.dialling = Some(dialling);
    }

    pub(crate) fn stop<P>(&mut self, tag: u64, out: &mut Outlet<P>) {
        if self.source.tag() == Some(tag) {
            self.interrupt(out);
        }
        if self.recorder.as_ref().is_some_and(|recorder| recorder.tag == tag) {
            self.end_recording(out);
        }
        if self.bridge.as_ref().is_some_and(|(of, _)| *of == tag) {
            self.end_bridge(out);
        }
        if let Some(dialling) = self.dialling.as_mut().filter(|dialling| dialling.tag() == tag)
            && dialling.cut()
        {
            self.end_dialling(out);
        }
    }

    /// End what is being said before its end.
    fn interrupt<P>(&mut self, out: &mut Outlet<P>) {
        let Some(tag) = self.source.tag() else { return };
        self.hush(out);
        out.event(Event::Played { leg: self.id, tag, stopped: true });
    }

    fn hush<P>(&mut self, out: &mut Outlet<P>) {
        if let Source::Prompts(list) = std::mem::replace(&mut self.source, Source::Silence) {
            out.spent(Spent::Playlist(list));
        }
        self.close_ears(out);
    }

    fn end_recording<P>(&mut self, out: &mut Outlet<P>) {
        if let Some(recorder) = self.recorder.take() {
            out.spent(Spent::Recorder(recorder));
        }
        self.close_ears(out);
    }

    fn end_dialling<P>(&mut self, out: &mut Outlet<P>) {
        if let Some(dialling) = self.dialling.take() {
            out.event(Event::DigitsSent { leg: self.id, tag: dialling.tag() });
            out.spent(Spent::Dialling(dialling));
        }
    }

    /// A recorder, a bridge and an echo share one buffer.
    fn open_ears<P>(&mut self, buffer: Box<Buffer>, out: &mut Outlet<P>) {
        if self.rx.buffer.is_none() {
            self.rx.buffer = Some(buffer);
            self.unread = 0;
        } else {
            out.spent(Spent::Buffer(buffer));
        }
    }

    /// Nobody listens any more: packets need not be kept.
    fn close_ears<P>(&mut self, out: &mut Outlet<P>) {
        let echo = matches!(self.source, Source::Echo { .. });
        let listening = echo || self.recorder.is_some() || self.bridge.is_some();
        if !listening && let Some(buffer) = self.rx.buffer.take() {
            out.spent(Spent::Buffer(buffer));
        }
    }

    pub(crate) fn reconfigure<P>(&mut self, mut setup: Box<LegSetup>, now: Duration, out: &mut Outlet<P>) {
        std::mem::swap(&mut self.setup, &mut *setup);
        self.rx.reconfigure(&setup, &self.setup, now);
        (self.period, self.units) = pace(&self.setup);
        out.spent(Spent::Setup(setup));
        // A peer that takes no telephone-events any more would hear them as noise.
        if self.setup.telephone_event.is_none() && matches!(self.dialling, Some(Dialling::Events(_))) {
            self.end_dialling(out);
        }
    }

    /// The last turn: what runs ends, and the peer is told goodbye.
    pub(crate) fn end<I: Io>(&mut self, turn: &mut Turn<'_, I>) {
        self.interrupt(turn.out);
        self.end_dialling(turn.out);
        self.end_recording(turn.out);
        self.end_bridge(turn.out);
        self.send_rtcp(turn, true);
        turn.stats.lost += self.rx.lost().max(0) as u64;
    }

    pub(crate) fn report(&self) -> LegReport {
        let remote = self.rx.latch.remote();
        LegReport {
            packets_in: self.rx.packets(),
            packets_out: self.tx.packets,
            lost: self.rx.lost(),
            jitter_ms: self.rx.jitter_ms(),
            duplicates: self.rx.duplicates(),
            out_of_order: self.rx.out_of_order(),
            late: self.rx.late,
            strangers: self.rx.strangers,
            unusable: self.rx.unusable,
            round_trip_ms: self.rtcp.round_trip.map(|trip| trip.as_secs_f32() * 1_000.0),
            remote_lost: self.rtcp.remote_lost,
            remote: SocketAddr::new(remote.ip().to_canonical(), remote.port()),
            latched: self.rx.latch.is_latched(),
            codec: self.setup.codec,
            ptime_ms: self.period * 5,
            buffer_ms: self.rx.buffer.as_ref().map(|buffer| buffer.depth().as_millis() as u16),
            saying: match self.source {
                _ if !self.setup.send => Saying::Held,
                _ if self.dialling.is_some() => Saying::Digits,
                Source::Silence if self.bridge.is_some() => Saying::Bridge,
                Source::Silence => Saying::Silence,
                Source::Prompts(_) => Saying::Prompt,
                Source::Echo { .. } => Saying::Echo,
            },
            recording: self.recorder.is_some(),
        }
    }
}

/// The packet time in slots, made to fit (peers ask for odd ones), and in samples.
fn pace(setup: &LegSetup) -> (u16, u16) {
    let slots = (setup.ptime.as_millis().min(1_000) as u64 + 2) / clock::SLOT.as_millis() as u64;
    let period = slots.clamp(2, 12) as u16;
    let units = u32::from(period) * setup.codec.rate().0 / 200;
    (period, units.min(FRAME as u32) as u16)
}
