//! Spoken texts on disk: a WAV file each, named by the hash of all that made it.
//!
//! A file is written under another name and renamed, so that a file that is there is whole.
//! When the directory grows beyond its bound, the files written longest ago go first.
//! Everything here blocks.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use audio::Pcm;

/// What a file is called until it is whole.
const UNFINISHED: &str = "part";
/// A WAV header of ours.
const HEADER: usize = 44;

pub(super) struct Cache {
    directory: PathBuf,
    bound: u64,
    /// Bytes in the directory, as far as we know; also keeps two from clearing it at once.
    used: Mutex<u64>,
    writes: AtomicU64,
}

struct File {
    path: PathBuf,
    bytes: u64,
    written: SystemTime,
}

impl Cache {
    /// Opens the directory, makes it if need be, and removes what a crash left unfinished.
    pub(super) fn open(directory: PathBuf, bound: u64) -> io::Result<Cache> {
        fs::create_dir_all(&directory)?;
        for entry in fs::read_dir(&directory)?.flatten() {
            if has_extension(&entry.path(), UNFINISHED) {
                // If it cannot be removed it is merely in the way of nothing.
                let _ = fs::remove_file(entry.path());
            }
        }
        let used = files(&directory)?.iter().map(|file| file.bytes).sum();
        let cache = Cache { directory, bound, used: Mutex::new(used), writes: AtomicU64::new(0) };
        cache.clear_to_bound();
        Ok(cache)
    }

    /// What is kept under `key`. A file that is not as it was written is thrown away.
    pub(super) fn get(&self, key: &str) -> Option<Pcm> {
        let path = self.path(key);
        let bytes = fs::read(&path).ok()?;
        let whole = bytes
            .get(HEADER - 4..HEADER)
            .and_then(|size| size.try_into().ok())
            .is_some_and(|size| u32::from_le_bytes(size) as usize == bytes.len() - HEADER);
        let sound = if whole { audio::read::decode(bytes, Some("wav")).ok() } else { None };
        if sound.is_none() {
            tracing::warn!(file = %path.display(), "a spoken text on disk is damaged and will be spoken again");
            // If it cannot be removed, the next write replaces it.
            let _ = fs::remove_file(&path);
        }
        sound
    }

    /// Keeps `sound` under `key`.
    pub(super) fn put(&self, key: &str, sound: &Pcm) -> io::Result<()> {
        let bytes = audio::write::wav::to_bytes(sound);
        if bytes.len() as u64 > self.bound {
            return Ok(());
        }
        let number = self.writes.fetch_add(1, Ordering::Relaxed);
        let unfinished = self.directory.join(format!("{key}.{}-{number}.{UNFINISHED}", std::process::id()));
        let written = fs::write(&unfinished, &bytes).and_then(|()| fs::rename(&unfinished, self.path(key)));
        if written.is_err() {
            // The disk is full or gone; the first error is the one to tell.
            let _ = fs::remove_file(&unfinished);
            return written;
        }
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) += bytes.len() as u64;
        self.clear_to_bound();
        Ok(())
    }

    /// Removes the oldest files once the bound is passed, down to nine tenths of it so that not every write clears.
    fn clear_to_bound(&self) {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if *used <= self.bound {
            return;
        }
        let Ok(mut files) = files(&self.directory) else { return };
        files.sort_by_key(|file| file.written);
        *used = files.iter().map(|file| file.bytes).sum();
        for file in files {
            if *used <= self.bound / 10 * 9 {
                break;
            }
            if fs::remove_file(&file.path).is_ok() {
                *used -= file.bytes;
            }
        }
    }

    fn path(&self, key: &str) -> PathBuf {
        self.directory.join(key).with_extension("wav")
    }
}

fn files(directory: &Path) -> io::Result<Vec<File>> {
    let wavs = fs::read_dir(directory)?.flatten().filter(|entry| has_extension(&entry.path(), "wav"));
    Ok(wavs
        .filter_map(|entry| {
            let about = entry.metadata().ok()?;
            Some(File { path: entry.path(), bytes: about.len(), written: about.modified().ok()? })
        })
        .collect())
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|found| found == extension)
}
