//! What star codes do while two people talk: hold with music, louder and softer, sounds beside the conversation.

use std::time::Duration;

use crate::rig::{Rig, trace};
use serde_json::{Value, json};
use testkit::ear;
use testkit::ua::desk::{Desk, LineId, Manner};

const A: u16 = 440;
const B: u16 = 800;
const SOON: Manner = Manner::Answer(Duration::from_millis(50));

/// Tones of the sounds.
const JAZZ: u16 = 1_300;
const WAIT: u16 = 1_700;

/// Dials bob; these are the star codes of both.
fn codes(numbers: Value) -> Value {
    json!({
        "flow": { "module": "user", "data": { "id": "bob" } },
        "metaflow": { "listen_on": "both", "numbers": numbers },
    })
}

fn code(module: &str, data: Value) -> Value {
    json!({ "module": module, "data": data })
}

/// Alice has called bob by the flow.
fn talking(rig: &Rig) -> (Desk, Desk, LineId) {
    rig.sound("jazz", JAZZ);
    rig.sound("wait", WAIT);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let call = alice.call("700");
    assert!(alice.up(call) && bob.up(0), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    (alice, bob, call)
}

/// Sound that is neither party's tone.
fn hears_music(desk: &Desk, line: LineId) -> bool {
    desk.hears_so(line, |pcm| {
        let tone = [A, B].iter().any(|tone| ear::purity(pcm, f32::from(*tone)) > 0.5);
        ear::sounding(pcm) > 0.1 && !tone
    })
}

fn over(rig: &Rig, alice: &Desk, bob: &Desk, call: LineId) -> String {
    alice.hang_up(call);
    assert!(bob.over(0) && alice.over(call), "{:?}", rig.traces());
    let text = trace(&rig.finished());
    rig.nothing_left();
    text
}

#[test]
fn a_star_code_holds_with_music_for_either_side_and_its_key_ends_it() {
    let hold = code("hold", json!({ "moh_aleg": "wait", "moh_bleg": "jazz", "unhold_key": "7" }));
    let rig = Rig::start(&[("700", codes(json!({ "4": hold })))]);
    let (alice, bob, call) = talking(&rig);
    alice.press(call, "*4");
    assert!(bob.hears_tone(0, JAZZ) && alice.hears_tone(call, WAIT), "{:?}", rig.traces());
    // The keys of the one who is held are not for it, and no other key ends it.
    bob.press(0, "7");
    alice.press(call, "8");
    assert!(bob.hears_tone(0, JAZZ) && alice.hears_tone(call, WAIT), "{:?}", rig.traces());
    alice.press(call, "7");
    assert!(bob.hears_tone(0, A) && alice.hears_tone(call, B), "{:?}", rig.traces());
    // The one who was called holds just the same.
    bob.press(0, "*4");
    assert!(alice.hears_tone(call, JAZZ) && bob.hears_tone(0, WAIT), "{:?}", rig.traces());
    bob.press(0, "7");
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    let text = over(&rig, &alice, &bob, call);
    assert!(text.contains("A holds B") && text.contains("B holds A"), "{text}");
}

#[test]
fn a_code_holds_until_another_takes_back_and_music_that_is_not_there_is_the_usual_one() {
    let numbers = json!({
        "1": code("hold_control", json!({})),
        "2": code("resume", json!({})),
        "3": code("hold", json!({ "moh_bleg": "nowhere" })),
    });
    let rig = Rig::start(&[("700", codes(numbers))]);
    let (alice, bob, call) = talking(&rig);
    for (holds, resumes) in [("*1", "*1"), ("*1", "*2"), ("*3", "*2"), ("*3", "1")] {
        alice.press(call, holds);
        assert!(hears_music(&bob, 0), "{holds}: {:?}", rig.traces());
        assert!(alice.hears_nothing(call), "{holds}: {:?}", rig.traces());
        alice.press(call, resumes);
        assert!(bob.hears_tone(0, A) && alice.hears_tone(call, B), "{resumes}: {:?}", rig.traces());
    }
    over(&rig, &alice, &bob, call);
}

#[test]
fn who_is_held_by_both_a_phone_and_a_flow_hears_music_until_both_are_back() {
    let rig = Rig::start(&[("700", codes(json!({ "1": code("hold_control", json!({})) })))]);
    let (alice, bob, call) = talking(&rig);
    alice.press(call, "*1");
    assert!(hears_music(&bob, 0));
    alice.hold(call);
    assert!(alice.wait(|lines| lines[call].changed == Some(200)));
    bob.press(0, "*1");
    rig.wait("that the flow holds no more", || rig.traces().concat().contains("holds no more"));
    assert!(hears_music(&bob, 0), "the phone still holds: {:?}", rig.traces());
    alice.resume(call);
    assert!(bob.hears_tone(0, A) && alice.hears_tone(call, B), "{:?}", rig.traces());
    // Who hangs up while he is held takes the other along, and nothing is left.
    alice.press(call, "*1");
    assert!(hears_music(&bob, 0));
    bob.hang_up(0);
    assert!(alice.over(call));
    rig.finished();
    rig.nothing_left();
}

#[test]
fn the_music_of_a_flow_is_heard_when_a_phone_holds_all_sounds_of_its_directory() {
    let route = json!({
        "start": { "module": "start", "next": "music" },
        "music": { "module": "musiconhold", "class": "band", "next": "bob" },
        "bob": { "module": "extension", "extensions": [{ "type": "sipuser", "uuid": "bob" }] },
    });
    let rig = Rig::start(&[("700", route)]);
    rig.sound("band/one", JAZZ);
    rig.sound("band/two", JAZZ);
    let (alice, bob, call) = talking(&rig);
    alice.hold(call);
    assert!(bob.hears_tone(0, JAZZ), "{:?}", rig.traces());
    alice.resume(call);
    assert!(bob.hears_tone(0, A), "{:?}", rig.traces());
    bob.hold(0);
    assert!(alice.hears_tone(call, JAZZ), "{:?}", rig.traces());
    over(&rig, &alice, &bob, call);
}

#[test]
fn a_party_is_made_softer_and_as_loud_as_before() {
    let numbers = json!({
        "1": code("audio_level", json!({ "level": -4, "mode": "read" })),
        "2": code("audio_level", json!({ "action": "stop", "mode": "read" })),
        "3": code("audio_level", json!({ "level": -4 })),
        "4": code("sound_touch", json!({ "pitch": 1.5 })),
    });
    let rig = Rig::start(&[("700", codes(numbers))]);
    let (alice, bob, call) = talking(&rig);
    let loud = |desk: &Desk, line| {
        let pcm = desk.hears(line);
        pcm.samples.iter().rev().take(1_600).map(|sample| sample.unsigned_abs()).max().unwrap_or_default()
    };
    let plain = loud(&bob, 0);
    let becomes = |desk: &Desk, line, wanted: &dyn Fn(u16) -> bool| {
        desk.hears_so(line, |pcm| {
            wanted(pcm.samples.iter().map(|s| s.unsigned_abs()).max().unwrap_or_default())
        })
    };
    alice.press(call, "*1");
    assert!(becomes(&bob, 0, &|peak| peak < plain / 3 && peak > 100), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, B));
    alice.press(call, "*2");
    assert!(becomes(&bob, 0, &|peak| peak > plain * 3 / 4), "{:?}", rig.traces());
    let usual = loud(&alice, call);
    alice.press(call, "*3");
    assert!(becomes(&alice, call, &|peak| peak < usual / 3), "what she hears: {:?}", rig.traces());
    // A voice's pitch is not changed; the conversation goes on.
    alice.press(call, "*4");
    rig.wait("the code", || rig.traces().concat().contains("pitch"));
    assert!(bob.hears_tone(0, A), "{:?}", rig.traces());
    over(&rig, &alice, &bob, call);
}

#[test]
fn sounds_beside_the_conversation_are_heard_by_whom_they_are_for_and_broken_off() {
    let numbers = json!({
        "1": code("play", json!({ "id": "jazz", "leg": "peer" })),
        "2": code("play", json!({ "id": "wait" })),
        "3": code("break", json!({})),
        "4": code("play", json!({ "id": "nowhere", "leg": "self" })),
    });
    let rig = Rig::start(&[("700", codes(numbers))]);
    let (alice, bob, call) = talking(&rig);
    bob.press(0, "*1");
    assert!(alice.hears_tone(call, JAZZ) && bob.hears_tone(0, A), "{:?}", rig.traces());
    // It is long; who hears it ends it.
    alice.press(call, "*3");
    assert!(alice.hears_tone(call, B), "{:?}", rig.traces());
    bob.press(0, "*2");
    assert!(alice.hears_tone(call, WAIT) && bob.hears_tone(0, WAIT), "{:?}", rig.traces());
    bob.press(0, "*3");
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    alice.press(call, "*4");
    rig.wait("that it fails", || rig.traces().concat().contains("nowhere"));
    assert!(alice.hears_tone(call, B) && bob.hears_tone(0, A), "{:?}", rig.traces());
    // Who hears something may hang up.
    bob.press(0, "*1");
    assert!(alice.hears_tone(call, JAZZ));
    over(&rig, &alice, &bob, call);
}

#[test]
fn who_is_held_hears_the_music_of_the_user_who_holds() {
    let rig = Rig::start(&[]);
    rig.sound("jazz", JAZZ);
    let users = "[alice]\npassword = \"secret\"\nnumber = \"201\"\n\n\
                 [bob]\npassword = \"secret\"\nnumber = \"202\"\nmusic = \"jazz\"\n";
    std::fs::write(rig.dir.path().join("users.toml"), users).expect("written");
    let loaded = store::Directory::load(Some(rig.dir.path())).expect("readable");
    {
        let _inside = rig.runtime.enter();
        rig.switch().reload(loaded.flows, &loaded.users, &loaded.trunks);
    }
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let call = alice.call("202");
    assert!(alice.up(call) && bob.up(0) && bob.hears_tone(0, A), "{:?}", rig.traces());
    bob.hold(0);
    assert!(alice.hears_tone(call, JAZZ), "{:?}", rig.traces());
    bob.resume(0);
    assert!(alice.hears_tone(call, B), "{:?}", rig.traces());
    alice.hold(call);
    assert!(hears_music(&bob, 0), "{:?}", rig.traces());
    assert!(ear::purity(&bob.listen(0), f32::from(JAZZ)) < 0.5, "her own class is the usual one");
    over(&rig, &alice, &bob, call);
}

#[test]
fn one_who_is_muted_by_a_flow_hears_and_is_not_heard_and_its_keys_count() {
    let connect = json!({ "type": "connect", "option": {
        "destinations": [{ "type": "extension", "target": "202" }] } });
    let rig = Rig::start(&[("700", json!({ "actions": [{ "type": "mute" }, connect] }))]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let call = alice.call("700");
    assert!(alice.up(call) && bob.up(0), "{:?}", rig.traces());
    assert!(alice.hears_tone(call, B) && bob.hears_nothing(0), "{:?}", rig.traces());
    alice.press(call, "5");
    rig.wait("the key", || bob.line(0, |line| line.stream.heard.keys.contains('5')));
    over(&rig, &alice, &bob, call);
}
