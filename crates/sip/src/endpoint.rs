//! placeholder
use std::time::{Instant, Duration};
use crate::*;
/// The SIP core.
#[derive(Debug)]
pub struct Endpoint { config: Config, counters: Counters }
/// A registered contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding { pub user: String, pub contact: String, pub flow: Flow, pub path: Vec<String>, pub expires: Instant }
/// Where a session's dialog stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionView { pub call_id: String, pub local_tag: String, pub remote_tag: String, pub remote_target: String, pub flow: Flow, pub phase: &'static str }
const GONE: WrongPhase = WrongPhase { phase: "gone" };
impl Endpoint {
    /// A new endpoint.
    pub fn new(config: Config) -> Self { Endpoint { config, counters: Counters::default() } }
    pub fn set_users(&mut self, _users: Vec<User>) {}
    pub fn handle(&mut self, _now: Instant, _input: Input) {}
    pub fn poll_output(&mut self) -> Option<Output> { None }
    pub fn poll_timeout(&self) -> Option<Instant> { None }
    pub fn challenge(&mut self, _now: Instant, _session: SessionId) -> Result<(), WrongPhase> { Err(GONE) }
    pub fn progress(&mut self, _now: Instant, _session: SessionId, _status: u16, _body: Option<Body>, _contact: Contact) -> Result<(), WrongPhase> { Err(GONE) }
    pub fn answer(&mut self, _now: Instant, _session: SessionId, _body: Option<Body>, _contact: Contact) -> Result<(), WrongPhase> { Err(GONE) }
    pub fn reject(&mut self, _now: Instant, _session: SessionId, _status: u16, _phrase: Option<&str>, _headers: Vec<(String, String)>) -> Result<(), WrongPhase> { Err(GONE) }
    pub fn answer_reinvite(&mut self, _now: Instant, _session: SessionId, _answer: Result<Body, u16>) -> Result<(), WrongPhase> { Err(GONE) }
    pub fn hang_up(&mut self, _now: Instant, _session: SessionId, _reason: Reason) {}
    pub fn invite(&mut self, _now: Instant, _invite: Invite) -> SessionId { SessionId(0) }
    pub fn acknowledge(&mut self, _now: Instant, _session: SessionId, _answer: Option<Body>) -> Result<(), WrongPhase> { Err(GONE) }
    pub fn counts(&self) -> Counts { Counts::default() }
    pub fn counters(&self) -> Counters { self.counters }
    pub fn bindings(&self) -> impl Iterator<Item = &Binding> { std::iter::empty() }
    pub fn session(&self, _session: SessionId) -> Option<SessionView> { None }
    pub fn draining(&mut self, _draining: bool) {}
}
