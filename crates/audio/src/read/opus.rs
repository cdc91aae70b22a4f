//! Ogg Opus, RFC 7845: the container by `ogg`, the codec by libopus.
//!
//! Mono and stereo, which is mapping family 0; surround is refused.
//! libopus mixes and resamples by itself, so this comes out in mono at 48 kHz.

use std::io::Cursor;

use audiopus::coder::Decoder;
use audiopus::{Channels, MutSignals, SampleRate};
use ogg::PacketReader;

use crate::resample::to_i16;
use crate::{Pcm, Rate, ReadError};

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

pub(super) fn decode(bytes: Vec<u8>) -> Result<Pcm, ReadError> {
    let mut packets = PacketReader::new(Cursor::new(bytes));
    let first =
        packets.read_packet().ok().flatten().ok_or(ReadError::Malformed { what: "the first Ogg page" })?;
    let head = head(&first.data)?;
    let serial = first.stream_serial();
    let mut decoder = Decoder::new(SampleRate::Hz48000, Channels::Mono)
        .map_err(|_| ReadError::Unsupported { what: "Opus in this build of libopus" })?;
    let mut samples: Vec<i16> = Vec::new();
    let mut frame = vec![0f32; LONGEST_PACKET];
    // The last page says how many samples there are in all, so that the last packet's padding can go.
    let mut end = None;
    // An error is a file that was cut off; what came before it is good.
    while let Ok(Some(packet)) = packets.read_packet() {
        if packet.stream_serial() != serial || packet.data.starts_with(b"OpusTags") {
            continue;
        }
        if packet.last_in_stream() {
            end = usize::try_from(packet.absgp_page()).ok();
        }
        let (Ok(input), Ok(output)) = ((&packet.data).try_into(), MutSignals::try_from(&mut frame)) else {
            continue;
        };
        // A bad packet is a gap; the next may be good.
        let Ok(decoded) = decoder.decode_float(Some(input), output, false) else { continue };
        samples.extend(frame.iter().take(decoded).map(|&sample| to_i16(sample * head.gain)));
        if Rate::FULL.duration(samples.len()) > super::LONGEST {
            return Err(ReadError::TooLong);
        }
    }
    if let Some(end) = end.filter(|&end| end >= head.pre_skip) {
        samples.truncate(end);
    }
    samples.drain(..head.pre_skip.min(samples.len()));
    if samples.is_empty() {
        return Err(ReadError::Empty);
    }
    Ok(Pcm::new(Rate::FULL, samples))
}
