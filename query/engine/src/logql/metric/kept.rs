//! Range aggregations through the cache of results.

use super::super::Cost;
use super::{LeafQuery, text};
use crate::df::read_series;
use crate::results::{Question, Row};
use crate::{QueryEngine, QueryError};
use gantry_model::{TenantId, TimeRange, Timestamp};
use gantry_query_eval::metric::{Leaf, Series, Steps, Table};
use gantry_query_eval::{Hints, Labels, Options};

/// One range aggregation of a query.
pub struct Asked<'a> {
    pub tenant: &'a TenantId,
    pub leaf: &'a Leaf<'a>,
    pub steps: Steps,
    pub with_level: bool,
}

impl QueryEngine {
    /// The values at all steps, read from the store.
    pub(super) async fn computed(&self, asked: &Asked<'_>, cost: &Cost) -> Result<Table, QueryError> {
        let plan = self.leaf_plan(asked.tenant, asked.leaf, asked.steps, asked.with_level).await?;
        let batches = self.collect(plan.root.clone()).await;
        cost.add(self, plan.source.report());
        Ok(read_series(&batches?))
    }

    /// The same, as far as possible from what was computed before.
    pub(super) async fn kept(&self, asked: &Asked<'_>, cost: &Cost) -> Result<Table, QueryError> {
        let text = text(asked.leaf);
        // A template that shows the time gives another answer each time.
        if self.options.result_cache_bytes == 0 || text.contains("now") {
            return self.computed(asked, cost).await;
        }
        let options = Options { filters_pushed_down: true, hints: Hints::all(), now: self.clock.now().nanos() };
        let query = LeafQuery::compile(asked.leaf, options)?;
        let version = |steps: Steps| {
            let (after, until) = query.time_range(steps);
            let closed = until < self.clock.now().nanos();
            let range = TimeRange::new(Timestamp(after).saturating_add(1), Timestamp(until).saturating_add(1));
            if closed { self.store.version(asked.tenant, range) } else { None }
        };
        let text = format!("{text} {}", asked.with_level);
        let question = Question { tenant: asked.tenant.clone(), text };
        let Some(plan) = self.results.plan(question, asked.steps, version) else {
            return self.computed(asked, cost).await;
        };
        let computed = match plan.missing() {
            Some(steps) => Some(self.computed(&Asked { steps, ..*asked }, cost).await?),
            None => None,
        };
        let whole = cost.warnings().is_empty();
        let stored = computed.as_ref().filter(|_| whole).map_or(0, |table| self.results.keep(&plan, &table.series));
        let (found, wanted) = plan.found();
        self.metrics.cached_segments.with_label_values(&["found"]).inc_by(found as u64);
        self.metrics.cached_segments.with_label_values(&["missing"]).inc_by((wanted - found) as u64);
        self.count_cached_bytes();
        cost.cached([found as u64, wanted as u64, stored as u64]);
        Ok(Table::new(plan.assemble(&computed.map(|table| table.series).unwrap_or_default())))
    }
}

impl Row for Series {
    type Labels = Labels;

    fn new(labels: Labels, points: usize) -> Self {
        Series { labels, points: vec![None; points] }
    }

    fn labels(&self) -> &Labels {
        &self.labels
    }

    fn points(&self) -> usize {
        self.points.len()
    }

    fn has(&self, step: usize) -> bool {
        self.points[step].is_some()
    }

    fn take(&mut self, step: usize, from: &Self, at: usize) {
        self.points[step] = from.points[at];
    }

    fn bytes(&self) -> usize {
        let labels: usize = self.labels.iter().map(|(name, value)| name.len() + value.len() + 32).sum();
        64 + labels + size_of_val(self.points.as_slice())
    }
}
