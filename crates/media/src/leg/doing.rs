//! What a leg was asked to do: how it begins and how it ends.

use std::net::SocketAddr;
use std::time::Duration;

use super::{Leg, Pace};
use crate::bridge::{Bridge, Bridged};
use crate::command::LegSetup;
use crate::ears::Kit;
use crate::event::Event;
use crate::guard::Guard;
use crate::order::{Outlet, Spent, Steer};
use crate::recorder::Recorder;
use crate::recording::Pause;
use crate::source::{Playlist, Source};
use crate::tx::Dialling;

impl Leg {
    pub(crate) fn play<P>(&mut self, list: Playlist, out: &mut Outlet<P>) {
        self.interrupt(out);
        self.source = Source::Prompts(list);
    }

    /// The same list in another form.
    pub(crate) fn swap<P>(&mut self, mut other: Playlist, out: &mut Outlet<P>) {
        if let Source::Prompts(list) = &mut self.source
            && list.tag == other.tag
        {
            list.swap(&mut other);
        }
        out.spent(Spent::Playlist(other));
    }

    pub(crate) fn steer<P>(&mut self, tag: u64, steer: Steer, out: &mut Outlet<P>) {
        let Source::Prompts(list) = &mut self.source else { return };
        if list.tag != tag {
            return;
        }
        match steer {
            Steer::Pause => list.pause(true),
            Steer::Resume => list.pause(false),
            Steer::Seek(to) => list.seek(to),
            Steer::Skip(by) => list.skip(by),
            Steer::Tell => {}
        }
        let (at, paused) = (list.position(), list.is_paused());
        out.event(Event::Position { leg: self.id, tag, at, paused });
    }

    /// So many turns pass in which nobody hears the prompts.
    pub(super) fn play_unheard(&mut self, turns: u64) {
        if let Source::Prompts(list) = &mut self.source
            && list.is_running()
        {
            // Its end, if it comes, is told when it is heard again.
            list.unheard(self.pace.ms().saturating_mul(turns.try_into().unwrap_or(usize::MAX)));
        }
    }

    pub(crate) fn echo<P>(&mut self, tag: u64, kit: Kit, out: &mut Outlet<P>) {
        self.interrupt(out);
        self.equip(kit, out);
        self.source = Source::Echo { tag };
    }

    pub(crate) fn bridge<P>(&mut self, tag: u64, end: Box<Bridge>, kit: Kit, out: &mut Outlet<P>) {
        self.equip(kit, out);
        // Who passed packets on until now is not waited for.
        self.tx.leave(self.pace.ticks.into());
        if let Some(Bridged { tag: before, end, .. }) = self.bridge.replace(Bridged::new(tag, end)) {
            self.tell_bridge_end(before, &end, out);
            out.spent(Spent::Bridge(end));
        }
    }

    /// That a room's is over is told by the room.
    fn tell_bridge_end<P>(&self, tag: u64, end: &Bridge, out: &mut Outlet<P>) {
        if !end.of_room() {
            out.event(Event::Played { leg: self.id, tag, stopped: true });
        }
    }

    pub(super) fn end_bridge<P>(&mut self, out: &mut Outlet<P>) {
        if let Some(Bridged { tag, end, .. }) = self.bridge.take() {
            self.tell_bridge_end(tag, &end, out);
            out.spent(Spent::Bridge(end));
            self.unequip(out);
        }
    }

    pub(crate) fn record<P>(&mut self, recorder: Box<Recorder>, mut kit: Kit, out: &mut Outlet<P>) {
        let voice = if kit.ears.is_for(&self.setup) { kit.voice.take() } else { None };
        kit.voice = self.recorders.add(recorder, voice).or(kit.voice);
        self.equip(kit, out);
    }

    pub(crate) fn pause_recording(&mut self, tag: u64, pause: Option<Pause>) {
        self.recorders.pause(tag, pause);
    }

    pub(crate) fn dial<P>(&mut self, dialling: Dialling, out: &mut Outlet<P>) {
        self.end_dialling(out);
        self.dialling = Some(dialling);
    }

    pub(crate) fn stop<P>(&mut self, tag: u64, out: &mut Outlet<P>) {
        if self.source.tag() == Some(tag) {
            self.interrupt(out);
        }
        if let Some(listener) = self.detectors.stop(tag) {
            self.tell_over(listener, out);
            self.unequip(out);
        }
        if let Some(recorder) = self.recorders.stop(tag) {
            out.spent(Spent::Recorder(recorder));
            self.unequip(out);
        }
        if self.bridge.as_ref().is_some_and(|bridge| bridge.tag == tag) {
            self.end_bridge(out);
        }
        if let Some(dialling) = self.dialling.as_mut().filter(|dialling| dialling.tag() == tag)
            && dialling.cut()
        {
            self.end_dialling(out);
        }
    }

    /// End what is being said before its end.
    pub(super) fn interrupt<P>(&mut self, out: &mut Outlet<P>) {
        let Some(tag) = self.source.tag() else { return };
        self.hush(out);
        out.event(Event::Played { leg: self.id, tag, stopped: true });
    }

    pub(super) fn hush<P>(&mut self, out: &mut Outlet<P>) {
        if let Source::Prompts(list) = std::mem::replace(&mut self.source, Source::Silence) {
            out.spent(Spent::Playlist(list));
        }
        self.unequip(out);
    }

    pub(super) fn end_recordings<P>(&mut self, out: &mut Outlet<P>) {
        while let Some(recorder) = self.recorders.pop() {
            out.spent(Spent::Recorder(recorder));
        }
        self.unequip(out);
    }

    pub(super) fn end_dialling<P>(&mut self, out: &mut Outlet<P>) {
        if let Some(dialling) = self.dialling.take() {
            out.event(Event::DigitsSent { leg: self.id, tag: dialling.tag() });
            out.spent(Spent::Dialling(dialling));
        }
    }

    /// Take what is not there yet: whoever listens shares the ears, whoever speaks from samples the encoder.
    pub(super) fn equip<P>(&mut self, kit: Kit, out: &mut Outlet<P>) {
        // Made for what the leg was before a re-INVITE: of no use, and another comes with that.
        let fits = kit.ears.is_for(&self.setup);
        match &mut self.rx.ears {
            None if fits => {
                self.rx.ears = Some(kit.ears);
                self.unread = 0;
            }
            Some(ears) if fits => {
                ears.hurry(&kit.ears);
                out.spent(Spent::Ears(kit.ears));
            }
            _ => out.spent(Spent::Ears(kit.ears)),
        }
        match kit.encoder {
            Some(encoder) if fits && !self.tx.is_equipped() => {
                self.tx.equip(encoder);
            }
            Some(encoder) => out.spent(Spent::Encoder(encoder)),
            None => {}
        }
        kit.voice.into_iter().for_each(|voice| out.spent(Spent::Decoder(voice)));
        kit.narrow.into_iter().for_each(|narrow| out.spent(Spent::Narrow(narrow)));
        match kit.keys {
            Some(keys) if fits && self.setup.keys_in_sound && self.rx.tones.is_none() => {
                self.rx.tones = Some(keys);
            }
            Some(keys) => out.spent(Spent::Keys(keys)),
            None => {}
        }
    }

    /// Let go of what nobody uses any more: packets need not be kept when nobody listens.
    pub(super) fn unequip<P>(&mut self, out: &mut Outlet<P>) {
        let talking =
            matches!(self.source, Source::Echo { .. }) || self.bridge.is_some() || self.room.is_some();
        if !talking && let Some(encoder) = self.tx.strip() {
            out.spent(Spent::Encoder(encoder));
        }
        if let Some(narrow) = self.detectors.rest() {
            out.spent(Spent::Narrow(narrow));
        }
        if !talking
            && self.recorders.is_empty()
            && self.detectors.is_empty()
            && self.rx.tones.is_none()
            && let Some(ears) = self.rx.take_ears()
        {
            out.spent(Spent::Ears(ears));
        }
    }

    /// New keys take over at `now`; `from` is where they were proven, if that is not where the peer said it would be.
    pub(crate) fn secure<P>(
        &mut self,
        mut guard: Box<Guard>,
        from: Option<SocketAddr>,
        now: Duration,
        out: &mut Outlet<P>,
    ) {
        match &mut self.tx.guard {
            Some(held) => {
                if held.follow(&mut guard, now) {
                    // With numbers of its own, also where packets are passed on.
                    self.tx.begin_anew(self.pace.ticks.into());
                    self.tx.renew();
                }
                out.spent(Spent::Guard(guard));
            }
            none => *none = Some(guard),
        }
        if let Some(from) = from
            && self.rx.latch.move_to(from)
        {
            let remote = SocketAddr::new(from.ip().to_canonical(), from.port());
            out.event(Event::Latched { leg: self.id, remote });
        }
    }

    /// A re-INVITE agreed on what there was.
    pub(crate) fn renew(&mut self) {
        self.rx.latch.renew(self.setup.remote);
    }

    /// What a re-INVITE agreed on. In another codec or at another rate, ears and encoder are those of `kit`.
    pub(crate) fn reconfigure<P>(
        &mut self,
        mut setup: Box<LegSetup>,
        kit: Option<Kit>,
        now: Duration,
        out: &mut Outlet<P>,
    ) {
        std::mem::swap(&mut self.setup, &mut *setup);
        self.rx.reconfigure(&self.setup, now);
        self.pace = Pace::of(&self.setup);
        out.spent(Spent::Setup(setup));
        if let Some(kit) = kit {
            let fit = self.rx.ears.as_ref().is_some_and(|ears| ears.is_for(&self.setup));
            let ears = match self.rx.ears.is_some() || self.setup.keys_in_sound {
                true if !fit => {
                    let before = self.rx.take_ears();
                    self.rx.ears = Some(kit.ears);
                    self.rx.resume();
                    before
                }
                _ => Some(kit.ears),
            };
            ears.into_iter().for_each(|ears| out.spent(Spent::Ears(ears)));
            let keys = std::mem::replace(&mut self.rx.tones, kit.keys);
            keys.into_iter().for_each(|keys| out.spent(Spent::Keys(keys)));
            let encoder = match (kit.encoder, self.tx.is_equipped()) {
                (Some(encoder), true) => self.tx.equip(encoder),
                (encoder, _) => encoder,
            };
            encoder.into_iter().for_each(|encoder| out.spent(Spent::Encoder(encoder)));
            let voice = self.recorders.learn(kit.voice);
            voice.into_iter().for_each(|voice| out.spent(Spent::Decoder(voice)));
            let narrow = self.detectors.retune(kit.narrow);
            narrow.into_iter().for_each(|narrow| out.spent(Spent::Narrow(narrow)));
        }
        self.rx.change_clock(self.id, self.setup.telephone_event_clock, out);
        self.unequip(out);
        // A peer that takes no telephone-events any more would hear them as noise.
        if self.setup.telephone_event.is_none() && matches!(self.dialling, Some(Dialling::Events(_))) {
            self.end_dialling(out);
        }
    }
}
