//! Keys that go by SIP INFO: in their order, each after the answer to the one before, and no faster than they are pressed.
//!
//! Two requests may overtake each other on their way, and a gateway that makes tones of them wants each to end first.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use flow::leg::Tag;
use media::DigitToSend;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Informing {
    /// Oldest first; the first one's next keys are sent.
    errands: VecDeque<Errand>,
    at: At,
}

/// Keys of one order, without those that were sent.
#[derive(Debug)]
struct Errand {
    tag: Tag,
    digits: VecDeque<DigitToSend>,
}

#[derive(Debug, Default)]
enum At {
    /// Nothing was sent whose answer or end is awaited.
    #[default]
    Rest,
    /// This key is not answered, and lasts until then; `None` if nobody wants it sent any more.
    Asked(Option<DigitToSend>, Instant),
    /// The last key or pause lasts until then.
    Lasts(Instant),
    /// The far end takes no INFO.
    Refused,
}

/// What is to be done next.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// Send this key, which is pressed for so long.
    Press(char, Duration),
    /// Tell that all of this order was sent.
    Sent(Tag),
}

impl Informing {
    /// More keys, after those that wait.
    pub(super) fn add(&mut self, tag: Tag, digits: Vec<DigitToSend>) {
        self.errands.push_back(Errand { tag, digits: digits.into() });
    }

    /// When the next step is due, if that is known.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self.at {
            At::Lasts(until) if !self.errands.is_empty() => Some(until),
            _ => None,
        }
    }

    /// What is to be done now; to be asked until it is nothing.
    pub(super) fn step(&mut self, now: Instant) -> Option<Step> {
        loop {
            match self.at {
                At::Rest => {}
                At::Lasts(until) if until <= now => {}
                At::Asked(..) | At::Lasts(_) | At::Refused => return None,
            }
            let errand = self.errands.front_mut()?;
            let Some(digit) = errand.digits.pop_front() else {
                return self.errands.pop_front().map(|errand| Step::Sent(errand.tag));
            };
            let until = now + digit.duration + digit.gap;
            match digit.key {
                Some(key) => {
                    self.at = At::Asked(Some(digit), until);
                    return Some(Step::Press(key, digit.duration));
                }
                None => self.at = At::Lasts(until),
            }
        }
    }

    /// The key that was sent last is answered; which it was, if somebody still wants it sent.
    pub(super) fn answered(&mut self) -> Option<DigitToSend> {
        let At::Asked(digit, until) = self.at else { return None };
        self.at = At::Lasts(until);
        digit
    }

    /// The far end takes no INFO: nothing goes by it any more. The orders that are not done, and what is left of them,
    /// beginning with the key that was refused.
    pub(super) fn refuse(&mut self, refused: Option<DigitToSend>) -> (Vec<Tag>, Vec<DigitToSend>) {
        let left = self.errands.drain(..).fold((Vec::new(), Vec::new()), |(mut tags, mut digits), errand| {
            tags.push(errand.tag);
            digits.extend(errand.digits);
            (tags, digits)
        });
        self.at = At::Refused;
        (left.0, refused.into_iter().chain(left.1).collect())
    }

    /// Whether the far end takes no INFO.
    pub(super) fn is_refused(&self) -> bool {
        matches!(self.at, At::Refused)
    }

    /// Forgets what was not sent; whose it was.
    pub(super) fn give_up(&mut self) -> Vec<Tag> {
        self.nobody_waits();
        self.errands.drain(..).map(|errand| errand.tag).collect()
    }

    /// Forgets what was not sent of the orders with this tag; whether there was one.
    pub(super) fn stop(&mut self, tag: Tag) -> bool {
        let before = self.errands.len();
        if self.errands.front().is_some_and(|errand| errand.tag == tag) {
            self.nobody_waits();
        }
        self.errands.retain(|errand| errand.tag != tag);
        self.errands.len() < before
    }

    /// Nobody wants the key any more that is on its way.
    fn nobody_waits(&mut self) {
        if let At::Asked(digit, _) = &mut self.at {
            *digit = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const FLOW: Tag = Tag(7);
    const CALL: Tag = Tag(8);

    fn digits(keys: &str) -> Vec<DigitToSend> {
        let one = |key: char| DigitToSend {
            key: (key != 'w').then_some(key),
            duration: 100 * MS,
            gap: if key == 'w' { Duration::ZERO } else { 50 * MS },
        };
        keys.chars().map(one).collect()
    }

    fn begun(keys: &str) -> (Informing, Instant) {
        let mut informing = Informing::default();
        informing.add(FLOW, digits(keys));
        (informing, Instant::now())
    }

    #[test]
    fn a_key_waits_for_the_answer_and_for_the_end_of_the_one_before() {
        let (mut informing, now) = begun("1w2");
        assert_eq!(informing.step(now), Some(Step::Press('1', 100 * MS)));
        assert_eq!((informing.step(now + 900 * MS), informing.poll_timeout()), (None, None), "not answered");
        informing.answered();
        // It was answered late; the pause begins when its turn comes.
        let late = now + 900 * MS;
        assert_eq!((informing.step(late), informing.poll_timeout()), (None, Some(late + 100 * MS)));
        assert_eq!(informing.step(late + 100 * MS), Some(Step::Press('2', 100 * MS)));
        informing.answered();
        let over = late + 250 * MS;
        assert_eq!((informing.step(over - MS), informing.poll_timeout()), (None, Some(over)));
        assert_eq!(informing.step(over), Some(Step::Sent(FLOW)));
        assert_eq!((informing.step(over), informing.poll_timeout()), (None, None));
    }

    #[test]
    fn who_takes_no_info_is_sent_nothing_more_by_it_and_what_is_left_is_given_back() {
        let (mut informing, now) = begun("123");
        informing.add(CALL, digits("4"));
        informing.step(now);
        informing.answered();
        assert_eq!(informing.step(now + 150 * MS), Some(Step::Press('2', 100 * MS)));
        let refused = informing.answered();
        assert_eq!(informing.refuse(refused), (vec![FLOW, CALL], digits("234")));
        informing.add(FLOW, digits("5"));
        assert_eq!(informing.step(now + 1_000 * MS), None);
        assert!(informing.is_refused());
    }

    #[test]
    fn what_is_stopped_is_not_sent_and_what_is_on_its_way_is_waited_for() {
        let (mut informing, now) = begun("12");
        informing.add(CALL, digits("9"));
        informing.step(now);
        assert!(informing.stop(FLOW) && !informing.stop(FLOW));
        assert_eq!(informing.step(now + 500 * MS), None, "1 is not answered");
        assert_eq!(informing.answered(), None, "nobody wants it any more");
        assert_eq!(informing.step(now + 500 * MS), Some(Step::Press('9', 100 * MS)));
        assert_eq!(informing.give_up(), [CALL]);
        assert_eq!(informing.answered(), None);
        assert_eq!(informing.step(now + 900 * MS), None);
    }
}
