//! What a call plays: one list of prompts at a time, first made ready, then heard.
//!
//! ```text
//!   Quiet ──start──→ Resolving ──ready──→ Playing ──Played──→ Quiet
//!                     stop, failed ──→ Quiet
//! ```
//!
//! Making ready happens in a task, which a stop or the end of the call ends; what is in memory is played at once.

use std::sync::Arc;

use flow::ir::Cause;
use flow::leg::{LegEvent, Prompt, Tag};
use media::Command;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::media_end::{Job, MediaEnd};
use super::{LegKey, Mail, post};
use crate::shared::Shared;
use crate::studio::PromptError;

/// A list to be heard.
struct List {
    tag: Tag,
    prompts: Arc<[Prompt]>,
    repeat: media::Repeat,
}

enum State {
    Quiet,
    Resolving { list: List, task: AbortHandle },
    Playing(Tag),
}

/// See the module.
pub(super) struct Player {
    shared: Arc<Shared>,
    leg: LegKey,
    mail: mpsc::Sender<Mail>,
    state: State,
}

/// What to tell the flow.
type Told = Option<(Tag, LegEvent)>;

const STOPPED: LegEvent = LegEvent::Played { stopped: true };

impl Player {
    pub(super) fn new(shared: Arc<Shared>, leg: LegKey, mail: mpsc::Sender<Mail>) -> Player {
        Player { shared, leg, mail, state: State::Quiet }
    }

    /// Its leg is in another call from here on; nothing is being made ready.
    pub(super) fn rehome(&mut self, mail: mpsc::Sender<Mail>) {
        self.silence();
        self.mail = mail;
    }

    /// Begins to play. What was being made ready is told as stopped; what plays is stopped by the media leg.
    pub(super) fn start(
        &mut self,
        media: &mut MediaEnd,
        tag: Tag,
        prompts: Vec<Prompt>,
        repeat: flow::ir::Repeat,
    ) -> [Told; 2] {
        let repeat = match repeat {
            flow::ir::Repeat::Times(times) => media::Repeat::Times(times),
            flow::ir::Repeat::Forever => media::Repeat::Forever,
        };
        let before = self.drop_resolving();
        let told = self.resolve(media, List { tag, prompts: prompts.into(), repeat });
        [before.map(|tag| (tag, STOPPED)), told]
    }

    /// Stops what is being made ready with `tag`. `None` if that is not so; the media leg may be playing it.
    pub(super) fn stop(&mut self, tag: Tag) -> Told {
        match &self.state {
            State::Resolving { list, .. } if list.tag == tag => {
                self.drop_resolving();
                Some((tag, STOPPED))
            }
            _ => None,
        }
    }

    /// The prompts of `tag` are ready, or will not be.
    pub(super) fn ready(
        &mut self,
        media: &mut MediaEnd,
        tag: Tag,
        result: Result<Vec<Arc<media::Prompt>>, PromptError>,
    ) -> Told {
        let list = match std::mem::replace(&mut self.state, State::Quiet) {
            State::Resolving { list, .. } if list.tag == tag => list,
            // A stop that came first has answered already.
            other => {
                self.state = other;
                return None;
            }
        };
        match result {
            Ok(items) => self.play(media, list, items),
            Err(error) => {
                metrics::counter!("offhook_prompts_failed_total").increment(1);
                tracing::warn!(%error, "a prompt failed");
                failed(tag, error.to_string())
            }
        }
    }

    /// The media leg has played `tag` to its end.
    pub(super) fn played(&mut self, tag: Tag) {
        if matches!(&self.state, State::Playing(playing) if *playing == tag) {
            self.state = State::Quiet;
        }
    }

    /// Nothing more is to be heard or told.
    pub(super) fn silence(&mut self) {
        self.drop_resolving();
        self.state = State::Quiet;
    }

    fn drop_resolving(&mut self) -> Option<Tag> {
        match std::mem::replace(&mut self.state, State::Quiet) {
            State::Resolving { list, task } => {
                task.abort();
                Some(list.tag)
            }
            other => {
                self.state = other;
                None
            }
        }
    }

    /// Plays at once what is at hand; has the rest made ready.
    fn resolve(&mut self, media: &mut MediaEnd, list: List) -> Told {
        let Some(form) = media.form() else { return failed(list.tag, "there is no audio".to_owned()) };
        if let Some(items) = self.shared.studio.at_hand(&list.prompts, form) {
            return self.play(media, list, items);
        }
        let (tag, prompts) = (list.tag, list.prompts.clone());
        let (studio, leg, mail) = (self.shared.studio.clone(), self.leg, self.mail.clone());
        let task = self.shared.tasks.spawn(async move {
            let result = studio.prepare(&prompts, form).await;
            post(&mail, Mail::Prompts { leg, tag, result });
        });
        self.state = State::Resolving { list, task };
        None
    }

    fn play(&mut self, media: &mut MediaEnd, list: List, items: Vec<Arc<media::Prompt>>) -> Told {
        let (tag, repeat) = (list.tag, list.repeat);
        match media.start(tag, Job::Sound, |tag| Command::Play {
            tag,
            items,
            repeat,
            start: media::Start::BEGINNING,
        }) {
            Ok(()) => {
                self.state = State::Playing(tag);
                None
            }
            Err(error) => failed(tag, error.to_string()),
        }
    }
}

fn failed(tag: Tag, why: String) -> Told {
    Some((tag, LegEvent::Failed { cause: Cause::Prompt, why }))
}

impl Drop for Player {
    fn drop(&mut self) {
        self.drop_resolving();
    }
}
