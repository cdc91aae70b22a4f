//! Locating a server: RFC 3263. From a URI to the addresses a request for it may go to, in order.
//!
//! ```text
//!   URI ── numeric ───────────────────────────────────────────▶ hop
//!    ├─ with a port ──────────────────────────▶ A, AAAA ──────▶ hops
//!    ├─ with a transport ────────────▶ SRV ───▶ A, AAAA ──────▶ hops
//!    └─ neither ──────────▶ NAPTR ───▶ SRV ───▶ A, AAAA ──────▶ hops
//! ```
//!
//! Nothing is asked here: a search walks over what is known and says which hop is next, or which questions are open.
//! `target.rs` reads what the URI fixes, `walk.rs` is the walk, `weight.rs` the order of SRV records, `search.rs` one
//! search and what it tried, `cache.rs` what is known, `questions.rs` what is being asked. The I/O side answers
//! [`crate::Output::Query`] with [`crate::Input::Found`].

mod cache;
mod questions;
mod search;
mod target;
mod walk;
mod weight;

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

pub(crate) use self::cache::Cache;
pub(crate) use self::questions::{Asked, Questions};
pub(crate) use self::search::{Search, Step};
pub(crate) use self::target::{Host, Target, leads_somewhere};
use crate::flow::Transport;

/// A question for DNS.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Query {
    /// The name, in lower case and without a final dot.
    pub name: String,
    /// What is asked about it.
    pub kind: Kind,
}

/// The kinds of record asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Which services a domain offers (RFC 3403).
    Naptr,
    /// Where a service is (RFC 2782).
    Srv,
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Naptr => "NAPTR",
            Kind::Srv => "SRV",
            Kind::A => "A",
            Kind::Aaaa => "AAAA",
        };
        write!(f, "{kind} {}", self.name)
    }
}

/// What DNS says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// These records.
    Records(Vec<Record>),
    /// There is no such name, or no such record, and so it stays for this long (RFC 2308).
    Nothing {
        /// How long.
        ttl: Duration,
    },
    /// Nobody could say: no answer, or a server's failure.
    Failure,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// How long it holds.
    pub ttl: Duration,
    /// What it says.
    pub data: Data,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Data {
    /// A or AAAA.
    Address(IpAddr),
    /// CNAME: the name has another one. Resolvers mostly follow it themselves.
    Alias(String),
    /// SRV.
    Srv {
        /// Lower ones first.
        priority: u16,
        /// The share within a priority.
        weight: u16,
        /// The port.
        port: u16,
        /// The host; `.` says that the service is not offered.
        target: String,
    },
    /// NAPTR.
    Naptr {
        /// Lower ones first.
        order: u16,
        /// Lower ones first, within an order.
        preference: u16,
        /// What the replacement is: `s` names SRV records.
        flags: String,
        /// Such as `SIP+D2U`.
        service: String,
        /// The name to go on with.
        replacement: String,
    },
}

/// What locating may lead to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preferences {
    /// The transports we can send by. Where a domain does not say what it prefers, the first it offers is taken.
    pub transports: Vec<Transport>,
    /// The addresses we can send to.
    pub families: Families,
}

impl Default for Preferences {
    fn default() -> Self {
        use Transport::{Tcp, Tls, Udp, Ws, Wss};
        Preferences { transports: vec![Udp, Tcp, Tls, Ws, Wss], families: Families::V4First }
    }
}

/// Families of addresses, and which of them goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Families {
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
    /// Both, IPv4 first.
    V4First,
    /// Both, IPv6 first.
    V6First,
}

impl Families {
    fn kinds(self) -> &'static [Kind] {
        match self {
            Families::V4 => &[Kind::A],
            Families::V6 => &[Kind::Aaaa],
            Families::V4First => &[Kind::A, Kind::Aaaa],
            Families::V6First => &[Kind::Aaaa, Kind::A],
        }
    }
}
