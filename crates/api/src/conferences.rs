//! `GET /conferences`, `GET` and `POST /conferences/{name}`, `POST /conferences/{name}/relations`, `POST /conferences/{name}/members`
//! and `POST`, `DELETE /conferences/{name}/members/{call}`: who is in which room, who is called into it, and what of it may be
//! changed from outside.

use std::fmt::{self, Formatter};

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::IntoResponse;
use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use switch::{
    CallId, ConferenceView, Hearing, LOUDNESS_DB, MemberChange, MemberView, NotChanged, RoomChange,
    RoomRecording,
};

use crate::Api;
use crate::calls::pausing;
use crate::control::Mode;
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
    /// What a pause of the recording that goes on leaves in the file: `silence`, `cut`.
    recording_paused: Option<&'static str>,
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
    gain_db: f32,
    volume_db: f32,
    talking: bool,
    talked_s: f64,
    active_speaker: bool,
    not_heard: Vec<String>,
    waiting: bool,
}

/// What is to change; what is left out stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    muted: Option<bool>,
    deaf: Option<bool>,
    gain_db: Option<f32>,
    volume_db: Option<f32>,
}

/// What is to change about a room; what is left out stays.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lead {
    locked: Option<bool>,
    recording: Option<Wish>,
    /// What a pause leaves in the file.
    mode: Option<Mode>,
}

/// How a room is to be recorded: `true`, `false`, `"paused"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    On,
    Off,
    Paused,
}

impl<'de> Deserialize<'de> for Wish {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Wish, D::Error> {
        struct Words;
        impl Visitor<'_> for Words {
            type Value = Wish;

            fn expecting(&self, text: &mut Formatter<'_>) -> fmt::Result {
                text.write_str("true, false or \"paused\"")
            }

            fn visit_bool<E: de::Error>(self, on: bool) -> Result<Wish, E> {
                Ok(if on { Wish::On } else { Wish::Off })
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Wish, E> {
                match word {
                    "paused" => Ok(Wish::Paused),
                    _ => Err(E::invalid_value(Unexpected::Str(word), &self)),
                }
            }
        }
        deserializer.deserialize_any(Words)
    }
}

impl Lead {
    /// What is asked for, in full.
    fn change(self) -> Result<RoomChange, ApiError> {
        let recording = match (self.recording, self.mode) {
            (Some(Wish::Paused), mode) => Some(RoomRecording::Paused(mode.unwrap_or_default().into())),
            (_, Some(_)) => {
                return Err(ApiError::bad_request(format!(
                    "mode belongs to a recording that is to be paused; {LEAD}"
                )));
            }
            (Some(Wish::On), None) => Some(RoomRecording::On),
            (Some(Wish::Off), None) => Some(RoomRecording::Off),
            (None, None) => None,
        };
        Ok(RoomChange { locked: self.locked, recording })
    }
}

const LEAD: &str = "expected {\"locked\": true}, {\"recording\": true}, false, or \"paused\" with \"mode\": \"silence\" or \"cut\"";

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
        Member {
            number: view.number,
            call: view.call.to_string(),
            party: view.party,
            since: view.since.to_string(),
            moderator: view.moderator,
            muted: view.muted,
            deaf: view.deaf,
            gain_db: view.gain_db,
            volume_db: view.volume_db,
            talking: view.talking,
            // Nobody wants to know it better.
            talked_s: (view.talked.as_secs_f64() * 10.0).round() / 10.0,
            active_speaker: view.active_speaker,
            not_heard: view.not_heard.iter().map(CallId::to_string).collect(),
            waiting: view.waiting,
        }
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
            recording_paused: view.paused.map(pausing),
            members: view.members.into_iter().map(Member::from).collect(),
        }
    }
}

/// All rooms, by name.
pub(crate) async fn list(State(api): State<Api>) -> Json<List> {
    Json(List { conferences: api.switch.conferences().into_iter().map(Conference::from).collect() })
}

/// One room, with who talks in it.
pub(crate) async fn one(
    State(api): State<Api>,
    Path(name): Path<String>,
) -> Result<Json<Conference>, ApiError> {
    api.switch.conference(&name).map(|view| Json(Conference::from(view))).ok_or_else(|| empty(&name))
}

/// Locks a room or records it, or no longer, or pauses its recording; how it is then.
pub(crate) async fn lead(
    State(api): State<Api>,
    Path(name): Path<String>,
    change: Result<Json<Lead>, JsonRejection>,
) -> Result<Json<Conference>, ApiError> {
    let Json(change) =
        change.map_err(|error| ApiError::bad_request(format!("{LEAD}: {}", error.body_text())))?;
    let room = api.switch.change_room(&name, change.change()?)?;
    Ok(Json(Conference::from(room)))
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

/// Mutes or deafens a member, or no longer; makes it louder for the others, or the others for it.
pub(crate) async fn change(
    State(api): State<Api>,
    Path((name, member)): Path<(String, String)>,
    change: Result<Json<Change>, JsonRejection>,
) -> Result<StatusCode, ApiError> {
    let Json(change) = change.map_err(|error| {
        let example = "{\"muted\": true, \"deaf\": false, \"gain_db\": 6, \"volume_db\": -3}";
        ApiError::bad_request(format!("expected {example}: {}", error.body_text()))
    })?;
    let call = call(&member)?;
    let Change { muted, deaf, gain_db, volume_db } = change;
    for (name, db) in [("gain_db", gain_db), ("volume_db", volume_db)] {
        if let Some(db) = db.filter(|db| !LOUDNESS_DB.contains(db)) {
            let (least, most) = LOUDNESS_DB.into_inner();
            let wanted = format!("expected {name} from {least} to {most}, 0 being as usual, found {db}");
            return Err(ApiError::bad_request(wanted));
        }
    }
    let found = api.switch.change_member(&name, call, MemberChange { muted, deaf, gain_db, volume_db });
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

impl From<NotChanged> for ApiError {
    fn from(why: NotChanged) -> ApiError {
        match why {
            NotChanged::NotRecorded(_) => ApiError::conflict(why.to_string()),
            _ => ApiError::not_found(why.to_string()),
        }
    }
}

fn call(member: &str) -> Result<CallId, ApiError> {
    member
        .parse()
        .map_err(|error| ApiError::bad_request(format!("{member:?} is not the name of a call: {error}")))
}

fn empty(name: &str) -> ApiError {
    ApiError::not_found(format!("nobody is in a conference {name:?}"))
}

fn nobody(name: &str, member: &str) -> ApiError {
    ApiError::not_found(format!("{member} is not in the conference {name:?}"))
}
