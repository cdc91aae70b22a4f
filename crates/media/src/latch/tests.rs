//! Who is believed, packet by packet.

use super::*;
use rtp::{RtpTime, Seq};

fn address(n: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, n as u8], 4_000 + n))
}

const HOME: u16 = 1;
const NAT: u16 = 2;
const EVIL: u16 = 3;
const AWAY: u16 = 5;

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
    let mut judge = |ms, from| (latch.judge_proven(Duration::from_millis(ms), address(from)), latch.remote());
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
    assert_eq!(run(&mut latch, 90_000, EVIL, 7, 0..5).last(), Some(&Latched), "it was silent for long");
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
    assert_eq!(run(&mut latch, 100, HOME, 7, 1..6), [Stranger, Stranger, Stranger, Stranger, Latched]);
    assert_eq!(latch.remote(), address(HOME));
    assert!(!latch.is_latched());
    assert!(run(&mut latch, 10_000, EVIL, 7, 5..100).iter().all(|v| *v == Stranger));
}

#[test]
fn one_packet_of_the_signalled_address_ends_nothing() {
    let mut latch = Latch::new(address(HOME));
    run(&mut latch, 0, NAT, 7, 0..5);
    for seq in 5..200 {
        assert_eq!(judge(&mut latch, u64::from(seq) * 20, NAT, 7, seq), Accept);
        if seq % 50 == 10 {
            assert_eq!(judge(&mut latch, u64::from(seq) * 20, HOME, 9, 3 * seq), Stranger);
        }
    }
    assert_eq!(judge(&mut latch, 60_000, HOME, 9, 7_000), Stranger, "in a silence neither");
    assert_eq!(latch.remote(), address(NAT));
    assert_eq!(judge(&mut latch, 60_020, NAT, 7, 200), Accept);
}

#[test]
fn who_is_signalled_proves_itself_whoever_else_speaks() {
    let mut latch = Latch::new(address(HOME));
    run(&mut latch, 0, EVIL, 9, 0..5);
    latch.renew(address(HOME));
    let mut told = Vec::new();
    for seq in 0..5 {
        let ms = 5_000 + u64::from(seq) * 20;
        assert_eq!(judge(&mut latch, ms, NAT, 9, 5 + seq), if seq == 4 { Latched } else { Stranger });
    }
    for seq in 0..5 {
        let ms = 5_200 + u64::from(seq) * 20;
        judge(&mut latch, ms, NAT, 9, 10 + seq);
        told.push(judge(&mut latch, ms, HOME, 7, seq));
        judge(&mut latch, ms, EVIL, 9, 700 + seq);
    }
    assert_eq!(told, [Stranger, Stranger, Stranger, Stranger, Latched]);
    assert_eq!(latch.remote(), address(HOME));
}

#[test]
fn a_phone_comes_back_from_hold_by_another_way_and_as_another_stream() {
    let mut latch = Latch::new(address(HOME));
    run(&mut latch, 0, NAT, 7, 0..50);
    latch.renew(address(HOME));
    latch.renew(address(HOME));
    assert!(run(&mut latch, 0, EVIL, 8, 51..140).iter().all(|v| *v == Stranger), "it was just heard");
    let back = run(&mut latch, 0, EVIL, 8, 200..206);
    assert_eq!(back, [Stranger, Stranger, Stranger, Stranger, Latched, Accept]);
    assert!(run(&mut latch, 60_000, NAT, 8, 206..300).iter().all(|v| *v == Stranger), "once");
}

#[test]
fn a_latched_stream_that_speaks_is_not_taken_after_a_re_invite() {
    let mut latch = Latch::new(address(HOME));
    run(&mut latch, 0, NAT, 7, 0..5);
    latch.renew(address(HOME));
    for seq in 5..400 {
        assert_eq!(judge(&mut latch, u64::from(seq) * 20, NAT, 7, seq), Accept);
        assert_eq!(judge(&mut latch, u64::from(seq) * 20, EVIL, 7, seq), Stranger);
    }
    // It pauses: its stream may move, now that the re-INVITE has opened the door, but no other comes in its place.
    let mut later = |from, ssrc, seq| judge(&mut latch, 12_000, from, ssrc, seq);
    assert!((400..500).all(|seq| later(EVIL, 9, seq) == Stranger));
    assert!((20_000..20_100).all(|seq| later(EVIL, 7, seq) == Stranger));
    assert_eq!((400..405).map(|seq| later(AWAY, 7, seq)).last(), Some(Latched));
}

#[test]
fn packets_that_come_twice_or_overtake_each_other_break_no_row() {
    let mut latch = Latch::new(address(HOME));
    let twice = [0, 0, 1, 1, 2, 2, 3, 3, 4];
    let told: Vec<Verdict> = twice.iter().map(|seq| judge(&mut latch, 0, NAT, 7, *seq)).collect();
    assert_eq!(told.last(), Some(&Latched));
    assert!(told[..8].iter().all(|v| *v == Stranger));
    let mut latch = Latch::new(address(HOME));
    let late = [10, 11, 9, 12, 13, 11, 14];
    assert_eq!(late.map(|seq| judge(&mut latch, 0, NAT, 7, seq)).last(), Some(&Latched));
    let mut latch = Latch::new(address(HOME));
    assert!([5; 40].iter().all(|seq| judge(&mut latch, 0, NAT, 7, *seq) == Stranger), "copies prove nothing");
}
