//! The least that the detectors must tell apart; `cargo bench -p audio --bench detectors` measures more and prints it.

mod sounds;

use sounds::{LINES, measure};

#[test]
fn talk_holds_no_keys_no_beeps_and_no_fax() {
    let talk = sounds::talk(6);
    let (keys, false_keys) = measure::keys(&talk);
    assert_eq!(false_keys, 0);
    for line in LINES {
        assert!(keys.share(&format!("key, {}", line.name), &["the key"]) > 0.98, "{}", line.name);
    }
    assert_eq!(measure::false_beeps(&talk), 0);
    let fax = measure::fax(&talk, 6);
    assert_eq!(fax.share("talk", &["nothing"]), 1.0);
    for line in LINES {
        assert!(fax.share(&format!("CNG, {}", line.name), &["calling"]) > 0.9, "{}", line.name);
        assert!(fax.share(&format!("CED, {}", line.name), &["answered"]) > 0.9, "{}", line.name);
        assert_eq!(fax.share(&format!("beep, {}", line.name), &["nothing"]), 1.0, "{}", line.name);
    }
}

#[test]
fn no_key_is_heard_in_an_hour_of_talk() {
    let hour = sounds::talk(sounds::HOUR);
    assert!(sounds::minutes(&hour) >= 60.0, "{} minutes", sounds::minutes(&hour));
    assert_eq!(measure::false_keys(&hour), 0);
}

#[test]
fn special_information_tones_are_told_apart_on_every_line() {
    let special = measure::special();
    for kind in ["no circuit", "intercept", "vacant code", "reorder", "international"] {
        for line in LINES {
            let share = special.share(&format!("{kind}, {}", line.name), &[kind]);
            assert!(share >= 0.95, "{kind}, {}: {share}", line.name);
        }
    }
}

#[test]
fn people_and_machines_are_told_apart() {
    let (who, beeps) = measure::answering(1);
    for line in LINES {
        let share = |kind: &str, found| who.share(&format!("{kind}, {}", line.name), found);
        assert!(share("person", &["human"]) >= 0.9, "{}", line.name);
        assert!(share("machine", &["machine", "beep"]) >= 0.85, "{}", line.name);
        assert_eq!(share("nobody", &["unknown"]), 1.0, "{}", line.name);
        assert!(
            beeps.share(&format!("machine that beeps, {}", line.name), &["beep"]) >= 0.8,
            "{}",
            line.name
        );
    }
}

#[test]
fn the_signals_of_networks_are_made_out() {
    let (blind, knowing) = measure::progress(&[], 6);
    for signal in ["dial tone", "ringback"] {
        assert!(blind.share(signal, &[signal]) >= 0.95, "{signal}");
    }
    for signal in ["busy", "congestion"] {
        assert!(blind.share(signal, &["busy", "congestion"]) >= 0.95, "{signal}");
        assert!(blind.share(signal, &[signal]) > 0.65, "{signal}");
    }
    assert!(knowing.share("busy", &["busy"]) >= 0.95);
}

#[test]
fn speech_and_silence_are_told_apart_over_noise() {
    let speech = measure::speech(&sounds::talk(2));
    for line in LINES {
        for kind in ["speech", "silence"] {
            assert!(
                speech.share(&format!("{kind}, {}", line.name), &[kind]) >= 0.95,
                "{kind}, {}",
                line.name
            );
        }
    }
}
