//! Orders that a worker was too busy for, and that must not be lost: they are sent again until it takes them.
//!
//! What is asked for with an answer (a prompt, a recording, a bridge) is not here: whoever asks is told that it failed.

use media::{Command, Pause};

use super::MediaEnd;

/// An order that must arrive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Owed {
    /// How loud the far end is heard.
    Loudness(f32),
    /// The end of what has this number.
    Stop(u64),
    /// What the recording of this number leaves out from here on, if it does.
    Pause(u64, Option<Pause>),
}

impl Owed {
    fn command(self) -> Command {
        match self {
            Owed::Loudness(gain) => Command::Loudness { gain },
            Owed::Stop(tag) => Command::Stop { tag },
            Owed::Pause(tag, Some(pause)) => Command::PauseRecording { tag, pause },
            Owed::Pause(tag, None) => Command::ResumeRecording { tag },
        }
    }

    /// Whether it says anew what `before` said.
    fn replaces(self, before: Owed) -> bool {
        match (self, before) {
            (Owed::Loudness(_), Owed::Loudness(_)) => true,
            (Owed::Stop(now), Owed::Stop(number)) => now == number,
            (Owed::Pause(now, _), Owed::Pause(number, _)) => now == number,
            _ => false,
        }
    }
}

impl MediaEnd {
    /// Has the leg obey, at once or as soon as its worker has room. `false` if there is no such leg any more.
    pub(super) fn owe(&mut self, order: Owed) -> bool {
        self.owed.retain(|before| !order.replaces(*before));
        self.owed.push(order);
        self.send_owed()
    }

    /// Sends what is owed, oldest first, as far as the worker takes it. `false` if the leg is gone.
    fn send_owed(&mut self) -> bool {
        let Some(leg) = self.leg() else {
            self.owed = Vec::new();
            return false;
        };
        let taken = self.owed.iter().map(|order| self.engine.send(leg, order.command()));
        let taken = taken.take_while(|sent| !matches!(sent, Err(media::Error::Busy))).collect::<Vec<_>>();
        match taken.len() == self.owed.len() {
            // Most calls never owe anything again.
            true => self.owed = Vec::new(),
            false => drop(self.owed.drain(..taken.len())),
        }
        // A leg that is gone owes nothing.
        taken.iter().all(Result::is_ok)
    }

    /// Whether [`MediaEnd::settle`] has something to do.
    pub(crate) fn owes(&self) -> bool {
        self.owes_release() || !self.owed.is_empty()
    }

    /// Asks a worker that was too busy again.
    pub(crate) fn settle(&mut self) {
        if self.owes_release() {
            self.release();
        }
        if !self.owed.is_empty() {
            self.send_owed();
        }
    }
}
