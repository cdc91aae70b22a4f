//! Recordings that a crash or a full disk cut off are made whole again, of what reached the disk.
//!
//! Which files are looked at is settled before the first recording can begin, and none is touched that was written to or
//! replaced since, so that no recording that runs is.

use std::fs::{self, Metadata, OpenOptions};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use audio::WriteError;
use audio::write::{Repair, mp3, opus, wav};

/// Folders in folders looked into; deeper ones are none of ours.
const DEPTH: u32 = 8;

/// What the names of recordings end in.
const EXTENSIONS: [&str; 4] = ["wav", "mp3", "opus", "ogg"];

/// A sound file as it was found.
pub(crate) struct Found {
    path: PathBuf,
    seen: Seen,
}

/// What changes when a file is replaced or written to: where it lies, how long it is, and when it was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    file: (u64, u64),
    length: u64,
    written: (i64, i64),
}

impl Seen {
    fn of(about: &Metadata) -> Seen {
        Seen {
            file: (about.dev(), about.ino()),
            length: about.len(),
            written: (about.mtime(), about.mtime_nsec()),
        }
    }
}

/// The sound files below `folder`. A folder that cannot be read has none.
pub(crate) fn find(folder: &Path) -> Vec<Found> {
    let mut found = Vec::new();
    search(folder, DEPTH, &mut found);
    found
}

fn search(folder: &Path, depth: u32, found: &mut Vec<Found>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        // A link may lead out of the folder: it is not followed.
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth > 0 => search(&path, depth - 1, found),
            Ok(kind) if kind.is_file() && extension(&path).is_some() => {
                found.extend(entry.metadata().ok().map(|about| Found { path, seen: Seen::of(&about) }));
            }
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
pub(crate) fn repair(files: &[Found]) -> usize {
    files.iter().filter(|file| repair_one(&file.path, Some(file.seen))).count()
}

/// Makes a recording whole that a kill cut off, of what reached the disk; whether there was anything to mend. Does no harm
/// to one that is whole, or none of ours, or gone. It must not be written by anybody at the time.
pub fn repair_recording(path: &Path) -> bool {
    path.exists() && repair_one(path, None)
}

fn repair_one(path: &Path, seen: Option<Seen>) -> bool {
    match mend(path, seen) {
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

fn mend(path: &Path, seen: Option<Seen>) -> Result<Repair, WriteError> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let now = Seen::of(&file.metadata()?);
    // A recording of the same name has begun since.
    if seen.is_some_and(|seen| seen != now) {
        return Ok(Repair::Whole);
    }
    let repair = match extension(path) {
        Some("wav") => wav::repair(&mut file)?,
        Some("mp3") => mp3::repair(&mut file)?,
        _ => opus::repair(&mut file)?,
    };
    if let Repair::Mended { length, .. } = repair
        && file.metadata()?.len() == now.length
    {
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

        // A recording of the name of one that was cut off begins before that is looked at: written anew, or moved there.
        let running = [&bytes[..44], &[7; 300]].concat();
        let begun: [fn(&Path, &[u8]); 2] = [
            |path, bytes| fs::write(path, bytes).unwrap(),
            |path, bytes| {
                fs::write(path.with_extension("tmp"), bytes).unwrap();
                fs::rename(path.with_extension("tmp"), path).unwrap();
            },
        ];
        for begin in begun {
            fs::write(name("deeper/cut.wav"), &cut).unwrap();
            let found = find(folder.path());
            begin(&name("deeper/cut.wav"), &running);
            assert_eq!(repair(&found), 0);
            assert_eq!(fs::read(name("deeper/cut.wav")).unwrap(), running);
        }
        assert_eq!(repair(&find(folder.path())), 1, "it is cut off itself");
        assert!(find(&name("nowhere")).is_empty());
    }
}
