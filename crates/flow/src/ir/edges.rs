//! Outcomes of a node and where they lead.

use super::NodeId;

/// What came of a node.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It did its work; nothing to choose by.
    Done,
    /// It produced a value to branch on: keys pressed, a rule's id, a variable's value, a bridge's result.
    Key(String),
    /// A question answered with yes.
    Yes,
    /// A question answered with no.
    No,
    /// Nothing came in the time allowed.
    Timeout,
    /// It could not do its work.
    Failed(Cause),
}

/// Why a node failed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// offhook knows the feature but has nothing to run it with here (not configured, or not there yet).
    Unavailable,
    /// The leg cannot do this (no media, already ended, not answerable any more).
    Unsupported,
    /// A prompt could not be read, fetched or spoken.
    Prompt,
    /// An HTTP request failed: no connection, time limit, a status that is not a success, a reply that is no program.
    Http,
    /// A document that was asked for does not exist.
    Missing,
    /// The recording could not be made.
    Recording,
    /// Anything the far end or the network said, as a SIP status code.
    Status(u16),
}

/// Where an outcome leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// To this node of the same program.
    Node(NodeId),
    /// To the place on top of the return stack; if it is empty, to the program's `on_end`.
    Return,
    /// The run ends and the leg is hung up.
    Hangup,
}

/// The edge table of a node: the first case that matches wins, else `otherwise`.
#[derive(Clone, Debug, PartialEq)]
pub struct Edges {
    /// Outcomes with a target of their own.
    pub cases: Vec<(Outcome, Target)>,
    /// Every other outcome. This is where a dialect's fall-through rule is written.
    pub otherwise: Target,
}

impl Edges {
    /// Edges that lead to one place whatever happens.
    pub fn always(target: Target) -> Edges {
        Edges { cases: Vec::new(), otherwise: target }
    }

    /// The same edges with one more case.
    #[must_use]
    pub fn case(mut self, outcome: Outcome, target: Target) -> Edges {
        self.cases.push((outcome, target));
        self
    }

    /// Where `outcome` leads. A `Failed(_)` without a case of its own takes the first `Failed(_)` case there is.
    pub fn target(&self, outcome: &Outcome) -> Target {
        let exact = self.cases.iter().find(|(case, _)| case == outcome);
        let same_kind = || match outcome {
            Outcome::Failed(_) => self.cases.iter().find(|(case, _)| matches!(case, Outcome::Failed(_))),
            _ => None,
        };
        exact.or_else(same_kind).map_or(self.otherwise, |(_, target)| *target)
    }

    /// Whether `outcome` has a case of its own.
    pub fn has(&self, outcome: &Outcome) -> bool {
        self.cases.iter().any(|(case, _)| case == outcome)
    }
}
