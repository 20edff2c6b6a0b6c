//! [`LabelColumnsExec`]: from rows that name their stream by number to the columns of the table `logs`.

use super::source::ScanSource;
use super::table::Source;
use super::{ScanExec, on_children, properties};
use crate::QueryError;
use datafusion::arrow::array::{
    ArrayRef, AsArray, DictionaryArray, Int32Array, RecordBatch, RecordBatchOptions, StringArray, StringViewArray,
    UInt32Array,
};
use datafusion::arrow::compute::{cast, take};
use datafusion::arrow::datatypes::{DataType, Int32Type, Int64Type, Schema, SchemaRef, TimeUnit, UInt32Type};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::TaskContext;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::execution_plan::EmissionType;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, PlanProperties, SendableRecordBatchStream,
};
use futures::{StreamExt, TryStreamExt};
use gantry_model::{LabelSet, metadata};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Puts labels into columns: once per stream, then a lookup per row.
#[derive(Debug)]
pub struct LabelColumnsExec {
    input: Arc<dyn ExecutionPlan>,
    source: Arc<ScanSource>,
    outputs: Vec<Source>,
    properties: Arc<PlanProperties>,
}

impl LabelColumnsExec {
    /// `input` reads `source`, perhaps through nodes that DataFusion put between.
    pub fn new(input: Arc<dyn ExecutionPlan>, source: Arc<ScanSource>, outputs: Vec<Source>) -> Self {
        let schema = Arc::new(Schema::new(outputs.iter().map(Source::field).collect::<Vec<_>>()));
        let properties = properties(schema, input.output_partitioning().partition_count(), EmissionType::Incremental);
        LabelColumnsExec { input, source, outputs, properties }
    }
}

impl ExecutionPlan for LabelColumnsExec {
    fn name(&self) -> &str {
        "LabelColumnsExec"
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
        on_children(children, |[input]| {
            let source = find_scan(&input).map_or_else(|| self.source.clone(), |scan| scan.source().clone());
            Arc::new(LabelColumnsExec::new(input, source, self.outputs.clone()))
        })
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let (source, outputs, schema) = (self.source.clone(), self.outputs.clone(), self.schema());
        let expanded = async move {
            let expand = Expand::new(&source.streams().await?, outputs, schema)?;
            Ok::<_, DataFusionError>(input.map(move |rows| expand.batch(&rows?)))
        };
        let stream = futures::stream::once(expanded).try_flatten();
        Ok(Box::pin(RecordBatchStreamAdapter::new(self.schema(), stream)))
    }
}

impl DisplayAs for LabelColumnsExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.outputs.iter().map(|output| output.field().name().clone()).collect();
        write!(f, "LabelColumnsExec: columns=[{}]", names.join(", "))
    }
}

/// The scan at the bottom of a chain.
fn find_scan(plan: &Arc<dyn ExecutionPlan>) -> Option<&ScanExec> {
    plan.downcast_ref::<ScanExec>().or_else(|| plan.children().into_iter().find_map(find_scan))
}

/// One output column, prepared.
enum Column {
    /// A column of the rows as it is.
    Rows(&'static str),
    Timestamp,
    /// Per stream: the label set as JSON.
    Labels(StringViewArray),
    /// Per stream: the position of its value; the values.
    Label(Int32Array, Arc<StringArray>),
}

struct Expand {
    columns: Vec<Column>,
    schema: SchemaRef,
}

impl Expand {
    fn new(streams: &[LabelSet], outputs: Vec<Source>, schema: SchemaRef) -> Result<Self, QueryError> {
        let column = |output| match output {
            Source::Timestamp => Column::Timestamp,
            Source::Body => Column::Rows("body"),
            Source::Metadata => Column::Rows("metadata"),
            Source::Labels => Column::Labels(streams.iter().map(|labels| Some(json(labels))).collect()),
            Source::Label(name) => label_column(streams, &name),
        };
        Ok(Expand { columns: outputs.into_iter().map(column).collect(), schema })
    }

    fn batch(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let streams = rows.column(0).as_primitive::<UInt32Type>();
        let columns = self.columns.iter().map(|column| column.expand(rows, streams)).collect::<Result<Vec<_>>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        Ok(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?)
    }
}

impl Column {
    fn expand(&self, rows: &RecordBatch, streams: &UInt32Array) -> Result<ArrayRef> {
        Ok(match self {
            Column::Rows(name) => {
                let column = rows.column_by_name(name);
                column.cloned().ok_or_else(|| DataFusionError::Internal(format!("rows lack the column {name}")))?
            }
            Column::Timestamp => {
                let nanos = rows.column(1).as_primitive::<Int64Type>();
                let utc = DataType::Timestamp(TimeUnit::Nanosecond, Some("+00:00".into()));
                cast(nanos, &utc)?
            }
            Column::Labels(json) => take(json, streams, None)?,
            Column::Label(positions, values) => {
                let keys = take(positions, streams, None)?;
                let keys = keys.as_primitive::<Int32Type>().clone();
                Arc::new(DictionaryArray::try_new(keys, values.clone())?)
            }
        })
    }
}

fn label_column(streams: &[LabelSet], name: &str) -> Column {
    let mut seen: HashMap<&str, i32> = HashMap::new();
    let mut values = Vec::new();
    let position = |labels| {
        let value = LabelSet::get(labels, name)?;
        Some(*seen.entry(value).or_insert_with(|| {
            values.push(value);
            values.len() as i32 - 1
        }))
    };
    let positions: Int32Array = streams.iter().map(position).collect();
    Column::Label(positions, Arc::new(StringArray::from(values)))
}

/// Labels as one object.
pub(super) fn json(labels: &LabelSet) -> String {
    let mut text = String::new();
    metadata::encode(labels.iter(), &mut text);
    if text.is_empty() { "{}".into() } else { text }
}
