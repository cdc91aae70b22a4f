//! Modules that choose the way: `callflow`, `branch_bnumber`, `check_cid`, `cidlistmatch`.

use serde_json::Value;

use super::variable::caller_number;
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

    /// `match` or `nomatch` by the caller's number, or with `use_absolute_mode` the child of that number.
    pub(super) fn check_cid(&mut self, step: &Step<'a>) -> NodeId {
        if step.data.flag(&mut self.builder, "use_absolute_mode").unwrap_or(false) {
            let branch = Branch { on: caller_number(), reset: None, flush: false };
            let edges = step.children.edges();
            return self.add(Op::Branch(branch), edges, step);
        }
        let regex = step.data.text(&mut self.builder, "regex").unwrap_or_else(|| ".*".to_owned());
        let patterns = self.pattern(&step.data.at("regex"), regex).into_iter().collect();
        self.matches(patterns, step)
    }

    /// `match` or `nomatch` by a list of the document's `lists`, which is ours: id to numbers, or to objects with
    /// `number`, `prefix` or `pattern`.
    pub(super) fn cid_list_match(&mut self, step: &Step<'a>) -> NodeId {
        let id = step.data.text(&mut self.builder, "id").unwrap_or_default();
        let Some((list, at)) = self.doc.entry("lists", &id) else {
            let target = step.children.get("nomatch").unwrap_or(step.next());
            let feature = format!("the caller id list `{id}` (none of that name in the document's `lists`)");
            return self.unavailable(&feature, step.children.edges(), target, step);
        };
        let entries: Vec<(&'a Value, crate::ir::Pointer)> = match list {
            Value::Array(entries) => {
                entries.iter().enumerate().map(|(key, entry)| (entry, at.child(key))).collect()
            }
            Value::Object(entries) => entries.iter().map(|(key, entry)| (entry, at.child(key))).collect(),
            other => {
                super::super::members::wrong(&mut self.builder, &at, "a list of numbers", other);
                Vec::new()
            }
        };
        let mut patterns = Vec::new();
        for (entry, at) in entries {
            let text = |key: &str| entry.get(key).and_then(Value::as_str);
            let pattern = match (entry.as_str(), text("number"), text("prefix"), text("pattern")) {
                (Some(number), ..) | (_, Some(number), ..) => Some(format!("^{}$", regex::escape(number))),
                (_, _, Some(prefix), _) => Some(format!("^{}", regex::escape(prefix))),
                (.., Some(pattern)) => self.pattern(&at.child("pattern"), pattern.to_owned()),
                _ => {
                    super::super::members::wrong(&mut self.builder, &at, "a number", entry);
                    None
                }
            };
            patterns.extend(pattern);
        }
        self.matches(patterns, step)
    }

    fn matches(&mut self, patterns: Vec<String>, step: &Step<'a>) -> NodeId {
        let child = |key: &str| step.children.get(key).unwrap_or(step.next());
        let edges =
            Edges::always(step.next()).case(Outcome::Yes, child("match")).case(Outcome::No, child("nomatch"));
        self.add(Op::If(Condition::Matches { text: caller_number(), patterns }), edges, step)
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
