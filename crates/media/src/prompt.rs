//! Prompts: encoded once per codec, shared by every call that plays them.
//!
//! [`Prompt`] is immutable audio in one codec's form; playing it is copying bytes.
//! [`Prompts`] is the cache.

mod cache;

pub use cache::Prompts;

use std::fmt;
use std::time::Duration;

use audio::codec::{Codec, CodecError, Encoder, MAX_PAYLOAD, OpusSettings};
use audio::{Pcm, Rate, ReadError};

use crate::error::NotMade;
use crate::source::is_law;
use crate::stream::{self, Long, Reel};

/// What places in prompts are counted in: ticks of 48 kHz, of which the samples of every codec are a whole number.
pub(crate) const TICKS_A_MS: u64 = 48;

/// How a leg's prompts are encoded: legs of the same form share them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Form {
    /// The codec.
    pub codec: Codec,
    /// What a packet holds; zero for codecs whose payload can be cut anywhere.
    packet: Duration,
    /// For Opus; the default for all others.
    opus: OpusSettings,
}

impl Form {
    /// What legs with this codec, packet time and settings can share.
    pub fn new(codec: Codec, packet: Duration, opus: OpusSettings) -> Form {
        match codec.bytes_per_ms() {
            Some(_) => Form { codec, packet: Duration::ZERO, opus: OpusSettings::default() },
            None => Form { codec, packet, opus },
        }
    }

    /// What a packet holds; zero for codecs whose payload can be cut anywhere.
    pub fn packet(&self) -> Duration {
        self.packet
    }

    /// For Opus.
    pub(crate) fn opus(&self) -> OpusSettings {
        self.opus
    }

    /// The rate of the samples that prompts are encoded from.
    pub fn rate(&self) -> Rate {
        self.codec.rate()
    }
}

/// A sound before it is a prompt.
#[derive(Debug)]
pub enum Sound {
    /// All of it, to be encoded once for all who hear it.
    Whole(Pcm),
    /// A piece of a sound that goes on for ever, as of a dial tone, which is repeated: it goes over into itself. At the rate
    /// of its form, and a whole number of packets long, or there is a seam.
    Endless(Pcm),
    /// Encoded already, in the form that is wanted.
    Encoded(Prompt),
    /// Too long to be kept as a whole: it is read, decoded and encoded while it is heard, once for all who hear it.
    Long(Long),
}

impl From<Pcm> for Sound {
    fn from(pcm: Pcm) -> Sound {
        Sound::Whole(pcm)
    }
}

/// Audio in one form.
#[derive(PartialEq)]
pub struct Prompt {
    form: Form,
    bytes: Box<[u8]>,
    /// Where each packet ends; empty for codecs whose payload can be cut anywhere.
    ends: Box<[u32]>,
    /// What is read while it is heard, instead of the bytes.
    reel: Option<Box<Reel>>,
}

impl fmt::Debug for Prompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prompt({} {:?})", self.form.codec.name(), self.duration())
    }
}

impl Prompt {
    /// Encode `pcm`, resampled if need be. Opus fills its last packet with silence.
    ///
    /// # Errors
    /// [`CodecError`] if there is no encoder to be had.
    pub fn encode(pcm: &Pcm, form: Form) -> Result<Prompt, CodecError> {
        Prompt::encode_warm(pcm, form, false)
    }

    /// The same; with an encoder that is `warm`: it has heard all of it before, as it will have where it is repeated. What
    /// codecs with a memory (G.722, Opus) make of the beginning follows from the end then, for the decoder too.
    fn encode_warm(pcm: &Pcm, form: Form, warm: bool) -> Result<Prompt, CodecError> {
        let resampled;
        let samples = if pcm.rate == form.rate() {
            &pcm.samples
        } else {
            resampled = pcm.resampled(form.rate());
            &resampled.samples
        };
        // What never ends is no silence, however little it changes.
        let opus = OpusSettings { dtx: form.opus.dtx && !warm, ..form.opus };
        let mut encoder = Encoder::new(form.codec, form.rate(), &opus)?;
        if warm {
            encoded(&mut encoder, samples, form);
            // At the seam the decoder has heard the end, of which the encoder does not know all.
            encoder.detach(true);
        }
        let (bytes, ends) = encoded(&mut encoder, samples, form);
        Ok(Prompt { form, bytes: bytes.into_boxed_slice(), ends: ends.into_boxed_slice(), reel: None })
    }

    /// A file in a form: what [`Prompt::encode`] makes of it, without all of it being decoded at a time. Blocks.
    ///
    /// # Errors
    /// [`NotMade`] when there is no sound to be had, or no encoder.
    pub fn read(file: &Long, form: Form) -> Result<Prompt, NotMade> {
        let (bytes, ends) = stream::whole(file, form)?;
        if bytes.is_empty() {
            return Err(ReadError::Empty.into());
        }
        Ok(Prompt { form, bytes: bytes.into_boxed_slice(), ends: ends.into_boxed_slice(), reel: None })
    }

    /// A sound in a form.
    ///
    /// # Errors
    /// As of [`Prompt::encode`].
    pub fn of(sound: Sound, form: Form) -> Result<Prompt, CodecError> {
        match sound {
            Sound::Whole(pcm) => Prompt::encode(&pcm, form),
            Sound::Endless(pcm) => Prompt::encode_warm(&pcm, form, true),
            Sound::Encoded(prompt) => Ok(prompt),
            Sound::Long(long) => {
                let reel = Some(Box::new(Reel::new(long, form)));
                Ok(Prompt { form, bytes: Box::default(), ends: Box::default(), reel })
            }
        }
    }

    /// Bytes that it keeps in memory.
    fn size(&self) -> usize {
        self.bytes.len() + self.long().map_or(0, Long::size)
    }

    /// What is read while it is heard.
    pub(crate) fn long(&self) -> Option<&Long> {
        self.reel.as_deref().map(Reel::long)
    }

    /// Its pieces, if it is read while it is heard.
    pub(crate) fn reel(&self) -> Option<&Reel> {
        self.reel.as_deref()
    }

    /// How long it sounds.
    pub fn duration(&self) -> Duration {
        Duration::from_nanos(self.ticks() * 1_000_000 / TICKS_A_MS)
    }

    /// How it is encoded.
    pub fn form(&self) -> Form {
        self.form
    }

    /// The encoded bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The payload of the packet that sounds at `at` (in [`TICKS_A_MS`]), of codecs whose packets are wholes.
    pub(crate) fn packet_at(&self, at: u64) -> Option<&[u8]> {
        let at = usize::try_from(at.checked_div(self.packet_ticks())?).ok()?;
        let end = *self.ends.get(at)? as usize;
        let start = at.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| *end as usize);
        self.bytes.get(start..end)
    }

    /// How long it sounds, in [`TICKS_A_MS`].
    pub(crate) fn ticks(&self) -> u64 {
        if let Some(long) = self.long() {
            return long.length().as_millis() as u64 * TICKS_A_MS;
        }
        match self.form.codec.bytes_per_ms() {
            Some(per_ms) => self.bytes.len() as u64 * TICKS_A_MS / per_ms as u64,
            None => self.packet_ticks() * self.ends.len() as u64,
        }
    }

    /// Whether it can be heard in packets of `ms` milliseconds of `codec`; G.711's two laws are turned into each other.
    pub(crate) fn suits(&self, codec: Codec, ms: usize) -> bool {
        match codec.bytes_per_ms() {
            Some(_) => self.form.codec == codec || is_law(self.form.codec) && is_law(codec),
            None => self.form.codec == codec && self.form.packet.as_millis() == ms as u128,
        }
    }

    fn packet_ticks(&self) -> u64 {
        self.form.packet.as_millis() as u64 * TICKS_A_MS
    }
}

/// What an encoder makes of samples: the bytes, and where each packet ends.
pub(crate) fn encoded(encoder: &mut Encoder, samples: &[i16], form: Form) -> (Vec<u8>, Vec<u32>) {
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    match form.codec.bytes_per_ms() {
        Some(per_ms) => {
            // As many as there are samples, whatever they come to.
            bytes.resize((samples.len() * per_ms * 1_000).div_ceil(form.rate().0.max(1) as usize), 0);
            let written = encoder.encode(samples, &mut bytes);
            bytes.truncate(written);
        }
        None => {
            let mut packet = [0; MAX_PAYLOAD];
            let length = form.rate().samples(form.packet).max(1);
            for part in samples.chunks(length) {
                let mut frame = part.to_vec();
                frame.resize(length, 0);
                let written = encoder.encode(&frame, &mut packet);
                encoder.detach(false);
                bytes.extend_from_slice(packet.get(..written).unwrap_or_default());
                ends.push(bytes.len() as u32);
            }
        }
    }
    (bytes, ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_encoded_in_pieces_as_it_is_as_a_whole() {
        let length = Duration::from_millis(3_331);
        let sound = audio::tone::render(&[300, 437], length, Duration::ZERO, length, Rate(44_100));
        let bytes = audio::write::wav::to_bytes(&sound);
        for codec in [Codec::Pcmu, Codec::G722, Codec::L16(Rate::WIDE), Codec::Opus] {
            let form = Form::new(codec, Duration::from_millis(20), OpusSettings::default());
            let file = Long::new(stream::Origin::Bytes(bytes.clone().into()), Some("wav")).unwrap();
            assert!(Prompt::read(&file, form).unwrap() == Prompt::encode(&sound, form).unwrap(), "{codec:?}");
        }
    }

    #[test]
    fn a_prompt_is_resampled_and_knows_its_length() {
        let form = Form::new(Codec::Pcma, Duration::ZERO, OpusSettings::default());
        let prompt = Prompt::encode(&Pcm::new(Rate(48_000), vec![0; 48_000]), form).unwrap();
        assert_eq!(prompt.form(), form);
        assert!(prompt.duration().abs_diff(Duration::from_secs(1)) < Duration::from_millis(5));
    }
}
