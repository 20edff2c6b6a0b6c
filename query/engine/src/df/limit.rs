//! [`LogLimitExec`]: the newest or the oldest N rows, in order.

use super::{Frontier, on_children, properties};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringViewArray, UInt64Array};
use datafusion::arrow::compute::{concat_batches, take_record_batch};
use datafusion::arrow::datatypes::{Int64Type, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::EmissionType;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, SendableRecordBatchStream,
};
use futures::StreamExt;
use std::fmt;
use std::sync::Arc;

/// Position of the column `timestamp` in every schema of rows.
const TIMESTAMP: usize = 1;

/// Keeps the best `limit` rows by time; equal times in order of arrival. With a frontier it stops reading as soon as
/// nothing better can come.
#[derive(Debug)]
pub struct LogLimitExec {
    input: Arc<dyn ExecutionPlan>,
    limit: usize,
    newest: bool,
    frontier: Option<Arc<Frontier>>,
    properties: Arc<PlanProperties>,
}

impl LogLimitExec {
    /// `frontier` is that of the scan below, when the scan is ordered the same way and nothing between reads ahead.
    pub fn new(input: Arc<dyn ExecutionPlan>, limit: usize, newest: bool, frontier: Option<Arc<Frontier>>) -> Self {
        let properties = properties(input.schema(), 1, EmissionType::Final);
        LogLimitExec { input, limit, newest, frontier, properties }
    }
}

impl ExecutionPlan for LogLimitExec {
    fn name(&self) -> &str {
        "LogLimitExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        on_children(children, |[input]| Arc::new(LogLimitExec::new(input, self.limit, self.newest, None)))
    }

    fn execute(&self, _: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let mut input = self.input.execute(0, context.clone())?;
        let memory = MemoryConsumer::new("LogLimitExec").register(context.memory_pool());
        let mut best = Best { limit: self.limit, newest: self.newest, kept: Vec::new(), rows: 0, cutoff: None, memory };
        let (frontier, schema) = (self.frontier.clone(), self.schema());
        let answer = async move {
            while let Some(batch) = input.next().await {
                best.add(&batch?)?;
                let bound = frontier.as_ref().and_then(|frontier| frontier.bound());
                if bound.is_some_and(|bound| best.is_settled(bound.nanos())) {
                    break;
                }
            }
            best.finish(&schema)
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), futures::stream::once(answer))))
    }
}

impl DisplayAs for LogLimitExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = if self.newest { "newest" } else { "oldest" };
        write!(f, "LogLimitExec: {order} {}, early_stop={}", self.limit, self.frontier.is_some())
    }
}

/// The best rows so far, in small batches of their own memory.
struct Best {
    limit: usize,
    newest: bool,
    kept: Vec<RecordBatch>,
    rows: usize,
    /// When `limit` rows are kept: the time of the worst of them.
    cutoff: Option<i64>,
    memory: MemoryReservation,
}

impl Best {
    /// Small for what is wanted.
    fn rank(&self, timestamp: i64) -> i64 {
        if self.newest { timestamp.wrapping_neg() } else { timestamp }
    }

    fn is_settled(&self, bound: i64) -> bool {
        self.limit == 0 || self.cutoff.is_some_and(|cutoff| self.rank(bound) >= self.rank(cutoff))
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        let times = batch.column(TIMESTAMP).as_primitive::<Int64Type>().values();
        let better = |time: &i64| self.cutoff.is_none_or(|cutoff| self.rank(*time) < self.rank(cutoff));
        let mut wanted: Vec<u64> = (0u64..).zip(times).filter(|(_, time)| better(time)).map(|(at, _)| at).collect();
        if wanted.len() > self.limit {
            wanted.sort_by_key(|at| self.rank(times[*at as usize]));
            wanted.truncate(self.limit);
            wanted.sort_unstable();
        }
        if wanted.is_empty() {
            return Ok(());
        }
        self.rows += wanted.len();
        self.kept.push(compact(&take_record_batch(batch, &UInt64Array::from(wanted))?)?);
        if self.rows >= 2 * self.limit || (self.cutoff.is_none() && self.rows >= self.limit) {
            self.shrink(&batch.schema())?;
        }
        let bytes = self.kept.iter().map(RecordBatch::get_array_memory_size).sum();
        self.memory.try_resize(bytes)
    }

    /// Sorts what is kept and drops all but `limit` rows.
    fn shrink(&mut self, schema: &SchemaRef) -> Result<()> {
        let all = concat_batches(schema, &self.kept)?;
        let times = all.column(TIMESTAMP).as_primitive::<Int64Type>().values();
        let mut order: Vec<u64> = (0..times.len() as u64).collect();
        order.sort_by_key(|at| self.rank(times[*at as usize]));
        order.truncate(self.limit);
        let full = order.len() == self.limit;
        self.cutoff = order.last().filter(|_| full).map(|at| times[*at as usize]);
        self.rows = order.len();
        self.kept = vec![compact(&take_record_batch(&all, &UInt64Array::from(order))?)?];
        Ok(())
    }

    fn finish(mut self, schema: &SchemaRef) -> Result<RecordBatch> {
        self.shrink(schema)?;
        Ok(self.kept.pop().unwrap_or_else(|| RecordBatch::new_empty(schema.clone())))
    }
}

/// Copies strings that point into large shared buffers, so that a few rows do not keep whole batches alive.
fn compact(batch: &RecordBatch) -> Result<RecordBatch> {
    let own = |column: &ArrayRef| match column.as_any().downcast_ref::<StringViewArray>() {
        Some(strings) => Arc::new(strings.gc()) as ArrayRef,
        None => column.clone(),
    };
    Ok(RecordBatch::try_new(batch.schema(), batch.columns().iter().map(own).collect())?)
}
