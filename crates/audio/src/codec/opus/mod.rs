//! Opus (RFC 6716, 7587) by libopus: mono, for voices.
//!
//! libopus resamples by itself, so both sides work at any of its five rates whatever the other end does.
//! It allocates when it is made and never after.

mod packet;
#[cfg(test)]
mod tests;

pub(super) use packet::ticks;

use audiopus::coder::{Decoder as LibDecoder, Encoder as LibEncoder, GenericCtl};
use audiopus::packet::Packet;
use audiopus::{Application, Bandwidth, Bitrate, Channels, MutSignals, SampleRate};

use super::{Codec, CodecError, OpusSettings};
use crate::Rate;

/// What libopus gives when it would rather send nothing (DTX) is no longer than this.
const NOTHING: usize = 2;

/// The rate as libopus has it; it knows 8, 12, 16, 24 and 48 kHz.
fn sample_rate(rate: Rate) -> Result<SampleRate, CodecError> {
    Ok(match rate.0 {
        8_000 => SampleRate::Hz8000,
        12_000 => SampleRate::Hz12000,
        16_000 => SampleRate::Hz16000,
        24_000 => SampleRate::Hz24000,
        48_000 => SampleRate::Hz48000,
        _ => return Err(CodecError::Rate { codec: Codec::Opus, rate }),
    })
}

/// From samples to packets.
#[derive(Debug)]
pub struct Encoder {
    rate: Rate,
    dtx: bool,
    fec: bool,
    lib: LibEncoder,
}

impl Encoder {
    /// # Errors
    /// [`CodecError`] for a rate that libopus does not know, or when it has no memory.
    pub(super) fn new(rate: Rate, settings: &OpusSettings) -> Result<Encoder, CodecError> {
        let lib = prepared(sample_rate(rate)?, settings).map_err(|_| CodecError::Library(Codec::Opus))?;
        Ok(Encoder { rate, dtx: settings.dtx, fec: settings.fec, lib })
    }

    pub(super) fn rate(&self) -> Rate {
        self.rate
    }

    /// A packet of 5, 10, 20, 40 or 60 ms; 0 for any other number of samples, and for silence with DTX.
    pub(super) fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> usize {
        // libopus measures in whole frames; an empty one is no packet.
        if samples.is_empty() || payload.is_empty() {
            return 0;
        }
        match self.lib.encode(samples, payload) {
            Ok(length) if self.dtx && length <= NOTHING => 0,
            Ok(length) => length,
            Err(_) => 0,
        }
    }

    pub(super) fn detach(&mut self, on: bool) {
        // What it refuses costs a little of the seam.
        let _ = self.lib.set_prediction_disabled(on);
    }

    pub(super) fn expect_loss(&mut self, percent: u8) {
        if self.fec {
            // It refuses nothing up to 100, and without the figure it goes on as before.
            let _ = self.lib.set_packet_loss_perc(percent.clamp(LEAST_LOSS, MOST_LOSS));
        }
    }
}

/// Packets in a hundred that are expected to be lost, at least: without any, nothing is spent on repair.
const LEAST_LOSS: u8 = 5;

/// At most: beyond it, repair would take what the voice needs.
const MOST_LOSS: u8 = 40;

/// What libopus is told once.
fn prepared(rate: SampleRate, settings: &OpusSettings) -> audiopus::Result<LibEncoder> {
    let mut lib = LibEncoder::new(rate, Channels::Mono, Application::Voip)?;
    lib.set_bitrate(
        settings.bitrate.map_or(Bitrate::Auto, |bits| Bitrate::BitsPerSecond(bits.min(510_000) as i32)),
    )?;
    lib.set_vbr(!settings.cbr)?;
    lib.set_inband_fec(settings.fec)?;
    if settings.fec {
        lib.set_packet_loss_perc(LEAST_LOSS)?;
    }
    lib.set_dtx(settings.dtx)?;
    lib.set_complexity(settings.complexity.min(10))?;
    lib.set_max_bandwidth(match settings.max_playback_rate.0 {
        0..12_000 => Bandwidth::Narrowband,
        12_000..16_000 => Bandwidth::Mediumband,
        16_000..24_000 => Bandwidth::Wideband,
        24_000..48_000 => Bandwidth::Superwideband,
        48_000.. => Bandwidth::Fullband,
    })?;
    Ok(lib)
}

/// From packets to samples.
#[derive(Debug)]
pub struct Decoder {
    rate: Rate,
    lib: LibDecoder,
}

impl Decoder {
    /// # Errors
    /// [`CodecError`] for a rate that libopus does not know, or when it has no memory.
    pub(super) fn new(rate: Rate) -> Result<Decoder, CodecError> {
        // A decoder for mono mixes what is stereo.
        let lib = LibDecoder::new(sample_rate(rate)?, Channels::Mono)
            .map_err(|_| CodecError::Library(Codec::Opus))?;
        Ok(Decoder { rate, lib })
    }

    pub(super) fn rate(&self) -> Rate {
        self.rate
    }

    pub(super) fn samples(&self, packet: &[u8]) -> usize {
        packet::ticks(packet) * self.rate.0 as usize / 48_000
    }

    pub(super) fn decode(&mut self, packet: &[u8], out: &mut [i16]) -> usize {
        self.run(Some(packet), out, false)
    }

    pub(super) fn recover(&mut self, next: &[u8], out: &mut [i16]) -> usize {
        let whole = self.whole(out.len());
        if whole == 0 || !packet::carries_the_one_before(next) {
            return 0;
        }
        self.run(Some(next), &mut out[..whole], true)
    }

    pub(super) fn conceal(&mut self, out: &mut [i16]) -> bool {
        let mut filled = 0;
        // libopus guesses 120 ms at a time at most.
        for part in out.chunks_mut(self.rate.0 as usize * 3 / 25) {
            let whole = self.whole(part.len());
            if whole > 0 {
                filled += self.run(None, &mut part[..whole], false);
            }
        }
        out[filled..].fill(0);
        filled > 0
    }

    pub(super) fn reset(&mut self) {
        // It cannot fail with a decoder that exists.
        let _ = self.lib.reset_state();
    }

    /// As much of `samples` as libopus can guess: steps of 2.5 ms.
    fn whole(&self, samples: usize) -> usize {
        samples - samples % (self.rate.0 as usize / 400)
    }

    fn run(&mut self, packet: Option<&[u8]>, out: &mut [i16], fec: bool) -> usize {
        let packet = match packet.map(Packet::try_from) {
            Some(Err(_)) => return 0,
            Some(Ok(packet)) => Some(packet),
            None => None,
        };
        let Ok(signals) = MutSignals::try_from(out) else { return 0 };
        self.lib.decode(packet, signals, fec).unwrap_or(0)
    }
}
