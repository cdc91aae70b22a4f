//! The threads that write recordings: one for WAV files, and a few that encode, so that encoding delays no WAV file.
//!
//! Each file is served in rounds: one write of what its ring holds, and its header or page made right, so that what a crash
//! costs is less than a second at every moment.
//! A recording whose file fails is told as failed; its ring is let go of, which is how the worker learns of it.

mod intake;

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::Thread;
use std::time::{Duration, Instant};

use audio::WriteError;
use audio::write::Layout;
use audio::write::opus::OpusWriter;
use audio::write::wav::WavWriter;
pub(crate) use intake::Intake;

use crate::clock;
use crate::error::Error;
use crate::file::Sheet;
use crate::id::LegId;
use crate::lame::Mp3Writer;
use crate::recording::{Ended, Format, Verdict};
use crate::repair;

/// How often a file is served: a quarter of what its ring holds. Fewer and longer writes cost less; a crash costs more.
const ROUND: Duration = Duration::from_millis(450);
/// Files whose turn comes within so much are served together.
const TOGETHER: Duration = Duration::from_millis(20);
/// Threads that encode, at most.
const ENCODERS: usize = 4;

/// What a disk thread is told.
pub(crate) enum Note {
    Begin(Job),
    Ended(Key),
    End,
}

/// Which recording.
type Key = (LegId, u64);

/// A recording to be written.
pub(crate) struct Job {
    pub(crate) leg: LegId,
    pub(crate) tag: u64,
    pub(crate) path: PathBuf,
    pub(crate) format: Format,
    pub(crate) layout: Layout,
    pub(crate) verdict: Verdict,
    pub(crate) ring: Intake,
}

/// What became of it.
pub(crate) struct Done {
    pub(crate) leg: LegId,
    pub(crate) tag: u64,
    pub(crate) path: PathBuf,
    pub(crate) ended: Ended,
    pub(crate) result: Result<Duration, String>,
}

/// The way to the disk threads.
#[derive(Clone)]
pub(crate) struct Disks {
    plain: Sender<Note>,
    encoders: Vec<Sender<Note>>,
}

impl Disks {
    /// The way, and its end: for each thread its name and what it is told.
    pub(crate) fn new() -> (Disks, Vec<(String, Receiver<Note>)>) {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut disks = Vec::new();
        let mut disk = |name| {
            let (sender, notes) = mpsc::channel();
            disks.push((name, notes));
            sender
        };
        let plain = disk("media-disk".into());
        let encoders = (0..cores.min(ENCODERS)).map(|n| disk(format!("media-encode-{n}"))).collect();
        (Disks { plain, encoders }, disks)
    }

    /// Write this recording.
    pub(crate) fn begin(&self, job: Job) -> Result<(), Error> {
        let n = (job.leg.place as usize).checked_rem(self.encoders.len()).unwrap_or_default();
        let to = match job.format {
            Format::Wav => &self.plain,
            Format::Mp3 { .. } | Format::Opus { .. } => self.encoders.get(n).unwrap_or(&self.plain),
        };
        to.send(Note::Begin(job)).map_err(|_| Error::Stopped)
    }

    /// The worker has let go of this recording: it can be finished now.
    pub(crate) fn ended(&self, leg: LegId, tag: u64) {
        for to in self.all() {
            // Without a disk thread there is no file to finish.
            let _ = to.send(Note::Ended((leg, tag)));
        }
    }

    /// The workers have let go of all rings: finish and end.
    pub(crate) fn end(&self) {
        for to in self.all() {
            // One that has ended already needs no telling.
            let _ = to.send(Note::End);
        }
    }

    fn all(&self) -> impl Iterator<Item = &Sender<Note>> {
        std::iter::once(&self.plain).chain(&self.encoders)
    }
}

/// What a disk thread owns.
pub(crate) struct Disk {
    notes: Receiver<Note>,
    done: Sender<Done>,
    carrier: Thread,
    open: HashMap<Key, Open>,
    /// Whose turn comes when. All wait equally long, so the first is always next; those that ended meanwhile are not there any more.
    turns: VecDeque<(Instant, Key)>,
    /// When some were served last.
    rounded: Instant,
}

impl Disk {
    pub(crate) fn new(notes: Receiver<Note>, done: Sender<Done>, carrier: Thread) -> Disk {
        let (open, turns) = (HashMap::new(), VecDeque::new());
        Disk { notes, done, carrier, open, turns, rounded: clock::now() }
    }

    /// Until the end is told.
    pub(crate) fn run(mut self) {
        while self.step() {}
    }

    /// Take the next note, or serve those whose turn it is; `false` at the end.
    ///
    /// Where there is no end of either, both get half of the time: rings fill up, however many recordings begin and end.
    fn step(&mut self) -> bool {
        let now = clock::now();
        let rest = self.turns.front().map(|(due, _)| due.saturating_duration_since(now));
        let waited = now.saturating_duration_since(self.rounded) >= ROUND / 2;
        let note = match rest {
            None => self.notes.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(Duration::ZERO) if waited => Err(RecvTimeoutError::Timeout),
            Some(rest) => self.notes.recv_timeout(rest),
        };
        match note {
            Ok(Note::Begin(job)) => self.begin(job),
            Ok(Note::Ended(key)) => self.finish(key),
            Err(RecvTimeoutError::Timeout) => self.round(),
            Ok(Note::End) | Err(RecvTimeoutError::Disconnected) => {
                for key in self.open.keys().copied().collect::<Vec<_>>() {
                    self.finish(key);
                }
                return false;
            }
        }
        true
    }

    fn begin(&mut self, job: Job) {
        let key = (job.leg, job.tag);
        // A tag that is used again means another recording.
        self.finish(key);
        match Writer::new(&job) {
            Ok(writer) => {
                // The news of its end may have come before it.
                let over = job.ring.is_abandoned();
                let due = clock::now() + ROUND;
                self.open.insert(key, Open { job, writer, due });
                self.turns.push_back((due, key));
                if over {
                    self.finish(key);
                }
            }
            Err(why) => self.tell(job, Err(why.to_string())),
        }
    }

    /// Serve those whose turn it is.
    fn round(&mut self) {
        let now = clock::now();
        while let Some(&(due, key)) = self.turns.front()
            && due <= now + TOGETHER
        {
            self.turns.pop_front();
            let Some(open) = self.open.get_mut(&key).filter(|open| open.due == due) else { continue };
            open.due = now + ROUND;
            match open.serve() {
                // Nobody said so: its leg stumbled.
                Ok(()) if open.job.ring.is_abandoned() => self.finish(key),
                Ok(()) => self.turns.push_back((open.due, key)),
                Err(why) => self.fail(key, &why),
            }
        }
        self.rounded = clock::now();
    }

    /// The rest of its ring, and its end.
    fn finish(&mut self, key: Key) {
        let Some(mut open) = self.open.remove(&key) else { return };
        if let Err(why) = open.serve() {
            self.open.insert(key, open);
            return self.fail(key, &why);
        }
        if let Err(why) = open.end() {
            self.open.insert(key, open);
            return self.fail(key, &why);
        }
        match open.writer.finish() {
            Ok(duration) => self.tell(open.job, Ok(duration)),
            Err(why) => self.broken(open.job, &why),
        }
    }

    fn fail(&mut self, key: Key, why: &WriteError) {
        let Some(Open { job, writer, .. }) = self.open.remove(&key) else { return };
        drop(writer);
        self.broken(job, why);
    }

    /// What was written until now is made a whole file, which takes no more room than it has.
    fn broken(&self, job: Job, why: &WriteError) {
        repair::repair_recording(&job.path);
        self.tell(job, Err(why.to_string()));
    }

    fn tell(&self, job: Job, result: Result<Duration, String>) {
        let Job { leg, tag, path, ring, verdict, .. } = job;
        drop(ring);
        // Without a carrier there is nobody to tell.
        let _ = self.done.send(Done { leg, tag, path, ended: verdict.get(), result });
        self.carrier.unpark();
    }
}

/// A recording being written.
struct Open {
    job: Job,
    writer: Writer,
    /// Its next turn.
    due: Instant,
}

impl Open {
    /// Write what the ring holds.
    fn serve(&mut self) -> Result<(), WriteError> {
        let mut samples = Vec::new();
        self.job.ring.take(&mut samples);
        self.write(&samples)
    }

    /// Write what comes of it when nothing more does.
    fn end(&mut self) -> Result<(), WriteError> {
        let mut samples = Vec::new();
        self.job.ring.end(&mut samples);
        self.write(&samples)
    }

    fn write(&mut self, samples: &[i16]) -> Result<(), WriteError> {
        if samples.is_empty() {
            return Ok(());
        }
        self.writer.write(samples)?;
        self.writer.flush()
    }
}

/// Of three bitrates for one channel, narrow, wide and full, that of the layout; two channels take half as much again.
fn by_rate(layout: Layout, [narrow, wide, full]: [u32; 3]) -> u32 {
    let one = match layout.rate.hertz() {
        ..=8_000 => narrow,
        8_001..=16_000 => wide,
        _ => full,
    };
    if layout.stereo { one * 3 / 2 } else { one }
}

/// A file in its format.
enum Writer {
    Wav(WavWriter<Sheet>),
    Mp3(Mp3Writer<Sheet>),
    Opus(Box<OpusWriter<Sheet>>),
}

impl Writer {
    fn new(job: &Job) -> Result<Writer, WriteError> {
        if let Some(folder) = job.path.parent() {
            // If it cannot be made, making the file says why.
            let _ = fs::create_dir_all(folder);
        }
        let file = Sheet::new(File::create(&job.path)?);
        let writer = match job.format {
            Format::Wav => WavWriter::new(file, job.layout).map(Writer::Wav),
            Format::Mp3 { kbps } => {
                let kbps = kbps.unwrap_or(by_rate(job.layout, [24, 32, 64]) as u16);
                Mp3Writer::new(file, job.layout, kbps).map(Writer::Mp3)
            }
            Format::Opus { bitrate } => {
                let bitrate = bitrate.unwrap_or(by_rate(job.layout, [16_000, 24_000, 32_000]));
                let serial = job.leg.place.rotate_left(16) ^ job.tag as u32;
                OpusWriter::new(file, job.layout, bitrate, serial).map(Box::new).map(Writer::Opus)
            }
        };
        let empty = |about: fs::Metadata| about.is_file() && about.len() == 0;
        if writer.is_err() && fs::symlink_metadata(&job.path).is_ok_and(empty) {
            // If it stays, it is an empty file more.
            let _ = fs::remove_file(&job.path);
        }
        writer
    }

    fn write(&mut self, samples: &[i16]) -> Result<(), WriteError> {
        match self {
            Writer::Wav(file) => file.write(samples),
            Writer::Mp3(file) => file.write(samples),
            Writer::Opus(file) => file.write(samples),
        }
    }

    fn flush(&mut self) -> Result<(), WriteError> {
        match self {
            Writer::Wav(file) => file.flush(),
            // Its frames are written as they come.
            Writer::Mp3(_) => Ok(()),
            Writer::Opus(file) => file.flush(),
        }
    }

    fn finish(self) -> Result<Duration, WriteError> {
        match self {
            Writer::Wav(file) => file.finish(),
            Writer::Mp3(file) => file.finish(),
            Writer::Opus(file) => file.finish(),
        }
    }
}

#[cfg(test)]
mod tests;
