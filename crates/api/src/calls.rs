//! `GET /calls`, `GET /calls/{id}`, `GET /calls/{id}/trace`: what calls do and did.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use flow::trace::Entry;
use serde::Serialize;
use switch::{CallState, CallView, LegState, LegView, Pause, Quality, RecordingView};

use crate::Api;
use crate::control::{Playback, playing};
use crate::error::ApiError;

/// A call without its timeline.
#[derive(Serialize)]
pub(crate) struct Summary {
    id: String,
    direction: &'static str,
    /// The call whose flow began it.
    #[serde(skip_serializing_if = "Option::is_none")]
    master: Option<String>,
    state: &'static str,
    caller: String,
    called: String,
    user: Option<String>,
    flow: Option<String>,
    started: String,
    answered: Option<String>,
    ended: Option<String>,
    cause: Option<String>,
    by: Option<String>,
    /// From the answer to the end.
    talked_ms: Option<i64>,
    /// Its flow waits to be let go on.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    blocked: bool,
    sip_call_id: String,
    media: Option<String>,
    recordings: Vec<Recording>,
    legs: Vec<Leg>,
}

/// A party of a call.
#[derive(Serialize)]
struct Leg {
    name: String,
    party: String,
    trunk: Option<String>,
    state: &'static str,
    answered: Option<String>,
    ended: Option<String>,
    cause: Option<String>,
    by: Option<&'static str>,
    media: Option<String>,
    quality: Option<Sound>,
}

/// A recording of it, and where that is.
#[derive(Serialize)]
pub(crate) struct Recording {
    id: String,
    /// `GET /recordings/{file}`, while it is here.
    file: String,
    began: String,
    seconds: Option<f64>,
    /// What a pause that goes on leaves in the file: `silence`, `cut`.
    paused: Option<&'static str>,
    pauses: u32,
    paused_s: f64,
    state: &'static str,
    place: Option<String>,
    to: Option<String>,
    why: Option<String>,
    notes: BTreeMap<String, String>,
}

impl From<RecordingView> for Recording {
    fn from(view: RecordingView) -> Recording {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Recording {
            began: view.began.to_string(),
            seconds: view.seconds,
            paused: view.pauses.now.map(|(pause, _)| pausing(pause)),
            pauses: view.pauses.count,
            paused_s: view.pauses.seconds(),
            state: view.state.word(),
            place: text(view.state.place()),
            to: text(view.state.to()),
            why: text(view.state.why()),
            notes: view.notes.into_iter().collect(),
            id: view.id,
            file: view.file,
        }
    }
}

/// What a pause leaves in the file, in a word.
pub(crate) fn pausing(pause: Pause) -> &'static str {
    match pause {
        Pause::Silence => "silence",
        Pause::Cut => "cut",
    }
}

/// How a party's audio goes, or went.
#[derive(Serialize)]
struct Sound {
    /// How it is heard, 1 to 4.5.
    mos: f64,
    /// How it hears us.
    remote_mos: Option<f64>,
    lost: i64,
    jitter_ms: f64,
    concealed_percent: Option<f64>,
}

impl From<Quality> for Sound {
    fn from(quality: Quality) -> Sound {
        // More than one place behind the point would be pretence.
        let tenths = |figure: f32| (f64::from(figure) * 10.0).round() / 10.0;
        Sound {
            mos: tenths(quality.mos),
            remote_mos: quality.remote_mos.map(tenths),
            lost: quality.lost,
            jitter_ms: tenths(quality.jitter_ms),
            concealed_percent: quality.concealed.map(|share| tenths(share * 100.0)),
        }
    }
}

impl From<LegView> for Leg {
    fn from(view: LegView) -> Leg {
        Leg {
            name: view.name,
            party: view.party,
            state: view.state.word(),
            answered: view.answered.map(|at| at.to_string()),
            ended: view.ended.map(|at| at.to_string()),
            trunk: view.trunk,
            by: match view.state {
                LegState::Ended { by, .. } => Some(by.word()),
                _ => None,
            },
            cause: match view.state {
                LegState::Ended { cause, .. } => Some(cause),
                _ => None,
            },
            media: view.media,
            quality: view.quality.map(Sound::from),
        }
    }
}

/// A call with its timeline.
#[derive(Serialize)]
struct Full {
    #[serde(flatten)]
    summary: Summary,
    /// What its parties hear at the moment.
    playback: Vec<Playback>,
    trace: Vec<Entry>,
}

#[derive(Serialize)]
pub(crate) struct List {
    calls: Vec<Summary>,
}

impl From<CallView> for Summary {
    fn from(view: CallView) -> Summary {
        let (state, cause, by) = match view.state {
            CallState::Ringing => ("ringing", None, None),
            CallState::Early => ("early", None, None),
            CallState::Answered => ("answered", None, None),
            CallState::Ended { cause, by } => ("ended", Some(cause), Some(by)),
        };
        let talked = view.answered.zip(view.ended);
        Summary {
            id: view.id.to_string(),
            direction: view.direction.word(),
            master: view.master.map(|master| master.to_string()),
            talked_ms: talked.map(|(from, to)| to.as_millisecond() - from.as_millisecond()),
            blocked: view.blocked,
            state,
            caller: view.caller,
            called: view.called,
            user: view.user,
            flow: view.flow,
            started: view.started.to_string(),
            answered: view.answered.map(|at| at.to_string()),
            ended: view.ended.map(|at| at.to_string()),
            cause,
            by,
            sip_call_id: view.sip_call_id,
            media: view.media,
            recordings: view.recordings.into_iter().map(Recording::from).collect(),
            legs: view.legs.into_iter().map(Leg::from).collect(),
        }
    }
}

/// All calls that can be looked up, the latest first.
pub(crate) async fn list(State(api): State<Api>) -> Json<List> {
    let mut calls = api.switch.calls();
    calls.extend(api.switch.recent());
    calls.sort_by_key(|call| std::cmp::Reverse(call.started));
    Json(List { calls: calls.into_iter().map(Summary::from).collect() })
}

/// One call: JSON, or its timeline for `Accept: text/plain`.
pub(crate) async fn one(
    State(api): State<Api>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let mut view = find(&api, &id)?;
    if wants_text(&headers) {
        return Ok(timeline(&view).into_response());
    }
    let trace = std::mem::take(&mut view.trace);
    let playback = playing(&api, view.id).await;
    Ok(Json(Full { summary: Summary::from(view), playback, trace }).into_response())
}

/// One call's timeline as text.
pub(crate) async fn trace(State(api): State<Api>, Path(id): Path<String>) -> Result<Response, ApiError> {
    Ok(timeline(&find(&api, &id)?).into_response())
}

pub(crate) fn find(api: &Api, id: &str) -> Result<CallView, ApiError> {
    let call = id
        .parse()
        .map_err(|error| ApiError::bad_request(format!("{id:?} is not the name of a call: {error}")))?;
    api.switch.call(call).ok_or_else(|| {
        ApiError::not_found(format!(
            "there is no call {id}: it never was, or more than a thousand calls ended after it"
        ))
    })
}

/// Whether text is asked for and JSON is not.
fn wants_text(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accept.contains("text/plain") && !accept.contains("json")
}

/// A line on the call as a whole, then one for each thing that happened.
fn timeline(view: &CallView) -> String {
    let flow = view.flow.as_deref().unwrap_or("no flow");
    let mut text =
        format!("{} from {} to {} ({flow}), {}\n", view.id, view.caller, view.called, view.started);
    if let [_, _, ..] = view.legs.as_slice() {
        for leg in &view.legs {
            let media = leg.media.as_deref().unwrap_or("no media");
            text.push_str(&format!("leg {} {}, {}, {media}\n", leg.name, leg.party, leg.state.word()));
        }
    } else if let Some(media) = &view.media {
        text.push_str(&format!("media {media}\n"));
    }
    for entry in &view.trace {
        text.push_str(&entry.to_string());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_given_only_to_those_who_ask_for_it() {
        let asks = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().expect("a header"));
            wants_text(&headers)
        };
        assert!(asks("text/plain"));
        assert!(!asks("*/*"));
        assert!(!asks("application/json, text/plain"));
        assert!(!wants_text(&HeaderMap::new()));
    }
}
