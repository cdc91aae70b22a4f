//! Recorders whose rings are read at once.

use rtrb::RingBuffer;

use super::*;
use crate::recorders::Recorders;

const MS: fn(u64) -> Duration = Duration::from_millis;

fn recorder(ring: Producer<i16>, limit: Option<Duration>, silence: Option<Duration>) -> Recorder {
    of(ring, Recording { limit, silence, ..Recording::new("a") })
}

fn of(ring: Producer<i16>, order: Recording) -> Recorder {
    let leg = LegId { home: 0, place: 0, generation: 0 };
    let mut recorder = Recorder::new((leg, 1), ring, Rate::NARROW, &order, Verdict::default());
    recorder.learn(Decoder::new(audio::codec::Codec::Pcmu, Rate::NARROW).ok());
    recorder
}

fn all(ring: &mut rtrb::Consumer<i16>) -> Vec<i16> {
    std::iter::from_fn(|| ring.pop().ok()).collect()
}

#[test]
fn both_sides_of_a_turn_lie_beside_each_other() {
    let turns: [(&[i16], Option<&[i16]>); 4] = [
        (&[1, 2], Some(&[10, 20])),
        (&[3, 4], None),
        (&[30_000, -30_000], Some(&[10_000, -10_000])),
        (&[5, 6], Some(&[50])),
    ];
    let expected: [(Sides, &[i16]); 3] = [
        (Sides::Said, &[10, 20, 0, 0, 10_000, -10_000, 50, 0]),
        (Sides::Mixed, &[11, 22, 3, 4, i16::MAX, i16::MIN, 55, 6]),
        (Sides::Stereo, &[1, 10, 2, 20, 3, 0, 4, 0, 30_000, 10_000, -30_000, -10_000, 5, 50, 6, 0]),
    ];
    for (sides, expected) in expected {
        let (ring, mut out) = RingBuffer::new(100);
        let mut recorder = of(ring, Recording { sides, ..Recording::new("a") });
        for (heard, said) in turns {
            recorder.hear(heard, Rate::NARROW);
            if let Some(said) = said {
                recorder.say(said, Rate::NARROW);
            }
            recorder.close();
        }
        assert_eq!(all(&mut out), expected, "{sides:?}");
    }
}

#[test]
fn frames_that_come_late_have_silence_beside_them() {
    let (ring, mut out) = RingBuffer::new(100);
    let mut recorder = of(ring, Recording { sides: Sides::Stereo, ..Recording::new("a") });
    recorder.hear(&[1], Rate::NARROW);
    recorder.settle();
    recorder.hear(&[2], Rate::NARROW);
    recorder.say(&[20], Rate::NARROW);
    recorder.close();
    assert_eq!(all(&mut out), [1, 0, 2, 20]);
}

#[test]
fn what_is_said_late_lies_beside_what_was_heard_in_its_turn() {
    let (ring, mut out) = RingBuffer::new(100);
    let mut recorder = of(ring, Recording { sides: Sides::Stereo, ..Recording::new("a") });
    (2..6).for_each(|n| recorder.hear(&[n, n], Rate::NARROW));
    for (ago, said) in [(2, Some(30)), (1, None), (0, Some(50))] {
        recorder.turn_to(ago);
        if let Some(said) = said {
            recorder.say(&[said, said], Rate::NARROW);
        }
    }
    recorder.close();
    assert_eq!(all(&mut out), [2, 0, 2, 0, 3, 30, 3, 30, 4, 0, 4, 0, 5, 50, 5, 50]);
    // One that begins in the turn has no place for what was to be said before.
    recorder.hear(&[6, 7], Rate::NARROW);
    recorder.turn_to(1);
    recorder.say(&[99, 99], Rate::NARROW);
    recorder.turn_to(0);
    recorder.say(&[60, 70], Rate::NARROW);
    recorder.close();
    assert_eq!(all(&mut out), [6, 60, 7, 70]);
}

#[test]
fn what_is_owed_is_told_by_its_own_rate() {
    let (ring, mut out) = RingBuffer::new(100);
    let mut recorder = recorder(ring, None, None);
    recorder.owe(20, Rate::WIDE);
    recorder.push(&[1]);
    assert_eq!(all(&mut out), [[0; 10].as_slice(), &[1]].concat());
}

#[test]
fn what_is_said_encoded_is_decoded() {
    let (ring, mut out) = RingBuffer::new(1_000);
    let mut recorders = Recorders::default();
    recorders.add(Box::new(of(ring, Recording { sides: Sides::Said, ..Recording::new("a") })), None);
    let (mut payload, mut pcm) = ([0; 160], [0; FRAME]);
    audio::codec::Codec::Pcmu.encode(&[1_000; 160], &mut payload);
    recorders.hear(&[0; 160], Rate::NARROW);
    recorders.say_encoded(&payload, &mut pcm);
    let written = all(&mut out);
    assert_eq!(written.len(), 160);
    assert!(written.iter().all(|sample| (sample - 1_000).abs() < 40), "{written:?}");
}

#[test]
fn several_of_a_leg_hear_the_same_and_each_ends_by_itself_and_leaves_the_decoder_to_the_others() {
    let order = |sides, limit| Recording { sides, limit, ..Recording::new("a") };
    let recorder = |tag, ring, order: &Recording| {
        Box::new(Recorder::new(
            (LegId { home: 0, place: 0, generation: 0 }, tag),
            ring,
            Rate::NARROW,
            order,
            Verdict::default(),
        ))
    };
    let decoder = || Decoder::new(audio::codec::Codec::Pcmu, Rate::NARROW).ok();
    let [(first, mut one), (second, mut two), (third, mut three)] = [(); 3].map(|()| RingBuffer::new(4_000));
    let (mut payload, mut pcm) = ([0; 160], [0; FRAME]);
    audio::codec::Codec::Pcmu.encode(&[1_000; 160], &mut payload);
    let mut all_of = Recorders::default();
    // One of the far end needs no decoder; of the others the first has it.
    assert!(all_of.add(recorder(1, first, &order(Sides::Heard, None)), decoder()).is_some());
    assert!(all_of.add(recorder(2, second, &order(Sides::Mixed, None)), decoder()).is_none());
    assert!(
        all_of
            .add(recorder(3, third, &order(Sides::Said, Some(Duration::from_millis(20)))), decoder())
            .is_some()
    );
    let mut turn = |all_of: &mut Recorders| {
        all_of.hear(&[500; 160], Rate::NARROW);
        all_of.say_encoded(&payload, &mut pcm);
        all_of.close()
    };
    assert!(turn(&mut all_of).1, "the last one has its 20 ms");
    let over = all_of.take_over().map(|over| over.tag);
    assert_eq!((over, all_of.take_over().is_none()), (Some(3), true));
    turn(&mut all_of);
    // The one with the decoder stops, and another that needs it comes.
    let (fourth, mut four) = RingBuffer::new(4_000);
    all_of.add(recorder(4, fourth, &order(Sides::Said, None)), None);
    assert_eq!(all_of.stop(2).map(|stopped| stopped.tag), Some(2));
    assert!(all_of.stop(2).is_none());
    turn(&mut all_of);
    let near = |samples: &[i16], level: i16| samples.iter().all(|sample| (sample - level).abs() < 40);
    let [heard, mixed, short, late] = [&mut one, &mut two, &mut three, &mut four].map(all);
    assert_eq!([heard.len(), mixed.len(), short.len(), late.len()], [480, 320, 160, 160]);
    assert!(near(&heard, 500) && near(&mixed, 1_500) && near(&short, 1_000) && near(&late, 1_000));
    all_of.pop();
    all_of.pop();
    assert!(all_of.is_empty());
}

#[test]
fn a_pause_leaves_no_gap_or_silence_as_asked() {
    for (pause, expected) in [(Pause::Cut, 2), (Pause::Silence, 5)] {
        let (ring, mut out) = RingBuffer::new(10_000);
        let mut recorder = recorder(ring, None, None);
        recorder.push(&loud());
        recorder.pause(Some(pause));
        for _ in 0..3 {
            recorder.push(&loud());
        }
        recorder.pause(None);
        recorder.push(&loud());
        let written = all(&mut out);
        assert_eq!(written.len(), expected * 160, "{pause:?}");
        assert_eq!(written.iter().filter(|sample| **sample == 0).count(), (expected - 2) * 160);
        assert!(written[..160].iter().chain(&written[(expected - 1) * 160..]).all(|sample| *sample != 0));
    }
}

#[test]
fn a_pause_is_no_silence_and_counts_for_the_limit_only_where_it_is_in_the_file() {
    for (pause, over) in [(Pause::Cut, false), (Pause::Silence, true)] {
        let (ring, _out) = RingBuffer::new(100_000);
        let mut recorder = recorder(ring, Some(MS(1_000)), Some(MS(200)));
        recorder.push(&loud());
        recorder.pause(Some(pause));
        let ended = (0..60).any(|_| recorder.push(&[0; 160]) == Progress::Over);
        assert_eq!(ended, over, "{pause:?}");
        let expected = if over { Ended::Limit } else { Ended::Stopped };
        assert_eq!(recorder.verdict.get(), expected);
    }
}

#[test]
fn a_key_that_ends_it_is_told_and_another_is_not_heard_of() {
    let (ring, _out) = RingBuffer::new(10_000);
    let mut recorder = of(ring, Recording { keys: Keys::of("#1"), ..Recording::new("a") });
    recorder.press('2');
    assert_eq!(recorder.push(&[0; 160]), Progress::Going);
    recorder.press('1');
    recorder.press('#');
    assert_eq!(recorder.push(&[0; 160]), Progress::Over);
    assert_eq!(recorder.verdict.get(), Ended::Key('1'));
}

#[test]
fn another_rate_after_a_change_of_codec_keeps_the_time() {
    let mut room = [0; FRAME];
    assert_eq!(fit(&[1, 3, 5, 7], Rate::WIDE, Rate::NARROW, &mut room), [2, 6]);
    assert_eq!(fit(&[1, 3], Rate::NARROW, Rate::WIDE, &mut room), [1, 1, 3, 3]);
    assert_eq!(fit(&[9; 960], Rate::FULL, Rate::NARROW, &mut room), [9; 160]);
    assert_eq!(fit(&[9; 160], Rate::NARROW, Rate::FULL, &mut room).len(), 960);
}

fn loud() -> [i16; 160] {
    std::array::from_fn(|n| if n % 8 < 4 { 8_000 } else { -8_000 })
}

#[test]
fn the_limit_is_kept_to_the_sample() {
    let (ring, mut other) = RingBuffer::new(16_000);
    let mut recorder = recorder(ring, Some(MS(50)), None);
    assert_eq!(recorder.push(&loud()), Progress::Talking);
    assert_eq!(recorder.push(&loud()), Progress::Going);
    assert_eq!(recorder.push(&loud()), Progress::Over);
    let n = other.slots();
    assert_eq!(n, 400);
    assert_eq!(other.pop(), Ok(8_000));
}

#[test]
fn silence_ends_it_and_speech_puts_the_end_off() {
    let (ring, _other) = RingBuffer::new(160_000);
    let mut recorder = recorder(ring, None, Some(MS(1_000)));
    for _ in 0..40 {
        assert_ne!(recorder.push(&[0; 160]), Progress::Over);
    }
    recorder.push(&loud());
    let more = (0..).take_while(|_| recorder.push(&[0; 160]) != Progress::Over).count();
    assert_eq!(more, 49, "the fiftieth silent frame after speech completes the second");
}

#[test]
fn a_leg_that_says_nothing_is_silent_for_who_records_what_it_says() {
    let (ring, mut out) = RingBuffer::new(100_000);
    let order = Recording { silence: Some(MS(400)), sides: Sides::Said, ..Recording::new("a") };
    let mut recorder = of(ring, order);
    let mut turns = 0;
    while recorder.close() != Progress::Over && turns < 100 {
        turns += 1;
        recorder.hear(&loud(), Rate::NARROW);
        if turns <= 10 {
            recorder.say(&loud(), Rate::NARROW);
        }
    }
    assert_eq!((turns, all(&mut out).len()), (30, 30 * 160));
}

#[test]
fn a_disk_that_stalls_costs_silence_and_no_time() {
    let (ring, mut other) = RingBuffer::new(320);
    let mut recorder = recorder(ring, None, None);
    for _ in 0..5 {
        recorder.push(&loud());
    }
    let mut all = Vec::new();
    for _ in 0..10 {
        while let Ok(sample) = other.pop() {
            all.push(sample);
        }
        recorder.push(&loud());
    }
    while let Ok(sample) = other.pop() {
        all.push(sample);
    }
    assert_eq!(all.len(), 15 * 160);
    assert!(all[..320].iter().all(|s| *s != 0) && all[320..1_120].iter().all(|s| *s == 0));
    assert!(all[1_120..].iter().all(|s| *s != 0));
}

#[test]
fn a_disk_that_gave_up_ends_it() {
    let (ring, other) = RingBuffer::new(320);
    let mut recorder = recorder(ring, None, None);
    drop(other);
    assert_eq!(recorder.push(&loud()), Progress::Over);
}
