//! [`PipelineExec`]: keeps the rows whose line passes the stages of a pipeline.

use super::{on_children, properties};
use crate::logql::Runner;
use datafusion::arrow::array::{AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::{Int64Type, UInt32Type};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::EmissionType;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties, SendableRecordBatchStream,
};
use futures::StreamExt;
use gantry_model::Timestamp;
use std::fmt;
use std::sync::Arc;

/// Drops rows; those that stay are as they were stored. What the stages make of a line is worked out again for the few
/// that reach the answer, which is cheaper than carrying labels through the plan.
#[derive(Debug)]
pub struct PipelineExec {
    input: Arc<dyn ExecutionPlan>,
    runner: Runner,
    properties: Arc<PlanProperties>,
}

impl PipelineExec {
    /// `input` has the columns stream, timestamp, body, metadata.
    pub fn new(input: Arc<dyn ExecutionPlan>, runner: Runner) -> Self {
        let partitions = input.output_partitioning().partition_count();
        let properties = properties(input.schema(), partitions, EmissionType::Incremental);
        PipelineExec { input, runner, properties }
    }
}

impl ExecutionPlan for PipelineExec {
    fn name(&self) -> &str {
        "PipelineExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        on_children(children, |[input]| Arc::new(PipelineExec::new(input, self.runner.clone())))
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let mut runner = self.runner.clone();
        let kept = input.map(move |batch| keep(&batch?, &mut runner));
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), kept)))
    }
}

/// Empty batches are passed on: whoever watches the frontier of the scan wants to hear of them.
fn keep(batch: &RecordBatch, runner: &mut Runner) -> Result<RecordBatch> {
    let streams = batch.column(0).as_primitive::<UInt32Type>().values();
    let times = batch.column(1).as_primitive::<Int64Type>().values();
    let (bodies, metadata) = (batch.column(2).as_string_view(), batch.column(3).as_string_view());
    let passes = |at: usize| runner.passes(streams[at], Timestamp(times[at]), bodies.value(at), metadata.value(at));
    let mask: BooleanArray = (0..batch.num_rows()).map(passes).map(Some).collect();
    Ok(filter_record_batch(batch, &mask)?)
}

impl DisplayAs for PipelineExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PipelineExec: {}", self.runner.text())
    }
}
