//! Counters of the door: every line that came is counted once, by what became of it.

use crate::error::Refusals;
use crate::reason::Reason;
use gantry_model::TenantId;
use parking_lot::Mutex;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};
use std::collections::HashSet;

const OTHER: &str = "other";

/// `gantry_ingest_*`. Labels: `tenant` (a bounded number, then `other`), `source` (the receiver or collector),
/// `outcome` (`accepted`, `refused` with the answer saying so, `dropped` without anybody to tell) and `reason`. A request
/// that is sent again after a refusal counts again. Outcome `truncated` is apart: accepted lines, and the bytes cut off.
#[derive(Debug)]
pub(crate) struct Metrics {
    lines: IntCounterVec,
    bytes: IntCounterVec,
    requests: IntCounterVec,
    invalid_utf8: IntCounterVec,
    pub in_flight_bytes: IntGauge,
    pub label_cache_misses: IntCounter,
    named_tenants: Mutex<HashSet<TenantId>>,
    max_tenants: usize,
}

impl Metrics {
    pub fn register(registry: &Registry, max_tenants: usize) -> Result<Self, prometheus::Error> {
        let labels = &["tenant", "source", "outcome", "reason"];
        let counters = |name: &str, help: &str, labels: &[&str]| {
            let vec = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(vec.clone())).map(|()| vec)
        };
        let in_flight_bytes = IntGauge::new("gantry_ingest_in_flight_bytes", "Memory held by requests in flight")?;
        registry.register(Box::new(in_flight_bytes.clone()))?;
        let label_cache_misses =
            IntCounter::new("gantry_ingest_label_cache_misses_total", "Label strings that had to be parsed")?;
        registry.register(Box::new(label_cache_misses.clone()))?;
        Ok(Metrics {
            lines: counters("gantry_ingest_lines_total", "Lines by what became of them", labels)?,
            bytes: counters(
                "gantry_ingest_bytes_total",
                "Bytes of bodies and metadata by what became of them",
                labels,
            )?,
            requests: counters(
                "gantry_ingest_refused_requests_total",
                "Requests refused before or after decoding, of which nothing is known to be stored",
                &["source", "reason"],
            )?,
            invalid_utf8: counters(
                "gantry_ingest_invalid_utf8_total",
                "Texts in which bytes that are not UTF-8 were replaced by U+FFFD",
                &["source"],
            )?,
            in_flight_bytes,
            label_cache_misses,
            named_tenants: Mutex::default(),
            max_tenants,
        })
    }

    fn count(&self, tenant: &TenantId, source: &str, outcome: &str, reason: &str, lines: u64, bytes: u64) {
        let labels = &[self.tenant_label(tenant), source, outcome, reason];
        self.lines.with_label_values(labels).inc_by(lines);
        self.bytes.with_label_values(labels).inc_by(bytes);
    }

    /// The tenant's name, or `other` when so many are named already.
    pub fn tenant_label<'t>(&self, tenant: &'t TenantId) -> &'t str {
        if self.is_named(tenant) { tenant.as_str() } else { OTHER }
    }

    fn is_named(&self, tenant: &TenantId) -> bool {
        let mut named = self.named_tenants.lock();
        named.contains(tenant) || (named.len() < self.max_tenants && named.insert(tenant.clone()))
    }

    pub fn accepted(&self, tenant: &TenantId, source: &str, lines: u64, bytes: u64) {
        self.count(tenant, source, "accepted", "", lines, bytes);
    }

    /// Lines that are part of the accepted ones, but shorter than they came.
    pub fn truncated(&self, tenant: &TenantId, source: &str, lines: u64, bytes_cut: u64) {
        if lines > 0 {
            self.count(tenant, source, "truncated", Reason::LineTooLong.code(), lines, bytes_cut);
        }
    }

    pub fn refused(&self, tenant: &TenantId, source: &str, refusals: &Refusals) {
        for refused in refusals.by_reason() {
            self.count(tenant, source, "refused", refused.reason.code(), refused.lines, refused.bytes);
        }
    }

    pub fn refused_all(&self, tenant: &TenantId, source: &str, reason: Reason, lines: u64, bytes: u64) {
        self.count(tenant, source, "refused", reason.code(), lines, bytes);
        self.refused_request(source, reason);
    }

    pub fn refused_request(&self, source: &str, reason: Reason) {
        self.requests.with_label_values(&[source, reason.code()]).inc();
    }

    pub fn dropped(&self, tenant: &TenantId, source: &str, reason: Reason, lines: u64, bytes: u64) {
        self.count(tenant, source, "dropped", reason.code(), lines, bytes);
    }

    pub fn invalid_utf8(&self, source: &str, texts: u64) {
        if texts > 0 {
            self.invalid_utf8.with_label_values(&[source]).inc_by(texts);
        }
    }
}
