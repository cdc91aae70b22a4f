//! Session descriptions that come after the INVITE: the answer to a late offer, hold, another address or codec.

use std::time::Instant;

use sip::Body;

use super::{CallLeg, Notice, Terms};
use crate::call::answer::Agreement;
use crate::error::Refusal;

impl CallLeg {
    pub(super) fn confirmed(&mut self, now: Instant, answer: Option<Body>) {
        let Terms::Late { waiting } = &mut self.terms else { return };
        let Some(tag) = waiting.take() else { return };
        let accepted = match answer {
            Some(answer) => self.table.accept(&answer),
            None => Err(Refusal::NoCommonCodec("the ACK has no answer to our offer".to_owned())),
        };
        match accepted.and_then(|agreement| self.adopt(now, &agreement)) {
            Ok(()) => self.answered(now, tag),
            Err(refusal) => {
                self.note(now, refusal.to_string());
                self.cut("no media", 488);
            }
        }
    }

    /// Hold, resume, another address or codec. What cannot be agreed on leaves everything as it was.
    pub(super) fn reinvited(&mut self, now: Instant, offer: Option<Body>) {
        let Some(offer) = offer else {
            let offer = self.table.offer();
            return self.session.answer_reinvite(Ok(offer));
        };
        let agreed = self.table.answer(&offer).and_then(|(answer, agreement)| {
            self.change(now, agreement)?;
            Ok(answer)
        });
        if let Err(refusal) = &agreed {
            self.note(now, format!("re-INVITE refused: {refusal}"));
        }
        self.session.answer_reinvite(agreed.map_err(|refusal| refusal.status()));
    }

    pub(super) fn reconfirmed(&mut self, now: Instant, answer: Option<Body>) {
        let Some(answer) = answer else { return };
        let changed = self.table.accept(&answer).and_then(|agreement| self.change(now, agreement));
        if let Err(refusal) = changed {
            self.note(now, format!("the answer to our offer is of no use: {refusal}"));
        }
    }

    pub(super) fn change(&mut self, now: Instant, agreement: Agreement) -> Result<(), Refusal> {
        if self.reconfigure(self.tuned(&agreement.setup)).map_err(|_| Refusal::MediaBusy)? {
            self.note_media(now, format!("changed: {}", agreement.words));
            self.owner.record.write_leg(self.mark(), |leg| leg.media = Some(agreement.words));
            self.sync_room();
            self.outbox.push_back(Notice::Media);
        } else {
            self.media.renew();
        }
        self.expect_audio(now);
        Ok(())
    }
}
