//! `GET /conferences`, `POST /conferences/{name}`, `POST /conferences/{name}/relations`, `POST /conferences/{name}/members`
//! and `POST`, `DELETE /conferences/{name}/members/{call}`: who is in which room, who is called into it, and what of it may be
//! changed from outside.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use switch::{CallId, ConferenceView, Hearing, MemberView, RoomChange};

use crate::Api;
use crate::error::ApiError;

#[derive(Serialize)]
pub(crate) struct List {
    conferences: Vec<Conference>,
}

/// A room.
#[derive(Serialize)]
pub(crate) struct Conference {
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
    not_heard: Vec<String>,
    waiting: bool,
}

/// What is to change; what is left out stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    muted: Option<bool>,
    deaf: Option<bool>,
}

/// What is to change about a room; what is left out stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lead {
    locked: Option<bool>,
    recording: Option<bool>,
}

/// How a member is to hear another; each is a call, a number in the room, or whose phone it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Relation {
    member: String,
    other: String,
    relationship: Relationship,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Relationship {
    Clear,
    Mute,
    Deaf,
}

/// Who is to be called into a room: a user, a group, a number, a SIP URI.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    call: String,
}

/// By which call somebody is called into a room.
#[derive(Serialize)]
struct Added {
    call: String,
}

impl From<MemberView> for Member {
    fn from(view: MemberView) -> Member {
        let MemberView { number, call, party, since, moderator, muted, deaf, not_heard, waiting } = view;
        let (call, since) = (call.to_string(), since.to_string());
        let not_heard = not_heard.iter().map(CallId::to_string).collect();
        Member { number, call, party, since, moderator, muted, deaf, not_heard, waiting }
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

/// Locks a room or records it, or no longer; how it is then.
pub(crate) async fn lead(
    State(api): State<Api>,
    Path(name): Path<String>,
    change: Result<Json<Lead>, JsonRejection>,
) -> Result<Json<Conference>, ApiError> {
    let Json(Lead { locked, recording }) = change.map_err(|error| {
        ApiError::bad_request(format!(
            "expected {{\"locked\": true, \"recording\": false}}: {}",
            error.body_text()
        ))
    })?;
    let room = api.switch.change_room(&name, RoomChange { locked, recording });
    room.map(|view| Json(Conference::from(view)))
        .ok_or_else(|| ApiError::not_found(format!("nobody is in a conference {name:?}")))
}

/// Lets one member not hear another, or hear it again.
pub(crate) async fn relate(
    State(api): State<Api>,
    Path(name): Path<String>,
    relation: Result<Json<Relation>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let Json(Relation { member, other, relationship }) = relation.map_err(|error| {
        let example =
            "{\"member\": \"1\", \"other\": \"2\", \"relationship\": \"deaf\"}, or \"mute\", or \"clear\"";
        ApiError::bad_request(format!("expected {example}: {}", error.body_text()))
    })?;
    let hearing = match relationship {
        Relationship::Clear => Hearing::Clear,
        Relationship::Mute => Hearing::Mute,
        Relationship::Deaf => Hearing::Deaf,
    };
    let found = api.switch.relate(&name, &member, &other, hearing);
    found.then_some(StatusCode::NO_CONTENT).ok_or_else(|| nobody(&name, &format!("{member} or {other}")))
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

/// Calls somebody into the room: 201 with the call.
pub(crate) async fn add(
    State(api): State<Api>,
    Path(name): Path<String>,
    wanted: Result<Json<Wanted>, JsonRejection>,
) -> Result<impl IntoResponse, ApiError> {
    let Json(wanted) = wanted.map_err(|error| {
        ApiError::bad_request(format!("expected {{\"call\": \"202\"}}: {}", error.body_text()))
    })?;
    let id = api.switch.invite(&name, &wanted.call).map_err(ApiError::from)?;
    let place: [(HeaderName, String); 1] = [(header::LOCATION, format!("/calls/{id}"))];
    Ok((StatusCode::CREATED, place, Json(Added { call: id.to_string() })))
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
