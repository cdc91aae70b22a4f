//! Codecs in mid-call: a phone that changes to another one that it has described.

use std::time::Duration;

use crate::rig::{Rig, trace};
use audio::codec::Codec;
use testkit::ua::desk::Manner;

const A: u16 = 440;
const B: u16 = 800;
const SOON: Manner = Manner::Answer(Duration::from_millis(100));

#[test]
fn a_phone_that_answers_several_codecs_may_change_among_them_while_it_talks() {
    let rig = Rig::with(&[], |config| config.media.workers = 2);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    bob.describe("0 9 107 8");
    let call = alice.call("202");
    assert!(alice.up(call) && bob.up(0));
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    let id = rig.switch().calls()[0].id;
    // Reports are a second old at most.
    let relayed = |wanted: bool| {
        let view = rig.switch().call(id).expect("it lives");
        let words = view.legs.iter().filter_map(|leg| leg.media.clone());
        words.filter(|words| words.contains("relayed")).count() == if wanted { 2 } else { 1 }
    };
    rig.wait("that both are relayed", || relayed(true));
    for codec in [Codec::G722, Codec::Opus, Codec::Pcma, Codec::Opus] {
        bob.speak_by(0, codec);
        // What alice says is passed on as it comes all the while.
        if codec != Codec::Pcma {
            rig.wait("that one way is decoded", || relayed(false));
        }
        assert!(alice.hears_tone(call, B), "{codec:?}: {:?}", rig.traces());
        assert!(bob.hears_tone(0, A), "{codec:?}: {:?}", rig.traces());
        let lost = alice.line(call, |line| line.stream.heard.lost);
        assert_eq!(lost, 0, "our stream is one, whatever it is made of");
    }
    bob.speak_by(0, Codec::Pcmu);
    rig.wait("that both are relayed again", || relayed(true));
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    alice.hang_up(call);
    assert!(bob.over(0));
    let view = rig.finished();
    assert!(view.legs.len() == 2, "{}", trace(&view));
    rig.nothing_left();
}
