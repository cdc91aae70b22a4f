//! `POST /calls`, `DELETE /calls/{id}`, `POST /calls/{id}/continue`, `POST /calls/{id}/session`: calls begun, ended and
//! told something from outside.
//!
//! A body has to come as `application/json`, which no page of another site can send without being asked first.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::{Map, Value};
use switch::{Machines, NotBegun, Origination};

use crate::Api;
use crate::calls::{Summary, find};
use crate::error::ApiError;
use crate::leading::{session_data, told};

/// The longest that it may ring, in seconds.
const RING: u64 = 600;

/// A call to be begun.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Who is rung first: a user, a group, a number, a SIP URI.
    from: String,
    /// Whom it is connected with; with a flow, the number that is shown.
    to: Option<String>,
    /// What it runs when it is answered.
    flow: Option<String>,
    /// The number that is shown where it rings first; `to` without it.
    caller: Option<String>,
    caller_name: Option<String>,
    /// The flow begins when it rings.
    #[serde(default)]
    early: bool,
    /// How long it rings; 60 without it.
    timeout_s: Option<u64>,
    /// The longest call, from the answer on.
    longest_s: Option<u64>,
    /// Find out who answered: `hangup`, `continue`, `wait`.
    amd: Option<Amd>,
    /// Session data, an object.
    session: Option<Map<String, Value>>,
    /// Variables of its flow.
    #[serde(default)]
    variables: Map<String, Value>,
}

/// What is done when a machine answers.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Amd {
    Hangup,
    Continue,
    Wait,
}

const EXAMPLE: &str =
    "expected {\"from\": \"alice\", \"to\": \"202\"} or {\"from\": \"alice\", \"flow\": \"menu.json\"}";

impl From<NotBegun> for ApiError {
    fn from(why: NotBegun) -> ApiError {
        match why {
            NotBegun::Refused(refusal) => ApiError::unavailable(refusal.to_string()),
            NotBegun::Nothing => ApiError::bad_request(format!("{why}; {EXAMPLE}")),
            why => ApiError::not_found(why.to_string()),
        }
    }
}

/// Begins a call: 201 with the call.
pub(crate) async fn begin(
    State(api): State<Api>,
    wanted: Result<Json<Wanted>, JsonRejection>,
) -> Result<impl IntoResponse, ApiError> {
    let Json(wanted) =
        wanted.map_err(|error| ApiError::bad_request(format!("{EXAMPLE}: {}", error.body_text())))?;
    let origination = origination(wanted)?;
    let id = api.switch.originate(origination)?;
    let view = api.switch.call(id).ok_or_else(|| ApiError::internal("the call is gone already"))?;
    let place: [(HeaderName, String); 1] = [(header::LOCATION, format!("/calls/{id}"))];
    Ok((StatusCode::CREATED, place, Json(Summary::from(view))))
}

fn origination(wanted: Wanted) -> Result<Origination, ApiError> {
    let seconds = |name: &str, value: Option<u64>, most: u64| match value {
        Some(seconds) if seconds == 0 || seconds > most => {
            Err(ApiError::bad_request(format!("{name} is 1 to {most} seconds")))
        }
        value => Ok(value.map(Duration::from_secs)),
    };
    let usual = Origination::new(wanted.from);
    Ok(Origination {
        to: wanted.to,
        flow: wanted.flow,
        caller: wanted.caller,
        caller_name: wanted.caller_name,
        early: wanted.early,
        timeout: seconds("timeout_s", wanted.timeout_s, RING)?.unwrap_or(usual.timeout),
        longest: seconds("longest_s", wanted.longest_s, 7 * 86_400)?,
        machines: wanted.amd.map(|amd| match amd {
            Amd::Hangup => Machines::HangUp,
            Amd::Continue => Machines::GoOn,
            Amd::Wait => Machines::Wait,
        }),
        session: wanted.session.map(Value::Object),
        variables: wanted.variables,
        ..usual
    })
}

/// Ends a call: 204, or 409 if it is over.
pub(crate) async fn end(State(api): State<Api>, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let view = find(&api, &id)?;
    told(view.id, api.switch.hang_up(view.id, "hung up from outside"))
}

/// Lets a flow go on that waits for it: 204, or 409 if it does not wait.
pub(crate) async fn go_on(State(api): State<Api>, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let view = find(&api, &id)?;
    if !view.blocked {
        return Err(ApiError::conflict(format!("the flow of {id} does not wait to be let go on")));
    }
    told(view.id, api.switch.go_on(view.id))
}

/// Merges session data into a call: 204, or 409 if it is over.
pub(crate) async fn session(
    State(api): State<Api>,
    Path(id): Path<String>,
    data: Result<Json<Map<String, Value>>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let data = session_data(data)?;
    let view = find(&api, &id)?;
    told(view.id, api.switch.merge(view.id, "sessionData", data))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Origination, String> {
        let wanted: Wanted = serde_json::from_str(text).map_err(|error| error.to_string())?;
        origination(wanted).map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn a_wish_is_read_with_its_units_and_limits() {
        let wish = read(
            r#"{"from": "alice", "to": "202", "timeout_s": 5, "longest_s": 60, "amd": "wait", "session": {"a": 1}}"#,
        )
        .expect("a wish");
        assert_eq!((wish.timeout, wish.longest), (Duration::from_secs(5), Some(Duration::from_secs(60))));
        assert_eq!((wish.machines, wish.session), (Some(Machines::Wait), Some(serde_json::json!({"a": 1}))));
        assert_eq!(read(r#"{"from": "alice"}"#).expect("a wish").timeout, Duration::from_secs(60));
        assert!(
            read(r#"{"from": "alice", "timeout_s": 0}"#)
                .is_err_and(|why| why.contains("timeout_s is 1 to 600"))
        );
        assert!(read(r#"{"from": "alice", "session": 5}"#).is_err() && read(r#"{"to": "202"}"#).is_err());
        assert!(read(r#"{"from": "alice", "flwo": "x"}"#).is_err_and(|why| why.contains("flwo")));
    }
}
