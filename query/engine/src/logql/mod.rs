//! LogQL: from text to a DataFusion plan to an answer.
//!
//! A log query is one plan ([`logs`]). A metric query is one plan per range aggregation ([`metric`]); what stands above
//! them, sums, quotients and sorting, works on the few numbers that come out and is done by `gantry-query-eval`.

mod explain;
mod level;
mod logs;
mod metric;
mod plan;
mod runner;
mod selection;
mod text;

pub(crate) use level::add as add_level;
pub(crate) use logs::Row;
pub(crate) use plan::LogPlan;
pub(crate) use runner::Runner;
pub use selection::LineSelection;
pub(crate) use text::{format, parse, selector, strict_selector};

use crate::answer::{Answer, Data, Stats};
use crate::{QueryEngine, QueryError};
use arrow::array::RecordBatch;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::{ExecutionPlan, collect};
use gantry_model::{TenantId, Timestamp};
use gantry_query_lang::ast::Expr;
use gantry_query_lang::duration::format_prometheus_duration;
use gantry_store_api::ScanReport;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// A query over a range of time.
#[derive(Clone, Debug)]
pub struct RangeQuery {
    pub expr: Expr,
    pub start: Timestamp,
    /// Exclusive for lines; for metrics the last step is at or before it.
    pub end: Timestamp,
    /// Nanoseconds between the steps of a metric query; positive.
    pub step: i64,
    /// Most lines.
    pub limit: usize,
    /// Newest lines first.
    pub backward: bool,
    /// Labels in the answer are told apart by where they come from.
    pub categorized: bool,
    /// Kept values are not to be used.
    pub fresh: bool,
}

/// What the scans of one query did.
#[derive(Debug, Default)]
pub(crate) struct Cost {
    total: Mutex<(Stats, Vec<String>)>,
}

impl Cost {
    /// What the scans could not read.
    pub fn warnings(&self) -> Vec<String> {
        self.total.lock().1.clone()
    }

    /// Segments of steps that were found kept, asked for, and newly kept.
    pub fn cached(&self, segments: [u64; 3]) {
        let (stats, _) = &mut *self.total.lock();
        stats.cached.iter_mut().zip(segments).for_each(|(sum, count)| *sum += count);
    }

    pub fn add(&self, engine: &QueryEngine, report: Option<Arc<ScanReport>>) {
        let Some(report) = report else { return };
        engine.count_scan(&report);
        let (stats, warnings) = &mut *self.total.lock();
        stats.bytes += report.bytes_scanned.load(Ordering::Relaxed);
        stats.lines += report.rows_scanned.load(Ordering::Relaxed);
        stats.splits += report.splits_scanned.load(Ordering::Relaxed);
        stats.granules += report.granules_scanned.load(Ordering::Relaxed);
        for warning in report.warnings() {
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
    }
}

impl QueryEngine {
    /// Answers a query over a range.
    pub async fn query_range(&self, tenant: &TenantId, query: RangeQuery) -> Result<Answer, QueryError> {
        self.check_range(query.start, query.end)?;
        self.answered(tenant, |cost| async move {
            match &query.expr {
                Expr::Log(log) => self.log_data(tenant, log, &query, &cost).await,
                Expr::Metric(metric) => self.range_data(tenant, metric, &query, &cost).await,
            }
        })
        .await
    }

    /// Answers a metric query at one instant.
    pub async fn query(&self, tenant: &TenantId, expr: Expr, at: Timestamp) -> Result<Answer, QueryError> {
        let Expr::Metric(metric) = &expr else {
            let text = "log queries are not supported as an instant query type, please change your query to a range query type";
            return Err(QueryError::invalid(text));
        };
        self.answered(tenant, |cost| async move { self.instant_data(tenant, metric, at, &cost).await }).await
    }

    pub(crate) fn check_range(&self, start: Timestamp, end: Timestamp) -> Result<(), QueryError> {
        let (length, limit) = (end.nanos().saturating_sub(start.nanos()), self.options.max_range.as_nanos() as i64);
        if length > limit {
            let (length, limit) = (format_prometheus_duration(length), format_prometheus_duration(limit));
            let text = format!("the query time range exceeds the limit (query length: {length}, limit: {limit})");
            return Err(QueryError::invalid(text));
        }
        Ok(())
    }

    async fn answered<F>(&self, tenant: &TenantId, work: impl FnOnce(Arc<Cost>) -> F) -> Result<Answer, QueryError>
    where
        F: Future<Output = Result<Data, QueryError>>,
    {
        let (started, cost) = (Instant::now(), Arc::new(Cost::default()));
        let run = async {
            let queue_time = started.elapsed();
            Ok((work(cost.clone()).await?, queue_time))
        };
        let (data, queue_time) = self.guarded("logql", tenant, run).await?;
        let (stats, warnings) = std::mem::take(&mut *cost.total.lock());
        let returned = data.len() as u64;
        let stats = Stats { returned, exec_time: started.elapsed() - queue_time, queue_time, ..stats };
        Ok(Answer { data, stats, warnings })
    }

    /// Runs a plan to its end, all partitions at once.
    pub(crate) async fn collect(&self, plan: Arc<dyn ExecutionPlan>) -> Result<Vec<RecordBatch>, QueryError> {
        let context = TaskContext::default().with_runtime(self.runtime.clone());
        Ok(collect(plan, Arc::new(context)).await?)
    }
}

/// Refuses more lines than are allowed.
pub(crate) fn check_limit(limit: usize, max: usize) -> Result<(), QueryError> {
    if limit > max {
        let text =
            format!("max entries limit per query exceeded, limit > max_entries_limit_per_query ({limit} > {max})");
        return Err(QueryError::invalid(text));
    }
    Ok(())
}
