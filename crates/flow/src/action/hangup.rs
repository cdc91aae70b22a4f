//! Ending the call.

use std::time::Duration;

use crate::{
    engine::{Cx, End, Event, Halt},
    ir::{Hangup, Outcome},
    leg::LegCommand,
};

/// Time for background recordings to be closed before the call goes.
const CLOSING: Duration = Duration::from_secs(1);

/// Stops what records, then hangs up. Does not continue.
pub(super) async fn run(cx: &Cx, hangup: &Hangup) -> Result<Outcome, Halt> {
    let recording = {
        let mut port = cx.port();
        if !port.leg_is_up() {
            if port.end.is_none() {
                port.close(End { cause: hangup.cause.clone(), by: "flow".to_owned() });
            }
            return Err(Halt::Gone);
        }
        let open: Vec<_> = port.recordings.iter().map(|open| open.tag).collect();
        for tag in &open {
            port.adopt(*tag);
            port.stop(*tag);
        }
        !open.is_empty()
    };
    let until = recording.then(|| cx.now() + CLOSING);
    while !cx.port().recordings.is_empty() && until.is_some() {
        // What is recorded is written down before an action sees it, so the kind of event does not matter.
        if let Event::Timer = cx.wait(None, until).await? {
            break;
        }
    }
    let Hangup { status, phrase, cause } = hangup.clone();
    let mut port = cx.port();
    port.command(LegCommand::Hangup { status, phrase, cause: cause.clone() });
    port.close(End { cause, by: "flow".to_owned() });
    Err(Halt::Gone)
}
