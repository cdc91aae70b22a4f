//! Diversion, RFC 5806: for whom a call was before it came here, and why it did not stay there.

use std::fmt;

use super::{Hidden, party};
use crate::call::Party;
use crate::message::{Address, lex};

/// Why a call was diverted: RFC 5806 §3. What has no name there is `Unknown`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Why {
    /// `unknown`
    #[default]
    Unknown,
    /// `user-busy`
    Busy,
    /// `no-answer`
    NoAnswer,
    /// `unavailable`
    Unavailable,
    /// `unconditional`
    Unconditional,
    /// `time-of-day`
    TimeOfDay,
    /// `do-not-disturb`
    DoNotDisturb,
    /// `deflection`
    Deflection,
    /// `follow-me`
    FollowMe,
    /// `out-of-service`
    OutOfService,
    /// `away`
    Away,
}

impl Why {
    const ALL: [Why; 11] = [
        Why::Unknown,
        Why::Busy,
        Why::NoAnswer,
        Why::Unavailable,
        Why::Unconditional,
        Why::TimeOfDay,
        Why::DoNotDisturb,
        Why::Deflection,
        Why::FollowMe,
        Why::OutOfService,
        Why::Away,
    ];

    /// The word in a Diversion header.
    pub fn token(self) -> &'static str {
        match self {
            Why::Unknown => "unknown",
            Why::Busy => "user-busy",
            Why::NoAnswer => "no-answer",
            Why::Unavailable => "unavailable",
            Why::Unconditional => "unconditional",
            Why::TimeOfDay => "time-of-day",
            Why::DoNotDisturb => "do-not-disturb",
            Why::Deflection => "deflection",
            Why::FollowMe => "follow-me",
            Why::OutOfService => "out-of-service",
            Why::Away => "away",
        }
    }

    /// The same as a cause of RFC 4458 §2, the words of History-Info: see RFC 7544 §7.
    pub fn status(self) -> u16 {
        match self {
            Why::Busy => 486,
            Why::NoAnswer => 408,
            Why::Unavailable | Why::OutOfService => 503,
            Why::Deflection => 480,
            Why::Unconditional | Why::TimeOfDay | Why::DoNotDisturb | Why::FollowMe | Why::Away => 302,
            Why::Unknown => 404,
        }
    }

    /// The value of the Reason header (RFC 3326) that says so.
    pub(super) fn reason(self) -> String {
        format!("SIP;cause={}", self.status())
    }
}

/// One Diversion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diversion {
    /// For whom the call was.
    pub party: Party,
    /// Why it went on.
    pub why: Why,
    /// How many diversions this stands for; 1 where it does not say.
    pub counter: u8,
    /// What of the party is not to be shown.
    pub hidden: Hidden,
    /// Whether the sender verified it; `None` where it does not say.
    pub screened: Option<bool>,
}

impl Diversion {
    /// One diversion.
    pub fn new(party: Party, why: Why) -> Self {
        Diversion { party, why, counter: 1, ..Diversion::default() }
    }

    pub(super) fn of(address: &Address<'_>) -> Self {
        let reason = address.param("reason").map(lex::unquoted).unwrap_or_default();
        let why = Why::ALL.into_iter().find(|why| why.token().eq_ignore_ascii_case(&reason));
        let counter = address.param("counter").and_then(|c| lex::number(c, 99));
        Diversion {
            party: party(address),
            why: why.unwrap_or_default(),
            counter: counter.and_then(|c| u8::try_from(c).ok()).unwrap_or(1),
            hidden: Hidden::of(address),
            screened: address.param("screen").map(|s| s.eq_ignore_ascii_case("yes")),
        }
    }
}

impl fmt::Display for Diversion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};reason={};counter={}", self.party, self.why.token(), self.counter.min(99))?;
        if self.hidden != Hidden::Nothing {
            write!(f, ";privacy={}", self.hidden)?;
        }
        match self.screened {
            Some(true) => f.write_str(";screen=yes"),
            Some(false) => f.write_str(";screen=no"),
            None => Ok(()),
        }
    }
}
