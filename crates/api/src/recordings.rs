//! `GET /recordings`, `GET /recordings/{id}.wav` (or `.mp3`, `.ogg`), `POST /recordings/{id}/send` and
//! `POST /recordings/{id}/drop`: recordings that are not where they are to be yet, a recording as it is read, from the bucket
//! if it is there only, and what an operator decides of one that failed.

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Path as Segment, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use switch::{NotDone, NotHad, ParcelView, SpoolView, Stored};
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::Api;
use crate::calls::pausing;
use crate::error::ApiError;

/// Read and sent at once.
const PIECE: usize = 64 * 1024;

#[derive(Serialize)]
pub(crate) struct List {
    recordings: Vec<Recording>,
    /// So many that failed are not listed.
    left_off: usize,
}

/// A recording that runs, waits or failed.
#[derive(Serialize)]
pub(crate) struct Recording {
    id: String,
    file: String,
    name: String,
    calls: Vec<String>,
    caller: String,
    called: String,
    began: String,
    over: Option<String>,
    state: &'static str,
    /// What a pause that goes on leaves in the file: `silence`, `cut`.
    paused: Option<&'static str>,
    place: Option<String>,
    why: Option<String>,
    /// Where it goes.
    to: Vec<Parcel>,
}

#[derive(Serialize)]
struct Parcel {
    to: String,
    state: &'static str,
    tries: u32,
    why: Option<String>,
}

impl From<ParcelView> for Parcel {
    fn from(view: ParcelView) -> Parcel {
        let ParcelView { to, state, tries, why } = view;
        Parcel { to, state, tries, why }
    }
}

impl From<SpoolView> for Recording {
    fn from(view: SpoolView) -> Recording {
        let last = view.parcels.iter().find_map(|parcel| parcel.why.clone());
        Recording {
            state: view.state.word(),
            paused: view.paused.map(pausing),
            place: view.state.place().map(str::to_owned),
            why: view.state.why().map(str::to_owned).or(last),
            id: view.id,
            file: view.file,
            name: view.name,
            calls: view.calls,
            caller: view.caller,
            called: view.called,
            began: view.begun,
            over: view.over,
            to: view.parcels.into_iter().map(Parcel::from).collect(),
        }
    }
}

/// What runs, waits to be sent or failed, the latest first.
pub(crate) async fn list(State(api): State<Api>) -> Json<List> {
    let spool = api.switch.spool().await;
    let recordings = spool.entries.into_iter().map(Recording::from).collect();
    Json(List { recordings, left_off: spool.left_off })
}

/// Sends it again, now.
pub(crate) async fn send(
    State(api): State<Api>,
    Segment(id): Segment<String>,
) -> Result<Json<Recording>, ApiError> {
    let sent = api.switch.send_again(&id).await;
    sent.map(|view| Json(Recording::from(view))).map_err(|why| not_done(&id, why))
}

/// Gives up sending it.
pub(crate) async fn give_up(
    State(api): State<Api>,
    Segment(id): Segment<String>,
) -> Result<Json<Recording>, ApiError> {
    let given = api.switch.give_up_sending(&id).await;
    given.map(|view| Json(Recording::from(view))).map_err(|why| not_done(&id, why))
}

fn not_done(id: &str, why: NotDone) -> ApiError {
    let message = format!("{id}: {why}");
    match why {
        NotDone::Unknown => ApiError::not_found(message),
        NotDone::Running | NotDone::NoFile => ApiError::conflict(message),
    }
}

/// A recording.
pub(crate) async fn one(
    State(api): State<Api>,
    Segment(name): Segment<String>,
) -> Result<Response, ApiError> {
    let missing = || ApiError::not_found(format!("there is no recording {name}"));
    let (path, kind) = api.switch.recording(&name).ok_or_else(missing)?;
    let Ok(file) = File::open(&path).await else {
        let stored = api.switch.stored_recording(&name).await;
        return stored.map(|stored| from_bucket(stored, kind)).map_err(|why| match why {
            NotHad::Unknown => missing(),
            NotHad::Elsewhere(_) => ApiError::not_found(format!("{name}: {why}")),
            NotHad::Bucket(_) => ApiError::bad_gateway(format!("{name}: {why}")),
        });
    };
    let length = file
        .metadata()
        .await
        .map_err(|error| ApiError::internal(format!("cannot read {name}: {error}")))?
        .len();
    // A recording that still grows is sent as long as it is now, so that the length in the header holds.
    let pieces = stream::unfold(file.take(length), |mut file| async move {
        let piece = read(&mut file).await.transpose()?;
        Some((piece, file))
    });
    Ok((about(kind, length), Body::from_stream(pieces)).into_response())
}

fn from_bucket(Stored { length, bytes }: Stored, kind: &str) -> Response {
    (
        about(kind, length),
        Body::from_stream(futures_util::TryStreamExt::map_err(bytes, std::io::Error::other)),
    )
        .into_response()
}

fn about(kind: &str, length: u64) -> [(header::HeaderName, String); 2] {
    [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_LENGTH, length.to_string())]
}

/// The next piece, or nothing at the end.
async fn read(from: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Option<Bytes>> {
    let mut piece = vec![0; PIECE];
    let count = from.read(&mut piece).await?;
    piece.truncate(count);
    Ok((count > 0).then(|| Bytes::from(piece)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_recording_is_read_in_pieces() {
        let mut bytes: &[u8] = &[7; PIECE + 1];
        let mut total = 0;
        while let Some(piece) = read(&mut bytes).await.expect("memory") {
            total += piece.len();
        }
        assert_eq!(total, PIECE + 1);
    }
}
