//! Where the file of an order lies: in the spool while it is owed, among the failed until somebody decides, beside its
//! recording when all is done.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::order::{self, End, Order};

/// The directories.
#[derive(Clone, Debug)]
pub(super) struct Shelf {
    recordings: PathBuf,
    pub(super) spool: PathBuf,
    /// Not read at the start: they are many if a server was away for long.
    pub(super) failed: PathBuf,
}

impl Shelf {
    pub(super) fn new(recordings: &Path) -> Shelf {
        let spool = recordings.join("spool");
        Shelf { recordings: recordings.to_owned(), failed: spool.join("failed"), spool }
    }

    /// Writes an order to where it belongs.
    pub(super) fn put(&self, order: &Order) -> io::Result<()> {
        if let Some(End::Discarded(_) | End::Short { .. }) = order.end {
            let file = self.recordings.join(&order.file);
            match fs::remove_file(&file) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    tracing::warn!(file = %file.display(), %error, "a recording that is not wanted stays");
                }
                _ => {}
            }
            return order.remove(&self.spool);
        }
        if order.is_done() && !order.is_sent() && !order.dropped {
            fs::create_dir_all(&self.failed)?;
            order.write(&self.failed, true)?;
            order::sync(&self.failed)?;
            return order.remove(&self.spool);
        }
        if order.is_done() {
            order.write(&self.recordings, false)?;
            order.remove(&self.failed)?;
            return order.remove(&self.spool);
        }
        let owed = !order.parcels.is_empty();
        if owed && order.end.is_some() {
            // Its samples before the promise to send them.
            if let Ok(file) = File::open(self.recordings.join(&order.file)) {
                file.sync_data()?;
            }
        }
        order.write(&self.spool, owed)?;
        // One that is sent again is among the failed no more.
        order.again.as_ref().map_or(Ok(()), |_| order.remove(&self.failed))
    }

    /// The order of this id that failed.
    pub(super) fn failed(&self, id: &str) -> Option<Order> {
        order::of(&self.failed.join(format!("{id}.json"))).ok()
    }

    /// The last that failed, so many at most, and how many there are.
    pub(super) fn all_failed(&self, most: usize) -> (Vec<Order>, usize) {
        let entries = fs::read_dir(&self.failed).into_iter().flatten().flatten();
        let of = |entry: fs::DirEntry| {
            let path = entry.path();
            let at = entry.metadata().and_then(|about| about.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
            path.extension().is_some_and(|extension| extension == "json").then_some((at, path))
        };
        let mut paths: Vec<_> = entries.filter_map(of).collect();
        let count = paths.len();
        paths.sort_by(|one, other| other.cmp(one));
        let orders = paths.iter().filter_map(|(_, path)| order::of(path).ok()).take(most).collect();
        (orders, count)
    }

    /// The order of this id that is done.
    pub(super) fn done(&self, id: &str) -> Option<Order> {
        order::of(&self.recordings.join(format!("{id}.json"))).ok()
    }
}
