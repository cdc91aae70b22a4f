//! What a leg can be asked to listen for, and what listens.
//!
//! Made on the engine's side, because making one allocates; a worker only feeds it the leg's frames and hands it back.

use audio::Rate;
use audio::detect::{
    Answer, CallProgress, Change, Fax, FaxTones, Machine, Patience, Progress, Speech, Timings,
};
use audio::tone::Country;

use crate::event::Event;
use crate::id::LegId;

/// What to listen for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Detector {
    /// Who answered: a person or a machine, and the machine's beep. → [`Found::Answer`], once or twice; over then.
    Machine(Timings),
    /// The tones of fax machines. → [`Found::Fax`]
    Fax,
    /// The network's signals. → [`Found::Progress`], whenever it is another
    Progress(Option<Country>),
    /// Who begins to speak and who stops. → [`Found::Speech`], whenever it changes
    Speech(Patience),
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Found {
    /// Who answered.
    Answer(Answer),
    /// A fax.
    Fax(Fax),
    /// A signal of the network.
    Progress(Progress),
    /// Speech or silence.
    Speech(Change),
    /// The detector listens no more: it told everything, was stopped, replaced by another or made useless by a
    /// re-INVITE. Its last.
    Over,
}

/// A detector at work.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) tag: u64,
    rate: Rate,
    kind: Kind,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a listener is boxed, and made once a call")]
enum Kind {
    Machine(Machine),
    Fax(FaxTones),
    Progress(CallProgress),
    Speech(Speech),
}

impl Listener {
    /// For sound of `rate`.
    pub(crate) fn new(tag: u64, what: Detector, rate: Rate) -> Listener {
        let kind = match what {
            Detector::Machine(timings) => Kind::Machine(Machine::new(rate, timings)),
            Detector::Fax => Kind::Fax(FaxTones::new(rate)),
            Detector::Progress(country) => Kind::Progress(CallProgress::new(rate, country)),
            Detector::Speech(patience) => Kind::Speech(Speech::new(rate, patience)),
        };
        Listener { tag, rate, kind }
    }

    /// Of the sound that it understands.
    pub(crate) fn rate(&self) -> Rate {
        self.rate
    }

    /// Takes the next frame; `false` once there is nothing more to be found.
    pub(crate) fn push(&mut self, heard: &[i16], leg: LegId, mut told: impl FnMut(Event)) -> bool {
        let tag = self.tag;
        let mut found = |what| told(Event::Detected { leg, tag, what });
        match &mut self.kind {
            Kind::Machine(machine) => {
                machine.push(heard, |answer| found(Found::Answer(answer)));
                return !machine.is_over();
            }
            Kind::Fax(fax) => fax.push(heard, |tone| found(Found::Fax(tone))),
            Kind::Progress(progress) => progress.push(heard, |signal| found(Found::Progress(signal))),
            Kind::Speech(speech) => speech.push(heard, |change| found(Found::Speech(change))),
        }
        true
    }
}
