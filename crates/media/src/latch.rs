//! Symmetric RTP with probation: where a leg's audio goes, and whose audio it takes (RFC 4961).
//!
//! The signalled address is believed at once.
//! Another address, as NAT makes them, has to prove itself:
//! so many packets in an unbroken row, of one SSRC, while the one that is believed is silent.
//! A stream that was heard before must also go on where it was: its SSRC, which a passer-by may have seen, is not enough.
//! It is believed once a stream; only a re-INVITE opens the door again.
//! After that one who was silent for long enough may come back as another stream, as phones do after a hold;
//! with the first packet of the one that is believed the rule of its stream holds again.
//! Where another address is believed, the signalled one proves itself as well, but at any time: it is right then.
//! Everyone else is a stranger, whose packets are counted and dropped ("RTP bleed").

use std::net::SocketAddr;
use std::time::Duration;

use rtp::View;

/// Packets in a row that prove a source: 100 ms of the usual packets.
const PROOF: u8 = 5;

/// Copies of packets, and packets that were overtaken, lie at most so far back; they neither prove nor disprove.
const BACK: i16 = 16;

/// Packets a second that a stream which moves may have sent meanwhile, and so many more for good measure.
const FAST: u64 = 100;
const MARGIN: u64 = 100;

/// A source that was heard is silent after this long.
const SILENT: Duration = Duration::from_secs(2);

/// What to do with a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the peer's.
    Accept,
    /// It is the peer's, and from now on audio goes where it came from.
    Latched,
    /// Drop it.
    Stranger,
}

/// The rule between the signalled address and the one that packets come from.
#[derive(Debug)]
pub(crate) struct Latch {
    signalled: SocketAddr,
    /// Who is believed: the signalled address or the one that proved itself.
    remote: SocketAddr,
    /// Nobody new is believed until the next re-INVITE.
    locked: bool,
    /// When the one that is believed was last heard.
    heard: Option<Duration>,
    /// The stream that another address would have to go on with: SSRC and number of its last packet.
    stream: Option<(u32, rtp::Seq)>,
    /// On probation: the signalled address, where it is not the one that is believed, and another.
    home: Option<Candidate>,
    candidate: Option<Candidate>,
}

#[derive(Clone, Copy, Debug)]
struct Candidate {
    from: SocketAddr,
    ssrc: u32,
    last: rtp::Seq,
    proven: u8,
}

impl Candidate {
    /// After a packet of `from`, which a candidate of another address or stream begins anew with.
    fn after(before: Option<Candidate>, from: SocketAddr, packet: &View<'_>) -> Candidate {
        let fresh = Candidate { from, ssrc: packet.ssrc, last: packet.seq, proven: 1 };
        match before.filter(|one| one.from == from && one.ssrc == packet.ssrc) {
            Some(one) => match packet.seq.since(one.last) {
                1 => Candidate { proven: one.proven + 1, ..fresh },
                ahead if (-BACK..=0).contains(&ahead) => one,
                _ => fresh,
            },
            None => fresh,
        }
    }
}

impl Latch {
    pub(crate) fn new(signalled: SocketAddr) -> Latch {
        Latch {
            signalled,
            remote: signalled,
            locked: false,
            heard: None,
            stream: None,
            home: None,
            candidate: None,
        }
    }

    /// Where audio goes.
    pub(crate) fn remote(&self) -> SocketAddr {
        self.remote
    }

    /// Whether that is not the signalled address.
    pub(crate) fn is_latched(&self) -> bool {
        self.remote != self.signalled
    }

    /// The signalled address, if it is the one that is heard and has been within `lately`.
    pub(crate) fn heard_within(&self, now: Duration, lately: Duration) -> Option<SocketAddr> {
        let heard = self.heard.is_some_and(|heard| now.saturating_sub(heard) < lately);
        (heard && !self.is_latched()).then_some(self.signalled)
    }

    /// A re-INVITE named `signalled`. The same address as before keeps what was learnt, but opens the door.
    pub(crate) fn renew(&mut self, signalled: SocketAddr) {
        // 0.0.0.0 is a hold as RFC 2543 had it: no address at all, and the old one comes back after it.
        if signalled.ip().is_unspecified() {
            return;
        }
        if signalled != self.signalled {
            *self = Latch::new(signalled);
        } else {
            self.locked = false;
            self.stream = None;
            (self.home, self.candidate) = (None, None);
        }
    }

    /// Judge a packet that the keys prove to be the peer's: another address is believed at once where the last one has
    /// fallen silent, any number of times. While it speaks a packet from elsewhere is a copy, whoever has delayed it.
    pub(crate) fn judge_proven(&mut self, now: Duration, from: SocketAddr) -> Verdict {
        if from != self.remote && !self.is_silent(now) {
            return Verdict::Accept;
        }
        self.heard = Some(now);
        if self.move_to(from) { Verdict::Latched } else { Verdict::Accept }
    }

    /// The peer proved to be at `from`. `true` if that is news.
    pub(crate) fn move_to(&mut self, from: SocketAddr) -> bool {
        let news = from != self.remote;
        self.remote = from;
        news
    }

    fn is_silent(&self, now: Duration) -> bool {
        self.heard.is_none_or(|heard| now.saturating_sub(heard) >= SILENT)
    }

    /// Whether a packet may be the next of the stream that was heard, if there is one to go on with.
    fn goes_on(&self, now: Duration, packet: &View<'_>) -> bool {
        let Some((ssrc, last)) = self.stream else { return true };
        let silent = now.saturating_sub(self.heard.unwrap_or(now));
        let most = (silent.as_millis() as u64).saturating_mul(FAST) / 1_000 + MARGIN;
        let ahead = packet.seq.since(last);
        ssrc == packet.ssrc && ahead > 0 && u64::from(ahead.unsigned_abs()) <= most
    }

    /// A packet of who is believed.
    fn note(&mut self, now: Duration, packet: &View<'_>) {
        self.heard = Some(now);
        self.stream = Some((packet.ssrc, packet.seq));
    }

    /// Judge a valid packet of a payload type that was agreed on.
    pub(crate) fn judge(&mut self, now: Duration, from: SocketAddr, packet: &View<'_>) -> Verdict {
        if from == self.remote {
            self.note(now, packet);
            return Verdict::Accept;
        }
        self.doubt(now, from, packet)
    }

    /// Judge a packet from elsewhere than where the peer is believed to be.
    fn doubt(&mut self, now: Duration, from: SocketAddr, packet: &View<'_>) -> Verdict {
        let home = from == self.signalled;
        if !home && (self.locked || !self.is_silent(now) || !self.goes_on(now, packet)) {
            return Verdict::Stranger;
        }
        let candidate = if home { &mut self.home } else { &mut self.candidate };
        let after = Candidate::after(*candidate, from, packet);
        if after.proven < PROOF {
            *candidate = Some(after);
            return Verdict::Stranger;
        }
        // Where the peer said it would be, it is: an address that was believed meanwhile was somebody else's.
        (self.home, self.candidate) = (None, None);
        self.remote = from;
        self.locked = true;
        self.note(now, packet);
        Verdict::Latched
    }
}

#[cfg(test)]
mod tests;
