//! One press is one key, however many ways it comes: RFC 4733 events, SIP INFO and tones in the sound of the same phone.
//!
//! Phones and gateways exist that send two or three. Once one has sent an RFC 4733 event, nothing else is listened to any
//! more; before that, each press takes one key of every way.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The ways of one press arrive this close together, counted from its end: INFO may be sent there, and be sent again
/// after the 500 ms of RFC 3261's T1.
const SAME_PRESS: Duration = Duration::from_millis(600);

/// A key is held for no longer than this, whatever is told of its end.
const HELD: Duration = Duration::from_secs(10);

/// Presses that another way may still tell of.
const RECENT: usize = 8;

/// Which way a key came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// RFC 4733 telephone-event.
    Event,
    /// A tone in the sound.
    Sound,
    /// SIP INFO.
    Info,
}

impl Way {
    /// A word for counters.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Way::Event => "rtp",
            Way::Sound => "sound",
            Way::Info => "info",
        }
    }
}

/// A press, and which ways have told of it.
#[derive(Debug)]
struct Press {
    key: char,
    at: Instant,
    /// When it was let go; `None` while it is held.
    until: Option<Instant>,
    ways: Vec<Way>,
}

/// Remembers what came which way.
#[derive(Debug, Default)]
pub(crate) struct Keypad {
    events_seen: bool,
    /// Oldest first.
    recent: VecDeque<Press>,
}

impl Keypad {
    /// Whether `key` is a press of its own.
    pub(crate) fn is_new(&mut self, now: Instant, way: Way, key: char) -> bool {
        if way != Way::Event && self.events_seen {
            return false;
        }
        self.events_seen |= way == Way::Event;
        self.recent.retain(|press| {
            let end = press.until.unwrap_or(press.at + HELD);
            now.saturating_duration_since(end) <= SAME_PRESS
        });
        // The oldest press that this way did not tell of yet: the ways keep their order, each for itself.
        let twin = self.recent.iter_mut().find(|press| press.key == key && !press.ways.contains(&way));
        if let Some(press) = twin {
            press.ways.push(way);
            return false;
        }
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        // An INFO has no end of its own.
        let until = (way == Way::Info).then_some(now);
        self.recent.push_back(Press { key, at: now, until, ways: vec![way] });
        true
    }

    /// `key`, which came by `way`, was let go.
    pub(crate) fn let_go(&mut self, now: Instant, way: Way, key: char) {
        let held = self.recent.iter_mut().rev().find(|press| press.key == key && press.ways.contains(&way));
        held.into_iter().for_each(|press| press.until = Some(now));
    }
}

/// The key in a SIP INFO body: `application/dtmf-relay` has lines `Signal=5` and `Duration=160`, `application/dtmf` only
/// the key; phones write either in either, with spaces as they like. `None` for other content and for what is no key.
pub(crate) fn info_key(content_type: &str, body: &[u8]) -> Option<char> {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    if !["application/dtmf-relay", "application/dtmf"].iter().any(|known| kind.eq_ignore_ascii_case(known)) {
        return None;
    }
    let text = std::str::from_utf8(body).ok()?;
    let named = text.lines().find_map(|line| {
        let (name, value) = line.split_once(['=', ':'])?;
        name.trim().eq_ignore_ascii_case("signal").then_some(value)
    });
    let signal = named.unwrap_or(text).trim().trim_matches('"');
    match signal {
        // Event numbers of RFC 4733 §3.2 for the two keys without a digit.
        "10" => Some('*'),
        "11" => Some('#'),
        _ => {
            let mut chars = signal.chars();
            let key = chars.next()?.to_ascii_uppercase();
            (chars.next().is_none() && matches!(key, '0'..='9' | 'A'..='D' | '*' | '#')).then_some(key)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of keys: when in milliseconds, which way, down or up.
    fn told(keys: &[(u64, Way, char, bool)]) -> String {
        let start = Instant::now();
        let mut keypad = Keypad::default();
        let mut told = String::new();
        for &(ms, way, key, down) in keys {
            let now = start + Duration::from_millis(ms);
            if !down {
                keypad.let_go(now, way, key);
            } else if keypad.is_new(now, way, key) {
                told.push(key);
            }
        }
        told
    }

    #[test]
    fn a_press_that_comes_both_ways_counts_once_and_info_is_then_ignored() {
        let keys = [
            (0, Way::Info, '5', true),
            (30, Way::Event, '5', true),
            (130, Way::Event, '5', false),
            (200, Way::Event, '5', true),
            (210, Way::Info, '5', true),
            (5_000, Way::Info, '7', true),
        ];
        assert_eq!(told(&keys), "55");
    }

    #[test]
    fn presses_by_one_way_alone_all_count() {
        for way in [Way::Event, Way::Sound, Way::Info] {
            let keys: Vec<_> = (0..6u64)
                .flat_map(|n| [(n * 120, way, '1', true), (n * 120 + 60, way, '1', false)])
                .filter(|(_, way, _, down)| *down || *way != Way::Info)
                .collect();
            assert_eq!(told(&keys), "111111", "{way:?}");
        }
    }

    /// All sets of ways, in every order of arrival, with late and early INFO, one press or two quick ones.
    #[test]
    fn however_many_ways_a_press_comes_it_counts_once() {
        let ways = [Way::Event, Way::Sound, Way::Info];
        let lags = [[0, 70, 10], [0, 70, 400], [60, 0, 20], [60, 50, 0], [0, 35, 110]];
        for set in 1..8u32 {
            for lag in lags {
                for presses in [&[0][..], &[0, 200], &[0, 150, 1_700], &[0, 150, 300, 450]] {
                    let mut keys = Vec::new();
                    for &at in presses {
                        for (n, way) in ways.into_iter().enumerate().filter(|(n, _)| set & 1 << n != 0) {
                            keys.push((at + lag[n], way, '7', true));
                            if way != Way::Info {
                                keys.push((at + lag[n] + 90, way, '7', false));
                            }
                        }
                    }
                    keys.sort_by_key(|(ms, ..)| *ms);
                    assert_eq!(told(&keys).len(), presses.len(), "{set:03b} {lag:?} {presses:?}");
                }
            }
        }
    }

    #[test]
    fn an_info_at_the_end_of_a_long_press_is_of_that_press() {
        let keys = [
            (0, Way::Sound, '3', true),
            (4_000, Way::Sound, '3', false),
            (4_080, Way::Info, '3', true),
            (5_500, Way::Info, '3', true),
        ];
        assert_eq!(told(&keys), "33");
        let held = [(0, Way::Sound, '3', true), (3_000, Way::Info, '3', true)];
        assert_eq!(told(&held), "3", "still down");
    }

    #[test]
    fn different_keys_are_different_presses() {
        let keys = [
            (0, Way::Info, '1', true),
            (40, Way::Sound, '2', true),
            (80, Way::Info, '2', true),
            (90, Way::Sound, '1', true),
        ];
        assert_eq!(told(&keys), "12");
    }

    #[test]
    fn info_bodies_are_read_in_both_forms() {
        assert_eq!(info_key("application/dtmf-relay", b"Signal= 5\r\nDuration= 160\r\n"), Some('5'));
        assert_eq!(info_key("application/dtmf-relay; x=y", b"signal=#\r\n"), Some('#'));
        assert_eq!(info_key("Application/DTMF", b"*"), Some('*'));
        assert_eq!(info_key("application/dtmf", b"11"), Some('#'));
        for (body, key) in [
            ("Signal=5", '5'),
            ("Signal= 5\r\n", '5'),
            ("Duration=250\r\nSignal = 5 \r\n", '5'),
            ("Signal: 5", '5'),
            ("Signal=*\nDuration=100", '*'),
            ("Signal=10\r\nDuration=160", '*'),
            ("SIGNAL=11", '#'),
            ("Signal=d\r\n", 'D'),
            ("Signal=\"7\"", '7'),
            ("5", '5'),
            (" 10\r\n", '*'),
        ] {
            assert_eq!(info_key("application/dtmf-relay", body.as_bytes()), Some(key), "{body}");
            assert_eq!(info_key("application/dtmf", body.as_bytes()), Some(key), "{body}");
        }
        for body in ["Signal=16", "Signal=", "Duration=160", "Signal=E", "Signal=55", "-1"] {
            assert_eq!(info_key("application/dtmf-relay", body.as_bytes()), None, "{body}");
        }
        assert_eq!(info_key("application/dtmf", b"1 2"), None);
        assert_eq!(info_key("application/dtmf", b""), None);
        assert_eq!(info_key("application/sdp", b"5"), None);
        assert_eq!(info_key("application/dtmf", b"\xff"), None);
    }
}
