//! A recording's file, as a writer that costs one system call for each piece and one for its header.
//!
//! Positions are kept here, so that nothing is asked of the kernel to seek; small changes at the file's start are
//! gathered until the flush.

use std::fs::File;
use std::io::{self, Error, ErrorKind, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;

/// Where a WAV file's samples begin.
const HEAD: usize = 44;

/// A new file.
#[derive(Debug)]
pub(crate) struct Sheet {
    file: File,
    at: u64,
    length: u64,
    head: [u8; HEAD],
    /// How much of `head` is to be written.
    dirty: usize,
}

impl Sheet {
    /// Of an empty file.
    pub(crate) fn new(file: File) -> Sheet {
        Sheet { file, at: 0, length: 0, head: [0; HEAD], dirty: 0 }
    }

    fn advance(&mut self, by: usize) {
        self.at += by as u64;
        self.length = self.length.max(self.at);
    }
}

impl Write for Sheet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let end = self.at.saturating_add(bytes.len() as u64);
        if end <= HEAD as u64
            && let Some(head) = self.head.get_mut(self.at as usize..end as usize)
        {
            head.copy_from_slice(bytes);
            self.dirty = self.dirty.max(end as usize);
            self.advance(bytes.len());
            return Ok(bytes.len());
        }
        if self.at < HEAD as u64 {
            self.flush()?;
        }
        let n = self.file.write_at(bytes, self.at)?;
        if self.at < HEAD as u64 {
            let at = self.at as usize;
            let known = n.min(HEAD - at);
            self.head[at..at + known].copy_from_slice(&bytes[..known]);
        }
        self.advance(n);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.dirty > 0 {
            self.file.write_all_at(&self.head[..self.dirty], 0)?;
            self.dirty = 0;
        }
        Ok(())
    }
}

impl Seek for Sheet {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
        };
        self.at = at.ok_or(Error::from(ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use audio::Rate;
    use audio::write::Layout;
    use audio::write::wav::WavWriter;

    use super::*;

    #[test]
    fn what_is_written_through_it_is_what_is_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        let layout = Layout::mono(Rate::NARROW);
        let mut plain = WavWriter::new(io::Cursor::new(Vec::new()), layout).unwrap();
        let mut sheet = WavWriter::new(Sheet::new(File::create(&path).unwrap()), layout).unwrap();
        for n in [5_i16, 400, 77] {
            let samples: Vec<i16> = (0..n).collect();
            plain.write(&samples).unwrap();
            plain.flush().unwrap();
            sheet.write(&samples).unwrap();
            sheet.flush().unwrap();
            let bytes = std::fs::read(&path).unwrap();
            assert_eq!(bytes[40..44], ((bytes.len() - 44) as u32).to_le_bytes());
        }
        assert_eq!(plain.finish().unwrap(), sheet.finish().unwrap());
        assert_eq!(audio::read::decode(std::fs::read(&path).unwrap(), None).unwrap().samples.len(), 482);
    }

    #[test]
    fn writes_across_the_heads_end_are_written_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut sheet = Sheet::new(File::create(&path).unwrap());
        sheet.write_all(&[1; 10]).unwrap();
        sheet.write_all(&[2; 60]).unwrap();
        sheet.seek(SeekFrom::Start(4)).unwrap();
        sheet.write_all(&[3; 2]).unwrap();
        assert_eq!(sheet.seek(SeekFrom::End(0)).unwrap(), 70);
        sheet.flush().unwrap();
        let expected = [&[1; 4][..], &[3; 2], &[1; 4], &[2; 60]].concat();
        assert_eq!(std::fs::read(&path).unwrap(), expected);
    }
}
