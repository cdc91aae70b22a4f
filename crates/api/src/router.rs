//! Which address is answered by what.

use std::sync::Arc;

use axum::Router;
use axum::http::header;
use axum::routing::{get, post};
use switch::Switch;

use crate::error::ApiError;
use crate::{calls, conferences, control, health, origination, peers, recordings, runs};

/// What the API reads from.
#[derive(Clone)]
pub struct Api {
    /// The running switch.
    pub switch: Arc<Switch>,
    /// The metrics in Prometheus' text form.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
}

/// All addresses.
pub fn router(api: Api) -> Router {
    let metrics = Arc::clone(&api.metrics);
    let text = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Router::new()
        .route("/calls", get(calls::list).post(origination::begin))
        .route("/calls/{id}", get(calls::one).delete(origination::end))
        .route("/calls/{id}/continue", post(origination::go_on))
        .route("/calls/{id}/session", post(origination::session))
        .route("/calls/{id}/playback", post(control::playback))
        .route("/calls/{id}/recordings/{recording}/pause", post(control::pause))
        .route("/calls/{id}/recordings/{recording}/resume", post(control::resume))
        .route("/calls/{id}/recordings/{recording}/stop", post(control::stop))
        .route("/calls/{id}/trace", get(calls::trace))
        .route("/conferences", get(conferences::list))
        .route("/conferences/{name}", get(conferences::one).post(conferences::lead))
        .route("/conferences/{name}/relations", post(conferences::relate))
        .route("/conferences/{name}/members", post(conferences::add))
        .route("/conferences/{name}/members/{call}", post(conferences::change).delete(conferences::remove))
        .route("/runs", get(runs::list).post(runs::begin))
        .route("/runs/{id}", get(runs::one).delete(runs::end))
        .route("/runs/{id}/continue", post(runs::go_on))
        .route("/runs/{id}/session", post(runs::session))
        .route("/registrations", get(peers::registrations))
        .route("/trunks", get(peers::trunks))
        .route("/recordings", get(recordings::list))
        .route("/recordings/{file}", get(recordings::one))
        .route("/recordings/{file}/send", post(recordings::send))
        .route("/recordings/{file}/drop", post(recordings::give_up))
        .route("/healthz", get(health::health))
        .route("/metrics", get(|| async move { (text, metrics()) }))
        .fallback(ApiError::no_such_address)
        .method_not_allowed_fallback(|| async { ApiError::method() })
        .with_state(api)
}
