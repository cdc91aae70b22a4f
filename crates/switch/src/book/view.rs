//! Calls and their legs as others see them.

use flow::trace::Entry;
use jiff::Timestamp;

use super::RecordingView;
use crate::call::{CallId, Mark};
use crate::events::wall_clock;
use crate::origination::Direction;
/// Where a call stands.
#[derive(Clone, Debug, PartialEq)]
pub enum CallState {
    /// The flow has not answered it yet.
    Ringing,
    /// Unanswered, with early media.
    Early,
    /// Answered.
    Answered,
    /// Over.
    Ended {
        /// Why.
        cause: String,
        /// `caller`, `callee`, `flow` or `server`.
        by: String,
    },
}

/// Where a leg stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LegState {
    /// Placed or come, and nothing more.
    Calling,
    /// It rings there.
    Ringing,
    /// Unanswered, with early media.
    Early,
    /// Answered.
    Answered,
    /// Over.
    Ended {
        /// Why.
        cause: String,
        /// Who ended it.
        by: Ender,
        /// The final status of a leg that was not answered, if there was one.
        status: Option<u16>,
    },
}

/// Who ended a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ender {
    /// The phone or carrier.
    FarEnd,
    /// We, because the flow or another party wanted it, or something failed.
    Switch,
}

impl Ender {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Ender::FarEnd => "far_end",
            Ender::Switch => "switch",
        }
    }
}

impl LegState {
    /// In a word.
    pub fn word(&self) -> &'static str {
        match self {
            LegState::Calling => "calling",
            LegState::Ringing => "ringing",
            LegState::Early => "early",
            LegState::Answered => "answered",
            LegState::Ended { .. } => "ended",
        }
    }
}

/// One party of a call, as others see it.
#[derive(Clone, Debug)]
pub struct LegView {
    /// `A` for the one who called, then `B`, `C` and so on; in the timeline, too.
    pub name: String,
    /// Who it is: the URI of the one who called, or what was dialled.
    pub party: String,
    /// The trunk by which it came, or was called.
    pub trunk: Option<String>,
    /// When it came, or was called.
    pub began: Timestamp,
    /// Where it stands.
    pub state: LegState,
    /// When it was answered.
    pub answered: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// The media path in words.
    pub media: Option<String>,
    /// How its audio went: now, or in the end.
    pub quality: Option<Quality>,
}

/// How a party's audio went.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quality {
    /// How it was heard here: 1 (bad) to 4.5, by the E-model.
    pub mos: f32,
    /// How it heard us, as far as it told.
    pub remote_mos: Option<f32>,
    /// Packets of it that never came.
    pub lost: i64,
    /// Interarrival jitter, in milliseconds.
    pub jitter_ms: f32,
    /// The share of what was heard that was made up for losses, 0 to 1; `None` if nothing listened.
    pub concealed: Option<f32>,
}

impl Quality {
    /// `None` if it was never heard.
    pub(crate) fn of(report: &media::LegReport) -> Option<Quality> {
        Some(Quality {
            mos: report.mos?,
            remote_mos: report.remote_mos,
            lost: report.lost,
            jitter_ms: report.jitter_ms,
            concealed: report.concealed,
        })
    }
}

impl LegView {
    pub(crate) fn new(mark: Mark, party: String) -> LegView {
        let (name, began, state) = (mark.to_string(), wall_clock(), LegState::Calling);
        let (answered, ended, trunk) = (None, None, None);
        LegView { name, party, trunk, began, state, answered, ended, media: None, quality: None }
    }
}

/// A call as others see it.
#[derive(Clone, Debug)]
pub struct CallView {
    /// Its name.
    pub id: CallId,
    /// Who began it.
    pub direction: Direction,
    /// The call whose flow began it.
    pub master: Option<CallId>,
    /// Who calls, as the INVITE has it; of one that we began, who its callee sees.
    pub caller: String,
    /// The number called.
    pub called: String,
    /// The user that authenticated, if any.
    pub user: Option<String>,
    /// The SIP Call-ID: the caller's, or, of a call that we began, that of the first phone that rang, then of the one
    /// that answered.
    pub sip_call_id: String,
    /// The flow document.
    pub flow: Option<String>,
    /// Where it stands.
    pub state: CallState,
    /// Whether its flow waits to be let go on.
    pub blocked: bool,
    /// When it arrived.
    pub started: Timestamp,
    /// When it was answered.
    pub answered: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// The caller's media path in words: `PCMU 20ms → 192.0.2.1:4000 · telephone-event 101`.
    pub media: Option<String>,
    /// Its parties in the order in which they came, the caller first.
    pub legs: Vec<LegView>,
    /// Its recordings, in the order in which they began.
    pub recordings: Vec<RecordingView>,
    /// Its timeline.
    pub trace: Vec<Entry>,
}

impl CallView {
    /// A call that begins now, of which nothing else is known.
    pub(crate) fn begun(id: CallId, direction: Direction) -> CallView {
        CallView {
            id,
            direction,
            master: None,
            caller: String::new(),
            called: String::new(),
            user: None,
            sip_call_id: String::new(),
            flow: None,
            state: CallState::Ringing,
            blocked: false,
            started: wall_clock(),
            answered: None,
            ended: None,
            media: None,
            legs: Vec::new(),
            recordings: Vec::new(),
            trace: Vec::new(),
        }
    }
}
