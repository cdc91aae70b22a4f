//! What the media leg tells: keys, silence, what ended and what was recorded.

use std::time::{Duration, Instant};

use super::{CallLeg, Notice};
use crate::book::Quality;
use crate::call::keypad::Way;
use crate::call::media_end::Outcome;

impl CallLeg {
    /// What the media leg tells.
    pub(crate) fn media_event(&mut self, now: Instant, event: media::Event) {
        match &event {
            media::Event::Digit { key, way, .. } => self.key_down(now, way_of(*way), *key),
            media::Event::DigitEnded { key, way, ms, .. } => {
                self.key_up(now, way_of(*way), *key, Duration::from_millis(u64::from(*ms)));
            }
            media::Event::Left { room, .. } => self.dropped_from(*room),
            media::Event::Arrives { .. } => self.outbox.push_back(Notice::Arrives),
            media::Event::Lost { .. } => self.lost(now),
            media::Event::Latched { remote, .. } => {
                self.note_media(now, format!("the far end sends from {remote}; so do we to there"));
            }
            media::Event::Secured { secured, .. } => self.note_media(now, secured.to_string()),
            media::Event::Unsecured { why, .. } => {
                self.note_media(now, format!("no encryption: {why}"));
                self.cut("no encryption", 488);
            }
            media::Event::Released { report, .. } => {
                let words = self.media.released(report);
                self.asked.clear();
                self.owner.record.write_leg(self.mark(), |leg| leg.quality = Quality::of(report));
                self.owner.record.set_media(self.mark(), None);
                self.note_media(now, words);
            }
            media::Event::Position { tag, at, paused, .. } => self.playback_at(now, *tag, *at, *paused),
            _ => match self.media.outcome(&event) {
                Some(Outcome::Told(tag, told)) => {
                    if let media::Event::Played { tag: number, .. } = event {
                        self.playback_over(number);
                    }
                    // What took its place under the same tag goes on.
                    if !self.media.is_doing(tag) {
                        self.player.played(tag);
                    }
                    self.tell(tag, told);
                    self.entertain();
                }
                Some(Outcome::Found(tag, found)) => self.found(tag, found),
                Some(Outcome::Recorded { tag, ongoing, duration }) => {
                    self.recorded(now, tag, &ongoing, duration);
                }
                Some(Outcome::RecordFailed { tag, ongoing, why }) => {
                    self.recording_failed(tag, &ongoing, why);
                }
                None => {}
            },
        }
    }
}

fn way_of(way: media::KeyWay) -> Way {
    match way {
        media::KeyWay::Event => Way::Event,
        media::KeyWay::Sound => Way::Sound,
    }
}
