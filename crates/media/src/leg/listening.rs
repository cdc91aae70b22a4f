//! What a leg listens for: keys in the sound, and what detectors were made for.

use audio::detect::Press;

use super::Leg;
use crate::detector::{Found, Listener};
use crate::ears::{Interpreter, Kit};
use crate::event::{Event, KeyWay};
use crate::order::{Outlet, Spent};
use crate::rx::Rx;

impl Leg {
    /// Before the worker has it: ears for the keys in the sound.
    pub(crate) fn listen_for_keys(&mut self, kit: Kit) {
        self.rx.ears = Some(kit.ears);
        self.rx.tones = kit.keys;
    }

    /// Here is what decodes the codec that the peer has changed over to.
    pub(crate) fn interpret<P>(&mut self, interpreter: Box<Interpreter>, out: &mut Outlet<P>) {
        let left = match &mut self.rx.ears {
            Some(ears) => ears.equip(interpreter),
            None => Some(interpreter),
        };
        left.into_iter().for_each(|interpreter| out.spent(Spent::Interpreter(interpreter)));
    }

    pub(crate) fn detect<P>(&mut self, listener: Box<Listener>, mut kit: Kit, out: &mut Outlet<P>) {
        // Made for what the leg was before a re-INVITE: it would hear nothing, or something else.
        let fits = kit.ears.is_for(&self.setup);
        let narrow = kit.narrow.take();
        self.equip(kit, out);
        let (added, left) = if fits { self.detectors.add(listener, narrow) } else { (Err(listener), narrow) };
        left.into_iter().for_each(|narrow| out.spent(Spent::Narrow(narrow)));
        if let Err(listener) = added {
            self.tell_over(listener, out);
            self.unequip(out);
        }
    }

    /// Nothing is listened for any more.
    pub(super) fn end_detectors<P>(&mut self, out: &mut Outlet<P>) {
        while let Some(listener) = self.detectors.pop() {
            self.tell_over(listener, out);
        }
        self.unequip(out);
    }

    pub(super) fn tell_over<P>(&self, listener: Box<Listener>, out: &mut Outlet<P>) {
        out.event(Event::Detected { leg: self.id, tag: listener.tag, what: Found::Over });
        out.spent(Spent::Listener(listener));
    }
}

impl Rx {
    /// The keys in a frame.
    pub(super) fn hear_keys<P>(&mut self, leg: crate::LegId, heard: &[i16], out: &mut Outlet<P>) {
        let Some(tones) = &mut self.tones else { return };
        let way = KeyWay::Sound;
        tones.push(heard, |press| {
            out.event(match press {
                Press::Down(key) => Event::Digit { leg, key, way },
                Press::Up { key, held } => Event::DigitEnded { leg, key, way, ms: held.as_millis() as u32 },
            });
        });
    }
}
