//! A worker's mailbox: where orders wait for it. Whoever puts one in wakes a worker that rests.
//!
//! Workers put legs into each other's, when one moves; nobody ever waits here but the worker that rests.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::thread::{self, Thread};

use crossbeam_queue::ArrayQueue;

use crate::order::Order;

/// Orders for a worker. `P` is what a leg's sockets come in.
pub(crate) struct Mailbox<P> {
    orders: ArrayQueue<Order<P>>,
    /// Set while the worker rests without legs.
    resting: AtomicBool,
    /// The worker's, once it has rested.
    thread: OnceLock<Thread>,
}

impl<P> Mailbox<P> {
    /// For so many orders.
    pub(crate) fn new(orders: usize) -> Mailbox<P> {
        Mailbox { orders: ArrayQueue::new(orders), resting: AtomicBool::new(false), thread: OnceLock::new() }
    }

    /// Put an order in; it comes back if there is no room.
    #[allow(clippy::result_large_err, reason = "the order comes back as it is")]
    pub(crate) fn push(&self, order: Order<P>) -> Result<(), Order<P>> {
        self.orders.push(order)?;
        // The worker marks itself as resting before it looks at the queue a last time: one of us sees the other.
        fence(Ordering::SeqCst);
        if self.resting.load(Ordering::SeqCst)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
        Ok(())
    }

    /// The next order.
    pub(crate) fn pop(&self) -> Option<Order<P>> {
        self.orders.pop()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }

    /// The worker rests as long as it may, which it looks at whenever something was put in.
    pub(crate) fn rest(&self, may: impl Fn() -> bool) {
        self.thread.get_or_init(thread::current);
        self.resting.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
        while may() {
            thread::park();
        }
        self.resting.store(false, Ordering::SeqCst);
    }
}
