//! The reliable provisionals of an INVITE that came: their numbers, and which of them goes out when (RFC 3262 §3).
//! Sends nothing; `prack` does.
//!
//! One provisional is under way at a time, the next ones wait for its PRACK: RFC 3262 §3 asks that for the first, and
//! it keeps descriptions apart.

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;

use super::prack::TAG;
use crate::body::Body;
use crate::message::{Message, Name};

/// Provisionals that wait for the PRACK of an earlier one; a caller that makes more loses the oldest.
const MOST_WAITING: usize = 8;

/// What the peer's INVITE says of reliable provisionals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// It cannot.
    Never,
    /// Supported: we do it where a description is carried.
    Possible,
    /// Required: every provisional but 100 (RFC 3262 §3).
    Always,
}

impl Wish {
    pub(super) fn of(invite: &Message) -> Self {
        let says = |name| invite.values(name).any(|option| option.eq_ignore_ascii_case(TAG));
        match () {
            () if says(Name::Require) => Wish::Always,
            () if says(Name::Supported) => Wish::Possible,
            () => Wish::Never,
        }
    }
}

/// A provisional response to be sent.
#[derive(Clone, Debug)]
pub(super) struct Provisional {
    pub(super) status: u16,
    pub(super) body: Option<Body>,
}

/// The reliable provisionals of an INVITE that came.
#[derive(Debug)]
pub(super) struct Reliable {
    wish: Wish,
    /// The RSeq sent last.
    last: u32,
    pub(super) under_way: Option<UnderWay>,
    waiting: VecDeque<Provisional>,
    /// Whether a description went out reliably: then it is not repeated (RFC 6337 §3.1.1).
    described: bool,
}

/// A reliable provisional that waits for its PRACK.
#[derive(Debug)]
pub(super) struct UnderWay {
    pub(super) rseq: u32,
    pub(super) bytes: Bytes,
    pub(super) interval: Duration,
    pub(super) described: bool,
}

/// What became of a provisional that was to be sent.
pub(super) enum Turn {
    /// Send it without more ado.
    Plainly(Provisional),
    /// Send it reliably under this number.
    Reliably(u32, Provisional),
    /// Another one is under way.
    Later,
}

impl Reliable {
    pub(super) fn new(wish: Wish, first: u32) -> Self {
        // RFC 3262 §3: a first number between 1 and 2^31 - 1.
        let last = (first & 0x3fff_ffff).max(1);
        Reliable { wish, last, under_way: None, waiting: VecDeque::new(), described: false }
    }

    /// Whether a description can be sent in a provisional of an INVITE that had no offer.
    pub(super) fn carries_offers(&self) -> bool {
        self.wish != Wish::Never
    }

    /// Whether a description went out reliably already, or is about to.
    pub(super) fn has_described(&self) -> bool {
        self.described
    }

    /// Whether a 2xx must wait: a description is not acknowledged yet (RFC 3262 §3).
    pub(super) fn holds_answer(&self) -> bool {
        self.under_way.as_ref().is_some_and(|u| u.described) || self.waiting.iter().any(|p| p.body.is_some())
    }

    /// Decides how a provisional goes out.
    pub(super) fn turn(&mut self, mut provisional: Provisional) -> Turn {
        if self.described {
            provisional.body = None;
        }
        let reliably = match self.wish {
            Wish::Always => true,
            Wish::Possible => provisional.body.is_some(),
            Wish::Never => false,
        };
        if !reliably {
            return Turn::Plainly(provisional);
        }
        self.described |= provisional.body.is_some();
        if self.under_way.is_none() {
            self.last = self.last.saturating_add(1);
            return Turn::Reliably(self.last, provisional);
        }
        if self.waiting.len() == MOST_WAITING
            && let Some(at) = self.waiting.iter().position(|p| p.body.is_none())
        {
            self.waiting.remove(at);
        }
        self.waiting.push_back(provisional);
        Turn::Later
    }

    /// The number that waits for its PRACK.
    pub(super) fn under_way(&self) -> Option<u32> {
        self.under_way.as_ref().map(|u| u.rseq)
    }

    /// Takes a PRACK for `rseq`; whether that was under way.
    pub(super) fn acknowledge(&mut self, rseq: u32) -> bool {
        self.under_way.take_if(|u| u.rseq == rseq).is_some()
    }

    /// The call is answered: nobody needs to hear of ringing any more.
    pub(super) fn keep_descriptions(&mut self) {
        self.waiting.retain(|p| p.body.is_some());
    }

    /// The provisional whose turn it is after a PRACK, and its number.
    pub(super) fn next(&mut self) -> Option<(u32, Provisional)> {
        if self.under_way.is_some() {
            return None;
        }
        let next = self.waiting.pop_front()?;
        self.last = self.last.saturating_add(1);
        Some((self.last, next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_is_never_dropped_and_ringing_is_when_too_much_waits() {
        let mut reliable = Reliable::new(Wish::Always, 7);
        let provisional = |body: Option<&'static str>| Provisional {
            status: 180,
            body: body.map(|text| Body::sdp(text.as_bytes())),
        };
        let Turn::Reliably(rseq, _) = reliable.turn(provisional(None)) else { panic!("the first goes out") };
        let (bytes, interval) = (Bytes::new(), Duration::ZERO);
        reliable.under_way = Some(UnderWay { rseq, bytes, interval, described: false });
        assert!(matches!(reliable.turn(provisional(Some("v=0"))), Turn::Later));
        for _ in 0..20 {
            assert!(matches!(reliable.turn(provisional(None)), Turn::Later));
        }
        assert!(reliable.holds_answer() && reliable.next().is_none());
        assert!(!reliable.acknowledge(rseq + 1) && reliable.acknowledge(rseq));
        reliable.keep_descriptions();
        let next = reliable.next().unwrap();
        assert_eq!((next.0, next.1.body.is_some()), (rseq + 1, true));
        assert!(reliable.next().is_none());
    }
}
