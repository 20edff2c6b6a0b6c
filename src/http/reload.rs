//! `POST /-/reload`, as of Prometheus and Alertmanager: the files of the configuration are read now.

use crate::reload::Reloads;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;

pub fn reload_router(reloads: Reloads) -> Router {
    Router::new().route("/-/reload", post(reload).put(reload)).with_state(reloads)
}

/// Empty, or what is wrong with 500: whoever asks is the operator.
async fn reload(State(reloads): State<Reloads>) -> Response {
    match reloads.now().await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(wrong) => {
            tracing::error!("{wrong}; what was configured before goes on");
            (StatusCode::INTERNAL_SERVER_ERROR, format!("failed to reload config: {wrong}\n")).into_response()
        }
    }
}
