//! Requests by route and status.

use super::App;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts, Registry};
use std::time::Duration;

/// Counts and times of answered requests.
#[derive(Clone, Debug)]
pub struct HttpMetrics {
    requests: IntCounterVec,
    seconds: HistogramVec,
}

impl HttpMetrics {
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let requests = Opts::new("gantry_http_requests_total", "Answered requests by route and status.");
        let requests = IntCounterVec::new(requests, &["route", "status"])?;
        let buckets = vec![0.001, 0.005, 0.02, 0.1, 0.5, 2.0, 10.0];
        let seconds = HistogramOpts::new("gantry_http_request_seconds", "Time to the head of the answer, by route.");
        let seconds = HistogramVec::new(seconds.buckets(buckets), &["route"])?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        Ok(HttpMetrics { requests, seconds })
    }

    fn answered(&self, route: &str, status: u16, took: Duration) {
        self.requests.with_label_values(&[route, &status.to_string()]).inc();
        self.seconds.with_label_values(&[route]).observe(took.as_secs_f64());
    }
}

/// Measures the request; its route is the pattern and never the path, so that the number of series is bounded.
pub async fn measure(State(app): State<App>, path: Option<MatchedPath>, request: Request, next: Next) -> Response {
    let started = tokio::time::Instant::now();
    let response = next.run(request).await;
    let route = path.as_ref().map_or("none", MatchedPath::as_str);
    app.0.metrics.answered(route, response.status().as_u16(), started.elapsed());
    response
}
