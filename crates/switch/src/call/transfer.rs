//! Transfers by a phone: REFER in a conversation (RFC 3515), blind or to another call of the same phone (RFC 3891).
//!
//! ```text
//!   blind:     A — T   REFER to C   A's leg moves to a new call, whose program is what C's number means
//!   attended:  A — T, T — C         A's leg moves to the other call, in T's place
//! ```
//!
//! The call of the transferor T lends its leg: until somebody answers, the leg comes back if the transfer comes to
//! nothing and T is still there. T hears how it goes by NOTIFY. Whoever goes meanwhile takes nobody else with it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use flow::leg::{DialOutcome, LegCommand, Tag};
use sip::{Reason, Refer, ReferId};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::caller::Caller;
use super::leg::CallLeg;
use super::run::Call;
use super::taking::Goal;
use super::{LegKey, Mail, Mark, post};
use crate::sip_io::{Command, Owner};

/// A transferor who does not hang up after a successful transfer is hung up on: its NOTIFY comes first.
const PATIENCE: Duration = Duration::from_millis(500);

/// A transfer in the call of the one who asked for it.
#[derive(Debug)]
pub(super) struct Transfer {
    pub(super) asked: Asked,
    /// Who asked for it.
    pub(super) by: LegKey,
    /// The other party.
    pub(super) of: LegKey,
    pub(super) stage: Stage,
}

/// What asked for a transfer, and is told how it goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Asked {
    /// The phone, by REFER.
    Phone(ReferId),
    /// The flow.
    Flow(Tag),
}

#[derive(Debug)]
pub(super) enum Stage {
    /// The dialog that is to be taken over is looked for; the parties still talk.
    Finding,
    /// The other party is in another call, and had this mark in this one.
    Away(Mark),
    /// It will not come back; the transferor is left at this time.
    Done(Instant),
}

impl Transfer {
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        match self.stage {
            Stage::Done(until) => Some(until),
            Stage::Finding | Stage::Away(_) => None,
        }
    }
}

/// A leg on its way to a call.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(super) leg: CallLeg,
    pub(super) purpose: Purpose,
}

#[derive(Debug)]
pub(super) enum Purpose {
    /// To take the place of a leg, for the user who transfers.
    Replace { old: LegKey, by: Option<Arc<str>>, origin: Origin },
    /// Its transfer came to nothing, with this status.
    Back { status: u16 },
    /// To talk to somebody there.
    Take { goal: Goal, origin: Origin },
    /// It found nobody there.
    Refused,
}

/// The call that a leg came from.
#[derive(Clone, Debug)]
pub(crate) struct Origin {
    pub(super) leg: LegKey,
    pub(super) mail: mpsc::Sender<Box<Mail>>,
}

/// What the call that took a leg tells the one that gave it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum News {
    /// It rings.
    Progress(u16),
    /// It is connected, and stays.
    Done,
    /// Its far end has hung up meanwhile.
    Lost,
}

/// A leg that went to another call.
#[derive(Debug)]
pub(super) struct Moved {
    pub(super) key: LegKey,
    pub(super) media: Option<media::LegId>,
    pub(super) mail: mpsc::Sender<Box<Mail>>,
}

impl Moved {
    pub(super) fn new(key: LegKey, media: Option<media::LegId>, mail: mpsc::Sender<Box<Mail>>) -> Moved {
        Moved { key, media, mail }
    }

    /// The call it went to is over.
    pub(super) fn is_over(&self) -> bool {
        self.mail.is_closed()
    }
}

impl Origin {
    pub(super) fn new(leg: LegKey, mail: mpsc::Sender<Box<Mail>>) -> Origin {
        Origin { leg, mail }
    }

    pub(super) fn tell(&self, news: News) {
        // It may be over.
        post(&self.mail, Mail::Transfer(self.leg, news));
    }
}

impl Call {
    /// A letter about a leg that has moved goes after it.
    pub(super) fn forward(&mut self, is_it: impl Fn(&Moved) -> bool, letter: Mail) {
        if let Some(moved) = self.moved.iter().find(|moved| is_it(moved)) {
            post(&moved.mail, letter);
        }
    }

    /// A phone wants its other party to be connected with somebody else.
    pub(super) fn referred(&mut self, now: Instant, by: LegKey, refer: &Refer) {
        let of = self.bridge.as_ref().and_then(|bridge| bridge.partner(by));
        let both =
            of.filter(|of| [by, *of].iter().all(|key| self.leg(*key).is_some_and(CallLeg::is_answered)));
        let trusted = self.leg(by).is_some_and(|leg| leg.is_trusted());
        let to = if refer.replaces.is_some() { "another of its calls" } else { refer.to.user.as_str() };
        let prefix = self.leg(by).map(|leg| self.record.marked(leg.mark())).unwrap_or_default();
        let free = self.transfer.is_none() && self.origin.is_none() && !self.is_consulting();
        let Some(of) = both.filter(|_| trusted && free) else {
            self.record
                .timeline
                .note(now, format!("{prefix}may not transfer to {to}: there is nobody to transfer"));
            return self.answer_refer(by, refer.id, Err(603));
        };
        self.record.timeline.note(now, format!("{prefix}transfers the other party to {to}"));
        metrics::counter!("offhook_transfers_total").increment(1);
        if let Some(replaces) = refer.replaces.clone() {
            let mail = self.record.mail().clone();
            self.shared.shard.send(Command::Find { replaces, by, mail });
            let asked = Asked::Phone(refer.id);
            self.transfer = Some(Box::new(Transfer { asked, by, of, stage: Stage::Finding }));
            return;
        }
        self.answer_refer(by, refer.id, Ok(()));
        let asked = Asked::Phone(refer.id);
        self.notify(by, asked, 100);
        let number = refer.to.user.clone();
        // Whoever may not dial outside does not get there by a transfer either.
        let sent = match self.meaning(Some(by), &number) {
            Ok(program) => {
                self.send_off(now, of, &number, program, refer.referred_by.clone(), Some((by, asked)))
            }
            Err(refusal) => {
                self.record.timeline.note(now, format!("no transfer: {refusal}"));
                Err(refusal.status())
            }
        };
        if let Err(status) = sent {
            self.notify(by, asked, status);
        }
    }

    /// Who a party is to those it is connected with.
    pub(super) fn identity(&self, key: LegKey, referred_by: Option<String>, hops: u32) -> Caller {
        let first = match self.record.is_outbound() {
            true => self.subject == Some(key),
            false => self.leg(key).is_some_and(|leg| leg.mark() == Mark::FIRST),
        };
        if first {
            return Caller { referred_by, hops, ..self.caller.clone() };
        }
        let mark = self.leg(key).map(CallLeg::mark).unwrap_or(Mark::FIRST);
        let party = self.record.party(mark);
        let users = self.shared.users.load();
        let number = users.get(&party).and_then(|user| user.number.clone());
        Caller {
            account: users.owner(&party).map(|_| party.clone()),
            number: number.unwrap_or(party),
            name: None,
            host: self.caller.host.clone(),
            withheld: false,
            diversions: Vec::new(),
            history: Vec::new(),
            referred_by,
            hops,
        }
    }

    fn answer_refer(&self, by: LegKey, refer: ReferId, answer: Result<(), u16>) {
        if let Some(leg) = self.leg(by) {
            leg.answer_refer(refer, answer);
        }
    }

    fn notify(&self, by: LegKey, asked: Asked, status: u16) {
        if let (Some(leg), Asked::Phone(refer)) = (self.leg(by), asked) {
            leg.notify_refer(refer, status);
        }
    }

    /// Takes a leg out of the call, which is about to move.
    pub(super) fn take_leg(&mut self, key: LegKey) -> Option<CallLeg> {
        self.part();
        let at = self.legs.iter().position(|leg| leg.key() == key)?;
        Some(self.legs.remove(at))
    }

    /// The dialog was looked for that an attended transfer names.
    pub(super) fn dialog_found(&mut self, now: Instant, by: LegKey, found: Result<Owner, u16>) {
        let Some(transfer) = self.transfer.take_if(|t| t.by == by && matches!(t.stage, Stage::Finding))
        else {
            return;
        };
        let Transfer { asked, of, .. } = *transfer;
        let Asked::Phone(refer) = asked else { return };
        let other = match found {
            Ok(owner) if owner.record.id != self.record.id && self.bridge.is_some() => owner,
            _ => {
                self.record.timeline.note(now, "no transfer: there is no such call");
                return self.answer_refer(by, refer, Err(603));
            }
        };
        self.answer_refer(by, refer, Ok(()));
        self.notify(by, asked, 100);
        let user = self.leg(by).and_then(CallLeg::user);
        let Some(leg) = self.take_leg(of) else { return };
        let (mark, media) = (leg.mark(), leg.media_leg());
        let origin = Origin { leg: of, mail: self.record.mail().clone() };
        let arrival =
            Box::new(Arrival { leg, purpose: Purpose::Replace { old: other.leg, by: user, origin } });
        self.transfer = Some(Box::new(Transfer { asked, by, of, stage: Stage::Away(mark) }));
        match send(&other.mail, arrival) {
            Ok(()) => self.moved.push(Moved { key: of, media, mail: other.mail }),
            Err(arrival) => self.stayed(now, arrival.leg, 481),
        }
    }

    /// A leg comes from another call.
    pub(super) fn arrived(&mut self, now: Instant, arrival: Arrival) {
        let Arrival { mut leg, purpose } = arrival;
        let key = leg.key();
        match purpose {
            Purpose::Replace { old, by, origin } if self.may_transfer(old, by.as_ref()) => {
                let waits = self.waits(old);
                let mark = self.record.add_leg(leg.party());
                leg.rehome(Owner { leg: key, ..self.owner(mark) });
                self.legs.push(leg);
                self.take_place(now, old, key);
                if waits {
                    // Its transfer is done when somebody answers, and comes to nothing with this call's flow.
                    origin.tell(News::Progress(180));
                    self.origin = Some(origin);
                } else {
                    origin.tell(News::Done);
                }
            }
            Purpose::Replace { origin, .. } => {
                self.record.timeline.note(now, "a transferred leg came too late and goes back");
                // Without its call it is hung up, by being dropped.
                let _ = send(&origin.mail, Box::new(Arrival { leg, purpose: Purpose::Back { status: 481 } }));
            }
            Purpose::Take { goal, origin } => self.taker_arrived(now, leg, goal, origin),
            Purpose::Refused => self.taker_returned(now, leg),
            Purpose::Back { status } => {
                let mark = match self.transfer.as_deref() {
                    Some(Transfer { of, stage: Stage::Away(mark), .. }) if *of == key => *mark,
                    _ => self.record.add_leg(leg.party()),
                };
                leg.rehome(Owner { leg: key, ..self.owner(mark) });
                self.stayed(now, leg, status);
            }
        }
    }

    /// The other party is here, as before the transfer, which came to nothing.
    fn stayed(&mut self, now: Instant, leg: CallLeg, status: u16) {
        let key = leg.key();
        self.legs.push(leg);
        self.moved.retain(|moved| moved.key != key);
        let by = self.transfer.take_if(|transfer| transfer.of == key).map(|transfer| {
            self.notify(transfer.by, transfer.asked, status);
            (transfer.by, transfer.asked)
        });
        let there = by.filter(|(by, _)| self.leg(*by).is_some_and(|leg| leg.is_up()));
        match there {
            Some((by, asked)) => {
                self.record
                    .timeline
                    .note(now, format!("the transfer came to nothing ({status}); they talk again"));
                self.connect(now, by, key);
                if let Asked::Flow(tag) = asked {
                    self.finish(now, tag, "failed");
                }
            }
            None => {
                if let Some(leg) = self.leg_mut(key) {
                    leg.leave(480, None, Reason::normal());
                }
            }
        }
    }

    /// The call that has the other party tells how it goes.
    pub(super) fn transfer_news(&mut self, now: Instant, of: LegKey, news: News) {
        if self.taker_settled(now, of, news) {
            return;
        }
        let Some(transfer) = self.transfer.as_mut().filter(|transfer| transfer.of == of) else { return };
        let (by, asked) = (transfer.by, transfer.asked);
        match news {
            News::Progress(status) => self.notify(by, asked, status),
            News::Done => {
                transfer.stage = Stage::Done(now + PATIENCE);
                self.record.timeline.note(now, "the transfer is done");
                self.notify(by, asked, 200);
            }
            News::Lost => {
                self.transfer = None;
                self.notify(by, asked, 487);
                if self.subject == Some(of) {
                    self.subject_gone(now, "hangup", &Reason::normal());
                } else {
                    self.left = Some((now, Reason::normal()));
                    self.dialled(now, DialOutcome::Answered, 200);
                }
            }
        }
    }

    pub(super) fn transfer_time(&mut self, now: Instant) {
        if self.transfer.as_ref().and_then(|t| t.poll_timeout()).is_some_and(|due| due <= now) {
            self.transferred(now);
        }
    }

    /// Nothing is left here for the transferor, who is left or has gone.
    pub(super) fn transferred(&mut self, now: Instant) {
        let Some(transfer) = self.transfer.take() else { return };
        if matches!(transfer.stage, Stage::Finding) {
            // It went before it was known whereto: an end like any other.
            return match self.subject == Some(transfer.by) {
                true => self.subject_gone(now, "hangup", &Reason::normal()),
                false => {
                    self.left = Some((now, Reason::normal()));
                    self.dialled(now, DialOutcome::Answered, 200);
                }
            };
        }
        let by = if self.subject == Some(transfer.by) { "caller" } else { "callee" };
        self.ending("transferred", by);
        self.subject_gone(now, "transferred", &Reason::normal());
    }

    /// What the flow does next shows whether it goes on without the other party, and with who came by a transfer.
    pub(super) fn goes_on(&mut self, command: &LegCommand) {
        if !matches!(command, LegCommand::Hangup { .. } | LegCommand::Stop(_)) {
            self.left = None;
        }
        if matches!(command, LegCommand::Answer) {
            self.settled_in();
        }
    }

    /// The party that came by a transfer is connected here, or the flow answers: it does not go back any more.
    pub(super) fn settled_in(&mut self) {
        let Some(origin) = self.origin.take() else { return };
        origin.tell(News::Done);
        if let Some(leg) = self.subject.and_then(|key| self.leg(key)) {
            leg.record_call_answered();
        }
    }

    /// The flow is at its end, and its party has come by a transfer that nobody answered: it goes back to where it was,
    /// if its call is still there. Whether it did.
    pub(super) fn give_back(&mut self, now: Instant) -> bool {
        let Some(origin) = self.origin.take() else { return false };
        let status = self.last_dialled.unwrap_or(480);
        let Some(leg) = self.subject.and_then(|key| self.take_leg(key)) else { return false };
        if !leg.is_up() {
            self.legs.push(leg);
            return false;
        }
        let (key, media) = (leg.key(), leg.media_leg());
        match send(&origin.mail, Box::new(Arrival { leg, purpose: Purpose::Back { status } })) {
            Ok(()) => {
                self.moved.push(Moved { key, media, mail: origin.mail });
                self.record.timeline.note(now, "its party goes back to the call it came from");
                self.ending("transfer failed", "server");
                true
            }
            Err(arrival) => {
                self.legs.push(arrival.leg);
                false
            }
        }
    }
}

/// Sends a leg to another call; it comes back if that is over.
pub(super) fn send(mail: &mpsc::Sender<Box<Mail>>, arrival: Box<Arrival>) -> Result<(), Box<Arrival>> {
    match mail.try_send(Box::new(Mail::Leg(arrival))) {
        Ok(()) => Ok(()),
        Err(TrySendError::Full(letter)) => {
            let mail = mail.clone();
            tokio::spawn(async move {
                // If the call ends first, the leg is dropped, which hangs up.
                let _ = mail.send(letter).await;
            });
            Ok(())
        }
        Err(TrySendError::Closed(letter)) => match *letter {
            Mail::Leg(arrival) => Err(arrival),
            _ => Ok(()),
        },
    }
}
