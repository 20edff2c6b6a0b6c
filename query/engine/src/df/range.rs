//! [`RangeAggExec`]: from lines to the points of series.

use super::partial::{Partial, RangeJob};
use super::{on_children, properties};
use crate::QueryError;
use datafusion::arrow::array::{Array, AsArray, Float64Builder, ListBuilder, RecordBatch, StringViewBuilder};
use datafusion::arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::EmissionType;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties, SendableRecordBatchStream,
};
use futures::StreamExt;
use gantry_model::metadata;
use gantry_query_eval::Labels;
use gantry_query_eval::metric::{Series, Table};
use std::fmt;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Aggregates each partition of its input in a task of its own, then merges them. One row per series: its labels as
/// JSON, and its value, or none, at each step.
#[derive(Debug)]
pub struct RangeAggExec {
    input: Arc<dyn ExecutionPlan>,
    job: Arc<RangeJob>,
    properties: Arc<PlanProperties>,
}

fn schema() -> SchemaRef {
    let points = DataType::List(Arc::new(Field::new_list_field(DataType::Float64, true)));
    let fields = vec![Field::new("labels", DataType::Utf8View, false), Field::new("points", points, false)];
    Arc::new(Schema::new(fields))
}

impl RangeAggExec {
    pub fn new(input: Arc<dyn ExecutionPlan>, job: Arc<RangeJob>) -> Self {
        RangeAggExec { input, job, properties: properties(schema(), 1, EmissionType::Final) }
    }
}

impl ExecutionPlan for RangeAggExec {
    fn name(&self) -> &str {
        "RangeAggExec"
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
        on_children(children, |[input]| Arc::new(RangeAggExec::new(input, self.job.clone())))
    }

    fn execute(&self, _: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let partitions = self.input.output_partitioning().partition_count();
        let inputs = (0..partitions).map(|at| self.input.execute(at, context.clone())).collect::<Result<Vec<_>>>()?;
        let job = self.job.clone();
        let answer = async move {
            let mut tasks = JoinSet::new();
            let mut partials: Vec<Option<Partial>> = inputs.iter().map(|_| None).collect();
            for (at, input) in inputs.into_iter().enumerate() {
                let memory = MemoryConsumer::new("RangeAggExec").register(context.memory_pool());
                let partial = Partial::new(job.clone(), memory)?;
                tasks.spawn(async move { (at, aggregate(input, partial).await) });
            }
            while let Some(done) = tasks.join_next().await {
                let (at, partial) = done.map_err(|panic| QueryError::Internal(panic.to_string()))?;
                partials[at] = Some(partial?);
            }
            write(&merged(partials)?)
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), futures::stream::once(answer))))
    }
}

/// Merged in the order of the partitions, so that the same question gives the same digits.
fn merged(partials: Vec<Option<Partial>>) -> Result<Table> {
    let mut partials = partials.into_iter().flatten();
    let Some(mut first) = partials.next() else { return Ok(Table::default()) };
    partials.try_for_each(|partial| first.merge(partial))?;
    Ok(first.finish())
}

async fn aggregate(mut input: SendableRecordBatchStream, mut partial: Partial) -> Result<Partial> {
    while let Some(batch) = input.next().await {
        partial.add(&batch?)?;
    }
    Ok(partial)
}

impl DisplayAs for RangeAggExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RangeAggExec: partitions={}, {}", self.input.output_partitioning().partition_count(), self.job)
    }
}

fn write(table: &Table) -> Result<RecordBatch> {
    let mut labels = StringViewBuilder::new();
    let mut points = ListBuilder::new(Float64Builder::new());
    let mut encoded = String::new();
    for series in &table.series {
        encoded.clear();
        metadata::encode(series.labels.iter(), &mut encoded);
        labels.append_value(&encoded);
        series.points.iter().for_each(|point| points.values().append_option(*point));
        points.append(true);
    }
    let columns: Vec<Arc<dyn Array>> = vec![Arc::new(labels.finish()), Arc::new(points.finish())];
    RecordBatch::try_new(schema(), columns).map_err(DataFusionError::from)
}

/// The series that a finished plan gave.
pub fn read_series(batches: &[RecordBatch]) -> Table {
    let mut table = Table::default();
    for batch in batches {
        let (labels, points) = (batch.column(0).as_string_view(), batch.column(1).as_list::<i32>());
        for row in 0..batch.num_rows() {
            let labels: Labels = metadata::iter(labels.value(row)).collect();
            let points = points.value(row).as_primitive::<Float64Type>().iter().collect();
            table.series.push(Series { labels, points });
        }
    }
    table
}
