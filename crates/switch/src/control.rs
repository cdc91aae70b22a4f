//! What is asked from outside, over the HTTP API, of what a running call plays and records.
//!
//! The call's task has it done and answers; nothing here waits longer than [`PATIENCE`].

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::Switch;
use crate::book::RecordingView;
use crate::call::{CallId, Control};

/// A media worker obeys within 5 ms; one that has not answered by then is stuck.
const PATIENCE: Duration = Duration::from_secs(2);

/// What is to become of what a party hears of its flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaybackOrder {
    /// Silence in its place, until it is resumed.
    Pause,
    /// It goes on where it was paused.
    Resume,
    /// It is over; the flow goes on as if it had been heard.
    Stop,
    /// It goes on from this place of its round.
    To(Duration),
    /// It goes on so many milliseconds later, or earlier, bounded by the round's beginning and end.
    By(i64),
}

impl RecordingOrder {
    /// What was done, for a timeline.
    pub(crate) fn words(self) -> &'static str {
        match self {
            RecordingOrder::Pause(media::Pause::Silence) => "paused from outside, with silence in its place",
            RecordingOrder::Pause(media::Pause::Cut) => "paused from outside",
            RecordingOrder::Resume => "resumed from outside",
            RecordingOrder::Stop => "stopped from outside",
        }
    }
}

/// What a party hears.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaybackView {
    /// The party: `A`, `B`, as in the call's legs.
    pub leg: String,
    /// Its sounds in their order, as the timeline has them.
    pub what: Vec<String>,
    /// How often they are heard in all; `None` for without end.
    pub times: Option<u32>,
    /// Where it is in its round.
    pub position: Duration,
    /// How long a round is.
    pub length: Duration,
    /// Whether it stands there.
    pub paused: bool,
    /// Whether it is the flow's; else it is the ringing tone or music of the switch, which cannot be steered.
    pub of_flow: bool,
}

/// What is to become of a recording that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordingOrder {
    /// Nothing that is said is kept until it is resumed; the file has silence there, or nothing.
    Pause(media::Pause),
    /// It goes on.
    Resume,
    /// It is over, and kept.
    Stop,
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotControlled {
    /// There is no such call any more, or the party went while it was asked.
    #[error("the call, or that party of it, is over")]
    Over,
    /// No such party.
    #[error("the call has no party {0} now")]
    NoParty(String),
    /// Nothing is heard there that could be steered.
    #[error("nothing of a flow is heard there")]
    Quiet,
    /// It is not heard yet.
    #[error("what is to be heard is still being made ready")]
    NotReady,
    /// A place behind its end.
    #[error("the place is 0 to {0} ms, which is how long what is heard lasts")]
    Beyond(u128),
    /// No such recording.
    #[error("the call has no recording {0}")]
    NoRecording(String),
    /// It is over already.
    #[error("the recording {0} does not run any more")]
    NotRunning(String),
    /// There is nothing to resume.
    #[error("the recording {0} is not paused")]
    NotPaused(String),
    /// The media worker has no room for orders.
    #[error("the audio is too busy for it; ask again")]
    Busy,
}

impl Switch {
    /// Steers what a party of a call hears of its flow: `leg` (`A`, `B`), or the one that the flow runs on. How it is
    /// then; `None` of what was stopped. Needs a tokio context, as all of these do.
    ///
    /// # Errors
    /// [`NotControlled`]
    pub async fn steer_playback(
        &self,
        call: CallId,
        leg: Option<&str>,
        order: PlaybackOrder,
    ) -> Result<Option<PlaybackView>, NotControlled> {
        let (answer, wait) = oneshot::channel();
        let control = Control::Playback { leg: leg.map(str::to_owned), order: Some(order), answer };
        match self.shared.book.control(call, control) {
            true => answered(wait).await,
            false => Err(NotControlled::Over),
        }
    }

    /// What each party of a living call hears at the moment.
    pub async fn playbacks(&self, call: CallId) -> Vec<PlaybackView> {
        let Some(record) = self.shared.book.record(call) else { return Vec::new() };
        let living = record.summary().legs.into_iter().filter(|leg| leg.ended.is_none());
        let asked = living.filter_map(|leg| {
            let (answer, wait) = oneshot::channel();
            let control = Control::Playback { leg: Some(leg.name), order: None, answer };
            self.shared.book.control(call, control).then_some(wait)
        });
        let asked: Vec<_> = asked.collect();
        let mut views = Vec::new();
        // All are asked before the first answer is waited for, and all together are waited for as long as one.
        let all = async {
            for wait in asked {
                views.extend(wait.await.ok().and_then(Result::ok).flatten());
            }
        };
        let _ = timeout(PATIENCE, all).await;
        views
    }

    /// Pauses, resumes or ends a recording of a call's leg, or of the conference that it is in; how it is then.
    ///
    /// # Errors
    /// [`NotControlled`]
    pub async fn steer_recording(
        &self,
        call: CallId,
        recording: &str,
        order: RecordingOrder,
    ) -> Result<RecordingView, NotControlled> {
        let (answer, wait) = oneshot::channel();
        let control = Control::Recording { id: recording.to_owned(), order, answer };
        match self.shared.book.control(call, control) {
            true => answered(wait).await,
            false => Err(NotControlled::Over),
        }
    }
}

/// What the call says. One that ends meanwhile says nothing.
async fn answered<T>(wait: oneshot::Receiver<Result<T, NotControlled>>) -> Result<T, NotControlled> {
    match timeout(PATIENCE, wait).await {
        Ok(answer) => answer.unwrap_or(Err(NotControlled::Over)),
        Err(_) => Err(NotControlled::Busy),
    }
}
