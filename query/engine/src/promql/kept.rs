//! Range queries through the cache of results.

#[cfg(test)]
mod tests;

use super::PromqlAnswer;
use crate::results::{Plan, Question, Row};
use crate::{QueryEngine, QueryError};
use gantry_model::{LabelSet, TenantId};
use gantry_promql::{Annotations, Answer, Cell, Params, Series, Steps, Value, selections};
use gantry_query_eval::metric::Steps as NanoSteps;
use gantry_query_lang::promql::Expr;
use gantry_store_api::MillisRange;
use std::sync::Arc;

const NANOS: i64 = 1_000_000;

impl QueryEngine {
    /// The answer, as far as possible from what was computed before. Answers with remarks are computed each time.
    pub(super) async fn kept_promql(
        &self,
        tenant: &TenantId,
        text: &str,
        expr: Arc<Expr>,
        params: Params,
    ) -> Result<PromqlAnswer, QueryError> {
        let Some(plan) = self.promql_plan(tenant, text, &expr, params) else {
            return self.computed_promql(tenant, text, expr, params, None).await;
        };
        let mut answer = match plan.missing() {
            Some(steps) => {
                let wider = Params { steps: millis(steps), ..params };
                let computed = self.computed_promql(tenant, text, Arc::clone(&expr), wider, None).await;
                // What fails or is remarked on may be of steps before the first that was asked for.
                let is_plain = match &computed {
                    Ok(answer) => answer.answer.annotations == Annotations::default(),
                    Err(error) => !matches!(error, QueryError::Budget(_)),
                };
                if !is_plain && wider.steps.start < params.steps.start {
                    return self.computed_promql(tenant, text, expr, params, None).await;
                }
                computed?
            }
            None => nothing(),
        };
        let Value::Vector(series) = &mut answer.answer.value else { return Ok(answer) };
        let computed = std::mem::take(series);
        if answer.damage.is_empty() && answer.answer.annotations == Annotations::default() {
            self.promql_results.keep(&plan, &computed);
        }
        let (found, wanted) = plan.found();
        self.metrics.cached_segments.with_label_values(&["found"]).inc_by(found as u64);
        self.metrics.cached_segments.with_label_values(&["missing"]).inc_by((wanted - found) as u64);
        self.count_cached_bytes();
        *series = plan.assemble(&computed);
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(answer)
    }

    /// `None` for a query whose steps cannot be kept one by one.
    fn promql_plan(&self, tenant: &TenantId, text: &str, expr: &Expr, params: Params) -> Option<Plan<Series>> {
        let vector = expr.value_type().as_str() == "vector";
        if self.options.result_cache_bytes == 0 || params.instant || !vector || !gantry_promql::is_stepwise(expr) {
            return None;
        }
        let now = self.clock.now().nanos().div_euclid(NANOS);
        let version = |steps: NanoSteps| {
            let wanted = selections(expr, &Params { steps: millis(steps), ..params }).ok()?;
            let first = wanted.iter().map(|select| select.first_ms).min()?;
            let last = wanted.iter().map(|select| select.last_ms).max()?;
            if last < now { self.samples.metric_version(tenant, MillisRange { first, last }) } else { None }
        };
        let text = format!("{} {} {text}", params.lookback, params.subquery_step);
        let question = Question { tenant: tenant.clone(), text };
        self.promql_results.plan(question, nanos(params.steps)?, version)
    }
}

fn nothing() -> PromqlAnswer {
    let answer = Answer { value: Value::Vector(Vec::new()), annotations: Annotations::default(), samples: 0 };
    PromqlAnswer { answer, damage: Vec::new() }
}

/// `None` for times that nanoseconds do not reach, with room for what a segment adds.
fn nanos(steps: Steps) -> Option<NanoSteps> {
    let far = |at: i64| at.checked_mul(NANOS).filter(|at| at.unsigned_abs() < 1 << 62);
    Some(NanoSteps { start: far(steps.start)?, end: far(steps.end)?, step: far(steps.step)? })
}

fn millis(steps: NanoSteps) -> Steps {
    Steps { start: steps.start / NANOS, end: steps.end / NANOS, step: steps.step / NANOS }
}

impl Row for Series {
    type Labels = LabelSet;

    fn new(labels: LabelSet, points: usize) -> Self {
        Series { labels, cells: vec![Cell::Empty; points] }
    }

    fn labels(&self) -> &LabelSet {
        &self.labels
    }

    fn points(&self) -> usize {
        self.cells.len()
    }

    fn has(&self, step: usize) -> bool {
        !self.cells[step].is_empty()
    }

    fn take(&mut self, step: usize, from: &Self, at: usize) {
        self.cells[step] = from.cells[at].clone();
    }

    fn bytes(&self) -> usize {
        let labels: usize = self.labels.iter().map(|(name, value)| name.len() + value.len() + 32).sum();
        let buckets = |cell: &Cell| match cell {
            Cell::Histogram(h) => 128 + 8 * (h.positive.counts.len() + h.negative.counts.len()),
            Cell::Empty | Cell::Float(_) => 0,
        };
        64 + labels + size_of_val(self.cells.as_slice()) + self.cells.iter().map(buckets).sum::<usize>()
    }
}
