//! Turning files into sound: WAV (PCM of 8 to 32 bits, float, A-law, µ-law, ADPCM), MP3, AAC, FLAC, ALAC, MP4, Ogg Vorbis, Ogg Opus, and headerless G.711.
//!
//! Symphonia decodes everything but Opus; a WAV's header is rewritten first, because real ones lie about their sizes.
//! A file that is cut off gives what is there.
//! Whatever the bytes are, the answer is sound or a [`ReadError`].

mod opus;
mod wav;

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, TrackType};
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;

use crate::codec::Codec;
use crate::resample::to_i16;
use crate::{Pcm, Rate, ReadError};

/// The longest sound that is decoded into memory: an hour, 58 MB at 8 kHz.
/// A small file can claim to be a very long one.
pub const LONGEST: Duration = Duration::from_secs(3_600);
/// Rates outside of these are mistakes or attacks: sound files run from 4 to 384 kHz.
const RATES: std::ops::RangeInclusive<u32> = 1_000..=384_000;
/// More channels than any layout has.
const CHANNELS: std::ops::RangeInclusive<usize> = 1..=32;

/// Decodes a whole file to mono at its own rate.
///
/// `hint` is the file name's extension, if it has one; it is needed for formats without a header only: `ulaw`, `alaw` and `sln` are 8 kHz.
///
/// # Errors
/// [`ReadError`] when not one sample could be had.
pub fn decode(bytes: Vec<u8>, hint: Option<&str>) -> Result<Pcm, ReadError> {
    // The decoders are others' code and read what a web server sent: should one of them panic, that is a bad file and no more.
    catch_unwind(AssertUnwindSafe(|| decode_any(bytes, hint)))
        .unwrap_or(Err(ReadError::Malformed { what: "the decoder gave up" }))
}

fn decode_any(mut bytes: Vec<u8>, hint: Option<&str>) -> Result<Pcm, ReadError> {
    let hint = hint.map(|hint| hint.trim_start_matches('.').to_ascii_lowercase());
    if bytes.is_empty() {
        return Err(ReadError::Empty);
    }
    if bytes.starts_with(b"RIFF") {
        bytes = wav::mended(&bytes)?;
    } else if opus::is_opus(&bytes) {
        return opus::decode(bytes);
    } else if let Some(raw) = headerless(&bytes, hint.as_deref()) {
        return Ok(raw);
    }
    decode_by_symphonia(bytes, hint.as_deref())
}

/// The formats that are nothing but samples, known by their extension alone.
fn headerless(bytes: &[u8], hint: Option<&str>) -> Option<Pcm> {
    let codec = match hint? {
        "ulaw" | "ul" | "mulaw" | "pcmu" => Codec::Pcmu,
        "alaw" | "al" | "pcma" => Codec::Pcma,
        "sln" => {
            let pairs = bytes.chunks_exact(2);
            return Some(Pcm::new(
                Rate::NARROW,
                pairs.map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect(),
            ));
        }
        _ => return None,
    };
    let mut samples = vec![0; bytes.len()];
    codec.decode(bytes, &mut samples);
    Some(Pcm::new(codec.rate(), samples))
}

fn decode_by_symphonia(bytes: Vec<u8>, hint: Option<&str>) -> Result<Pcm, ReadError> {
    let mut extension = Hint::new();
    if let Some(hint) = hint {
        extension.with_extension(hint);
    }
    let source = MediaSourceStream::new(Box::new(Cursor::new(bytes)), Default::default());
    let mut format = symphonia::default::get_probe()
        .probe(&extension, source, FormatOptions::default(), MetadataOptions::default())
        .map_err(|error| match error {
            Error::DecodeError(what) => ReadError::Malformed { what },
            Error::IoError(_) => ReadError::Malformed { what: "it is cut off before the first sound" },
            // The probe itself speaks of the "core"; the rest is a reader that knew the format.
            Error::Unsupported(what) if !what.starts_with("core") => ReadError::Unsupported { what },
            _ => ReadError::UnknownFormat,
        })?;
    let track =
        format.default_track(TrackType::Audio).ok_or(ReadError::Unsupported { what: "no sound track" })?;
    let track_id = track.id;
    let parameters = track
        .codec_params
        .as_ref()
        .and_then(|parameters| parameters.audio())
        .ok_or(ReadError::Unsupported { what: "a track without parameters" })?;
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(parameters, &AudioDecoderOptions::default())
        .map_err(|_| ReadError::Unsupported { what: "the codec" })?;

    let mut mono = Mono::default();
    let mut interleaved: Vec<f32> = Vec::new();
    // An error while reading packets is a file that was cut off, and a chained stream's next part is not ours: both are the end.
    while let Ok(Some(packet)) = format.next_packet() {
        if packet.track_id != track_id {
            continue;
        }
        let decoded = match decoder.decode(&packet) {
            Ok(decoded) => decoded,
            // One bad packet is a gap; the next may be good.
            Err(Error::DecodeError(_) | Error::IoError(_)) => continue,
            Err(_) => break,
        };
        let (rate, channels) = (decoded.spec().rate(), decoded.spec().channels().count());
        interleaved.resize(decoded.samples_interleaved(), 0.0);
        decoded.copy_to_slice_interleaved(&mut interleaved);
        mono.add(&interleaved, rate, channels)?;
    }
    mono.finish()
}

/// Sums channels into one, and watches the limits.
#[derive(Default)]
struct Mono {
    rate: u32,
    samples: Vec<i16>,
}

impl Mono {
    fn add(&mut self, interleaved: &[f32], rate: u32, channels: usize) -> Result<(), ReadError> {
        if !RATES.contains(&rate) {
            return Err(ReadError::Unsupported { what: "the sampling rate" });
        }
        if !CHANNELS.contains(&channels) {
            return Err(ReadError::Unsupported { what: "the number of channels" });
        }
        if self.rate == 0 {
            self.rate = rate;
        }
        let share = 1.0 / channels as f32;
        let frames =
            interleaved.chunks_exact(channels).map(|frame| to_i16(frame.iter().sum::<f32>() * share));
        if rate == self.rate {
            self.samples.extend(frames);
        } else {
            let other = Pcm::new(Rate(rate), frames.collect());
            self.samples.extend(other.resampled(Rate(self.rate)).samples);
        }
        if Rate(self.rate).duration(self.samples.len()) > LONGEST {
            return Err(ReadError::TooLong);
        }
        Ok(())
    }

    fn finish(self) -> Result<Pcm, ReadError> {
        if self.samples.is_empty() {
            return Err(ReadError::Empty);
        }
        Ok(Pcm::new(Rate(self.rate), self.samples))
    }
}

#[cfg(test)]
mod tests;
