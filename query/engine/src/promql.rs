//! PromQL over the metrics of a tenant: samples are fetched while a thread of its own evaluates.

mod kept;

use crate::{QueryEngine, QueryError};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use gantry_model::metric::Samples;
use gantry_model::{LabelSet, TenantId};
use gantry_promql::memory::Memory;
use gantry_promql::{
    Answer, Cell, EvalError, Overlay, Params, Select, Series, SeriesSet, Source, SourceError, Steps, Value, evaluate,
};
use gantry_query_lang::promql::Expr;
use gantry_store_api::{MetricQuerier, MillisRange, SelectSeries, StoreError};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// An answer, and what is to be said about it.
#[derive(Clone, Debug)]
pub struct PromqlAnswer {
    pub answer: Answer,
    /// What could not be read.
    pub damage: Vec<String>,
}

/// Series in place of stored ones.
#[derive(Clone)]
pub struct Over {
    pub series: Arc<Memory>,
    /// Which stored series are not seen.
    pub replaced: Arc<dyn Fn(&LabelSet) -> bool + Send + Sync>,
}

impl std::fmt::Debug for Over {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Over").field("series", &self.series).finish_non_exhaustive()
    }
}

impl QueryEngine {
    /// Evaluates a query; `text` is what `expr` was read from. A `fresh` answer is computed from samples alone. Dropping the
    /// future stops the evaluation.
    pub async fn promql(
        &self,
        tenant: &TenantId,
        text: &str,
        expr: Expr,
        params: Params,
        fresh: bool,
    ) -> Result<PromqlAnswer, QueryError> {
        let expr = Arc::new(expr);
        self.guarded("promql", tenant, async {
            if fresh {
                self.computed_promql(tenant, text, expr, params, None).await
            } else {
                self.kept_promql(tenant, text, expr, params).await
            }
        })
        .await
    }

    /// The answer of a query at many instants (milliseconds since 1970), with series that stand in place of stored ones. A
    /// scalar is one series without labels.
    ///
    /// # Errors
    /// As for every query; and when the answer is a string or a range vector.
    pub async fn promql_over(
        &self,
        tenant: &TenantId,
        text: &str,
        steps: Steps,
        over: Over,
    ) -> Result<Vec<Series>, QueryError> {
        let expr = Arc::new(self.parse_promql(text)?);
        let params = self.promql_params(steps, false);
        let computed = self.computed_promql(tenant, text, expr, params, Some(over));
        match self.guarded("promql", tenant, computed).await?.answer.value {
            Value::Vector(series) => Ok(series),
            Value::Scalar(values) => {
                let cells = values.into_iter().map(Cell::Float).collect();
                Ok(vec![Series { labels: LabelSet::default(), cells }])
            }
            Value::String(_) | Value::Matrix(_) => {
                Err(QueryError::invalid("the answer is neither a scalar nor an instant vector"))
            }
        }
    }

    async fn computed_promql(
        &self,
        tenant: &TenantId,
        text: &str,
        expr: Arc<Expr>,
        params: Params,
        over: Option<Over>,
    ) -> Result<PromqlAnswer, QueryError> {
        let stored = Stored {
            querier: self.samples.metric_querier(tenant),
            runtime: tokio::runtime::Handle::current(),
            max_bytes: self.options.max_scan_bytes,
            memory: Mutex::new(MemoryConsumer::new("promql").register(&self.runtime.memory_pool)),
            damage: Mutex::default(),
            failed: Mutex::default(),
        };
        let stop = StopOnDrop(Arc::default());
        let (cancelled, text) = (stop.0.clone(), text.to_owned());
        let evaluated = tokio::task::spawn_blocking(move || {
            let answer = match &over {
                None => evaluate(&expr, &text, params, &stored, &cancelled),
                Some(Over { series, replaced }) => {
                    let both = Overlay { below: &stored, above: series, replaced: &**replaced };
                    evaluate(&expr, &text, params, &both, &cancelled)
                }
            };
            (answer, stored)
        });
        let (answer, stored) = evaluated.await.map_err(|error| QueryError::Internal(error.to_string()))?;
        match answer {
            Ok(answer) => Ok(PromqlAnswer { answer, damage: stored.damage.into_inner() }),
            Err(error) => Err(refusal(error, stored.failed.into_inner())),
        }
    }
}

/// What failed in the store goes to the operator as it was.
fn refusal(error: EvalError, failed: Option<StoreError>) -> QueryError {
    match (error, failed) {
        (EvalError::Source(_), Some(error)) => QueryError::Store(error),
        (EvalError::Cancelled, _) => QueryError::Timeout,
        (error, _) => QueryError::Budget(error.to_string()),
    }
}

/// Tells the evaluation that nobody waits any more.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Series of the store, for a thread that may block.
struct Stored {
    querier: Arc<dyn MetricQuerier>,
    runtime: tokio::runtime::Handle,
    max_bytes: u64,
    /// What the evaluation keeps.
    memory: Mutex<MemoryReservation>,
    damage: Mutex<Vec<String>>,
    failed: Mutex<Option<StoreError>>,
}

impl Source for Stored {
    fn select(&self, request: &Select) -> Result<Arc<dyn SeriesSet>, SourceError> {
        let request = SelectSeries {
            selector: request.selector.clone(),
            range: MillisRange { first: request.first_ms, last: request.last_ms },
            step_ms: request.step_ms,
            max_bytes: self.max_bytes,
        };
        match self.runtime.block_on(self.querier.select(&request)) {
            Ok(set) => {
                self.damage.lock().extend(set.warnings());
                Ok(Arc::new(Set(set)))
            }
            Err(error) => {
                let text = SourceError(error.to_string());
                *self.failed.lock() = Some(error);
                Err(text)
            }
        }
    }

    fn take_memory(&self, bytes: usize) -> bool {
        self.memory.lock().try_grow(bytes).is_ok()
    }
}

struct Set(Arc<dyn gantry_store_api::SeriesSet>);

impl SeriesSet for Set {
    fn labels(&self) -> &[LabelSet] {
        self.0.labels()
    }

    fn read(&self, series: usize, into: &mut Samples) -> Result<(), SourceError> {
        self.0.read(series, into).map_err(|error| SourceError(error.to_string()))
    }
}
