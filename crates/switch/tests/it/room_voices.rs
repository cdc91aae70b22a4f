//! Who talks in a room, and how loud each is and hears: in the views, by the API and by keys.

use std::time::Duration;

use crate::rig::rooms::{QUIET, join, noted, with_rooms};
use crate::rig::{Rig, hears};
use audio::level::rms_dbov;
use switch::{MemberChange, MemberView};
use testkit::ua::desk::{Desk, LineId, Manner};

const A: u16 = 440;
const B: u16 = 800;
const C: u16 = 1_200;
const SOON: Manner = Manner::Answer(Duration::from_millis(50));

fn board() -> Rig {
    with_rooms(&format!("[board]\nnumber = \"800\"\npublic = true\n{QUIET}"), &[])
}

fn member(rig: &Rig, at: usize) -> MemberView {
    rig.switch().conference("board").expect("somebody").members.swap_remove(at)
}

/// Waits until a line hears so many dB, give or take two.
fn hears_at(rig: &Rig, desk: &Desk, line: LineId, db: f32) {
    let heard = desk.hears_so(line, |pcm| (rms_dbov(&pcm.samples) - db).abs() < 2.0);
    assert!(heard, "{} and not {db}: {:#?}", rms_dbov(&desk.hears(line).samples), rig.traces());
}

#[test]
fn who_talks_and_who_speaks_most_audibly_is_seen_and_the_timeline_says_how_long() {
    let rig = board();
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let carol = rig.desk("carol", C, SOON);
    carol.speak(0);
    let (a, b) = (join(&rig, &alice, "800", ""), join(&rig, &bob, "800", ""));
    let c = join(&rig, &carol, "800", "");
    hears(&rig, &carol, c, &[A, B]);
    rig.wait("that two talk", || member(&rig, 0).talking && member(&rig, 1).talking);
    assert!(!member(&rig, 2).talking && member(&rig, 2).talked.is_zero());
    // Who is clearly louder than the others is the one who is to be looked at.
    let _inside = rig.runtime.enter();
    for at in [1, 0, 1] {
        for other in 0..2 {
            let gain_db = Some(if other == at { 10.0 } else { -5.0 });
            let call = member(&rig, other).call;
            let change = MemberChange { gain_db, ..MemberChange::default() };
            assert!(rig.switch().change_member("board", call, change));
        }
        rig.wait("that it is the active speaker", || member(&rig, at).active_speaker);
        assert!(!member(&rig, 1 - at).active_speaker && !member(&rig, 2).active_speaker);
    }
    let of_bob = member(&rig, 1).call;
    let muted = MemberChange { muted: Some(true), ..MemberChange::default() };
    assert!(rig.switch().change_member("board", of_bob, muted));
    rig.wait("that bob talks no more", || !member(&rig, 1).talking);
    let talked = member(&rig, 1).talked;
    assert!(talked > Duration::from_millis(200) && member(&rig, 0).talked > talked);
    alice.hold(a);
    rig.wait("that alice talks no more", || !member(&rig, 0).talking);
    bob.hang_up(b);
    rig.wait("that two are left", || {
        rig.switch().conference("board").is_some_and(|room| room.members.len() == 2)
    });
    assert!(!member(&rig, 1).active_speaker, "carol has said nothing");
    carol.speak(C);
    rig.wait("that carol talks", || member(&rig, 1).talking && member(&rig, 1).active_speaker);
    rig.wait("that she has talked for a while", || member(&rig, 1).talked > Duration::from_millis(100));
    alice.hang_up(a);
    carol.hang_up(c);
    rig.nothing_left();
    assert!(rig.switch().conference("board").is_none());
    let told = rig.traces().concat();
    assert_eq!(told.matches("s in the conference board").count(), 3, "{told}");
    assert!(!told.contains("talked for 0.0 s"), "{told}");
}

#[test]
fn a_member_is_made_louder_for_the_others_and_the_others_for_it() {
    let rig = board();
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let carol = rig.desk("carol", C, SOON);
    carol.speak(0);
    let (a, b) = (join(&rig, &alice, "800", ""), join(&rig, &bob, "800", ""));
    let c = join(&rig, &carol, "800", "");
    hears(&rig, &alice, a, &[B]);
    let usual = rms_dbov(&alice.listen(a).samples);
    let _inside = rig.runtime.enter();
    let set = |at: usize, gain_db, volume_db| {
        let change = MemberChange { gain_db, volume_db, ..MemberChange::default() };
        assert!(rig.switch().change_member("board", member(&rig, at).call, change));
    };
    set(1, Some(-12.0), None);
    hears_at(&rig, &alice, a, usual - 12.0);
    set(1, Some(6.0), None);
    hears_at(&rig, &alice, a, usual + 6.0);
    // Only for the one whose volume it is.
    set(0, None, Some(-18.0));
    hears_at(&rig, &alice, a, usual - 12.0);
    hears_at(&rig, &bob, b, usual);
    let view = member(&rig, 0);
    assert_eq!((view.gain_db, view.volume_db, member(&rig, 1).gain_db), (0.0, -18.0, 6.0));
    set(0, None, Some(0.0));
    set(1, Some(-999.0), None);
    assert_eq!(member(&rig, 1).gain_db, -40.0, "cut to what there is");
    set(1, Some(0.0), None);
    hears_at(&rig, &alice, a, usual);

    // By keys: how loud one is heard, and hears.
    bob.press(b, "1");
    noted(&rig, "Gain(-3)");
    bob.press(b, "1");
    noted(&rig, "Gain(-6)");
    hears_at(&rig, &alice, a, usual - 6.0);
    bob.press(b, "2");
    noted(&rig, "Gain(0)");
    bob.press(b, "3");
    noted(&rig, "Gain(3)");
    hears_at(&rig, &alice, a, usual + 3.0);
    alice.press(a, "444");
    noted(&rig, "Volume(-9)");
    hears_at(&rig, &alice, a, usual - 6.0);
    alice.press(a, "5");
    noted(&rig, "Volume(0)");
    alice.press(a, "6");
    noted(&rig, "Volume(3)");
    hears_at(&rig, &alice, a, usual + 6.0);
    // A star before it is another key.
    alice.press(a, "*1");
    noted(&rig, "Muted(true)");
    assert_eq!(member(&rig, 0).gain_db, 0.0);
    for (desk, line) in [(&alice, a), (&bob, b), (&carol, c)] {
        desk.hang_up(line);
    }
    rig.nothing_left();
}
