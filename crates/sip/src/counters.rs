//! What an endpoint counts: everything it drops, refuses or repeats, and what it holds now.
//! Numbers only; publishing them is the caller's.

/// How often things happened since construction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Well-formed requests.
    pub requests: u64,
    /// Well-formed responses.
    pub responses: u64,
    /// Empty or blank datagrams: NAT keepalives.
    pub keepalives: u64,
    /// Bytes that are no SIP message, or a message nobody can be told about: dropped.
    pub garbage: u64,
    /// Requests answered 400.
    pub bad_requests: u64,
    /// Requests that came again and were absorbed or answered from memory.
    pub retransmissions_in: u64,
    /// Messages sent again.
    pub retransmissions_out: u64,
    /// Responses that match no transaction: dropped.
    pub stray_responses: u64,
    /// ACKs that match no transaction and no session: dropped.
    pub stray_acks: u64,
    /// Requests answered 481.
    pub no_such_call: u64,
    /// Requests answered 482: the same request by two ways, or one of ours that came back.
    pub merged: u64,
    /// Challenges sent.
    pub challenges: u64,
    /// Right credentials over an old or used nonce: challenged again.
    pub stale: u64,
    /// Wrong credentials.
    pub auth_failures: u64,
    /// Our transactions that nobody answered.
    pub timeouts: u64,
    /// Transactions that ended with their transport.
    pub transport_failures: u64,
    /// INVITEs and OPTIONS refused while draining.
    pub refused_draining: u64,
}

/// How much an endpoint holds now. A finished call leaves nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Transactions.
    pub transactions: usize,
    /// Sessions, those being taken down included.
    pub sessions: usize,
    /// Requests of ours outside of calls that have no answer yet.
    pub requests: usize,
    /// Requests of ours, those that place calls included, that have not found their server.
    pub ways: usize,
    /// Registered contacts.
    pub bindings: usize,
    /// Subscriptions, those being decided on included.
    pub subscriptions: usize,
    /// What users published.
    pub publications: usize,
}

/// Those of several endpoints together.
impl std::ops::AddAssign for Counters {
    fn add_assign(&mut self, other: Counters) {
        self.requests += other.requests;
        self.responses += other.responses;
        self.keepalives += other.keepalives;
        self.garbage += other.garbage;
        self.bad_requests += other.bad_requests;
        self.retransmissions_in += other.retransmissions_in;
        self.retransmissions_out += other.retransmissions_out;
        self.stray_responses += other.stray_responses;
        self.stray_acks += other.stray_acks;
        self.no_such_call += other.no_such_call;
        self.merged += other.merged;
        self.challenges += other.challenges;
        self.stale += other.stale;
        self.auth_failures += other.auth_failures;
        self.timeouts += other.timeouts;
        self.transport_failures += other.transport_failures;
        self.refused_draining += other.refused_draining;
    }
}

/// Those of several endpoints together.
impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Counts) {
        self.transactions += other.transactions;
        self.sessions += other.sessions;
        self.requests += other.requests;
        self.ways += other.ways;
        self.bindings += other.bindings;
    }
}
