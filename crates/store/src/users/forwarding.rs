//! Where a user's calls go instead, and in which case.

use std::time::Duration;

/// In which case a call goes elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Without ringing.
    Always,
    /// The user is busy, declines, or does not want to be disturbed.
    Busy,
    /// It rang for long enough.
    NoAnswer,
    /// No phone is registered, or none can be reached.
    Unreachable,
}

/// Where calls go, by case: a number or a user's name, as the user itself would dial it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarding {
    /// All calls.
    pub always: Option<String>,
    /// Those for which the user is busy.
    pub busy: Option<String>,
    /// Those that nobody answers.
    pub no_answer: Option<String>,
    /// Those for which no phone is there.
    pub unreachable: Option<String>,
    /// How long it rings before nobody counts as answering. Default: 20 s.
    pub after: Duration,
    /// Those who are called see who calls, not who forwards. Default: true.
    pub keep_caller_id: bool,
    /// Who answers must press 1 to have the call, so that no stranger's mailbox takes it.
    pub confirm: bool,
    /// Calls to a group that the user is in are not forwarded.
    pub direct_only: bool,
    /// With [`Forwarding::always`] the user's own phones ring as well.
    pub ring_too: bool,
    /// A phone of the user may send calls on by itself (302), to where the user may call. Default: true.
    pub by_phone: bool,
}

impl Default for Forwarding {
    fn default() -> Forwarding {
        Forwarding {
            always: None,
            busy: None,
            no_answer: None,
            unreachable: None,
            after: Duration::from_secs(20),
            keep_caller_id: true,
            confirm: false,
            direct_only: false,
            ring_too: false,
            by_phone: true,
        }
    }
}

impl Forwarding {
    /// Where calls go in this case.
    pub fn to(&self, when: When) -> Option<&str> {
        match when {
            When::Always => self.always.as_deref(),
            When::Busy => self.busy.as_deref(),
            When::NoAnswer => self.no_answer.as_deref(),
            When::Unreachable => self.unreachable.as_deref(),
        }
    }
}
