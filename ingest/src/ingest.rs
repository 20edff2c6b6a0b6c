//! [`Ingest`]: the one door to the store. Transforms, validates, admits, appends, counts.

use crate::admission::{InFlight, RateLimits, Reservation};
use crate::error::{Accepted, IngestError};
use crate::incoming::Incoming;
use crate::label_cache::LabelCache;
use crate::metrics::Metrics;
use crate::options::{IngestOptions, InvalidOptions};
use crate::reason::{Kind, Reason};
use crate::transform::Transform;
use crate::validate::{Rules, Screened};
use gantry_model::{Clock, TenantId, Timestamp};
use gantry_store_api::Append;
use prometheus::Registry;
use std::fmt;
use std::sync::Arc;

mod transformed;

/// Everything that receivers and collectors share. Cheap to share in an `Arc`; has no task of its own.
pub struct Ingest {
    options: IngestOptions,
    append: Arc<dyn Append>,
    clock: Arc<dyn Clock>,
    rates: RateLimits,
    in_flight: InFlight,
    labels: LabelCache,
    transform: Option<Arc<dyn Transform>>,
    pub(crate) metrics: Metrics,
}

/// Why an [`Ingest`] could not be made.
#[derive(Debug, thiserror::Error)]
pub enum IngestSetupError {
    #[error(transparent)]
    Options(#[from] InvalidOptions),
    #[error("metrics of ingest could not be registered: {0}")]
    Metrics(#[from] prometheus::Error),
}

impl fmt::Debug for Ingest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ingest").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Ingest {
    /// # Errors
    /// When options contradict each other, or the registry holds metrics of these names already.
    pub fn new(
        options: IngestOptions,
        append: Arc<dyn Append>,
        clock: Arc<dyn Clock>,
        registry: &Registry,
    ) -> Result<Arc<Self>, IngestSetupError> {
        Self::with_transform(options, append, clock, registry, None)
    }

    /// As [`Ingest::new`], for lines that `transform` changes first.
    ///
    /// # Errors
    /// Those of [`Ingest::new`].
    pub fn with_transform(
        options: IngestOptions,
        append: Arc<dyn Append>,
        clock: Arc<dyn Clock>,
        registry: &Registry,
        transform: Option<Arc<dyn Transform>>,
    ) -> Result<Arc<Self>, IngestSetupError> {
        options.check()?;
        let metrics = Metrics::register(registry, options.metric_tenants)?;
        Ok(Arc::new(Ingest {
            rates: RateLimits::new(options.tenant_bytes_per_second, options.tenant_burst_bytes),
            in_flight: InFlight::new(options.max_in_flight_bytes, metrics.in_flight_bytes.clone()),
            labels: LabelCache::new(options.label_cache_entries, metrics.label_cache_misses.clone()),
            transform,
            options,
            append,
            clock,
            metrics,
        }))
    }

    /// Stores the lines of a request and returns when they are durable. Lines that break a rule are left out and told
    /// in [`Accepted::refused`]; the others are stored. `source` names the receiver or collector in metrics.
    ///
    /// # Errors
    /// None of the lines is known to be stored: the tenant is reserved or over its rate, or the store refused.
    /// When [`IngestError::is_retryable`], the same lines may be sent again; those that were stored count once.
    pub async fn submit(
        &self,
        tenant: &TenantId,
        source: &'static str,
        incoming: impl Into<Incoming>,
    ) -> Result<Accepted, IngestError> {
        let incoming = incoming.into();
        let (lines, bytes) = (incoming.batch.line_count() as u64, incoming.batch.text_bytes() as u64);
        self.metrics.invalid_utf8(source, incoming.invalid_utf8);
        let outcome = match self.transform.as_deref().filter(|transform| transform.is_for(source)) {
            Some(transform) => self.store_transformed(transform, tenant, source, incoming).await,
            None => self.store(tenant, source, incoming).await.inspect(|accepted| self.count(tenant, source, accepted)),
        };
        if let Err(error) = &outcome {
            self.metrics.refused_all(tenant, source, error.reason, lines, bytes);
        }
        outcome
    }

    fn count(&self, tenant: &TenantId, source: &'static str, accepted: &Accepted) {
        self.metrics.accepted(tenant, source, accepted.lines, accepted.bytes);
        self.metrics.refused(tenant, source, &accepted.refused);
    }

    async fn store(
        &self,
        tenant: &TenantId,
        source: &'static str,
        incoming: Incoming,
    ) -> Result<Accepted, IngestError> {
        self.check_tenant(tenant)?;
        self.admit(tenant, incoming.batch.text_bytes())?;
        self.keep(tenant, source, incoming, self.clock.now()).await
    }

    /// Stores lines that were admitted; when that fails, they are as if they never had been.
    async fn keep(
        &self,
        tenant: &TenantId,
        source: &'static str,
        incoming: Incoming,
        now: Timestamp,
    ) -> Result<Accepted, IngestError> {
        let size = incoming.batch.text_bytes();
        let Incoming { batch, mut refused, .. } = incoming;
        let screened = Rules::at(&self.options, now).screen(batch);
        let Screened { batch, refused: screened_out, truncated_lines, truncated_bytes } = screened;
        refused.merge(screened_out);
        let (lines, bytes) = (batch.line_count() as u64, batch.text_bytes() as u64);
        if lines > 0
            && let Err(error) = self.append.append(tenant, batch).await
        {
            self.refund(tenant, size);
            let refused = IngestError::from(&error);
            if refused.kind() == Kind::Internal {
                tracing::error!(%tenant, source, %error, "a batch could not be stored");
            }
            return Err(refused);
        }
        self.metrics.truncated(tenant, source, truncated_lines, truncated_bytes);
        Ok(Accepted { lines, bytes, refused })
    }

    /// # Errors
    /// `reserved_tenant` when only Gantry itself writes there.
    pub fn check_tenant(&self, tenant: &TenantId) -> Result<(), IngestError> {
        if tenant.is_reserved() {
            let message = format!("tenant {tenant} is reserved: names that start with '_' are read-only for clients");
            return Err(IngestError::new(Reason::ReservedTenant, message));
        }
        Ok(())
    }

    /// Gives back what [`Ingest::admit`] took for something that was not stored.
    pub(crate) fn refund(&self, tenant: &TenantId, bytes: usize) {
        self.rates.refund(tenant, bytes);
    }

    /// Takes bytes from what the tenant may send.
    pub(crate) fn admit(&self, tenant: &TenantId, bytes: usize) -> Result<(), IngestError> {
        self.rates.admit(tenant, bytes, self.clock.now()).map_err(|wait| {
            let rate = self.options.tenant_bytes_per_second;
            let message = format!("tenant {tenant} is over its {rate} bytes per second; send again later");
            IngestError::new(Reason::RateLimited, message).retry_after(wait)
        })
    }

    /// Counts lines that were lost with nobody to tell, such as datagrams that came too fast.
    pub fn count_dropped(&self, tenant: &TenantId, source: &'static str, reason: Reason, lines: u64, bytes: u64) {
        self.metrics.dropped(tenant, source, reason, lines, bytes);
    }

    /// An empty share of the memory for requests in flight; it grows as the request does.
    pub fn reserve(&self) -> Reservation {
        self.in_flight.reserve()
    }

    pub fn options(&self) -> &IngestOptions {
        &self.options
    }

    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) fn labels(&self) -> &LabelCache {
        &self.labels
    }
}

#[cfg(test)]
mod tests;
