//! `POST /runs`, `GET /runs`, `GET /runs/{id}`, `DELETE /runs/{id}`, `POST /runs/{id}/continue` and
//! `POST /runs/{id}/session`: flows that run without a call.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::IntoResponse;
use flow::trace::Entry;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use switch::{FlowWish, NotBegun, RunId, RunState, RunView};

use crate::Api;
use crate::error::ApiError;
use crate::leading::{session_data, told};

const EXAMPLE: &str = "expected {\"flow\": \"report.json\", \"session\": {\"name\": \"Ann\"}}";

/// A flow to be run.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// Its id, or a number of it.
    flow: String,
    /// Session data, an object.
    session: Option<Map<String, Value>>,
    /// Its variables.
    #[serde(default)]
    variables: Map<String, Value>,
}

#[derive(Serialize)]
pub(crate) struct List {
    runs: Vec<Run>,
}

/// A run; with its timeline where it is asked for alone.
#[derive(Serialize)]
pub(crate) struct Run {
    id: String,
    flow: String,
    reference_type: String,
    state: &'static str,
    cause: Option<String>,
    began: String,
    ended: Option<String>,
    calls: Vec<String>,
    variables: Map<String, Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    trace: Vec<Entry>,
}

impl From<RunView> for Run {
    fn from(view: RunView) -> Run {
        let (state, cause) = match view.state {
            RunState::Running => ("running", None),
            RunState::Blocked => ("blocked", None),
            RunState::Ended { cause } => ("ended", Some(cause)),
        };
        Run {
            id: view.id.to_string(),
            flow: view.flow,
            reference_type: view.reference,
            state,
            cause,
            began: view.began.to_string(),
            ended: view.ended.map(|at| at.to_string()),
            calls: view.calls.iter().map(ToString::to_string).collect(),
            variables: view.variables,
            trace: view.trace,
        }
    }
}

/// Runs a flow: 201 with the run.
pub(crate) async fn begin(
    State(api): State<Api>,
    wanted: Result<Json<Wanted>, JsonRejection>,
) -> Result<impl IntoResponse, ApiError> {
    let Json(wanted) =
        wanted.map_err(|error| ApiError::bad_request(format!("{EXAMPLE}: {}", error.body_text())))?;
    let session = wanted.session.map(Value::Object);
    let wish = FlowWish { flow: wanted.flow, session, variables: wanted.variables };
    let id = api.switch.run_flow(wish).map_err(|why| match why {
        NotBegun::Refused(refusal) => ApiError::unavailable(refusal.to_string()),
        why => ApiError::not_found(why.to_string()),
    })?;
    let view = api.switch.run(id).ok_or_else(|| ApiError::internal("the run is gone already"))?;
    let place: [(HeaderName, String); 1] = [(header::LOCATION, format!("/runs/{id}"))];
    Ok((StatusCode::CREATED, place, Json(Run::from(view))))
}

/// Those that live and the last thousand that ended, the latest first.
pub(crate) async fn list(State(api): State<Api>) -> Json<List> {
    Json(List { runs: api.switch.runs().into_iter().map(Run::from).collect() })
}

/// One with its timeline.
pub(crate) async fn one(State(api): State<Api>, Path(id): Path<String>) -> Result<Json<Run>, ApiError> {
    find(&api, &id).map(|view| Json(Run::from(view)))
}

/// Ends it: 204, or 409 if it is over.
pub(crate) async fn end(State(api): State<Api>, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let view = find(&api, &id)?;
    told(view.id, api.switch.stop_run(view.id))
}

/// Lets it go on where it waits for that: 204, or 409 if it does not wait.
pub(crate) async fn go_on(State(api): State<Api>, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let view = find(&api, &id)?;
    if view.state != RunState::Blocked {
        return Err(ApiError::conflict(format!("{id} does not wait to be let go on")));
    }
    told(view.id, api.switch.let_run_go_on(view.id))
}

/// Merges session data into it: 204, or 409 if it is over.
pub(crate) async fn session(
    State(api): State<Api>,
    Path(id): Path<String>,
    data: Result<Json<Map<String, Value>>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let data = session_data(data)?;
    let view = find(&api, &id)?;
    told(view.id, api.switch.merge_into_run(view.id, "sessionData", data))
}

fn find(api: &Api, id: &str) -> Result<RunView, ApiError> {
    let known: Option<RunId> = id.parse().ok();
    let view = known.and_then(|id| api.switch.run(id));
    view.ok_or_else(|| ApiError::not_found(format!("there is no run {id}")))
}
