//! What a leg plays, steered from outside: paused, resumed, moved to another place, stopped.
//!
//! The media worker tells where it is, each time; whoever asked waits for that.

use std::time::{Duration, Instant};

use flow::ir::print;
use flow::leg::Tag;
use media::Command;

use super::{CallLeg, MENU, NOTICE, OWN, SCREENING};
use crate::call::control::PlaybackAnswer;
use crate::control::{NotControlled, PlaybackOrder, PlaybackView};

/// Somebody who waits to hear where it is.
pub(super) struct Asked {
    /// Of the play, as the media leg knows it.
    number: u64,
    order: Option<PlaybackOrder>,
    answer: PlaybackAnswer,
}

impl CallLeg {
    /// Has what is heard paused, moved and so on; without an order, says where it is.
    pub(in crate::call) fn steer(
        &mut self,
        now: Instant,
        order: Option<PlaybackOrder>,
        answer: PlaybackAnswer,
    ) {
        match self.steered(now, order) {
            Ok(Some(number)) => self.asked.push(Asked { number, order, answer }),
            // Whoever asked may have gone.
            Ok(None) => drop(answer.send(Ok(None))),
            Err(why) => drop(answer.send(Err(why))),
        }
    }

    /// The number of the play that will tell where it is; `None` if it was stopped.
    fn steered(&mut self, now: Instant, order: Option<PlaybackOrder>) -> Result<Option<u64>, NotControlled> {
        let tag = self.player.at_work().ok_or(NotControlled::Quiet)?;
        if order.is_some() && !is_of_flow(tag) {
            return Err(NotControlled::Quiet);
        }
        if order == Some(PlaybackOrder::Stop) {
            self.note(now, "what is heard was stopped from outside");
            self.stop_play(tag);
            return Ok(None);
        }
        let length = self.player.length().ok_or(NotControlled::NotReady)?;
        let command = |tag| match order {
            Some(PlaybackOrder::Pause) => Command::Pause { tag },
            Some(PlaybackOrder::Resume) => Command::Resume { tag },
            Some(PlaybackOrder::To(to)) => Command::Seek { tag, to },
            Some(PlaybackOrder::By(by)) => Command::Skip { tag, by },
            Some(PlaybackOrder::Stop) | None => Command::Locate { tag },
        };
        match order {
            Some(PlaybackOrder::To(to)) if to > length => Err(NotControlled::Beyond(length.as_millis())),
            _ => match self.media.steer(tag, command) {
                Ok(Some(number)) => Ok(Some(number)),
                Err(media::Error::Busy) => Err(NotControlled::Busy),
                Ok(None) | Err(_) => Err(NotControlled::Quiet),
            },
        }
    }

    /// What was started under this number is at this place.
    pub(super) fn playback_at(&mut self, now: Instant, number: u64, at: Duration, paused: bool) {
        let Some(first) = self.asked.iter().position(|asked| asked.number == number) else { return };
        let Asked { order, answer, .. } = self.asked.remove(first);
        let did = match order {
            Some(PlaybackOrder::Pause) => "paused",
            Some(PlaybackOrder::Resume) => "resumed",
            Some(PlaybackOrder::To(_) | PlaybackOrder::By(_)) => "moved",
            Some(PlaybackOrder::Stop) | None => "",
        };
        if !did.is_empty() {
            let seconds = at.as_millis() as f64 / 1_000.0;
            self.note(now, format!("what is heard was {did} from outside, at {seconds:.1} s"));
        }
        let view = self.player.heard().map(|(tag, prompts, repeat, length)| PlaybackView {
            leg: self.mark().to_string(),
            what: prompts.iter().map(print::prompt).collect(),
            times: match repeat {
                media::Repeat::Times(times) => Some(times),
                media::Repeat::Forever => None,
            },
            position: at,
            length,
            paused,
            of_flow: is_of_flow(tag),
        });
        // Whoever asked may have gone.
        drop(answer.send(view.map(Some).ok_or(NotControlled::Quiet)));
    }

    /// What was started under this number is over.
    pub(super) fn playback_over(&mut self, number: u64) {
        for asked in self.asked.extract_if(.., |asked| asked.number == number) {
            drop(asked.answer.send(Err(NotControlled::Quiet)));
        }
    }
}

/// Whether a flow waits for it; what the call itself plays has ends of its own.
fn is_of_flow(tag: Tag) -> bool {
    ![OWN, SCREENING, MENU, NOTICE].contains(&tag)
}
