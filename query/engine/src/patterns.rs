//! Patterns of the lines of a log query: every part of the scan is mined in a task of its own, then they are merged.

use crate::df::ScanSource;
use crate::logql::{Cost, LogPlan, Row, Runner};
use crate::{QueryEngine, QueryError};
use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, UInt32Type};
use futures::StreamExt;
use gantry_model::{LabelSet, TenantId, TimeRange, Timestamp};
use gantry_query_eval::detect::level_of_labels;
use gantry_query_eval::pattern::{MinedPattern, Miner, MinerLimits};
use gantry_query_lang::ast::LogExpr;
use gantry_store_api::{ScanColumns, ScanOrder, ScanRequest};
use std::sync::Arc;
use tokio::task::JoinSet;

/// What to mine.
#[derive(Clone, Copy, Debug)]
pub struct PatternsQuery {
    pub range: TimeRange,
    /// Nanoseconds per sample; positive.
    pub step: i64,
    /// Most patterns, the most frequent first.
    pub limit: usize,
}

/// Patterns, and what is missing from them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PatternsAnswer {
    pub patterns: Vec<MinedPattern>,
    pub warnings: Vec<String>,
}

impl QueryEngine {
    /// Mines the lines that a log query leaves.
    pub async fn patterns(
        &self,
        tenant: &TenantId,
        expr: &LogExpr,
        query: PatternsQuery,
    ) -> Result<PatternsAnswer, QueryError> {
        self.check_range(query.range.start, query.range.end)?;
        self.guarded("patterns", tenant, async {
            let plan = LogPlan::new(expr);
            let request = ScanRequest {
                selector: plan.selector.clone(),
                lines: plan.lines.clone(),
                columns: ScanColumns { body: true, metadata: true },
                order: ScanOrder::Any,
                parallelism: self.options.partitions(),
            };
            let querier = self.store.querier(tenant, query.range);
            let source = ScanSource::new(querier, request, self.options.max_scan_bytes);
            let runner = Runner::for_lines(&plan, source.streams().await?, self.clock.now())?;
            let cost = Cost::default();
            let miner = mine(&source, &runner, query.step).await;
            cost.add(self, source.report());
            let mined = miner?.finish();
            let mut patterns = mined.patterns;
            patterns.truncate(query.limit);
            let mut warnings = cost.warnings();
            if mined.rare_lines > 0 {
                warnings.push(format!("{} lines are of shapes too rare to be kept", mined.rare_lines));
            }
            Ok(PatternsAnswer { patterns, warnings })
        })
        .await
    }
}

/// Merged in the order of the parts, so that the same question gives the same patterns.
async fn mine(source: &Arc<ScanSource>, runner: &Runner, step: i64) -> Result<Miner, QueryError> {
    let partitions = source.request().parallelism.max(1);
    let mut tasks = JoinSet::new();
    let mut miners: Vec<Option<Miner>> = (0..partitions).map(|_| None).collect();
    for at in 0..partitions {
        let (source, runner) = (source.clone(), runner.clone());
        tasks.spawn(async move { (at, mine_part(&source, at, runner, step).await) });
    }
    while let Some(done) = tasks.join_next().await {
        let (at, miner) = done.map_err(|panic| QueryError::Internal(panic.to_string()))?;
        miners[at] = Some(miner?);
    }
    let mut all = Miner::new(step, MinerLimits::default());
    miners.into_iter().flatten().for_each(|miner| all.merge(miner));
    Ok(all)
}

async fn mine_part(source: &ScanSource, part: usize, runner: Runner, step: i64) -> Result<Miner, QueryError> {
    let streams = source.streams().await?;
    let mut rows = source.partition(part).await?;
    let mut worker = Worker { streams, runner, miner: Miner::new(step, MinerLimits::default()) };
    while let Some(next) = rows.next().await {
        worker.add(&next?.batch);
        // A batch is much work; whoever else waits for this thread gets it now.
        tokio::task::yield_now().await;
    }
    Ok(worker.miner)
}

struct Worker {
    streams: Arc<[LabelSet]>,
    runner: Runner,
    miner: Miner,
}

impl Worker {
    fn add(&mut self, batch: &RecordBatch) {
        let streams = batch.column(0).as_primitive::<UInt32Type>().values();
        let times = batch.column(1).as_primitive::<Int64Type>().values();
        let (bodies, metadata) = (batch.column(2).as_string_view(), batch.column(3).as_string_view());
        let labels = self.streams.clone();
        for at in 0..batch.num_rows() {
            let (stream, timestamp) = (streams[at], Timestamp(times[at]));
            let labels = &labels[stream as usize];
            let row = Row { stream, labels, timestamp, body: bodies.value(at), metadata: metadata.value(at) };
            let miner = &mut self.miner;
            self.runner.each(&row, |out| {
                let level = level_of_labels(labels.iter(), row.metadata);
                miner.add(level.as_deref(), timestamp.nanos(), out.line(), 1);
            });
        }
    }
}
