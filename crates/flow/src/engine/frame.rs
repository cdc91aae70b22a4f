//! The return stack: programs that wait for the one above them, and the counters that live as long as they run.

use std::{collections::HashMap, sync::Arc};

use serde_json::Value;

use super::store::size_of;
use crate::ir::{Install, NodeId, Program, Target};

/// A program that is running, or waiting for one that it called.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    /// The program.
    pub program: Arc<Program>,
    /// The address that it was fetched from, with its query; empty for a document of the store.
    pub base: String,
    /// Where it goes on when the frame above it returns.
    pub resume: Target,
    /// Jumps taken so far, by node.
    pub jumps: HashMap<NodeId, u32>,
    /// Loops over lists, by slot.
    pub loops: HashMap<u32, Each>,
}

impl Frame {
    /// A frame at the start of `program`.
    pub(crate) fn new(program: Arc<Program>) -> Frame {
        Frame {
            program,
            base: String::new(),
            resume: Target::Return,
            jumps: HashMap::new(),
            loops: HashMap::new(),
        }
    }
}

/// A loop over a list: what is still to come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Each {
    /// Index or member name, and value.
    rest: std::collections::VecDeque<(Value, Value)>,
    /// As variables are measured, when it began.
    pub size: usize,
}

impl Each {
    /// A loop over an array's elements, an object's members, or nothing.
    pub(crate) fn over(value: Option<Value>) -> Each {
        let size = value.as_ref().map_or(0, size_of);
        let rest = match value {
            Some(Value::Array(items)) => {
                items.into_iter().enumerate().map(|(at, item)| (Value::from(at), item)).collect()
            }
            Some(Value::Object(members)) => {
                members.into_iter().map(|(name, item)| (name.into(), item)).collect()
            }
            _ => Default::default(),
        };
        Each { rest, size }
    }

    /// A loop over these keys and values.
    pub(crate) fn of(rest: impl Iterator<Item = (Value, Value)>) -> Each {
        let rest: std::collections::VecDeque<_> = rest.collect();
        let size = rest.iter().map(|(_, value)| size_of(value)).sum();
        Each { rest, size }
    }

    /// What is still to come.
    pub(crate) fn rest(&self) -> impl Iterator<Item = (Value, Value)> + '_ {
        self.rest.iter().cloned()
    }

    /// The next key and value.
    pub(crate) fn next(&mut self) -> Option<(Value, Value)> {
        self.rest.pop_front()
    }
}

/// A program that an action wants to run next.
#[derive(Clone, Debug)]
pub(crate) struct Installation {
    /// The program.
    pub program: Arc<Program>,
    /// Its document, for the trace.
    pub name: String,
    /// As [`Frame::base`].
    pub base: String,
    /// What becomes of the running one.
    pub install: Install,
}
