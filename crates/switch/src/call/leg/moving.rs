//! A leg between calls, and what it says about transfers.

use std::sync::Arc;

use super::{CallLeg, Own, TAKEN_ALONG};
use crate::book::{Ender, LegState};
use crate::events::wall_clock;
use crate::lines::Owned;
use crate::shared::Shared;
use crate::sip_io::{Command, Owner, ShardHandle};

impl CallLeg {
    /// The far end may have calls placed.
    pub(crate) fn trust(&mut self) {
        self.trusted = true;
    }

    /// The far end is one of our users, who may have calls placed outside too.
    pub(crate) fn prove(&mut self) {
        self.trusted = true;
        self.proved = true;
    }

    /// The far end is a phone with this account, if it is a user's.
    pub(crate) fn belong_to(&mut self, users: &store::Users, account: &str) {
        let owner = users.owner(account);
        self.owned = owner.map(|user| Owned { user: user.name.as_str().into(), account: account.into() });
    }

    /// The far end is the one of its user's phones that has this account.
    pub(crate) fn has_account(&mut self, account: &str) {
        if let Some(owned) = &mut self.owned {
            owned.account = account.into();
        }
    }

    /// Whose phone it is, if it is a user's.
    pub(crate) fn owned(&self) -> Option<&Owned> {
        self.owned.as_ref()
    }

    /// The user whose phone it is.
    pub(crate) fn user(&self) -> Option<Arc<str>> {
        self.owned.as_ref().map(|owned| owned.user.clone())
    }

    /// The far end is another now, whom a redirection named.
    pub(super) fn doubt(&mut self) {
        self.trusted = false;
        self.proved = false;
        self.owned = None;
    }

    pub(crate) fn is_proved(&self) -> bool {
        self.proved
    }

    pub(crate) fn is_trusted(&self) -> bool {
        self.trusted
    }

    /// Answers the far end's wish for a transfer.
    pub(crate) fn answer_refer(&self, refer: sip::ReferId, answer: Result<(), u16>) {
        self.shard().send(Command::AnswerRefer { refer, answer });
    }

    /// Tells the far end how the transfer goes that it wished for.
    pub(crate) fn notify_refer(&self, refer: sip::ReferId, status: u16) {
        self.shard().send(Command::NotifyRefer { refer, status });
    }

    /// Who it is, as its call has it.
    pub(crate) fn party(&self) -> String {
        self.owner.record.party(self.mark())
    }

    /// The media leg, as long as there is one.
    pub(crate) fn media_leg(&self) -> Option<media::LegId> {
        self.media.leg()
    }

    /// The leg's own number for what comes next.
    pub(crate) fn media_number(&mut self) -> u64 {
        self.media.number()
    }

    pub(crate) fn owner(&self) -> &Owner {
        &self.owner
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Moves to another call.
    pub(crate) fn rehome(&mut self, owner: Owner) {
        self.player.rehome(owner.mail.clone());
        self.asked.clear();
        self.unattend();
        self.take_recordings_to(&owner.record);
        self.media.rehome(owner.mail.clone(), TAKEN_ALONG);
        self.owner.record.set_media(self.mark(), None);
        self.record_end("transferred", Ender::Switch, None);
        self.outbox.clear();
        self.pressed = None;
        self.forget_keys();
        self.own = Own::Nothing;
        if let Some(session) = self.session.id() {
            let before = self.owner.mail.clone();
            self.shard().send(Command::Rehome { session, owner: owner.clone(), before });
        }
        self.owner = owner;
        self.owner.record.set_media(self.mark(), self.media.leg());
        let words = self.table.agreed().map(|agreement| agreement.words.clone());
        let answered = self.is_answered();
        self.owner.record.write_leg(self.mark(), |leg| {
            leg.state = if answered { LegState::Answered } else { LegState::Calling };
            if answered {
                leg.answered.get_or_insert_with(wall_clock);
            }
            leg.ended = None;
            leg.media = words;
        });
    }

    fn shard(&self) -> &ShardHandle {
        &self.shared.shard
    }
}
