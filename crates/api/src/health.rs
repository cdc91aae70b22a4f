//! `GET /healthz`: whether calls are taken; 503 while the switch goes down, so that a balancer looks elsewhere.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;

use crate::Api;

#[derive(Serialize)]
pub(crate) struct Health {
    status: &'static str,
    calls: usize,
    /// What audio packets go by.
    media_io: &'static str,
}

pub(crate) async fn health(State(api): State<Api>) -> (StatusCode, Json<Health>) {
    let (code, status) = match api.switch.is_draining() {
        false => (StatusCode::OK, "ok"),
        true => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
    };
    (code, Json(Health { status, calls: api.switch.calls().len(), media_io: api.switch.media_io() }))
}
