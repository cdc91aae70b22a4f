//! Hold and resume in a call between two phones: the held party hears music, and nothing else.

use std::time::Duration;

use crate::rig::{Rig, trace};
use testkit::ear;
use testkit::ua::desk::{Desk, LineId, Manner};

const A: u16 = 440;
const B: u16 = 800;
const SOON: Manner = Manner::Answer(Duration::from_millis(50));

fn talking(rig: &Rig) -> (Desk, Desk, LineId) {
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let call = alice.call("202");
    assert!(alice.up(call) && bob.up(0), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A));
    (alice, bob, call)
}

/// Sound that is neither party's tone.
fn hears_music(desk: &Desk, line: LineId) -> bool {
    desk.hears_so(line, |pcm| {
        let tone = [A, B].iter().any(|tone| ear::purity(pcm, f32::from(*tone)) > 0.5);
        ear::sounding(pcm) > 0.1 && !tone
    })
}

fn over(rig: &Rig, alice: &Desk, bob: &Desk, call: LineId) {
    alice.hang_up(call);
    assert!(bob.over(0));
    let view = rig.finished();
    assert!(trace(&view).contains("held"), "{}", trace(&view));
    rig.nothing_left();
}

#[test]
fn hold_in_every_spelling_plays_music_and_resume_brings_the_other_back() {
    let rig = Rig::start(&[]);
    let (alice, bob, call) = talking(&rig);
    for (direction, address, answer) in [
        ("sendonly", None, "a=recvonly"),
        ("inactive", None, "a=inactive"),
        ("sendrecv", Some("0.0.0.0"), "m=audio"),
    ] {
        alice.reinvite(call, direction, address);
        assert!(alice.wait(|lines| lines[call].changed == Some(200)), "{direction}");
        assert!(alice.line(call, |line| line.answered.contains(answer)), "{direction}");
        assert!(hears_music(&bob, 0), "{direction}: {:?}", rig.traces());
        alice.resume(call);
        assert!(alice.wait(|lines| lines[call].changed == Some(200)));
        assert!(bob.hears_tone(0, A), "{direction}");
        assert!(alice.hears_tone(call, B), "{direction}");
    }
    assert!(bob.line(0, |line| line.requests.iter().all(|request| !request.starts_with("INVITE"))));
    over(&rig, &alice, &bob, call);
}

#[test]
fn both_may_hold_and_each_resume_is_its_own() {
    let rig = Rig::start(&[]);
    let (alice, bob, call) = talking(&rig);
    alice.hold(call);
    assert!(hears_music(&bob, 0));
    bob.hold(0);
    assert!(bob.wait(|lines| lines[0].changed == Some(200)));
    alice.hold(call);
    assert!(alice.wait(|lines| lines[call].changed == Some(200)), "hold during hold");
    alice.resume(call);
    assert!(hears_music(&alice, call), "bob still holds: {:?}", rig.traces());
    bob.resume(0);
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    over(&rig, &alice, &bob, call);
}

#[test]
fn who_is_held_may_hang_up_and_so_may_who_holds() {
    let rig = Rig::start(&[]);
    let (alice, bob, call) = talking(&rig);
    alice.hold(call);
    assert!(hears_music(&bob, 0));
    bob.hang_up(0);
    assert!(alice.over(call));
    rig.finished();
    rig.nothing_left();
    let call = alice.call("202");
    assert!(alice.up(call) && bob.up(1) && alice.hears_tone(call, B));
    bob.hold(1);
    assert!(hears_music(&alice, call));
    bob.hang_up(1);
    assert!(alice.over(call));
    rig.finished();
    rig.nothing_left();
}

#[test]
fn a_phone_whose_nat_forgets_it_is_found_again_after_a_re_invite_that_says_what_it_said() {
    let rig = Rig::start(&[]);
    let (alice, bob, call) = talking(&rig);
    let found = |port: u16| {
        let words = format!("sends from 127.0.0.1:{port};");
        rig.wait("that it is found", || rig.traces().iter().any(|trace| trace.contains(&words)));
        assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    };
    found(alice.roam(call).expect("a port"));
    // It is believed once: without a word of its own it is not heard from a third place.
    let port = alice.roam(call).expect("a port");
    assert!(bob.hears_nothing(0), "{:?}", rig.traces());
    alice.resume(call);
    assert!(alice.wait(|lines| lines[call].changed == Some(200)));
    found(port);
    alice.hang_up(call);
    assert!(bob.over(0));
    rig.finished();
    rig.nothing_left();
}
