//! What somebody outside asks of a call, and a flow that waits for it.

use std::time::Instant;

use flow::leg::Tag;

use super::Order;
use super::feature::{Doing, Running};
use super::run::Call;

impl Call {
    /// Somebody outside asks for something.
    pub(super) fn ordered(&mut self, now: Instant, order: Order) {
        match order {
            Order::HangUp(cause) => self.cut(now, &cause),
            Order::GoOn => self.go_on(now),
            Order::Merge { variable, value } => self.merge(now, variable, value),
        }
    }

    /// The flow waits until it is let go on.
    pub(super) fn block(&mut self, now: Instant, tag: Tag) {
        self.record.timeline.note(now, "waits to be let go on");
        self.record.write(|about| about.blocked = true);
        self.doing.push(Running { tag, doing: Doing::Block });
    }

    /// Somebody outside lets the flow go on.
    fn go_on(&mut self, now: Instant) {
        let blocked = self.doing.iter().find(|running| matches!(running.doing, Doing::Block));
        let Some(tag) = blocked.map(|running| running.tag) else { return };
        self.unblock();
        self.record.timeline.note(now, "was let go on");
        self.finish(now, tag, "done");
    }

    /// The flow waits no more.
    pub(super) fn unblock(&mut self) {
        self.record.write(|about| about.blocked = false);
    }
}
