//! Recordings that a crash or a full disk cut off are made whole again, of what reached the disk.
//!
//! Which files are looked at is settled before the first recording can begin, so that none that runs is touched.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};

use audio::WriteError;
use audio::write::{Repair, mp3, opus, wav};

/// Folders in folders looked into; deeper ones are none of ours.
const DEPTH: u32 = 8;

/// What the names of recordings end in.
const EXTENSIONS: [&str; 4] = ["wav", "mp3", "opus", "ogg"];

/// The sound files below `folder`. A folder that cannot be read has none.
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
            Ok(kind) if kind.is_file() && extension(&path).is_some() => found.push(path),
            _ => {}
        }
    }
}

/// Which of [`EXTENSIONS`] it has.
fn extension(path: &Path) -> Option<&'static str> {
    let extension = path.extension()?;
    EXTENSIONS.into_iter().find(|it| extension == *it)
}

/// Repair those that need it; how many did.
pub(crate) fn repair(files: &[impl AsRef<Path>]) -> usize {
    files.iter().filter(|file| repair_one(file.as_ref())).count()
}

/// Makes a recording whole that a kill cut off, of what reached the disk; whether there was anything to mend. Does no harm
/// to one that is whole, or none of ours, or gone. It must not be written by anybody at the time.
pub fn repair_recording(path: &Path) -> bool {
    path.exists() && repair_one(path)
}

fn repair_one(path: &Path) -> bool {
    match mend(path) {
        Ok(Repair::Mended { duration, .. }) => {
            tracing::warn!(file = %path.display(), ?duration, "a recording that was cut off is whole again");
            true
        }
        // Whole, or somebody else's file.
        Ok(Repair::Whole) | Err(WriteError::NotOurs) => false,
        Err(error) => {
            tracing::warn!(file = %path.display(), %error, "a recording cannot be looked at");
            false
        }
    }
}

fn mend(path: &Path) -> Result<Repair, WriteError> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let repair = match extension(path) {
        Some("wav") => wav::repair(&mut file)?,
        Some("mp3") => mp3::repair(&mut file)?,
        _ => opus::repair(&mut file)?,
    };
    if let Repair::Mended { length, .. } = repair {
        file.set_len(length)?;
    }
    Ok(repair)
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
        assert_eq!(fs::read(name("deeper/cut.wav")).unwrap(), bytes);
        assert_eq!(fs::read(name("whole.wav")).unwrap(), bytes);
        assert_eq!(fs::read(name("cut.txt")).unwrap(), cut);
        assert_eq!(repair(&find(folder.path())), 0, "once is enough");
        assert!(find(&name("nowhere")).is_empty());
    }
}
