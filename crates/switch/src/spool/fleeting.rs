//! A recording that is needed for a moment: a name said at the door of a conference.
//!
//! Whoever may still play it has a [`Fleeting`] of it; with the last one its file goes. It has an order in the spool like any
//! other, so that the file goes after a kill, too.

use super::{End, Spool};
use crate::call::CallId;

/// Keeps the file of a recording until it is dropped.
#[derive(Debug)]
pub(crate) struct Fleeting {
    spool: Spool,
    id: String,
    call: CallId,
}

impl Fleeting {
    /// Of the recording with this name, which began in this call.
    pub(crate) fn new(spool: Spool, id: &str, call: CallId) -> Fleeting {
        Fleeting { spool, id: id.to_owned(), call }
    }
}

impl Drop for Fleeting {
    fn drop(&mut self) {
        self.spool.over(&self.id, self.call, End::Discarded("nobody needs it any more".to_owned()));
    }
}
