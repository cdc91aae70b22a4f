//! The internal representation: what every dialect is lowered to and the engine runs.
//!
//! A [`Program`] is a graph of nodes.
//! A node has one operation and a table of edges by outcome.
//! Whatever distinguishes the dialects (where a list falls through to, whether a terminator is kept, when a digit
//! timer starts) has been written into this data by the lowering, so the engine knows no dialect.

mod calendar;
mod conference;
mod dial;
mod edges;
mod expr;
mod feature;
mod metaflow;
mod op;
pub mod print;
mod record;
mod request;
mod template;
mod verify;

pub use crate::rooms::Announced;
pub use calendar::{Cycle, Forced, Hours, Rule};
pub use conference::{Conference, Pin, Section};
pub use dial::{Callee, Carriage, Dial, Endpoint, Identity, Meanwhile, Order, Shown, Withheld};
pub use edges::{Cause, Edges, Outcome, Target};
pub use expr::{Access, Binary, Expr, Fact, Unary};
pub use feature::*;
pub use metaflow::Metaflows;
pub use op::*;
pub use record::*;
pub use request::*;
pub use template::{Part, Template};
pub(crate) use verify::instant;
pub use verify::{Malformed, verify};

use std::{collections::HashMap, time::Duration};

use crate::lower::Dialect;

/// A node's place in [`Program::nodes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

/// A JSON pointer (RFC 6901) into the customer's document, such as `/actions/2/then/0`; empty for the root.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Pointer(pub String);

impl std::fmt::Display for Pointer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "/" } else { &self.0 })
    }
}

impl Pointer {
    /// The pointer to `key` below this one, with `~` and `/` escaped (RFC 6901 §3).
    pub fn child(&self, key: impl std::fmt::Display) -> Pointer {
        let key = key.to_string().replace('~', "~0").replace('/', "~1");
        Pointer(format!("{}/{key}", self.0))
    }
}

/// A customer's document, ready to run.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// The dialect it was written in; the engine reads it only to lower what this program fetches, and to say so
    /// in the trace.
    pub dialect: Dialect,
    /// All nodes; a [`NodeId`] is an index into this.
    pub nodes: Vec<Node>,
    /// Where a run starts; `None` for an empty document (the run ends at once).
    pub entry: Option<NodeId>,
    /// Where a run goes when a [`Target::Return`] finds the return stack empty and the leg is still there
    /// (Voxology asks its callback again); `None` hangs up.
    pub on_end: Option<NodeId>,
    /// Run after the leg is gone, without media (Voxology's `end_call`, VoIPBIN's `on_complete_flow_id`).
    pub on_gone: Option<NodeId>,
    /// What a node does when the leg cannot do what its operation needs.
    pub lacking: Lacking,
    /// Nodes that programs which this one calls may jump to (VoIPBIN's action ids); see [`Op::Leave`].
    pub names: HashMap<String, NodeId>,
    /// Nodes that may run in one call, all programs together; `None` for the engine's own budget alone.
    /// VoIPBIN allows 100 actions an activeflow.
    pub node_limit: Option<u32>,
    /// Programs that may wait for each other; `None` for the engine's own limit. VoIPBIN allows 100 stacks.
    pub stack_limit: Option<u32>,
    /// The longest call; `None` for no limit of its own. VoIPBIN's is an hour.
    pub longest: Option<Duration>,
    /// What keys do while two people talk; `None` for nothing.
    pub metaflows: Option<Metaflows>,
}

/// What to do when a leg lacks what an operation needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lacking {
    /// Go on with the next node, with a trace line (VoIPBIN). A node that runs in some flows only ([`Node::when`]) takes
    /// its `Failed(Unsupported)` edge if it has one.
    Skip,
    /// Take the `Failed(Unsupported)` edge.
    Fail,
}

/// One step of a program.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it does.
    pub op: Op,
    /// Where each outcome leads.
    pub edges: Edges,
    /// Where it stands in the customer's document.
    pub source: Pointer,
    /// In which flows it runs; in others it is lacking.
    pub when: When,
    /// It belongs to the same step of the document as the node that leads here, and is not counted again
    /// ([`Program::node_limit`]).
    pub within: bool,
}

/// In which flows a node runs (VoIPBIN's media check).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    /// In all, as far as its operation does.
    #[default]
    Always,
    /// While there is a call.
    OnCall,
    /// While there is none: for a message, for an API trigger, after the call.
    OffCall,
}

impl Node {
    /// A step of its own, in all flows.
    pub fn new(op: Op, edges: Edges, source: Pointer) -> Node {
        Node { op, edges, source, when: When::Always, within: false }
    }
}

impl Program {
    /// The node named `id`; `None` if a lowering made a dangling edge, which `verify` refuses.
    pub fn node(&self, id: NodeId) -> Option<&Node> {
        self.nodes.get(id.0 as usize)
    }

    /// How many nodes are [`Op::Residual`]: constructs that no lowering knows; those of other calls' programs count too.
    pub fn residual_count(&self) -> usize {
        let of = |node: &Node| match &node.op {
            Op::Residual(_) => 1,
            Op::Feature(feature) => feature.program().map_or(0, Program::residual_count),
            _ => 0,
        };
        self.nodes.iter().map(of).sum()
    }
}
