//! The routes of the scaler, for the tenant who asks.

use super::tenant::Tenant;
use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use gantry_scaler::Scaler;
use gantry_scaler::keda::ExternalScaler;
use std::sync::Arc;

pub fn scale_router(scaler: Arc<Scaler>) -> Router {
    gantry_scaler::http::router(scaler).layer(middleware::from_fn(with_tenant))
}

/// KEDA's external scaler. Its answers end with trailers, so that they must not pass through what rewrites bodies.
pub fn keda_router(scaler: Arc<Scaler>) -> Router {
    Router::new().route_service("/externalscaler.ExternalScaler/{method}", ExternalScaler::new(scaler))
}

/// The scaler does not know how a request names its tenant.
async fn with_tenant(tenant: Tenant, mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(tenant.0);
    next.run(request).await
}
