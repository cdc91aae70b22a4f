//! Rewriting a WAV file so that its header tells the truth.
//!
//! Programs that write to a pipe leave sizes of 0, 0x7FFFF000 or 0xFFFFFFFF, a killed recorder leaves the sizes of its last flush,
//! and some forget the padding byte after an odd chunk.
//! This finds the format and the data by walking the chunks and makes a plain head for just those two.
//! It does not decode.

use crate::ReadError;

/// The formats of a `fmt ` chunk that are rewritten in their simplest form.
const PCM: u16 = 1;
const EXTENSIBLE: u16 = 0xFFFE;

/// A file's plain head, and where in the file the sound is that follows it.
pub(super) struct Head {
    pub(super) bytes: Vec<u8>,
    pub(super) from: u64,
    pub(super) length: u64,
}

/// The head of a file of `length` bytes of which `start` is the beginning: two chunks whose sizes are right.
pub(super) fn head(start: &[u8], length: u64) -> Result<Head, ReadError> {
    if start.get(8..12) != Some(b"WAVE") {
        return Err(ReadError::UnknownFormat);
    }
    let mut format: Option<&[u8]> = None;
    let mut at = 12;
    while let (Some(id), Some(size)) = (start.get(at..at + 4), u32_at(start, at + 4)) {
        let body = start.get(at + 8..).unwrap_or_default();
        let left = length.saturating_sub(at as u64 + 8);
        // A size beyond the end of the file is cut off or bogus; either way what is there is what there is.
        let size = u64::from(size).min(left);
        match id {
            b"fmt " => format = body.get(..size as usize),
            b"data" => {
                let format = format.ok_or(ReadError::Malformed { what: "sound before its format" })?;
                // A recorder that was killed before its first flush, and some pipes, leave zero; nothing sensible follows such a chunk.
                return rewritten(format, at as u64 + 8, if size == 0 { left } else { size });
            }
            _ => {}
        }
        at = usize::try_from(at as u64 + 8 + size).unwrap_or(usize::MAX);
        // Chunks begin at even offsets; a writer that forgot the padding is known by the name that stands where the padding should.
        if size % 2 == 1 && !is_name(start, at) {
            at += 1;
        }
    }
    Err(ReadError::Malformed { what: "no sound in it" })
}

/// Whether the name of a chunk that matters stands at `at`.
fn is_name(file: &[u8], at: usize) -> bool {
    matches!(file.get(at..at + 4), Some(b"data" | b"fmt " | b"fact" | b"LIST"))
}

fn rewritten(format: &[u8], from: u64, present: u64) -> Result<Head, ReadError> {
    const SHORT: ReadError = ReadError::Malformed { what: "the format is cut off" };
    let field = |at| u16_at(format, at).ok_or(SHORT);
    let (mut tag, channels, bits) = (field(0)?, field(2)?, field(14)?);
    let rate = u32_at(format, 4).ok_or(SHORT)?;
    if tag == EXTENSIBLE {
        // The first two bytes of the sub-format's GUID are the tag it stands for.
        tag = u16_at(format, 24).unwrap_or(PCM);
    }
    let bytes_a_sample = match (tag, bits) {
        (1, 8 | 16 | 24 | 32) | (3, 32 | 64) | (6 | 7, _) => usize::from(if tag >= 6 { 8 } else { bits }) / 8,
        // The compressed forms keep their format chunk; their blocks are the decoder's business.
        (2 | 0x11, 4) => 0,
        _ => return Err(ReadError::Unsupported { what: "the WAV's encoding" }),
    };
    if !super::CHANNELS.contains(&usize::from(channels)) {
        return Err(ReadError::Unsupported { what: "the number of channels" });
    }
    if !super::RATES.contains(&rate) {
        return Err(ReadError::Unsupported { what: "the sampling rate" });
    }
    let mut plain = Vec::with_capacity(18);
    if bytes_a_sample == 0 {
        plain.extend_from_slice(format);
    } else {
        let block = bytes_a_sample as u16 * channels;
        plain.extend_from_slice(&tag.to_le_bytes());
        plain.extend_from_slice(&channels.to_le_bytes());
        plain.extend_from_slice(&rate.to_le_bytes());
        plain.extend_from_slice(&(rate * u32::from(block)).to_le_bytes());
        plain.extend_from_slice(&block.to_le_bytes());
        plain.extend_from_slice(&(bytes_a_sample as u16 * 8).to_le_bytes());
        if tag != PCM {
            plain.extend_from_slice(&[0, 0]);
        }
    }
    let whole = match bytes_a_sample {
        0 => present,
        bytes => present - present % (bytes as u64 * u64::from(channels)),
    };
    let (format_size, data_size) = match (u32::try_from(plain.len()), u32::try_from(whole)) {
        (Ok(format), Ok(data)) if data < u32::MAX - 64 => (format, data),
        _ => return Err(ReadError::TooLong),
    };
    let mut file = Vec::with_capacity(28 + plain.len());
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(4 + 8 + format_size + format_size % 2 + 8 + data_size).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt ");
    file.extend_from_slice(&format_size.to_le_bytes());
    file.extend_from_slice(&plain);
    file.extend_from_slice(if format_size % 2 == 1 { &[0] } else { &[] });
    file.extend_from_slice(b"data");
    file.extend_from_slice(&data_size.to_le_bytes());
    Ok(Head { bytes: file, from, length: whole })
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}
