//! Modules that choose the way: `callflow`, `branch_bnumber`.

use super::{Step, Walk};
use crate::ir::{
    Branch, Condition, Edges, Expr, Fact, Install, NodeId, Op, Outcome, Part, Subflow, Target, Template,
};
use crate::lower::Code;

impl<'a> Walk<'a> {
    /// Runs another callflow and comes back to `_`.
    pub(super) fn callflow(&mut self, step: &Step<'a>) -> NodeId {
        let Some(id) = self.required(step, "id") else { return self.onward(Op::Noop, step) };
        let subflow = Subflow { id: Template::literal(id), install: Install::Push };
        self.onward(Op::Subflow(subflow), step)
    }

    /// The child whose key is the capture group, or with `hunt` the callflow of that number.
    pub(super) fn branch_bnumber(&mut self, step: &Step<'a>) -> NodeId {
        let mut edges = step.children.edges();
        if step.data.flag(&mut self.builder, "hunt").unwrap_or(false) {
            edges.otherwise = self.hunt(step);
        }
        let branch = Branch { on: Expr::Fact(Fact::CaptureGroup), reset: None, flush: false };
        self.add(Op::Branch(branch), edges, step)
    }

    /// The callflow of the captured number, if `hunt_allow` and `hunt_deny` let it.
    fn hunt(&mut self, step: &Step<'a>) -> Target {
        let id = Template(vec![Part::Value(Expr::Fact(Fact::CaptureGroup))]);
        let subflow = Op::Subflow(Subflow { id, install: Install::Push });
        let mut target = Target::Node(self.onward(subflow, step));
        for (key, passes) in [("hunt_deny", Outcome::No), ("hunt_allow", Outcome::Yes)] {
            let Some(pattern) = step.data.text(&mut self.builder, key) else { continue };
            if let Some(pattern) = self.pattern(&step.data.at(key), pattern) {
                let condition =
                    Condition::Matches { text: Expr::Fact(Fact::CaptureGroup), patterns: vec![pattern] };
                let edges = Edges::always(step.next()).case(passes, target);
                target = Target::Node(self.add(Op::If(condition), edges, step));
            }
        }
        target
    }

    /// The pattern if it compiles; one that does not is told and matches nothing.
    pub(super) fn pattern(&mut self, at: &crate::ir::Pointer, pattern: String) -> Option<String> {
        let said = match self.builder.pattern(&pattern) {
            Ok(()) => return Some(pattern),
            Err(said) => said,
        };
        self.report(
            Code::BadPattern,
            at,
            format!("`{pattern}` is no regular expression ({said}); it matches nothing"),
        );
        None
    }
}
