//! What each operation does: one file an action, and the table of them all.
//!
//! An action is a coroutine that reads like what a caller lives through.
//! It waits through [`Cx`] only, leaves with an [`Outcome`] or with [`Halt`], and never asks whether the call is
//! still there: every wait does.

mod answer;
mod branch;
mod collect;
mod condition;
mod conference;
mod detect;
mod dial;
mod digits;
mod each;
mod echo;
mod feature;
mod features;
mod fetch;
mod hangup;
mod hours;
mod menu;
mod play;
mod record;
mod residual;
mod set;
mod sleep;
mod talk;
mod webhook;

use crate::{
    engine::{Cx, Halt},
    ir::{Hangup, Op, Outcome},
    leg::Need,
};

/// One row of the table of actions, from which the reference of modules is generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionInfo {
    /// The name in traces and in the reference.
    pub name: &'static str,
    /// What it needs of the call's leg before it is even begun.
    pub needs: Option<Need>,
    /// Its outcomes.
    pub outcomes: &'static [&'static str],
    /// What it does, in a sentence.
    pub doc: &'static str,
}

/// Every action: those of [`Op`] in its order, then those of [`Feature`](crate::ir::Feature) in its order.
pub fn table() -> impl Iterator<Item = &'static ActionInfo> {
    TABLE.iter().chain(features::FEATURES)
}

/// The actions that are features: what a leg alone cannot do.
pub fn features() -> impl Iterator<Item = &'static ActionInfo> {
    features::FEATURES.iter()
}

const CALL: Option<Need> = Some(Need::Call);
const MEDIA: Option<Need> = Some(Need::Media);

#[rustfmt::skip]
const TABLE: &[ActionInfo] = &[
    ActionInfo {
        name: "Noop", needs: None, outcomes: &["Done"],
        doc: "Does nothing; a label, or a container that only has edges.",
    },
    ActionInfo {
        name: "Answer", needs: CALL, outcomes: &["Done", "Failed(Unsupported)"],
        doc: "Answers the call, once.",
    },
    ActionInfo {
        name: "Hangup", needs: None, outcomes: &[],
        doc: "Ends the call: BYE, or a final SIP status if it was not answered yet.",
    },
    ActionInfo {
        name: "Play", needs: MEDIA, outcomes: &["Done", "Key(digit)", "Failed(Prompt)"],
        doc: "Plays sounds, speech, tones and silence, in order; keys may stop it.",
    },
    ActionInfo {
        name: "PlayBehind", needs: MEDIA, outcomes: &["Done"],
        doc: "Begins to play, and goes on at once.",
    },
    ActionInfo {
        name: "Collect", needs: MEDIA, outcomes: &["Done", "Key(digits)", "Timeout", "Failed(Prompt)"],
        doc: "Gathers keys, with prompts that the first key stops.",
    },
    ActionInfo {
        name: "Menu", needs: MEDIA, outcomes: &["Key(digits)", "Timeout", "Key(max_retries)", "Done"],
        doc: "Kazoo's auto-attendant: prompt, gather, route; a wrong key costs a round.",
    },
    ActionInfo {
        name: "SendDigits", needs: MEDIA, outcomes: &["Done", "Failed(Unsupported)"],
        doc: "Sends keys to the far end, by the way in which it takes them.",
    },
    ActionInfo {
        name: "Dial", needs: CALL, outcomes: &["Done", "Key(outcome)", "Failed(Unsupported)"],
        doc: "Calls others, together or in turn, and connects whoever answers first.",
    },
    ActionInfo {
        name: "Identify", needs: None, outcomes: &["Done"],
        doc: "Says how the caller is shown to whom is dialled from here on.",
    },
    ActionInfo {
        name: "Alert", needs: None, outcomes: &["Done"],
        doc: "Says how phones are told to ring from here on.",
    },
    ActionInfo {
        name: "Number", needs: None, outcomes: &["Failed(Missing)"],
        doc: "Goes on with what a number means, as if it had been called.",
    },
    ActionInfo {
        name: "Feature", needs: None, outcomes: &["Done", "Key(word)", "Failed(Unavailable)"],
        doc: "Something that the switch does beyond the caller's own leg; the rows of features say what.",
    },
    ActionInfo {
        name: "Detect", needs: MEDIA,
        outcomes: &["Key(live_person)", "Key(machine)", "Key(unknown)", "Failed(Unsupported)"],
        doc: "Finds out whether a person or a machine answered, and follows a machine's greeting if asked to.",
    },
    ActionInfo {
        name: "DetectBehind", needs: MEDIA, outcomes: &["Done"],
        doc: "Begins to find out who answered, goes on at once, and may hang up on a machine.",
    },
    ActionInfo {
        name: "Conference", needs: MEDIA, outcomes: &["Done", "Key(full)", "Key(locked)", "Key(pin)", "Failed(Unsupported)"],
        doc: "Talks with all who are in a room of this name, until one of both ends it.",
    },
    ActionInfo {
        name: "FlushDigits", needs: None, outcomes: &["Done"],
        doc: "Forgets the keys typed ahead.",
    },
    ActionInfo {
        name: "Sleep", needs: None, outcomes: &["Done"],
        doc: "Waits; silence is sent.",
    },
    ActionInfo {
        name: "WaitForHangup", needs: CALL, outcomes: &[],
        doc: "Waits until the far end hangs up.",
    },
    ActionInfo {
        name: "WaitForChange", needs: CALL, outcomes: &["Done"],
        doc: "Waits until somebody outside changes a variable of the call.",
    },
    ActionInfo {
        name: "Echo", needs: MEDIA, outcomes: &["Done"],
        doc: "Sends back what is heard, for a time or until the far end hangs up.",
    },
    ActionInfo {
        name: "Record", needs: MEDIA, outcomes: &["Done", "Failed(Recording)"],
        doc: "Records the caller until a key, silence, the limit or the end of the call.",
    },
    ActionInfo {
        name: "RecordStart", needs: MEDIA, outcomes: &["Done", "Failed(Recording)"],
        doc: "Starts a recording in the background.",
    },
    ActionInfo {
        name: "RecordStop", needs: None, outcomes: &["Done"],
        doc: "Stops the background recording.",
    },
    ActionInfo {
        name: "RecordToggle", needs: MEDIA, outcomes: &["Done", "Failed(Recording)"],
        doc: "Stops the background recording, or starts it if none runs.",
    },
    ActionInfo {
        name: "RecordMask", needs: None, outcomes: &["Done"],
        doc: "Records silence from here on, or goes on recording.",
    },
    ActionInfo {
        name: "Set", needs: None, outcomes: &["Done"],
        doc: "Assigns variables, in order.",
    },
    ActionInfo {
        name: "If", needs: None, outcomes: &["Yes", "No"],
        doc: "Asks a question: an expression, patterns, or the clock.",
    },
    ActionInfo {
        name: "Branch", needs: None, outcomes: &["Key(value)"],
        doc: "Takes the edge that is named like a text.",
    },
    ActionInfo {
        name: "Jump", needs: None, outcomes: &["Yes", "No"],
        doc: "A jump that is allowed so many times in a call.",
    },
    ActionInfo {
        name: "Leave", needs: None, outcomes: &["Yes", "No"],
        doc: "Jumps to a named node of a program that called this one.",
    },
    ActionInfo {
        name: "EachStart", needs: None, outcomes: &["Done"],
        doc: "Begins a loop over a list or an object.",
    },
    ActionInfo {
        name: "EachNext", needs: None, outcomes: &["Yes", "No"],
        doc: "Takes the next element of a loop, if there is one.",
    },
    ActionInfo {
        name: "Hours", needs: None, outcomes: &["Key(rule)", "No"],
        doc: "Takes the edge of the first calendar rule that is active now.",
    },
    ActionInfo {
        name: "Fetch", needs: None, outcomes: &["Failed(Http)"],
        doc: "Asks an HTTP server for a program and enters it.",
    },
    ActionInfo {
        name: "Subflow", needs: None, outcomes: &["Failed(Missing)"],
        doc: "Enters another document of the store.",
    },
    ActionInfo {
        name: "Webhook", needs: None, outcomes: &["Done", "Failed(Http)"],
        doc: "Tells an HTTP server something, waiting for its reply or not.",
    },
    ActionInfo {
        name: "Language", needs: None, outcomes: &["Done"],
        doc: "Sets the language of prompts from here on.",
    },
    ActionInfo {
        name: "Unavailable", needs: None, outcomes: &["Failed(Unavailable)"],
        doc: "A feature that is known by name and does not run here.",
    },
    ActionInfo {
        name: "Residual", needs: None, outcomes: &["Done"],
        doc: "A construct that is not known; it is skipped.",
    },
];

/// The row of an operation.
pub(crate) fn info(op: &Op) -> Option<&'static ActionInfo> {
    let name = name(op);
    table().find(|row| row.name == name)
}

/// An operation's name in the table.
pub(crate) fn name(op: &Op) -> &'static str {
    match op {
        Op::Noop => "Noop",
        Op::Answer => "Answer",
        Op::Hangup(_) => "Hangup",
        Op::Play(_) => "Play",
        Op::PlayBehind(_) => "PlayBehind",
        Op::Collect(_) => "Collect",
        Op::Menu(_) => "Menu",
        Op::SendDigits(_) => "SendDigits",
        Op::Dial(_) => "Dial",
        Op::Identify(_) => "Identify",
        Op::Alert(_) => "Alert",
        Op::Number(_) => "Number",
        Op::Feature(feature) => feature.name(),
        Op::Detect(_) => "Detect",
        Op::DetectBehind { .. } => "DetectBehind",
        Op::Conference(_) => "Conference",
        Op::FlushDigits => "FlushDigits",
        Op::Sleep(_) => "Sleep",
        Op::WaitForHangup => "WaitForHangup",
        Op::WaitForChange => "WaitForChange",
        Op::Echo(_) => "Echo",
        Op::Record(_) => "Record",
        Op::RecordStart(_) => "RecordStart",
        Op::RecordStop => "RecordStop",
        Op::RecordToggle(_) => "RecordToggle",
        Op::RecordMask(_) => "RecordMask",
        Op::Set(_) => "Set",
        Op::If(_) => "If",
        Op::Branch(_) => "Branch",
        Op::Jump(_) => "Jump",
        Op::Leave(_) => "Leave",
        Op::EachStart { .. } => "EachStart",
        Op::EachNext { .. } => "EachNext",
        Op::Hours(_) => "Hours",
        Op::Fetch(_) => "Fetch",
        Op::Subflow(_) => "Subflow",
        Op::Webhook(_) => "Webhook",
        Op::Language(_) => "Language",
        Op::Unavailable { .. } => "Unavailable",
        Op::Residual(_) => "Residual",
    }
}

/// What an operation needs of its leg, before it is even begun.
pub(crate) fn need(op: &Op) -> Option<Need> {
    info(op).and_then(|info| info.needs)
}

/// Runs the operation of the node that `cx` stands at.
///
/// Each call has the room of the largest that is not boxed, for as long as it runs: the largest are.
pub(crate) async fn run(cx: Cx) -> Result<Outcome, Halt> {
    match cx.op() {
        Op::Noop => Ok(Outcome::Done),
        Op::Answer => answer::run(&cx).await,
        Op::Hangup(op) => hangup::run(&cx, op).await,
        Op::Play(op) => play::run(&cx, op).await,
        Op::PlayBehind(op) => play::behind(&cx, op).await,
        Op::Collect(op) => collect::run(&cx, op).await,
        Op::Menu(op) => Box::pin(menu::run(&cx, op)).await,
        Op::SendDigits(op) => digits::send(&cx, op).await,
        Op::Dial(op) => Box::pin(dial::run(&cx, op)).await,
        Op::Identify(op) => Ok(dial::identify(&cx, op)),
        Op::Alert(op) => Ok(dial::alert(&cx, op)),
        Op::Number(op) => fetch::number(&cx, op).await,
        Op::Feature(op) => Box::pin(feature::run(&cx, op)).await,
        Op::Detect(op) => detect::run(&cx, op).await,
        Op::DetectBehind { detect, hangup } => detect::behind(&cx, detect, hangup.as_ref()).await,
        Op::Conference(op) => Box::pin(conference::run(&cx, op)).await,
        Op::FlushDigits => Ok(digits::flush(&cx)),
        Op::Sleep(op) => sleep::run(&cx, op).await,
        Op::WaitForHangup => sleep::for_ever(&cx).await,
        Op::WaitForChange => sleep::for_change(&cx).await,
        Op::Echo(op) => echo::run(&cx, *op).await,
        Op::Record(op) => record::foreground(&cx, op).await,
        Op::RecordStart(op) => record::start(&cx, op).await,
        Op::RecordStop => record::stop(&cx).await,
        Op::RecordToggle(op) => record::toggle(&cx, op).await,
        Op::RecordMask(on) => Ok(record::mask(&cx, *on)),
        Op::Set(op) => Ok(set::run(&cx, op)),
        Op::If(op) => Ok(condition::run(&cx, op)),
        Op::Branch(op) => Ok(branch::run(&cx, op)),
        Op::Jump(op) => Ok(branch::jump(&cx, *op)),
        Op::Leave(name) => Ok(branch::leave(&cx, name)),
        Op::EachStart { slot, over } => Ok(each::start(&cx, *slot, over)),
        Op::EachNext { slot, value, key } => Ok(each::next(&cx, *slot, value, key)),
        Op::Hours(op) => Ok(hours::run(&cx, op)),
        Op::Fetch(op) => fetch::run(&cx, op).await,
        Op::Subflow(op) => fetch::subflow(&cx, op).await,
        Op::Webhook(op) => webhook::run(&cx, op).await,
        Op::Language(op) => Ok(set::language(&cx, op)),
        Op::Unavailable { feature } => Ok(residual::unavailable(&cx, feature)),
        Op::Residual(construct) => Ok(residual::run(&cx, construct)),
    }
}

/// Enters the document `id`, which comes back to the node of `cx`; without such a document, goes on there.
pub(crate) async fn before(cx: Cx, id: String) -> Result<Outcome, Halt> {
    fetch::before(&cx, id).await
}

/// The hang-up that stands in no document: the end of a flow, or a limit.
pub(crate) async fn hang_up(cx: Cx, hangup: Hangup) -> Result<Outcome, Halt> {
    hangup::run(&cx, &hangup).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_has_its_row_in_the_order_of_the_operations() {
        let ops = variants(include_str!("../ir/op.rs"), "pub enum Op {");
        let features = variants(include_str!("../ir/feature.rs"), "pub enum Feature<T = Template> {");
        let rows: Vec<&str> = table().map(|row| row.name).collect();
        assert_eq!(rows, [ops, features].concat());
    }

    /// The names of an enum's variants, each at the beginning of a line of four spaces.
    fn variants(source: &'static str, declaration: &str) -> Vec<&'static str> {
        let start = source.find(declaration).unwrap();
        let body = &source[start..start + source[start..].find("\n}").unwrap()];
        let lines = body.lines().skip(1).filter_map(|line| line.strip_prefix("    "));
        let named = lines.filter(|line| line.starts_with(char::is_uppercase));
        named.filter_map(|line| line.split([',', '(', ' ']).next()).collect()
    }
}
