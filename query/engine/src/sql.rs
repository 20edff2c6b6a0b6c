//! SQL over the tables `logs` and `metrics`: reading statements only.

use crate::df::{LogsTable, MetricsTable};
use crate::engine::Slot;
use crate::{QueryEngine, QueryError};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use datafusion::physical_plan::SendableRecordBatchStream;
use datafusion::prelude::{SQLOptions, SessionConfig, SessionContext};
use futures::StreamExt;
use gantry_model::{TenantId, TimeRange};
use std::fmt;
use std::time::Instant;
use tokio::time::timeout_at;

/// Rows of an answer as they come. Dropping it cancels the query.
pub struct SqlAnswer {
    schema: SchemaRef,
    rows: SendableRecordBatchStream,
    rows_left: usize,
    max_rows: usize,
    slot: Slot,
}

impl SqlAnswer {
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The next rows; `None` at the end. After an error there is nothing more.
    pub async fn next(&mut self) -> Option<Result<RecordBatch, QueryError>> {
        match timeout_at(self.slot.deadline, self.rows.next()).await {
            Err(_) => Some(Err(QueryError::Timeout)),
            Ok(None) => None,
            Ok(Some(Err(error))) => Some(Err(sql_error(error))),
            Ok(Some(Ok(batch))) => Some(self.within_limit(batch)),
        }
    }

    fn within_limit(&mut self, batch: RecordBatch) -> Result<RecordBatch, QueryError> {
        let left = self.rows_left.checked_sub(batch.num_rows());
        let refuse =
            || QueryError::Budget(format!("the answer has more than {} rows: add a LIMIT or aggregate", self.max_rows));
        self.rows_left = left.ok_or_else(refuse)?;
        Ok(batch)
    }
}

impl fmt::Debug for SqlAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlAnswer").field("schema", &self.schema).finish_non_exhaustive()
    }
}

impl QueryEngine {
    /// Plans and starts a statement over the lines of `tenant` in `range`, and over its samples. Only SELECT, EXPLAIN, SHOW and DESCRIBE.
    pub async fn sql(&self, tenant: &TenantId, statement: &str, range: TimeRange) -> Result<SqlAnswer, QueryError> {
        let started = Instant::now();
        let answer = self.start_sql(tenant, statement, range).await;
        self.count("sql", started, answer.as_ref().err());
        answer
    }

    async fn start_sql(&self, tenant: &TenantId, statement: &str, range: TimeRange) -> Result<SqlAnswer, QueryError> {
        let slot = self.slot(tenant).await?;
        let deadline = slot.deadline;
        let start = async {
            let context = self.session();
            let max_bytes = self.options.max_scan_bytes;
            let table = LogsTable::open(self.store.clone(), tenant.clone(), range, max_bytes).await?;
            context.register_table("logs", std::sync::Arc::new(table)).map_err(sql_error)?;
            let samples = MetricsTable::open(self.samples.clone(), tenant.clone(), max_bytes).await?;
            context.register_table("metrics", std::sync::Arc::new(samples)).map_err(sql_error)?;
            run(context, statement.to_owned()).await
        };
        let rows = timeout_at(deadline, start).await.map_err(|_| QueryError::Timeout)??;
        let max_rows = self.options.max_sql_rows;
        Ok(SqlAnswer { schema: rows.schema(), rows, rows_left: max_rows, max_rows, slot })
    }

    fn session(&self) -> SessionContext {
        let mut config =
            SessionConfig::new().with_target_partitions(self.options.partitions()).with_information_schema(true);
        config.options_mut().sql_parser.collect_spans = true;
        // Sorting in parts and merging them counts the memory of every part twice, and the merge cannot spill: what
        // half fits would be refused. One sort spills.
        config.options_mut().optimizer.repartition_sorts = false;
        // What a sort keeps for itself to merge what it spilled; all of them together must leave room for rows.
        let reserved = self.options.memory_bytes / (8 * self.options.partitions());
        config.options_mut().execution.sort_spill_reservation_bytes = reserved.min(10 << 20);
        SessionContext::new_with_config_rt(config, self.runtime.clone())
    }
}

/// The only future that holds DataFusion's plans across an await.
async fn run(context: SessionContext, statement: String) -> Result<SendableRecordBatchStream, QueryError> {
    let reading = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    let frame = context.sql_with_options(&statement, reading).await.map_err(sql_error)?;
    frame.execute_stream().await.map_err(sql_error)
}

/// Adds the place in the statement where DataFusion knows it.
fn sql_error(error: DataFusionError) -> QueryError {
    let place = error.diagnostic().and_then(|diagnostic| diagnostic.span);
    match (QueryError::from(error), place) {
        (QueryError::Invalid(text), Some(span)) => {
            QueryError::Invalid(format!("{text} (line {}, column {})", span.start.line, span.start.column))
        }
        (error, _) => error,
    }
}
