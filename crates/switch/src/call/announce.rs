//! What the parties of a conversation hear beside it: sounds and speech, in place of the other party for that time.

use std::time::Instant;

use flow::ir::{Announce, Announcement, Cause, Repeat, Side};
use flow::leg::{Leg, LegCommand, LegEvent, Prompt, Speech, Tag};

use super::LegKey;
use super::feature::{Came, Doing, Running};
use super::hold::nobody;
use super::run::Call;
use super::voice::chosen;

impl Call {
    /// Lets a side hear something. `None` as long as it is heard.
    pub(super) fn announce(
        &mut self,
        now: Instant,
        tag: Tag,
        sides: (Option<LegKey>, Option<LegKey>),
        announce: Announce<String>,
    ) -> Option<Came> {
        let keys: Vec<LegKey> = chosen(sides, announce.side)
            .into_iter()
            .filter(|key| self.leg(*key).is_some_and(|leg| leg.has_media()))
            .collect();
        if keys.is_empty() {
            return Some(nobody("to hear it"));
        }
        let prompt = match announce.what {
            Announcement::Sound(name) => Prompt::Sound(name),
            Announcement::Speech { text, language, voice } => Prompt::Speech(Speech {
                text,
                language: language.unwrap_or_default(),
                voice: voice.unwrap_or_default(),
            }),
        };
        self.doing.push(Running { tag, doing: Doing::Announce { hearing: keys.clone() } });
        for key in keys {
            if let Some(leg) = self.leg_mut(key) {
                let command = LegCommand::Play { prompts: vec![prompt.clone()], repeat: Repeat::Times(1) };
                leg.perform(now, tag, command);
            }
        }
        None
    }

    /// Stops what a side hears beside the conversation.
    pub(super) fn break_off(
        &mut self,
        now: Instant,
        sides: (Option<LegKey>, Option<LegKey>),
        side: Side,
    ) -> Came {
        let keys = chosen(sides, side);
        let tags: Vec<Tag> = self
            .doing
            .iter()
            .filter(|running| matches!(running.doing, Doing::Announce { .. }))
            .map(|running| running.tag)
            .collect();
        for tag in tags {
            self.silence(now, tag, &keys);
        }
        Ok("done")
    }

    /// These legs are to hear no more of an announcement.
    pub(super) fn silence(&mut self, now: Instant, tag: Tag, keys: &[LegKey]) {
        for key in keys {
            if let Some(leg) = self.leg_mut(*key) {
                leg.perform(now, tag, LegCommand::Stop(tag));
            }
        }
    }

    /// What a leg tells of a command; whether it is of an announcement, of which nobody else has to know.
    pub(super) fn announced(&mut self, now: Instant, key: LegKey, tag: Tag, event: &LegEvent) -> bool {
        let Some(hearing) = self.announcement(tag) else { return false };
        let over = matches!(event, LegEvent::Played { .. } | LegEvent::Failed { .. });
        if !over || !hearing.contains(&key) {
            return true;
        }
        hearing.retain(|one| *one != key);
        let last = hearing.is_empty();
        self.sync_hold();
        match event {
            LegEvent::Failed { why, .. } if last => {
                self.came(now, tag, Err((Cause::Prompt, why.clone())));
            }
            _ if last => self.finish(now, tag, "done"),
            _ => {}
        }
        true
    }

    /// A leg is gone, which hears nothing any more.
    pub(super) fn hears_no_more(&mut self, now: Instant, key: LegKey) {
        let mut over = Vec::new();
        for running in &mut self.doing {
            if let Doing::Announce { hearing } = &mut running.doing {
                hearing.retain(|one| *one != key);
                over.extend(hearing.is_empty().then_some(running.tag));
            }
        }
        for tag in over {
            self.finish(now, tag, "done");
        }
    }

    fn announcement(&mut self, tag: Tag) -> Option<&mut Vec<LegKey>> {
        self.doing.iter_mut().find(|running| running.tag == tag).and_then(|running| {
            match &mut running.doing {
                Doing::Announce { hearing } => Some(hearing),
                _ => None,
            }
        })
    }
}
