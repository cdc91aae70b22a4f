//! What it means to lead a call or a flow from outside: the data it is given, and whether it still lived.

use std::fmt::Display;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use serde_json::{Map, Value};

use crate::error::ApiError;

/// The session data of a request.
///
/// # Errors
/// 400 if it is no object.
pub(crate) fn session_data(data: Result<Json<Map<String, Value>>, JsonRejection>) -> Result<Value, ApiError> {
    data.map(|Json(data)| Value::Object(data)).map_err(|error| {
        ApiError::bad_request(format!("expected an object of session data: {}", error.body_text()))
    })
}

/// It was told: 204.
///
/// # Errors
/// 409 if it did not live any more.
pub(crate) fn told(id: impl Display, lives: bool) -> Result<StatusCode, ApiError> {
    lives.then_some(StatusCode::NO_CONTENT).ok_or_else(|| ApiError::conflict(format!("{id} is over")))
}
