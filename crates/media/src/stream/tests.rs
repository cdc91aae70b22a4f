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

/// A list and who reads for it.
fn list(items: Vec<Arc<Prompt>>, repeat: Repeat) -> (Playlist, Feed, Arc<AtomicU64>) {
    let stalls = Arc::default();
    let (tap, mut feed) = pair(&items, Arc::clone(&stalls)).unwrap();
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
    for codec in [Codec::Pcmu, Codec::L16(Rate::NARROW)] {
        let sound = sound(4_210);
        let whole = short(&sound, codec);
        let (mut list, mut feed, stalls) = list(vec![long(&sound, codec)], Repeat::Times(1));
        let (all, over) = heard(&mut list, &mut feed, codec, 1_000);
        assert!(over);
        assert_eq!(all[..whole.bytes().len()], *whole.bytes(), "{codec:?}");
        assert!(all[whole.bytes().len()..].iter().all(|byte| *byte == codec.silence()));
        assert_eq!(all.len(), whole.bytes().len().next_multiple_of(codec.bytes_per_ms().unwrap() * 20));
        assert_eq!(stalls.load(Ordering::Relaxed), 0);
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

#[test]
fn a_sound_of_another_rate_is_resampled_without_a_seam() {
    let sound = Pcm::new(Rate(22_050), sound(3_000).resampled(Rate(22_050)).samples);
    let codec = Codec::L16(Rate::NARROW);
    let whole = sound.resampled(Rate::NARROW).samples;
    let (mut list, mut feed, stalls) = list(vec![long(&sound, codec)], Repeat::Times(1));
    let (all, over) = heard(&mut list, &mut feed, codec, 1_000);
    assert!(over);
    let all: Vec<i16> = all.chunks_exact(2).map(|pair| i16::from_be_bytes([pair[0], pair[1]])).collect();
    let differs = |lag: usize| {
        let pairs = all[lag..].iter().zip(&whole[..22_000]);
        pairs.map(|(a, b)| (i32::from(*a) - i32::from(*b)).abs()).max().unwrap_or_default()
    };
    // A stream's resampler is late by half its filter, which is no whole number of samples; a seam would be thousands.
    let (lag, most) = (0..80).map(|lag| (lag, differs(lag))).min_by_key(|(_, most)| *most).unwrap();
    assert!(most < 1_200, "{most} at a lag of {lag}");
    assert_eq!(stalls.load(Ordering::Relaxed), 0);
}
