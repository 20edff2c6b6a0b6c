//! [`QueryEngine`]: what all queries share: the store, the clock, slots, memory and deadlines.

use crate::admission::{Admission, Limits, Permit};
use crate::metrics::Metrics;
use crate::pool::Pool;
use crate::results::ResultCache;
use crate::{QueryError, QueryOptions};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use gantry_model::{Clock, TenantId, Timestamp};
use gantry_store_api::{QueryMetrics, Queryable, ScanReport, Tail};
use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use tokio::sync::Semaphore;
use tokio::time::timeout_at;

/// Answers queries. Cheap to share; dropping a future of its methods cancels the work.
pub struct QueryEngine {
    pub(crate) options: QueryOptions,
    pub(crate) store: Arc<dyn Queryable>,
    pub(crate) samples: Arc<dyn QueryMetrics>,
    pub(crate) tails: Arc<dyn Tail>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) started: Timestamp,
    pub(crate) metrics: Metrics,
    pub(crate) runtime: Arc<RuntimeEnv>,
    /// Values of LogQL's range aggregations.
    pub(crate) results: ResultCache<gantry_query_eval::metric::Series>,
    /// Answers of PromQL's range queries.
    pub(crate) promql_results: ResultCache<gantry_promql::Series>,
    pub(crate) tail_slots: Arc<Semaphore>,
    admission: Arc<Admission>,
}

/// The right to run one query, given back when dropped, and until when.
#[derive(Debug)]
pub(crate) struct Slot {
    pub deadline: tokio::time::Instant,
    _permit: Permit,
}

impl QueryEngine {
    /// Fails when the metrics are registered already or the memory pool cannot be made.
    pub fn new(
        options: QueryOptions,
        store: Arc<dyn Queryable>,
        samples: Arc<dyn QueryMetrics>,
        tails: Arc<dyn Tail>,
        clock: Arc<dyn Clock>,
        registry: &prometheus::Registry,
    ) -> Result<Arc<Self>, QueryError> {
        let metrics = Metrics::new(registry).map_err(|error| QueryError::Internal(error.to_string()))?;
        let pool = Arc::new(Pool::new(options.memory_bytes));
        let runtime = RuntimeEnvBuilder::new().with_memory_pool(pool).with_disk_manager_builder(spill(&options)?);
        let runtime = runtime.build_arc()?;
        let tail_slots = options.max_tails;
        let limits = Limits {
            running: options.slots(),
            running_of_tenant: options.slots_of_tenant(),
            waiting: options.max_queued,
        };
        Ok(Arc::new(QueryEngine {
            results: ResultCache::new(options.result_cache_bytes / 2),
            promql_results: ResultCache::new(options.result_cache_bytes / 2),
            options,
            store,
            samples,
            tails,
            started: clock.now(),
            clock,
            metrics,
            runtime,
            tail_slots: Arc::new(Semaphore::new(tail_slots)),
            admission: Admission::new(limits),
        }))
    }

    pub fn options(&self) -> &QueryOptions {
        &self.options
    }

    pub(crate) fn count_cached_bytes(&self) {
        self.metrics.cached_bytes.set((self.results.used() + self.promql_results.used()) as i64);
    }

    /// Runs `work` in a slot of the tenant and within the deadline, and counts it under `kind`.
    pub(crate) async fn guarded<T>(
        &self,
        kind: &str,
        tenant: &TenantId,
        work: impl Future<Output = Result<T, QueryError>>,
    ) -> Result<T, QueryError> {
        let started = Instant::now();
        let run = async {
            let slot = self.slot(tenant).await?;
            timeout_at(slot.deadline, work).await.map_err(|_| QueryError::Timeout)?
        };
        let answer = run.await;
        self.count(kind, started, answer.as_ref().err());
        answer
    }

    /// Waits for a slot; refuses at once when too many wait already.
    pub(crate) async fn slot(&self, tenant: &TenantId) -> Result<Slot, QueryError> {
        let deadline = tokio::time::Instant::now() + self.options.timeout;
        let permit = self.admission.enter(tenant, deadline).await?;
        Ok(Slot { deadline, _permit: permit })
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
        self.metrics.queued.set(self.admission.waiting() as i64);
        self.metrics.queries.with_label_values(&[kind, outcome]).inc();
        self.metrics.duration.with_label_values(&[kind]).observe(started.elapsed().as_secs_f64());
    }

    pub(crate) fn count_scan(&self, report: &ScanReport) {
        self.metrics.scanned_bytes.inc_by(report.bytes_scanned.load(Ordering::Relaxed));
        self.metrics.scanned_rows.inc_by(report.rows_scanned.load(Ordering::Relaxed));
    }
}

/// Name of our own directory in the one that is configured: only this is ever emptied.
const SPILL: &str = "gantry-spill";

/// An empty directory for intermediate results; without one, that of the operating system.
fn spill(options: &QueryOptions) -> Result<DiskManagerBuilder, QueryError> {
    let builder = DiskManagerBuilder::default().with_max_temp_directory_size(options.spill_bytes);
    let Some(dir) = options.spill_dir.as_ref().map(|dir| dir.join(SPILL)) else { return Ok(builder) };
    let failed = |error: io::Error| QueryError::Internal(format!("the directory {}: {error}", dir.display()));
    if dir.exists() {
        std::fs::remove_dir_all(&dir).map_err(failed)?;
    }
    std::fs::create_dir_all(&dir).map_err(failed)?;
    Ok(builder.with_mode(DiskManagerMode::Directories(vec![dir.clone()])))
}

impl fmt::Debug for QueryEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueryEngine").field("options", &self.options).finish_non_exhaustive()
    }
}
