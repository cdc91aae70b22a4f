//! A call: a small router between its three owners.
//!
//! ```text
//!   SIP session ─┐                       ┌─ prompts, HTTP, documents
//!                ├─ mailbox → Call → Machine
//!   media leg  ──┘      CallLeg ←─┘ effects
//! ```
//!
//! What happens arrives in the mailbox; [`run`] takes it to the part it is for. Nothing here waits.
//!
//! A call has a leg for each of its parties. The flow runs on one of them, at first the caller's; [`dial`] adds others,
//! [`feature`] is the rest of what a flow asks of more than its own leg, [`bridge`] lets two hear each other. A leg is an object of its own that can move to another call.

mod addresses;
mod announce;
mod answer;
mod attend;
mod block;
mod bridge;
mod callees;
mod caller;
mod camp;
mod cause;
pub(crate) mod cdr;
mod codes;
mod consult;
mod control;
mod dial;
mod digits;
mod directory;
mod early;
mod ending;
mod errand;
mod fax;
mod feature;
mod forks;
mod forwarding;
mod handover;
mod hold;
mod hunt;
mod id;
mod keypad;
mod leg;
mod listen;
mod listing;
mod media_end;
mod menu;
mod originate;
mod outset;
mod page;
mod park;
mod pickup;
mod placing;
mod player;
mod reaching;
pub(crate) mod recording;
mod redirection;
mod refusal;
mod relate;
mod replace;
mod rota;
pub(crate) mod run;
mod screening;
mod session;
mod setting;
mod shown;
mod signals;
mod silence;
mod start;
mod taking;
mod timeline;
mod told;
mod transfer;
mod voice;

use std::sync::Arc;

use bytes::Bytes;
use flow::leg::Tag;
use flow::{HttpFailure, HttpReply};
use sip::{Body, Flow, ReferId, SessionId};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

pub(crate) use addresses::Legs;
pub(crate) use caller::Caller;
pub(crate) use camp::Camps;
pub(crate) use cause::Ends;
pub(crate) use control::Control;
pub(crate) use errand::Runs;
pub use errand::{FlowWish, NotARunId, RunId, RunState, RunView};
pub use feature::obeys;
pub use id::{CallId, NotACallId};
pub(crate) use id::{LegKey, Mark};
pub(crate) use listen::Hearing;
pub(crate) use originate::{Originated, originate};
pub use outset::Machines;
pub(crate) use replace::{Replacing, replace};
pub(crate) use shown::is_emergency;
pub(crate) use start::{Invited, start};
pub(crate) use timeline::Timeline;
pub(crate) use transfer::{Arrival, News};

use crate::conference::RoomNews;
use crate::sip_io::{Owner, Phone};
use crate::studio::PromptError;

/// Letters a mailbox holds. A call reads them faster than 50 packets a second can make them.
pub(crate) const MAILBOX: usize = 256;

/// What arrives for a call. It is sent boxed: a mailbox has room for 32 letters from the start, and most calls get ten.
#[derive(Debug)]
pub(crate) enum Mail {
    /// From a leg's SIP session.
    Sip(LegKey, SessionEvent),
    /// From its media leg.
    Media(media::Event),
    /// Prompts that were made ready.
    Prompts { leg: LegKey, errand: u64, result: Result<Vec<Arc<media::Prompt>>, PromptError> },
    /// Where a user can be reached, as dialling asked.
    Contacts { tag: Tag, user: String, ways: Vec<Phone> },
    /// A setting that its flow made is on the disk, or why not.
    Kept(Tag, Result<(), String>),
    /// An HTTP exchange of its flow ended.
    Http(Tag, Result<HttpReply, HttpFailure>),
    /// A leg from another call.
    Leg(Box<Arrival>),
    /// What changed in the room that a leg is in.
    Room(LegKey, RoomNews),
    /// About a leg that listens, or that is listened to.
    Hearing(LegKey, Hearing),
    /// From the call that a leg of this one went to: how the transfer goes.
    Transfer(LegKey, News),
    /// The dialog that a transfer names, looked for.
    Found { by: LegKey, found: Result<Owner, u16> },
    /// The last letter about a leg that has moved.
    Moved(LegKey),
    /// An INVITE that is to take the place of a leg.
    Replacing(Box<Replacing>),
    /// From outside.
    Order(Order),
    /// From outside, about what is played and recorded.
    Control(Control),
}

/// What others may ask of a call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Order {
    /// End it, for this cause.
    HangUp(String),
    /// Let a flow that is blocked go on.
    GoOn,
    /// Merge a value into a variable of its flow.
    Merge { variable: String, value: serde_json::Value },
}

/// What a SIP session tells its call.
#[derive(Debug)]
#[allow(dead_code, reason = "our INVITEs carry offers, so no answer is owed")]
pub(crate) enum SessionEvent {
    /// The ACK of our 200.
    Confirmed(Option<Body>),
    /// A re-INVITE that owes an answer.
    Reinvited(Option<Body>),
    /// The ACK of a re-INVITE's 200.
    Reconfirmed(Option<Body>),
    /// A session timer's re-INVITE repeated our description, and this is the peer's, most often as before.
    Refreshed(Body),
    /// An INFO.
    Info { content_type: String, body: Bytes },
    /// An INFO of ours was answered, by 408 if nobody did.
    Informed { status: u16 },
    /// A session that was placed is this one. The first event of such a session.
    Began(SessionId, String),
    /// The next hop is reached by this flow, and the offer is owed.
    Reached(Flow),
    /// A provisional response. An `early` dialog a fork; if `owes_answer`, `body` is an offer to be acknowledged.
    Progressed { early: u32, status: u16, body: Option<Body>, owes_answer: bool },
    /// Our call was redirected; the first target is tried now if our INVITE said so.
    Redirected { status: u16, targets: Vec<String> },
    /// A 2xx, which carries the description in force; if `owes_answer`, `body` is an offer to be acknowledged.
    Answered { early: u32, body: Option<Body>, owes_answer: bool },
    /// The PRACK of a provisional of ours answered the offer in it.
    Acknowledged(Option<Body>),
    /// What came of a re-INVITE or UPDATE of ours; if it owes an answer, the description is an offer.
    Changed { result: Result<Option<Body>, u16>, owes_answer: bool },
    /// The peer asks for a transfer, which owes an answer.
    Referred(Arc<sip::Refer>),
    /// Our wish for a transfer was answered.
    ReferAnswered { refer: ReferId, status: u16 },
    /// The transfer we wished for made progress; with `last`, no more is heard of it.
    ReferProgress { refer: ReferId, status: u16, last: bool },
    /// The last event.
    Ended(sip::Ended),
}

impl Mail {
    /// Whether the call would be wrong for ever without it.
    fn is_vital(&self) -> bool {
        match self {
            Mail::Media(event) => !matches!(
                event,
                media::Event::Digit { .. } | media::Event::DigitEnded { .. } | media::Event::Talking { .. }
            ),
            Mail::Sip(_, SessionEvent::Info { .. }) => false,
            _ => true,
        }
    }
}

/// Puts `letter` into a mailbox without waiting; whether the call still lives. Needs a tokio context.
///
/// A full mailbox means a starved runtime or a peer that floods: vital letters wait in a task, keys are lost and counted.
pub(crate) fn post(mail: &mpsc::Sender<Box<Mail>>, letter: Mail) -> bool {
    match mail.try_send(Box::new(letter)) {
        Ok(()) => true,
        Err(TrySendError::Closed(_)) => false,
        Err(TrySendError::Full(letter)) => {
            metrics::counter!("offhook_mailbox_full_total").increment(1);
            if letter.is_vital() {
                let mail = mail.clone();
                tokio::spawn(async move {
                    // The call may end first.
                    let _ = mail.send(letter).await;
                });
            }
            true
        }
    }
}
