//! What the query engine tells about itself.

use prometheus::{HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

#[derive(Debug)]
pub struct Metrics {
    pub queries: IntCounterVec,
    pub duration: HistogramVec,
    pub scanned_bytes: IntCounter,
    pub scanned_rows: IntCounter,
    pub cached_segments: IntCounterVec,
    pub cached_bytes: IntGauge,
    pub queued: IntGauge,
    pub tails: IntGauge,
    pub tail_lines: IntCounter,
    pub tail_dropped: IntCounter,
}

impl Metrics {
    pub fn new(registry: &Registry) -> prometheus::Result<Self> {
        let queries = Opts::new("gantry_query_requests_total", "Queries by kind and outcome.");
        let buckets = vec![0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];
        let duration =
            HistogramOpts::new("gantry_query_duration_seconds", "Time from request to answer.").buckets(buckets);
        let metrics = Metrics {
            queries: IntCounterVec::new(queries, &["kind", "outcome"])?,
            duration: HistogramVec::new(duration, &["kind"])?,
            scanned_bytes: IntCounter::new(
                "gantry_query_scanned_bytes_total",
                "Bytes of bodies and metadata looked at.",
            )?,
            scanned_rows: IntCounter::new("gantry_query_scanned_rows_total", "Lines looked at.")?,
            cached_segments: IntCounterVec::new(
                Opts::new(
                    "gantry_query_result_cache_segments_total",
                    "Segments of eight steps of metric queries that were asked for, by whether they were found kept.",
                ),
                &["outcome"],
            )?,
            cached_bytes: IntGauge::new("gantry_query_result_cache_bytes", "Bytes of values that are kept.")?,
            queued: IntGauge::new("gantry_query_queued_requests", "Queries that wait for a slot.")?,
            tails: IntGauge::new("gantry_query_tails", "Live tails that are open.")?,
            tail_lines: IntCounter::new("gantry_query_tail_lines_total", "Lines sent to live tails.")?,
            tail_dropped: IntCounter::new(
                "gantry_query_tail_dropped_lines_total",
                "Lines that slow readers of live tails missed.",
            )?,
        };
        registry.register(Box::new(metrics.queries.clone()))?;
        registry.register(Box::new(metrics.duration.clone()))?;
        registry.register(Box::new(metrics.scanned_bytes.clone()))?;
        registry.register(Box::new(metrics.scanned_rows.clone()))?;
        registry.register(Box::new(metrics.cached_segments.clone()))?;
        registry.register(Box::new(metrics.cached_bytes.clone()))?;
        registry.register(Box::new(metrics.queued.clone()))?;
        registry.register(Box::new(metrics.tails.clone()))?;
        registry.register(Box::new(metrics.tail_lines.clone()))?;
        registry.register(Box::new(metrics.tail_dropped.clone()))?;
        Ok(metrics)
    }
}
