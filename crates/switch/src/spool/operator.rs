//! What an operator sees of recordings on their way, and may order; and recordings that are in the bucket only.

use std::path::Path;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use tokio::sync::oneshot;

use super::keeper::{Asked, Note};
use super::order::{Destination, Sending};
use super::shelf::Shelf;
use super::{Order, Spool};
use crate::Switch;
use crate::book::RecordingState;

/// Recordings that run, wait to be sent, or failed.
#[derive(Clone, Debug, Default)]
pub struct SpoolList {
    /// The latest first.
    pub entries: Vec<SpoolView>,
    /// So many that failed are not listed: the oldest.
    pub left_off: usize,
}

/// A recording on its way.
#[derive(Clone, Debug)]
pub struct SpoolView {
    /// Its name.
    pub id: String,
    /// Its file, in the recordings' directory.
    pub file: String,
    /// What its author calls it; the name of the conference.
    pub name: String,
    /// The calls that it is of.
    pub calls: Vec<String>,
    /// Who called.
    pub caller: String,
    /// Whom.
    pub called: String,
    /// When it began.
    pub begun: String,
    /// When it was over.
    pub over: Option<String>,
    /// Where it stands as a whole.
    pub state: RecordingState,
    /// What a pause leaves in the file, of one that runs and is paused.
    pub paused: Option<media::Pause>,
    /// Where it goes, each place for itself.
    pub parcels: Vec<ParcelView>,
}

/// A place that a recording goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParcelView {
    /// An address without its query, or a name in the bucket.
    pub to: String,
    /// `waiting`, `sent` or `failed`.
    pub state: &'static str,
    /// Tries in vain so far, of one that waits.
    pub tries: u32,
    /// Why the last try failed.
    pub why: Option<String>,
}

/// Why an order of an operator was not obeyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDone {
    /// The spool has no such recording: there is none, or it is where it was to be.
    #[error("no recording of that name waits or failed")]
    Unknown,
    /// It runs.
    #[error("the recording is not over yet")]
    Running,
    /// There is nothing to send.
    #[error("the file of the recording is gone")]
    NoFile,
}

/// A recording that is not here, being read from elsewhere.
pub struct Stored {
    /// Its length in bytes.
    pub length: u64,
    /// Its bytes.
    pub bytes: BoxStream<'static, Result<Bytes, String>>,
}

/// Why a recording that is not here cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotHad {
    /// There is none.
    #[error("there is no such recording")]
    Unknown,
    /// It is elsewhere, where we have no access.
    #[error("the recording is not here any more; it is at {0}")]
    Elsewhere(String),
    /// The bucket does not give it.
    #[error("the recording is in the bucket, which does not give it: {0}")]
    Bucket(String),
}

impl SpoolView {
    pub(super) fn of(order: &Order, recordings: &Path) -> SpoolView {
        let parcels = order.parcels.iter().map(|parcel| {
            let (state, tries, why) = match &parcel.sending {
                Sending::Waiting { tries, why } => ("waiting", *tries, why.clone()),
                Sending::Sent { .. } => ("sent", 0, None),
                Sending::Failed { why, .. } => ("failed", 0, Some(why.clone())),
            };
            ParcelView { to: parcel.to.words(), state, tries, why }
        });
        SpoolView {
            id: order.id.clone(),
            file: order.file.clone(),
            name: order.name.clone(),
            calls: order.calls.clone(),
            caller: order.caller.clone(),
            called: order.called.clone(),
            begun: order.begun.clone(),
            over: order.over.clone(),
            state: order.state(recordings),
            paused: None,
            parcels: parcels.collect(),
        }
    }
}

impl Spool {
    async fn ask<T>(&self, asked: impl FnOnce(oneshot::Sender<T>) -> Asked) -> Option<T> {
        let (answer, wait) = oneshot::channel();
        self.note(Note::Asked(asked(answer)));
        wait.await.ok()
    }

    /// The recording in this file from the bucket.
    async fn fetch(&self, recordings: &Path, file: &str) -> Result<Stored, NotHad> {
        let name = file.rsplit_once('.').map_or(file, |(id, _)| id).to_owned();
        let shelf = Shelf::new(recordings);
        let order = tokio::task::spawn_blocking(move || shelf.done(&name)).await.ok().flatten();
        let mut parcels = order.iter().flat_map(|order| &order.parcels);
        let known = parcels.find_map(|parcel| match (&parcel.to, &parcel.sending) {
            (Destination::Bucket { key }, Sending::Sent { place, .. }) => Some((key.clone(), place.clone())),
            _ => None,
        });
        match (&self.bucket, known) {
            (Some(bucket), Some((key, place))) if bucket.place(&key) == place => bucket.fetch(&key).await,
            (_, Some((_, place))) => Err(NotHad::Elsewhere(place)),
            // Its order may have been cleared away.
            (Some(bucket), None) => bucket.fetch(&bucket.key(file)).await,
            (None, None) => Err(NotHad::Unknown),
        }
    }
}

impl Switch {
    /// Recordings that run, wait to be sent, or failed.
    pub async fn spool(&self) -> SpoolList {
        let mut list = self.shared.spool.ask(Asked::List).await.unwrap_or_default();
        for entry in list.entries.iter_mut().filter(|entry| entry.state == RecordingState::Recording) {
            entry.paused = self.paused(entry);
        }
        list
    }

    /// How a recording that runs is paused, as the page of its last call has it: it may have come there with its leg.
    fn paused(&self, entry: &SpoolView) -> Option<media::Pause> {
        let mut records =
            entry.calls.iter().rev().filter_map(|call| self.shared.book.record(call.parse().ok()?));
        let (pause, _) = records.find_map(|record| record.recording(&entry.id))?.pauses.now?;
        Some(pause)
    }

    /// Has a recording that failed or waits sent now.
    pub async fn send_again(&self, recording: &str) -> Result<SpoolView, NotDone> {
        let asked = |answer| Asked::Again(recording.to_owned(), answer);
        self.shared.spool.ask(asked).await.unwrap_or(Err(NotDone::Unknown))
    }

    /// Gives up sending a recording that failed or waits; its file stays here.
    pub async fn give_up_sending(&self, recording: &str) -> Result<SpoolView, NotDone> {
        let asked = |answer| Asked::Drop(recording.to_owned(), answer);
        self.shared.spool.ask(asked).await.unwrap_or(Err(NotDone::Unknown))
    }

    /// The recording in the file of this name, from the bucket where it is stored.
    pub async fn stored_recording(&self, file: &str) -> Result<Stored, NotHad> {
        match self.recording(file) {
            Some(_) => self.shared.spool.fetch(&self.shared.recordings_dir, file).await,
            None => Err(NotHad::Unknown),
        }
    }
}
