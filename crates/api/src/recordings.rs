//! `GET /recordings/{id}.wav` (or `.mp3`, `.ogg`): a recording, sent as it is read.

use axum::body::{Body, Bytes};
use axum::extract::{Path as Segment, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::Api;
use crate::error::ApiError;

/// Read and sent at once.
const PIECE: usize = 64 * 1024;

pub(crate) async fn one(
    State(api): State<Api>,
    Segment(name): Segment<String>,
) -> Result<Response, ApiError> {
    let missing = || ApiError::not_found(format!("there is no recording {name}"));
    let (path, kind) = api.switch.recording(&name).ok_or_else(missing)?;
    let file = File::open(&path).await.map_err(|_| missing())?;
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
    let headers = [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_LENGTH, length.to_string())];
    Ok((headers, Body::from_stream(pieces)).into_response())
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
