//! Long sounds in lists, read and heard in one thread.

use audio::codec::{Codec, OpusSettings};
use audio::{Pcm, Rate, tone};

use super::*;
use crate::command::Repeat;
use crate::prompt::{Form, Sound};
use crate::source::Playlist;

const MS: fn(u64) -> Duration = Duration::from_millis;

fn form(codec: Codec) -> Form {
    Form::new(codec, MS(20), OpusSettings::default())
}

/// A sound that is different everywhere.
fn sound(ms: u64) -> Pcm {
    let mut sound = tone::render(&[300, 437], MS(ms), MS(0), MS(ms), Rate::NARROW);
    for (n, sample) in sound.samples.iter_mut().enumerate() {
        *sample = (i32::from(*sample) * (n as i32 % 4_001) / 4_001) as i16;
    }
    sound
}

fn long(sound: &Pcm, codec: Codec) -> Arc<Prompt> {
    let bytes = audio::write::wav::to_bytes(sound);
    let long = Long::new(Origin::Bytes(bytes.into()), Some("wav")).unwrap();
    assert_eq!(long.length(), sound.duration());
    Arc::new(Prompt::of(Sound::Long(long), form(codec)).unwrap())
}

fn short(sound: &Pcm, codec: Codec) -> Arc<Prompt> {
    Arc::new(Prompt::encode(sound, form(codec)).unwrap())
}

fn rack() -> Arc<Rack> {
    Arc::new(Rack::new(RACK))
}

/// A list and who reads for it.
fn list(items: Vec<Arc<Prompt>>, repeat: Repeat) -> (Playlist, Feed, Arc<AtomicU64>) {
    list_of(&rack(), items, repeat)
}

/// The same, whose pieces lie in this rack.
fn list_of(rack: &Arc<Rack>, items: Vec<Arc<Prompt>>, repeat: Repeat) -> (Playlist, Feed, Arc<AtomicU64>) {
    let stalls = Arc::default();
    let (tap, mut feed) = pair(&items, Arc::clone(&stalls), rack.clone()).unwrap();
    assert!(feed.fill());
    (Playlist::new(1, items, repeat).tapped(Some(tap)), feed, stalls)
}

/// What is heard until the list is over, or of so many frames.
fn heard(list: &mut Playlist, feed: &mut Feed, codec: Codec, frames: usize) -> (Vec<u8>, bool) {
    let mut all = Vec::new();
    for _ in 0..frames {
        let mut frame = [0; 1_400];
        let filled = list.next(codec, 20, &mut frame);
        all.extend_from_slice(&frame[..filled.len]);
        feed.fill();
        if filled.last {
            return (all, true);
        }
    }
    (all, false)
}

#[test]
fn a_long_sound_is_heard_as_if_it_had_been_encoded_whole() {
    for codec in [Codec::Pcmu, Codec::L16(Rate::NARROW), Codec::G722] {
        for rate in [Rate::NARROW, Rate(22_050), Rate::FULL] {
            let sound = sound(4_210).resampled(rate);
            let whole = short(&sound, codec);
            let (mut list, mut feed, stalls) = list(vec![long(&sound, codec)], Repeat::Times(1));
            let (all, over) = heard(&mut list, &mut feed, codec, 1_000);
            assert!(over);
            assert!(all[..whole.bytes().len()] == *whole.bytes(), "{codec:?} of {rate:?}");
            assert!(all[whole.bytes().len()..].iter().all(|byte| *byte == codec.silence()));
            assert_eq!(all.len(), whole.bytes().len().next_multiple_of(codec.bytes_per_ms().unwrap() * 20));
            assert_eq!(stalls.load(Ordering::Relaxed), 0);
        }
    }
}

#[test]
fn rounds_and_short_sounds_between_follow_without_a_gap() {
    let (one, other, between) = (sound(1_700), sound(900), sound(133));
    let codec = Codec::Pcma;
    let items = vec![long(&one, codec), short(&between, codec), long(&other, codec)];
    let (mut list, mut feed, stalls) = list(items, Repeat::Times(3));
    let (all, over) = heard(&mut list, &mut feed, codec, 1_000);
    assert!(over);
    let parts = [&one, &between, &other].map(|sound| short(sound, codec));
    let once: Vec<u8> = parts.iter().flat_map(|part| part.bytes().to_vec()).collect();
    assert_eq!(all[..once.len() * 3], once.repeat(3));
    assert_eq!(stalls.load(Ordering::Relaxed), 0);
}

#[test]
fn a_sound_goes_on_from_where_it_is_sought() {
    let sound = sound(8_000);
    let whole = short(&sound, Codec::Pcmu);
    let (mut list, mut feed, _) = list(vec![long(&sound, Codec::Pcmu)], Repeat::Forever);
    heard(&mut list, &mut feed, Codec::Pcmu, 20);
    for to in [6_500, 1_003] {
        list.seek(MS(to));
        // The wish is heard of in the next turn; what was read before it is not heard.
        let (early, _) = heard(&mut list, &mut feed, Codec::Pcmu, 1);
        assert!(early.iter().all(|byte| *byte == 0xff));
        let (all, _) = heard(&mut list, &mut feed, Codec::Pcmu, 30);
        let from = to as usize * 8;
        assert_eq!(all, whole.bytes()[from..from + all.len()], "from {to} ms");
        assert_eq!(list.position(), MS(to + 600));
    }
}

#[test]
fn a_reader_that_is_behind_costs_silence_and_nothing_of_the_sound() {
    let sound = sound(6_000);
    let whole = short(&sound, Codec::Pcmu);
    let (mut list, mut feed, stalls) = list(vec![long(&sound, Codec::Pcmu)], Repeat::Times(1));
    let mut frame = [0; 160];
    let mut all = Vec::new();
    let mut waited = 0;
    for n in 0.. {
        let filled = list.next(Codec::Pcmu, 20, &mut frame);
        let silent = frame.iter().all(|byte| *byte == 0xff);
        waited += usize::from(silent);
        if !silent {
            all.extend_from_slice(&frame);
        }
        if filled.last {
            break;
        }
        // It reads now and then only.
        if n % 70 == 0 {
            feed.fill();
        }
    }
    assert!(waited > 20, "{waited}");
    assert_eq!(stalls.load(Ordering::Relaxed) as usize, waited);
    assert_eq!(all, whole.bytes());
}

#[test]
fn opus_comes_in_whole_packets_of_the_legs_length() {
    let codec = Codec::Opus;
    let (mut list, mut feed, stalls) = list(vec![long(&sound(2_000), codec)], Repeat::Times(2));
    let (mut packets, mut over) = (0, false);
    let mut decoder = audio::codec::Decoder::new(codec, Rate::NARROW).unwrap();
    let (mut payload, mut pcm) = ([0; 1_400], [0; 960]);
    while !over && packets < 1_000 {
        let filled = list.next(codec, 20, &mut payload);
        assert_eq!(decoder.decode(&payload[..filled.len], &mut pcm), 160);
        packets += 1;
        over = filled.last;
        feed.fill();
    }
    // What is in the resampler's filter is not pushed out: a packet less at most.
    assert!((198..=202).contains(&packets), "{packets}");
    assert_eq!(stalls.load(Ordering::Relaxed), 0);
}

#[test]
fn a_sound_that_cannot_be_read_any_more_is_over_and_nobody_reads_for_a_list_that_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("long.wav");
    std::fs::write(&path, audio::write::wav::to_bytes(&sound(3_000))).unwrap();
    let long = Long::new(Origin::File(path.clone()), None).unwrap();
    std::fs::remove_file(path).unwrap();
    let prompt = Arc::new(Prompt::of(Sound::Long(long), form(Codec::Pcmu)).unwrap());
    let (mut list, mut feed, _) = list(vec![prompt], Repeat::Forever);
    assert!(list.next(Codec::Pcmu, 20, &mut [0; 160]).last);
    drop(list);
    assert!(!feed.fill());
}

/// Samples that are heard of packets or payloads of 20 ms.
fn decoded(codec: Codec, payloads: &[Vec<u8>]) -> Pcm {
    let mut decoder = audio::codec::Decoder::new(codec, codec.rate()).unwrap();
    let mut pcm = [0; 960];
    let decode = |payload: &Vec<u8>| {
        let n = decoder.decode(payload, &mut pcm);
        pcm[..n].to_vec()
    };
    Pcm::new(codec.rate(), payloads.iter().flat_map(decode).collect())
}

/// Payloads of 20 ms.
fn payloads(list: &mut Playlist, feed: &mut Feed, codec: Codec, count: usize) -> Vec<Vec<u8>> {
    let payload = |_| {
        let mut frame = [0; 1_400];
        let filled = list.next(codec, 20, &mut frame);
        feed.fill();
        frame[..filled.len].to_vec()
    };
    (0..count).map(payload).collect()
}

#[test]
fn opus_in_pieces_is_what_it_is_whole() {
    let (codec, sound) = (Codec::Opus, sound(5_000).resampled(Rate(22_050)));
    let (mut whole, mut pieces) = (
        Playlist::new(1, vec![short(&sound, codec)], Repeat::Times(1)),
        list(vec![long(&sound, codec)], Repeat::Times(1)),
    );
    for n in 0..250 {
        let (mut expected, mut frame) = ([0; 1_400], [0; 1_400]);
        let (expects, filled) = (whole.next(codec, 20, &mut expected), pieces.0.next(codec, 20, &mut frame));
        assert_eq!((expects, expected), (filled, frame), "packet {n}");
        pieces.1.fill();
    }
}

#[test]
fn who_begins_in_the_middle_hears_what_all_others_hear_there() {
    let sound = sound(9_000).resampled(Rate(22_050));
    for codec in [Codec::Pcmu, Codec::L16(Rate::WIDE), Codec::G722, Codec::Opus] {
        let mut whole = Playlist::new(1, vec![short(&sound, codec)], Repeat::Times(1)).from(MS(6_500));
        let (list, mut feed, _) = list(vec![long(&sound, codec)], Repeat::Times(1));
        let mut list = list.from(MS(6_500));
        // The wish is heard of in the next turn.
        list.next(codec, 20, &mut [0; 1_400]);
        feed.fill();
        let got = payloads(&mut list, &mut feed, codec, 100);
        let expected: Vec<Vec<u8>> = (0..100)
            .map(|_| {
                let mut frame = [0; 1_400];
                let filled = whole.next(codec, 20, &mut frame);
                frame[..filled.len].to_vec()
            })
            .collect();
        if codec == Codec::Pcmu || codec == Codec::L16(Rate::WIDE) {
            assert!(got == expected, "{codec:?}: sample for sample");
        }
        let (got, expected) = (decoded(codec, &got), decoded(codec, &expected));
        let alike = testkit::ear::likeness(&got, &expected);
        assert!(alike.correlation > 0.99 && alike.lag == 0.0, "{codec:?}: {alike:?}");
    }
}

#[test]
fn fifty_who_hear_five_minutes_have_each_piece_encoded_once() {
    let prompt = long(&sound(300_000), Codec::Pcmu);
    let rack = rack();
    // One after the other, a second apart, and one who begins in the middle when all of it was heard.
    let mut lists: Vec<_> = Vec::new();
    let mut heard = 0_usize;
    for turn in 0.. {
        if turn % 50 == 0 && turn / 50 < 50 {
            lists.push(list_of(&rack, vec![prompt.clone()], Repeat::Times(1)));
        }
        lists.retain_mut(|(list, feed, _)| {
            let mut frame = [0; 160];
            let last = list.next(Codec::Pcmu, 20, &mut frame).last;
            heard += usize::from(frame.iter().any(|byte| *byte != 0xff));
            feed.fill();
            !last
        });
        if lists.is_empty() {
            break;
        }
    }
    assert_eq!(rack.made(), 250);
    assert!(heard > 50 * 14_900, "{heard}");
    let (list, mut feed, stalls) = list_of(&rack, vec![prompt.clone()], Repeat::Times(1));
    let mut list = list.from(MS(200_000));
    list.next(Codec::Pcmu, 20, &mut [0; 160]);
    feed.fill();
    assert_eq!(payloads(&mut list, &mut feed, Codec::Pcmu, 1_000).len(), 1_000);
    assert_eq!((rack.made(), stalls.load(Ordering::Relaxed)), (250, 0));
    // Another form has pieces of its own.
    let other = long(&sound(3_000), Codec::Pcma);
    list_of(&rack, vec![other], Repeat::Times(1));
    assert!(rack.made() > 250);
}

#[test]
fn nothing_is_open_of_a_sound_that_nobody_hears() {
    let prompt = long(&sound(9_000), Codec::Pcmu);
    let rack = rack();
    let one = list_of(&rack, vec![prompt.clone()], Repeat::Forever);
    let other = list_of(&rack, vec![prompt.clone()], Repeat::Forever);
    let reel = prompt.reel().unwrap();
    assert_eq!(reel.waiting(), 1, "the second found its piece made");
    drop(one);
    assert_eq!(reel.waiting(), 1);
    drop(other);
    assert_eq!(reel.waiting(), 0);
}

#[test]
fn a_rack_that_is_too_small_costs_making_a_piece_again_and_nothing_of_the_sound() {
    let sound = sound(6_000);
    let whole = short(&sound, Codec::Pcmu);
    let rack = Arc::new(Rack::new(20_000));
    let (mut list, mut feed, _) = list_of(&rack, vec![long(&sound, Codec::Pcmu)], Repeat::Times(3));
    let (all, over) = heard(&mut list, &mut feed, Codec::Pcmu, 1_000);
    assert!(over && all == whole.bytes().repeat(3));
    // A second of a fourth round is read ahead.
    assert!((15..=17).contains(&rack.made()) && rack.bytes() <= 20_000, "{}", rack.made());
}
