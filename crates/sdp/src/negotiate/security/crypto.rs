//! `a=crypto`, RFC 4568: `1 AES_CM_128_HMAC_SHA1_80 inline:<key and salt>|2^31|1:4 WSH=64`.
//!
//! Of several lines the strongest that we know is taken, and answered with its tag and in its spelling.

use std::fmt;

use sdp_types::Media;

use super::{Encryption, Security, base64};
use crate::attribute::values;

/// How packets are encrypted and authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Suite {
    /// As IANA lists it.
    pub name: &'static str,
    /// As some write it.
    other: &'static str,
    /// Bytes of a master key with its salt.
    pub len: usize,
}

const fn suite(name: &'static str, other: &'static str, len: usize) -> Suite {
    Suite { name, other, len }
}

impl Suite {
    /// RFC 4568 §6.2, RFC 6188 §4, RFC 7714 §14.2; the strongest first.
    pub const ALL: [Suite; 8] = [
        suite("AEAD_AES_256_GCM", "AES_256_GCM", 44),
        suite("AEAD_AES_128_GCM", "AES_128_GCM", 28),
        suite("AES_256_CM_HMAC_SHA1_80", "AES_CM_256_HMAC_SHA1_80", 46),
        suite("AES_192_CM_HMAC_SHA1_80", "AES_CM_192_HMAC_SHA1_80", 38),
        suite("AES_CM_128_HMAC_SHA1_80", "AES_128_CM_HMAC_SHA1_80", 30),
        suite("AES_256_CM_HMAC_SHA1_32", "AES_CM_256_HMAC_SHA1_32", 46),
        suite("AES_192_CM_HMAC_SHA1_32", "AES_CM_192_HMAC_SHA1_32", 38),
        suite("AES_CM_128_HMAC_SHA1_32", "AES_128_CM_HMAC_SHA1_32", 30),
    ];

    /// What our offers name: RFC 3711's own, which everybody has, and the two that are better. Each line is a twelfth
    /// of what a datagram takes (RFC 3261 §18.1.1), so what those have who have nothing else is named where there is
    /// room only.
    const OFFERED: [Suite; 4] = [Suite::ALL[0], Suite::ALL[1], Suite::ALL[4], Suite::ALL[7]];

    /// How many of them are named where there is no room for more.
    const NARROW: usize = 3;

    /// Bytes of their keys.
    pub(super) const OFFERED_LEN: usize = 44 + 28 + 30 + 30;

    /// Bytes of the longest key with its salt.
    pub(super) const LONGEST: usize = 46;

    fn rank(self) -> usize {
        Suite::ALL.iter().position(|other| *other == self).unwrap_or(Suite::ALL.len())
    }
}

/// A master key with its salt, for one direction. It is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    /// What it is for.
    pub suite: Suite,
    /// The suite as the peer spells it.
    spelling: String,
    /// The key and, behind it, the salt.
    pub bytes: Vec<u8>,
    /// Bytes of the master key identifier in each packet, RFC 3711 §3.1; there is one key, so it says nothing.
    pub identifier: u8,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.suite.name)
    }
}

/// What a line says.
struct Line {
    tag: u32,
    key: Key,
}

/// `None` if it cannot be used: an unknown suite, a key of a wrong length, or a demand that we do not meet.
fn read(value: &str) -> Option<Line> {
    let mut fields = value.split_ascii_whitespace();
    let tag = fields.next()?.parse().ok()?;
    let spelling = fields.next()?;
    let is = |name: &str| name.eq_ignore_ascii_case(spelling);
    let suite = Suite::ALL.into_iter().find(|suite| is(suite.name) || is(suite.other))?;
    let keys = fields.next()?;
    // Several keys are told apart by their identifiers.
    let (method, info) = keys.split_once(':').filter(|(_, info)| !info.contains(';'))?;
    let mut parts = info.split('|');
    let bytes = base64::decode(parts.next()?).filter(|bytes| bytes.len() == suite.len)?;
    // RFC 4568 §6.1: a lifetime, a power of two or a number, then an identifier and its length. A call is shorter than any
    // lifetime that is worth having.
    let mut lengths = parts.filter_map(|part| part.split_once(':'));
    let identifier = lengths.next_back().map_or(Some(0), |(_, length)| length.trim().parse().ok());
    let identifier = identifier.filter(|length| *length <= 128)?;
    let usable = method.eq_ignore_ascii_case("inline") && fields.all(tolerable);
    usable.then(|| Line { tag, key: Key { suite, spelling: spelling.into(), bytes, identifier } })
}

/// Whether a session parameter asks nothing of us: RFC 4568 §6.3. One that is unknown has to be refused unless it begins
/// with a dash.
fn tolerable(parameter: &str) -> bool {
    let name = parameter.split('=').next().unwrap_or(parameter).to_ascii_uppercase();
    match name.as_str() {
        "WSH" => true,
        "KDR" => parameter.ends_with("=0"),
        other => other.starts_with('-'),
    }
}

fn lines(media: &Media) -> impl Iterator<Item = Line> {
    values(&media.attributes, "crypto").filter_map(read)
}

/// The key of ours that an offer has in its n-th line.
fn offered(ours: &Encryption, at: usize) -> Option<Key> {
    if at >= Suite::NARROW && !ours.roomy {
        return None;
    }
    let suite = *Suite::OFFERED.get(at)?;
    let start = Suite::OFFERED.iter().take(at).map(|suite| suite.len).sum();
    key(ours, suite, suite.name, start)
}

/// The key of ours for answers.
fn answering(ours: &Encryption, suite: Suite, spelling: &str) -> Option<Key> {
    key(ours, suite, spelling, Suite::OFFERED_LEN)
}

fn key(ours: &Encryption, suite: Suite, spelling: &str, start: usize) -> Option<Key> {
    let bytes = ours.secrets.0.get(start..start + suite.len)?.to_vec();
    Some(Key { suite, spelling: spelling.to_owned(), bytes, identifier: 0 })
}

/// Takes a line of an offer. In mid-call our key stays while the suite does.
pub(super) fn answer(media: &Media, ours: &Encryption, now: Option<&Security>) -> Option<Security> {
    let chosen = lines(media).min_by_key(|line| (line.key.identifier > 0, line.key.suite.rank()))?;
    let mut send = match now {
        Some(Security::Sdes { send, .. }) if send.suite == chosen.key.suite => send.clone(),
        _ => answering(ours, chosen.key.suite, &chosen.key.spelling)?,
    };
    send.spelling.clone_from(&chosen.key.spelling);
    Some(Security::Sdes { tag: chosen.tag, send, receive: chosen.key })
}

/// Takes the answer to our offer: one of our lines, by its tag.
pub(super) fn accept(media: &Media, ours: &Encryption, now: Option<&Security>) -> Option<Security> {
    lines(media).find_map(|line| {
        let send = match now {
            Some(Security::Sdes { tag, send, .. }) => (*tag == line.tag).then(|| send.clone()),
            _ => offered(ours, (line.tag as usize).checked_sub(1)?),
        }?;
        let same = send.suite == line.key.suite;
        same.then_some(Security::Sdes { tag: line.tag, send, receive: line.key })
    })
}

/// The lines of our offer: in mid-call what is in use, with its key.
pub(super) fn offer(ours: &Encryption, now: Option<&Security>) -> Vec<String> {
    match now {
        Some(Security::Sdes { tag, send, .. }) => vec![line(*tag, send)],
        _ => (0..Suite::OFFERED.len())
            .filter_map(|at| Some(line(at as u32 + 1, &offered(ours, at)?)))
            .collect(),
    }
}

/// A line of ours.
pub(super) fn line(tag: u32, key: &Key) -> String {
    format!("{tag} {} inline:{}", key.spelling, base64::encode(&key.bytes))
}
