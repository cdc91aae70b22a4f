//! A flow document: its source, its program, and what was noted when it was read.

use std::sync::Arc;

use flow::ir::{Edges, Hangup, Lacking, Malformed, Op, Pointer, Program, Target};
use flow::lower::{Builder, Code, Diagnostic, Dialect, LowerError};
use serde_json::Value;

use crate::Problem;

/// A flow document, ready to run. A broken one runs too: it says why in the trace and answers 503.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its name: the path of its file in the flows directory, `kazoo/menu.json`.
    pub id: String,
    /// What it is written in; a guess if it is broken.
    pub dialect: Dialect,
    /// What the engine runs.
    pub program: Arc<Program>,
    /// The document as it was written; null if it is broken.
    pub source: Arc<Value>,
    /// What its author should know, by JSON pointer.
    pub diagnostics: Vec<Diagnostic>,
    /// Why it cannot run, if it cannot.
    pub broken: Option<Problem>,
}

impl Document {
    /// The document of name `id`, read as `dialect` or as its shape tells.
    pub fn read(
        id: impl Into<String>,
        dialect: Option<Dialect>,
        source: Value,
    ) -> Result<Document, LowerError> {
        let dialect = dialect.or_else(|| flow::lower::detect(&source)).ok_or(LowerError::Unrecognised)?;
        let mut lowered = flow::lower::lower(Some(dialect), &source)?;
        if let Err(malformed) = flow::ir::verify(&lowered.program) {
            // It still runs: the engine's budget ends a circle, and a call that takes another way never meets it.
            let at = match &malformed {
                Malformed::Circle { pointer } => Pointer(pointer.clone()),
                _ => Pointer::default(),
            };
            lowered.diagnostics.push(Diagnostic::new(Code::EndlessLoop, &at, malformed.to_string()));
        }
        Ok(Document {
            id: id.into(),
            dialect,
            program: Arc::new(lowered.program),
            source: Arc::new(source),
            diagnostics: lowered.diagnostics,
            broken: None,
        })
    }

    /// A stand-in for the document of name `id` that could not be read: the caller gets 503, the trace the reason.
    pub fn broken(id: impl Into<String>, dialect: Dialect, problem: Problem) -> Document {
        let mut builder = Builder::new(dialect, Lacking::Fail);
        let root = Pointer::default();
        let hangup = Hangup { status: 503, phrase: None, cause: "broken flow".to_owned() };
        let hangup = builder.add(Op::Hangup(hangup), &root);
        let feature = format!("this flow ({problem})");
        let edges = Edges::always(Target::Node(hangup));
        let entry = builder.add_with(Op::Unavailable { feature }, edges, &root);
        builder.program().entry = Some(entry);
        Document {
            id: id.into(),
            dialect,
            program: Arc::new(builder.finish().program),
            source: Arc::new(Value::Null),
            diagnostics: Vec::new(),
            broken: Some(problem),
        }
    }
}
