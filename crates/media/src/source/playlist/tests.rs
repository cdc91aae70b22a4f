//! Lists by themselves: what they fill packets with, and where they are.

use audio::codec::{Decoder, OpusSettings};
use audio::level::rms_dbov;
use audio::tone::{Cadence, Signal, country};
use audio::{Pcm, Rate, tone};

use crate::prompt::{Form, Sound};

use super::*;

const MS: fn(u64) -> Duration = Duration::from_millis;

fn form(codec: Codec, ms: u64) -> Form {
    Form::new(codec, MS(ms), OpusSettings::default())
}

fn prompt(samples: usize, value: i16) -> Arc<Prompt> {
    let sound = Pcm::new(Rate::NARROW, vec![value; samples]);
    Arc::new(Prompt::encode(&sound, form(Codec::Pcmu, 0)).unwrap())
}

fn level(value: i16) -> u8 {
    let mut byte = [0];
    Codec::Pcmu.encode(&[value], &mut byte);
    byte[0]
}

/// Bytes one by one, which is finer than packets are.
fn fill(list: &mut Playlist, frame: &mut [u8]) -> bool {
    list.fill((Codec::Pcmu, 8), frame)
}

#[test]
fn prompts_follow_each_other_without_a_gap() {
    let (a, b) = (level(1_000), level(-4_000));
    let mut list = Playlist::new(1, vec![prompt(5, 1_000), prompt(4, -4_000)], Repeat::Times(2));
    let mut frame = [0; 6];
    assert!(!fill(&mut list, &mut frame));
    assert_eq!(frame, [a, a, a, a, a, b]);
    assert!(!fill(&mut list, &mut frame));
    assert_eq!(frame, [b, b, b, a, a, a]);
    frame = [0; 6];
    assert!(fill(&mut list, &mut frame), "the end is told with the last byte");
    assert_eq!(frame, [a, a, b, b, b, b]);
}

#[test]
fn the_last_frame_leaves_the_rest_to_silence() {
    let mut list = Playlist::new(1, vec![prompt(4, 1_000)], Repeat::Times(1));
    let mut frame = [9; 6];
    assert!(fill(&mut list, &mut frame));
    let a = level(1_000);
    assert_eq!(frame, [a, a, a, a, 0xff, 0xff]);
}

#[test]
fn an_endless_list_of_nothing_is_over() {
    let mut frame = [9; 6];
    assert!(fill(&mut Playlist::new(1, vec![], Repeat::Forever), &mut frame));
    assert!(fill(&mut Playlist::new(1, vec![prompt(0, 1)], Repeat::Forever), &mut frame));
    assert!(fill(&mut Playlist::new(1, vec![prompt(9, 1)], Repeat::Times(0)), &mut frame));
    assert_eq!(frame, [0xff; 6]);
}

#[test]
fn a_prompt_in_another_codecs_form_is_turned_into_the_legs() {
    let mut list = Playlist::new(1, vec![prompt(160, 4_000)], Repeat::Forever);
    let (mut frame, mut pcm) = ([0; 160], [0; 160]);
    list.next(Codec::Pcma, 20, &mut frame);
    Codec::Pcma.decode(&frame, &mut pcm);
    assert!(pcm.iter().all(|sample| (3_700..4_300).contains(sample)), "{pcm:?}");
}

#[test]
fn an_endless_list_goes_on() {
    let mut list = Playlist::new(1, vec![prompt(7, 1_000)], Repeat::Forever);
    let mut frame = [0; 160];
    for _ in 0..1_000 {
        assert!(!fill(&mut list, &mut frame));
    }
    assert!(frame.iter().all(|byte| *byte == level(1_000)));
}

/// A second that tells its place: a tone of its own in each tenth.
fn scale(form: Form) -> Arc<Prompt> {
    let mut sound = Pcm::new(form.rate(), Vec::new());
    for step in 0..10 {
        sound.append(&tone::beep(400 + step * 150, MS(100), form.rate()));
    }
    Arc::new(Prompt::encode(&sound, form).unwrap())
}

/// The packets of `list` until its end, of `ms` each.
fn packets(list: &mut Playlist, codec: Codec, ms: usize) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    let mut payload = [0; 1_400];
    for _ in 0..1_000 {
        let filled = list.next(codec, ms, &mut payload);
        all.push(payload[..filled.len].to_vec());
        if filled.last {
            return all;
        }
    }
    panic!("it never ends");
}

#[test]
fn every_codec_plays_a_list_without_a_gap() {
    for (codec, ms) in [
        (Codec::Pcmu, 20),
        (Codec::Pcma, 30),
        (Codec::G722, 20),
        (Codec::L16(Rate::WIDE), 10),
        (Codec::Opus, 20),
        (Codec::Opus, 60),
        (Codec::Opus, 10),
    ] {
        let prompt = scale(form(codec, ms as u64));
        assert!(prompt.duration().abs_diff(MS(1_000)) < MS(ms as u64), "{codec:?}");
        let once = packets(&mut Playlist::new(1, vec![prompt.clone()], Repeat::Times(1)), codec, ms);
        let list = vec![prompt.clone(), prompt.clone()];
        let thrice = packets(&mut Playlist::new(1, list, Repeat::Times(2)), codec, ms);
        match codec.bytes_per_ms() {
            Some(_) => {
                assert_eq!(once.concat()[..prompt.bytes().len()], *prompt.bytes());
                assert_eq!(thrice.concat()[..4 * prompt.bytes().len()], prompt.bytes().repeat(4));
            }
            None => assert_eq!(thrice, vec![once; 4].concat()),
        }
    }
}

#[test]
fn a_list_begins_and_goes_on_at_any_place() {
    for (codec, ms) in
        [(Codec::Pcmu, 20), (Codec::G722, 20), (Codec::L16(Rate::NARROW), 20), (Codec::Opus, 20)]
    {
        let prompt = scale(form(codec, ms as u64));
        let list = vec![prompt.clone(), prompt.clone()];
        let whole = packets(&mut Playlist::new(1, list.clone(), Repeat::Times(2)), codec, ms);
        let mut late = Playlist::new(1, list.clone(), Repeat::Times(2)).from(MS(1_300));
        assert_eq!(late.position(), MS(1_300));
        assert_eq!(packets(&mut late, codec, ms), whole[65..], "{codec:?}");
        // Beyond its end is the next round, and beyond that nothing.
        let mut second = Playlist::new(1, list.clone(), Repeat::Times(2)).from(MS(2_700));
        assert_eq!(second.position(), MS(700));
        assert_eq!(packets(&mut second, codec, ms), whole[135..]);
        let mut beyond = Playlist::new(1, list.clone(), Repeat::Times(2)).from(Duration::MAX);
        assert_eq!(packets(&mut beyond, codec, ms).len(), 1);
        let mut endless = Playlist::new(1, list, Repeat::Forever).from(MS(2_000_000_040));
        assert_eq!(endless.position(), MS(40));
        let mut payload = [0; 1_400];
        let filled = endless.next(codec, ms, &mut payload);
        assert_eq!(payload[..filled.len], whole[2]);
        endless.seek(MS(500));
        endless.next(codec, ms, &mut payload);
        assert_eq!(endless.position(), MS(520));
    }
}

#[test]
fn a_pause_stands_still_and_only_what_runs_goes_on() {
    let prompt = scale(form(Codec::Pcmu, 0));
    let mut payload = [0; 160];
    let mut list = Playlist::new(1, vec![prompt.clone()], Repeat::Forever);
    list.next(Codec::Pcmu, 20, &mut payload);
    list.pause(true);
    for _ in 0..100 {
        assert_eq!(list.next(Codec::Pcmu, 20, &mut payload), Filled { len: 160, last: false });
        assert_eq!(payload, [0xFF; 160]);
    }
    list.unheard(20);
    assert_eq!(list.position(), MS(20));
    list.pause(false);
    list.next(Codec::Pcmu, 20, &mut payload);
    assert_eq!(payload, prompt.bytes()[160..320]);

    let mut list = Playlist::new(1, vec![prompt.clone()], Repeat::Forever).running();
    list.pause(true);
    list.next(Codec::Pcmu, 20, &mut payload);
    list.unheard(1_040);
    list.pause(false);
    list.next(Codec::Pcmu, 20, &mut payload);
    assert_eq!(payload, prompt.bytes()[480..640]);
    assert!(Playlist::new(1, vec![prompt], Repeat::Times(1)).running().unheard(1_000));
}

#[test]
fn a_list_waits_for_the_form_of_its_leg_and_goes_on_at_its_place() {
    let (law, opus) = (scale(form(Codec::Pcmu, 0)), scale(form(Codec::Opus, 20)));
    let mut payload = [0; 1_400];
    let mut list = Playlist::new(7, vec![law.clone(), law.clone()], Repeat::Times(1)).from(MS(1_300));
    list.next(Codec::Pcmu, 20, &mut payload);
    for _ in 0..10 {
        let filled = list.next(Codec::Opus, 20, &mut payload);
        assert!(!filled.last && filled.len > 0, "silence in its own codec");
    }
    list.swap(&mut Playlist::new(7, vec![opus.clone(), opus.clone()], Repeat::Times(0)));
    let filled = list.next(Codec::Opus, 20, &mut payload);
    assert_eq!(payload[..filled.len], *opus.packet_at(320 * TICKS_A_MS).unwrap());
    // Other packet times need other packets, too.
    list.next(Codec::Opus, 40, &mut payload);
    assert_eq!(list.position(), MS(1_340));
    list.swap(&mut Playlist::new(7, vec![law.clone(), law.clone()], Repeat::Times(0)));
    let filled = list.next(Codec::Pcmu, 20, &mut payload);
    assert_eq!(payload[..filled.len], law.bytes()[340 * 8..360 * 8]);
    assert_eq!(packets(&mut list, Codec::Pcmu, 20).len(), 32, "the end comes when it should");
}

#[test]
fn a_list_that_nobody_swaps_ends_all_the_same() {
    let mut list = Playlist::new(1, vec![scale(form(Codec::Pcmu, 0))], Repeat::Times(2));
    let sent = packets(&mut list, Codec::Opus, 20);
    assert_eq!(sent.len(), 3_000 / 20 + 2 * 50);
}

/// What comes of a tone without end in this form, from half a second on, over more than two of its seams.
fn decoded(tone: Cadence, form: Form, ms: usize) -> (Vec<i16>, usize) {
    let piece = tone.render_for(form.rate(), form.packet());
    let length = piece.samples.len();
    let prompt = Arc::new(Prompt::of(Sound::Endless(piece), form).unwrap());
    let mut list = Playlist::new(1, vec![prompt], Repeat::Forever);
    let mut decoder = Decoder::new(form.codec, form.rate()).unwrap();
    let (mut payload, mut pcm, mut all) = ([0; 2_000], [0; 5_760], Vec::new());
    let half = form.rate().samples(MS(500));
    while all.len() < half + 2 * length + half {
        let filled = list.next(form.codec, ms, &mut payload);
        let n = decoder.decode(&payload[..filled.len], &mut pcm);
        all.extend_from_slice(&pcm[..n]);
    }
    (all.split_off(half), length)
}

/// By how many dB any 10 ms of a tone without end are louder or quieter than those so long before them, when all of it was
/// where it is again; and how far below the tone the difference of both is, which is what steps in phase make.
fn seam(tone: Cadence, form: Form, ms: u64, again: Duration) -> (f32, f32) {
    let (sound, length) = decoded(tone, form, ms as usize);
    let (before, window) = (form.rate().samples(again), form.rate().samples(MS(10)));
    assert!(length >= 2 * before, "the seam is not compared with itself");
    let whole = rms_dbov(&sound[..length]);
    let parts = sound[before..].chunks_exact(window).zip(sound.chunks_exact(window));
    parts.fold((0.0f32, f32::MIN), |(louder, off), (now, then)| {
        let step: Vec<i16> = now.iter().zip(then).map(|(now, then)| now.saturating_sub(*then)).collect();
        (louder.max((rms_dbov(now) - rms_dbov(then)).abs()), off.max(rms_dbov(&step) - whole))
    })
}

#[test]
fn a_dial_tone_has_no_seam_in_any_codec_and_packet_time() {
    let usual = OpusSettings::default();
    let narrow = OpusSettings { bitrate: Some(24_000), max_playback_rate: Rate::NARROW, ..usual };
    for (code, again) in [("de", 40), ("us", 100), ("il", 500)] {
        let tone = country(code).cadence(Signal::Dial);
        for (codec, packets, opus, least) in [
            (Codec::Pcmu, &[20, 30][..], usual, -80.0),
            (Codec::Pcma, &[20], usual, -80.0),
            (Codec::L16(Rate::NARROW), &[20], usual, -80.0),
            (Codec::L16(Rate::WIDE), &[20], usual, -80.0),
            (Codec::G722, &[20, 30], usual, -24.0),
            // As near as it comes anywhere; at fewer bits nothing of it is as exact as this.
            (Codec::Opus, &[10, 20, 40, 60], usual, -18.0),
            (Codec::Opus, &[20, 60], OpusSettings { dtx: true, ..usual }, -18.0),
            (Codec::Opus, &[20, 60], narrow, -18.0),
        ] {
            for ms in packets {
                let (louder, off) = seam(tone, Form::new(codec, MS(*ms), opus), *ms, MS(again));
                assert!(louder < 1.0 && off < least, "{code} {codec:?} {ms} ms {opus:?}: {louder} {off}");
            }
        }
    }
}
