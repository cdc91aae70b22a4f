//! `trunks.toml`: carriers and other switches, a table each.
//!
//! ```toml
//! [acme]
//! server = "sip:sip.acme.example"          # or several, tried in order
//! username = "4721000000"
//! password = "secret"
//! register = true
//! numbers = ['^\+47']                      # what goes out by it; everything without
//! country = "47"
//! caller_id = { default = "+4721000000", allow = ['^\+472100'] }
//! calls = 30
//! ```
//!
//! Owns what the file says and whether it makes sense; choosing a trunk and speaking SIP is the switch's.

mod pattern;
mod plan;
mod read;

use std::fmt;
use std::time::Duration;

pub use self::pattern::Pattern;
pub use self::plan::{Form, Plan};
pub(crate) use self::read::parse;
use crate::dtmf::Dtmf;
use crate::network::Network;

/// The codecs that a trunk may name; `L16` alone is that of 16 kHz.
pub const CODECS: [&str; 7] = ["opus", "G722", "PCMU", "PCMA", "L16", "L16/16000", "L16/8000"];

/// The file's name; it may be absent.
pub(crate) const FILE: &str = "trunks.toml";

/// A carrier or another switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trunk {
    /// Its name in the file, in traces and in metrics.
    pub name: String,
    /// Where calls go: SIP URIs, tried in order. Each is located as RFC 3263 has it.
    pub servers: Vec<String>,
    /// A proxy that requests go through, instead of to the server itself.
    pub proxy: Option<String>,
    /// The host in From, To and the Request-URI; the first server's unless given.
    pub domain: String,
    /// What to answer challenges with.
    pub account: Option<Account>,
    /// Whether to register there, and for how long at a time.
    pub register: Option<Duration>,
    /// The addresses its calls come from; with none it cannot call us unless it registers like a phone.
    pub from: Vec<Network>,
    /// Trunks of a lower number are tried first.
    pub priority: u32,
    /// How many of the calls go to it among trunks of the same priority.
    pub weight: u32,
    /// Which called numbers, in E.164 with `+` where the plan can make it so, go out by it; all if empty.
    pub numbers: Vec<Pattern>,
    /// Which of them do not, unless a flow lifts what the caller may not dial.
    pub barred: Vec<Pattern>,
    /// Words that a flow may ask for (Kazoo's flags).
    pub flags: Vec<String>,
    /// The kinds of calls that it carries; `audio` unless it says.
    pub kinds: Vec<String>,
    /// Whose it is: an account, or `*` for everybody; the switch's own without.
    pub account_id: Option<String>,
    /// How numbers are written there.
    pub plan: Plan,
    /// Which caller ids it is shown.
    pub caller_id: CallerIdPolicy,
    /// The header that carries the caller's number.
    pub identity: IdentityHeader,
    /// Whether to believe the identity that it asserts, and to tell it those of callers who want privacy.
    pub trusted: bool,
    /// Calls at a time, both ways.
    pub calls: Option<u32>,
    /// New outgoing calls a second.
    pub calls_per_second: Option<u32>,
    /// Codecs by name, most wanted first; the switch's own if empty.
    pub codecs: Vec<String>,
    /// The class of music that those hear who are reached by it and are held, unless who holds has one; the switch's
    /// without.
    pub music: Option<String>,
    /// What is done with the network's signals in the sound of a call that is not answered yet.
    pub progress: Signals,
    /// How keys go to it.
    pub dtmf: Dtmf,
    /// How often OPTIONS asks whether it is there.
    pub ping: Option<Duration>,
}

/// A digest account.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The digest user name, and the user part of what is registered.
    pub username: String,
    /// The digest password.
    pub password: String,
}

impl fmt::Debug for Account {
    // A password must not reach a log by way of a debug print.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("username", &self.username).finish_non_exhaustive()
    }
}

/// Which caller ids a trunk is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallerIdPolicy {
    /// What is shown in place of one that is not allowed or not there.
    pub default: Option<String>,
    /// Numbers, in E.164 with `+` where the plan can make it so, that may be shown; all if empty.
    pub allow: Vec<Pattern>,
}

/// The header that carries the caller's number besides From.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdentityHeader {
    /// P-Asserted-Identity with Privacy (RFC 3325).
    #[default]
    PAsserted,
    /// Remote-Party-ID, its forerunner.
    RemoteParty,
    /// None.
    None,
}

/// What is done with busy, congestion, special information and ringing tones that are heard before the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signals {
    /// They are not listened for.
    Ignored,
    /// The call's timeline tells of them.
    #[default]
    Noted,
    /// What they say counts as a final response that says the same.
    Obeyed,
}

impl Trunk {
    /// Whether a called number goes out by it.
    pub fn takes(&self, number: &str) -> bool {
        let number = self.plan.canonical(number);
        self.numbers.is_empty() || self.numbers.iter().any(|pattern| pattern.matches(&number))
    }

    /// Whether a called number does not go out by it for those who may not dial everything.
    pub fn bars(&self, number: &str) -> bool {
        let number = self.plan.canonical(number);
        self.barred.iter().any(|pattern| pattern.matches(&number))
    }

    /// Whether an address is one of its own.
    pub fn owns(&self, address: std::net::IpAddr) -> bool {
        self.from.iter().any(|network| network.contains(address))
    }
}

/// All trunks, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Trunks(Vec<Trunk>);

impl Trunks {
    /// The trunk of this name.
    pub fn get(&self, name: &str) -> Option<&Trunk> {
        self.0.iter().find(|trunk| trunk.name == name)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Trunk> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Trunk> for Trunks {
    fn from_iter<I: IntoIterator<Item = Trunk>>(trunks: I) -> Trunks {
        Trunks(trunks.into_iter().collect())
    }
}
