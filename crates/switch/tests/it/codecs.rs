//! Codecs in mid-call: a phone that changes to another one that it has described, and silence that is told by noise.

use std::time::Duration;

use crate::rig::{Rig, trace};
use audio::codec::Codec;
use serde_json::{Value, json};
use switch::{Codecs, ComfortNoise};
use testkit::ua::desk::{Desk, Manner};

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

#[test]
fn a_phone_that_takes_comfort_noise_is_told_of_silence_and_others_are_sent_it() {
    let tone = "tone_stream://%(1500,0,1500)";
    let waits = |seconds: u32, then: Value| json!({ "module": "sleep", "data": { "duration": seconds }, "children": { "_": then } });
    let says = |then: Value| json!({ "module": "play", "data": { "id": tone }, "children": { "_": then } });
    let flow = says(waits(3, says(waits(60, json!({ "module": "hangup" })))));
    for sent in [ComfortNoise::Sent, ComfortNoise::Heard] {
        let rig = Rig::with(&[("700", flow.clone())], |config| {
            config.codecs = Codecs { comfort_noise: sent, ..config.codecs.clone() };
        });
        let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
        alice.describe("0 13");
        let calls = [&alice, &bob].map(|phone| {
            let call = phone.call("700");
            assert!(phone.up(call) && phone.hears_tone(call, 1_500), "{:?}", rig.traces());
            call
        });
        let counted = |phone: &Desk, call| {
            phone.line(call, |line| {
                let heard = &line.stream.heard;
                (heard.noises, heard.packets, heard.lost, heard.markers)
            })
        };
        rig.wait("that the silence after it lasts", || {
            let (noises, packets, ..) = counted(&alice, calls[0]);
            noises > 25 || packets > 400
        });
        let (noises, packets, lost, markers) = counted(&alice, calls[0]);
        match sent {
            ComfortNoise::Sent => {
                // Twice 1.5 s of the tone, and little else.
                assert!(noises > 25 && (148..=165).contains(&packets), "{noises} {packets}");
                // And where a busy machine gave up a slot.
                assert!(markers >= 2, "where the tone began and began again: {markers}");
            }
            _ => assert_eq!(noises, 0),
        }
        let (of_bob, packets, lost_by_bob, _) = counted(&bob, calls[1]);
        assert!(of_bob == 0 && packets > 90, "{of_bob} {packets}");
        assert_eq!((lost, lost_by_bob), (0, 0));
        alice.hang_up(calls[0]);
        bob.hang_up(calls[1]);
        assert!(alice.over(calls[0]) && bob.over(calls[1]));
        rig.nothing_left();
    }
}

#[test]
fn a_room_is_as_wide_as_the_widest_of_its_members() {
    let room = json!({ "actions": [{ "type": "CONFERENCE", "params": { "name": "wide" } }] });
    let rig = Rig::with(&[("700", room)], |config| config.codecs.opus_rate = audio::Rate(24_000));
    let (alice, bob) = (rig.desk("alice", A, SOON), rig.desk("bob", B, SOON));
    bob.describe("107");
    let rate = || rig.switch().conferences().first().map(|room| room.rate);
    let narrow = alice.call("700");
    assert!(alice.up(narrow));
    rig.wait("the room", || rate() == Some(8_000));
    let wide = bob.call("700");
    assert!(bob.up(wide));
    bob.speak_by(wide, Codec::Opus);
    rig.wait("a wide room", || rate() == Some(24_000));
    assert!(alice.hears_tone(narrow, B), "{:?}", rig.traces());
    alice.hang_up(narrow);
    bob.hang_up(wide);
    assert!(alice.over(narrow) && bob.over(wide));
    rig.nothing_left();
    // One who is inside already and changes over.
    let narrow = alice.call("700");
    assert!(alice.up(narrow));
    rig.wait("a narrow room", || rate() == Some(8_000));
    alice.change_formats(narrow, "9");
    rig.wait("a wide room", || rate() == Some(16_000));
    alice.hang_up(narrow);
    rig.nothing_left();
}
