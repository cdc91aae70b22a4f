//! The referrals of a session: what a REFER asks for, and the implicit subscription it makes (RFC 3515 §2.4.4).
//! Owns their list and their deadlines; what comes is in `refer`, what we ask for in `referring`.

use std::fmt;
use std::time::{Duration, Instant};

use super::replaces::Replaces;
use crate::call::Party;
use crate::event::SessionId;
use crate::message::{Address, Message, Name, Scheme, Uri, lex};
use crate::transaction::TxId;

/// How long the subscription of a REFER lasts if nothing is said: a call rings for less.
pub(super) const LASTS: Duration = Duration::from_secs(180);

/// Referrals of one session at a time; a peer that asks for more is told to wait.
const MOST: usize = 8;

/// Names a referral: one REFER and its subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReferId {
    /// The session it came in, or went out in.
    pub session: SessionId,
    pub(super) number: u32,
}

impl fmt::Display for ReferId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} refer {}", self.session, self.number)
    }
}

/// What a REFER asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refer {
    /// Its name.
    pub id: ReferId,
    /// Whom to call. The URI is without the headers that came in it.
    pub to: Party,
    /// The dialog the new call is to take over (RFC 3891), for an attended transfer.
    pub replaces: Option<Replaces>,
    /// Who refers, as Referred-By has it (RFC 3892), to be repeated in the new INVITE.
    pub referred_by: Option<String>,
    /// Whether the peer wants to hear how it goes (RFC 4488).
    pub wants_progress: bool,
}

/// Why a REFER is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// 400, and what was expected.
    Bad(&'static str),
    /// 416.
    Scheme,
    /// 603: a REFER for something else than a call.
    NoCall,
}

impl Refer {
    /// Reads a REFER (RFC 3515 §2.1, §2.4.2).
    pub(super) fn of(message: &Message, id: ReferId) -> Result<Self, Fault> {
        let mut values = message.values(Name::ReferTo);
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(Fault::Bad("one Refer-To"));
        };
        let address = Address::parse(value).map_err(Fault::Bad)?;
        match address.uri.scheme {
            Scheme::Sip | Scheme::Sips | Scheme::Tel => {}
            Scheme::Other => return Err(Fault::Scheme),
        }
        if address.uri.param("method").is_some_and(|method| !method.eq_ignore_ascii_case("INVITE")) {
            return Err(Fault::NoCall);
        }
        let replaces = replaces(&address.uri)?;
        let (bare, _) = address
            .uri_text
            .split_once('?')
            .filter(|_| !address.uri.headers.is_empty())
            .unwrap_or((address.uri_text, ""));
        let uri = Uri::parse(bare).map_err(Fault::Bad)?;
        let declined = message.line(Name::ReferSub).is_some_and(|value| {
            let (value, _) = lex::head_and_params(value);
            value.trim().eq_ignore_ascii_case("false")
        });
        Ok(Refer {
            id,
            to: Party::of_uri(address.display.as_deref(), bare, &uri),
            replaces,
            referred_by: message.line(Name::ReferredBy).map(str::to_owned),
            wants_progress: !declined,
        })
    }
}

/// The Replaces header in a URI, escaped there (RFC 3891 §4).
fn replaces(uri: &Uri<'_>) -> Result<Option<Replaces>, Fault> {
    let mut found = uri
        .headers
        .split('&')
        .map(lex::pair)
        .filter(|(name, _)| name.eq_ignore_ascii_case("Replaces"))
        .map(|(_, value)| lex::unescaped(value.unwrap_or("")));
    match (found.next(), found.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            Replaces::parse(&value).map(Some).ok_or(Fault::Bad("a Call-ID and both tags in Replaces"))
        }
        _ => Err(Fault::Bad("one Replaces")),
    }
}

/// One of a session.
#[derive(Debug)]
pub(super) struct Referral {
    pub(super) id: ReferId,
    /// The number of the REFER, by which the Event header tells several apart (RFC 3515 §2.4.6).
    pub(super) cseq: u32,
    /// Whether Event carries that number: not for the first of theirs.
    pub(super) numbered: bool,
    pub(super) stage: Stage,
    pub(super) until: Option<Instant>,
}

impl Referral {
    /// The Event header of its NOTIFYs.
    pub(super) fn event(&self) -> String {
        match self.numbered {
            true => format!("refer;id={}", self.cseq),
            false => "refer".to_owned(),
        }
    }
}

/// Where it stands.
#[derive(Debug)]
pub(super) enum Stage {
    /// Theirs, and `answer_refer` is owed.
    Asked { transaction: TxId, wants_progress: bool },
    /// Theirs: they hear how it goes. The status they heard last.
    Notifying { last: u16 },
    /// Ours, not answered.
    Sent,
    /// Ours: we hear how it goes. The status heard last.
    Watching { last: u16 },
}

impl Stage {
    fn is_ours(&self) -> bool {
        matches!(self, Stage::Sent | Stage::Watching { .. })
    }
}

/// All of a session.
#[derive(Debug, Default)]
pub(super) struct Referrals {
    all: Vec<Referral>,
    last: u32,
    /// Whether they referred before.
    theirs_before: bool,
}

impl Referrals {
    /// A name for the next one.
    pub(super) fn next_id(&mut self, session: SessionId) -> ReferId {
        self.last = self.last.wrapping_add(1);
        ReferId { session, number: self.last }
    }

    /// Whether another one can be held.
    pub(super) fn has_room(&self) -> bool {
        self.all.len() < MOST
    }

    /// Adds one.
    pub(super) fn add(&mut self, referral: Referral) {
        self.all.push(referral);
    }

    pub(super) fn get_mut(&mut self, id: ReferId) -> Option<&mut Referral> {
        self.all.iter_mut().find(|r| r.id == id)
    }

    pub(super) fn remove(&mut self, id: ReferId) -> Option<Referral> {
        let at = self.all.iter().position(|r| r.id == id)?;
        Some(self.all.swap_remove(at))
    }

    /// Ours, or theirs, by the id in an Event header; without an id the only one, or the oldest.
    pub(super) fn named(&mut self, ours: bool, number: Option<u32>) -> Option<&mut Referral> {
        self.all
            .iter_mut()
            .filter(|r| r.stage.is_ours() == ours)
            .filter(|r| number.is_none_or(|number| r.cseq == number))
            .min_by_key(|r| r.id.number)
    }

    /// Whether their referral needs its id in Event: it is not their first (RFC 3515 §2.4.6).
    pub(super) fn is_later(&mut self) -> bool {
        std::mem::replace(&mut self.theirs_before, true)
    }

    /// The transactions that wait for `answer_refer`.
    pub(super) fn open(&self) -> Vec<TxId> {
        let open = |r: &Referral| match r.stage {
            Stage::Asked { transaction, .. } => Some(transaction),
            _ => None,
        };
        self.all.iter().filter_map(open).collect()
    }

    /// When the first of them expires.
    pub(super) fn next(&self) -> Option<Instant> {
        self.all.iter().filter_map(|r| r.until).min()
    }

    /// One that has expired.
    pub(super) fn expired(&self, now: Instant) -> Option<ReferId> {
        self.all.iter().find(|r| r.until.is_some_and(|until| until <= now)).map(|r| r.id)
    }

    pub(super) fn clear(&mut self) {
        self.all.clear();
    }
}

/// The id in an Event header that names `refer`; an outer `None` is another event package.
pub(super) fn event_id(message: &Message) -> Option<Option<u32>> {
    let (package, params) = lex::head_and_params(message.line(Name::Event)?);
    let ours = package.trim().eq_ignore_ascii_case("refer");
    ours.then(|| lex::param(params, "id").map(|id| lex::number(id, u32::MAX).unwrap_or(u32::MAX)))
}
