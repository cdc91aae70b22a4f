//! The tones of countries' networks on real calls, and recordings that are played by their ids, by ear.

use std::time::Duration;

use audio::write::{Layout, opus::OpusWriter, wav};
use audio::{Pcm, Rate, tone};
use serde_json::{Value, json};
use testkit::ear;
use testkit::ua::Offer;
use testkit::ua::desk::Manner;

use crate::rig::{LONG, Rig};

/// Plays this by that name, over and over.
fn plays(id: &str) -> Value {
    json!({"module": "play", "data": {"id": id, "endless_playback": true}, "children": {}})
}

/// The first seconds of what the caller of `number` hears.
fn heard(rig: &Rig, number: &str) -> Pcm {
    let mut phone = rig.phone("caller");
    let mut call = phone.call(number, Offer::Early, LONG).expect("an answer");
    let sounds =
        |stream: &testkit::ua::Stream| stream.heard.pcm().samples.iter().filter(|s| s.abs() > 500).count();
    assert!(call.run(LONG, |stream| sounds(stream) > 3_000).expect("a call"), "{:?}", rig.traces());
    let pcm = call.hang_up().expect("over").pcm();
    rig.finished();
    pcm
}

/// The part of the sound that sounds, at these pitches.
fn share(pcm: &Pcm, hertz: &[u16]) -> f64 {
    hertz.iter().map(|hertz| ear::purity(pcm, f32::from(*hertz))).sum()
}

#[test]
fn who_waits_hears_the_ringing_tone_of_the_configured_country() {
    let bob = json!({"module": "user", "data": {"id": "bob", "timeout": 10}, "children": {}});
    let flow = json!({"module": "answer", "data": {}, "children": {"_": bob}});
    for (country, hertz) in [("de", &[425][..]), ("us", &[440, 480])] {
        let rig = Rig::with(&[("700", flow.clone())], |config| config.country = country.to_owned());
        let alice = rig.desk("alice", 700, Manner::Answer(Duration::ZERO));
        let _bob = rig.desk("bob", 800, Manner::Ring);
        let call = alice.call("700");
        assert!(alice.up(call), "{:?}", rig.traces());
        let rings = alice.hears_so(call, |pcm| share(pcm, hertz) > 0.9);
        assert!(rings, "{country}: {:?}", rig.traces());
        alice.hang_up(call);
        rig.finished();
        rig.nothing_left();
    }
}

#[test]
fn a_flow_plays_a_networks_signal_by_name_in_its_own_country_or_another() {
    let flows = [
        ("701", plays("tone://busy")),
        ("702", plays("tone://busy;country=gb")),
        ("703", plays("tone_stream://ringback;country=us")),
    ];
    let rig = Rig::with(&flows, |config| config.country = "de".to_owned());
    for (number, hertz) in [("701", &[425][..]), ("702", &[400]), ("703", &[440, 480])] {
        let pcm = heard(&rig, number);
        assert!(share(&pcm, hertz) > 0.8, "{number}: {}", share(&pcm, hertz));
    }
}

#[test]
fn a_dial_tone_without_a_length_is_heard_without_a_dip_where_it_is_repeated() {
    let rig = Rig::with(&[("700", plays("tone://dial"))], |config| config.country = "de".to_owned());
    let mut phone = rig.phone("caller");
    let mut call = phone.call("700", Offer::Early, LONG).expect("an answer");
    let long = |stream: &testkit::ua::Stream| stream.heard.samples.len() > 8 * 2_500;
    assert!(call.run(LONG, long).expect("a call"), "{:?}", rig.traces());
    let pcm = call.hang_up().expect("over").pcm();
    rig.finished();
    let first = pcm.samples.iter().position(|sample| sample.abs() > 500).expect("a tone");
    let levels: Vec<f32> = pcm.samples[first..].chunks_exact(80).map(audio::level::rms_dbov).collect();
    // What was on its way when the call ended is no matter.
    let steady = &levels[..220];
    assert!(steady.iter().all(|level| (level + 15.0).abs() < 1.0), "{steady:?}");
}

#[test]
fn a_call_routes_busy_tone_is_the_countrys_also_before_the_answer() {
    let flow =
        json!({"start": {"module": "start", "next": "busy"}, "busy": {"module": "busy", "duration": 5}});
    let rig = Rig::with(&[("700", flow)], |config| config.country = "gb".to_owned());
    let alice = rig.desk("alice", 700, Manner::Answer(Duration::ZERO));
    let call = alice.call("700");
    assert!(alice.hears_so(call, |pcm| share(pcm, &[400]) > 0.8), "{:?}", rig.traces());
    assert!(alice.over(call), "{:?}", rig.traces());
    assert_eq!(crate::rig::end(&rig.finished()), ("busy".to_owned(), "flow".to_owned()));
}

#[test]
fn a_country_without_known_tones_fails_the_prompt_and_says_which_there_are() {
    let rig = Rig::start(&[("700", plays("tone://busy;country=aq"))]);
    let mut phone = rig.phone("caller");
    let mut call = phone.call("700", Offer::Early, LONG).expect("an answer");
    assert!(call.until_bye(LONG).expect("a call"), "{:?}", rig.traces());
    call.hang_up().expect("over");
    let text = crate::rig::trace(&rig.finished());
    assert!(text.contains("aq") && text.contains("at, au, be"), "{text}");
}

#[test]
fn a_recording_is_played_by_its_id_in_whichever_form_it_was_made() {
    let rig = Rig::start(&[("701", plays("recording://in-wav")), ("702", plays("recording://in-ogg"))]);
    let folder = rig.dir.path().join("recordings");
    let second = Duration::from_secs(1);
    let sound = |hertz| tone::render(&[hertz], second, Duration::ZERO, second, Rate::WIDE);
    std::fs::write(folder.join("in-wav.wav"), wav::to_bytes(&sound(700))).expect("written");
    let file = std::fs::File::create(folder.join("in-ogg.ogg")).expect("a file");
    let mut writer = OpusWriter::new(file, Layout::mono(Rate::WIDE), 24_000, 1).expect("a writer");
    writer.write(&sound(1_100).samples).expect("written");
    writer.finish().expect("finished");
    for (number, hertz) in [("701", 700), ("702", 1_100)] {
        let pcm = heard(&rig, number);
        assert!(share(&pcm, &[hertz]) > 0.8, "{number}: {}", share(&pcm, &[hertz]));
    }
}
