//! Recording to WAV, so that the file is good whenever the power goes.
//!
//! Samples are appended and a [`WavWriter::flush`] then writes the sizes into the header: never more than what is in the file, so that a
//! reader finds a valid file at every moment, short by at most what came since the last flush.
//! [`repair`] gives that rest back after a SIGKILL.
//! The format is hound's plain 44-byte header, 16 bits, mono or stereo.

use std::io::{Read, Seek, SeekFrom, Write};
use std::time::Duration;

use super::{Layout, Repair};
use crate::{Pcm, Rate, WriteError};

/// The bytes before the first sample.
const HEADER: u64 = 44;
/// What the header's sizes can count, in whole samples of two channels.
const FULL: u64 = (u32::MAX as u64 - HEADER) & !3;

/// Writes one recording of 16-bit samples.
pub struct WavWriter<W: Write + Seek> {
    file: hound::WavWriter<W>,
    layout: Layout,
}

impl<W: Write + Seek> WavWriter<W> {
    /// Begins a recording in `writer`, which must be empty and at its start, and flushes the header.
    /// Every call of [`WavWriter::write`] becomes one write, so a buffer below pays off only for short frames.
    ///
    /// # Errors
    /// [`WriteError::Io`] when the writer fails.
    pub fn new(writer: W, layout: Layout) -> Result<WavWriter<W>, WriteError> {
        let spec = hound::WavSpec {
            channels: layout.channels(),
            // hound divides by the rate.
            sample_rate: layout.rate.hertz().max(1),
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut file = hound::WavWriter::new(writer, spec).map_err(write_error)?;
        file.flush().map_err(write_error)?;
        Ok(WavWriter { file, layout })
    }

    /// Appends samples; those of two channels take turns.
    ///
    /// # Errors
    /// [`WriteError::Io`] when the writer fails, [`WriteError::Full`] when no more fit.
    pub fn write(&mut self, samples: &[i16]) -> Result<(), WriteError> {
        let bytes = (u64::from(self.file.len()) + samples.len() as u64) * 2;
        if bytes > FULL {
            return Err(WriteError::Full);
        }
        let count = u32::try_from(samples.len()).map_err(|_| WriteError::Full)?;
        let mut writer = self.file.get_i16_writer(count);
        for &sample in samples {
            writer.write_sample(sample);
        }
        writer.flush().map_err(write_error)
    }

    /// Makes the header say what has been written so far, and flushes the writer below.
    ///
    /// # Errors
    /// [`WriteError::Io`] when the writer fails.
    pub fn flush(&mut self) -> Result<(), WriteError> {
        self.file.flush().map_err(write_error)
    }

    /// The last flush. Dropping the writer does the same and has no one to tell if it fails.
    ///
    /// # Errors
    /// [`WriteError::Io`] when the writer fails.
    pub fn finish(self) -> Result<Duration, WriteError> {
        let duration = self.duration();
        self.file.finalize().map_err(write_error)?;
        Ok(duration)
    }

    /// How much has been written.
    pub fn duration(&self) -> Duration {
        self.layout.duration(self.file.len() as usize)
    }
}

fn write_error(error: hound::Error) -> WriteError {
    match error {
        hound::Error::IoError(error) => WriteError::Io(error),
        // The rest are about formats we do not use and samples that do not fit theirs.
        _ => WriteError::Full,
    }
}

/// Makes the header of a recording that was cut off by a crash count all samples that reached the file.
/// Half a sample at the end is left out of the count.
///
/// # Errors
/// [`WriteError::NotOurs`] when the file does not begin as [`WavWriter`] begins it; it is then untouched. [`WriteError::Io`] when the file fails.
pub fn repair<F: Read + Write + Seek>(file: &mut F) -> Result<Repair, WriteError> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut header = [0; HEADER as usize];
    if length < HEADER {
        return Err(WriteError::NotOurs);
    }
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut header)?;
    let ours = header.starts_with(b"RIFF")
        && header[8..16] == *b"WAVEfmt "
        && matches!(header[20..24], [1, 0, 1 | 2, 0])
        && header[34..36] == [16, 0]
        && header[36..40] == *b"data";
    if !ours {
        return Err(WriteError::NotOurs);
    }
    let claimed = u64::from(u32::from_le_bytes([header[40], header[41], header[42], header[43]]));
    let stereo = header[22] == 2;
    let layout =
        Layout { rate: Rate(u32::from_le_bytes([header[24], header[25], header[26], header[27]])), stereo };
    let present = (length - HEADER).min(FULL) & if stereo { !3 } else { !1 };
    if claimed == present {
        return Ok(Repair::Whole);
    }
    // The outer size first: at no moment does the inner one claim more than it.
    let sizes = [(4, present + HEADER - 8), (40, present)];
    for (at, size) in sizes {
        file.seek(SeekFrom::Start(at))?;
        file.write_all(&u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes())?;
    }
    file.flush()?;
    Ok(Repair::Mended { length: HEADER + present, duration: layout.duration((present / 2) as usize) })
}

/// A whole sound as the bytes of a WAV file.
pub fn to_bytes(sound: &Pcm) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::with_capacity(HEADER as usize + sound.samples.len() * 2));
    // Memory does not fail, and a sound in memory is shorter than a WAV can be.
    if let Ok(mut writer) = WavWriter::new(&mut bytes, Layout::mono(sound.rate)) {
        let _ = writer.write(&sound.samples);
        let _ = writer.finish();
    }
    bytes.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{read, tone};
    use std::io::Cursor;

    const MONO: Layout = Layout::mono(Rate::NARROW);

    fn tone() -> Pcm {
        tone::beep(440, Duration::from_millis(500), Rate::NARROW)
    }

    /// A file as a crash leaves it: the header of the last flush, and all bytes written since.
    #[derive(Clone, Default)]
    struct Disk(std::rc::Rc<std::cell::RefCell<Cursor<Vec<u8>>>>);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl Seek for Disk {
        fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
            self.0.borrow_mut().seek(to)
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let sound = tone();
        assert_eq!(read::decode(to_bytes(&sound), Some("wav")).unwrap(), sound);
        assert_eq!(to_bytes(&Pcm::new(Rate::NARROW, vec![])).len(), 44);
    }

    #[test]
    fn the_header_is_valid_after_every_flush_and_never_claims_more_than_there_is() {
        let disk = Disk::default();
        let mut writer = WavWriter::new(disk.clone(), MONO).unwrap();
        for (turn, frame) in tone().samples.chunks(160).enumerate() {
            writer.write(frame).unwrap();
            let bytes = disk.0.borrow().get_ref().clone();
            let claimed = u32::from_le_bytes(bytes[40..44].try_into().unwrap()) as usize;
            assert!(bytes.len() >= 44 + claimed);
            writer.flush().unwrap();
            let bytes = disk.0.borrow().get_ref().clone();
            assert_eq!(u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize, bytes.len() - 8);
            assert_eq!(read::decode(bytes, None).unwrap().samples.len(), (turn + 1) * 160);
        }
        assert_eq!(writer.finish().unwrap(), Duration::from_millis(500));
    }

    #[test]
    fn a_recording_that_was_killed_is_repaired_to_the_last_whole_sample() {
        let disk = Disk::default();
        let mut writer = WavWriter::new(disk.clone(), MONO).unwrap();
        writer.write(&[7; 8_000]).unwrap();
        writer.flush().unwrap();
        writer.write(&[8; 1_000]).unwrap();
        let mut left = disk.0.borrow().get_ref().clone();
        left.push(9); // half a sample
        let mut file = Cursor::new(left);
        let duration = Duration::from_millis(1_125);
        assert_eq!(repair(&mut file).unwrap(), Repair::Mended { length: 44 + 18_000, duration });
        assert_eq!(repair(&mut file).unwrap(), Repair::Whole);
        let sound = read::decode(file.into_inner(), None).unwrap();
        assert_eq!(sound.samples.len(), 9_000);
        assert_eq!(sound.samples[8_999], 8);
    }

    #[test]
    fn two_channels_are_kept_apart_and_mended_in_whole_pairs() {
        let disk = Disk::default();
        let layout = Layout { rate: Rate::WIDE, stereo: true };
        let mut writer = WavWriter::new(disk.clone(), layout).unwrap();
        writer.write(&[100, -300].repeat(1_600)).unwrap();
        assert_eq!(writer.duration(), Duration::from_millis(100));
        writer.flush().unwrap();
        writer.write(&[100, -300, 100]).unwrap();
        let bytes = disk.0.borrow().get_ref().clone();
        let mut read = hound::WavReader::new(&bytes[..]).unwrap();
        assert_eq!((read.spec().channels, read.spec().sample_rate), (2, 16_000));
        assert!(read.samples::<i16>().enumerate().all(|(n, s)| s.unwrap() == [100, -300][n % 2]));
        let mut file = Cursor::new(bytes);
        let Repair::Mended { length, .. } = repair(&mut file).unwrap() else { panic!() };
        assert_eq!(length, 44 + 1_601 * 4);
        assert_eq!(read::decode(file.into_inner(), None).unwrap().samples, vec![-100; 1_601]);
    }

    #[test]
    fn a_header_that_claims_too_much_is_brought_down() {
        let mut bytes = to_bytes(&tone());
        bytes.truncate(1_044);
        let mut file = Cursor::new(bytes);
        let duration = Duration::from_micros(62_500);
        assert_eq!(repair(&mut file).unwrap(), Repair::Mended { length: 1_044, duration });
        let bytes = file.into_inner();
        assert_eq!(bytes[40..44], 1_000u32.to_le_bytes());
        assert_eq!(bytes[4..8], 1_036u32.to_le_bytes());
    }

    #[test]
    fn others_files_are_left_alone() {
        for bytes in [vec![], vec![0; 100], b"RIFF....WAVE".to_vec()] {
            let mut file = Cursor::new(bytes.clone());
            assert!(matches!(repair(&mut file), Err(WriteError::NotOurs)));
            assert_eq!(file.into_inner(), bytes);
        }
    }
}
