//! What a client is told when it cannot have what it asked for: `{"error": {"code", "message"}}`.

use axum::Json;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// An answer that is not what was asked for.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
}

#[derive(Serialize)]
struct Body<'a> {
    error: Inner<'a>,
}

#[derive(Serialize)]
struct Inner<'a> {
    code: &'static str,
    message: &'a str,
}

impl ApiError {
    /// There is no such thing.
    pub(crate) fn not_found(message: impl Into<String>) -> ApiError {
        ApiError { status: StatusCode::NOT_FOUND, code: "not_found", message: message.into() }
    }

    /// The request makes no sense.
    pub(crate) fn bad_request(message: impl Into<String>) -> ApiError {
        ApiError { status: StatusCode::BAD_REQUEST, code: "bad_request", message: message.into() }
    }

    /// What is asked for cannot be done as things stand.
    pub(crate) fn conflict(message: impl Into<String>) -> ApiError {
        ApiError { status: StatusCode::CONFLICT, code: "conflict", message: message.into() }
    }

    /// Not now.
    pub(crate) fn unavailable(message: impl Into<String>) -> ApiError {
        ApiError { status: StatusCode::SERVICE_UNAVAILABLE, code: "unavailable", message: message.into() }
    }

    /// The address is right, the method is not.
    pub(crate) fn method() -> ApiError {
        let message = "this address does not take this method".to_owned();
        ApiError { status: StatusCode::METHOD_NOT_ALLOWED, code: "method_not_allowed", message }
    }

    /// Whom we had to ask for it does not give it.
    pub(crate) fn bad_gateway(message: impl Into<String>) -> ApiError {
        ApiError { status: StatusCode::BAD_GATEWAY, code: "bad_gateway", message: message.into() }
    }

    /// Ours to mend; the message says what broke.
    pub(crate) fn internal(message: impl Into<String>) -> ApiError {
        ApiError { status: StatusCode::INTERNAL_SERVER_ERROR, code: "internal", message: message.into() }
    }

    /// For every address that does not exist.
    pub(crate) async fn no_such_address(uri: Uri) -> ApiError {
        ApiError::not_found(format!(
            "there is nothing at {}; there are /calls, /calls/{{id}}, /calls/{{id}}/trace, /calls/{{id}}/session, /conferences, /runs, /recordings, /recordings/{{id}}.wav, \
             /metrics and /healthz",
            uri.path()
        ))
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Body { error: Inner { code: self.code, message: &self.message } };
        (self.status, Json(body)).into_response()
    }
}
