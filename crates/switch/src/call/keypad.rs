//! One key heard twice is one key: RFC 4733 events and SIP INFO from the same phone.
//!
//! Phones exist that send both. Once a caller has sent an RFC 4733 event, INFO is not listened to any more; before that,
//! the same key from the other way within half a second is the same press.

use std::time::{Duration, Instant};

/// The two ways of one press arrive this close together; nobody presses one key twice as fast on two ways.
const SAME_PRESS: Duration = Duration::from_millis(500);

/// Which way a key came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// RFC 4733 telephone-event, or heard in the audio.
    Rtp,
    /// SIP INFO.
    Info,
}

/// Remembers what came which way.
#[derive(Debug, Default)]
pub(crate) struct Keypad {
    rtp_seen: bool,
    last: Option<(Way, char, Instant)>,
}

impl Keypad {
    /// Whether `key` is a press of its own.
    pub(crate) fn is_new(&mut self, now: Instant, way: Way, key: char) -> bool {
        if way == Way::Info && self.rtp_seen {
            return false;
        }
        self.rtp_seen |= way == Way::Rtp;
        let twin = self.last.is_some_and(|(last_way, last_key, at)| {
            last_way != way && last_key == key && now.saturating_duration_since(at) <= SAME_PRESS
        });
        // A press that was paired is used up: the next one of the same key is new.
        self.last = if twin { None } else { Some((way, key, now)) };
        !twin
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

    #[test]
    fn a_press_that_comes_both_ways_counts_once_and_info_is_then_ignored() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut keypad = Keypad::default();
        assert!(keypad.is_new(at(0), Way::Info, '5'));
        assert!(!keypad.is_new(at(30), Way::Rtp, '5'));
        assert!(keypad.is_new(at(200), Way::Rtp, '5'));
        assert!(!keypad.is_new(at(210), Way::Info, '5'));
        assert!(!keypad.is_new(at(5_000), Way::Info, '7'));
    }

    #[test]
    fn presses_by_info_alone_all_count() {
        let start = Instant::now();
        let mut keypad = Keypad::default();
        assert!(keypad.is_new(start, Way::Info, '1'));
        assert!(keypad.is_new(start + Duration::from_millis(100), Way::Info, '1'));
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
