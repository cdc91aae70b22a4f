//! Collects the nodes of a program while a lowering walks the document.
//!
//! Nodes are added in any order; edges are written once the nodes that they lead to exist.

use super::{Code, Diagnostic, Dialect, Lowered, nearest};
use crate::ir::{Edges, Lacking, Node, NodeId, Op, Pointer, Program, Target, When};
use crate::pattern;

/// Most notes on one document; who reads the first few hundred has enough to do.
const NOTES: usize = 500;

/// Most names that are guessed in one document, and most candidates for one: comparing all with all takes a hostile
/// document's reader minutes.
const GUESSES: (u32, usize) = (50, 5_000);

/// Most regular expressions in one document; each takes a while to compile.
const PATTERNS: u32 = 200;

/// A program under construction.
#[derive(Debug)]
pub struct Builder {
    program: Program,
    diagnostics: Vec<Diagnostic>,
    /// Notes that were not kept.
    dropped: usize,
    guesses: u32,
    patterns: u32,
}

impl Builder {
    /// An empty program of `dialect`.
    pub fn new(dialect: Dialect, lacking: Lacking) -> Builder {
        let program = Program {
            dialect,
            nodes: Vec::new(),
            entry: None,
            on_end: None,
            on_gone: None,
            lacking,
            names: Default::default(),
            node_limit: None,
            stack_limit: None,
            longest: None,
            metaflows: None,
        };
        Builder { program, diagnostics: Vec::new(), dropped: 0, guesses: 0, patterns: 0 }
    }

    /// Adds a node; until [`Builder::edges`] says otherwise every outcome hangs up.
    pub fn add(&mut self, op: Op, source: &Pointer) -> NodeId {
        self.add_with(op, Edges::always(Target::Hangup), source)
    }

    /// Adds a node with its edges.
    pub fn add_with(&mut self, op: Op, edges: Edges, source: &Pointer) -> NodeId {
        let id = NodeId(self.program.nodes.len() as u32);
        self.program.nodes.push(Node::new(op, edges, source.clone()));
        id
    }

    /// Replaces the edges of a node.
    pub fn edges(&mut self, id: NodeId, edges: Edges) {
        if let Some(node) = self.program.nodes.get_mut(id.0 as usize) {
            node.edges = edges;
        }
    }

    /// Says in which flows a node runs.
    pub fn when(&mut self, id: NodeId, when: When) {
        if let Some(node) = self.program.nodes.get_mut(id.0 as usize) {
            node.when = when;
        }
    }

    /// Says that a node belongs to the same step of the document as the one that leads to it.
    pub fn within(&mut self, id: NodeId) {
        if let Some(node) = self.program.nodes.get_mut(id.0 as usize) {
            node.within = true;
        }
    }

    /// The nodes so far.
    pub fn nodes(&self) -> &[Node] {
        &self.program.nodes
    }

    /// The program's own settings: entry, `on_end`, limits.
    pub fn program(&mut self) -> &mut Program {
        &mut self.program
    }

    /// Notes something for the author, as bad as its code.
    pub fn report(&mut self, code: Code, pointer: &Pointer, message: impl Into<String>) {
        if self.diagnostics.len() >= NOTES {
            self.dropped += 1;
            return;
        }
        self.diagnostics.push(Diagnostic::new(code, pointer, message));
    }

    /// Whether something was noted of exactly this place; always, when there are too many notes to ask.
    pub fn has_noted(&self, pointer: impl FnOnce() -> Pointer) -> bool {
        if self.diagnostics.is_empty() {
            return false;
        }
        let pointer = pointer();
        let same = |found: &Diagnostic| found.pointer == pointer.0;
        self.diagnostics.len() >= NOTES || self.diagnostics.iter().any(same)
    }

    /// The name of the document's own that was probably meant; `None` too when too many were guessed already.
    pub fn nearest<'a>(&mut self, name: &str, own: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
        let (guesses, candidates) = GUESSES;
        self.guesses += 1;
        if self.guesses > guesses { None } else { nearest(name, own.into_iter().take(candidates)) }
    }

    /// Whether `text` is a regular expression; `Err` says why it is none, or that there are too many.
    pub fn pattern(&mut self, text: &str) -> Result<(), String> {
        self.patterns += 1;
        match self.patterns > PATTERNS {
            true => Err(format!("there are more than {PATTERNS} in this document")),
            false => pattern::compile(text).map(drop),
        }
    }

    /// Moves everything that stands at or below `from` to `to`: nodes and notes.
    pub fn rebase(&mut self, from: &Pointer, to: &Pointer) {
        let moved = |at: &str| {
            let rest = at.strip_prefix(from.0.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then(|| format!("{}{rest}", to.0))
        };
        for node in &mut self.program.nodes {
            if let Some(pointer) = moved(&node.source.0) {
                node.source = Pointer(pointer);
            }
        }
        for diagnostic in &mut self.diagnostics {
            if let Some(pointer) = moved(&diagnostic.pointer) {
                diagnostic.pointer = pointer;
            }
        }
    }

    /// The finished program and what was noted.
    pub fn finish(mut self) -> Lowered {
        if self.dropped > 0 {
            let message = format!("{} more things are wrong with this document", self.dropped);
            self.diagnostics.push(Diagnostic::new(Code::TooMany, &Pointer::default(), message));
        }
        Lowered { program: self.program, diagnostics: self.diagnostics }
    }
}
