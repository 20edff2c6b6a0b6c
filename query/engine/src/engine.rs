//! [`QueryEngine`]: what all queries share: the store, the clock, slots, memory and deadlines.

use crate::metrics::Metrics;
use crate::{QueryError, QueryOptions};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use gantry_model::Clock;
use gantry_store_api::{Queryable, ScanReport, Tail};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout_at;

/// Answers queries. Cheap to share; dropping a future of its methods cancels the work.
pub struct QueryEngine {
    pub(crate) options: QueryOptions,
    pub(crate) store: Arc<dyn Queryable>,
    pub(crate) tails: Arc<dyn Tail>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) metrics: Metrics,
    pub(crate) runtime: Arc<RuntimeEnv>,
    pub(crate) tail_slots: Arc<Semaphore>,
    /// Running and waiting queries.
    admitted: Arc<Semaphore>,
    /// Running queries.
    running: Arc<Semaphore>,
}

/// The right to run one query, given back when dropped, and until when.
#[derive(Debug)]
pub(crate) struct Slot {
    pub deadline: tokio::time::Instant,
    _permits: (OwnedSemaphorePermit, OwnedSemaphorePermit),
}

impl QueryEngine {
    /// Fails when the metrics are registered already or the memory pool cannot be made.
    pub fn new(
        options: QueryOptions,
        store: Arc<dyn Queryable>,
        tails: Arc<dyn Tail>,
        clock: Arc<dyn Clock>,
        registry: &prometheus::Registry,
    ) -> Result<Arc<Self>, QueryError> {
        let metrics = Metrics::new(registry).map_err(|error| QueryError::Internal(error.to_string()))?;
        let pool = Arc::new(FairSpillPool::new(options.memory_bytes));
        let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).build_arc()?;
        let (slots, queued, tail_slots) = (options.slots(), options.max_queued, options.max_tails);
        Ok(Arc::new(QueryEngine {
            options,
            store,
            tails,
            clock,
            metrics,
            runtime,
            tail_slots: Arc::new(Semaphore::new(tail_slots)),
            admitted: Arc::new(Semaphore::new(slots + queued)),
            running: Arc::new(Semaphore::new(slots)),
        }))
    }

    pub fn options(&self) -> &QueryOptions {
        &self.options
    }

    /// Runs `work` in a slot and within the deadline, and counts it under `kind`.
    pub(crate) async fn guarded<T>(
        &self,
        kind: &str,
        work: impl Future<Output = Result<T, QueryError>>,
    ) -> Result<T, QueryError> {
        let started = Instant::now();
        let run = async {
            let slot = self.slot().await?;
            timeout_at(slot.deadline, work).await.map_err(|_| QueryError::Timeout)?
        };
        let answer = run.await;
        self.count(kind, started, answer.as_ref().err());
        answer
    }

    /// Waits for a slot; refuses at once when too many wait already.
    pub(crate) async fn slot(&self) -> Result<Slot, QueryError> {
        let deadline = tokio::time::Instant::now() + self.options.timeout;
        let admitted = self.admitted.clone().try_acquire_owned().map_err(|_| QueryError::Overloaded)?;
        let running = timeout_at(deadline, self.running.clone().acquire_owned()).await;
        let running = running.map_err(|_| QueryError::Overloaded)?.map_err(|_| QueryError::Overloaded)?;
        Ok(Slot { deadline, _permits: (admitted, running) })
    }

    pub(crate) fn count(&self, kind: &str, started: Instant, error: Option<&QueryError>) {
        let outcome = match error {
            None => "ok",
            Some(QueryError::Invalid(_)) => "invalid",
            Some(QueryError::Budget(_)) => "budget",
            Some(QueryError::Timeout) => "timeout",
            Some(QueryError::Overloaded) => "overloaded",
            Some(QueryError::Store(_) | QueryError::Internal(_)) => "error",
        };
        self.metrics.queries.with_label_values(&[kind, outcome]).inc();
        self.metrics.duration.with_label_values(&[kind]).observe(started.elapsed().as_secs_f64());
    }

    pub(crate) fn count_scan(&self, report: &ScanReport) {
        self.metrics.scanned_bytes.inc_by(report.bytes_scanned.load(Ordering::Relaxed));
        self.metrics.scanned_rows.inc_by(report.rows_scanned.load(Ordering::Relaxed));
    }
}

impl fmt::Debug for QueryEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryEngine").field("options", &self.options).finish_non_exhaustive()
    }
}
