//! The detectors of a leg: they hear the same, and each ends by itself.
//!
//! They hang on each other, so that a worker that is given one more allocates nothing. All of them work at 8 kHz: what a
//! leg of another rate hears is narrowed once for all, and a leg whose rate changes gets another narrowing, so that they
//! listen on.

use audio::Rate;
use audio::detect::Narrow;

use crate::detector::Listener;
use crate::event::Event;
use crate::id::LegId;

/// At a time. Each takes a microsecond of a worker in every 20 ms.
const MOST: usize = 8;

/// Those of one leg.
#[derive(Debug, Default)]
pub(crate) struct Detectors {
    first: Option<Box<Listener>>,
    /// Where what is heard is not of 8 kHz.
    narrow: Option<Box<Narrow>>,
}

/// What makes the 8 kHz of detectors of what a leg hears; `None` if that is its rate.
pub(crate) fn narrowing(rate: Rate) -> Option<Box<Narrow>> {
    (rate != Rate::NARROW).then(|| Box::new(Narrow::new(rate)))
}

impl Detectors {
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// One more, with what it needs to hear this leg; `Err` if there are too many. The narrowing comes back if there is one.
    pub(crate) fn add(
        &mut self,
        mut listener: Box<Listener>,
        narrow: Option<Box<Narrow>>,
    ) -> (Result<(), Box<Listener>>, Option<Box<Narrow>>) {
        if self.iter().count() >= MOST {
            return (Err(listener), narrow);
        }
        let left = if self.is_empty() { std::mem::replace(&mut self.narrow, narrow) } else { narrow };
        listener.next = self.first.take();
        self.first = Some(listener);
        (Ok(()), left)
    }

    /// What is heard is of another rate from here on; what is not needed any more comes back.
    pub(crate) fn retune(&mut self, narrow: Option<Box<Narrow>>) -> Option<Box<Narrow>> {
        if self.is_empty() { narrow } else { std::mem::replace(&mut self.narrow, narrow) }
    }

    /// Nobody listens any more: there is nothing to be narrowed.
    pub(crate) fn rest(&mut self) -> Option<Box<Narrow>> {
        if self.is_empty() { self.narrow.take() } else { None }
    }

    /// The one of this tag is over.
    pub(crate) fn stop(&mut self, tag: u64) -> Option<Box<Listener>> {
        self.take(|listener| listener.tag == tag)
    }

    /// Any that is there.
    pub(crate) fn pop(&mut self) -> Option<Box<Listener>> {
        self.take(|_| true)
    }

    /// One that has found everything.
    pub(crate) fn take_over(&mut self) -> Option<Box<Listener>> {
        self.take(Listener::is_over)
    }

    fn take(&mut self, which: impl Fn(&Listener) -> bool) -> Option<Box<Listener>> {
        let mut at = &mut self.first;
        while at.as_ref().is_some_and(|listener| !which(listener)) {
            at = &mut at.as_mut()?.next;
        }
        let mut found = at.take()?;
        *at = found.next.take();
        Some(found)
    }

    /// Takes the next frame of what is heard; whether one of them has found everything by it.
    pub(crate) fn hear(&mut self, frame: &[i16], leg: LegId, mut told: impl FnMut(Event)) -> bool {
        let Detectors { first, narrow } = self;
        let mut each = |samples: &[i16]| {
            let mut at = &mut *first;
            while let Some(listener) = at {
                if !listener.is_over() {
                    listener.push(samples, leg, &mut told);
                }
                at = &mut listener.next;
            }
        };
        match narrow {
            Some(narrow) => narrow.feed(frame, each),
            None => each(frame),
        }
        self.iter().any(Listener::is_over)
    }

    fn iter(&self) -> impl Iterator<Item = &Listener> {
        std::iter::successors(self.first.as_deref(), |listener| listener.next.as_deref())
    }
}
