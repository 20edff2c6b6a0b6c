//! The door of metrics: admits, appends, counts samples, beside [`Ingest`], whose tenants, limits and memory it shares.
//!
//! ```text
//!   receiver -> decompress -> decode -> MetricIngest::submit: admit -> AppendMetrics -> acknowledge
//! ```
//!
//! What a sample or series may be is the store's to say; each that it refuses is counted and told to the sender.
//!
//! Start with [`MetricIngest`].

mod accepted;
mod counters;
mod deltas;

pub use accepted::MetricAccepted;
pub use deltas::{Deltas, DeltasOf};
pub(crate) use deltas::{buckets, coarser_index};

use crate::decode::OtlpMetricContext;
use crate::error::IngestError;
use crate::incoming::MetricIncoming;
use crate::ingest::{Ingest, IngestSetupError};
use crate::reason::{Kind, Reason};
use counters::Counters;
use gantry_model::TenantId;
use gantry_store_api::{AppendMetrics, MetricCommit, RejectReason};
use prometheus::Registry;
use std::fmt;
use std::sync::Arc;

/// Everything that receivers of metrics share. Cheap to share in an `Arc`; has no task of its own.
pub struct MetricIngest {
    ingest: Arc<Ingest>,
    append: Arc<dyn AppendMetrics>,
    counters: Counters,
    deltas: Deltas,
}

impl fmt::Debug for MetricIngest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricIngest").field("ingest", &self.ingest).finish_non_exhaustive()
    }
}

impl MetricIngest {
    /// # Errors
    /// When the registry holds metrics of these names already.
    pub fn new(
        ingest: Arc<Ingest>,
        append: Arc<dyn AppendMetrics>,
        registry: &Registry,
    ) -> Result<Arc<Self>, IngestSetupError> {
        let counters = Counters::register(registry)?;
        let options = &ingest.options().otlp_metrics;
        let deltas = Deltas::new(options.delta_series, options.delta_idle);
        Ok(Arc::new(MetricIngest { ingest, append, counters, deltas }))
    }

    /// What logs and metrics share: options, clock, tenants, memory.
    pub fn ingest(&self) -> &Arc<Ingest> {
        &self.ingest
    }

    /// What a request of OTLP is read with.
    pub(crate) fn otlp_context<'a>(&'a self, tenant: &'a TenantId) -> OtlpMetricContext<'a> {
        let now_ms = self.now_ms();
        let options = &self.ingest.options().otlp_metrics;
        OtlpMetricContext { options, deltas: self.deltas.of(tenant, now_ms), now_ms }
    }

    /// Milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> i64 {
        self.ingest.clock().now().nanos().div_euclid(1_000_000)
    }

    /// Stores the samples of a request and returns when they are durable. Samples that break a rule are left out and told
    /// in [`MetricAccepted::refused`]; the others are stored. `source` names the receiver in metrics.
    ///
    /// # Errors
    /// None of the samples is known to be stored: the tenant is reserved or over its rate, or the store refused.
    /// When [`IngestError::is_retryable`], the same samples may be sent again; those that were stored count once.
    pub async fn submit(
        &self,
        tenant: &TenantId,
        source: &'static str,
        incoming: MetricIncoming,
    ) -> Result<MetricAccepted, IngestError> {
        let samples = incoming.batch.sample_count() as u64;
        if incoming.unsupported > 0 {
            self.count_dropped(tenant, source, Reason::UnsupportedValue, incoming.unsupported);
        }
        let outcome = self.store(tenant, source, incoming).await;
        let label = self.ingest.metrics.tenant_label(tenant);
        match &outcome {
            Ok(accepted) => self.counters.accepted(label, source, accepted),
            Err(error) => {
                self.counters.refused(label, source, error.reason, samples);
                self.ingest.metrics.refused_request(source, error.reason);
            }
        }
        outcome
    }

    async fn store(
        &self,
        tenant: &TenantId,
        source: &'static str,
        incoming: MetricIncoming,
    ) -> Result<MetricAccepted, IngestError> {
        let MetricIncoming { batch, mut refused, refused_exemplars, .. } = incoming;
        self.ingest.check_tenant(tenant)?;
        if batch.is_empty() {
            return Ok(MetricAccepted { refused, refused_exemplars, ..MetricAccepted::default() });
        }
        let (size, exemplars) = (batch.size_bytes(), batch.exemplar_count() as u64);
        self.ingest.admit(tenant, size)?;
        let commit = match self.append.append_metrics(tenant, batch).await {
            Ok(commit) => commit,
            Err(error) => {
                self.ingest.refund(tenant, size);
                let refused = IngestError::of_store(&error, "samples");
                if refused.kind() == Kind::Internal {
                    tracing::error!(%tenant, source, %error, "a batch of metrics could not be stored");
                }
                return Err(refused);
            }
        };
        let MetricCommit { samples, histograms, exemplars: stored, rejected, first_rejection, .. } = commit;
        refused.add_counted(rejected.into_iter().map(|(why, count)| (reason(why), count)), first_rejection);
        let refused_exemplars = refused_exemplars + exemplars.saturating_sub(stored);
        Ok(MetricAccepted { samples, histograms, exemplars: stored, refused, refused_exemplars })
    }

    /// Counts samples that were lost with nobody to tell, such as datagrams that came too fast.
    pub fn count_dropped(&self, tenant: &TenantId, source: &'static str, reason: Reason, samples: u64) {
        self.counters.dropped(self.ingest.metrics.tenant_label(tenant), source, reason, samples);
    }
}

fn reason(rejection: RejectReason) -> Reason {
    match rejection {
        RejectReason::OutOfOrder => Reason::OutOfOrder,
        RejectReason::DuplicateTimestamp => Reason::DuplicateTimestamp,
        RejectReason::TooFarInFuture => Reason::TooFarAhead,
        RejectReason::SeriesLimit => Reason::SeriesLimit,
        RejectReason::ChurnLimit => Reason::ChurnLimit,
        RejectReason::LabelLimit => Reason::LabelLimit,
        RejectReason::InvalidHistogram => Reason::InvalidHistogram,
    }
}

#[cfg(test)]
mod tests;
