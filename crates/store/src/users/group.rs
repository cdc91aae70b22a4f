//! Groups of users: one number, several phones.

use std::time::Duration;

/// In which order a group's members ring.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// All at once.
    #[default]
    Together,
    /// One after the other, in the order in which they stand there.
    InTurn,
    /// One after the other, in a random order.
    Random,
}

impl Order {
    /// The order of this name in `users.toml`.
    pub(crate) fn named(name: &str) -> Option<Order> {
        match name {
            "together" => Some(Order::Together),
            "in_turn" => Some(Order::InTurn),
            "random" => Some(Order::Random),
            _ => None,
        }
    }
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name, by which flows call it.
    pub name: String,
    /// The number that reaches it, if it has one.
    pub number: Option<String>,
    /// Another name, by which flow documents call it.
    pub id: Option<String>,
    /// Its members' names; who is no user by then is passed over.
    pub members: Vec<String>,
    /// In which order they ring.
    pub order: Order,
    /// How long it rings: the whole group, or each of its members in turn.
    pub ring: Duration,
}

impl Group {
    /// An empty group that rings for 20 s.
    pub fn new(name: impl Into<String>) -> Group {
        let (number, id, members, order) = (None, None, Vec::new(), Order::Together);
        Group { name: name.into(), number, id, members, order, ring: Duration::from_secs(20) }
    }
}
