//! Which music is heard: that of who holds, of the trunk by which one is held, of who parks; playlists and tones wherever
//! somebody waits.

use std::time::Duration;

use crate::rig::Rig;
use serde_json::{Value, json};
use store::{Document, Flows, Sounds, Trunks, User};
use testkit::ua::desk::Manner;

const A: u16 = 440;
const B: u16 = 800;
const C: u16 = 1_200;
const SOON: Manner = Manner::Answer(Duration::from_millis(50));
/// What the sounds are that the classes are named after.
const HARP: u16 = 1_700;
const LUTE: u16 = 2_100;

fn rig() -> Rig {
    let rig = Rig::with(&[], |config| config.trust_local = false);
    rig.sound("harp", HARP);
    rig.sound("lute", LUTE);
    rig
}

/// A flow at 750 that parks, these trunks, and the usual users, of whom one has music of its own.
fn reload(rig: &Rig, trunks: &Trunks, musical: Option<&str>) {
    let mut flows = Flows::new();
    flows.set_sounds(Sounds::new().then(rig.dir.path().join("sounds")));
    let park = json!({ "module": "park", "data": { "action": "park", "slot": "101" } });
    flows.add(Document::read("750.json", None, park).expect("a flow"));
    assert!(flows.number("750", "750.json", true));
    let mut users = Rig::people();
    if let Some(user) = musical.and_then(|name| users.get(name).cloned()) {
        users.insert(User { music: Some("lute".into()), ..user });
    }
    let _inside = rig.runtime.enter();
    rig.switch().reload(flows, &users, trunks);
}

#[test]
fn who_is_held_outside_hears_the_music_of_the_trunk_unless_who_holds_has_one() {
    let rig = rig();
    let (alice, carrier) = (rig.desk("alice", A, SOON), rig.desk("dave", B, SOON));
    let text = format!("[acme]\nserver = \"{}\"\nnumbers = ['^\\+']\nmusic = \"harp\"\n", carrier.address());
    std::fs::write(rig.dir.path().join("trunks.toml"), text).expect("written");
    let trunks = store::Directory::load(Some(rig.dir.path())).expect("readable").trunks;
    for (musical, tone) in [(None, HARP), (Some("alice"), LUTE)] {
        reload(&rig, &trunks, musical);
        let before = carrier.line_count();
        let call = alice.call("+4722334455");
        assert!(alice.up(call) && carrier.up(before), "{:?}", rig.traces());
        assert!(alice.hears_tone(call, B) && carrier.hears_tone(before, A), "{:?}", rig.traces());
        alice.hold(call);
        assert!(carrier.hears_tone(before, tone), "{musical:?}: {:?}", rig.traces());
        alice.resume(call);
        assert!(carrier.hears_tone(before, A), "{:?}", rig.traces());
        carrier.hang_up(before);
        assert!(alice.over(call));
        rig.finished();
    }
    rig.nothing_left();
}

#[test]
fn who_is_parked_hears_the_music_of_who_parked_it() {
    let rig = rig();
    reload(&rig, &Trunks::default(), Some("bob"));
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", C, SOON));
    let call = alice.call("202");
    assert!(alice.up(call) && bob.up(0) && alice.hears_tone(call, C), "{:?}", rig.traces());
    bob.refer(0, "750");
    assert!(alice.hears_tone(call, LUTE), "{:?}", rig.traces());
    alice.hang_up(call);
    assert!(bob.over(0));
    rig.wait("the end of all calls", || rig.switch().calls().is_empty());
    rig.nothing_left();
}

/// A call route of one module, as it stands in its documentation.
fn route(module: &Value) -> Value {
    json!({ "start": { "module": "start", "next": "this" }, "this": module })
}

#[test]
fn a_playlist_is_heard_one_sound_after_the_other_by_who_waits_alone_in_a_conference_and_while_it_rings() {
    let bob = json!([{ "type": "sipuser", "uuid": "bob" }]);
    let flows = [
        ("751", route(&json!({ "module": "conference", "music": "band" }))),
        ("752", route(&json!({ "module": "extension", "extensions": bob, "ringtone": "band" }))),
    ];
    let rig = Rig::start(&flows);
    let band = rig.dir.path().join("sounds/band");
    std::fs::create_dir_all(&band).expect("made");
    for (name, hertz) in [("one.wav", HARP), ("two.wav", LUTE)] {
        let tone = audio::tone::beep(hertz, Duration::from_secs(1), audio::Rate::NARROW);
        std::fs::write(band.join(name), audio::write::wav::to_bytes(&tone)).expect("written");
    }
    let (alice, _bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, Manner::Ring));
    for number in ["751", "752"] {
        let call = alice.call(number);
        for tone in [HARP, LUTE, HARP] {
            assert!(alice.hears_tone(call, tone), "{number} {tone}: {:?}", rig.traces());
        }
        alice.hang_up(call);
        rig.finished();
    }
    rig.nothing_left();
}

#[test]
fn music_on_hold_may_be_a_tone() {
    let bob = json!([{ "type": "sipuser", "uuid": "bob" }]);
    let flow = json!({
        "start": { "module": "start", "next": "music" },
        "music": { "module": "musiconhold", "class": "tone_stream://%(500,0,1500)", "next": "ring" },
        "ring": { "module": "extension", "extensions": bob },
    });
    let rig = Rig::start(&[("753", flow)]);
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    let call = alice.call("753");
    assert!(alice.up(call) && bob.up(0) && alice.hears_tone(call, B), "{:?}", rig.traces());
    bob.hold(0);
    assert!(alice.hears_tone(call, 1_500), "{:?}", rig.traces());
    bob.resume(0);
    assert!(alice.hears_tone(call, B), "{:?}", rig.traces());
    alice.hang_up(call);
    assert!(bob.over(0));
    rig.finished();
    rig.nothing_left();
}
