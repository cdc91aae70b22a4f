//! Redirection of an INVITE of ours (RFC 3261 §8.1.3.4): where a 3xx points, in which order, and when to stop.
//! Owns the list of targets; the INVITE finds its way to each of them as it did to the first.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::time::Instant;

use super::Phase;
use crate::auth::proofs::Proofs;
use crate::endpoint::Endpoint;
use crate::event::{Ended, Event, SessionId};
use crate::flow::Next;
use crate::message::{Address, Message, Name, Scheme, Uri};
use crate::way::{self, Traveller};

/// Targets that one call tries beside its first: a redirect that goes further is a loop or a mistake.
const MOST: usize = 5;

/// Where a call was sent, and where it may be sent still.
#[derive(Debug, Default)]
pub(super) struct Trail {
    /// The URIs tried or waiting, the first target included: none is tried twice.
    seen: Vec<String>,
    waiting: VecDeque<String>,
    followed: usize,
}

impl Trail {
    /// Takes the Contacts of a 3xx, the most wanted first. They come before what earlier ones left.
    fn take(&mut self, first: &str, response: &Message) {
        if self.seen.is_empty() {
            self.seen.push(first.to_owned());
        }
        let mut found: Vec<(u16, String)> = Vec::new();
        for value in response.values(Name::Contact) {
            if let Some((preference, uri)) = target(value)
                && self.seen.len() < MOST * 4
                && !self.knows(&uri)
                && !is_downgrade(first, &uri)
            {
                self.seen.push(uri.clone());
                found.push((preference, uri));
            }
        }
        // RFC 3261 §20.10: by q; equal ones stay as they stood.
        found.sort_by_key(|(preference, _)| Reverse(*preference));
        for (_, uri) in found.into_iter().rev() {
            self.waiting.push_front(uri);
        }
    }

    fn knows(&self, uri: &str) -> bool {
        let Ok(new) = Uri::parse(uri) else { return true };
        self.seen.iter().any(|seen| Uri::parse(seen).is_ok_and(|seen| seen.equivalent(&new)))
    }

    /// The next one to try.
    fn next(&mut self) -> Option<String> {
        if self.followed == MOST {
            return None;
        }
        let next = self.waiting.pop_front()?;
        self.followed += 1;
        Some(next)
    }

    /// What is left to try, most wanted first.
    fn left(&self) -> Vec<String> {
        self.waiting.iter().take(MOST - self.followed).cloned().collect()
    }
}

/// Whether a 3xx is one to be followed. 305 names a proxy that we cannot vouch for, 380 something else than a call.
fn is_followed(status: u16) -> bool {
    matches!(status, 300..=302)
}

/// A failure after which the next target is tried: not those that speak for the called person, or for everywhere.
fn goes_on_after(status: u16) -> bool {
    !matches!(status, 486 | 600..=699)
}

/// The URI of a Contact as a target, and its q in thousandths. Headers in it are not for a redirect to set, and
/// another scheme or method is no call (RFC 3261 §19.1.5).
fn target(value: &str) -> Option<(u16, String)> {
    let address = Address::parse(value).ok()?;
    let uri = address.uri;
    if uri.scheme == Scheme::Other || uri.param("method").is_some_and(|m| !m.eq_ignore_ascii_case("INVITE")) {
        return None;
    }
    let text = address.uri_text;
    let bare =
        if uri.headers.is_empty() { text } else { text.split_once('?').map_or(text, |(bare, _)| bare) };
    Uri::parse(bare).ok()?;
    Some((preference(address.param("q")), bare.to_owned()))
}

/// `q` in thousandths; 1 if absent or no number from 0 to 1.
fn preference(q: Option<&str>) -> u16 {
    let Some(q) = q.and_then(|q| q.parse::<f32>().ok()).filter(|q| (0.0..=1.0).contains(q)) else {
        return 1000;
    };
    // Within 0 to 1000.
    (q * 1000.0) as u16
}

/// The way to a target: a telephone number goes where the call went before.
fn way_to(target: &str, before: &Next) -> Next {
    match Uri::parse(target).map(|uri| uri.scheme) {
        Ok(Scheme::Tel) => before.clone(),
        _ => Next::Uri(target.to_owned()),
    }
}

/// Whether credentials for `first` may be shown at `target`: only where they would have been, since a digest given to
/// a stranger can be guessed at leisure.
fn shares_credentials(first: &str, target: &str) -> bool {
    match (Uri::parse(first), Uri::parse(target)) {
        (_, Ok(target)) if target.scheme == Scheme::Tel => true,
        (Ok(first), Ok(target)) => first.host.eq_ignore_ascii_case(target.host),
        _ => false,
    }
}

/// RFC 3261 §26.4.4: who asked for a secure call is not sent to an insecure one.
fn is_downgrade(first: &str, target: &str) -> bool {
    let scheme = |uri| Uri::parse(uri).map(|uri| uri.scheme);
    scheme(first) == Ok(Scheme::Sips) && scheme(target) != Ok(Scheme::Sips)
}

impl Endpoint {
    /// A target of our call refused it, or cannot be reached: the next one is tried, or the call is over.
    pub(super) fn target_failed(
        &mut self,
        now: Instant,
        id: SessionId,
        reason: Ended,
        response: Option<&Message>,
    ) {
        let status = match &reason {
            Ended::Failed { status } => *status,
            _ => 503,
        };
        let Some(session) = self.sessions.get_mut(id) else { return };
        let Phase::Calling(calling) = &mut session.phase else { return self.end(id, reason) };
        let redirected = response.filter(|_| is_followed(status));
        if let Some(response) = redirected {
            calling.trail.take(&calling.invite.target, response);
        }
        let targets = calling.trail.left();
        let follows = calling.invite.follow && goes_on_after(status);
        let target = if follows { calling.trail.next() } else { None };
        let told = redirected.is_some() || target.is_some();
        let event = told.then_some(Event::Redirected { session: id, status, targets });
        let Some(target) = target else {
            event.into_iter().for_each(|event| self.event(event));
            return self.end(id, reason);
        };
        let next = way_to(&target, &calling.next);
        // Credentials go no further than they were meant to.
        let shown = shares_credentials(&calling.invite.target, &target);
        session.credentials = calling.invite.credentials.clone().filter(|_| shown);
        session.dialog.target = target;
        session.dialog.flow = way::nowhere();
        calling.transaction = None;
        calling.numbered = false;
        calling.wants_offer = false;
        calling.progressed = false;
        calling.proofs = Proofs::default();
        calling.earlies.clear();
        calling.next = next.clone();
        event.into_iter().for_each(|event| self.event(event));
        let way = self.set_out(Traveller::Call(id), &next);
        if let Some(Phase::Calling(calling)) = self.sessions.get_mut(id).map(|s| &mut s.phase) {
            calling.way = way;
        }
        self.go(now, way);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn response(contacts: &str) -> Message {
        Message::parse(Bytes::from(format!("SIP/2.0 302 x\r\n{contacts}\r\n"))).unwrap()
    }

    #[test]
    fn targets_are_tried_by_preference_and_none_twice() {
        let mut trail = Trail::default();
        let contacts = "Contact: <sip:c@h>;q=0.2, <sip:a@h?X=y>, <mailto:x@h>\r\nContact: <sip:b@h>;q=0.5, <sip:A@H>\r\n";
        trail.take("sip:first@h", &response(contacts));
        assert_eq!(trail.next().as_deref(), Some("sip:a@h"));
        // A second redirect's targets come before the rest of the first's.
        trail.take("sip:first@h", &response("Contact: <sip:first@h>, <sip:b@h>, <tel:+1>;q=0.1\r\n"));
        let rest: Vec<String> = std::iter::from_fn(|| trail.next()).collect();
        assert_eq!(rest, ["tel:+1", "sip:A@H", "sip:b@h", "sip:c@h"]);
    }

    #[test]
    fn no_call_tries_more_than_five() {
        let mut trail = Trail::default();
        let mut tried = 0;
        for round in 0..20 {
            let contact = format!("Contact: <sip:a{round}@h>, <sip:b{round}@h>\r\n");
            trail.take("sip:first@h", &response(&contact));
            tried += usize::from(trail.next().is_some());
        }
        assert_eq!(tried, MOST);
    }

    #[test]
    fn a_secure_call_is_not_sent_to_an_insecure_target() {
        let mut trail = Trail::default();
        trail.take("sips:first@h", &response("Contact: <sip:a@h>, <sips:b@h>;q=0.1, <tel:+1>\r\n"));
        assert_eq!(trail.left(), ["sips:b@h"]);
    }

    #[test]
    fn credentials_stay_with_their_host() {
        assert!(shares_credentials("sip:a@Trunk", "sip:b@trunk:5070"));
        assert!(shares_credentials("sip:a@trunk", "tel:+1"));
        assert!(!shares_credentials("sip:a@trunk", "sip:a@evil"));
    }
}
