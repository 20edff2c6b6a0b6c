//! The HTTP face of the process: its own routes, and those of ingest and query merged in when the store is open.
//!
//! The listener answers from the first moment: until recovery is done `/ready` says 503 and why, and so does every route
//! of the other crates. Never here: what those routes do. Start with [`App::router`].

mod admin;
mod alertmanager;
mod background;
mod backtest;
mod delete;
mod delete_series;
mod measure;
mod reload;
mod rule_groups;
mod rules;
mod scale;
mod serve;
mod status;
mod targets;
mod tenant;
#[cfg(test)]
mod tests;
mod transfer;

pub use alertmanager::alertmanager_router;
pub use background::Background;
pub use backtest::backtest_router;
pub use measure::HttpMetrics;
pub use reload::reload_router;
pub use rules::rules_router;
pub use scale::{keda_router, scale_router};
pub use serve::{ServeLimits, serve};
pub use targets::targets_router;
pub use transfer::Transfers;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use gantry_ingest::{Ingest, MetricIngest, grpc};
use gantry_store::Store;
use parking_lot::RwLock;
use std::sync::{Arc, OnceLock};
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// Largest body of a request to the routes of this crate and of query; ingest has its own, larger limit.
const MAX_BODY_BYTES: usize = 2 << 20;

/// Paths with what answers there.
pub type Routes = Router;

/// What the handlers share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct App(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    readiness: RwLock<Readiness>,
    registry: prometheus::Registry,
    metrics: HttpMetrics,
    /// Writes that are being answered.
    writes: TaskTracker,
    /// What answers once the store is open.
    parts: OnceLock<Router>,
}

/// Whether the process can do its work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    Starting,
    Ready,
    Draining,
}

impl App {
    pub fn new(registry: prometheus::Registry) -> Result<App, prometheus::Error> {
        let metrics = HttpMetrics::new(&registry)?;
        let (readiness, writes) = (RwLock::new(Readiness::Starting), TaskTracker::new());
        Ok(App(Arc::new(Inner { readiness, registry, metrics, writes, parts: OnceLock::new() })))
    }

    /// The routes that answer from the start; the others are reached through them once [`App::open`] was called.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/", get(status::welcome))
            .route("/ready", get(status::ready))
            .route("/healthz", get(status::healthz))
            .route("/-/ready", get(status::ready))
            .route("/-/healthy", get(status::healthz))
            .route("/version", get(status::version))
            .route("/metrics", get(status::metrics))
            .fallback(later)
            .with_state(self.clone())
    }

    /// Adds the routes of the parts that need the store, and says ready.
    pub fn open(&self, store: Arc<Store>, transfers: Transfers, ingest: Router, query: Router, background: Background) {
        let export = Router::new().route("/api/v1/export", get(transfer::export_lines)).with_state(transfers);
        let admin = Router::new()
            .route("/flush", post(admin::flush))
            .route("/api/v1/admin/compact", post(admin::compact))
            .route("/api/v1/admin/tsdb/delete_series", post(delete_series::create).put(delete_series::create))
            .route(
                "/loki/api/v1/delete",
                post(delete::create).put(delete::create).get(delete::list).delete(delete::cancel),
            )
            .with_state(store);
        let ingest = ingest.layer(middleware::from_fn_with_state(self.clone(), write_gate));
        let query = query.layer(middleware::from_fn_with_state(background, background::in_background));
        let small = admin.merge(export).merge(query).layer(DefaultBodyLimit::max(MAX_BODY_BYTES));
        let router = small.merge(ingest).fallback(status::no_such_path);
        let router = router.layer(middleware::from_fn_with_state(self.clone(), measure::measure));
        if self.0.parts.set(router).is_ok() {
            *self.0.readiness.write() = Readiness::Ready;
        }
    }

    /// From now on: not ready, and no new writes.
    pub fn start_draining(&self) {
        *self.0.readiness.write() = Readiness::Draining;
        self.0.writes.close();
    }

    /// Waits until the writes that were under way have their answers. Only after [`App::start_draining`].
    pub async fn writes_answered(&self) {
        self.0.writes.wait().await;
    }

    pub fn readiness(&self) -> Readiness {
        self.0.readiness.read().clone()
    }
}

/// Takes files of lines, through the same door as all others.
pub fn import_router(transfers: Transfers, ingest: Arc<Ingest>) -> Router {
    Router::new().route("/api/v1/import", post(transfer::import_lines)).with_state((transfers, ingest))
}

/// OTLP over gRPC, for a listener of its own.
pub fn grpc_router(samples: Arc<MetricIngest>) -> Router {
    let lines = grpc::service(samples.ingest().clone());
    Router::new().route_service("/opentelemetry.proto.collector.logs.v1.LogsService/{method}", lines).route_service(
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/{method}",
        grpc::metric_service(samples),
    )
}

/// Hands the request to the parts that opened later.
async fn later(State(app): State<App>, request: Request) -> Response {
    match app.0.parts.get() {
        Some(parts) => parts.clone().oneshot(request).await.into_response(),
        None => status::unavailable(&app.readiness()),
    }
}

/// Counts writes under way, and refuses new ones while draining, so that the store can be closed behind the last.
async fn write_gate(State(app): State<App>, request: Request, next: Next) -> Response {
    let _under_way = app.0.writes.token();
    match app.readiness() {
        Readiness::Ready => next.run(request).await,
        other => status::unavailable(&other),
    }
}
