//! Names: of a call, short and easy to grep for; of a leg, which keeps its name when it moves to another call; and the
//! mark of a party in its call's timeline.

use std::fmt;
use std::str::FromStr;

/// Names a call as long as it can be looked up: `call-1f3a9c`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallId(u32);

impl CallId {
    /// 24 bits: short to read, and rarely twice within the calls that can be looked up.
    pub(crate) fn random() -> CallId {
        CallId(fastrand::u32(..) & 0x00ff_ffff)
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "call-{:06x}", self.0)
    }
}

impl fmt::Debug for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Names a leg as long as the switch runs, whatever call it is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct LegKey(u64);

impl LegKey {
    /// No leg has this name.
    pub(crate) const NOBODY: LegKey = LegKey(u64::MAX);

    pub(crate) fn new(number: u64) -> LegKey {
        LegKey(number)
    }
}

/// A party in the timeline: `A` for the one that called, then `B`, `C` and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark(pub(crate) u8);

impl Mark {
    /// The party whose call it is.
    pub(crate) const FIRST: Mark = Mark(0);
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            letter @ 0..26 => write!(f, "{}", char::from(b'A' + letter)),
            more => write!(f, "#{more}"),
        }
    }
}

/// A text that is not a call's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected call- and six hexadecimal digits")]
pub struct NotACallId;

impl FromStr for CallId {
    type Err = NotACallId;

    /// Also without the `call-` in front.
    fn from_str(text: &str) -> Result<CallId, NotACallId> {
        let digits = text.strip_prefix("call-").unwrap_or(text);
        if digits.len() != 6 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(NotACallId);
        }
        u32::from_str_radix(digits, 16).map(CallId).map_err(|_| NotACallId)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_back_as_it_was_printed() {
        let id = CallId::random();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!("00ff10".parse::<CallId>().map(|id| id.to_string()), Ok("call-00ff10".to_owned()));
        assert_eq!("call-+ff10a".parse::<CallId>(), Err(NotACallId));
        assert_eq!("".parse::<CallId>(), Err(NotACallId));
    }
}
