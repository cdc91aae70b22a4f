//! The rows of what a switch does beyond the caller's own leg, in the order of [`Feature`](crate::ir::Feature).

use super::{ActionInfo, CALL, MEDIA};
use crate::leg::Need;

const fn row(
    name: &'static str,
    needs: Option<Need>,
    outcomes: &'static [&'static str],
    doc: &'static str,
) -> ActionInfo {
    ActionInfo { name, needs, outcomes, doc }
}

const DONE: &[&str] = &["Done", "Failed(Unavailable)"];
const FAILED: &[&str] = &["Done", "Key(failed)", "Failed(Unavailable)"];
const MAY_NOT: &[&str] = &["Done", "Key(none)", "Key(forbidden)", "Failed(Unavailable)"];

#[rustfmt::skip]
pub(super) const FEATURES: &[ActionInfo] = &[
    row("Originate", None, DONE, "Begins another call, which runs a flow of its own; this one goes on at once."),
    row("Page", CALL, DONE, "Speaks to several phones, which answer by themselves, one way or both."),
    row("Park", CALL,
        &["Done", "Key(slot)", "Key(too_high)", "Key(empty)", "Key(occupied)", "Key(callback)", "Failed(Unavailable)"],
        "Puts the caller into a slot, or takes out who is there."),
    row("Camp", CALL, &["Done", "Key(none)", "Failed(Unavailable)"],
        "Calls the caller back when somebody who is busy has time again."),
    row("Pickup", CALL, MAY_NOT, "Takes a call that rings, or is answered, somewhere else."),
    row("Listen", CALL, MAY_NOT, "Hears a conversation, and may speak to one side or to both."),
    row("Transfer", CALL, FAILED, "Connects one party with somebody else, blind or after talking to the target."),
    row("AfterBridge", CALL, DONE, "Says what becomes of the caller when the next conversation is over."),
    row("AfterRecording", None, DONE, "Says which flow runs when a recording of this call is over."),
    row("Block", None, DONE, "Waits until somebody outside lets the flow go on."),
    row("CauseOf", None,
        &["Done", "Key(normal)", "Key(failed)", "Key(busy)", "Key(cancel)", "Key(timeout)", "Key(noanswer)",
            "Key(dialout)", "Key(amd)", "Failed(Unavailable)"],
        "Asks how another call ended."),
    row("Hold", CALL, DONE, "Puts the other party on hold, with music."),
    row("HoldMusic", None, DONE, "Sets the music on hold from here on."),
    row("Mute", CALL, DONE, "Keeps one party from being heard, or lets it be heard again."),
    row("Sound", CALL, DONE, "Changes how loud or how high a party sounds."),
    row("Announce", CALL, DONE, "Lets a party of a conversation hear something beside it."),
    row("Break", CALL, DONE, "Stops what a party hears beside the conversation."),
    row("Relate", CALL, &["Done", "Key(none)", "Failed(Unavailable)"],
        "Lets one member of a conference hear another or not."),
    row("ForPeer", CALL, DONE, "A feature that the other party of the conversation asks for."),
    row("Move", CALL, FAILED, "Moves the conversation to another of the user's phones."),
    row("Queue", MEDIA,
        &["Done", "Key(timeout)", "Key(full)", "Key(empty)", "Key(exit)", "Key(failed)", "Failed(Unavailable)"],
        "Waits for an agent, with music or a flow of its own."),
    row("Agent", None, FAILED, "An agent comes, goes, rests or goes on."),
    row("Leave", MEDIA, &["Done", "Key(operator)", "Key(full)", "Key(none)", "Failed(Unavailable)"],
        "Leaves a message in one or several mailboxes."),
    row("Mailbox", MEDIA, &["Done", "Key(none)", "Key(pin)", "Failed(Unavailable)"], "Listens to the messages of a mailbox."),
    row("Fax", MEDIA, FAILED, "Receives a fax."),
    row("FaxDetect", MEDIA, &["Key(fax)", "Key(voice)", "Failed(Unavailable)"], "Listens for a fax machine."),
    row("Setting", None, &["Done", "Key(on)", "Key(off)", "Key(none)", "Key(pin)", "Failed(Unavailable)"],
        "Changes something about a user or a phone: forwarding, do not disturb, call waiting, hot desk, ring groups, hours."),
    row("Presence", None, DONE, "Sets what a lamp shows."),
    row("Message", None, FAILED, "Sends a text: SMS, mail, a conversation's message, a notice."),
    row("Transcribe", None, DONE, "Writes down what is said, from here on or no more."),
    row("Stream", CALL, DONE, "Sends the audio to another machine as it comes, or no more."),
    row("Converse", None, FAILED, "Lets a machine that understands talk with the caller, or do a task."),
    row("Directory", MEDIA, &["Done", "Key(exit)", "Failed(Unavailable)"], "Dials by name."),
    row("Event", None, DONE, "Tells another system of the call."),
    row("Score", CALL, &["Done", "Key(score)", "Failed(Unavailable)"], "Asks how likely the caller is a robot."),
    row("WaitTime", None, &["Done", "Key(seconds)", "Failed(Unavailable)"],
        "Asks how long callers waited in a queue on average."),
];
