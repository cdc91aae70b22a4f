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
    /// The detector listens no more: it told everything, was stopped, went with its leg, or is one too many. Its last.
    Over,
}

/// A detector at work. It hears 8 kHz, whatever the leg's rate is ([`Detectors`](crate::detectors::Detectors)).
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) tag: u64,
    kind: Kind,
    /// There is nothing more to be found.
    over: bool,
    /// The next one of the same leg.
    pub(crate) next: Option<Box<Listener>>,
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
    pub(crate) fn new(tag: u64, what: Detector) -> Listener {
        let rate = Rate::NARROW;
        let kind = match what {
            Detector::Machine(timings) => Kind::Machine(Machine::new(rate, timings)),
            Detector::Fax => Kind::Fax(FaxTones::new(rate)),
            Detector::Progress(country) => Kind::Progress(CallProgress::new(rate, country)),
            Detector::Speech(patience) => Kind::Speech(Speech::new(rate, patience)),
        };
        Listener { tag, kind, over: false, next: None }
    }

    /// Whether there is nothing more to be found.
    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// Takes the next samples, at 8 kHz.
    pub(crate) fn push(&mut self, heard: &[i16], leg: LegId, mut told: impl FnMut(Event)) {
        let tag = self.tag;
        let mut found = |what| told(Event::Detected { leg, tag, what });
        match &mut self.kind {
            Kind::Machine(machine) => {
                machine.push(heard, |answer| found(Found::Answer(answer)));
                self.over = machine.is_over();
            }
            Kind::Fax(fax) => fax.push(heard, |tone| found(Found::Fax(tone))),
            Kind::Progress(progress) => progress.push(heard, |signal| found(Found::Progress(signal))),
            Kind::Speech(speech) => speech.push(heard, |change| found(Found::Speech(change))),
        }
    }
}
