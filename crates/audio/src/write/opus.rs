//! Recording to Ogg Opus (RFC 7845).
//!
//! Each [`OpusWriter::flush`] ends a page, and a page goes to the file as a whole: players take a file without an end of stream,
//! so what is there can be played at every moment.
//! [`repair`] drops a last page that was cut off and sets the end of stream.
//! The codec is libopus, the container `ogg`.

use std::io::{Read, Seek, SeekFrom, Write};
use std::time::Duration;

use audiopus::coder::Encoder;
use audiopus::{Application, Bitrate, Channels, SampleRate};
use ogg::{PacketWriteEndInfo, PacketWriter};

use super::{Layout, Repair};
use crate::{Rate, WriteError};

/// Our name in the comment header, by which a repair knows our files.
const VENDOR: &[u8] = b"offhook";
/// Opus counts samples at this rate, whatever went in (RFC 7845 §4).
const GRANULES: u64 = 48_000;
/// Packets in a page at most: a second.
const PAGE: usize = 50;
/// One in three of what libopus can spend; a recording at 16 kHz takes 40 µs a frame less than at its most.
const COMPLEXITY: u8 = 3;
/// The largest packet that libopus makes of a frame of 20 ms, two channels (RFC 6716 §3.2).
const PACKET: usize = 2 * 1_276;
/// The longest page: a header, its lacing values and what they count.
const LONGEST_PAGE: u64 = 27 + 255 + 255 * 255;

/// Writes one recording in packets of 20 ms.
pub struct OpusWriter<W: Write> {
    writer: W,
    pages: PacketWriter<'static, Vec<u8>>,
    encoder: Encoder,
    layout: Layout,
    serial: u32,
    /// Samples too few for a packet.
    rest: Vec<i16>,
    /// Packets for the next page.
    waiting: Vec<Vec<u8>>,
    packets: u64,
    samples: u64,
    pre_skip: u16,
}

impl<W: Write> OpusWriter<W> {
    /// Begins a recording and writes its two headers. `bitrate` is in bits a second; `serial` is any number.
    ///
    /// # Errors
    /// [`WriteError::Unsupported`] for a rate that Opus does not have (it has 8, 12, 16, 24 and 48 kHz), [`WriteError::Io`] when
    /// the writer fails.
    pub fn new(writer: W, layout: Layout, bitrate: u32, serial: u32) -> Result<OpusWriter<W>, WriteError> {
        let rate = match layout.rate.hertz() {
            8_000 => SampleRate::Hz8000,
            12_000 => SampleRate::Hz12000,
            16_000 => SampleRate::Hz16000,
            24_000 => SampleRate::Hz24000,
            48_000 => SampleRate::Hz48000,
            _ => return Err(WriteError::Unsupported("Opus at this sampling rate")),
        };
        let channels = if layout.stereo { Channels::Stereo } else { Channels::Mono };
        let unsupported = |_| WriteError::Unsupported("Opus as asked for");
        let mut encoder = Encoder::new(rate, channels, Application::Audio).map_err(unsupported)?;
        let bitrate = i32::try_from(bitrate.clamp(6_000, 510_000)).unwrap_or(24_000);
        encoder.set_bitrate(Bitrate::BitsPerSecond(bitrate)).map_err(unsupported)?;
        encoder.set_complexity(COMPLEXITY).map_err(unsupported)?;
        let lookahead = u64::from(encoder.lookahead().map_err(unsupported)?);
        let pre_skip = u16::try_from(lookahead * GRANULES / u64::from(layout.rate.hertz())).unwrap_or(312);
        let mut file = OpusWriter {
            writer,
            pages: PacketWriter::new(Vec::new()),
            encoder,
            layout,
            serial,
            rest: Vec::new(),
            waiting: Vec::new(),
            packets: 0,
            samples: 0,
            pre_skip,
        };
        for header in [file.head(), tags()] {
            file.pages.write_packet(header, serial, PacketWriteEndInfo::EndPage, 0)?;
        }
        file.send()?;
        Ok(file)
    }

    /// The identification header, RFC 7845 §5.1.
    fn head(&self) -> Vec<u8> {
        let mut head = b"OpusHead\x01".to_vec();
        head.push(self.layout.channels() as u8);
        head.extend_from_slice(&self.pre_skip.to_le_bytes());
        head.extend_from_slice(&self.layout.rate.hertz().to_le_bytes());
        // No gain, and the mapping of one or two channels.
        head.extend_from_slice(&[0, 0, 0]);
        head
    }

    /// Samples of 20 ms, of all channels.
    fn frame(&self) -> usize {
        self.layout.rate.samples(Duration::from_millis(20)) * usize::from(self.layout.channels())
    }

    /// Encodes samples; those of two channels take turns. They reach the file with the next [`OpusWriter::flush`], or after a
    /// second.
    ///
    /// # Errors
    /// [`WriteError::Io`] when the writer fails.
    pub fn write(&mut self, samples: &[i16]) -> Result<(), WriteError> {
        self.samples += samples.len() as u64;
        let frame = self.frame();
        let mut rest = samples;
        if !self.rest.is_empty() {
            let (now, later) = rest.split_at((frame - self.rest.len()).min(rest.len()));
            self.rest.extend_from_slice(now);
            rest = later;
            if self.rest.len() < frame {
                return Ok(());
            }
            let whole = std::mem::take(&mut self.rest);
            self.encode(&whole)?;
        }
        let mut frames = rest.chunks_exact(frame);
        for whole in &mut frames {
            self.encode(whole)?;
        }
        self.rest.extend_from_slice(frames.remainder());
        Ok(())
    }

    fn encode(&mut self, frame: &[i16]) -> Result<(), WriteError> {
        if self.waiting.len() >= PAGE {
            self.flush()?;
        }
        let mut packet = vec![0; PACKET];
        let n = self
            .encoder
            .encode(frame, &mut packet)
            .map_err(|_| WriteError::Unsupported("the Opus encoder failed"))?;
        packet.truncate(n);
        self.waiting.push(packet);
        Ok(())
    }

    /// Ends the page, so that what was written until now can be played.
    ///
    /// # Errors
    /// [`WriteError::Io`] when the writer fails.
    pub fn flush(&mut self) -> Result<(), WriteError> {
        self.page(None)
    }

    /// Writes what waits as a page; `end` is the granule position of the stream's end, if this is it.
    fn page(&mut self, end: Option<u64>) -> Result<(), WriteError> {
        let mut left = self.waiting.len();
        if left == 0 {
            return Ok(());
        }
        for packet in self.waiting.drain(..) {
            self.packets += 1;
            left -= 1;
            let position = self.packets * (GRANULES / 50);
            let (info, position) = match end {
                _ if left > 0 => (PacketWriteEndInfo::NormalPacket, position),
                None => (PacketWriteEndInfo::EndPage, position),
                Some(end) => (PacketWriteEndInfo::EndStream, end),
            };
            self.pages.write_packet(packet, self.serial, info, position)?;
        }
        self.send()
    }

    fn send(&mut self) -> Result<(), WriteError> {
        let pages = self.pages.inner_mut();
        let sent = self.writer.write_all(pages).and_then(|()| self.writer.flush());
        pages.clear();
        Ok(sent?)
    }

    /// Writes the rest, with the silence that pushes the last sample out of the encoder, and the end of stream, whose position
    /// says where the sound ends (RFC 7845 §4.4).
    ///
    /// # Errors
    /// [`WriteError::Io`] when the writer fails.
    pub fn finish(mut self) -> Result<Duration, WriteError> {
        let duration = self.duration();
        let each = self.samples / u64::from(self.layout.channels());
        let end = u64::from(self.pre_skip) + each * GRANULES / u64::from(self.layout.rate.hertz());
        // At least one more packet: the last page must not be empty.
        let ahead = usize::from(self.pre_skip) * self.layout.rate.hertz() as usize / GRANULES as usize + 1;
        let frame = self.frame();
        let mut tail = std::mem::take(&mut self.rest);
        tail.resize(tail.len() + ahead * usize::from(self.layout.channels()), 0);
        tail.resize(tail.len().next_multiple_of(frame), 0);
        for whole in tail.chunks_exact(frame) {
            self.encode(whole)?;
        }
        self.page(Some(end))?;
        Ok(duration)
    }

    /// How much has been written.
    pub fn duration(&self) -> Duration {
        self.layout.duration(self.samples as usize)
    }
}

/// The comment header, RFC 7845 §5.2: our name and no comments.
fn tags() -> Vec<u8> {
    let mut tags = b"OpusTags".to_vec();
    tags.extend_from_slice(&(VENDOR.len() as u32).to_le_bytes());
    tags.extend_from_slice(VENDOR);
    tags.extend_from_slice(&0_u32.to_le_bytes());
    tags
}

/// Sets the end of stream in the last whole page of a recording that was cut off; what follows that page is to be cut.
///
/// # Errors
/// [`WriteError::NotOurs`] when the file does not begin as [`OpusWriter`] begins it; it is then untouched. [`WriteError::Io`] when the file fails.
pub fn repair<F: Read + Write + Seek>(file: &mut F) -> Result<Repair, WriteError> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut start = vec![0; length.min(256) as usize];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut start)?;
    let head = Page::read(&start).ok_or(WriteError::NotOurs)?;
    let second = start.get(head.length..).and_then(Page::read).ok_or(WriteError::NotOurs)?;
    let (ours, tags) = (&start[head.body..head.length], &start[head.length..]);
    if !ours.starts_with(b"OpusHead")
        || ours.len() < 12
        || tags.get(second.body..second.length) != Some(&self::tags())
    {
        return Err(WriteError::NotOurs);
    }
    let pre_skip = u64::from(u16::from_le_bytes([ours[10], ours[11]]));
    // A whole page ends in the last two longest pages' room, whatever was cut off.
    let from = length.saturating_sub(2 * LONGEST_PAGE);
    let mut end = vec![0; (length - from) as usize];
    file.seek(SeekFrom::Start(from))?;
    file.read_exact(&mut end)?;
    let last = (0..end.len()).rev().find_map(|at| {
        let page = Page::read(&end[at..]).filter(|page| page.serial == head.serial)?;
        Some((at, page))
    });
    // Only a file that somebody else wrote over has none.
    let (at, page) = last.ok_or(WriteError::NotOurs)?;
    let good = from + (at + page.length) as u64;
    let bytes = &mut end[at..at + page.length];
    if bytes[FLAGS] & END_OF_STREAM != 0 && good == length {
        return Ok(Repair::Whole);
    }
    bytes[FLAGS] |= END_OF_STREAM;
    let sum = checksum(bytes);
    bytes[SUM..SUM + 4].copy_from_slice(&sum.to_le_bytes());
    file.seek(SeekFrom::Start(from + at as u64))?;
    file.write_all(bytes.get(..page.body).unwrap_or_default())?;
    file.flush()?;
    let granules = page.position.saturating_sub(pre_skip) as usize;
    Ok(Repair::Mended { length: good, duration: Rate::FULL.duration(granules) })
}

/// Where the flags and the checksum are in a page (RFC 3533 §6).
const FLAGS: usize = 5;
const SUM: usize = 22;
const END_OF_STREAM: u8 = 4;

/// A whole page.
struct Page {
    position: u64,
    serial: u32,
    /// Where its packets begin, and where it ends.
    body: usize,
    length: usize,
}

impl Page {
    /// The page that `bytes` begin with, if all of it is there and its checksum is right.
    fn read(bytes: &[u8]) -> Option<Page> {
        if !bytes.starts_with(b"OggS\0") {
            return None;
        }
        let segments = usize::from(*bytes.get(26)?);
        let body = 27 + segments;
        let length = body + bytes.get(27..body)?.iter().map(|n| usize::from(*n)).sum::<usize>();
        let whole = bytes.get(..length)?;
        let field =
            |at: usize| whole.get(at..at + 4).and_then(|field| field.try_into().ok()).map(u32::from_le_bytes);
        let page = Page {
            position: u64::from(field(6)?) | u64::from(field(10)?) << 32,
            serial: field(14)?,
            body,
            length,
        };
        (field(SUM)? == checksum(whole)).then_some(page)
    }
}

/// The checksum of a page as if its own field were zero: CRC-32 with the generator 0x04c11db7, most significant bit first, from
/// zero (RFC 3533 §6).
fn checksum(page: &[u8]) -> u32 {
    let mut sum = 0_u32;
    for (at, byte) in page.iter().enumerate() {
        let byte = if (SUM..SUM + 4).contains(&at) { 0 } else { *byte };
        sum ^= u32::from(byte) << 24;
        for _ in 0..8 {
            sum = if sum & 0x8000_0000 != 0 { sum << 1 ^ 0x04c1_1db7 } else { sum << 1 };
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::{Pcm, level, read, tone};

    fn tone(rate: Rate, ms: u64) -> Pcm {
        tone::beep(440, Duration::from_millis(ms), rate)
    }

    /// A recording, in pieces of 100 ms and a page for each five of them; finished or not.
    fn recording(sound: &Pcm, stereo: bool, whole: bool) -> Vec<u8> {
        let layout = Layout { rate: sound.rate, stereo };
        let mut bytes = Vec::new();
        let mut writer = OpusWriter::new(&mut bytes, layout, 24_000, 7).unwrap();
        for (n, piece) in sound.samples.chunks(sound.rate.samples(Duration::from_millis(107))).enumerate() {
            match stereo {
                true => writer.write(&piece.iter().flat_map(|s| [*s, 0]).collect::<Vec<_>>()).unwrap(),
                false => writer.write(piece).unwrap(),
            }
            if n % 5 == 4 {
                writer.flush().unwrap();
            }
        }
        if whole {
            assert_eq!(writer.finish().unwrap(), sound.duration());
        }
        bytes
    }

    #[test]
    fn what_is_written_is_read_back_at_every_rate_to_the_sample() {
        for (rate, stereo) in
            [(8_000, false), (16_000, false), (48_000, false), (8_000, true), (48_000, true)]
        {
            let sound = tone(Rate(rate), 1_337);
            let back = read::decode(recording(&sound, stereo, true), None).unwrap();
            assert_eq!(back.samples.len(), 64_176, "{rate} Hz: 1,337 ms at 48 kHz");
            let loss = if stereo { 6.0 } else { 0.0 };
            let (was, is) = (level::rms_dbov(&sound.samples), level::rms_dbov(&back.samples));
            assert!((was - loss - is).abs() < 1.0, "{rate} Hz: {was} {is}");
        }
    }

    #[test]
    fn nothing_is_a_stream_too() {
        let bytes = recording(&Pcm::new(Rate::NARROW, vec![]), false, true);
        assert!(matches!(read::decode(bytes.clone(), None), Err(crate::ReadError::Empty)));
        assert_eq!(repair(&mut Cursor::new(bytes)).unwrap(), Repair::Whole);
    }

    #[test]
    fn pages_come_with_each_flush_and_after_a_second_at_the_latest() {
        let mut bytes = Vec::new();
        let mut writer = OpusWriter::new(&mut bytes, Layout::mono(Rate::NARROW), 16_000, 7).unwrap();
        writer.write(&tone(Rate::NARROW, 3_000).samples).unwrap();
        drop(writer);
        let pages = bytes.windows(4).filter(|at| *at == b"OggS").count();
        assert_eq!(pages, 2 + 2, "two headers and two of three seconds");
    }

    #[test]
    fn a_recording_that_was_cut_off_anywhere_plays_and_is_mended_to_its_last_whole_page() {
        let sound = tone(Rate::NARROW, 2_000);
        let whole = recording(&sound, false, false);
        let pages: Vec<usize> = (0..whole.len()).filter(|at| whole[*at..].starts_with(b"OggS")).collect();
        for cut in [whole.len(), whole.len() - 1, pages[4] + 40, pages[4] + 3, pages[3], pages[2] + 9] {
            let left = whole[..cut].to_vec();
            let heard = read::decode(left.clone(), None).map_or(0, |sound| sound.samples.len());
            let mut file = Cursor::new(left);
            let Repair::Mended { length, duration } = repair(&mut file).unwrap() else { panic!() };
            let mut mended = file.into_inner();
            mended.truncate(length as usize);
            assert!(length as usize <= cut && cut - (length as usize) < whole.len() / 3);
            assert_eq!(repair(&mut Cursor::new(mended.clone())).unwrap(), Repair::Whole);
            let again = read::decode(mended, None).map_or(0, |sound| sound.samples.len());
            assert_eq!(Rate::FULL.duration(again), duration);
            assert!(again >= heard, "{heard} {again}");
        }
    }

    #[test]
    fn others_files_are_left_alone() {
        let vorbis = include_bytes!("../../testdata/tone-1khz-1s-44100-stereo.ogg").to_vec();
        let opus = include_bytes!("../../testdata/tone-1khz-1s-mono.opus").to_vec();
        for bytes in [vec![], vec![0; 300], vorbis, opus] {
            let mut file = Cursor::new(bytes.clone());
            assert!(matches!(repair(&mut file), Err(WriteError::NotOurs)));
            assert_eq!(file.into_inner(), bytes);
        }
        assert!(OpusWriter::new(Vec::new(), Layout::mono(Rate(44_100)), 16_000, 7).is_err());
    }
}
