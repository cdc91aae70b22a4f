//! Call detail records: one JSON line a call, appended to a file when it ends, at least once.
//!
//! A call hands its line over and never waits; a thread of its own writes and syncs it ([`writer`]). A call that lives has
//! its line so far in a file beside the records ([`alive`]), so that the next start knows of those that a kill cut off.
//! The file is opened anew for each batch: whoever rotates it may rename it at any moment, and needs no signal.

mod alive;
mod writer;

use std::path::PathBuf;
use std::sync::mpsc;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use self::writer::{Job, Writer};
use crate::book::{CallState, CallView, LegState, LegView, Record, RecordingView};

/// Bytes of lines that wait for a disk that takes none: some hundred thousand calls.
const WAITING: usize = 256 << 20;

/// The way to the writer.
#[derive(Clone)]
pub(crate) struct Cdr(Option<mpsc::Sender<Job>>);

impl Cdr {
    /// A writer that appends to `file`, or none. Calls that were alive when the last one was killed get their lines first.
    pub(crate) fn start(file: Option<PathBuf>) -> Cdr {
        Cdr(file.and_then(|file| {
            let (sender, jobs) = mpsc::channel();
            let writer = Writer::new(file, WAITING);
            let started = std::thread::Builder::new().name("records".into()).spawn(move || writer.run(&jobs));
            if let Err(error) = &started {
                tracing::error!(%error, "no call records are written");
            }
            started.ok().map(|_| sender)
        }))
    }

    /// The record of a call that lives, as far as it is known.
    pub(crate) fn alive(&self, record: &Record) {
        if self.0.is_some() {
            let about = record.summary();
            self.send(Job::Alive(key(&about), line(&about)));
        }
    }

    /// The record of a finished call.
    pub(crate) fn write(&self, record: &Record) {
        if self.0.is_some() {
            let about = record.summary();
            self.send(Job::Over(key(&about), line(&about)));
        }
    }

    /// Returns when everything before is on disk, or the disk takes nothing.
    pub(crate) async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        self.send(Job::Flush(done));
        // A writer that is gone has nothing to flush.
        let _ = wait.await;
    }

    fn send(&self, job: Job) {
        if let Some(writer) = &self.0 {
            // The writer ends with the last way to it.
            let _ = writer.send(job);
        }
    }
}

/// A call's name comes again after a while; with its beginning it is its own.
fn key(call: &CallView) -> String {
    format!("{} {}", call.id, call.started)
}

/// The key of a record that was written.
fn key_of(line: &Value) -> Option<String> {
    Some(format!("{} {}", line.get("call")?.as_str()?, line.get("started")?.as_str()?))
}

fn text(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}

/// From one moment to another, in seconds.
fn seconds(from: Option<Timestamp>, to: Option<Timestamp>) -> Option<f64> {
    let length = to?.duration_since(from?).as_secs_f64();
    Some((length * 1_000.0).round() / 1_000.0)
}

fn leg(leg: &LegView) -> Value {
    let (cause, by, status) = match &leg.state {
        LegState::Ended { cause, by, status } => (Some(cause.as_str()), Some(by.word()), *status),
        _ => (None, None, None),
    };
    let quality = leg.quality;
    json!({
        "leg": leg.name,
        "party": leg.party,
        "trunk": leg.trunk,
        "began": leg.began.to_string(),
        "answered": text(leg.answered),
        "ended": text(leg.ended),
        "talk_s": seconds(leg.answered, leg.ended),
        "state": leg.state.word(),
        "cause": cause,
        "by": by,
        "status": status,
        "media": leg.media,
        "mos": quality.map(|quality| tenths(quality.mos)),
        "remote_mos": quality.and_then(|quality| quality.remote_mos).map(tenths),
        "lost": quality.map(|quality| quality.lost),
        "jitter_ms": quality.map(|quality| tenths(quality.jitter_ms)),
        "concealed_percent": quality.and_then(|quality| quality.concealed).map(|share| tenths(share * 100.0)),
    })
}

fn recording(view: &RecordingView) -> Value {
    let notes: serde_json::Map<_, _> =
        view.notes.iter().map(|(key, text)| (key.clone(), json!(text))).collect();
    json!({
        "id": view.id,
        "file": view.file,
        "began": view.began.to_string(),
        "seconds": view.seconds,
        "pauses": view.pauses.count,
        "paused_s": view.pauses.seconds(),
        "state": view.state.word(),
        "place": view.state.place(),
        "to": view.state.to(),
        "why": view.state.why(),
        "notes": notes,
    })
}

/// A figure with one place behind the point; more would be pretence.
fn tenths(figure: f32) -> f64 {
    (f64::from(figure) * 10.0).round() / 10.0
}

/// The record of a call; of one that lives, how it is now.
fn line(call: &CallView) -> Value {
    let (cause, by) = match &call.state {
        CallState::Ended { cause, by } => (Some(cause), Some(by)),
        _ => (None, None),
    };
    json!({
        "call": call.id.to_string(),
        "direction": call.direction.word(),
        "master": call.master.map(|master| master.to_string()),
        "sip_call_id": call.sip_call_id,
        "caller": call.caller,
        "called": call.called,
        "user": call.user,
        "flow": call.flow,
        "started": call.started.to_string(),
        "answered": text(call.answered),
        "ended": text(call.ended),
        "duration_s": seconds(Some(call.started), call.ended),
        "talk_s": seconds(call.answered, call.ended),
        "cause": cause,
        "by": by,
        "recordings": call.recordings.iter().map(recording).collect::<Vec<_>>(),
        "legs": call.legs.iter().map(leg).collect::<Vec<_>>(),
    })
}
