//! A leg: one end's media, its ears (`rx`) and its mouth (`tx`), and what it was asked to do.

use std::time::Duration;

use crate::clock;
use crate::command::LegSetup;
use crate::event::Event;
use crate::id::LegId;
use crate::io::Io;
use crate::order::{Outlet, Spent};
use crate::report::{LegReport, Saying};
use crate::source::{Playlist, Source};
use crate::tx::Tx;
use crate::worker::Turn;

/// Owned by exactly one worker from adoption to release.
pub(crate) struct Leg {
    pub(crate) id: LegId,
    setup: LegSetup,
    source: Source,
    tx: Tx,
    packets_in: u64,
}

impl Leg {
    pub(crate) fn new(id: LegId, setup: LegSetup, seed: u64) -> Leg {
        Leg { id, tx: Tx::new(seed), setup, source: Source::Silence, packets_in: 0 }
    }

    /// The worker has it now.
    pub(crate) fn begin(&mut self, _now: Duration) {}

    /// Slots from one turn to the next: the packet time.
    pub(crate) fn period(&self) -> u64 {
        period(self.setup.ptime)
    }

    /// One packet time: hear what arrived, say what is due.
    pub(crate) fn turn<I: Io>(&mut self, turn: &mut Turn<'_, I>) {
        let place = self.id.place as usize;
        while let Some(received) = turn.io.receive(place, crate::io::Channel::Rtp, &mut turn.scratch.datagram)
        {
            if rtp::View::parse(&turn.scratch.datagram[..received.len]).is_some() {
                self.packets_in += 1;
                turn.stats.packets_in += 1;
            }
        }
        self.speak(turn);
    }

    fn speak<I: Io>(&mut self, turn: &mut Turn<'_, I>) {
        if !self.setup.send {
            return self.tx.pass(self.units());
        }
        let units = self.units() as usize;
        let packet = &mut turn.scratch.packet[..rtp::packet::HEADER + units];
        let frame = &mut packet[rtp::packet::HEADER..];
        frame.fill(self.setup.codec.silence());
        let mut over = None;
        let talking = match &mut self.source {
            Source::Silence | Source::Echo { .. } => false,
            Source::Prompts(list) => {
                if list.fill(self.setup.codec, frame) {
                    over = Some(list.tag);
                }
                true
            }
        };
        self.tx.audio(self.id, &self.setup, talking, packet, turn.io, turn.stats);
        if let Some(tag) = over {
            self.hush(turn.out);
            turn.out.event(Event::Played { leg: self.id, tag, stopped: false });
        }
    }

    /// Turns that did not take place.
    pub(crate) fn skip(&mut self, turns: u64) {
        self.tx.pass(self.units().wrapping_mul(turns as u32));
    }

    pub(crate) fn play<P>(&mut self, list: Playlist, out: &mut Outlet<P>) {
        self.interrupt(out);
        self.source = Source::Prompts(list);
    }

    pub(crate) fn stop<P>(&mut self, tag: u64, out: &mut Outlet<P>) {
        match &self.source {
            Source::Prompts(list) if list.tag == tag => self.interrupt(out),
            Source::Echo { tag: mine } if *mine == tag => self.interrupt(out),
            _ => {}
        }
    }

    /// End what is being said before its end.
    fn interrupt<P>(&mut self, out: &mut Outlet<P>) {
        let tag = match &self.source {
            Source::Silence => return,
            Source::Prompts(list) => list.tag,
            Source::Echo { tag } => *tag,
        };
        self.hush(out);
        out.event(Event::Played { leg: self.id, tag, stopped: true });
    }

    fn hush<P>(&mut self, out: &mut Outlet<P>) {
        if let Source::Prompts(list) = std::mem::replace(&mut self.source, Source::Silence) {
            out.spent(Spent::Playlist(list));
        }
    }

    pub(crate) fn reconfigure<P>(&mut self, mut setup: Box<LegSetup>, _now: Duration, out: &mut Outlet<P>) {
        std::mem::swap(&mut self.setup, &mut *setup);
        out.spent(Spent::Setup(setup));
    }

    /// The last turn.
    pub(crate) fn end<I: Io>(&mut self, turn: &mut Turn<'_, I>) {
        self.interrupt(turn.out);
    }

    /// Samples in a packet.
    fn units(&self) -> u32 {
        self.period() as u32 * self.setup.codec.rate().0 / 200
    }

    pub(crate) fn report(&self) -> LegReport {
        LegReport {
            packets_in: self.packets_in,
            packets_out: self.tx.packets,
            lost: 0,
            jitter_ms: 0.0,
            duplicates: 0,
            out_of_order: 0,
            late: 0,
            strangers: 0,
            unusable: 0,
            round_trip_ms: None,
            remote_lost: None,
            remote: self.setup.remote,
            latched: false,
            codec: self.setup.codec,
            ptime_ms: (self.period() * 5) as u16,
            buffer_ms: None,
            saying: match self.source {
                _ if !self.setup.send => Saying::Held,
                Source::Silence => Saying::Silence,
                Source::Prompts(_) => Saying::Prompt,
                Source::Echo { .. } => Saying::Echo,
            },
            recording: false,
        }
    }
}

/// A packet time in slots, made to fit: peers ask for odd ones.
fn period(ptime: Duration) -> u64 {
    let slots = (ptime.as_millis() as u64 + 2) / clock::SLOT.as_millis() as u64;
    slots.clamp(2, 12)
}
