//! Files of every kind, whole and broken.

use super::*;
use crate::Rate;
use crate::codec::Codec;
use crate::detect::goertzel_power;
use crate::level::rms_dbov;
use crate::tone;

/// A WAV file by hand: `extra` chunks before the data, and whatever size one likes to claim for it.
fn wav(tag: u16, channels: u16, rate: u32, bits: u16, extra: &[u8], data: &[u8], claimed: u32) -> Vec<u8> {
    let block = channels * bits.div_ceil(8);
    let mut file = Vec::new();
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&claimed.saturating_add(36).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt \x10\0\0\0");
    file.extend_from_slice(&tag.to_le_bytes());
    file.extend_from_slice(&channels.to_le_bytes());
    file.extend_from_slice(&rate.to_le_bytes());
    file.extend_from_slice(&(rate * u32::from(block)).to_le_bytes());
    file.extend_from_slice(&block.to_le_bytes());
    file.extend_from_slice(&bits.to_le_bytes());
    file.extend_from_slice(extra);
    file.extend_from_slice(b"data");
    file.extend_from_slice(&claimed.to_le_bytes());
    file.extend_from_slice(data);
    file
}

fn tone_of(rate: u32) -> Pcm {
    tone::beep(1_000, Duration::from_millis(300), Rate(rate))
}

fn bytes_of(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// Asserts that `sound` is a tone of 1 kHz at -15 dBov that lasts `ms`, give or take a frame.
#[track_caller]
fn check_tone(sound: &Pcm, ms: i64) {
    let length = sound.duration().as_millis() as i64;
    assert!((length - ms).abs() <= 20, "{length} ms");
    let middle = &sound.samples[sound.samples.len() / 5..sound.samples.len() * 4 / 5];
    assert!((rms_dbov(middle) + 15.0).abs() < 1.5, "{} dBov", rms_dbov(middle));
    let energy: f64 = middle.iter().map(|&sample| f64::from(sample).powi(2)).sum();
    let share = f64::from(goertzel_power(middle, sound.rate, 1_000.0)) / (energy * middle.len() as f64 / 2.0);
    assert!(share > 0.9, "{share} of the energy at 1 kHz");
}

#[test]
fn pcm_of_every_width_is_read() {
    let tone = tone_of(16_000).samples;
    let widths: [(u16, u16, Vec<u8>); 6] = [
        (1, 8, tone.iter().map(|&s| (s >> 8) as u8 ^ 0x80).collect()),
        (1, 16, bytes_of(&tone)),
        (1, 24, tone.iter().flat_map(|&s| [&[0u8][..], &s.to_le_bytes()].concat()).collect()),
        (1, 32, tone.iter().flat_map(|&s| (i32::from(s) << 16).to_le_bytes()).collect()),
        (3, 32, tone.iter().flat_map(|&s| (f32::from(s) / 32_768.0).to_le_bytes()).collect()),
        (3, 64, tone.iter().flat_map(|&s| (f64::from(s) / 32_768.0).to_le_bytes()).collect()),
    ];
    for (tag, bits, data) in widths {
        let sound = decode(wav(tag, 1, 16_000, bits, &[], &data, data.len() as u32), Some("wav")).unwrap();
        assert_eq!(sound.samples.len(), tone.len(), "{bits} bits");
        check_tone(&sound, 300);
        if bits == 16 {
            assert_eq!(sound.samples, tone);
        }
    }
}

#[test]
fn g711_in_wav_and_without_a_header_is_read() {
    let tone = tone_of(8_000).samples;
    for (tag, codec, extension) in [(6, Codec::Pcma, "alaw"), (7, Codec::Pcmu, ".ULAW")] {
        let mut data = vec![0; tone.len()];
        codec.encode(&tone, &mut data);
        check_tone(&decode(wav(tag, 1, 8_000, 8, &[], &data, data.len() as u32), None).unwrap(), 300);
        check_tone(&decode(data, Some(extension)).unwrap(), 300);
    }
    check_tone(&decode(bytes_of(&tone), Some("sln")).unwrap(), 300);
}

#[test]
fn sizes_that_lie_are_not_believed() {
    let tone = tone_of(22_050).samples;
    for claimed in [0, 0xFFFF_FFFF, 0x7FFF_F000, 1_000_000] {
        let sound = decode(wav(1, 1, 22_050, 16, &[], &bytes_of(&tone), claimed), None).unwrap();
        assert_eq!(sound.samples, tone, "{claimed:#x}");
    }
}

#[test]
fn a_cut_off_file_gives_what_is_there_to_the_last_sample() {
    let tone = tone_of(8_000).samples;
    let whole = wav(1, 2, 8_000, 16, &[], &bytes_of(&tone), tone.len() as u32 * 2);
    for cut in [1, 2, 3, 5, 1_000, 3_333] {
        let sound = decode(whole[..whole.len() - cut].to_vec(), None).unwrap();
        assert_eq!(sound.samples.len(), (tone.len() * 2 - cut) / 4);
    }
    assert!(matches!(decode(whole[..44].to_vec(), None), Err(ReadError::Empty)));
    assert!(matches!(decode(whole[..40].to_vec(), None), Err(ReadError::Malformed { .. })));
}

#[test]
fn odd_chunks_are_walked_over_padded_or_not() {
    let tone = tone_of(8_000).samples;
    for extra in
        [&b"LIST\x05\0\0\0INFOx\0"[..], b"LIST\x05\0\0\0INFOx", b"bext\x02\0\0\0ab", b"junk\x01\0\0\0j\0"]
    {
        let sound =
            decode(wav(1, 1, 8_000, 16, extra, &bytes_of(&tone), tone.len() as u32 * 2), None).unwrap();
        assert_eq!(sound.samples, tone, "{extra:?}");
    }
    let mut trailing = wav(1, 1, 8_000, 16, &[], &bytes_of(&tone), tone.len() as u32 * 2);
    trailing.extend_from_slice(b"LIST\x04\0\0\0INFO");
    assert_eq!(decode(trailing, None).unwrap().samples, tone);
}

#[test]
fn channels_are_averaged() {
    let stereo: Vec<i16> = [1_000, 3_000].repeat(400);
    let sound = decode(wav(1, 2, 8_000, 16, &[], &bytes_of(&stereo), 1_600), None).unwrap();
    assert_eq!(sound.samples, vec![2_000; 400]);
}

#[test]
fn compressed_files_are_read() {
    let files: [(&[u8], &str, u32); 9] = [
        (include_bytes!("../../testdata/tone-1khz-1s-44100-stereo.mp3"), "mp3", 44_100),
        (include_bytes!("../../testdata/tone-1khz-1s-16000-mono.flac"), "flac", 16_000),
        (include_bytes!("../../testdata/tone-1khz-1s-44100-stereo.ogg"), "ogg", 44_100),
        (include_bytes!("../../testdata/tone-1khz-1s-mono.opus"), "opus", 48_000),
        (include_bytes!("../../testdata/tone-1khz-1s-stereo.opus"), "ogg", 48_000),
        (include_bytes!("../../testdata/tone-1khz-1s-16000-mono.m4a"), "m4a", 16_000),
        (include_bytes!("../../testdata/tone-1khz-1s-16000-mono.aac"), "aac", 16_000),
        (include_bytes!("../../testdata/tone-1khz-1s-8000-ima.wav"), "wav", 8_000),
        (include_bytes!("../../testdata/tone-1khz-1s-8000-ms.wav"), "wav", 8_000),
    ];
    for (bytes, extension, rate) in files {
        for hint in [Some(extension), Some("wav"), None] {
            let sound = decode(bytes.to_vec(), hint).unwrap_or_else(|error| panic!("{extension}: {error}"));
            assert_eq!(sound.rate, Rate(rate), "{extension}");
            // AAC pads both ends to whole blocks; ADTS cannot say by how much, and MP4's edit list is not read.
            let expected = if matches!(extension, "aac" | "m4a") { 1_088 } else { 1_000 };
            check_tone(&sound, expected);
            check_tone(&sound.resampled(Rate::NARROW), expected);
        }
        let half = decode(bytes[..bytes.len() / 2].to_vec(), Some(extension));
        match extension {
            // Half an MP4 has lost its index, and a second of Ogg is one page.
            "m4a" => assert!(matches!(half, Err(ReadError::Unsupported { .. })), "{half:?}"),
            "ogg" | "opus" => {
                assert!(matches!(half, Err(ReadError::Malformed { .. } | ReadError::Empty)), "{half:?}");
            }
            _ => {
                let half = half.unwrap_or_else(|error| panic!("half of {extension}: {error}")).duration();
                assert!((200..900).contains(&half.as_millis()), "{extension} {half:?}");
            }
        }
    }
}

#[test]
fn what_is_no_sound_is_an_error() {
    assert!(matches!(decode(Vec::new(), None), Err(ReadError::Empty)));
    assert!(matches!(
        decode(b"<html><body>404</body></html>".to_vec(), Some("wav")),
        Err(ReadError::UnknownFormat)
    ));
    assert!(matches!(decode(b"RIFF\0\0\0\0AVI LIST".to_vec(), None), Err(ReadError::UnknownFormat)));
    for (channels, rate, bits) in
        [(0, 8_000, 16), (65_535, 8_000, 32), (1, 0, 16), (1, u32::MAX, 16), (1, 8_000, 13)]
    {
        let mut file = wav(1, 1, 8_000, 16, &[], &[0; 160], 160);
        file[22..24].copy_from_slice(&u16::to_le_bytes(channels));
        file[24..28].copy_from_slice(&u32::to_le_bytes(rate));
        file[34..36].copy_from_slice(&u16::to_le_bytes(bits));
        assert!(matches!(decode(file, None), Err(ReadError::Unsupported { .. })), "{channels} {rate} {bits}");
    }
}

#[test]
fn mutated_files_never_panic() {
    let tone = tone_of(8_000).samples;
    let seeds: [&[u8]; 7] = [
        &wav(1, 1, 8_000, 16, b"LIST\x04\0\0\0INFO", &bytes_of(&tone[..400]), 800),
        &wav(0x11, 1, 8_000, 4, &[], &[7; 1_024], 1_024),
        include_bytes!("../../testdata/tone-1khz-1s-44100-stereo.mp3"),
        include_bytes!("../../testdata/tone-1khz-1s-16000-mono.flac"),
        include_bytes!("../../testdata/tone-1khz-1s-44100-stereo.ogg"),
        include_bytes!("../../testdata/tone-1khz-1s-mono.opus"),
        include_bytes!("../../testdata/tone-1khz-1s-16000-mono.m4a"),
    ];
    let mut state = 0x9E37_79B9u32;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as usize % below
    };
    for turn in 0..120 {
        for seed in seeds {
            let mut bytes = seed.to_vec();
            for _ in 0..1 + random(6) {
                // Headers are where it hurts.
                let at = random(if turn % 2 == 0 { bytes.len().min(200) } else { bytes.len() });
                bytes[at] = random(256) as u8;
            }
            bytes.truncate(random(bytes.len()) + 1);
            // Either is right, as long as it comes back.
            let _ = decode(bytes, None);
        }
    }
}

/// The files of [`compressed_files_are_read`], and a WAV and raw samples.
fn files() -> Vec<(Vec<u8>, &'static str)> {
    let tone = tone_of(8_000).samples;
    let mut law = vec![0; tone.len()];
    Codec::Pcma.encode(&tone, &mut law);
    vec![
        (include_bytes!("../../testdata/tone-1khz-1s-44100-stereo.mp3").to_vec(), "mp3"),
        (include_bytes!("../../testdata/tone-1khz-1s-16000-mono.flac").to_vec(), "flac"),
        (include_bytes!("../../testdata/tone-1khz-1s-44100-stereo.ogg").to_vec(), "ogg"),
        (include_bytes!("../../testdata/tone-1khz-1s-mono.opus").to_vec(), "opus"),
        (include_bytes!("../../testdata/tone-1khz-1s-16000-mono.m4a").to_vec(), "m4a"),
        (include_bytes!("../../testdata/tone-1khz-1s-16000-mono.aac").to_vec(), "aac"),
        (wav(1, 2, 8_000, 16, b"LIST\x05\0\0\0INFOx", &bytes_of(&tone), 0xFFFF_FFFF), "wav"),
        (law, "alaw"),
        (bytes_of(&tone), "sln"),
    ]
}

#[test]
fn a_file_read_in_pieces_is_the_whole_file_and_its_length_is_known_without_decoding() {
    for (bytes, extension) in files() {
        let whole = decode(bytes.clone(), Some(extension)).unwrap();
        let mut reader = Reader::open(Cursor::new(bytes.clone()), Some(extension)).unwrap();
        assert_eq!(reader.rate(), whole.rate);
        let (mut samples, mut most) = (Vec::new(), 0);
        loop {
            let before = samples.len();
            let more = reader.read(&mut samples).unwrap();
            most = most.max(samples.len() - before);
            if !more {
                break;
            }
        }
        assert_eq!(samples, whole.samples, "{extension}");
        assert!(most <= 8_192, "{extension}: {most} samples at once");
        let length = Reader::open(Cursor::new(bytes), Some(extension)).unwrap().length();
        let off = length.abs_diff(whole.duration());
        assert!(off < Duration::from_millis(30), "{extension}: {length:?} of {:?}", whole.duration());
    }
}

#[test]
fn reading_begins_at_a_place_that_is_sought() {
    for (bytes, extension) in files() {
        let whole = decode(bytes.clone(), Some(extension)).unwrap();
        for ms in [0, 1, 77, 150, 100_000] {
            let mut reader = Reader::open(Cursor::new(bytes.clone()), Some(extension)).unwrap();
            reader.skip(Duration::from_millis(ms)).unwrap();
            let mut rest = Vec::new();
            while reader.read(&mut rest).unwrap() {}
            let expected =
                whole.samples.get(whole.rate.samples(Duration::from_millis(ms))..).unwrap_or_default();
            // AAC's first packet is silence that it gives no length.
            let slack = if matches!(extension, "aac" | "m4a" | "mp3") { 1_200 } else { 0 };
            assert!(
                rest.len().abs_diff(expected.len()) <= slack,
                "{extension} {ms}: {} {}",
                rest.len(),
                expected.len()
            );
            if slack == 0 && !matches!(extension, "opus" | "ogg") {
                assert_eq!(rest, expected, "{extension} from {ms} ms");
            }
        }
    }
}
