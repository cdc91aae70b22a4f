//! Call detail records: one JSON line a call, appended to a file when it ends.
//!
//! A writer task owns the file. When the disk is behind, lines are dropped and counted; a call never waits for it.

use std::path::{Path, PathBuf};

use serde_json::json;
use tokio::fs::OpenOptions;
use tokio::io::AsyncWriteExt;
use tokio::sync::{mpsc, oneshot};

use crate::book::{CallState, CallView, LegState, LegView, Record, RecordingView};

/// Lines waiting for the disk: two seconds of the most calls that a core ends.
const QUEUE: usize = 8_192;

enum Job {
    Line(String),
    Flush(oneshot::Sender<()>),
}

/// The way to the writer.
#[derive(Clone)]
pub(crate) struct Cdr(Option<mpsc::Sender<Job>>);

impl Cdr {
    /// A writer that appends to `file`, or none.
    pub(crate) fn start(file: Option<PathBuf>) -> Cdr {
        Cdr(file.map(|file| {
            let (sender, queue) = mpsc::channel(QUEUE);
            tokio::spawn(write(file, queue));
            sender
        }))
    }

    /// Writes the record of a finished call, if records are kept.
    pub(crate) fn write(&self, record: &Record) {
        if let Some(writer) = &self.0
            && writer.try_send(Job::Line(line(&record.summary()))).is_err()
        {
            metrics::counter!("offhook_cdr_dropped_total").increment(1);
        }
    }

    /// Returns when everything before is on disk.
    pub(crate) async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        if let Some(writer) = &self.0
            && writer.send(Job::Flush(done)).await.is_ok()
        {
            // A writer that is gone has nothing to flush.
            let _ = wait.await;
        }
    }
}

async fn write(file: PathBuf, mut queue: mpsc::Receiver<Job>) {
    let mut text = String::new();
    let mut waiting = Vec::new();
    while let Some(mut job) = queue.recv().await {
        loop {
            match job {
                Job::Line(line) => {
                    text.push_str(&line);
                    text.push('\n');
                }
                Job::Flush(done) => waiting.push(done),
            }
            match queue.try_recv() {
                Ok(next) => job = next,
                Err(_) => break,
            }
        }
        if let Err(error) = append(&file, &text).await {
            tracing::error!(file = %file.display(), %error, "call records are lost");
        }
        text.clear();
        for done in waiting.drain(..) {
            // Whoever waited may have given up.
            let _ = done.send(());
        }
    }
}

async fn append(file: &Path, text: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(file).await?;
    file.write_all(text.as_bytes()).await?;
    file.flush().await
}

fn leg(leg: &LegView) -> serde_json::Value {
    let cause = match &leg.state {
        LegState::Ended { cause } => cause.as_str(),
        _ => "",
    };
    json!({
        "leg": leg.name,
        "party": leg.party,
        "answered": leg.answered.map(|at| at.to_string()),
        "ended": leg.ended.map(|at| at.to_string()),
        "cause": cause,
        "mos": leg.quality.map(|quality| tenths(quality.mos)),
        "remote_mos": leg.quality.and_then(|quality| quality.remote_mos).map(tenths),
        "lost": leg.quality.map(|quality| quality.lost),
        "jitter_ms": leg.quality.map(|quality| tenths(quality.jitter_ms)),
    })
}

fn recording(view: &RecordingView) -> serde_json::Value {
    let notes: serde_json::Map<_, _> =
        view.notes.iter().map(|(key, text)| (key.clone(), json!(text))).collect();
    json!({
        "id": view.id,
        "file": view.file,
        "began": view.began.to_string(),
        "seconds": view.seconds,
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

/// The record of a finished call.
fn line(call: &CallView) -> String {
    let (cause, by) = match &call.state {
        CallState::Ended { cause, by } => (cause.as_str(), by.as_str()),
        _ => ("", ""),
    };
    json!({
        "call": call.id.to_string(),
        "sip_call_id": call.sip_call_id,
        "caller": call.caller,
        "called": call.called,
        "user": call.user,
        "flow": call.flow,
        "started": call.started.to_string(),
        "answered": call.answered.map(|at| at.to_string()),
        "ended": call.ended.map(|at| at.to_string()),
        "cause": cause,
        "by": by,
        "recordings": call.recordings.iter().map(recording).collect::<Vec<_>>(),
        "legs": call.legs.iter().map(leg).collect::<Vec<_>>(),
    })
    .to_string()
}
