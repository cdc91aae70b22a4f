//! What the call's page says of a leg: that it is answered, and how it ended.

use super::CallLeg;
use crate::book::{CallState, Ender, LegState};
use crate::call::Mark;
use crate::events::{Happening, wall_clock};

impl CallLeg {
    /// Writes down that the leg is answered; if it is the caller's, so is the call.
    pub(super) fn record_answer(&self) {
        let (record, mark) = (&self.owner.record, self.mark());
        record.write_leg(mark, |leg| {
            leg.state = LegState::Answered;
            leg.answered = Some(wall_clock());
        });
        if mark != Mark::FIRST || record.is_outbound() {
            return self.shared.cdr.alive(record);
        }
        self.record_call_answered();
    }

    /// Writes down that the call is answered, if it was not before: its caller may have become another.
    pub(crate) fn record_call_answered(&self) {
        let record = &self.owner.record;
        if record.summary().answered.is_some() {
            return;
        }
        record.write(|about| {
            about.state = CallState::Answered;
            about.answered = Some(wall_clock());
        });
        self.shared.cdr.alive(record);
        metrics::counter!("offhook_calls_answered_total").increment(1);
        tracing::info!("answered");
        self.shared.bus.publish(record.id, Happening::Answered);
    }

    /// Writes down the Call-ID by which the call is known to the one whom we call. Of several who ring, the first counts,
    /// and then the one who answered.
    pub(crate) fn record_call_id(&self, call_id: &str, answered: bool) {
        let record = &self.owner.record;
        if record.is_outbound() && (answered || record.summary().sip_call_id.is_empty()) {
            record.write(|about| about.sip_call_id = call_id.to_owned());
        }
    }

    /// The Call-ID of an INVITE of ours; empty before it is known, and of one that came.
    pub(crate) fn call_id(&self) -> &str {
        &self.call_id
    }

    pub(super) fn record_end(&self, cause: &str, by: Ender, status: Option<u16>) {
        self.owner.record.write_leg(self.mark(), |leg| {
            if leg.ended.is_none() {
                leg.state = LegState::Ended { cause: cause.to_owned(), by, status };
                leg.ended = Some(wall_clock());
            }
        });
    }
}
