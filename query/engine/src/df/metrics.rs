//! [`MetricsTable`]: the samples of one tenant as the SQL table `metrics`, a row for each sample.

use super::filters::{self, Pushed};
use super::samples::{Output, Part, Samples};
use super::table::{BODY, LogsColumns, Source, TIMESTAMP};
use crate::QueryError;
use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::datasource::{TableProvider, TableType};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use gantry_model::metric::METRIC_NAME;
use gantry_model::{Selector, TenantId, TimeRange};
use gantry_store_api::{MillisRange, QueryMetrics, SelectSeries};
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

/// Columns before those of labels. `count` and `sum` are those of native histograms, whose `value` is NULL.
const FIXED: [&str; 6] = [TIMESTAMP, "name", "value", "count", "sum", "labels"];

/// Table provider over a store of metrics: conditions on time and labels go down to it, and only the columns asked for.
pub struct MetricsTable {
    store: Arc<dyn QueryMetrics>,
    tenant: TenantId,
    max_bytes: u64,
    outputs: Vec<Output>,
    schema: SchemaRef,
    /// What conditions may name.
    conditions: LogsColumns,
}

impl MetricsTable {
    /// `max_bytes`: budget of one scan.
    pub async fn open(store: Arc<dyn QueryMetrics>, tenant: TenantId, max_bytes: u64) -> Result<Self, QueryError> {
        let names = store.metric_querier(&tenant).label_names(&[], MillisRange::ALL).await?;
        let mut outputs =
            vec![Output::Timestamp, Output::Label(METRIC_NAME.to_owned()), Output::Value, Output::Count, Output::Sum];
        outputs.push(Output::Labels);
        // No column may be called as that of lines is, to which conditions mean something else.
        let mut taken: HashSet<String> = FIXED.into_iter().chain([BODY]).map(str::to_owned).collect();
        let mut fields: Vec<Field> = FIXED.iter().zip(&outputs).map(|(name, output)| field(name, output)).collect();
        for label in names.into_iter().filter(|name| name != METRIC_NAME) {
            let mut column = label.clone();
            while !taken.insert(column.clone()) {
                column = format!("label_{column}");
            }
            let output = Output::Label(label);
            fields.push(field(&column, &output));
            outputs.push(output);
        }
        let schema = Arc::new(Schema::new(fields));
        let conditions = LogsColumns::named(outputs.iter().map(source).collect(), schema.clone());
        Ok(MetricsTable { store, tenant, max_bytes, outputs, schema, conditions })
    }

    fn request(&self, filters: &[Expr]) -> SelectSeries {
        let (mut range, mut matchers) = (TimeRange::ALL, Vec::new());
        for pushed in filters.iter().flat_map(|filter| filters::push(&self.conditions, filter)) {
            match pushed {
                Pushed::Time(narrower) => range = range.intersect(&narrower),
                Pushed::Stream(matcher) => matchers.push(matcher),
                // There is no column of lines.
                Pushed::Line(_) => {}
            }
        }
        SelectSeries { selector: Selector(matchers), range: millis(range), step_ms: 0, max_bytes: self.max_bytes }
    }
}

/// The milliseconds within.
fn millis(range: TimeRange) -> MillisRange {
    const NANOS: i64 = 1_000_000;
    let (start, end) = (range.start.nanos(), range.end.nanos());
    // Nanoseconds end before milliseconds do: what is open stays open.
    let first =
        if start == i64::MIN { i64::MIN } else { start.div_euclid(NANOS) + i64::from(start.rem_euclid(NANOS) > 0) };
    let last = if end == i64::MAX { i64::MAX } else { end.saturating_sub(1).div_euclid(NANOS) };
    MillisRange { first, last }
}

fn source(output: &Output) -> Source {
    match output {
        Output::Timestamp => Source::Timestamp,
        Output::Label(name) => Source::Label(name.clone()),
        // None of these has a condition that the store knows.
        Output::Value | Output::Count | Output::Sum | Output::Labels => Source::Labels,
    }
}

fn field(name: &str, output: &Output) -> Field {
    match output {
        Output::Timestamp | Output::Labels => Field::new(name, output.data_type(), false),
        Output::Value | Output::Count | Output::Sum | Output::Label(_) => Field::new(name, output.data_type(), true),
    }
}

impl Output {
    fn data_type(&self) -> DataType {
        match self {
            Output::Timestamp => Source::Timestamp.field().data_type().clone(),
            Output::Value | Output::Count | Output::Sum => DataType::Float64,
            Output::Labels => DataType::Utf8View,
            Output::Label(_) => DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)),
        }
    }
}

#[async_trait]
impl TableProvider for MetricsTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all: Vec<usize> = (0..self.outputs.len()).collect();
        let columns = projection.unwrap_or(&all);
        let schema = Arc::new(self.schema.project(columns)?);
        let outputs = columns.iter().map(|at| self.outputs[*at].clone()).collect();
        let querier = self.store.metric_querier(&self.tenant);
        let samples = Arc::new(Samples::new(querier, self.request(filters), outputs, schema.clone()));
        let of = state.config().target_partitions().max(1);
        let part = |at| Arc::new(Part { samples: samples.clone(), at, of }) as Arc<dyn PartitionStream>;
        let parts = (0..of).map(part).collect();
        Ok(Arc::new(StreamingTableExec::try_new(schema, parts, None, [], false, limit)?))
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(filters.iter().map(|filter| filters::support(&self.conditions, filter)).collect())
    }
}

impl fmt::Debug for MetricsTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetricsTable").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}
