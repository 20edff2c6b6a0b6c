//! Answers of one instant as plain samples, for whoever decides by them: rules, policies of scaling.

use crate::{Data, QueryEngine, QueryError, logql};
use gantry_model::metric::NativeHistogram;
use gantry_model::{LabelSet, TenantId, Timestamp};
use gantry_promql::{Cell, Params, Series, Steps, Value};
use gantry_query_lang::ast::Expr as LogExpr;
use gantry_query_lang::promql::{self, Expr};
use std::sync::Arc;

/// Distance of the instants of a subquery that does not say: that of evaluations of rules.
pub(crate) const SUBQUERY_STEP_MS: i64 = 60_000;

/// One series of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct InstantSample {
    /// None of a scalar.
    pub labels: LabelSet,
    pub value: InstantValue,
}

/// A number or a histogram.
#[derive(Clone, Debug, PartialEq)]
pub enum InstantValue {
    Number(f64),
    Histogram(Arc<NativeHistogram>),
}

impl QueryEngine {
    /// The answer of a PromQL query at an instant (milliseconds since 1970), computed from samples alone.
    ///
    /// # Errors
    /// As for every query; and when the answer is a string or a range vector.
    pub async fn promql_instant(
        &self,
        tenant: &TenantId,
        text: &str,
        at_ms: i64,
    ) -> Result<Vec<InstantSample>, QueryError> {
        let expr = self.parse_promql(text)?;
        let params = self.promql_params(Steps::instant(at_ms), true);
        match self.promql(tenant, text, expr, params, true).await?.answer.value {
            Value::Scalar(values) => Ok(values.first().map(|v| number(LabelSet::default(), *v)).into_iter().collect()),
            Value::Vector(series) => Ok(series.into_iter().filter_map(sample).collect()),
            Value::String(_) | Value::Matrix(_) => {
                Err(QueryError::invalid("the answer is neither a scalar nor an instant vector"))
            }
        }
    }

    /// The answer of a LogQL metric query at an instant (milliseconds since 1970).
    ///
    /// # Errors
    /// As for every query; and when it is a query for lines.
    pub async fn logql_instant(
        &self,
        tenant: &TenantId,
        text: &str,
        at_ms: i64,
    ) -> Result<Vec<InstantSample>, QueryError> {
        let at = Timestamp::from_nanos(at_ms.saturating_mul(1_000_000));
        match self.query(tenant, logql::parse(text, false)?, at).await?.data {
            Data::Scalar(_, value) => Ok(vec![number(LabelSet::default(), value)]),
            Data::Vector(_, samples) => {
                let labels = |labels: &crate::Labels| LabelSet::from_pairs(labels.iter());
                Ok(samples.iter().map(|(of, value)| number(labels(of), *value)).collect())
            }
            Data::Streams(_) | Data::Matrix(_) => {
                Err(QueryError::invalid("the answer is neither a scalar nor an instant vector"))
            }
        }
    }

    /// Whether [`promql_instant`](QueryEngine::promql_instant) could answer.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn check_promql(&self, text: &str) -> Result<(), QueryError> {
        self.parse_promql(text).map(drop)
    }

    /// Whether [`logql_instant`](QueryEngine::logql_instant) could answer.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn check_logql_metric(&self, text: &str) -> Result<(), QueryError> {
        match logql::parse(text, false)? {
            LogExpr::Metric(_) => Ok(()),
            LogExpr::Log(_) => Err(QueryError::invalid(
                "a query for lines yields no numbers; count them, as in count_over_time({...}[5m])",
            )),
        }
    }

    /// Reads PromQL, with the experimental parts that the options allow.
    pub(crate) fn parse_promql(&self, text: &str) -> Result<Expr, QueryError> {
        promql::parse(text, self.promql_options()).map_err(|error| QueryError::invalid(error.to_string()))
    }

    /// What queries may say.
    pub fn promql_options(&self) -> promql::Options {
        if self.options.promql_experimental { promql::Options::ALL } else { promql::Options::default() }
    }

    /// How a query is evaluated that does not say otherwise.
    pub fn promql_params(&self, steps: Steps, instant: bool) -> Params {
        Params {
            steps,
            instant,
            lookback: self.options.promql_lookback.as_millis() as i64,
            subquery_step: SUBQUERY_STEP_MS,
            max_samples: self.options.promql_max_samples,
            threads: self.options.partitions(),
        }
    }
}

fn number(labels: LabelSet, value: f64) -> InstantSample {
    InstantSample { labels, value: InstantValue::Number(value) }
}

fn sample(series: Series) -> Option<InstantSample> {
    let value = match series.cells.into_iter().next()? {
        Cell::Empty => return None,
        Cell::Float(value) => InstantValue::Number(value),
        Cell::Histogram(histogram) => InstantValue::Histogram(histogram),
    };
    Some(InstantSample { labels: series.labels, value })
}
