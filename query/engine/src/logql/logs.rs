//! Log queries: the newest or oldest lines that match.

use super::plan::LogPlan;
use super::runner::Runner;
use super::{Cost, RangeQuery, check_limit};
use crate::answer::{Data, Labels, LogStream};
use crate::df::{LogLimitExec, PipelineExec, ScanExec, ScanSource};
use crate::{QueryEngine, QueryError};
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, UInt32Type};
use datafusion::physical_plan::ExecutionPlan;
use gantry_model::{LabelSet, TenantId, TimeRange, Timestamp};
use gantry_query_lang::ast::LogExpr;
use gantry_store_api::{ScanColumns, ScanOrder, ScanRequest};
use std::collections::HashMap;
use std::sync::Arc;

/// Rows as they are stored, in the order asked for.
pub struct RawRows {
    pub streams: Arc<[LabelSet]>,
    pub batches: Vec<RecordBatch>,
}

/// A stored line.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// Position of `labels` in the list of streams.
    pub stream: u32,
    pub labels: &'a LabelSet,
    pub timestamp: Timestamp,
    pub body: &'a str,
    pub metadata: &'a str,
}

/// A plan for lines, and the scan at its bottom.
pub struct LinesPlan {
    pub root: Arc<dyn ExecutionPlan>,
    pub source: Arc<ScanSource>,
}

impl RawRows {
    pub fn each<'a>(&'a self, mut visit: impl FnMut(Row<'a>)) {
        for batch in &self.batches {
            let streams = batch.column(0).as_primitive::<UInt32Type>().values();
            let times = batch.column(1).as_primitive::<Int64Type>().values();
            let (bodies, metadata) = (batch.column(2).as_string_view(), batch.column(3).as_string_view());
            for at in 0..batch.num_rows() {
                let (stream, timestamp) = (streams[at], Timestamp(times[at]));
                let labels = &self.streams[stream as usize];
                visit(Row { stream, labels, timestamp, body: bodies.value(at), metadata: metadata.value(at) });
            }
        }
    }
}

impl QueryEngine {
    /// Answers a log query; the costs are added to `cost`.
    pub(super) async fn log_data(
        &self,
        tenant: &TenantId,
        expr: &LogExpr,
        query: &RangeQuery,
        cost: &Cost,
    ) -> Result<Data, QueryError> {
        check_limit(query.limit, self.options.max_lines)?;
        let range = TimeRange::new(query.start, query.end);
        let plan = LogPlan::new(expr);
        let lines = self.lines_plan(tenant, &plan, range, query.limit, query.backward).await?;
        let rows = self.raw_rows(&lines, cost).await?;
        let mut runner = Runner::for_lines(&plan, rows.streams.clone(), self.clock.now())?;
        let mut groups = Groups::default();
        rows.each(|row| {
            if let Some((labels, entry)) = runner.line(&row, query.categorized) {
                groups.stream(labels).entries.push(entry);
            }
        });
        Ok(Data::Streams(groups.finish()))
    }

    /// `LogLimitExec` over `PipelineExec` (unless no stage can drop a line) over `ScanExec`.
    pub(crate) async fn lines_plan(
        &self,
        tenant: &TenantId,
        plan: &LogPlan,
        range: TimeRange,
        limit: usize,
        newest: bool,
    ) -> Result<LinesPlan, QueryError> {
        let request = ScanRequest {
            selector: plan.selector.clone(),
            lines: plan.lines.clone(),
            columns: ScanColumns { body: true, metadata: true },
            order: if newest { ScanOrder::NewestFirst } else { ScanOrder::OldestFirst },
            parallelism: self.options.partitions(),
        };
        let source = ScanSource::new(self.store.querier(tenant, range), request, self.options.max_scan_bytes);
        let streams = source.streams().await?;
        let scan = ScanExec::new(source.clone());
        let frontier = Some(scan.frontier().clone());
        let mut root: Arc<dyn ExecutionPlan> = Arc::new(scan);
        if !plan.dropping_stages().is_empty() {
            let runner = Runner::for_dropping(plan, streams, self.clock.now())?;
            root = Arc::new(PipelineExec::new(root, runner));
        }
        Ok(LinesPlan { root: Arc::new(LogLimitExec::new(root, limit, newest, frontier)), source })
    }

    pub(crate) async fn raw_rows(&self, plan: &LinesPlan, cost: &Cost) -> Result<RawRows, QueryError> {
        let batches = self.collect(plan.root.clone()).await;
        cost.add(self, plan.source.report());
        Ok(RawRows { streams: plan.source.streams().await?, batches: batches? })
    }
}

/// Streams of an answer, in order of their first line until they are sorted.
#[derive(Default)]
struct Groups {
    streams: Vec<LogStream>,
    by_labels: HashMap<Labels, usize>,
}

impl Groups {
    fn stream(&mut self, labels: Labels) -> &mut LogStream {
        let at = *self.by_labels.entry(labels).or_insert_with_key(|labels| {
            self.streams.push(LogStream { labels: labels.clone(), entries: Vec::new() });
            self.streams.len() - 1
        });
        &mut self.streams[at]
    }

    fn finish(mut self) -> Vec<LogStream> {
        self.streams.sort_by(|a, b| a.labels.cmp(&b.labels));
        self.streams
    }
}
