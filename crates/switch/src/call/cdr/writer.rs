//! The thread that writes records: a batch at a time, synced before the next. What the disk does not take waits in
//! memory, is tried again every second, and is never half a line.

use std::collections::{HashSet, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;

use super::alive::Alive;
use super::key_of;

/// Before a disk that took nothing is tried again.
const AGAIN: Duration = Duration::from_secs(1);
/// How closely the next start knows when calls were seen last.
const BEAT: Duration = Duration::from_secs(5);
/// How much of the records' end is looked through for those of calls that were cut off.
const TAIL: u64 = 4 << 20;

/// What the writer is told.
pub(super) enum Job {
    /// A call lives: its key and its record so far.
    Alive(String, Value),
    /// A call is over.
    Over(String, Value),
    Flush(oneshot::Sender<()>),
}

/// See the module.
pub(super) struct Writer {
    file: PathBuf,
    alive: Alive,
    /// Lines that are not on the disk, by key, oldest first.
    waiting: VecDeque<(String, String)>,
    bytes: usize,
    most: usize,
    /// The disk took nothing when it was tried last.
    stuck: bool,
}

impl Writer {
    /// Of `file`, keeping `most` bytes while the disk takes none.
    pub(super) fn new(file: PathBuf, most: usize) -> Writer {
        let (alive, cut) = Alive::open(&file);
        let mut writer = Writer { file, alive, waiting: VecDeque::new(), bytes: 0, most, stuck: false };
        if !cut.is_empty() {
            let known = tail(&writer.file).unwrap_or_default();
            tracing::warn!(
                calls = cut.len(),
                "calls that were alive when the switch was killed get their records"
            );
            for (key, line) in cut {
                match known.contains(&key) {
                    // Killed between the record and the note of it.
                    true => writer.alive.over(&key),
                    false => writer.keep(key, &line),
                }
            }
        }
        writer
    }

    /// Until the last way to it is gone.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        self.write();
        loop {
            let job = match (self.stuck, self.alive.is_empty()) {
                (true, _) => jobs.recv_timeout(AGAIN),
                (false, false) => jobs.recv_timeout(BEAT),
                (false, true) => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let mut flushed = Vec::new();
            match job {
                Ok(job) => std::iter::once(job).chain(jobs.try_iter()).for_each(|job| match job {
                    Job::Alive(key, line) => self.alive.lives(key, line),
                    Job::Over(key, line) => self.keep(key, &line),
                    Job::Flush(done) => flushed.push(done),
                }),
                Err(RecvTimeoutError::Timeout) => self.alive.beat(),
                Err(RecvTimeoutError::Disconnected) => return self.write(),
            }
            self.write();
            for done in flushed {
                // Whoever waited may have given up.
                let _ = done.send(());
            }
        }
    }

    /// One line more to write. Of a call that finds no room here the next start still knows.
    fn keep(&mut self, key: String, line: &Value) {
        let text = format!("{line}\n");
        if self.bytes + text.len() > self.most {
            metrics::counter!("offhook_cdr_dropped_total").increment(1);
            return;
        }
        self.bytes += text.len();
        self.waiting.push_back((key, text));
    }

    /// Writes and syncs what waits.
    fn write(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        match append(&self.file, self.waiting.iter().map(|(_, line)| line.as_str())) {
            Ok(()) => {
                if std::mem::take(&mut self.stuck) {
                    tracing::info!(records = self.waiting.len(), "call records are written again");
                }
                self.bytes = 0;
                for (key, _) in std::mem::take(&mut self.waiting) {
                    self.alive.over(&key);
                }
            }
            Err(error) => {
                metrics::counter!("offhook_cdr_retried_total").increment(1);
                if !std::mem::replace(&mut self.stuck, true) {
                    tracing::error!(file = %self.file.display(), %error, "call records cannot be written; they wait");
                }
            }
        }
    }
}

/// Appends whole lines and syncs them; all or nothing of them.
fn append<'a>(path: &Path, lines: impl Iterator<Item = &'a str>) -> io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).read(true).open(path)?;
    let before = file.metadata()?.len();
    let mut text = String::new();
    if before > 0 && !ends_whole(&mut file, before)? {
        // A crash left half a line.
        text.push('\n');
    }
    text.extend(lines);
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_data());
    if written.is_err() {
        // What is left of it would be half a line for whoever reads it now.
        file.set_len(before)?;
    } else if before == 0
        && let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty())
    {
        File::open(directory)?.sync_all()?;
    }
    written
}

fn ends_whole(file: &mut File, length: u64) -> io::Result<bool> {
    let mut last = [0];
    file.seek(SeekFrom::Start(length - 1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

/// The keys of the last records in the file.
fn tail(path: &Path) -> io::Result<HashSet<String>> {
    let mut file = File::open(path)?;
    let from = file.metadata()?.len().saturating_sub(TAIL);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.lines().filter_map(|line| key_of(&serde_json::from_str(line).ok()?)).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use serde_json::json;
    use testkit::disk::SmallDisk;

    use super::*;

    fn record(call: u32) -> (String, Value) {
        let line =
            json!({"call": format!("call-{call:06x}"), "started": "2026-01-01T00:00:00Z", "cause": "normal"});
        (key_of(&line).unwrap(), line)
    }

    fn lives(call: u32) -> Job {
        let (key, line) = record(call);
        Job::Alive(key, line)
    }

    fn over(call: u32) -> Job {
        let (key, line) = record(call);
        Job::Over(key, line)
    }

    /// Runs a writer on these jobs, to its end.
    fn run(file: &Path, jobs: impl IntoIterator<Item = Job>) {
        let (sender, receiver) = mpsc::channel();
        jobs.into_iter().for_each(|job| sender.send(job).unwrap());
        drop(sender);
        Writer::new(file.to_owned(), 1 << 20).run(&receiver);
    }

    fn read(file: &Path) -> Vec<Value> {
        let text = std::fs::read_to_string(file).unwrap();
        text.lines().map(|line| serde_json::from_str(line).expect("a whole line")).collect()
    }

    #[test]
    fn a_call_that_was_alive_at_a_kill_gets_its_record_at_the_next_start_and_only_once() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cdr.jsonl");
        run(&file, [lives(1), lives(2), over(1)]);
        assert_eq!(read(&file).len(), 1);
        // A kill in the middle of both files.
        std::fs::OpenOptions::new().append(true).open(&file).unwrap().write_all(b"{\"call\": \"ca").unwrap();
        let alive = folder.path().join("cdr.jsonl.alive");
        std::fs::OpenOptions::new().append(true).open(&alive).unwrap().write_all(b"{\"over\": \"ca").unwrap();
        run(&file, []);
        let text = std::fs::read_to_string(&file).unwrap();
        let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert_eq!(
            (&last["call"], &last["cause"], &last["by"]),
            (&json!("call-000002"), &json!("killed"), &json!("server"))
        );
        assert!(last["last_seen"].is_string() && last.get("at").is_none(), "{last}");
        assert_eq!(text.lines().count(), 3, "half a line stays a line of its own:\n{text}");
        run(&file, [lives(3), over(3)]);
        assert_eq!(std::fs::read_to_string(&file).unwrap().lines().count(), 4, "once is enough");
    }

    #[test]
    fn a_record_that_was_written_before_the_kill_is_not_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cdr.jsonl");
        run(&file, [lives(1)]);
        // Killed when the record was there, and the note of it was not.
        let (_, line) = record(1);
        std::fs::write(&file, format!("{line}\n")).unwrap();
        run(&file, []);
        assert_eq!(read(&file).len(), 1);
        run(&file, []);
        assert_eq!(read(&file).len(), 1);
    }

    #[test]
    fn a_file_that_is_moved_away_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cdr.jsonl");
        run(&file, [over(1)]);
        std::fs::rename(&file, folder.path().join("cdr.jsonl.1")).unwrap();
        run(&file, [over(2)]);
        assert_eq!(read(&file)[0]["call"], "call-000002");
        assert_eq!(read(&folder.path().join("cdr.jsonl.1"))[0]["call"], "call-000001");
    }

    #[test]
    fn a_file_of_those_who_live_does_not_grow_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cdr.jsonl");
        let (mut alive, _) = Alive::open(&file);
        for call in 0..40_000 {
            let (key, line) = record(call);
            alive.lives(key.clone(), line);
            if call > 2 {
                alive.over(&key);
            }
        }
        let length = std::fs::metadata(folder.path().join("cdr.jsonl.alive")).unwrap().len();
        assert!(length < super::super::alive::GROWN + (64 << 10), "{length}");
        drop(alive);
        assert_eq!(Alive::open(&file).1.len(), 3);
    }

    #[test]
    fn a_full_disk_keeps_records_whole_until_there_is_room_within_a_bound_that_is_counted() {
        let Some(folder) = SmallDisk::of(64) else { return };
        let (file, filler) = (folder.path().join("cdr.jsonl"), folder.path().join("filler"));
        let mut writer = Writer::new(file.clone(), 2_000);
        let mut call = 0;
        let mut keep = |writer: &mut Writer| {
            let (key, line) = record(call);
            call += 1;
            writer.keep(key, &line);
        };
        keep(&mut writer);
        writer.write();
        // All the room that there is, and what is left of the last page.
        let mut room = File::create(&filler).unwrap();
        while room.write_all(&[0; 512]).is_ok() {}
        while !writer.stuck {
            keep(&mut writer);
            writer.write();
        }
        let whole = read(&file).len();
        let waiting = writer.waiting.len();
        keep(&mut writer);
        writer.write();
        assert!(writer.stuck && writer.waiting.len() == waiting + 1);
        assert_eq!(read(&file).len(), whole, "no half lines");
        // Beyond the bound they are given up.
        for _ in 0..100 {
            keep(&mut writer);
        }
        assert!(writer.bytes <= 2_000 && writer.waiting.len() < 60, "{}", writer.waiting.len());
        let waiting = writer.waiting.len();
        std::fs::remove_file(&filler).unwrap();
        drop(room);
        writer.write();
        assert!(!writer.stuck && writer.waiting.is_empty());
        assert_eq!(read(&file).len(), whole + waiting);
        drop(writer);
    }
}
