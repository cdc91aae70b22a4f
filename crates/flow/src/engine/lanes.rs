//! What arrives for the running action, and apart from it for what runs beside it.
//!
//! Without lanes an action that waits for its own reply would take away what another one beside it waits for.

use std::{collections::VecDeque, time::Duration};

use super::Reply;
use crate::leg::Tag;

/// One action's letters.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    pub inbox: VecDeque<(Tag, Reply)>,
    /// Tags whose outcome the action waits for.
    pub live: Vec<Tag>,
    /// What the leg was asked for and has not spoken of yet.
    pub asked: Vec<Tag>,
    /// Until when the action waits.
    pub deadline: Option<Duration>,
}

/// All lanes of a call; the first is the running action's.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    first: Lane,
    beside: Vec<Lane>,
    /// Whose turn it is; 0 is the first.
    turn: usize,
}

impl Lanes {
    /// A lane beside those that are there; its number.
    pub(crate) fn open(&mut self) -> usize {
        self.beside.push(Lane::default());
        self.beside.len()
    }

    /// Lets a lane have its turn; whose turn it was.
    pub(crate) fn switch(&mut self, to: usize) -> usize {
        std::mem::replace(&mut self.turn, to)
    }

    /// Whether it is the running action's turn.
    pub(crate) fn is_first(&self) -> bool {
        self.turn == 0
    }

    /// The lane whose turn it is.
    pub(crate) fn own(&mut self) -> &mut Lane {
        match self.turn.checked_sub(1).and_then(|at| self.beside.get_mut(at)) {
            Some(lane) => lane,
            None => &mut self.first,
        }
    }

    /// Nothing comes for this lane any more; what it had asked the leg for without hearing of it since.
    pub(crate) fn close(&mut self, number: usize) -> Vec<Tag> {
        let lane = number.checked_sub(1).and_then(|at| self.beside.get_mut(at));
        lane.map(std::mem::take).unwrap_or_default().asked
    }

    /// When the first of them wants to be woken.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.all().filter_map(|lane| lane.deadline).min()
    }

    /// Whether anybody waits for `tag`.
    pub(crate) fn await_it(&self, tag: Tag) -> bool {
        self.all().any(|lane| lane.live.contains(&tag))
    }

    /// Takes what came to who waits for it.
    pub(crate) fn deliver(&mut self, tag: Tag, reply: Reply) {
        let mut all = std::iter::once(&mut self.first).chain(&mut self.beside);
        if let Some(lane) = all.find(|lane| lane.live.contains(&tag)) {
            lane.asked.retain(|asked| *asked != tag);
            lane.inbox.push_back((tag, reply));
        }
    }

    /// Nothing is to be done for now: what came is taken, and the room for it is given back.
    pub(crate) fn rest(&mut self) {
        let all = std::iter::once(&mut self.first).chain(&mut self.beside);
        all.filter(|lane| lane.inbox.is_empty()).for_each(|lane| lane.inbox = VecDeque::new());
    }

    fn all(&self) -> impl Iterator<Item = &Lane> {
        std::iter::once(&self.first).chain(&self.beside)
    }
}
