//! [`LogsTable`]: the lines of one tenant as the SQL table `logs`.

use super::columns::LabelColumnsExec;
use super::filters::{self, Pushed};
use super::{ScanExec, ScanSource};
use crate::QueryError;
use async_trait::async_trait;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::Session;
use datafusion::datasource::{TableProvider, TableType};
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use gantry_model::{Selector, TenantId, TimeRange};
use gantry_store_api::{Queryable, ScanColumns, ScanOrder, ScanRequest};
use std::fmt;
use std::sync::Arc;

pub const TIMESTAMP: &str = "timestamp";
pub const BODY: &str = "body";
const LABELS: &str = "labels";
const METADATA: &str = "metadata";

/// Where a column comes from.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    Timestamp,
    Body,
    /// All labels as one JSON object.
    Labels,
    /// Structured metadata as one JSON object, "" for none.
    Metadata,
    /// One label, NULL where the stream does not have it.
    Label(String),
}

/// Columns of `logs`: four fixed ones, then one per label name. A label whose name is taken is called `label_NAME`.
#[derive(Clone, Debug)]
pub struct LogsColumns {
    sources: Vec<Source>,
    schema: SchemaRef,
}

impl LogsColumns {
    pub fn new<'a>(labels: impl IntoIterator<Item = &'a str>) -> Self {
        let mut sources = vec![Source::Timestamp, Source::Body, Source::Labels, Source::Metadata];
        sources.extend(labels.into_iter().map(|label| Source::Label(label.into())));
        let schema = Arc::new(Schema::new(sources.iter().map(Source::field).collect::<Vec<_>>()));
        LogsColumns { sources, schema }
    }

    /// Columns with names of their own, as many as fields.
    pub fn named(sources: Vec<Source>, schema: SchemaRef) -> Self {
        LogsColumns { sources, schema }
    }

    pub fn source(&self, column: &str) -> Option<&Source> {
        Some(&self.sources[self.schema.index_of(column).ok()?])
    }

    fn project(&self, projection: Option<&Vec<usize>>) -> Vec<Source> {
        match projection {
            Some(columns) => columns.iter().map(|at| self.sources[*at].clone()).collect(),
            None => self.sources.clone(),
        }
    }
}

impl Source {
    pub fn field(&self) -> Field {
        match self {
            Source::Timestamp => {
                Field::new(TIMESTAMP, DataType::Timestamp(TimeUnit::Nanosecond, Some("+00:00".into())), false)
            }
            Source::Body => Field::new(BODY, DataType::Utf8View, false),
            Source::Labels => Field::new(LABELS, DataType::Utf8View, false),
            Source::Metadata => Field::new(METADATA, DataType::Utf8View, false),
            Source::Label(label) => {
                let taken = [TIMESTAMP, BODY, LABELS, METADATA].contains(&label.as_str());
                let name = if taken { format!("label_{label}") } else { label.clone() };
                Field::new(name, DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)), true)
            }
        }
    }
}

/// Table provider over a store: conditions on time, labels and body go down to it, and only the columns asked for.
pub struct LogsTable {
    store: Arc<dyn Queryable>,
    tenant: TenantId,
    range: TimeRange,
    columns: LogsColumns,
    max_bytes: u64,
}

impl LogsTable {
    /// `labels`: the label names that become columns, sorted, each once. `max_bytes`: budget of one scan.
    pub async fn open(
        store: Arc<dyn Queryable>,
        tenant: TenantId,
        range: TimeRange,
        max_bytes: u64,
    ) -> Result<Self, QueryError> {
        let streams = store.querier(&tenant, range).streams(&Selector::all()).await?;
        let mut names: Vec<&str> = streams.iter().flat_map(|s| s.labels.iter().map(|(name, _)| name)).collect();
        names.sort_unstable();
        names.dedup();
        let columns = LogsColumns::new(names);
        Ok(LogsTable { store, tenant, range, columns, max_bytes })
    }

    fn plan(&self, partitions: usize, projection: Option<&Vec<usize>>, filters: &[Expr]) -> Arc<dyn ExecutionPlan> {
        let outputs = self.columns.project(projection);
        let mut range = self.range;
        let (mut matchers, mut lines) = (Vec::new(), Vec::new());
        for pushed in filters.iter().flat_map(|filter| filters::push(&self.columns, filter)) {
            match pushed {
                Pushed::Time(narrower) => range = range.intersect(&narrower),
                Pushed::Stream(matcher) => matchers.push(matcher),
                Pushed::Line(filter) => lines.push(filter),
            }
        }
        let columns =
            ScanColumns { body: outputs.contains(&Source::Body), metadata: outputs.contains(&Source::Metadata) };
        let request = ScanRequest {
            selector: Selector(matchers),
            lines,
            columns,
            order: ScanOrder::Any,
            parallelism: partitions,
        };
        let source = ScanSource::new(self.store.querier(&self.tenant, range), request, self.max_bytes);
        let scan: Arc<dyn ExecutionPlan> = Arc::new(ScanExec::new(source.clone()));
        Arc::new(LabelColumnsExec::new(scan, source, outputs))
    }
}

#[async_trait]
impl TableProvider for LogsTable {
    fn schema(&self) -> SchemaRef {
        self.columns.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self.plan(state.config().target_partitions(), projection, filters))
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(filters.iter().map(|filter| filters::support(&self.columns, filter)).collect())
    }
}

impl fmt::Debug for LogsTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogsTable").field("tenant", &self.tenant).field("range", &self.range).finish_non_exhaustive()
    }
}
