//! `GET /conferences` and `POST`, `DELETE /conferences/{name}/members/{call}`: who is in which room, and what of it may
//! be changed from outside.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use switch::{CallId, ConferenceView, MemberView};

use crate::Api;
use crate::error::ApiError;

#[derive(Serialize)]
pub(crate) struct List {
    conferences: Vec<Conference>,
}

/// A room.
#[derive(Serialize)]
struct Conference {
    name: String,
    rate: u32,
    opened: String,
    locked: bool,
    recording: Option<String>,
    members: Vec<Member>,
}

/// Somebody in it, named by its call.
#[derive(Serialize)]
struct Member {
    number: u32,
    call: String,
    party: String,
    since: String,
    moderator: bool,
    muted: bool,
    deaf: bool,
    waiting: bool,
}

/// What is to change; what is left out stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    muted: Option<bool>,
    deaf: Option<bool>,
}

impl From<MemberView> for Member {
    fn from(view: MemberView) -> Member {
        let MemberView { number, call, party, since, moderator, muted, deaf, waiting } = view;
        let (call, since) = (call.to_string(), since.to_string());
        Member { number, call, party, since, moderator, muted, deaf, waiting }
    }
}

impl From<ConferenceView> for Conference {
    fn from(view: ConferenceView) -> Conference {
        Conference {
            name: view.name,
            rate: view.rate,
            opened: view.opened.to_string(),
            locked: view.locked,
            recording: view.recording,
            members: view.members.into_iter().map(Member::from).collect(),
        }
    }
}

/// All rooms, by name.
pub(crate) async fn list(State(api): State<Api>) -> Json<List> {
    Json(List { conferences: api.switch.conferences().into_iter().map(Conference::from).collect() })
}

/// Mutes or deafens a member, or no longer.
pub(crate) async fn change(
    State(api): State<Api>,
    Path((name, member)): Path<(String, String)>,
    change: Result<Json<Change>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let Json(change) = change.map_err(|error| {
        ApiError::bad_request(format!("expected {{\"muted\": true, \"deaf\": false}}: {}", error.body_text()))
    })?;
    let call = call(&member)?;
    let found = api.switch.change_member(&name, call, change.muted, change.deaf);
    found.then_some(StatusCode::NO_CONTENT).ok_or_else(|| nobody(&name, &member))
}

/// Sends a member out of the room; its flow goes on.
pub(crate) async fn remove(
    State(api): State<Api>,
    Path((name, member)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let found = api.switch.remove_member(&name, call(&member)?);
    found.then_some(StatusCode::NO_CONTENT).ok_or_else(|| nobody(&name, &member))
}

fn call(member: &str) -> Result<CallId, ApiError> {
    member
        .parse()
        .map_err(|error| ApiError::bad_request(format!("{member:?} is not the name of a call: {error}")))
}

fn nobody(name: &str, member: &str) -> ApiError {
    ApiError::not_found(format!("{member} is not in the conference {name:?}"))
}
