//! Ogg Opus, RFC 7845: the container by `ogg`, the codec by libopus.
//!
//! Mono and stereo, which is mapping family 0; surround is refused.
//! libopus mixes and resamples by itself, so this comes out in mono at 48 kHz.

use audiopus::coder::Decoder;
use audiopus::{Channels, MutSignals, SampleRate};
use ogg::{Packet, PacketReader};

use super::Source;
use crate::ReadError;
use crate::resample::to_i16;

/// The longest an Opus packet can be: 120 ms at 48 kHz, RFC 6716 §3.2.5.
const LONGEST_PACKET: usize = 5_760;

/// Whether the first packet of an Ogg stream is an Opus header.
pub(super) fn is_opus(bytes: &[u8]) -> bool {
    bytes.starts_with(b"OggS")
        && bytes.get(..512).unwrap_or(bytes).windows(8).any(|window| window == b"OpusHead")
}

/// The identification header, RFC 7845 §5.1.
struct Head {
    /// Samples at 48 kHz that only warm the decoder up.
    pre_skip: usize,
    /// Factor to all samples.
    gain: f32,
}

fn head(packet: &[u8]) -> Result<Head, ReadError> {
    let &[
        b'O',
        b'p',
        b'u',
        b's',
        b'H',
        b'e',
        b'a',
        b'd',
        version,
        channels,
        skip_low,
        skip_high,
        _,
        _,
        _,
        _,
        gain_low,
        gain_high,
        family,
        ..,
    ] = packet
    else {
        return Err(ReadError::Malformed { what: "the Opus header" });
    };
    if version >= 16 || family != 0 || !(1..=2).contains(&channels) {
        return Err(ReadError::Unsupported { what: "Opus beyond stereo" });
    }
    let decibels = f32::from(i16::from_le_bytes([gain_low, gain_high])) / 256.0;
    Ok(Head {
        pre_skip: usize::from(u16::from_le_bytes([skip_low, skip_high])),
        gain: 10f32.powf(decibels / 20.0),
    })
}

/// A stream being read.
pub(super) struct Stream {
    packets: PacketReader<Box<dyn Source>>,
    decoder: Decoder,
    head: Head,
    serial: u32,
    frame: Vec<f32>,
    /// Samples decoded or passed over until now, the pre-skip's too.
    at: u64,
}

impl Stream {
    pub(super) fn open(source: Box<dyn Source>) -> Result<Stream, ReadError> {
        let mut packets = PacketReader::new(source);
        let first = packets
            .read_packet()
            .ok()
            .flatten()
            .ok_or(ReadError::Malformed { what: "the first Ogg page" })?;
        let head = head(&first.data)?;
        let decoder = Decoder::new(SampleRate::Hz48000, Channels::Mono)
            .map_err(|_| ReadError::Unsupported { what: "Opus in this build of libopus" })?;
        let serial = first.stream_serial();
        Ok(Stream { packets, decoder, head, serial, frame: vec![0f32; LONGEST_PACKET], at: 0 })
    }

    /// The next packet of sound; an error is a file that was cut off, and what came before it is good.
    fn packet(&mut self) -> Option<Packet> {
        loop {
            let packet = self.packets.read_packet().ok().flatten()?;
            if packet.stream_serial() == self.serial && !packet.data.starts_with(b"OpusTags") {
                return Some(packet);
            }
        }
    }

    /// Appends the next samples; `false` at the end.
    pub(super) fn next(&mut self, out: &mut Vec<i16>) -> bool {
        let Some(packet) = self.packet() else { return false };
        let (Ok(input), Ok(output)) = ((&packet.data).try_into(), MutSignals::try_from(&mut self.frame))
        else {
            return true;
        };
        // A bad packet is a gap; the next may be good.
        let Ok(decoded) = self.decoder.decode_float(Some(input), output, false) else { return true };
        let pre_skip = self.head.pre_skip as u64;
        let mut end = self.at + decoded as u64;
        // The last page says how many samples there are in all, so that the last packet's padding can go.
        if packet.last_in_stream() && packet.absgp_page() >= pre_skip {
            end = end.min(packet.absgp_page());
        }
        let begin = pre_skip.saturating_sub(self.at).min(decoded as u64);
        let wanted = begin as usize..(end.saturating_sub(self.at).max(begin)) as usize;
        let gain = self.head.gain;
        out.extend(self.frame[wanted].iter().map(|&sample| to_i16(sample * gain)));
        self.at += decoded as u64;
        true
    }

    /// Pass over packets without decoding them, to at most so many samples from the beginning; how many that were.
    pub(super) fn pass(&mut self, samples: u64) -> u64 {
        let pre_skip = self.head.pre_skip as u64;
        while self.at < samples.saturating_add(pre_skip).saturating_sub(LONGEST_PACKET as u64) {
            let Some(packet) = self.packet() else { break };
            self.at += (&packet.data).try_into().map_or(0, |data| length(data) as u64);
        }
        self.at.saturating_sub(pre_skip)
    }

    /// How many samples there are, by the last page.
    pub(super) fn length(mut self) -> u64 {
        let mut end = 0;
        while let Some(packet) = self.packet() {
            end = packet.absgp_page();
        }
        end.saturating_sub(self.head.pre_skip as u64)
    }
}

/// Samples of a packet.
fn length(packet: audiopus::packet::Packet<'_>) -> usize {
    audiopus::packet::nb_samples(packet, SampleRate::Hz48000).unwrap_or(0)
}
