//! The early dialogs of an INVITE of ours: one for each tag that answered it provisionally (RFC 3261 §12.1, §13.2.2.1).
//! Owns what each of them has said so far, its reliable provisionals and its description, and what comes in them.
//! PRACK itself is in `prack`, the 2xx that makes one of them the call in `accepted`.

use std::time::Instant;

use super::accepted::description;
use super::{Leaving, Phase, prack};
use crate::body::Body;
use crate::dialog::Dialog;
use crate::endpoint::Endpoint;
use crate::event::{Event, SessionId};
use crate::flow::Flow;
use crate::message::{Core, Message};
use crate::transaction::TxId;

/// More tags than this in the provisionals of one INVITE are no forks but a fault.
const MOST: usize = 16;

/// One of them.
#[derive(Debug)]
pub(crate) struct Early {
    /// Its number in events, from 1.
    pub(crate) number: u32,
    pub(crate) dialog: Dialog,
    /// The reliable provisional taken last (RFC 3262 §4).
    pub(super) reliable: Option<u32>,
    pub(super) exchange: Exchange,
    /// Our answer to its offer.
    pub(super) answer: Option<Body>,
}

/// How far the offer and its answer have come in an early dialog.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Exchange {
    /// The peer has said nothing.
    #[default]
    Open,
    /// An answer that came unreliably, so that another one may follow (RFC 6337 §3.1.1).
    Preview(Body),
    /// An offer; the PRACK of the provisional that brought it must answer it (RFC 3262 §5).
    Offered { rseq: u32, offer: Body },
    /// Done: this is the peer's description. What comes later in answers to the INVITE repeats it (RFC 3261 §13.2.1).
    Done(Body),
}

/// What a provisional brought.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Brought {
    Nothing,
    /// A description to listen by.
    Description(Body),
    /// An offer, for whose answer its PRACK waits.
    Offer(Body),
}

impl Exchange {
    /// Takes the description of a provisional. `rseq` is there if it came reliably, `asked` if our INVITE had no offer.
    pub(super) fn take(&mut self, body: Option<Body>, rseq: Option<u32>, asked: bool) -> Brought {
        match (&*self, body, rseq) {
            (Exchange::Done(_) | Exchange::Offered { .. }, ..) | (_, None, _) => Brought::Nothing,
            (_, Some(offer), Some(rseq)) if asked => {
                *self = Exchange::Offered { rseq, offer: offer.clone() };
                Brought::Offer(offer)
            }
            // RFC 3261 §13.2.1: an offer comes reliably or not at all.
            (_, Some(_), None) if asked => Brought::Nothing,
            (_, Some(body), Some(_)) => {
                *self = Exchange::Done(body.clone());
                Brought::Description(body)
            }
            (_, Some(body), None) => {
                *self = Exchange::Preview(body.clone());
                Brought::Description(body)
            }
        }
    }

    /// The 2xx came with `body`: the description in force, and whether it is an offer that the ACK must answer.
    pub(super) fn settle(self, body: Option<Body>, asked: bool) -> (Option<Body>, bool) {
        match self {
            Exchange::Done(description) => (Some(description), false),
            Exchange::Offered { offer, .. } => (Some(offer), true),
            // Peers that spoke unreliably should repeat it, and some do not.
            Exchange::Preview(description) => (Some(body.unwrap_or(description)), false),
            Exchange::Open => {
                let owes = asked && body.is_some();
                (body, owes)
            }
        }
    }
}

/// All early dialogs of one INVITE.
#[derive(Debug, Default)]
pub(crate) struct Earlies {
    all: Vec<Early>,
    last: u32,
}

impl Earlies {
    pub(super) fn by_tag(&mut self, tag: &str) -> Option<&mut Early> {
        self.all.iter_mut().find(|e| e.dialog.remote_tag == tag)
    }

    pub(super) fn by_number(&mut self, number: u32) -> Option<&mut Early> {
        self.all.iter_mut().find(|e| e.number == number)
    }

    pub(super) fn has(&self, tag: &str) -> bool {
        self.all.iter().any(|e| e.dialog.remote_tag == tag)
    }

    /// The tag of the one that came last.
    pub(crate) fn last_tag(&self) -> Option<&str> {
        self.all.last().map(|early| early.dialog.remote_tag.as_str())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The early dialog of this tag, made by `dialog` if it is new; `None` if there are too many.
    pub(super) fn enter(&mut self, tag: &str, dialog: impl FnOnce() -> Dialog) -> Option<&mut Early> {
        let at = match self.all.iter().position(|e| e.dialog.remote_tag == tag) {
            Some(at) => at,
            None if self.all.len() < MOST => {
                self.last += 1;
                let exchange = Exchange::default();
                self.all.push(Early {
                    number: self.last,
                    dialog: dialog(),
                    reliable: None,
                    exchange,
                    answer: None,
                });
                self.all.len() - 1
            }
            None => return None,
        };
        self.all.get_mut(at)
    }

    /// How far the one of this tag has come.
    pub(super) fn exchange(&self, tag: &str) -> Option<&Exchange> {
        self.all.iter().find(|e| e.dialog.remote_tag == tag).map(|e| &e.exchange)
    }

    /// The peer has another description from now on (RFC 3311).
    pub(super) fn describe(&mut self, tag: &str, description: Body) {
        if let Some(early) = self.by_tag(tag) {
            early.exchange = Exchange::Done(description);
        }
    }

    /// The only one, if an offer and its answer are exchanged in it or `offers` is false.
    pub(super) fn only(&self, offers: bool) -> Option<&Early> {
        match self.all.as_slice() {
            [early] if !offers || matches!(early.exchange, Exchange::Done(_)) => Some(early),
            _ => None,
        }
    }

    /// One has ended, or is the call's from now on.
    pub(super) fn take(&mut self, tag: &str) -> Option<Early> {
        let at = self.all.iter().position(|e| e.dialog.remote_tag == tag)?;
        Some(self.all.swap_remove(at))
    }

    /// The number of a dialog that begins with its 2xx.
    pub(super) fn next_number(&self) -> u32 {
        self.last + 1
    }

    /// The INVITE starts anew, with credentials or another target: what answered it before is over.
    pub(super) fn clear(&mut self) {
        self.all.clear();
    }
}

impl Endpoint {
    /// A 1xx to an INVITE of ours.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn on_progress(
        &mut self,
        now: Instant,
        session: Option<SessionId>,
        transaction: TxId,
        flow: Flow,
        invite: &Message,
        response: &Message,
        core: &Core<'_>,
        status: u16,
    ) {
        let Some(session) = session.and_then(|id| self.sessions.get_mut(id)) else {
            // The call went to another hop meanwhile, or is gone.
            return self.cancel(now, transaction, None, &[]);
        };
        let id = session.id;
        let calling = match &mut session.phase {
            Phase::Calling(calling) => calling,
            Phase::Leaving(Leaving::Cancel { .. }) => return self.send_cancel(now, id),
            _ => return,
        };
        calling.progressed = true;
        let way = calling.way;
        self.heard(way);
        if status == 100 {
            return;
        }
        let Some(Phase::Calling(calling)) = self.sessions.get_mut(id).map(|s| &mut s.phase) else { return };
        let Some(tag) = core.to.tag() else {
            // A peer of RFC 2543: no dialog, and nothing that could be acknowledged.
            let body = description(response).filter(|_| calling.offer.is_some());
            return self.event(Event::Progressed { session: id, early: 0, status, body, owes_answer: false });
        };
        let asked = calling.offer.is_none();
        let Some(early) = calling.earlies.enter(tag, || Dialog::of_response(invite, response, core, flow))
        else {
            return;
        };
        let number = early.number;
        let rseq = prack::number(response);
        if let Some(rseq) = rseq {
            // While its offer is not answered, its PRACK is not sent, and the next one comes again.
            if matches!(early.exchange, Exchange::Offered { .. }) || !prack::is_next(early.reliable, rseq) {
                return;
            }
            early.reliable = Some(rseq);
        }
        let (body, owes_answer) = match early.exchange.take(description(response), rseq, asked) {
            Brought::Nothing => (None, false),
            Brought::Description(body) => (Some(body), false),
            Brought::Offer(body) => (Some(body), true),
        };
        if let (Some(rseq), false) = (rseq, owes_answer) {
            self.send_prack(now, id, number, (rseq, core.cseq), None);
        }
        if status == 199 {
            // RFC 6228 §4: the dialog has ended, the INVITE has not.
            if let Some(Phase::Calling(calling)) = self.sessions.get_mut(id).map(|s| &mut s.phase) {
                calling.earlies.take(tag);
            }
        }
        self.event(Event::Progressed { session: id, early: number, status, body, owes_answer });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &'static str) -> Body {
        Body::sdp(text.as_bytes())
    }

    #[test]
    fn an_answer_is_final_once_it_came_reliably() {
        let mut exchange = Exchange::default();
        assert_eq!(exchange.take(Some(body("a")), None, false), Brought::Description(body("a")));
        assert_eq!(exchange.take(Some(body("b")), None, false), Brought::Description(body("b")));
        assert_eq!(exchange.take(Some(body("c")), Some(1), false), Brought::Description(body("c")));
        assert_eq!(exchange.take(Some(body("d")), Some(2), false), Brought::Nothing);
        assert_eq!(exchange.settle(Some(body("e")), false), (Some(body("c")), false));
    }

    #[test]
    fn the_2xx_completes_what_provisionals_left_open() {
        let preview = Exchange::Preview(body("a"));
        assert_eq!(preview.clone().settle(None, false), (Some(body("a")), false));
        assert_eq!(preview.settle(Some(body("b")), false), (Some(body("b")), false));
        assert_eq!(Exchange::Open.settle(Some(body("b")), true), (Some(body("b")), true));
        assert_eq!(Exchange::Open.settle(None, true), (None, false));
    }

    #[test]
    fn an_offer_comes_reliably_or_not_at_all() {
        let mut exchange = Exchange::default();
        assert_eq!(exchange.take(Some(body("a")), None, true), Brought::Nothing);
        assert_eq!(exchange.take(Some(body("a")), Some(7), true), Brought::Offer(body("a")));
        assert_eq!(exchange.settle(None, true), (Some(body("a")), true));
    }
}
