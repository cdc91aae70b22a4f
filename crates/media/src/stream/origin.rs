//! Where a sound comes from.

use std::fs::{self, File};
use std::io::{self, Cursor};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use audio::ReadError;
use audio::read::Reader;

/// Where a sound comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// A file.
    File(PathBuf),
    /// A file that is there as long as somebody needs it.
    Fleeting(Arc<Fleeting>),
    /// A file in memory.
    Bytes(Arc<[u8]>),
}

/// A file that goes with the last one who needs it.
#[derive(Debug, PartialEq)]
pub struct Fleeting(PathBuf);

impl Fleeting {
    /// Of a file that is there, or that is going to be.
    pub fn new(path: PathBuf) -> Fleeting {
        Fleeting(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Fleeting {
    fn drop(&mut self) {
        // What cannot be removed, or is not there, is in nobody's way.
        let _ = fs::remove_file(&self.0);
    }
}

impl Origin {
    /// All of it. Blocks.
    ///
    /// # Errors
    /// Those of reading a file.
    pub fn read(&self) -> io::Result<Vec<u8>> {
        match self {
            Origin::File(path) => fs::read(path),
            Origin::Fleeting(file) => fs::read(file.path()),
            Origin::Bytes(bytes) => Ok(bytes.to_vec()),
        }
    }

    /// Bytes of it that are in memory.
    pub(super) fn size(&self) -> usize {
        match self {
            Origin::File(path) => path.as_os_str().len(),
            Origin::Fleeting(file) => file.path().as_os_str().len(),
            Origin::Bytes(bytes) => bytes.len(),
        }
    }

    /// Begins to decode it; `hint` is its name's extension.
    pub(super) fn open(&self, hint: Option<&str>) -> Result<Reader, ReadError> {
        let path = match self {
            Origin::File(path) => path,
            Origin::Fleeting(file) => file.path(),
            Origin::Bytes(bytes) => return Reader::open(Cursor::new(bytes.clone()), hint),
        };
        let file = File::open(path).map_err(|_| ReadError::Malformed { what: "it cannot be opened" })?;
        Reader::open(file, hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fleeting_file_goes_with_the_last_who_needs_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.wav");
        fs::write(&path, b"RIFF").unwrap();
        let one = Origin::Fleeting(Arc::new(Fleeting::new(path.clone())));
        let other = one.clone();
        drop(one);
        assert_eq!(other.read().unwrap(), b"RIFF");
        drop(other);
        assert!(!path.exists());
    }
}
