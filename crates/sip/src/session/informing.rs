//! INFO of ours, of no package: a key for a peer that takes them no other way (RFC 6086's legacy usage).

use std::time::Instant;

use super::pending::Purpose;
use super::{GONE, Phase};
use crate::body::Body;
use crate::endpoint::Endpoint;
use crate::error::WrongPhase;
use crate::event::{Ended, Event, SessionId};
use crate::message::Known;
use crate::reason::Reason;

impl Endpoint {
    /// Sends an INFO in a call that is answered. [`Event::Informed`] follows, unless the session ends first; requests that
    /// are to arrive in their order wait for that, since a datagram may overtake another.
    pub fn info(&mut self, now: Instant, session: SessionId, body: &Body) -> Result<(), WrongPhase> {
        let state = self.sessions.get(session).ok_or(GONE)?;
        if !matches!(state.phase, Phase::Answered(_) | Phase::Unacknowledged { .. } | Phase::Confirmed) {
            return Err(state.wrong());
        }
        let sent = self.send_in_dialog(now, session, 0, Known::Info, &[], Some(body), Purpose::Info);
        sent.map(drop).ok_or(WrongPhase { phase: "unwritable" })
    }

    /// The final response to an INFO of ours; 408 stands for silence, of which re-INVITEs and session timers make more.
    pub(super) fn on_info_answer(&mut self, now: Instant, id: SessionId, status: u16) {
        let Some(session) = self.sessions.get(id) else { return };
        match session.phase {
            Phase::Leaving(_) => {}
            // RFC 3261 §12.2.1.2: the peer has forgotten the call.
            Phase::Confirmed if status == 481 => {
                self.leave_with_bye(now, id, Ended::Failed { status }, &Reason::status(status));
            }
            _ => self.event(Event::Informed { session: id, status }),
        }
    }
}
