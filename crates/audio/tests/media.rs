//! The repository's own sounds are in the format and at the loudness that `media/README.md` promises.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use audio::level::{peak, rms_dbov};
use audio::{Pcm, Rate, read};

fn media() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../media")
}

fn sound(path: &Path) -> Pcm {
    let extension = path.extension().and_then(|extension| extension.to_str());
    read::decode(fs::read(path).unwrap(), extension)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn every_prompt_is_spoken_and_has_its_loudness() {
    for language in fs::read_dir(media().join("prompts")).unwrap() {
        let language = language.unwrap().path();
        for line in fs::read_to_string(language.join("texts.tsv")).unwrap().lines() {
            let (name, _) = line.split_once('\t').unwrap();
            let sound = sound(&language.join(name).with_extension("wav"));
            assert_eq!(sound.rate, Rate::WIDE, "{name}");
            assert!((sound.speech_dbov() + 19.0).abs() < 1.0, "{name}: {} dBov", sound.speech_dbov());
            assert!(peak(&sound.samples) <= 29_205, "{name}");
            assert!((500..5_000).contains(&sound.duration().as_millis()), "{name}");
        }
    }
}

#[test]
fn the_music_lasts_a_minute_without_a_pause_and_loops_without_a_click() {
    let music = sound(&media().join("moh/demo-60s.ogg"));
    assert_eq!(music.duration(), Duration::from_secs(60));
    let narrow = music.resampled(Rate::NARROW).samples;
    for (second, part) in narrow.chunks(8_000).enumerate() {
        assert!((-24.0..-15.0).contains(&rms_dbov(part)), "second {second}: {} dBov", rms_dbov(part));
    }
    let step = |one: i16, next: i16| (i32::from(next) - i32::from(one)).abs();
    let steepest = narrow.windows(2).map(|pair| step(pair[0], pair[1])).max().unwrap();
    assert!(step(narrow[narrow.len() - 1], narrow[0]) < steepest / 2);
}
