//! What a call plays: one list of prompts at a time, first made ready, then heard.
//!
//! ```text
//!   Quiet ──start──→ Resolving ──ready──→ Playing ──Played──→ Quiet
//!                     stop, failed ──→ Quiet
//! ```
//!
//! A leg that changes its codec needs its prompts in another form: what is being made ready is begun anew, and what
//! plays goes on at its place once it is there in the new form ([`Command::Swap`]).
//! Making ready happens in a task, which a stop or the end of the call ends; what is in memory is played at once.

use std::sync::Arc;
use std::time::Duration;

use flow::ir::Cause;
use flow::leg::{LegEvent, Prompt, Tag};
use media::{Command, Form, Start};
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
    start: Start,
}

/// A list being made ready in a task; its number tells what the task posts from what others did that came too late.
struct Errand {
    number: u64,
    task: AbortHandle,
}

impl Drop for Errand {
    fn drop(&mut self) {
        self.task.abort();
    }
}

enum State {
    Quiet,
    Resolving {
        list: List,
        errand: Errand,
    },
    Playing {
        list: List,
        /// What its prompts are encoded as.
        form: Form,
        /// How long a round lasts.
        length: Duration,
        /// Makes them ready in another form.
        errand: Option<Errand>,
    },
}

/// See the module.
pub(super) struct Player {
    shared: Arc<Shared>,
    leg: LegKey,
    mail: mpsc::Sender<Box<Mail>>,
    state: State,
    errands: u64,
}

/// What to tell the flow.
type Told = Option<(Tag, LegEvent)>;

const STOPPED: LegEvent = LegEvent::Played { stopped: true };

impl Player {
    pub(super) fn new(shared: Arc<Shared>, leg: LegKey, mail: mpsc::Sender<Box<Mail>>) -> Player {
        Player { shared, leg, mail, state: State::Quiet, errands: 0 }
    }

    /// Its leg is in another call from here on; nothing is being made ready.
    pub(super) fn rehome(&mut self, mail: mpsc::Sender<Box<Mail>>) {
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
        start: Start,
    ) -> [Told; 2] {
        let repeat = match repeat {
            flow::ir::Repeat::Times(times) => media::Repeat::Times(times),
            flow::ir::Repeat::Forever => media::Repeat::Forever,
        };
        let before = self.drop_resolving();
        let told = self.resolve(media, List { tag, prompts: prompts.into(), repeat, start });
        [before.map(|tag| (tag, STOPPED)), told]
    }

    /// The leg was changed: its prompts may have to be others.
    pub(super) fn reform(&mut self, media: &mut MediaEnd) -> Told {
        let wanted = media.form()?;
        match std::mem::replace(&mut self.state, State::Quiet) {
            State::Resolving { list, .. } => self.resolve(media, list),
            State::Playing { list, form, length, .. } => {
                let at_hand = match form == wanted {
                    true => None,
                    false => self.shared.studio.at_hand(&list.prompts, wanted),
                };
                self.state = match at_hand {
                    Some(items) => {
                        swap(media, list.tag, items);
                        State::Playing { list, form: wanted, length, errand: None }
                    }
                    None => {
                        let errand = (form != wanted).then(|| self.prepare(&list, wanted));
                        State::Playing { list, form, length, errand }
                    }
                };
                None
            }
            State::Quiet => None,
        }
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

    /// The prompts of an errand are ready, or will not be.
    pub(super) fn ready(
        &mut self,
        media: &mut MediaEnd,
        errand: u64,
        result: Result<Vec<Arc<media::Prompt>>, PromptError>,
    ) -> Told {
        if let Err(error) = &result {
            metrics::counter!("offhook_prompts_failed_total").increment(1);
            tracing::warn!(%error, "a prompt failed");
        }
        match std::mem::replace(&mut self.state, State::Quiet) {
            State::Resolving { list, errand: own } if own.number == errand => match result {
                Ok(items) => self.play(media, list, items),
                Err(error) => failed(list.tag, error.to_string()),
            },
            State::Playing { list, form, length, errand: Some(own) } if own.number == errand => {
                // A list that is not to be had in the new form ends in its time, unheard.
                let form = result.map_or(form, |items| {
                    swap(media, list.tag, items);
                    media.form().unwrap_or(form)
                });
                self.state = State::Playing { list, form, length, errand: None };
                None
            }
            // A stop that came first has answered already.
            other => {
                self.state = other;
                None
            }
        }
    }

    /// What is heard or being made ready.
    pub(super) fn at_work(&self) -> Option<Tag> {
        match &self.state {
            State::Quiet => None,
            State::Resolving { list, .. } | State::Playing { list, .. } => Some(list.tag),
        }
    }

    /// How long a round of what is heard lasts; `None` while it is being made ready.
    pub(super) fn length(&self) -> Option<Duration> {
        self.heard().map(|(_, _, _, length)| length)
    }

    /// What is heard: its tag, what it is, how often, and how long a round lasts.
    pub(super) fn heard(&self) -> Option<(Tag, &[Prompt], media::Repeat, Duration)> {
        match &self.state {
            State::Playing { list, length, .. } => Some((list.tag, &list.prompts, list.repeat, *length)),
            State::Quiet | State::Resolving { .. } => None,
        }
    }

    /// The media leg has played `tag` to its end.
    pub(super) fn played(&mut self, tag: Tag) {
        if matches!(&self.state, State::Playing { list, .. } if list.tag == tag) {
            self.state = State::Quiet;
        }
    }

    /// Nothing more is to be heard or told.
    pub(super) fn silence(&mut self) {
        self.state = State::Quiet;
    }

    fn drop_resolving(&mut self) -> Option<Tag> {
        match std::mem::replace(&mut self.state, State::Quiet) {
            State::Resolving { list, .. } => Some(list.tag),
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
        let errand = self.prepare(&list, form);
        self.state = State::Resolving { list, errand };
        None
    }

    fn prepare(&mut self, list: &List, form: Form) -> Errand {
        self.errands += 1;
        let (errand, prompts) = (self.errands, list.prompts.clone());
        let (studio, leg, mail) = (self.shared.studio.clone(), self.leg, self.mail.clone());
        let task = self.shared.tasks.spawn(async move {
            let result = studio.prepare(&prompts, form).await;
            post(&mail, Mail::Prompts { leg, errand, result });
        });
        Errand { number: errand, task }
    }

    fn play(&mut self, media: &mut MediaEnd, list: List, items: Vec<Arc<media::Prompt>>) -> Told {
        let (tag, repeat, start) = (list.tag, list.repeat, list.start);
        let Some(form) = media.form() else { return failed(tag, "there is no audio".to_owned()) };
        let length = items.iter().map(|item| item.duration()).sum();
        match media.start(tag, Job::Sound, |tag| Command::Play { tag, items, repeat, start }) {
            Ok(()) => {
                self.state = State::Playing { list, form, length, errand: None };
                None
            }
            Err(error) => failed(tag, error.to_string()),
        }
    }
}

/// What plays goes on with these. A worker that is too busy leaves it silent; its time runs on.
fn swap(media: &MediaEnd, tag: Tag, items: Vec<Arc<media::Prompt>>) {
    if let Err(error) = media.swap(tag, items) {
        tracing::warn!(%error, "a prompt does not go on in the new codec");
    }
}

fn failed(tag: Tag, why: String) -> Told {
    Some((tag, LegEvent::Failed { cause: Cause::Prompt, why }))
}
