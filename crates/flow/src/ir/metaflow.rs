//! Star codes: keys that do something while two people talk (Kazoo's metaflows).

use std::time::Duration;

use super::NodeId;

/// The star codes of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metaflows {
    /// The key that begins a code; it is no part of the code.
    pub binding: char,
    /// A code is over when no key came for so long; only then it is looked up.
    pub timeout: Duration,
    /// Whose keys count.
    pub listen_on: super::Side,
    /// Codes by their digits, and where each begins.
    pub numbers: Vec<(String, NodeId)>,
    /// Regular expressions, searched for unanchored in this order after the numbers; what their groups found is
    /// `Fact::Captures`, all digits are `Fact::Collected`.
    pub patterns: Vec<(String, NodeId)>,
    /// Nodes that are no longer beside the conversation: it ends before one of them runs, and the flow goes on there.
    pub leaving: Vec<NodeId>,
}
