//! A sound file read piece by piece, so that its length costs no memory.

use std::io::{Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;
use symphonia::core::units::TimeBase;

use super::{CHANNELS, RATES, opus, wav};
use crate::codec::Codec;
use crate::resample::to_i16;
use crate::{Pcm, Rate, ReadError};

/// Where a file comes from.
pub trait Source: Read + Seek + Send + Sync + 'static {}

impl<T: Read + Seek + Send + Sync + 'static> Source for T {}

/// How much of a WAV's beginning is searched for its sound.
const START: u64 = 1 << 20;
/// What is decoded before a place that is sought, so that a decoder has got going there.
const LEAD: Duration = Duration::from_millis(120);
/// Samples without a header read at once.
const PIECE: usize = 4_096;

/// A sound file that is being read.
pub struct Reader {
    inner: Inner,
    rate: Rate,
    /// Samples still to be thrown away.
    skip: u64,
}

enum Inner {
    Symphonia(Box<Track>),
    Opus(Box<opus::Stream>),
    Raw(Box<dyn Source>, Raw),
    /// A decoder panicked.
    Broken,
}

/// The formats that are nothing but samples.
#[derive(Clone, Copy)]
enum Raw {
    Law(Codec),
    Linear,
}

struct Track {
    format: Box<dyn FormatReader>,
    decoder: Box<dyn AudioDecoder>,
    id: u32,
    base: Option<TimeBase>,
    interleaved: Vec<f32>,
    /// The first packet's, decoded to learn the rate.
    first: Option<Vec<i16>>,
}

impl Reader {
    /// Opens a file; `hint` as for [`super::decode`].
    ///
    /// # Errors
    /// [`ReadError`] when there is no sound to be had.
    pub fn open(source: impl Source, hint: Option<&str>) -> Result<Reader, ReadError> {
        let hint = hint.map(|hint| hint.trim_start_matches('.').to_ascii_lowercase());
        guarded(|| Reader::open_any(Box::new(source), hint.as_deref()))
    }

    fn open_any(mut source: Box<dyn Source>, hint: Option<&str>) -> Result<Reader, ReadError> {
        let unreadable = |_| ReadError::Malformed { what: "it cannot be read" };
        let length = source.seek(SeekFrom::End(0)).map_err(unreadable)?;
        source.seek(SeekFrom::Start(0)).map_err(unreadable)?;
        let mut start = Vec::new();
        source.by_ref().take(512).read_to_end(&mut start).map_err(unreadable)?;
        if start.is_empty() {
            return Err(ReadError::Empty);
        }
        let is_wav = start.starts_with(b"RIFF");
        if is_wav {
            source.by_ref().take(START - start.len() as u64).read_to_end(&mut start).map_err(unreadable)?;
        }
        source.seek(SeekFrom::Start(0)).map_err(unreadable)?;
        if is_wav {
            let head = wav::head(&start, length)?;
            let spliced = Spliced { head: head.bytes, source, from: head.from, length: head.length, at: 0 };
            return Reader::of_track(Track::open(Box::new(spliced), Some("wav"))?);
        }
        if opus::is_opus(&start) {
            let inner = Inner::Opus(Box::new(opus::Stream::open(source)?));
            return Ok(Reader { inner, rate: Rate::FULL, skip: 0 });
        }
        let raw = match hint {
            Some("ulaw" | "ul" | "mulaw" | "pcmu") => Raw::Law(Codec::Pcmu),
            Some("alaw" | "al" | "pcma") => Raw::Law(Codec::Pcma),
            Some("sln") => Raw::Linear,
            _ => {
                let whole = Spliced { head: Vec::new(), source, from: 0, length, at: 0 };
                return Reader::of_track(Track::open(Box::new(whole), hint)?);
            }
        };
        Ok(Reader { inner: Inner::Raw(source, raw), rate: Rate::NARROW, skip: 0 })
    }

    fn of_track(mut track: Track) -> Result<Reader, ReadError> {
        let (mut first, mut rate) = (Vec::new(), Rate(0));
        while first.is_empty() {
            if !track.next(&mut first, &mut rate)? {
                return Err(ReadError::Empty);
            }
        }
        track.first = Some(first);
        Ok(Reader { inner: Inner::Symphonia(Box::new(track)), rate, skip: 0 })
    }

    /// Of the samples.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Appends the next piece, in mono: some hundred or thousand samples, or none. `false` at the end; what follows a place
    /// where a file was cut off or is broken is not read.
    ///
    /// # Errors
    /// [`ReadError`] when what comes is no sound that can be had.
    pub fn read(&mut self, out: &mut Vec<i16>) -> Result<bool, ReadError> {
        let before = out.len();
        let mut inner = std::mem::replace(&mut self.inner, Inner::Broken);
        let rate = &mut self.rate;
        let more = guarded(|| {
            let more = match &mut inner {
                Inner::Symphonia(track) => track.next(out, rate)?,
                Inner::Opus(stream) => stream.next(out),
                Inner::Raw(source, raw) => raw.next(source, out),
                Inner::Broken => false,
            };
            Ok((more, inner))
        });
        let (more, inner) = more?;
        self.inner = inner;
        let skipped = self.skip.min((out.len() - before) as u64);
        out.drain(before..before + skipped as usize);
        self.skip -= skipped;
        Ok(more)
    }

    /// Go on so far behind the beginning. To be called before anything is read.
    ///
    /// # Errors
    /// As of [`Reader::read`].
    pub fn skip(&mut self, time: Duration) -> Result<(), ReadError> {
        let target = self.rate.samples(time) as u64;
        let near = self.rate.samples(time.saturating_sub(LEAD)) as u64;
        let mut inner = std::mem::replace(&mut self.inner, Inner::Broken);
        let rate = self.rate;
        let passed = guarded(|| {
            let passed = match &mut inner {
                Inner::Symphonia(track) => track.pass(near, rate),
                Inner::Opus(stream) => stream.pass(near),
                Inner::Raw(source, raw) => {
                    let bytes = target * raw.bytes() as u64;
                    source.seek(SeekFrom::Start(bytes)).map_or(0, |_| target)
                }
                Inner::Broken => 0,
            };
            Ok((passed, inner))
        });
        let (passed, inner) = passed?;
        self.inner = inner;
        self.skip = target.saturating_sub(passed);
        Ok(())
    }

    /// How long it sounds from where it is, without decoding it: reads the file to its end.
    pub fn length(self) -> Duration {
        let rate = self.rate;
        let samples = match self.inner {
            Inner::Symphonia(mut track) => guarded(|| Ok(track.pass(u64::MAX, rate))).unwrap_or(0),
            Inner::Opus(stream) => guarded(|| Ok(stream.length())).unwrap_or(0),
            Inner::Raw(mut source, raw) => {
                source.seek(SeekFrom::End(0)).map_or(0, |bytes| bytes / raw.bytes() as u64)
            }
            Inner::Broken => 0,
        };
        rate.duration(usize::try_from(samples).unwrap_or(usize::MAX))
    }
}

/// The decoders are others' code and read what a web server sent: should one of them panic, that is a bad file and no more.
fn guarded<T>(work: impl FnOnce() -> Result<T, ReadError>) -> Result<T, ReadError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Err(ReadError::Malformed { what: "the decoder gave up" }))
}

impl Raw {
    fn bytes(self) -> usize {
        match self {
            Raw::Law(_) => 1,
            Raw::Linear => 2,
        }
    }

    fn next(self, source: &mut dyn Source, out: &mut Vec<i16>) -> bool {
        let mut bytes = Vec::with_capacity(PIECE);
        if source.take(PIECE as u64).read_to_end(&mut bytes).is_err() || bytes.is_empty() {
            return false;
        }
        match self {
            Raw::Linear => {
                out.extend(bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])));
            }
            Raw::Law(codec) => {
                let before = out.len();
                out.resize(before + bytes.len(), 0);
                codec.decode(&bytes, &mut out[before..]);
            }
        }
        true
    }
}

impl Track {
    fn open(source: Box<dyn MediaSource>, hint: Option<&str>) -> Result<Track, ReadError> {
        let mut extension = Hint::new();
        if let Some(hint) = hint {
            extension.with_extension(hint);
        }
        let source = MediaSourceStream::new(source, Default::default());
        let format = symphonia::default::get_probe()
            .probe(&extension, source, FormatOptions::default(), MetadataOptions::default())
            .map_err(|error| match error {
                Error::DecodeError(what) => ReadError::Malformed { what },
                Error::IoError(_) => ReadError::Malformed { what: "it is cut off before the first sound" },
                // The probe itself speaks of the "core"; the rest is a reader that knew the format.
                Error::Unsupported(what) if !what.starts_with("core") => ReadError::Unsupported { what },
                _ => ReadError::UnknownFormat,
            })?;
        let track = format
            .default_track(TrackType::Audio)
            .ok_or(ReadError::Unsupported { what: "no sound track" })?;
        let (id, base) = (track.id, track.time_base);
        let parameters = track
            .codec_params
            .as_ref()
            .and_then(|parameters| parameters.audio())
            .ok_or(ReadError::Unsupported { what: "a track without parameters" })?;
        let decoder = symphonia::default::get_codecs()
            .make_audio_decoder(parameters, &AudioDecoderOptions::default())
            .map_err(|_| ReadError::Unsupported { what: "the codec" })?;
        Ok(Track { format, decoder, id, base, interleaved: Vec::new(), first: None })
    }

    /// An error while reading packets is a file that was cut off, and a chained stream's next part is not ours: both are the end.
    fn packet(&mut self) -> Option<Packet> {
        loop {
            let packet = self.format.next_packet().ok().flatten()?;
            if packet.track_id == self.id {
                return Some(packet);
            }
        }
    }

    /// Appends the next packet's samples at `rate`, which is set by the first.
    fn next(&mut self, out: &mut Vec<i16>, rate: &mut Rate) -> Result<bool, ReadError> {
        if let Some(first) = self.first.take() {
            out.extend(first);
            return Ok(true);
        }
        let Some(packet) = self.packet() else { return Ok(false) };
        self.decode(&packet, out, rate)
    }

    /// Appends a packet's samples.
    fn decode(&mut self, packet: &Packet, out: &mut Vec<i16>, rate: &mut Rate) -> Result<bool, ReadError> {
        let decoded = match self.decoder.decode(packet) {
            Ok(decoded) => decoded,
            // One bad packet is a gap; the next may be good.
            Err(Error::DecodeError(_) | Error::IoError(_)) => return Ok(true),
            Err(_) => return Ok(false),
        };
        let (of, channels) = (decoded.spec().rate(), decoded.spec().channels().count());
        if !RATES.contains(&of) {
            return Err(ReadError::Unsupported { what: "the sampling rate" });
        }
        if !CHANNELS.contains(&channels) {
            return Err(ReadError::Unsupported { what: "the number of channels" });
        }
        self.interleaved.resize(decoded.samples_interleaved(), 0.0);
        decoded.copy_to_slice_interleaved(&mut self.interleaved);
        if rate.0 == 0 {
            *rate = Rate(of);
        }
        let share = 1.0 / channels as f32;
        let frames = self.interleaved.chunks_exact(channels);
        let frames = frames.map(|frame| to_i16(frame.iter().sum::<f32>() * share));
        if Rate(of) == *rate {
            out.extend(frames);
        } else {
            out.extend(Pcm::new(Rate(of), frames.collect()).resampled(*rate).samples);
        }
        Ok(true)
    }

    /// Pass over packets without decoding them, to at most so many samples of `rate` from the beginning; how many that were.
    fn pass(&mut self, samples: u64, rate: Rate) -> u64 {
        let length = |packet: &Packet, base: Option<TimeBase>| {
            let time = base.and_then(|base| base.calc_duration(packet.dur));
            time.map_or(0, |time| {
                (time.as_nanos().max(0) as u128 * u128::from(rate.0)).div_ceil(1_000_000_000) as u64
            })
        };
        let first = self.first.as_ref().map_or(0, Vec::len) as u64;
        if first > samples {
            return 0;
        }
        self.first = None;
        let mut passed = first;
        while passed < samples {
            let Some(packet) = self.packet() else { break };
            let length = length(&packet, self.base);
            if passed + length > samples {
                // What it holds is wanted: it is decoded, and what lies before the place is thrown away.
                let mut piece = Vec::new();
                let mut same = rate;
                if self.decode(&packet, &mut piece, &mut same).is_ok() {
                    self.first = Some(piece);
                }
                break;
            }
            passed += length;
        }
        passed
    }
}

/// A head of our own, and a part of a file behind it.
struct Spliced {
    head: Vec<u8>,
    source: Box<dyn Source>,
    from: u64,
    length: u64,
    at: u64,
}

impl Read for Spliced {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let head = self.head.len() as u64;
        let n = if self.at < head {
            let left = self.head.get(self.at as usize..).unwrap_or_default();
            let n = left.len().min(out.len());
            out[..n].copy_from_slice(&left[..n]);
            n
        } else {
            let at = self.at - head;
            let left = self.length.saturating_sub(at).min(out.len() as u64) as usize;
            if left == 0 {
                return Ok(0);
            }
            self.source.seek(SeekFrom::Start(self.from + at))?;
            self.source.read(&mut out[..left])?
        };
        self.at += n as u64;
        Ok(n)
    }
}

impl Seek for Spliced {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => (self.head.len() as u64 + self.length).checked_add_signed(by),
        };
        self.at = at.ok_or(std::io::Error::from(std::io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

impl MediaSource for Spliced {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.head.len() as u64 + self.length)
    }
}
