//! Sounds of the web on disk: a file each in a directory of their own, with what is known of them in memory.
//!
//! The directory's size is bounded; what was not used for longest goes first, and a file that is still being heard goes with
//! the last who hears it.
//! Nothing outlives the process: what an earlier one left is removed at the start, for what is known of it is gone.
//! Files are numbered, so that nothing of a URL is in a name.

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use media::{Fleeting, Origin};

use super::Terms;
use crate::studio::REMEMBERED;

/// What our files' names end with.
const EXTENSION: &str = "sound";

/// A sound as its server sent it.
#[derive(Clone, Debug)]
pub(super) struct Body {
    /// Of its contents: the name of the prompts that are made of it.
    pub(super) key: String,
    pub(super) bytes: u64,
    pub(super) origin: Origin,
}

/// A sound that is kept.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    pub(super) body: Body,
    /// Where it came from in the end: what its server says of it is said by no other address.
    pub(super) at: String,
    pub(super) terms: Terms,
    /// When its server last spoke of it.
    pub(super) confirmed: Instant,
    /// Until then the server need not be asked.
    pub(super) fresh_until: Instant,
}

/// See the module.
pub(super) struct Shelf {
    directory: PathBuf,
    bound: u64,
    files: AtomicU64,
    all: Mutex<All>,
}

#[derive(Default)]
struct All {
    entries: HashMap<String, (Kept, u64)>,
    bytes: u64,
    /// Counts uses; the smallest stamp is the longest unused.
    uses: u64,
}

impl Shelf {
    /// In this directory, of at most so many bytes. The directory is made when something is kept.
    pub(super) fn new(directory: PathBuf, bound: u64) -> Shelf {
        for file in fs::read_dir(&directory).into_iter().flatten().flatten() {
            if file.path().extension().is_some_and(|extension| extension == EXTENSION) {
                // What cannot be removed is in the way of nothing but the disk.
                let _ = fs::remove_file(file.path());
            }
        }
        Shelf { directory, bound, files: AtomicU64::new(0), all: Mutex::default() }
    }

    /// A new file that is not written yet.
    pub(super) fn file(&self) -> Arc<Fleeting> {
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}.{EXTENSION}", std::process::id());
        Arc::new(Fleeting::new(self.directory.join(name)))
    }

    /// What is kept of a URL, which counts as a use.
    pub(super) fn get(&self, url: &str) -> Option<Kept> {
        let mut all = crate::lock(&self.all);
        all.uses += 1;
        let now = all.uses;
        let (kept, used) = all.entries.get_mut(url)?;
        *used = now;
        Some(kept.clone())
    }

    /// Keeps a sound in the place of what was there; what had to go for it, whose files go with the last who has them.
    #[must_use]
    pub(super) fn put(&self, url: &str, kept: Kept) -> Vec<Kept> {
        let mut all = crate::lock(&self.all);
        let mut gone = Vec::from_iter(all.take(url));
        if kept.body.bytes > self.bound {
            return gone;
        }
        while all.bytes + kept.body.bytes > self.bound || all.entries.len() >= REMEMBERED {
            let oldest = all.entries.iter().min_by_key(|(_, (_, used))| *used).map(|(url, _)| url.clone());
            let Some(oldest) = oldest.and_then(|url| all.take(&url)) else { break };
            gone.push(oldest);
        }
        all.bytes += kept.body.bytes;
        all.uses += 1;
        let used = all.uses;
        all.entries.insert(url.to_owned(), (kept, used));
        gone
    }

    /// Whether what is kept of a URL has this key.
    pub(super) fn keeps(&self, url: &str, key: &str) -> bool {
        crate::lock(&self.all).entries.get(url).is_some_and(|(kept, _)| kept.body.key == key)
    }

    /// Keeps it no longer.
    #[must_use]
    pub(super) fn remove(&self, url: &str) -> Option<Kept> {
        crate::lock(&self.all).take(url)
    }

    /// Nothing is fresh any more: each server is asked before its sound is used again.
    pub(super) fn expire(&self, now: Instant) {
        crate::lock(&self.all).entries.values_mut().for_each(|(kept, _)| kept.fresh_until = now);
    }

    /// What is kept of a URL is used until then without asking its server again.
    pub(super) fn postpone(&self, url: &str, until: Instant) {
        if let Some((kept, _)) = crate::lock(&self.all).entries.get_mut(url) {
            kept.fresh_until = until;
        }
    }
}

impl All {
    fn take(&mut self, url: &str) -> Option<Kept> {
        let (kept, _) = self.entries.remove(url)?;
        self.bytes -= kept.body.bytes;
        Some(kept)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(shelf: &Shelf, key: &str, bytes: usize) -> Kept {
        let file = shelf.file();
        fs::create_dir_all(&shelf.directory).expect("made");
        fs::write(file.path(), vec![0; bytes]).expect("written");
        let now = crate::events::monotonic();
        let body = Body { key: key.to_owned(), bytes: bytes as u64, origin: Origin::Fleeting(file) };
        Kept { body, at: String::new(), terms: Terms::default(), confirmed: now, fresh_until: now }
    }

    /// Keeps something of so many bytes under this name: which keys went for it.
    fn put(shelf: &Shelf, url: &str, key: &str, bytes: usize) -> Vec<String> {
        shelf.put(url, kept(shelf, key, bytes)).into_iter().map(|gone| gone.body.key).collect()
    }

    fn files(shelf: &Shelf) -> usize {
        fs::read_dir(&shelf.directory).expect("there").count()
    }

    #[test]
    fn the_longest_unused_goes_first_and_what_is_heard_stays_until_it_is_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let shelf = Shelf::new(folder.path().join("web"), 1_000);
        for url in ["a", "b"] {
            assert!(put(&shelf, url, url, 400).is_empty());
        }
        let heard = shelf.get("b").expect("kept");
        assert!(shelf.get("a").is_some());
        assert_eq!(put(&shelf, "c", "c", 400), ["b"]);
        assert!(shelf.get("a").is_some() && shelf.get("b").is_none());
        assert_eq!(files(&shelf), 3);
        drop(heard);
        assert_eq!(files(&shelf), 2);
        assert_eq!(put(&shelf, "a", "A", 500), ["a"], "what changed has another name");
        assert!(put(&shelf, "giant", "giant", 1_001).is_empty());
        assert!(shelf.get("giant").is_none() && shelf.get("c").is_some());
        assert!(shelf.remove("c").is_some_and(|gone| gone.body.key == "c"));
        assert_eq!(files(&shelf), 1);
    }

    #[test]
    fn what_an_earlier_process_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["1-1.sound", "notes.txt"] {
            fs::write(folder.path().join(name), b"x").expect("written");
        }
        let shelf = Shelf::new(folder.path().to_owned(), 1_000);
        assert_eq!(files(&shelf), 1);
    }
}
