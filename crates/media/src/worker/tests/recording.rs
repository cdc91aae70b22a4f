//! Recordings of both sides, pauses and keys, on a worker in virtual time.

use super::relaying::{away, bridged, other, packet, say};
use super::*;
use crate::recording::{Keys, Pause, Sides, Verdict};

impl Rig {
    /// Record both ears of place 0 as `order` says.
    fn take(&mut self, order: &Recording) -> Consumer<i16> {
        let (ring, out) = RingBuffer::new(1_000_000);
        self.record_as(1, ring, order);
        out
    }
}

fn order(sides: Sides) -> Recording {
    Recording { sides, ..Recording::new("a.wav") }
}

fn written(ring: &mut Consumer<i16>) -> Vec<i16> {
    std::iter::from_fn(|| ring.pop().ok()).collect()
}

/// One channel of two.
fn channel(pairs: &[i16], which: usize) -> Vec<i16> {
    pairs.chunks_exact(2).map(|pair| pair[which]).collect()
}

fn power(samples: &[i16], hertz: f32) -> f32 {
    detect::goertzel_power(samples, Rate::NARROW, hertz) / (samples.len() as f32).powi(2)
}

#[test]
fn a_stereo_recording_has_the_caller_on_the_left_and_the_prompt_as_it_was_sent_on_the_right() {
    let mut rig = Rig::with(setup());
    let mut phone = Phone::new(home(), 7);
    let mut out = rig.take(&order(Sides::Stereo));
    let said = tone::render(&[1_000], MS(600), MS(0), MS(600), Rate::NARROW);
    let said = prompt(&said.samples);
    for (n, frame) in frames(1).iter().enumerate() {
        if n == 10 {
            rig.play(2, vec![said.clone()], Repeat::Times(1));
        }
        phone.say(&mut rig, frame);
    }
    let sent: Vec<u8> = views(&rig.heard()).iter().flat_map(|view| view.payload.to_vec()).collect();
    let mut heard = vec![0; sent.len()];
    Codec::Pcmu.decode(&sent, &mut heard);
    let both = written(&mut out);
    let (left, right) = (channel(&both, 0), channel(&both, 1));
    assert_eq!(left.len(), 8_000, "a second has been recorded");
    assert!(power(&left[2_000..7_600], 440.0) > 100.0 * power(&left[2_000..7_600], 1_000.0));
    // What was sent is what is on the right, to the sample: the recording began with the first turn.
    let sounding = |samples: &[i16]| samples.iter().position(|sample| sample.abs() > 500).unwrap();
    let (from, at) = (sounding(&heard), sounding(&right));
    assert_eq!(right[at..at + 4_800], heard[from..from + 4_800]);
    assert!(from.abs_diff(at) < 160 * 2, "{from} {at}");
    assert!(right[at + 4_800..].iter().all(|sample| sample.abs() < 10));
}

#[test]
fn mixed_and_said_sides_hear_prompts_keys_and_echoes() {
    for sides in [Sides::Mixed, Sides::Said] {
        let mut rig = Rig::with(setup());
        let mut phone = Phone::new(home(), 7);
        let mut out = rig.take(&order(sides));
        rig.order(Order::Echo(id(0), 5, kit()));
        for frame in frames(1) {
            phone.say(&mut rig, &frame);
        }
        let all = written(&mut out);
        assert_eq!(all.len(), 8_000);
        let loud = power(&all[4_000..], 440.0);
        rig.order(Order::Stop(id(0), 5));
        let tones = tone::dtmf('5', MS(300), Rate::NARROW);
        let list = Playlist::new(6, vec![prompt(&tones.samples)], Repeat::Times(1));
        rig.order(Order::Dial(id(0), Dialling::Tones(list)));
        rig.slots(60);
        let key = written(&mut out);
        assert!(power(&key[480..2_240], 770.0) > loud / 100.0, "{sides:?}: the key's tone is recorded");
        let once = power(&tone::render(&[440], MS(500), MS(0), MS(500), Rate::NARROW).samples, 440.0);
        // In the mix an echo is twice as loud as the voice.
        let expected = if sides == Sides::Mixed { 4.0 } else { 1.0 };
        assert!((loud / once / expected - 1.0).abs() < 0.2, "{sides:?}: {}", loud / once);
    }
}

#[test]
fn a_leg_that_is_held_records_silence_of_its_own_in_its_time() {
    let mut rig = Rig::with(LegSetup { send: false, ..setup() });
    let mut phone = Phone::new(home(), 7);
    let mut out = rig.take(&order(Sides::Stereo));
    frames(1).iter().for_each(|frame| phone.say(&mut rig, frame));
    let both = written(&mut out);
    assert_eq!(both.len(), 16_000);
    assert!(channel(&both, 1).iter().all(|sample| *sample == 0));
}

#[test]
fn skipped_turns_are_silence_on_both_sides_or_what_arrived_meanwhile() {
    let mut rig = Rig::with(setup());
    let mut out = rig.take(&order(Sides::Stereo));
    rig.slots(40);
    rig.due(400);
    rig.slots(39);
    assert_eq!(written(&mut out).len(), 2 * 480 * 40, "480 slots are 2.4 s, and two channels");
}

/// What a stereo recording has of a prompt that plays when so many slots are given up, and of a caller who speaks later.
fn with_a_stumble(skipped: u64) -> Vec<i16> {
    let mut rig = Rig::with(setup());
    let mut phone = Phone::new(home(), 7);
    let mut out = rig.take(&order(Sides::Stereo));
    rig.slots(20);
    let ramp: Vec<i16> = (0..8_000).map(|n| 500 + n * 3).collect();
    rig.play(2, vec![prompt(&ramp)], Repeat::Times(1));
    rig.slots(20);
    match skipped {
        0 => rig.slots(13),
        _ => {
            rig.due(skipped);
            rig.slots(12 - skipped);
        }
    }
    rig.slots(11);
    frames(2).iter().for_each(|frame| phone.say(&mut rig, frame));
    written(&mut out)
}

#[test]
fn what_is_said_late_of_skipped_turns_is_recorded_in_its_time_beside_what_was_heard_then() {
    let even = with_a_stumble(0);
    assert_eq!(even.len(), 2 * 160 * (16 + 100));
    for skipped in 1..=12 {
        let stumbled = with_a_stumble(skipped);
        assert_eq!(stumbled.len(), even.len(), "{skipped} slots");
        assert!(channel(&stumbled, 1) == channel(&even, 1), "what is said, after {skipped} slots");
        assert!(channel(&stumbled, 0) == channel(&even, 0), "what is heard, after {skipped} slots");
    }
}

#[test]
fn a_bridged_legs_recording_is_as_long_as_the_time_whatever_was_skipped() {
    for skipped in 1..=12 {
        let (mut rig, mut alice, mut bob) = bridged(setup(), other());
        let mut out = rig.take(&order(Sides::Stereo));
        for n in 0..50u64 {
            if n == 20 {
                rig.due(skipped);
                rig.slots(15 - skipped);
            }
            let said = packet(&mut bob, 96, n as u8);
            rig.io.arrive(1, Channel::Rtp, away(), &said);
            say(&mut rig, &mut alice, n as u8);
        }
        assert_eq!(written(&mut out).len(), 2 * 160 * 54, "{skipped} slots");
    }
}

#[test]
fn a_key_ends_the_recording_in_its_turn_and_a_pause_leaves_no_gap() {
    let mut rig = Rig::with(setup());
    let mut phone = Phone::new(home(), 7);
    let (ring, mut out) = RingBuffer::new(1_000_000);
    let verdict = Verdict::default();
    let order = Recording { keys: Keys::of("#"), ..Recording::new("a.wav") };
    let recorder = Recorder::new((id(0), 1), ring, Rate::NARROW, &order, verdict.clone());
    rig.order(Order::Record(id(0), Box::new(recorder), kit()));
    let quiet = [0xff; 160];
    (0..50).for_each(|_| phone.say(&mut rig, &quiet));
    rig.order(Order::Pause(id(0), 1, Some(Pause::Cut)));
    (0..50).for_each(|_| phone.say(&mut rig, &quiet));
    rig.order(Order::Pause(id(0), 1, None));
    (0..25).for_each(|_| phone.say(&mut rig, &quiet));
    phone.press(&mut rig, '1');
    assert!(!out.is_abandoned());
    phone.press(&mut rig, '#');
    assert!(out.is_abandoned(), "the worker has let go of it");
    assert_eq!(verdict.get(), crate::recording::Ended::Key('#'));
    let length = written(&mut out).len();
    assert!((12_000..14_500).contains(&length), "1.5 s and two keys, without the pause: {length}");
}

#[test]
fn a_recording_goes_on_at_its_rate_when_the_codec_changes() {
    let mut rig = Rig::with(setup());
    let mut out = rig.take(&order(Sides::Stereo));
    rig.slots(200);
    let wide = LegSetup { telephone_event: Some(101), ..LegSetup::new(Codec::G722, 9, home()) };
    let kit = Kit::to_talk(&wide, Delay::CONVERSATION).unwrap().listening(&wide).unwrap();
    rig.order(Order::Reconfigure(id(0), Box::new(wide.clone()), Some(kit)));
    let sound = tone::render(&[1_000], MS(2_000), MS(0), MS(2_000), Rate::WIDE);
    let said = Arc::new(Prompt::encode(&sound, wide.form()).unwrap());
    rig.play(2, vec![said], Repeat::Times(1));
    rig.slots(200);
    let both = written(&mut out);
    assert_eq!(both.len(), 2 * 16_000, "two seconds at 8 kHz");
    let right = channel(&both, 1);
    assert!(right[..7_000].iter().all(|sample| *sample == 0));
    assert!(power(&right[10_000..], 1_000.0) > 1_000.0, "{}", power(&right[10_000..], 1_000.0));
}
