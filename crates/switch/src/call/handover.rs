//! Transfers by a flow: a star code in a conversation, or a module that sends the caller elsewhere.
//!
//! ```text
//!   blind:     A — T   T asks   A's leg moves to a new call, whose program is what the number means, as by REFER
//!   attended:  A — T   T asks   A hears music, T talks to the target first (`consult.rs`)
//! ```
//!
//! Until somebody answers, T hears that it rings, and has A back if nobody does. Whoever goes takes nobody else along.
//! A flow whose caller talks to nobody sends the caller itself, for good.
//! In a conversation, whoever has not proved to be a user sends nobody outside.

use std::sync::Arc;
use std::time::Instant;

use flow::ir::{AfterBridge, Side, Transfer as Order};
use flow::leg::Tag;
use sip::Reason;

use super::LegKey;
use super::feature::Came;
use super::forks::ringback;
use super::hold::nobody;
use super::leg::CallLeg;
use super::run::Call;
use super::start::{Transferred, start_transferred};
use super::transfer::{Asked, Moved, News, Origin, Stage, Transfer};
use crate::error::Refusal;
use crate::route::{Program, lead, lead_out};

impl Call {
    /// A flow wants one party to be connected with somebody else. `None` for what takes time.
    pub(super) fn hand_over(
        &mut self,
        now: Instant,
        tag: Tag,
        (own, other): (Option<LegKey>, Option<LegKey>),
        order: Order<String>,
    ) -> Option<Came> {
        let (by, of) = if order.side == Side::Own { (other, own) } else { (own, other) };
        let Some(of) = of.filter(|of| self.leg(*of).is_some_and(|leg| leg.is_up())) else {
            return Some(nobody("to transfer"));
        };
        let program = match self.meaning(other.and(own), &order.to) {
            Ok(program) => program,
            Err(refusal) => {
                self.record.timeline.note(now, format!("no transfer to {}: {refusal}", order.to));
                return Some(Ok("failed"));
            }
        };
        let Some(by) = by else {
            return match self.send_off(now, of, &order.to, program, None, None) {
                Ok(()) => None,
                Err(_) => Some(Ok("failed")),
            };
        };
        if self.transfer.is_some() || self.origin.is_some() || self.is_consulting() {
            self.record.timeline.note(now, "no transfer: another one goes on");
            return Some(Ok("failed"));
        }
        metrics::counter!("offhook_transfers_total").increment(1);
        self.record
            .timeline
            .note(now, format!("{} transfers {} to {}", self.marked(by), self.marked(of), order.to));
        if order.attended && self.consult(now, tag, (by, of), &order, &program) {
            return None;
        }
        let chosen = order.ringback.as_deref().map(|name| self.shared.music(name));
        let ringing = chosen.unwrap_or_else(ringback);
        match self.send_off(now, of, &order.to, program, None, Some((by, Asked::Flow(tag)))) {
            Ok(()) => {
                if let Some(leg) = self.leg_mut(by) {
                    leg.ring_by(ringing);
                }
                None
            }
            Err(_) => Some(Ok("failed")),
        }
    }

    /// What a number means for the party that asks for it, or for the flow itself.
    pub(super) fn meaning(&self, by: Option<LegKey>, number: &str) -> Result<Program, Refusal> {
        let (flows, users) = (self.shared.flows.load(), self.shared.users.load());
        let far = match by {
            Some(by) => {
                let account = self.account(by);
                let may = account.is_none_or(|account| self.shared.may_call_outside(&account));
                may && self.leg(by).is_some_and(CallLeg::is_proved)
            }
            None => true,
        };
        match far {
            true => lead_out(&flows, &users, &self.shared.trunks, number),
            false => lead(&flows, &users, number),
        }
    }

    /// A party goes on in a call of its own. With somebody who asked for it, it comes back if nobody answers there.
    pub(super) fn send_off(
        &mut self,
        now: Instant,
        of: LegKey,
        number: &str,
        program: Program,
        referred_by: Option<String>,
        asked: Option<(LegKey, Asked)>,
    ) -> Result<(), u16> {
        let hops = self.caller.hops.saturating_sub(1);
        if hops == 0 {
            return Err(483);
        }
        let settled = asked.is_none() || !program.only_dials;
        let caller = self.identity(of, referred_by, hops);
        let user = asked.and_then(|(by, _)| self.leg(by)).and_then(CallLeg::user);
        let leg = self.take_leg(of).ok_or(480u16)?;
        let mark = leg.mark();
        let media = leg.media_leg();
        let origin = Origin::new(of, self.record.mail().clone());
        let transferred = Transferred {
            leg,
            caller,
            called: number.to_owned(),
            program,
            origin: (!settled).then_some(origin),
            by: user,
            from: self.record.clone(),
            now,
        };
        let mail = start_transferred(&self.shared, transferred);
        self.moved.push(Moved::new(of, media, mail));
        match asked {
            Some((by, asked)) => {
                self.transfer = Some(Box::new(Transfer { asked, by, of, stage: Stage::Away(mark) }));
                if settled {
                    self.transfer_news(now, of, News::Done);
                }
            }
            None => {
                self.ending("transferred", "flow");
                self.subject_gone(now, "transferred", &Reason::normal());
            }
        }
        Ok(())
    }

    /// What becomes of the caller when the next conversation is over.
    pub(super) fn set_after(&mut self, after: AfterBridge<String>) -> Came {
        self.after = Some(after);
        Ok("done")
    }

    /// A conversation is over; whether the flow has said what becomes of its party then.
    pub(super) fn after_bridge(&mut self, now: Instant) -> bool {
        let subject = self.subject.filter(|key| self.leg(*key).is_some_and(|leg| leg.is_up()));
        let (Some(subject), Some(after)) = (subject, self.after.take()) else { return false };
        let (number, program) = match after {
            AfterBridge::Hangup => {
                self.ending("hangup", "flow");
                if let Some(leg) = self.leg_mut(subject) {
                    leg.cut("hangup", 480);
                }
                return true;
            }
            AfterBridge::Park => (String::new(), Ok(Program::own(flow::own::park(), "park"))),
            AfterBridge::Transfer(to) => {
                let program = self.meaning(None, &to);
                (to, program)
            }
        };
        let went = match program {
            Ok(program) => self.send_off(now, subject, &number, program, None, None).is_ok(),
            Err(refusal) => {
                self.record.timeline.note(now, format!("no transfer to {number}: {refusal}"));
                false
            }
        };
        if !went && let Some(leg) = self.leg_mut(subject) {
            leg.cut("hangup", 480);
        }
        true
    }
}

/// The dialling that a program begins with, if it dials before anything else, and nothing in it has to be worked out.
pub(super) fn dials(program: &Arc<flow::ir::Program>) -> Option<flow::ir::Dial<String>> {
    let mut at = program.entry?;
    // A few nodes that do nothing may come first.
    for _ in 0..8 {
        let node = program.node(at)?;
        match &node.op {
            flow::ir::Op::Dial(dial) => {
                let mut whole = true;
                let order = dial.map(|template| {
                    let text = template.as_literal();
                    whole &= text.is_some();
                    text.unwrap_or_default().to_owned()
                });
                return whole.then_some(order);
            }
            flow::ir::Op::Noop => match node.edges.target(&flow::ir::Outcome::Done) {
                flow::ir::Target::Node(next) => at = next,
                _ => return None,
            },
            _ => return None,
        }
    }
    None
}
