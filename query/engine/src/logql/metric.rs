//! Metric queries: a plan for each range aggregation, and arithmetic above.

use super::{Cost, RangeQuery, level};
use crate::answer::{Data, Labels, Series};
use crate::df::{Counting, Measure, RangeAggExec, RangeJob, ScanExec, ScanSource, Window};
use crate::{QueryEngine, QueryError};
use datafusion::physical_plan::ExecutionPlan;
use gantry_model::{LabelSet, Selector, TenantId, TimeRange, Timestamp};
use gantry_query_eval::metric::{Evaluated, Leaf, RangeQuery as LeafQuery, Steps, Table, evaluate, leaves};
use gantry_query_eval::{EvalError, Hints, Options};
use gantry_query_lang::ast::{Grouping, MetricExpr, RangeOp};
use gantry_store_api::{Querier, ScanColumns, ScanOrder, ScanRequest};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

mod kept;

use kept::Asked;

/// Most series inside a query, below the aggregations that make fewer of them.
const MAX_INNER_SERIES: usize = 100_000;

/// A plan for one range aggregation, and the scan at its bottom.
pub struct LeafPlan {
    pub root: Arc<dyn ExecutionPlan>,
    pub source: Arc<ScanSource>,
}

impl QueryEngine {
    /// Answers a metric query over steps; the costs are added to `cost`.
    pub(super) async fn range_data(
        &self,
        tenant: &TenantId,
        metric: &MetricExpr,
        query: &RangeQuery,
        cost: &Cost,
    ) -> Result<Data, QueryError> {
        let steps = Steps { start: query.start.nanos(), end: query.end.nanos(), step: query.step };
        let at = |step| Timestamp(steps.at(step));
        let series = match self.evaluated(tenant, metric, steps, query.fresh, cost).await? {
            Evaluated::Scalar(value) => {
                let points = (0..steps.count()).map(|step| (at(step), value)).collect();
                vec![Series { labels: Labels::default(), points }]
            }
            Evaluated::Table(table) => {
                let points = |points: Vec<Option<f64>>| {
                    points.into_iter().enumerate().filter_map(|(step, value)| Some((at(step), value?))).collect()
                };
                table.series.into_iter().map(|s| Series { labels: s.labels, points: points(s.points) }).collect()
            }
        };
        let mut series: Vec<Series> = series.into_iter().filter(|series| !series.points.is_empty()).collect();
        self.check_series(series.len())?;
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(Data::Matrix(series))
    }

    /// Answers a metric query at one instant.
    pub(super) async fn instant_data(
        &self,
        tenant: &TenantId,
        metric: &MetricExpr,
        at: Timestamp,
        cost: &Cost,
    ) -> Result<Data, QueryError> {
        let table = match self.evaluated(tenant, metric, Steps::instant(at.nanos()), true, cost).await? {
            Evaluated::Scalar(value) => return Ok(Data::Scalar(at, value)),
            Evaluated::Table(table) => table,
        };
        let sample =
            |series: gantry_query_eval::metric::Series| Some((series.labels, series.points.first().copied()??));
        let mut samples: Vec<(Labels, f64)> = table.series.into_iter().filter_map(sample).collect();
        self.check_series(samples.len())?;
        if !table.ordered {
            samples.sort_by(|a, b| a.0.cmp(&b.0));
        }
        Ok(Data::Vector(at, samples))
    }

    fn check_series(&self, series: usize) -> Result<(), QueryError> {
        let max = self.options.max_series;
        if series > max {
            return Err(QueryError::Budget(format!(
                "maximum number of series ({max}) reached for a single query; consider reducing query cardinality by adding more specific stream selectors, reducing the time range, or aggregating results with functions like sum(), count() or topk()"
            )));
        }
        Ok(())
    }

    async fn evaluated(
        &self,
        tenant: &TenantId,
        metric: &MetricExpr,
        steps: Steps,
        fresh: bool,
        cost: &Cost,
    ) -> Result<Evaluated, QueryError> {
        let with_level = level::in_metric(metric);
        let mut tables: VecDeque<Table> = VecDeque::new();
        for leaf in leaves(metric) {
            let asked = Asked { tenant, leaf: &leaf, steps, with_level };
            tables.push_back(if fresh { self.computed(&asked, cost).await? } else { self.kept(&asked, cost).await? });
        }
        let missing = || EvalError::Evaluation("a range aggregation was not computed".into());
        Ok(evaluate(metric, steps, &mut |_| tables.pop_front().ok_or_else(missing))?)
    }

    /// `RangeAggExec` over `ScanExec`.
    pub(super) async fn leaf_plan(
        &self,
        tenant: &TenantId,
        leaf: &Leaf<'_>,
        steps: Steps,
        with_level: bool,
    ) -> Result<LeafPlan, QueryError> {
        let options = Options { filters_pushed_down: true, hints: Hints::all(), now: self.clock.now().nanos() };
        let query = LeafQuery::compile(leaf, options)?;
        let (after, until) = query.time_range(steps);
        let range = TimeRange::new(Timestamp(after).saturating_add(1), Timestamp(until).saturating_add(1));
        let querier = self.store.querier(tenant, range);
        let selector = &leaf.range.log.selector;
        let count = if query.pipeline().is_empty() && !with_level { Count::of(leaf) } else { None };
        let columns = columns(leaf, &query, count.as_ref(), with_level, querier.as_ref()).await?;
        let request = ScanRequest {
            selector: selector.clone(),
            lines: query.pipeline().pushdown_filters().to_vec(),
            columns,
            order: ScanOrder::Any,
            parallelism: if depends_on_order(leaf.range.op) { 1 } else { self.options.partitions() },
        };
        let source = ScanSource::new(querier, request, self.options.max_scan_bytes);
        let streams = source.streams().await?;
        let job = RangeJob {
            steps,
            limit: self.inner_series(steps),
            counting: count.map(|count| count.by_stream(leaf, steps, &streams)),
            streams,
            keeps_samples: leaf.range.unwrap.is_some(),
            with_level,
            text: text(leaf),
            query,
        };
        let scan = Arc::new(ScanExec::new(source.clone()));
        Ok(LeafPlan { root: Arc::new(RangeAggExec::new(scan, Arc::new(job))), source })
    }

    /// As many series as their steps leave memory for.
    fn inner_series(&self, steps: Steps) -> usize {
        let series_bytes = steps.count().max(1) * 16 * self.options.partitions();
        (self.options.memory_bytes / series_bytes).clamp(self.options.max_series, MAX_INNER_SERIES)
    }
}

/// Whether lines of the same instant must come in the order in which they were written, which only one part keeps.
fn depends_on_order(op: RangeOp) -> bool {
    matches!(op, RangeOp::RateCounter | RangeOp::FirstOverTime | RangeOp::LastOverTime)
}

fn text(leaf: &Leaf<'_>) -> String {
    let range = MetricExpr::Range(leaf.range.clone());
    match leaf.grouping {
        None => range.to_string(),
        Some(grouping) => {
            let word = if grouping.without { "without" } else { "by" };
            format!("sum {word} ({}) of {range}", grouping.labels.join(","))
        }
    }
}

/// Only what is needed: a count of lines by labels of their streams reads neither bodies nor metadata.
async fn columns(
    leaf: &Leaf<'_>,
    query: &LeafQuery,
    count: Option<&Count>,
    with_level: bool,
    querier: &dyn Querier,
) -> Result<ScanColumns, QueryError> {
    let bytes = matches!(leaf.range.op, RangeOp::BytesOverTime | RangeOp::BytesRate);
    let body = bytes || with_level || !query.pipeline().is_empty();
    let metadata = match (count, leaf.grouping) {
        (Some(_), Some(grouping)) => !streams_have(grouping, &leaf.range.log.selector, querier).await?,
        _ => true,
    };
    Ok(ScanColumns { body, metadata })
}

/// Whether every stream has all labels that are grouped by: then metadata cannot change the group of a line.
async fn streams_have(grouping: &Grouping, selector: &Selector, querier: &dyn Querier) -> Result<bool, QueryError> {
    if grouping.without || grouping.labels.is_empty() {
        return Ok(!grouping.without);
    }
    let has_all = |labels: &LabelSet| grouping.labels.iter().all(|label| labels.get(label).is_some());
    Ok(querier.streams(selector).await?.iter().all(|stream| has_all(&stream.labels)))
}

/// A range aggregation that only counts.
struct Count {
    measure: Measure,
    per: f64,
}

impl Count {
    fn of(leaf: &Leaf<'_>) -> Option<Count> {
        let seconds = leaf.range.range_nanos as f64 / 1e9;
        let (measure, per) = match leaf.range.op {
            RangeOp::CountOverTime => (Measure::Lines, 1.0),
            RangeOp::Rate => (Measure::Lines, seconds),
            RangeOp::BytesOverTime => (Measure::Bytes, 1.0),
            RangeOp::BytesRate => (Measure::Bytes, seconds),
            _ => return None,
        };
        leaf.range.unwrap.is_none().then_some(Count { measure, per })
    }

    /// Decides once per stream to which group its lines belong.
    fn by_stream(self, leaf: &Leaf<'_>, steps: Steps, streams: &[LabelSet]) -> Counting {
        let (start, range, offset) = (Timestamp(steps.start), leaf.range.range_nanos, leaf.range.offset_nanos);
        let window = Window { start, step: steps.step, count: steps.count(), range, offset };
        let (mut groups, mut known) = (Vec::new(), HashMap::new());
        let grouping = leaf.grouping.or(leaf.range.grouping.as_ref());
        let group = |labels: &LabelSet| {
            let kept = labels.iter().filter(|(name, _)| match grouping {
                None => true,
                Some(grouping) => grouping.labels.iter().any(|label| label == name) != grouping.without,
            });
            *known.entry(kept.collect::<Labels>()).or_insert_with_key(|labels| {
                groups.push(labels.clone());
                groups.len() as u32 - 1
            })
        };
        let group_of = streams.iter().map(group).collect();
        Counting { window, measure: self.measure, per: self.per, group_of, groups }
    }
}
