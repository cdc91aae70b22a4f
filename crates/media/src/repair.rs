//! Recordings that a crash cut off: at the engine's start their headers are made to count what reached the disk.
//!
//! Which files are looked at is settled before the first recording can begin, so that none that runs is touched.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use audio::WriteError;
use audio::write::wav::{self, Repair};

/// Folders in folders looked into; deeper ones are none of ours.
const DEPTH: u32 = 8;

/// The WAV files below `folder`. A folder that cannot be read has none.
pub(crate) fn find(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    search(folder, DEPTH, &mut found);
    found
}

fn search(folder: &Path, depth: u32, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        // A link may lead out of the folder: it is not followed.
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth > 0 => search(&path, depth - 1, found),
            Ok(kind) if kind.is_file() && path.extension().is_some_and(|it| it == "wav") => found.push(path),
            _ => {}
        }
    }
}

/// Repair those that need it; how many did.
pub(crate) fn repair(files: &[PathBuf]) -> usize {
    files.iter().filter(|file| repair_one(file)).count()
}

fn repair_one(path: &Path) -> bool {
    let file = OpenOptions::new().read(true).write(true).open(path);
    match file.map_err(WriteError::Io).and_then(|mut file| wav::repair(&mut file)) {
        Ok(Repair::Recovered(samples)) => {
            tracing::warn!(file = %path.display(), samples, "a recording that was cut off is whole again");
            true
        }
        // Whole, or somebody else's file.
        Ok(_) | Err(WriteError::NotOurs) => false,
        Err(error) => {
            tracing::warn!(file = %path.display(), %error, "a recording cannot be looked at");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use audio::{Pcm, Rate};

    use super::*;

    #[test]
    fn a_recording_that_was_cut_off_is_repaired_and_nothing_else_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = wav::to_bytes(&Pcm::new(Rate::NARROW, vec![7; 800]));
        let mut cut = bytes.clone();
        // The header of an earlier moment, and half a sample more than whole ones.
        cut[4..8].copy_from_slice(&(36_u32 + 200).to_le_bytes());
        cut[40..44].copy_from_slice(&200_u32.to_le_bytes());
        cut.push(9);
        fs::create_dir(folder.path().join("deeper")).unwrap();
        let name = |name: &str| folder.path().join(name);
        fs::write(name("deeper/cut.wav"), &cut).unwrap();
        fs::write(name("whole.wav"), &bytes).unwrap();
        fs::write(name("other.wav"), b"not a recording of ours, and long enough to hold a whole header")
            .unwrap();
        fs::write(name("cut.txt"), &cut).unwrap();

        let found = find(folder.path());
        assert_eq!(found.len(), 3);
        assert_eq!(repair(&found), 1);
        assert_eq!(fs::read(name("deeper/cut.wav")).unwrap()[..bytes.len()], bytes);
        assert_eq!(fs::read(name("whole.wav")).unwrap(), bytes);
        assert_eq!(fs::read(name("cut.txt")).unwrap(), cut);
        assert_eq!(repair(&find(folder.path())), 0, "once is enough");
        assert!(find(&name("nowhere")).is_empty());
    }
}
