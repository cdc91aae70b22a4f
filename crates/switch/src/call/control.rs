//! What somebody outside asks of what a call plays and records: taken to the leg that does it.

use std::time::Instant;

use tokio::sync::oneshot;

use super::run::Call;
use crate::book::{RecordingState, RecordingView};
use crate::control::{NotControlled, PlaybackOrder, PlaybackView, RecordingOrder};

/// Whom the answer about what is heard is for; `None` if it was stopped.
pub(crate) type PlaybackAnswer = oneshot::Sender<Result<Option<PlaybackView>, NotControlled>>;

/// What is asked, and whom the answer is for.
#[derive(Debug)]
pub(crate) enum Control {
    /// Of what the leg of this mark hears, or the one that the flow runs on; without an order, where it is.
    Playback { leg: Option<String>, order: Option<PlaybackOrder>, answer: PlaybackAnswer },
    /// Of the recording of this id.
    Recording {
        id: String,
        order: RecordingOrder,
        answer: oneshot::Sender<Result<RecordingView, NotControlled>>,
    },
}

impl Call {
    /// Somebody outside asks for something. Whoever asked may have gone before the answer.
    pub(super) fn controlled(&mut self, now: Instant, control: Control) {
        match control {
            Control::Playback { leg: name, order, answer } => {
                let subject = self.subject;
                let is_meant = |mark: String| name.as_ref().is_some_and(|name| *name == mark);
                let meant = self.legs.iter_mut().find(|leg| match &name {
                    Some(_) => is_meant(leg.mark().to_string()),
                    None => Some(leg.key()) == subject,
                });
                match meant.filter(|leg| leg.is_up()) {
                    Some(leg) => leg.steer(now, order, answer),
                    None => {
                        let party = name.unwrap_or_else(|| "that its flow runs on".to_owned());
                        let _ = answer.send(Err(NotControlled::NoParty(party)));
                    }
                }
            }
            Control::Recording { id, order, answer } => {
                let _ = answer.send(self.steer_recording(now, &id, order));
            }
        }
    }

    fn steer_recording(
        &mut self,
        now: Instant,
        id: &str,
        order: RecordingOrder,
    ) -> Result<RecordingView, NotControlled> {
        let unknown = || NotControlled::NoRecording(id.to_owned());
        let view = self.record.recording(id).ok_or_else(unknown)?;
        if view.state != RecordingState::Recording {
            return Err(NotControlled::NotRunning(id.to_owned()));
        }
        if order == RecordingOrder::Resume && view.pauses.now.is_none() {
            return Err(NotControlled::NotPaused(id.to_owned()));
        }
        match self.legs.iter_mut().find(|leg| leg.records(id)) {
            Some(leg) => leg.steer_recording(now, id, order),
            // It may be one of a conference; its room may be closed already.
            None if self.shared.conferences.steer_tape(id, order) => {}
            None => return Err(NotControlled::NotRunning(id.to_owned())),
        }
        self.record.recording(id).ok_or_else(unknown)
    }
}
