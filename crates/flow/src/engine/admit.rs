//! Whether a node may run, and what it comes to if the call cannot do what it needs.

use super::Port;
use crate::{
    action,
    ir::{Cause, Lacking, Node, Outcome, Program, When, print},
    trace::What,
};

impl Port {
    /// Counts and notes that `node` is entered. `Err` is why the call has to end instead; `Ok(Some(_))` is what comes of
    /// the node without running it, because the call cannot do what it needs.
    pub(crate) fn admit(&mut self, program: &Program, node: &Node) -> Result<Option<Outcome>, &'static str> {
        self.nodes += 1;
        self.admitted = self.admitted.wrapping_add(1);
        let budget = self.settings.budget;
        if self.nodes > budget {
            self.note(format!("{budget} steps without a pause: the flow runs in a circle"));
            return Err("budget");
        }
        let counts = !node.within;
        if counts && program.node_limit.is_some_and(|limit| self.entered >= limit) {
            self.note(format!("{} steps in one call, and no more are allowed", self.entered));
            return Err("budget");
        }
        if self.after_call_limit().is_some_and(|limit| self.now >= limit) {
            self.note("what the flow does after the call takes too long");
            return Err("budget");
        }
        self.entered += u32::from(counts);
        self.trace(What::Node { pointer: node.source.to_string(), op: print::op(&node.op) });
        let Some(why) = self.lacks(node) else { return Ok(None) };
        self.note(why);
        let lacking = Outcome::Failed(Cause::Unsupported);
        // A node that runs in some flows only says where the others go on.
        let told = node.when != When::Always && node.edges.has(&lacking);
        Ok(Some(if program.lacking == Lacking::Skip && !told { Outcome::Done } else { lacking }))
    }

    /// Why a node cannot run now; `None` if it can.
    fn lacks(&self, node: &Node) -> Option<&'static str> {
        let up = self.leg_is_up();
        match node.when {
            When::OffCall if up => return Some("this is for flows without a call"),
            When::OnCall if !up => {}
            _ if action::need(&node.op).is_some_and(|need| !self.supports(need)) => {}
            _ => return None,
        }
        Some(if self.after { "the call is over" } else { "there is no call to do this on" })
    }
}
