//! The disk thread: takes recordings out of their rings and writes them as WAV files.
//!
//! A file's header is valid at every moment, and every half second right: what a crash costs is less than a second.
//! A recording whose file fails is told as failed; its ring is let go of, which is how the worker learns of it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread::Thread;
use std::time::Duration;

use audio::write::wav::WavWriter;
use audio::{Rate, WriteError};
use rtrb::Consumer;

use crate::id::LegId;

/// How often rings are emptied while any recording runs: an eighth of what they hold. Fewer and longer writes cost less.
const ROUND: Duration = Duration::from_millis(250);

/// What the disk thread is told.
pub(crate) enum Note {
    /// A recording begins.
    Begin(Job),
    /// A worker has let go of a ring: it can be finished now.
    Look,
    /// The workers have let go of all rings: finish and end.
    End,
}

/// A recording to be written.
pub(crate) struct Job {
    pub(crate) leg: LegId,
    pub(crate) tag: u64,
    pub(crate) path: PathBuf,
    pub(crate) rate: Rate,
    pub(crate) ring: Consumer<i16>,
}

/// What became of it.
pub(crate) struct Done {
    pub(crate) leg: LegId,
    pub(crate) tag: u64,
    pub(crate) path: PathBuf,
    pub(crate) result: Result<Duration, String>,
}

/// A recording being written.
struct Open {
    job: Job,
    file: WavWriter<File>,
    /// Samples since the header was last made right.
    unflushed: usize,
}

/// What the disk thread owns.
pub(crate) struct Disk {
    pub(crate) notes: Receiver<Note>,
    pub(crate) done: Sender<Done>,
    pub(crate) carrier: Thread,
}

impl Disk {
    /// Until [`Note::End`].
    pub(crate) fn run(self) {
        let mut open: Vec<Open> = Vec::new();
        loop {
            let next = if open.is_empty() {
                self.notes.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                self.notes.recv_timeout(ROUND)
            };
            let mut ending = false;
            match next {
                Ok(Note::Begin(job)) => match begin(&job) {
                    Ok(file) => open.push(Open { job, file, unflushed: 0 }),
                    Err(why) => self.tell(job, Err(why.to_string())),
                },
                Ok(Note::Look) | Err(RecvTimeoutError::Timeout) => {}
                Ok(Note::End) | Err(RecvTimeoutError::Disconnected) => ending = true,
            }
            for mut one in std::mem::take(&mut open) {
                // Asked before reading: what is written before the ring is abandoned must be read.
                let over = ending || one.job.ring.is_abandoned();
                match one.empty() {
                    Err(why) => self.tell(one.job, Err(why.to_string())),
                    Ok(()) if !over => open.push(one),
                    Ok(()) => {
                        let result = one.file.finish().map_err(|why| why.to_string());
                        self.tell(one.job, result);
                    }
                }
            }
            if ending {
                return;
            }
        }
    }

    fn tell(&self, job: Job, result: Result<Duration, String>) {
        let Job { leg, tag, path, ring, .. } = job;
        drop(ring);
        // Without a carrier there is nobody to tell.
        let _ = self.done.send(Done { leg, tag, path, result });
        self.carrier.unpark();
    }
}

fn begin(job: &Job) -> Result<WavWriter<File>, WriteError> {
    if let Some(folder) = job.path.parent() {
        // If it cannot be made, making the file says why.
        let _ = fs::create_dir_all(folder);
    }
    create(&job.path).map_err(WriteError::Io).and_then(|file| WavWriter::new(file, job.rate))
}

fn create(path: &Path) -> std::io::Result<File> {
    File::create(path)
}

impl Open {
    /// Write what the ring holds.
    fn empty(&mut self) -> Result<(), WriteError> {
        let ready = self.job.ring.slots();
        if let Ok(chunk) = self.job.ring.read_chunk(ready) {
            let (first, second) = chunk.as_slices();
            for part in [first, second] {
                if !part.is_empty() {
                    self.file.write(part)?;
                }
            }
            chunk.commit_all();
        }
        self.unflushed += ready;
        if self.unflushed >= self.job.rate.0 as usize / 2 {
            self.file.flush()?;
            self.unflushed = 0;
        }
        Ok(())
    }
}
