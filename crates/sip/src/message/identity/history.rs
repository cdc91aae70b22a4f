//! History-Info, RFC 7044 (and RFC 4244 before it): every target a request had, with an index that makes a tree of them.
//! The Reason and Privacy of an entry are headers within its URI, escaped.

use std::fmt;

use super::party::write_uri;
use super::{Privacy, party};
use crate::call::Party;
use crate::message::{Address, lex};

/// The longest index, in levels.
const DEEPEST: usize = 16;

/// How a target came of an earlier one: RFC 7044 §5, `hi-target-param`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retarget {
    /// `rc`: the same user at another address.
    Contact,
    /// `mp`: another user.
    Mapped,
    /// `np`: unchanged.
    Kept,
}

/// One entry of History-Info.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The target, its URI without headers.
    pub party: Party,
    /// `1.1.2` as three numbers; empty if the peer's cannot be read.
    pub index: Vec<u16>,
    /// The Reason (RFC 3326) why the request left this target, such as `SIP;cause=302`.
    pub reason: Option<String>,
    /// Whether the entry is not to be shown.
    pub hidden: bool,
    /// How the target came to be, and of which entry it came.
    pub retarget: Option<(Retarget, Vec<u16>)>,
}

impl History {
    /// The first entry of a request.
    pub fn first(party: Party) -> Self {
        History { party, index: vec![1], ..History::default() }
    }

    /// The entry after this one: one level deeper, RFC 7044 §10.3.
    pub fn next(&self, party: Party, retarget: Retarget) -> Self {
        let mut index = self.index.clone();
        index.truncate(DEEPEST - 1);
        index.push(1);
        History { party, index, retarget: Some((retarget, self.index.clone())), ..History::default() }
    }

    /// The status code for which the request left this target, of the Reason or of the URI's `cause` (RFC 4458).
    pub fn status(&self) -> Option<u16> {
        let reason = self.reason.as_deref().unwrap_or("");
        let (protocol, params) = lex::head_and_params(reason);
        let is_sip = protocol.trim().eq_ignore_ascii_case("SIP");
        let cause = lex::param(params, "cause").filter(|_| is_sip).map(str::to_owned);
        let cause = cause.or_else(|| self.party.param("cause"))?;
        lex::number(&cause, 699).and_then(|c| u16::try_from(c).ok())
    }

    pub(super) fn of(address: &Address<'_>) -> Self {
        let uri = address.uri;
        let mut entry = History {
            party: party(address),
            index: address.param("index").map(index).unwrap_or_default(),
            retarget: [("rc", Retarget::Contact), ("mp", Retarget::Mapped), ("np", Retarget::Kept)]
                .into_iter()
                .find_map(|(name, kind)| address.param(name).map(|value| (kind, index(value)))),
            ..History::default()
        };
        // RFC 4244 wrote the headers after `?` too; in a tel URI they cannot stand.
        if !uri.headers.is_empty() {
            let end = address.uri_text.len().saturating_sub(uri.headers.len() + 1);
            entry.party.uri = address.uri_text.get(..end).unwrap_or(address.uri_text).to_owned();
        }
        for (name, value) in uri.headers.split('&').map(lex::pair) {
            let value = lex::unescaped(value.unwrap_or(""));
            if name.eq_ignore_ascii_case("reason") && entry.reason.is_none() {
                entry.reason = Some(value.into_owned());
            } else if name.eq_ignore_ascii_case("privacy") {
                entry.hidden |= matches!(Privacy::of([&*value].into_iter()), Privacy::Wanted(_));
            }
        }
        entry
    }
}

/// `1.1.2`; empty unless it is numbers and dots.
fn index(text: &str) -> Vec<u16> {
    let numbers = text.trim().trim_matches('"').split('.').take(DEEPEST);
    let read = numbers.map(|n| lex::number(n, 9_999).and_then(|n| u16::try_from(n).ok()));
    read.collect::<Option<_>>().unwrap_or_default()
}

fn dotted(index: &[u16]) -> String {
    let numbers: Vec<String> = index.iter().map(u16::to_string).collect();
    numbers.join(".")
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers = Headers { reason: self.reason.as_deref(), hidden: self.hidden };
        if headers.reason.is_none() && !headers.hidden {
            write!(f, "{}", self.party)?;
        } else {
            let plain = self.party.to_string();
            write!(f, "{}{headers}>", plain.strip_suffix('>').unwrap_or(&plain))?;
        }
        if !self.index.is_empty() {
            write!(f, ";index={}", dotted(&self.index))?;
        }
        match &self.retarget {
            Some((kind, from)) if !from.is_empty() => {
                let name = match kind {
                    Retarget::Contact => "rc",
                    Retarget::Mapped => "mp",
                    Retarget::Kept => "np",
                };
                write!(f, ";{name}={}", dotted(from))
            }
            _ => Ok(()),
        }
    }
}

/// The headers within an entry's URI.
struct Headers<'a> {
    reason: Option<&'a str>,
    hidden: bool,
}

impl fmt::Display for Headers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut mark = "?";
        if let Some(reason) = self.reason {
            write!(f, "{mark}Reason=")?;
            mark = "&";
            for byte in reason.bytes() {
                // RFC 3261 §25.1, `hvalue`: what is neither unreserved nor among a few marks is escaped.
                match byte {
                    b if b.is_ascii_alphanumeric() || b"-_.!~*'()/+$".contains(&b) => {
                        write!(f, "{}", char::from(b))?;
                    }
                    b => write!(f, "%{b:02X}")?,
                }
            }
        }
        if self.hidden {
            write_uri(f, mark)?;
            f.write_str("Privacy=history")?;
        }
        Ok(())
    }
}
