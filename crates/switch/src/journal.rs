//! Journals of calls: a file a call, with all that its flow was told, so that it can be run again offline.
//!
//! A call hands its lines over and never waits; a task writes them. When the disk cannot take them, journals are given
//! up until the next start, with one line in the log. A call whose lines find no room has a journal that breaks off.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use flow::ir::{Forced, Program};
use flow::journal::{Begun, LIMIT, Line, Origin, Told};
use flow::{Input, Machine, Start};
use store::{Document, Flows};
use tokio::sync::{mpsc, oneshot};

use crate::call::CallId;
use crate::events::wall_clock;

/// Lines waiting for the disk.
const QUEUE: usize = 8_192;
/// Bytes of replies that wait with them.
const WAITING: usize = 64 << 20;
/// Lines written at a time.
const BATCH: usize = 512;

enum Job {
    Line(Arc<Sheet>, Line, usize),
    Flush(oneshot::Sender<()>),
}

/// A call's file.
#[derive(Debug)]
struct Sheet {
    path: PathBuf,
    bytes: AtomicUsize,
    full: AtomicBool,
}

/// The way to the writer, if journals are kept.
#[derive(Clone)]
pub(crate) struct Journals(Option<Way>);

#[derive(Clone)]
struct Way {
    directory: Arc<PathBuf>,
    queue: mpsc::Sender<Job>,
    waiting: Arc<AtomicUsize>,
}

/// The journal of a call.
pub(crate) struct Journal {
    way: Way,
    sheet: Arc<Sheet>,
    /// Documents that are in it, by their place.
    documents: Vec<(Arc<Document>, Forced, u32)>,
    /// Numbers of documents so far.
    numbers: u32,
    /// Nodes that the flow had entered at the last snapshot.
    entered: u32,
    /// A line was lost: what follows would make no sense.
    broken: bool,
}

impl Journals {
    /// A writer of files in `directory`, or none.
    pub(crate) fn start(directory: Option<PathBuf>) -> Journals {
        Journals(directory.map(|directory| {
            let (queue, jobs) = mpsc::channel(QUEUE);
            let waiting = Arc::new(AtomicUsize::new(0));
            tokio::spawn(write(jobs, waiting.clone()));
            Way { directory: Arc::new(directory), queue, waiting }
        }))
    }

    /// Begins the journal of a call, if journals are kept. `flows` knows the document that its program was made from.
    pub(crate) fn begin(&self, call: CallId, start: &Start, flows: &Flows) -> Option<Journal> {
        let way = self.0.clone()?;
        // Calls' names come again after a while.
        let path = way.directory.join(format!("{}-{call}.jsonl", wall_clock().strftime("%Y%m%dT%H%M%S")));
        let sheet = Arc::new(Sheet { path, bytes: AtomicUsize::new(0), full: AtomicBool::new(false) });
        let mut journal =
            Journal { way, sheet, documents: Vec::new(), numbers: 0, entered: 0, broken: false };
        let id = &start.facts.flow_id;
        let document = flows.document(id);
        let document = document.as_ref().and_then(|found| Some((found, forced(found, &start.program)?)));
        journal.line(Line::header(), 0);
        let number = match (document, id.split_once('/')) {
            (Some((document, forced)), _) => journal.document(document, forced),
            (None, Some(("user", name))) => journal.origin(id, Origin::User(name.to_owned())),
            (None, Some(("trunk", number))) => journal.origin(id, Origin::Outside(number.to_owned())),
            (None, Some(("conference", name))) => journal.origin(id, Origin::Conference(name.to_owned())),
            // Its file was read again in this very moment.
            _ => return None,
        };
        let (facts, variables, settings) =
            (start.facts.clone(), start.variables.clone(), start.settings.clone());
        let begun = Begun { document: number, facts, variables, settings };
        journal.line(Line::Start(Box::new(begun)), 0);
        Some(journal)
    }

    /// Returns when everything before is on disk.
    pub(crate) async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        if let Some(way) = &self.0
            && way.queue.send(Job::Flush(done)).await.is_ok()
        {
            // A writer that is gone has nothing to flush.
            let _ = wait.await;
        }
    }
}

impl Journal {
    /// An input of the flow, `at` after the call began; with the document that it brings.
    pub(crate) fn input(&mut self, at: Duration, input: &Input, document: Option<&Arc<Document>>) {
        if self.broken {
            return;
        }
        let program = match input {
            Input::Document(_, Some(program)) | Input::Codes(_, Some(program)) => Some(program),
            _ => None,
        };
        let brought = document.zip(program);
        let number = brought.map(|(document, program)| {
            self.document(document, forced(document, program).unwrap_or_default())
        });
        let line = Line::input(at, input, number);
        let weight = match &line {
            Line::Input { input: Told::Reply { reply, .. }, .. } => reply.body.len(),
            _ => 0,
        };
        self.line(line, weight);
    }

    /// The flow has done what it does for now: if it waits at another node than before, its snapshot is written down.
    pub(crate) fn settled(&mut self, machine: &Machine) {
        let entered = machine.admitted();
        if self.broken || entered == self.entered {
            return;
        }
        self.entered = entered;
        if let Some(snapshot) = machine.snapshot() {
            self.line(Line::Snapshot(Box::new(snapshot)), 0);
        }
    }

    /// The number of a document with these calendar rules forced, which is written down if it is new.
    fn document(&mut self, document: &Arc<Document>, forced: Forced) -> u32 {
        let same =
            |known: &&(Arc<Document>, Forced, u32)| Arc::ptr_eq(&known.0, document) && known.1 == forced;
        if let Some((.., number)) = self.documents.iter().find(same) {
            return *number;
        }
        let (dialect, source) = (document.dialect.name().to_owned(), document.source.clone());
        let origin = Origin::Document { dialect, source, forced: forced.clone() };
        let number = self.origin(&document.id, origin);
        self.documents.push((document.clone(), forced, number));
        number
    }

    fn origin(&mut self, name: &str, origin: Origin) -> u32 {
        self.numbers += 1;
        self.line(Line::Document { number: self.numbers, name: name.to_owned(), origin }, 0);
        self.numbers
    }

    fn line(&mut self, line: Line, weight: usize) {
        if self.broken {
            return;
        }
        let room = self.way.waiting.fetch_add(weight, Ordering::Relaxed) + weight <= WAITING;
        let job = Job::Line(self.sheet.clone(), line, weight);
        if !room || self.way.queue.try_send(job).is_err() {
            self.way.waiting.fetch_sub(weight, Ordering::Relaxed);
            self.broken = true;
            metrics::counter!("offhook_journals_broken_total").increment(1);
        }
    }
}

/// The calendar rules that are forced in a program that was made of a document; `None` if it was made of another one.
fn forced(document: &Document, program: &Arc<Program>) -> Option<Forced> {
    match Arc::ptr_eq(&document.program, program) {
        true => Some(Forced::new()),
        false => document.program.forced_in(program),
    }
}

async fn write(mut jobs: mpsc::Receiver<Job>, waiting: Arc<AtomicUsize>) {
    let mut batch = Vec::new();
    while jobs.recv_many(&mut batch, BATCH).await > 0 {
        let (mut lines, mut done) = (Vec::new(), Vec::new());
        for job in batch.drain(..) {
            match job {
                Job::Line(sheet, line, weight) => {
                    waiting.fetch_sub(weight, Ordering::Relaxed);
                    lines.push((sheet, line));
                }
                Job::Flush(sender) => done.push(sender),
            }
        }
        let written = tokio::task::spawn_blocking(move || append(lines)).await;
        for sender in done {
            // Whoever waited may have given up.
            let _ = sender.send(());
        }
        if let Ok(Err((path, error))) = written {
            tracing::error!(
                file = %path.display(), %error,
                "journals cannot be written and are given up until the next start"
            );
            return;
        }
    }
}

/// Appends the lines, those of a call at once.
fn append(mut lines: Vec<(Arc<Sheet>, Line)>) -> Result<(), (PathBuf, std::io::Error)> {
    // A stable sort: the order in a call stays.
    lines.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
    for call in lines.chunk_by(|(a, _), (b, _)| a.path == b.path) {
        let Some((sheet, _)) = call.first() else { continue };
        let mut text = String::new();
        for (_, line) in call {
            if sheet.full.load(Ordering::Relaxed) {
                break;
            }
            let json = line.json();
            let full = sheet.bytes.fetch_add(json.len() + 1, Ordering::Relaxed) + json.len() + 1 > LIMIT;
            sheet.full.store(full, Ordering::Relaxed);
            text += if full { Line::Full.json() } else { json }.as_str();
            text.push('\n');
        }
        if text.is_empty() {
            continue;
        }
        // What callers press and what servers say of them is for the operator's eyes only.
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(&sheet.path);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| (sheet.path.clone(), error))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use flow::leg::{LegEvent, Tag};
    use flow::{Facts, HttpReply, Settings};
    use serde_json::json;

    use super::*;

    fn flows() -> (Flows, Start) {
        let mut flows = Flows::new();
        flows.add(Document::read("a.json", None, json!({"module": "answer", "data": {}})).unwrap());
        let program = flows.document("a.json").unwrap().program.clone();
        let facts = Facts { flow_id: "a.json".into(), ..Facts::default() };
        (flows, Start::new(program, facts, Settings::default()))
    }

    fn key() -> Input {
        Input::Leg(Tag(0), LegEvent::Digit('1'))
    }

    #[tokio::test]
    async fn a_journal_is_bounded_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let (flows, start) = flows();
        let journals = Journals::start(Some(folder.path().to_owned()));
        let id: CallId = "call-000001".parse().unwrap();
        let mut journal = journals.begin(id, &start, &flows).unwrap();
        for n in 0..40 {
            let (content_type, note) = (String::new(), String::new());
            let reply = HttpReply { status: 200, content_type, body: vec![b'x'; 1 << 20], note };
            journal.input(Duration::from_secs(n), &Input::Http(Tag(n), Ok(reply)), None);
            journals.flush().await;
        }
        let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
        assert!(file.to_string_lossy().ends_with("-call-000001.jsonl"), "{file:?}");
        let text = std::fs::read_to_string(file).unwrap();
        assert!(text.len() <= LIMIT + 100, "{}", text.len());
        assert_eq!(text.lines().last(), Some("{\"kind\":\"full\"}"));
        let replay = flow::journal::replay(text.lines().chain([])).unwrap();
        assert!(replay.notes.iter().any(|note| note.contains("was full")), "{:?}", replay.notes);
    }

    #[tokio::test]
    async fn a_disk_that_takes_nothing_ends_the_journals_and_no_call() {
        let (flows, start) = flows();
        // Every write to it fails as on a full disk.
        let journals = Journals::start(Some(PathBuf::from("/dev/full")));
        let mut journal = journals.begin("call-000001".parse().unwrap(), &start, &flows).unwrap();
        journals.flush().await;
        while !journal.broken {
            journal.input(Duration::ZERO, &key(), None);
            tokio::task::yield_now().await;
        }
        let mut next = journals.begin("call-000002".parse().unwrap(), &start, &flows).unwrap();
        next.input(Duration::ZERO, &key(), None);
        assert!(next.broken);
    }

    #[tokio::test]
    async fn a_writer_that_is_behind_costs_a_journal_and_no_time() {
        let folder = tempfile::tempdir().unwrap();
        let (flows, start) = flows();
        let journals = Journals::start(Some(folder.path().to_owned()));
        let mut journal = journals.begin("call-000001".parse().unwrap(), &start, &flows).unwrap();
        // Without a pause the writer, a task of the same thread, never gets its turn.
        for _ in 0..2 * QUEUE {
            journal.input(Duration::ZERO, &key(), None);
        }
        assert!(journal.broken);
    }
}
