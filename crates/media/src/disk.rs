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
}

impl Disk {
    pub(crate) fn new(notes: Receiver<Note>, done: Sender<Done>, carrier: Thread) -> Disk {
        Disk { notes, done, carrier, open: HashMap::new(), turns: VecDeque::new() }
    }

    /// Until the end is told.
    pub(crate) fn run(mut self) {
        loop {
            let note = match self.turns.front() {
                None => self.notes.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some((due, _)) => self.notes.recv_timeout(due.saturating_duration_since(clock::now())),
            };
            match note {
                Ok(Note::Begin(job)) => self.begin(job),
                Ok(Note::Ended(key)) => self.finish(key),
                Err(RecvTimeoutError::Timeout) => self.round(),
                Ok(Note::End) | Err(RecvTimeoutError::Disconnected) => {
                    for key in self.open.keys().copied().collect::<Vec<_>>() {
                        self.finish(key);
                    }
                    return;
                }
            }
        }
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
mod tests {
    use audio::{Rate, tone};
    use rtrb::RingBuffer;
    use testkit::disk::SmallDisk;

    use super::*;

    const FORMATS: [Format; 3] = [Format::Wav, Format::Mp3 { kbps: None }, Format::Opus { bitrate: None }];

    fn job(path: PathBuf, format: Format, rate: u32) -> (Job, rtrb::Producer<i16>) {
        let (write, ring) = RingBuffer::new(8_000);
        let leg = LegId { home: 0, place: 3, generation: 0 };
        let layout = Layout::mono(Rate(rate));
        let ring = Intake::new(ring, layout.rate, layout);
        (Job { leg, tag: 7, path, format, layout, verdict: Verdict::default(), ring }, write)
    }

    fn disk() -> (Disk, Receiver<Done>) {
        let (_, notes) = mpsc::channel();
        let (done, told) = mpsc::channel();
        (Disk::new(notes, done, std::thread::current()), told)
    }

    #[test]
    fn a_format_that_cannot_be_is_told_and_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let (mut disk, told) = disk();
        for format in &FORMATS[1..] {
            let path = folder.path().join("deeper/a");
            let (job, write) = job(path.clone(), *format, 12_345);
            disk.begin(job);
            let done = told.try_recv().unwrap();
            assert_eq!((done.leg.place, done.tag), (3, 7));
            assert!(done.result.unwrap_err().contains("cannot be recorded"));
            assert!(write.is_abandoned() && !path.exists());
        }
    }

    #[test]
    fn a_recording_whose_end_is_told_before_its_beginning_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        for format in FORMATS {
            let (mut disk, told) = disk();
            let (job, mut write) = job(folder.path().join("a"), format, 8_000);
            write.push_entire_slice(&[1_000; 4_000]).unwrap();
            job.verdict.set(Ended::Limit);
            drop(write);
            disk.finish((job.leg, job.tag));
            disk.begin(job);
            let done = told.try_recv().unwrap();
            assert_eq!(
                (done.result, done.ended),
                (Ok(Duration::from_millis(500)), Ended::Limit),
                "{format:?}"
            );
            disk.round();
            assert!(told.try_recv().is_err());
        }
    }

    #[test]
    fn a_recording_whose_end_nobody_tells_is_complete() {
        let folder = tempfile::tempdir().unwrap();
        let (mut disk, told) = disk();
        let (job, mut write) = job(folder.path().join("a"), Format::Wav, 8_000);
        let key = (job.leg, job.tag);
        disk.begin(job);
        write.push_entire_slice(&[1_000; 4_000]).unwrap();
        drop(write);
        // Its turn is now.
        let now = clock::now();
        disk.open.get_mut(&key).unwrap().due = now;
        disk.turns[0].0 = now;
        disk.round();
        assert_eq!(told.try_recv().unwrap().result, Ok(Duration::from_millis(500)));
        assert!(disk.open.is_empty() && disk.turns.is_empty());
    }

    #[test]
    fn what_fits_a_full_disk_is_a_whole_file_in_each_format() {
        let Some(folder) = SmallDisk::of(64) else { return };
        let sound = tone::beep(440, Duration::from_millis(400), Rate::NARROW).samples;
        for format in FORMATS {
            let path = folder.path().join(format!("a.{}", format.extension()));
            let (mut disk, told) = disk();
            let (job, mut write) = job(path.clone(), format, 8_000);
            let key = (job.leg, job.tag);
            disk.begin(job);
            let mut rounds = 0;
            let done = loop {
                rounds += 1;
                assert!(rounds < 1_000, "{format:?}: the disk does not fill");
                write.push_entire_slice(&sound).unwrap();
                let served = disk.open.get_mut(&key).unwrap().serve();
                if let Err(why) = served {
                    disk.fail(key, &why);
                    break told.try_recv().unwrap();
                }
            };
            assert!(done.result.unwrap_err().contains("space"), "{format:?}");
            assert!(write.is_abandoned(), "{format:?}: the worker is not told");
            assert!(!repair::repair_recording(&path), "{format:?}: it is whole");
            let kept = audio::read::decode(fs::read(&path).unwrap(), Some(format.extension())).unwrap();
            let expected = Duration::from_millis(400) * (rounds - 3);
            assert!(kept.duration() > expected, "{format:?}: {:?} of {rounds} rounds", kept.duration());
            fs::remove_file(path).unwrap();
        }
    }
}
