//! Disk threads whose turns come when the test says so.

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
    let (disk, _, told) = disk_with_notes();
    (disk, told)
}

fn disk_with_notes() -> (Disk, Sender<Note>, Receiver<Done>) {
    let (tell, notes) = mpsc::channel();
    let (done, told) = mpsc::channel();
    (Disk::new(notes, done, std::thread::current()), tell, told)
}

/// A second ago.
fn before() -> Instant {
    clock::now() - Duration::from_secs(1)
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
        assert_eq!((done.result, done.ended), (Ok(Duration::from_millis(500)), Ended::Limit), "{format:?}");
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

#[test]
fn neither_files_nor_notes_wait_for_all_of_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let (mut disk, tell, _told) = disk_with_notes();
    let (job, mut write) = job(folder.path().join("a"), Format::Wav, 8_000);
    let key = (job.leg, job.tag);
    disk.begin(job);
    let due = |disk: &mut Disk| {
        let moment = before();
        disk.open.get_mut(&key).unwrap().due = moment;
        disk.turns[0].0 = moment;
    };
    for _ in 0..2 {
        tell.send(Note::Ended((key.0, 99))).unwrap();
    }
    write.push_entire_slice(&[1_000; 4_000]).unwrap();
    due(&mut disk);
    disk.rounded = before();
    assert!(disk.step());
    assert_eq!(write.slots(), 8_000, "its ring is empty, though there are notes");
    // Its turn is now again, as if all had taken long: the notes go first.
    write.push_entire_slice(&[1_000; 4_000]).unwrap();
    for _ in 0..2 {
        due(&mut disk);
        assert!(disk.step());
        assert_eq!(write.slots(), 4_000);
    }
    assert!(disk.step());
    assert_eq!(write.slots(), 8_000);
    tell.send(Note::End).unwrap();
    assert!(!disk.step());
}
