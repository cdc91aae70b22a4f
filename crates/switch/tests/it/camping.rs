//! Who camps on somebody busy is called back when both have time.

use std::time::Duration;

use crate::rig::Rig;
use serde_json::json;
use testkit::ua::desk::Manner;

const A: u16 = 440;
const B: u16 = 800;
const C: u16 = 1_200;
const SOON: Manner = Manner::Answer(Duration::from_millis(50));

/// A switch where `*85` and an extension wait for it.
fn rig() -> Rig {
    let flow = json!({ "patterns": ["^\\*85(\\d+)$"],
        "flow": { "module": "camping_feature", "data": {}, "children": {} } });
    let rig = Rig::start(&[]);
    let home = rig.dir.path().join("flows");
    std::fs::create_dir_all(&home).expect("a directory");
    std::fs::write(home.join("camping.json"), flow.to_string()).expect("written");
    std::fs::write(home.join("numbers.toml"), "[defaults]\npublic = true\n").expect("written");
    let loaded = store::Directory::load(Some(&home)).expect("readable");
    let inside = rig.runtime.enter();
    rig.switch().reload(loaded.flows, &Rig::people(), &loaded.trunks);
    drop(inside);
    rig
}

#[test]
fn who_waits_for_one_who_talks_is_called_back_when_both_have_time() {
    let rig = rig();
    let (alice, bob, carol) =
        (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON), rig.desk("carol", C, SOON));
    let talk = carol.call("202");
    assert!(carol.up(talk) && bob.up(0), "{:?}", rig.traces());
    for round in 0..2 {
        let call = alice.call("*85202");
        assert!(alice.over(call), "{:?}", rig.traces());
        assert_eq!(rig.counts().camps, 1, "round {round}: who asks twice waits once");
    }
    assert!(bob.wait(|lines| lines.len() == 1), "nobody is called while bob talks");
    carol.hang_up(talk);
    assert!(alice.up(2) && bob.up(1), "{:?}", rig.traces());
    assert!(alice.hears_tone(2, B) && bob.hears_tone(1, A), "{:?}", rig.traces());
    let invite = alice.line(2, |line| line.invite.clone()).expect("an INVITE");
    let from = invite.header("from").unwrap_or_default();
    assert!(from.contains("202"), "who called back is seen: {from}");
    bob.hang_up(1);
    assert!(alice.over(2));
    rig.wait("the end of all calls", || rig.switch().calls().is_empty());
    rig.nothing_left();
    assert_eq!(rig.counts().camps, 0);
}

#[test]
fn nobody_waits_for_a_number_that_is_nobodys() {
    let rig = rig();
    let alice = rig.desk("alice", A, SOON);
    let call = alice.call("*85999");
    assert!(alice.over(call), "{:?}", rig.traces());
    rig.wait("the end of the call", || rig.switch().calls().is_empty());
    assert!(rig.traces().concat().contains("nobody waits for"), "{:?}", rig.traces());
    assert_eq!(rig.counts().camps, 0);
    rig.nothing_left();
}
