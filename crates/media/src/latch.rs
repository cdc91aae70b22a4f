//! Symmetric RTP with probation: where a leg's audio goes, and whose audio it takes (RFC 4961).
//!
//! The signalled address is believed at once and always.
//! Another address, as NAT makes them, has to prove itself:
//! so many packets in an unbroken row, of one SSRC, while the signalled address is silent.
//! A stream that was heard before must also go on where it was: its SSRC, which a passer-by may have seen, is not enough.
//! It is believed once a stream; only a re-INVITE opens the door again.
//! Everyone else is a stranger, whose packets are counted and dropped ("RTP bleed").

use std::net::SocketAddr;
use std::time::Duration;

use rtp::View;

/// Packets in a row that prove a source: 100 ms of the usual packets.
const PROOF: u8 = 5;

/// Packets a second that a stream which moves may have sent meanwhile, and so many more for good measure.
const FAST: u64 = 100;
const MARGIN: u64 = 100;

/// A signalled source that was heard is silent after this long.
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
    latched: Option<SocketAddr>,
    /// Nobody new is believed until the next re-INVITE.
    locked: bool,
    /// When the signalled address was last heard, and the SSRC of the peer's stream.
    heard: Option<Duration>,
    ssrc: Option<u32>,
    /// The number of its last packet.
    last: rtp::Seq,
    candidate: Option<Candidate>,
}

#[derive(Debug)]
struct Candidate {
    from: SocketAddr,
    ssrc: u32,
    last: rtp::Seq,
    proven: u8,
}

impl Latch {
    pub(crate) fn new(signalled: SocketAddr) -> Latch {
        Latch {
            signalled,
            latched: None,
            locked: false,
            heard: None,
            ssrc: None,
            last: rtp::Seq(0),
            candidate: None,
        }
    }

    /// Where audio goes.
    pub(crate) fn remote(&self) -> SocketAddr {
        self.latched.unwrap_or(self.signalled)
    }

    /// Whether that is not the signalled address.
    pub(crate) fn is_latched(&self) -> bool {
        self.latched.is_some()
    }

    /// The signalled address, if it is the one that is heard and has been within `lately`.
    pub(crate) fn heard_within(&self, now: Duration, lately: Duration) -> Option<SocketAddr> {
        let heard = self.heard.is_some_and(|heard| now.saturating_sub(heard) < lately);
        (heard && self.latched.is_none()).then_some(self.signalled)
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
            self.candidate = None;
        }
    }

    /// Judge a packet that the keys prove to be the peer's: another address is believed at once where the last one has
    /// fallen silent, any number of times. While it speaks a packet from elsewhere is a copy, whoever has delayed it.
    pub(crate) fn judge_proven(&mut self, now: Duration, from: SocketAddr) -> Verdict {
        let silent = self.heard.is_none_or(|heard| now.saturating_sub(heard) >= SILENT);
        if from != self.remote() && !silent {
            return Verdict::Accept;
        }
        self.heard = Some(now);
        if self.move_to(from) { Verdict::Latched } else { Verdict::Accept }
    }

    /// The peer proved to be at `from`. `true` if that is news.
    pub(crate) fn move_to(&mut self, from: SocketAddr) -> bool {
        let news = from != self.remote();
        self.latched = (from != self.signalled).then_some(from);
        news
    }

    /// Whether `seq` may be the stream's number after so much silence.
    fn goes_on(&self, silent: Duration, seq: rtp::Seq) -> bool {
        let most = (silent.as_millis() as u64).saturating_mul(FAST) / 1_000 + MARGIN;
        let ahead = seq.since(self.last);
        ahead > 0 && u64::from(ahead.unsigned_abs()) <= most
    }

    /// Judge a valid packet of a payload type that was agreed on.
    pub(crate) fn judge(&mut self, now: Duration, from: SocketAddr, packet: &View<'_>) -> Verdict {
        if from == self.signalled {
            self.heard = Some(now);
            self.ssrc = Some(packet.ssrc);
            self.last = packet.seq;
            // Where the peer said it would be, it is: an address that was believed meanwhile was somebody else's.
            self.locked |= self.latched.take().is_some();
            return Verdict::Accept;
        }
        if self.latched == Some(from) {
            return Verdict::Accept;
        }
        if self.locked || self.heard.is_some_and(|heard| now.saturating_sub(heard) < SILENT) {
            return Verdict::Stranger;
        }
        // A stream that was heard may move, another may not take its place.
        if self.ssrc.is_some_and(|ssrc| ssrc != packet.ssrc) {
            return Verdict::Stranger;
        }
        if self.heard.is_some_and(|heard| !self.goes_on(now.saturating_sub(heard), packet.seq)) {
            return Verdict::Stranger;
        }
        let proven = match &self.candidate {
            Some(one) if one.from == from && one.ssrc == packet.ssrc && packet.seq == one.last.plus(1) => {
                one.proven + 1
            }
            _ => 1,
        };
        if proven < PROOF {
            self.candidate = Some(Candidate { from, ssrc: packet.ssrc, last: packet.seq, proven });
            return Verdict::Stranger;
        }
        self.candidate = None;
        self.latched = Some(from);
        self.locked = true;
        self.ssrc = Some(packet.ssrc);
        Verdict::Latched
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtp::{RtpTime, Seq};

    fn address(n: u16) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, n as u8], 4_000 + n))
    }

    const HOME: u16 = 1;
    const NAT: u16 = 2;
    const EVIL: u16 = 3;

    fn judge(latch: &mut Latch, ms: u64, from: u16, ssrc: u32, seq: u16) -> Verdict {
        let view = View {
            marker: false,
            payload_type: 0,
            seq: Seq(seq),
            timestamp: RtpTime(0),
            ssrc,
            payload: &[0; 160],
        };
        latch.judge(Duration::from_millis(ms), address(from), &view)
    }

    fn run(latch: &mut Latch, ms: u64, from: u16, ssrc: u32, seqs: std::ops::Range<u16>) -> Vec<Verdict> {
        seqs.map(|seq| judge(latch, ms + u64::from(seq) * 20, from, ssrc, seq)).collect()
    }

    use Verdict::*;

    #[test]
    fn the_signalled_address_is_believed_at_once() {
        let mut latch = Latch::new(address(HOME));
        assert_eq!(judge(&mut latch, 0, HOME, 7, 1), Accept);
        assert!(!latch.is_latched());
    }

    #[test]
    fn another_address_is_believed_after_five_in_a_row() {
        let mut latch = Latch::new(address(HOME));
        let verdicts = run(&mut latch, 0, NAT, 7, 0..6);
        assert_eq!(verdicts, [Stranger, Stranger, Stranger, Stranger, Latched, Accept]);
        assert_eq!(latch.remote(), address(NAT));
    }

    #[test]
    fn a_proven_stream_may_move_as_often_as_it_falls_silent() {
        let mut latch = Latch::new(address(HOME));
        let mut judge =
            |ms, from| (latch.judge_proven(Duration::from_millis(ms), address(from)), latch.remote());
        assert_eq!(judge(0, HOME), (Accept, address(HOME)));
        assert_eq!(judge(20, NAT), (Accept, address(HOME)), "a copy of what was just said");
        assert_eq!(judge(2_100, NAT), (Latched, address(NAT)));
        assert_eq!(judge(2_120, HOME), (Accept, address(NAT)));
        assert_eq!(judge(5_000, EVIL), (Latched, address(EVIL)));
        assert_eq!(judge(9_000, HOME), (Latched, address(HOME)));
        assert!(!latch.is_latched());
        let mut fresh = Latch::new(address(HOME));
        assert_eq!(fresh.judge_proven(Duration::ZERO, address(NAT)), Latched);
    }

    #[test]
    fn a_row_that_is_broken_begins_again() {
        let mut latch = Latch::new(address(HOME));
        run(&mut latch, 0, NAT, 7, 0..4);
        assert_eq!(judge(&mut latch, 100, NAT, 7, 9), Stranger, "a gap");
        run(&mut latch, 0, NAT, 7, 10..13);
        assert_eq!(judge(&mut latch, 300, NAT, 8, 13), Stranger, "another SSRC");
        assert!(!latch.is_latched());
        assert_eq!(run(&mut latch, 400, NAT, 8, 14..18).last(), Some(&Latched));
    }

    #[test]
    fn two_that_alternate_never_prove_themselves() {
        let mut latch = Latch::new(address(HOME));
        for n in 0..50 {
            assert_eq!(judge(&mut latch, n * 20, NAT, 7, n as u16), Stranger);
            assert_eq!(judge(&mut latch, n * 20, EVIL, 9, n as u16), Stranger);
        }
    }

    #[test]
    fn while_the_signalled_source_speaks_nobody_else_is_believed() {
        let mut latch = Latch::new(address(HOME));
        for seq in 0..200u16 {
            assert_eq!(judge(&mut latch, u64::from(seq) * 20, HOME, 7, seq), Accept);
            assert_eq!(judge(&mut latch, u64::from(seq) * 20, EVIL, 7, seq), Stranger);
        }
        assert_eq!(latch.remote(), address(HOME));
    }

    #[test]
    fn a_stream_that_fell_silent_may_move_but_another_may_not_take_its_place() {
        let mut latch = Latch::new(address(HOME));
        judge(&mut latch, 0, HOME, 7, 1);
        assert!(run(&mut latch, 3_000, EVIL, 9, 0..50).iter().all(|v| *v == Stranger));
        assert_eq!(run(&mut latch, 6_000, NAT, 7, 2..7).last(), Some(&Latched));
    }

    #[test]
    fn a_stream_that_moves_goes_on_where_it_was() {
        let mut latch = Latch::new(address(HOME));
        judge(&mut latch, 0, HOME, 7, 1_000);
        for seq in (20_000..20_100).chain(0..900) {
            assert_eq!(judge(&mut latch, 9_000, EVIL, 7, seq), Stranger);
        }
        let back: Vec<Verdict> = (1_001..1_006).map(|seq| judge(&mut latch, 9_000, NAT, 7, seq)).collect();
        assert_eq!(back.last(), Some(&Latched));
    }

    #[test]
    fn a_latched_stream_is_not_latched_again_without_a_re_invite() {
        let mut latch = Latch::new(address(HOME));
        run(&mut latch, 0, NAT, 7, 0..5);
        assert!(run(&mut latch, 60_000, EVIL, 7, 5..100).iter().all(|v| *v == Stranger));
        latch.renew(address(HOME));
        assert_eq!(latch.remote(), address(NAT), "the same address in a re-INVITE changes nothing yet");
        assert_eq!(run(&mut latch, 90_000, EVIL, 7, 0..5).last(), Some(&Latched));
        latch.renew(address(4));
        assert_eq!(latch.remote(), address(4), "a new address is obeyed at once");
    }

    #[test]
    fn a_hold_without_an_address_forgets_nothing() {
        let mut latch = Latch::new(address(HOME));
        run(&mut latch, 0, NAT, 7, 0..5);
        latch.renew("0.0.0.0:4001".parse().unwrap());
        latch.renew(address(HOME));
        assert_eq!(latch.remote(), address(NAT));
    }

    #[test]
    fn the_signalled_source_takes_its_place_back_for_good() {
        let mut latch = Latch::new(address(HOME));
        run(&mut latch, 0, EVIL, 9, 0..5);
        assert_eq!(latch.remote(), address(EVIL));
        assert_eq!(judge(&mut latch, 200, HOME, 7, 1), Accept);
        assert_eq!(latch.remote(), address(HOME));
        assert!(run(&mut latch, 10_000, EVIL, 7, 5..100).iter().all(|v| *v == Stranger));
    }
}
