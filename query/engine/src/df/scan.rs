//! [`ScanExec`]: the leaf of every plan, rows of the store.

use super::source::ScanSource;
use super::{Frontier, leaf_properties, on_children};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::Result;
use datafusion::execution::TaskContext;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PlanProperties, SendableRecordBatchStream,
};
use futures::{StreamExt, TryStreamExt};
use gantry_model::{LineFilter, LineOp};
use gantry_store_api::{LogRows, ScanOrder, ScanReport, rows_schema};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Reads rows in the schema of [`rows_schema`]. Selector, line filters, columns and order are the store's work.
#[derive(Debug)]
pub struct ScanExec {
    source: Arc<ScanSource>,
    frontier: Arc<Frontier>,
    properties: Arc<PlanProperties>,
}

impl ScanExec {
    pub fn new(source: Arc<ScanSource>) -> Self {
        let request = source.request();
        let partitions = match request.order {
            ScanOrder::Any => request.parallelism.max(1),
            ScanOrder::NewestFirst | ScanOrder::OldestFirst => 1,
        };
        let properties = leaf_properties(rows_schema(request.columns), partitions);
        ScanExec { source, frontier: Arc::default(), properties }
    }

    pub fn source(&self) -> &Arc<ScanSource> {
        &self.source
    }

    /// For an ordered scan: the bound of the batch that was read last.
    pub fn frontier(&self) -> &Arc<Frontier> {
        &self.frontier
    }
}

impl ExecutionPlan for ScanExec {
    fn name(&self) -> &str {
        "ScanExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        on_children::<0>(children, |_| self)
    }

    fn reset_state(self: Arc<Self>) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(Arc::new(ScanExec::new(self.source.again())))
    }

    fn execute(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let (source, frontier) = (self.source.clone(), self.frontier.clone());
        let rows = async move { source.partition(partition).await };
        let batch = move |rows: LogRows| {
            frontier.reach(rows.bound);
            rows.batch
        };
        let batches = futures::stream::once(rows).try_flatten().map_ok(batch).map_err(Into::into);
        let schema: SchemaRef = self.schema();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches.fuse())))
    }
}

impl DisplayAs for ScanExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let request = self.source.request();
        write!(f, "ScanExec: selector={}", request.selector)?;
        if !request.lines.is_empty() {
            f.write_str(", lines=[")?;
            for (at, filter) in request.lines.iter().enumerate() {
                f.write_str(if at > 0 { " " } else { "" })?;
                write_filter(filter, f)?;
            }
            f.write_str("]")?;
        }
        let columns = self.properties.eq_properties.schema().fields().iter().map(|field| field.name().as_str());
        write!(f, ", columns=[{}], order={:?}", columns.collect::<Vec<_>>().join(", "), request.order)?;
        self.source.report().map_or(Ok(()), |report| write_report(&report, f))
    }
}

fn write_filter(filter: &LineFilter, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let op = match filter.op {
        LineOp::Contains => "|=",
        LineOp::NotContains => "!=",
        LineOp::Matches => "|~",
        LineOp::NotMatches => "!~",
    };
    let texts: Vec<String> = filter.texts.iter().map(|text| format!("{text:?}")).collect();
    write!(f, "{op} {}", texts.join(" or "))
}

fn write_report(report: &ScanReport, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let (splits, of_splits) = (count(&report.splits_scanned), count(&report.splits_considered));
    let (granules, of_granules) = (count(&report.granules_scanned), count(&report.granules_considered));
    let (rows, of_rows, bytes) =
        (count(&report.rows_returned), count(&report.rows_scanned), count(&report.bytes_scanned));
    write!(f, ", splits={splits}/{of_splits}, granules={granules}/{of_granules}, rows={rows}/{of_rows}, bytes={bytes}")
}
