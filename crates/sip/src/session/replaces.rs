//! Calls that take another's place: the Replaces header (RFC 3891), and Join (RFC 3911), which is refused.
//! Owns reading them and finding the dialog they name; whether the caller may is decided above.

use std::time::Instant;

use super::{Leaving, Phase};
use crate::endpoint::{Endpoint, Request};
use crate::event::SessionId;
use crate::message::{Message, Name, lex};

/// The dialog that an INVITE is to take over, as its receiver sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaces {
    /// Its Call-ID.
    pub call_id: String,
    /// The receiver's own tag.
    pub to_tag: String,
    /// The tag of the receiver's peer.
    pub from_tag: String,
    /// Only if it is not answered yet.
    pub early_only: bool,
}

impl Replaces {
    /// Reads a header's value; `None` if it lacks something or says it twice (RFC 3891 §6.1).
    pub fn parse(text: &str) -> Option<Self> {
        let (call_id, params) = lex::head_and_params(text);
        let once = |wanted: &str| {
            let mut found = lex::params(params).filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
            let value = found.next()?.1?;
            (found.next().is_none() && lex::is_token(value)).then(|| value.to_owned())
        };
        let call_id = call_id.trim();
        if call_id.is_empty() || call_id.bytes().any(|b| b <= b' ') {
            return None;
        }
        let early_only = lex::param(params, "early-only").is_some();
        Some(Replaces {
            call_id: call_id.to_owned(),
            to_tag: once("to-tag")?,
            from_tag: once("from-tag")?,
            early_only,
        })
    }

    /// The one of a message; an error if there are several or it cannot be read.
    pub(super) fn of(message: &Message, name: Name) -> Result<Option<Self>, ()> {
        let mut lines = message.lines(name);
        match (lines.next(), lines.next()) {
            (None, _) => Ok(None),
            // A comma belongs to no part of it, so a list is refused by its Call-ID or tags.
            (Some(line), None) if !line.contains(',') => Replaces::parse(line).map(Some).ok_or(()),
            _ => Err(()),
        }
    }
}

impl std::fmt::Display for Replaces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{};to-tag={};from-tag={}", self.call_id, self.to_tag, self.from_tag)?;
        if self.early_only { f.write_str(";early-only") } else { Ok(()) }
    }
}

impl Endpoint {
    /// The session of a dialog: its Call-ID, our tag, the peer's tag.
    pub fn find(&self, call_id: &str, local_tag: &str, remote_tag: &str) -> Option<SessionId> {
        self.sessions.find(local_tag, call_id, remote_tag)
    }

    /// The session that is named: as we see it, or, of one that rings, as its peer does: who watches that one is told its
    /// tag as the local one (RFC 4235 §4.1.1) and asks us for what rings there.
    fn named(&self, replaces: &Replaces) -> Option<SessionId> {
        let Replaces { call_id, to_tag, from_tag, .. } = replaces;
        let turned = || {
            let found = self.find(call_id, from_tag, to_tag)?;
            let phase = &self.sessions.get(found)?.phase;
            (replaces.early_only || matches!(phase, Phase::Calling(_))).then_some(found)
        };
        self.find(call_id, to_tag, from_tag).or_else(turned)
    }

    /// The session that an INVITE is to take over, or the status to refuse it with (RFC 3891 §3):
    /// 481 unknown, 603 over, 486 answered where only an early one is meant.
    pub fn replaced(&self, replaces: &Replaces) -> Result<SessionId, u16> {
        let found = self.named(replaces).ok_or(481u16)?;
        match self.sessions.get(found).map(|session| &session.phase) {
            None => Err(481),
            // Its 2xx is not acknowledged, so the peer may not know yet; but we have hung up.
            Some(Phase::Leaving(Leaving::Cancel { .. } | Leaving::Cancelled { .. })) => Err(481),
            Some(Phase::Leaving(_)) => Err(603),
            // An early dialog that the other side began is not to be replaced.
            Some(Phase::Incoming(_)) => Err(481),
            Some(Phase::Calling(_)) => Ok(found),
            Some(_) if replaces.early_only => Err(486),
            Some(_) => Ok(found),
        }
    }

    /// The session whose peer's place a transferred party is to take, or the status that refuses it. As
    /// [`Endpoint::replaced`], but the peer may be one that calls us and is not answered yet: that rule of RFC 3891 §3
    /// is for INVITEs, whose sender would answer; here the one who waits for an answer becomes another.
    pub fn transferable(&self, replaces: &Replaces) -> Result<SessionId, u16> {
        let found = self.named(replaces).ok_or(481u16)?;
        match self.sessions.get(found).map(|session| &session.phase) {
            Some(Phase::Incoming(_)) => Ok(found),
            _ => self.replaced(replaces),
        }
    }

    /// What an INVITE is to replace. An outer `None` means it was refused.
    pub(super) fn take_replaces(&mut self, now: Instant, request: &Request<'_>) -> Option<Option<Replaces>> {
        let replaces = Replaces::of(request.message, Name::Replaces);
        let join = Replaces::of(request.message, Name::Join);
        match (replaces, join) {
            (Ok(replaces), Ok(None)) => Some(replaces),
            (Ok(None), Ok(Some(join))) => {
                // RFC 3911 §4: 481 without such a dialog; with one, we do not mix.
                let known = self.find(&join.call_id, &join.to_tag, &join.from_tag).is_some();
                self.refuse(now, request, if known { 488 } else { 481 });
                None
            }
            (replaces, _) => {
                self.counters.bad_requests += 1;
                let header = if replaces.is_err() { "Replaces" } else { "Join" };
                let text = format!("Bad {header}: One Call-ID With Both Tags Expected");
                self.refuse_with(now, request, 400, Some(&text), &[]);
                None
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, &str, &str, bool)>) {
        let read = Replaces::parse(text);
        let parts = read.as_ref().map(|r| (&*r.call_id, &*r.to_tag, &*r.from_tag, r.early_only));
        assert_eq!(parts, expected, "{text}");
    }

    #[test]
    fn a_dialog_is_named_by_its_call_id_and_both_tags() {
        check("98732@h;from-tag=r33;to-tag=q", Some(("98732@h", "q", "r33", false)));
        check("1@h ;to-tag=a; from-tag=b ;early-only", Some(("1@h", "a", "b", true)));
        check("1@h;to-tag=a", None);
        check("1@h;to-tag=a;from-tag=b;to-tag=c", None);
        check("1@h;to-tag=;from-tag=b", None);
        check(";to-tag=a;from-tag=b", None);
        check("", None);
    }

    #[test]
    fn it_is_written_as_it_is_read() {
        let text = "1@h;to-tag=a;from-tag=b;early-only";
        assert_eq!(Replaces::parse(text).unwrap().to_string(), text);
    }
}
