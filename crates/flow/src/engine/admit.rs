//! Whether a node may run, and what it comes to if the call cannot do what it needs.

use super::Port;
use crate::{
    action,
    ir::{Cause, Lacking, Node, Outcome, Program, print},
    trace::What,
};

impl Port {
    /// Counts and notes that `node` is entered. `Err` is why the call has to end instead; `Ok(Some(_))` is what comes of
    /// the node without running it, because the call cannot do what it needs.
    pub(crate) fn admit(&mut self, program: &Program, node: &Node) -> Result<Option<Outcome>, &'static str> {
        self.nodes += 1;
        let budget = self.settings.budget;
        if self.nodes > budget {
            self.note(format!("{budget} steps without a pause: the flow runs in a circle"));
            return Err("budget");
        }
        if program.node_limit.is_some_and(|limit| self.entered >= limit) {
            self.note(format!("{} steps in one call, and no more are allowed", self.entered));
            return Err("budget");
        }
        if self.after_call_limit().is_some_and(|limit| self.now >= limit) {
            self.note("what the flow does after the call takes too long");
            return Err("budget");
        }
        self.entered += 1;
        self.trace(What::Node { pointer: node.source.to_string(), op: print::op(&node.op) });
        if action::need(&node.op).is_none_or(|need| self.supports(need)) {
            return Ok(None);
        }
        let why = if self.after { "the call is over" } else { "there is no call to do this on" };
        self.note(why);
        Ok(Some(match program.lacking {
            Lacking::Skip => Outcome::Done,
            Lacking::Fail => Outcome::Failed(Cause::Unsupported),
        }))
    }
}
