//! Talking to the target of a transfer first, and moving a conversation to another phone: who goes, who stays.
//!
//! ```text
//!   Asking: T hears it ring, then talks to C, A hears music
//!     ├── T hangs up ─────────────── C has answered: A — C; else A hears it ring
//!     ├── A hangs up ─────────────── T — C go on
//!     └── C does not want, or goes, or T presses the keys of taking back ──→ A — T as before
//!   Moving: A — T talk on, T's other phones ring
//!     ├── one answers ────────────── A talks to it, T's first phone is left
//!     └── T hangs up ─────────────── A hears it ring
//! ```
//!
//! All of it happens in the call of the conversation, whose dialling is put aside meanwhile: the flow waits in it, and
//! runs on for whoever stays. If its party was the one who transferred, it is the transferred one from then on.

use std::time::{Duration, Instant};

use flow::ir::{Callee, Identity, Meanwhile, Shown, Transfer, Withheld};
use flow::leg::{DialOutcome, Tag};
use sip::{Flow, Reason};

use super::LegKey;
use super::dial::{Dial, Stage as Talk};
use super::feature::{Came, Doing, Running};
use super::handover::dials;
use super::hold::nobody;
use super::run::Call;
use crate::route::Program;

/// How long the phones ring that a conversation is to move to.
const RING: Duration = Duration::from_secs(20);

/// See the module.
#[derive(Debug)]
pub(super) struct Consult {
    stage: Stage,
    /// The dialling of the conversation.
    conversation: Box<Dial>,
    /// Keys by which the old conversation is taken back, and what was pressed last.
    takeback: String,
    pressed: String,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// `by` waits for the target or talks to it; `of` hears music.
    Asking { by: LegKey, of: LegKey },
    /// `by` and `of` talk, until another phone of `by`'s answers.
    Moving { by: LegKey, of: LegKey },
    /// One of the two is gone: this one waits for the target.
    Alone(LegKey),
}

impl Consult {
    /// Another leg takes the place of one.
    pub(super) fn swap(&mut self, old: LegKey, new: LegKey) {
        let own = match &mut self.stage {
            Stage::Asking { by, of } | Stage::Moving { by, of } => [Some(by), Some(of)],
            Stage::Alone(one) => [Some(one), None],
        };
        own.into_iter().flatten().filter(|key| **key == old).for_each(|key| *key = new);
        self.conversation.swap(old, new);
    }
}

impl Call {
    /// Lets `by` talk to the target first. Whether there is somebody to talk to: not a flow that answers by itself.
    pub(super) fn consult(
        &mut self,
        now: Instant,
        tag: Tag,
        (by, of): (LegKey, LegKey),
        transfer: &Transfer<String>,
        program: &Program,
    ) -> bool {
        let Some(order) = dials(&program.code) else { return false };
        let Some(conversation) = self.dial.take_if(|dial| dial.winner().is_some()) else { return false };
        let class = transfer.music.clone().unwrap_or_else(|| self.class_for(of, by));
        let music = self.shared.music(&class);
        self.part();
        if let Some(leg) = self.leg_mut(of) {
            leg.play_music(music);
        }
        let meanwhile = transfer.ringback.clone().map_or(Meanwhile::Pass, Meanwhile::Sound);
        let order = flow::ir::Dial { timeout: transfer.timeout, meanwhile, rounds: 1, ..order };
        let takeback = transfer.takeback.clone();
        self.ask(now, tag, Stage::Asking { by, of }, (conversation, takeback), (by, by), order);
        true
    }

    /// Lets other phones ring that are to have the conversation instead of `by`'s.
    pub(super) fn move_to(
        &mut self,
        now: Instant,
        tag: Tag,
        (by, of): (Option<LegKey>, Option<LegKey>),
        to: Option<Callee<String>>,
    ) -> Option<Came> {
        let (Some(by), Some(of)) = (by, of) else { return Some(nobody("to take along")) };
        let own = || Some(Callee::User(self.leg(by)?.owned()?.user.to_string()));
        let Some(to) = to.or_else(own) else { return Some(nobody("whose phones could ring")) };
        if self.transfer.is_some() || self.origin.is_some() || self.is_consulting() {
            return Some(Ok("failed"));
        }
        let Some(conversation) = self.dial.take_if(|dial| dial.winner().is_some()) else {
            return Some(nobody("to take along"));
        };
        self.record.timeline.note(now, format!("{} moves to {to}", self.marked(by)));
        let meanwhile = Meanwhile::Ringing;
        let order =
            flow::ir::Dial { meanwhile, own_phones: true, ..flow::ir::Dial::new(vec![to.into()], RING) };
        self.ask(now, tag, Stage::Moving { by, of }, (conversation, String::new()), (of, of), order);
        None
    }

    /// Dials for `caller`, as whom those who are called see `shown`.
    fn ask(
        &mut self,
        now: Instant,
        tag: Tag,
        stage: Stage,
        (conversation, takeback): (Box<Dial>, String),
        (caller, shown): (LegKey, LegKey),
        mut order: flow::ir::Dial<String>,
    ) {
        let seen = self.identity(shown, None, self.caller.hops);
        order.identity = Identity {
            number: Shown::Given(seen.number),
            name: Shown::Given(seen.name.unwrap_or_default()),
            withheld: if seen.withheld { Withheld::Both } else { Withheld::AsCaller },
            ..Identity::default()
        };
        order.outside = None;
        let consult = Consult { stage, conversation, takeback, pressed: String::new() };
        self.doing.push(Running { tag, doing: Doing::Consult(Box::new(consult)) });
        self.dial(now, tag, caller, order);
    }

    fn consulting(&mut self) -> Option<(Tag, &mut Consult)> {
        self.doing.iter_mut().find_map(|running| match &mut running.doing {
            Doing::Consult(consult) => Some((running.tag, &mut **consult)),
            _ => None,
        })
    }

    /// Whether a party talks to the target of a transfer, or moves.
    pub(super) fn is_consulting(&self) -> bool {
        self.doing.iter().any(|running| matches!(running.doing, Doing::Consult(_)))
    }

    /// Whether this is the phone that a conversation moves away from, which is not to ring.
    pub(super) fn moves_from(&self, flow: Flow) -> bool {
        self.doing.iter().any(|running| match &running.doing {
            Doing::Consult(consult) => {
                matches!(consult.stage, Stage::Moving { by, .. } if self.leg(by).is_some_and(|leg| leg.is_at(flow)))
            }
            _ => false,
        })
    }

    fn take_consult(&mut self, tag: Tag) -> Option<Consult> {
        let ours = |running: &Running| running.tag == tag && matches!(running.doing, Doing::Consult(_));
        let at = self.doing.iter().position(ours)?;
        match self.doing.remove(at).doing {
            Doing::Consult(consult) => Some(*consult),
            _ => None,
        }
    }

    /// A party is gone; whether the others go on without it.
    pub(super) fn consult_left(&mut self, now: Instant, gone: LegKey) -> bool {
        let Some((tag, consult)) = self.consulting() else { return false };
        let (stays, word) = match consult.stage {
            Stage::Asking { by, of } | Stage::Moving { by, of } if by == gone => (of, "done"),
            Stage::Asking { by, of } if of == gone => (by, "failed"),
            Stage::Moving { of, .. } if of == gone => {
                // There is no conversation any more that could move.
                self.give_up_consult(now, tag);
                return false;
            }
            _ => return false,
        };
        if !self.leg(stays).is_some_and(|leg| leg.is_up()) {
            return false;
        }
        if let Some((_, consult)) = self.consulting() {
            consult.stage = Stage::Alone(stays);
        }
        if self.subject == Some(gone) {
            self.subject = Some(stays);
        }
        self.record.timeline.note(now, format!("{} stays without {}", self.marked(stays), self.marked(gone)));
        match self.dial.as_ref().and_then(|dial| dial.winner()) {
            Some(target) => self.join_target(now, tag, target, word),
            None => {
                if self.bridge.as_ref().is_some_and(|bridge| bridge.partner(gone).is_some()) {
                    self.part();
                }
                if let Some(dial) = &mut self.dial {
                    dial.swap(gone, stays);
                }
                if let Some(leg) = self.leg_mut(stays) {
                    leg.end_music();
                }
                self.let_ring();
            }
        }
        true
    }

    /// The target is connected with the one who is alone: that is the flow's conversation from here on.
    fn join_target(&mut self, now: Instant, tag: Tag, target: LegKey, word: &str) {
        let Some(Consult { stage: Stage::Alone(one), mut conversation, .. }) = self.take_consult(tag) else {
            return;
        };
        if let Talk::Talking(winner, _) = &mut conversation.stage {
            *winner = target;
        }
        conversation.caller = one;
        self.dial = Some(conversation);
        self.record.timeline.note(now, format!("{} goes on with {}", self.marked(one), self.marked(target)));
        self.connect(now, one, target);
        self.finish(now, tag, word);
    }

    /// Somebody answered, and is connected already with whom the dialling was for.
    pub(super) fn consult_answered(&mut self, now: Instant, tag: Tag, target: LegKey) {
        let Some((of, consult)) = self.consulting() else { return };
        if of != tag {
            return;
        }
        match consult.stage {
            Stage::Asking { .. } => {}
            Stage::Alone(_) => self.join_target(now, tag, target, "done"),
            Stage::Moving { by, .. } => {
                let Some(mut consult) = self.take_consult(tag) else { return };
                consult.conversation.swap(by, target);
                self.dial = Some(consult.conversation);
                if self.subject == Some(by) {
                    self.subject = Some(target);
                }
                if let Some(leg) = self.leg_mut(by) {
                    leg.leave(480, None, Reason::normal());
                }
                self.finish(now, tag, "done");
            }
        }
    }

    /// The target is not to be had, or gone: the old conversation goes on, if both are there.
    pub(super) fn consult_over(&mut self, now: Instant, tag: Tag) {
        let Some(Consult { stage, conversation, .. }) = self.take_consult(tag) else { return };
        self.dial = Some(conversation);
        match stage {
            Stage::Asking { by, of } => {
                self.record.timeline.note(now, "the transfer came to nothing; they talk again");
                self.connect(now, by, of);
                self.finish(now, tag, "failed");
            }
            Stage::Moving { .. } => {
                self.record.timeline.note(now, "no other phone answered");
                self.finish(now, tag, "failed");
            }
            Stage::Alone(one) => {
                if let Some(leg) = self.leg_mut(one) {
                    leg.hush();
                }
                self.left = Some((now, Reason::normal()));
                self.dialled(now, DialOutcome::Answered, 200);
            }
        }
    }

    /// The target is not wanted any more.
    pub(super) fn give_up_consult(&mut self, now: Instant, tag: Tag) {
        if self.dial.as_ref().is_some_and(|dial| dial.tag == tag) {
            self.give_up(now, Reason::normal());
        }
    }

    /// A party pressed a key: it may be the last of those that take the old conversation back.
    pub(super) fn consult_key(&mut self, now: Instant, from: LegKey, key: char) {
        let Some((tag, consult)) = self.consulting() else { return };
        if !matches!(consult.stage, Stage::Asking { by, .. } if by == from) || consult.takeback.is_empty() {
            return;
        }
        consult.pressed.push(key);
        if consult.pressed.len() > consult.takeback.len() {
            consult.pressed.remove(0);
        }
        if consult.pressed == consult.takeback {
            self.record.timeline.note(now, format!("{} takes the other party back", self.marked(from)));
            self.give_up_consult(now, tag);
        }
    }
}
