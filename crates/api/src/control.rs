//! `POST /calls/{id}/playback`, `POST /calls/{id}/recordings/{recording}/pause`, `…/resume` and `…/stop`: what a running call
//! plays and records, steered from outside.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, JsonRejection};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use switch::{CallId, NotControlled, Pause, PlaybackOrder, PlaybackView, RecordingOrder};

use crate::Api;
use crate::calls::{Recording, find};
use crate::error::ApiError;

/// What is to become of what is heard.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Steering {
    action: Action,
    /// `A`, `B`, …; the party that the flow runs on without it.
    leg: Option<String>,
    /// For `seek`: from the beginning.
    to_ms: Option<u64>,
    /// For `seek`: from where it is, forwards or backwards.
    by_ms: Option<i64>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    Pause,
    Resume,
    Restart,
    Seek,
    Stop,
}

/// What a party hears.
#[derive(Serialize)]
pub(crate) struct Playback {
    leg: String,
    what: Vec<String>,
    /// How often in all; null for without end.
    times: Option<u32>,
    position_ms: u64,
    length_ms: u64,
    paused: bool,
    /// `flow`, or `switch` for the ringing tone and music on hold.
    by: &'static str,
}

impl From<PlaybackView> for Playback {
    fn from(view: PlaybackView) -> Playback {
        let PlaybackView { leg, what, times, position, length, paused, of_flow } = view;
        let ms = |time: Duration| time.as_millis() as u64;
        let by = if of_flow { "flow" } else { "switch" };
        Playback { leg, what, times, position_ms: ms(position), length_ms: ms(length), paused, by }
    }
}

/// What a pause leaves in the file.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pausing {
    #[serde(default)]
    mode: Mode,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Mode {
    #[default]
    Silence,
    Cut,
}

impl From<Mode> for Pause {
    fn from(mode: Mode) -> Pause {
        match mode {
            Mode::Silence => Pause::Silence,
            Mode::Cut => Pause::Cut,
        }
    }
}

const EXAMPLE: &str = "expected {\"action\": \"pause\"}, \"resume\", \"restart\", \"stop\", or \"seek\" with \"to_ms\" or \"by_ms\"";

impl From<NotControlled> for ApiError {
    fn from(why: NotControlled) -> ApiError {
        let message = why.to_string();
        match why {
            NotControlled::NoParty(_) | NotControlled::NoRecording(_) => ApiError::not_found(message),
            NotControlled::Beyond(_) => ApiError::bad_request(format!("to_ms: {message}")),
            NotControlled::Busy => ApiError::unavailable(message),
            _ => ApiError::conflict(message),
        }
    }
}

/// What is asked for, in full.
fn order(steering: &Steering) -> Result<PlaybackOrder, ApiError> {
    let refuse = |what: &str| Err(ApiError::bad_request(format!("{what}; {EXAMPLE}")));
    match (steering.action, steering.to_ms, steering.by_ms) {
        (Action::Seek, Some(to), None) => Ok(PlaybackOrder::To(Duration::from_millis(to))),
        (Action::Seek, None, Some(by)) => Ok(PlaybackOrder::By(by)),
        (Action::Seek, _, _) => refuse("seek takes one of to_ms and by_ms"),
        (_, Some(_), _) | (_, _, Some(_)) => refuse("to_ms and by_ms belong to seek"),
        (Action::Pause, None, None) => Ok(PlaybackOrder::Pause),
        (Action::Resume, None, None) => Ok(PlaybackOrder::Resume),
        (Action::Restart, None, None) => Ok(PlaybackOrder::To(Duration::ZERO)),
        (Action::Stop, None, None) => Ok(PlaybackOrder::Stop),
    }
}

/// Steers what a party hears: 200 with how it is then, 204 of what was stopped.
pub(crate) async fn playback(
    State(api): State<Api>,
    Path(id): Path<String>,
    steering: Result<Json<Steering>, JsonRejection>,
) -> Result<Response, ApiError> {
    let Json(steering) =
        steering.map_err(|error| ApiError::bad_request(format!("{EXAMPLE}: {}", error.body_text())))?;
    let order = order(&steering)?;
    let call = find(&api, &id)?.id;
    let steered = api.switch.steer_playback(call, steering.leg.as_deref(), order).await?;
    Ok(match steered {
        Some(view) => Json(Playback::from(view)).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

/// What each party hears at the moment.
pub(crate) async fn playing(api: &Api, call: CallId) -> Vec<Playback> {
    api.switch.playbacks(call).await.into_iter().map(Playback::from).collect()
}

/// Pauses a recording: 200 with how it is then.
pub(crate) async fn pause(
    State(api): State<Api>,
    Path((id, recording)): Path<(String, String)>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Recording>, ApiError> {
    let body = body.map_err(|error| ApiError::bad_request(error.body_text()))?;
    // Clients say of nothing, too, that it is JSON.
    let pausing = if body.is_empty() { Ok(Pausing::default()) } else { serde_json::from_slice(&body) };
    let Pausing { mode } = pausing.map_err(|error| {
        let example = "expected nothing, {\"mode\": \"silence\"} or {\"mode\": \"cut\"}";
        ApiError::bad_request(format!("{example}: {error}"))
    })?;
    steer(&api, &id, &recording, RecordingOrder::Pause(mode.into())).await
}

/// Goes on with a recording: 200 with how it is then.
pub(crate) async fn resume(
    State(api): State<Api>,
    Path((id, recording)): Path<(String, String)>,
) -> Result<Json<Recording>, ApiError> {
    steer(&api, &id, &recording, RecordingOrder::Resume).await
}

/// Ends a recording, which is kept: 204.
pub(crate) async fn stop(
    State(api): State<Api>,
    Path((id, recording)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    steer(&api, &id, &recording, RecordingOrder::Stop).await.map(|_| StatusCode::NO_CONTENT)
}

async fn steer(
    api: &Api,
    id: &str,
    recording: &str,
    order: RecordingOrder,
) -> Result<Json<Recording>, ApiError> {
    let call = find(api, id)?.id;
    let view = api.switch.steer_recording(call, recording, order).await?;
    Ok(Json(Recording::from(view)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<PlaybackOrder, String> {
        let steering: Steering = serde_json::from_str(text).map_err(|error| error.to_string())?;
        order(&steering).map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn a_place_is_sought_from_the_beginning_or_from_here_and_named_by_nothing_else() {
        assert_eq!(
            read(r#"{"action": "seek", "to_ms": 1500}"#),
            Ok(PlaybackOrder::To(Duration::from_millis(1_500)))
        );
        assert_eq!(read(r#"{"action": "seek", "by_ms": -200}"#), Ok(PlaybackOrder::By(-200)));
        assert_eq!(read(r#"{"action": "pause", "leg": "B"}"#), Ok(PlaybackOrder::Pause));
        assert_eq!(read(r#"{"action": "restart"}"#), Ok(PlaybackOrder::To(Duration::ZERO)));
        for (text, word) in [
            (r#"{"action": "restart", "by_ms": 1}"#, "belong to seek"),
            (r#"{"action": "seek"}"#, "one of to_ms and by_ms"),
            (r#"{"action": "seek", "to_ms": 1, "by_ms": 1}"#, "one of to_ms and by_ms"),
            (r#"{"action": "pause", "to_ms": 1}"#, "belong to seek"),
            (r#"{"action": "seek", "to_ms": -1}"#, "u64"),
            (r#"{"action": "skip"}"#, "skip"),
            (r#"{"action": "stop", "party": "B"}"#, "party"),
        ] {
            assert!(read(text).is_err_and(|why| why.contains(word)), "{text}");
        }
    }
}
