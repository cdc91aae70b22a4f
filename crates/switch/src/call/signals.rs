//! What the network says in the sound of a call outside before it is answered: it rings, it is busy, it comes to nothing.
//!
//! Many trunks answer such a call with a final response; some play a tone instead, and go on ringing for SIP. What is done
//! with that is the trunk's `progress`. Only the legs of trunks are listened to, and only until they answer.

use std::time::Instant;

use audio::detect::{Progress, Sit};
use audio::tone::{CODES, Country};
use store::Signals;

use super::LegKey;
use super::run::Call;

/// What a signal is called, and the final response that would say the same (RFC 3398 §7.2.4.1); none for one by which the
/// call may still be answered.
fn meaning(signal: Progress) -> (&'static str, Option<u16>) {
    match signal {
        Progress::Ringback => ("the ringing tone", None),
        // In some countries it says that there is no such number, in others that one may dial on.
        Progress::DialTone => ("a tone without pause", None),
        Progress::Busy => ("the busy tone", Some(486)),
        Progress::Congestion => ("the congestion tone", Some(503)),
        Progress::Special(sit) => match sit {
            Sit::NoCircuit => ("the special information tones for no circuit", Some(503)),
            Sit::Reorder => ("the special information tones for a failed exchange", Some(503)),
            Sit::Intercept => ("the special information tones for a number that has changed", Some(410)),
            Sit::VacantCode => ("the special information tones for no such number", Some(404)),
            Sit::International => ("the special information tones", Some(480)),
        },
    }
}

/// The country whose signals are expected of a call to this number, in E.164.
fn country(number: &str) -> Option<Country> {
    let code = flow::country_of(number)?.to_ascii_lowercase();
    CODES.contains(&code.as_str()).then(|| audio::tone::country(&code))
}

impl Call {
    /// A leg that rings lets something be heard: of a trunk's, the network's signals are listened for.
    pub(super) fn listen_to_network(&mut self, key: LegKey) {
        let Some(hunt) = self.hunts().and_then(|hunts| hunts.iter().find(|hunt| hunt.is_by(key))) else {
            return;
        };
        if hunt.signals() != Signals::Ignored {
            let country = country(hunt.canonical());
            self.leg_mut(key).into_iter().for_each(|leg| leg.listen_for_signals(country));
        }
    }

    /// The network says something in the sound of a leg that rings.
    pub(super) fn signalled(&mut self, now: Instant, key: LegKey, signal: Progress) {
        if !self.dial.as_ref().is_some_and(|dial| dial.rings(key)) {
            return;
        }
        let (words, status) = meaning(signal);
        let Some(leg) = self.leg(key) else { return };
        let mark = self.record.marked(leg.mark());
        let hunt = self.hunts().and_then(|hunts| hunts.iter().find(|hunt| hunt.is_by(key)));
        let obeyed = hunt.is_some_and(|hunt| hunt.signals() == Signals::Obeyed);
        match status.filter(|_| obeyed) {
            Some(status) => {
                self.record.timeline.note(now, format!("{mark}{words} is heard: as after {status}"));
                self.leg_mut(key).into_iter().for_each(|leg| leg.signalled_off(status));
                self.fork_refused(now, key, status);
            }
            None => self.record.timeline.note(now, format!("{mark}{words} is heard")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trunk::{Verdict, verdict};

    #[test]
    fn what_says_nothing_of_who_is_called_leads_to_the_next_trunk() {
        for (signal, expected) in [
            (Progress::Busy, Verdict::Final),
            (Progress::Congestion, Verdict::Next),
            (Progress::Special(Sit::NoCircuit), Verdict::Next),
            (Progress::Special(Sit::Reorder), Verdict::Next),
            (Progress::Special(Sit::Intercept), Verdict::Final),
            (Progress::Special(Sit::VacantCode), Verdict::Final),
            (Progress::Special(Sit::International), Verdict::Final),
        ] {
            let status = meaning(signal).1.expect("the call comes to nothing");
            assert_eq!(verdict(status), expected, "{signal:?}");
        }
        assert_eq!(meaning(Progress::Ringback).1, None);
        assert_eq!(meaning(Progress::DialTone).1, None);
    }

    #[test]
    fn a_numbers_country_is_known_where_its_signals_are() {
        assert_eq!(country("+34911234567"), Some(audio::tone::country("es")));
        assert_eq!(country("+12125550123"), Some(audio::tone::country("us")));
        for number in ["+3545551234", "202", ""] {
            assert_eq!(country(number), None, "{number}");
        }
    }
}
