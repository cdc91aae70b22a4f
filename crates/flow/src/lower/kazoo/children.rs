//! The children of a node: which key leads where.

use serde_json::Value;

use super::Walk;
use crate::ir::{Edges, Outcome, Pointer, Target};
use crate::lower::Code;

/// The children of a node, lowered.
#[derive(Debug, Default)]
pub(super) struct Children {
    /// Every key but `_`, in the document's order.
    keyed: Vec<(String, Target)>,
    /// The child `_`.
    otherwise: Option<Target>,
}

impl Children {
    /// Where everything leads that has no child of its own: `_`, or the end of the branch.
    pub(super) fn next(&self) -> Target {
        self.otherwise.unwrap_or(Target::Return)
    }

    /// Whether there is a child `_`.
    pub(super) fn has_next(&self) -> bool {
        self.otherwise.is_some()
    }

    /// The child of this key.
    pub(super) fn get(&self, key: &str) -> Option<Target> {
        self.keyed.iter().find(|(own, _)| own == key).map(|(_, target)| *target)
    }

    /// The keys beside `_`.
    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.keyed.iter().map(|(key, _)| key.as_str())
    }

    /// An edge a key, and `_` for the rest.
    pub(super) fn edges(&self) -> Edges {
        let cases = self.keyed.iter().map(|(key, target)| (Outcome::Key(key.clone()), *target));
        Edges { cases: cases.collect(), otherwise: self.next() }
    }
}

impl<'a> Walk<'a> {
    /// Lowers the children at `at`; a node that stands there itself is the child `_` (seed 000 has one).
    pub(super) fn children(&mut self, value: Option<&'a Value>, at: &Pointer) -> Children {
        let mut children = Children::default();
        let object = match value {
            None | Some(Value::Null) => return children,
            Some(Value::Object(object)) => object,
            Some(other) => {
                super::super::members::wrong(&mut self.builder, at, "an object of nodes", other);
                return children;
            }
        };
        if object.get("module").is_some_and(Value::is_string) {
            self.report(Code::Tolerated, at, "`children` holds a node itself; it is read as the child `_`");
            children.otherwise = value.map(|node| self.node(node, at));
            return children;
        }
        for (key, child) in object {
            let at = at.child(key);
            // Editors leave empty objects behind where a child was taken away.
            if child.as_object().is_some_and(serde_json::Map::is_empty) {
                self.report(Code::Tolerated, &at, format!("the child `{key}` is empty and counts as absent"));
                continue;
            }
            let target = self.node(child, &at);
            match key.as_str() {
                "_" => children.otherwise = Some(target),
                key => children.keyed.push((key.to_owned(), target)),
            }
        }
        children
    }

    /// Tells of children that a module never chooses.
    pub(super) fn only_next(&mut self, name: &str, step: &super::Step<'_>) {
        let keys: Vec<String> = step.children.keys().map(str::to_owned).collect();
        for key in keys {
            let at = step.at.child("children").child(&key);
            self.report(
                Code::IgnoredBranch,
                &at,
                format!("the child `{key}` is never reached: `{name}` goes on at `_` only"),
            );
        }
    }
}
