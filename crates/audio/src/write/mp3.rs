//! MP3 recordings that were cut off.
//!
//! MPEG audio has no container: a recording is frames of one length, and those that are there can be played.
//! [`repair`] finds where the last whole one ends. Writing is done by libmp3lame, which this crate does not know.

use std::io::{Read, Seek, SeekFrom};

use super::Repair;
use crate::{Rate, WriteError};

/// Kilobits a second by the header's index, of MPEG 1 layer III and of MPEG 2 (ISO/IEC 11172-3 §2.4.2.3, 13818-3 §2.4.2.3).
const KBPS: [[u32; 15]; 2] = [
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

/// What a frame's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Frame {
    rate: Rate,
    samples: u64,
    /// Bytes, of a frame without padding.
    bytes: u64,
    /// Whether all frames are of that length.
    even: bool,
}

impl Frame {
    fn read(header: [u8; 4]) -> Option<Frame> {
        let [sync, version, rates, _] = header;
        // Eleven bits of ones, then the version, then layer III.
        if sync != 0xff || version & 0xe6 != 0xe2 {
            return None;
        }
        let (halves, old) = match version >> 3 & 3 {
            3 => (0, 0),
            2 => (1, 1),
            0 => (2, 1),
            _ => return None,
        };
        let kbps = *KBPS.get(old)?.get(usize::from(rates >> 4)).filter(|kbps| **kbps > 0)?;
        let rate = *[44_100, 48_000, 32_000_u32].get(usize::from(rates >> 2 & 3))? >> halves;
        let samples: u64 = if old == 0 { 1_152 } else { 576 };
        let bits = samples * u64::from(kbps) * 1_000 / 8;
        Some(Frame {
            rate: Rate(rate),
            samples,
            bytes: bits / u64::from(rate),
            even: bits.is_multiple_of(u64::from(rate)),
        })
    }
}

/// Where the last whole frame ends; what follows is to be cut off.
///
/// # Errors
/// [`WriteError::NotOurs`] when the file does not begin with a frame of a kind that we write; [`WriteError::Io`] when it fails.
pub fn repair<F: Read + Seek>(file: &mut F) -> Result<Repair, WriteError> {
    let length = file.seek(SeekFrom::End(0))?;
    if length < 4 {
        return Err(WriteError::NotOurs);
    }
    let mut header = [0; 4];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut header)?;
    let frame = Frame::read(header).filter(|frame| frame.even).ok_or(WriteError::NotOurs)?;
    let whole = length / frame.bytes;
    if whole * frame.bytes == length {
        return Ok(Repair::Whole);
    }
    let duration = frame.rate.duration((whole * frame.samples) as usize);
    Ok(Repair::Mended { length: whole * frame.bytes, duration })
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::time::Duration;

    use super::*;

    #[test]
    fn headers_say_how_long_frames_are() {
        let frame = |header| {
            Frame::read(header).map(|frame| (frame.rate.hertz(), frame.samples, frame.bytes, frame.even))
        };
        assert_eq!(frame([0xff, 0xfb, 0x90, 0x64]), Some((44_100, 1_152, 417, false)));
        assert_eq!(frame([0xff, 0xfb, 0x54, 0xc4]), Some((48_000, 1_152, 192, true)));
        assert_eq!(frame([0xff, 0xf3, 0x48, 0xc4]), Some((16_000, 576, 144, true)));
        assert_eq!(frame([0xff, 0xe3, 0x28, 0xc4]), Some((8_000, 576, 144, true)));
        for header in
            [*b"RIFF", *b"ID3\x03", [0xff, 0xfd, 0x90, 0x64], [0xff, 0xfb, 0xf0, 0], [0xff, 0xfb, 0x9c, 0]]
        {
            assert_eq!(frame(header), None, "{header:?}");
        }
    }

    #[test]
    fn the_last_frame_goes_if_it_is_not_whole() {
        let mut frame = [0; 144];
        frame[..4].copy_from_slice(&[0xff, 0xe3, 0x28, 0xc4]);
        let mut bytes = frame.repeat(100);
        assert_eq!(repair(&mut Cursor::new(&bytes)).unwrap(), Repair::Whole);
        bytes.truncate(99 * 144 + 70);
        let duration = Duration::from_millis(99 * 72);
        assert_eq!(repair(&mut Cursor::new(&bytes)).unwrap(), Repair::Mended { length: 99 * 144, duration });
        let others = include_bytes!("../../testdata/tone-1khz-1s-44100-stereo.mp3");
        assert!(matches!(repair(&mut Cursor::new(&others[..])), Err(WriteError::NotOurs)));
    }
}
