//! What policies of scaling ask beside [`instant`](crate::instant): how fresh an answer is, sums over a range, numbers of SQL.

use crate::{Data, QueryEngine, QueryError, RangeQuery, logql};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit};
use gantry_model::{LabelSet, TenantId, TimeRange, Timestamp};
use gantry_promql::{Cell, Series, Steps, Value, selections};
use gantry_store_api::MillisRange;

/// Most steps of one range.
const MOST_STEPS: usize = 1_000_000;
/// How long a row of SQL counts after its time: as long as a sample of PromQL does.
const ROW_COUNTS_MS: i64 = 300_000;

/// A row of SQL as a number.
#[derive(Clone, Debug, PartialEq)]
pub struct SqlNumber {
    /// The columns of text.
    pub labels: LabelSet,
    /// The column `time`, in milliseconds since 1970.
    pub at_ms: Option<i64>,
    /// The column `value`, or the only column of numbers.
    pub value: f64,
}

/// Instants in milliseconds, the first and last included.
fn steps(start_ms: i64, end_ms: i64, step_ms: i64) -> Result<Steps, QueryError> {
    let steps = Steps { start: start_ms, end: end_ms, step: step_ms };
    match step_ms > 0 && (1..=MOST_STEPS).contains(&steps.count()) {
        true => Ok(steps),
        false => Err(QueryError::invalid(format!("a range has 1 to {MOST_STEPS} steps"))),
    }
}

/// Numbers of all series at each step.
fn summed(series: &[Series], count: usize) -> Vec<Option<f64>> {
    let mut sums: Vec<Option<f64>> = vec![None; count];
    for one in series {
        for (sum, cell) in sums.iter_mut().zip(&one.cells) {
            if let Cell::Float(value) = cell {
                *sum = Some(sum.unwrap_or(0.0) + value);
            }
        }
    }
    sums
}

impl QueryEngine {
    /// How old the newest sample is that goes into the answer of a PromQL query at an instant, in milliseconds; of several
    /// selectors that of the one whose newest is oldest. `None`: no selector finds anything.
    ///
    /// # Errors
    /// As for every query.
    pub async fn promql_age(&self, tenant: &TenantId, text: &str, at_ms: i64) -> Result<Option<i64>, QueryError> {
        let expr = self.parse_promql(text)?;
        let asked = selections(&expr, &self.promql_params(Steps::instant(at_ms), true));
        let mut oldest = None;
        for select in asked.map_err(|error| QueryError::invalid(error.to_string()))? {
            let range = MillisRange { first: select.first_ms, last: select.last_ms };
            let found = self.newest_samples(tenant, vec![select.selector], range, true).await?;
            let newest = found.iter().map(|one| one.at_ms).max();
            oldest = oldest.max(newest.map(|newest| select.last_ms.saturating_sub(newest)));
        }
        Ok(oldest)
    }

    /// The sum of all series of a PromQL query at each step; `None` where there are none.
    ///
    /// # Errors
    /// As for every query; and when the answer is a string or a range vector.
    pub async fn promql_sums(
        &self,
        tenant: &TenantId,
        text: &str,
        (start_ms, end_ms, step_ms): (i64, i64, i64),
    ) -> Result<Vec<Option<f64>>, QueryError> {
        let steps = steps(start_ms, end_ms, step_ms)?;
        let expr = self.parse_promql(text)?;
        match self.promql(tenant, text, expr, self.promql_params(steps, false), false).await?.answer.value {
            Value::Scalar(values) => Ok(values.into_iter().map(Some).collect()),
            Value::Vector(series) => Ok(summed(&series, steps.count())),
            Value::String(_) | Value::Matrix(_) => {
                Err(QueryError::invalid("the answer is neither a scalar nor an instant vector"))
            }
        }
    }

    /// The series of a LogQL metric query at many instants (milliseconds since 1970).
    ///
    /// # Errors
    /// As for every query; and when it is a query for lines.
    pub async fn logql_range(&self, tenant: &TenantId, text: &str, steps: Steps) -> Result<Vec<Series>, QueryError> {
        let nanos = |ms: i64| ms.saturating_mul(1_000_000);
        let query = RangeQuery {
            expr: logql::parse(text, false)?,
            start: Timestamp(nanos(steps.start)),
            end: Timestamp(nanos(steps.end)),
            step: nanos(steps.step),
            limit: 0,
            backward: false,
            categorized: false,
            fresh: false,
        };
        let Data::Matrix(series) = self.query_range(tenant, query).await?.data else {
            return Err(QueryError::invalid(
                "the answer has no numbers: count lines, as in count_over_time({...}[5m])",
            ));
        };
        let in_steps = |points: &[(Timestamp, f64)]| {
            let mut cells = vec![Cell::Empty; steps.count()];
            for (at, value) in points {
                let step = (at.nanos() / 1_000_000 - steps.start) / steps.step;
                if let Some(cell) = usize::try_from(step).ok().and_then(|step| cells.get_mut(step)) {
                    *cell = Cell::Float(*value);
                }
            }
            cells
        };
        let one = |of: &crate::answer::Series| Series {
            labels: LabelSet::from_pairs(of.labels.iter()),
            cells: in_steps(&of.points),
        };
        Ok(series.iter().map(one).collect())
    }

    /// The sum of all series of a LogQL metric query at each step; `None` where there are none.
    ///
    /// # Errors
    /// As for every query; and when it is a query for lines.
    pub async fn logql_sums(
        &self,
        tenant: &TenantId,
        text: &str,
        (start_ms, end_ms, step_ms): (i64, i64, i64),
    ) -> Result<Vec<Option<f64>>, QueryError> {
        let steps = steps(start_ms, end_ms, step_ms)?;
        let series = self.logql_range(tenant, text, steps).await?;
        Ok(summed(&series, steps.count()))
    }

    /// The rows of a SQL statement as numbers.
    ///
    /// # Errors
    /// As for every statement; and when no column can be the number.
    pub async fn sql_numbers(&self, tenant: &TenantId, statement: &str) -> Result<Vec<SqlNumber>, QueryError> {
        let mut answer = self.sql(tenant, statement, TimeRange::ALL).await?;
        let mut numbers = Vec::new();
        while let Some(batch) = answer.next().await {
            read_rows(&batch?, &mut numbers)?;
        }
        Ok(numbers)
    }

    /// The sum of the newest rows of a SQL statement at each step; `None` where there are none. Rows need a column `time`.
    ///
    /// # Errors
    /// As for [`sql_numbers`](QueryEngine::sql_numbers); and without that column.
    pub async fn sql_sums(
        &self,
        tenant: &TenantId,
        statement: &str,
        (start_ms, end_ms, step_ms): (i64, i64, i64),
    ) -> Result<Vec<Option<f64>>, QueryError> {
        let steps = steps(start_ms, end_ms, step_ms)?;
        let mut sums = std::collections::BTreeMap::new();
        for row in self.sql_numbers(tenant, statement).await? {
            let at_ms = row.at_ms.ok_or_else(|| {
                QueryError::invalid(
                    "over a range, a statement needs a column time, so that its rows can be placed in it",
                )
            })?;
            *sums.entry(at_ms).or_insert(0.0) += row.value;
        }
        let newest = |at: i64| sums.range(at - ROW_COUNTS_MS + 1..=at).next_back().map(|(_, sum)| *sum);
        Ok(steps.iter().map(newest).collect())
    }
}

fn read_rows(batch: &RecordBatch, numbers: &mut Vec<SqlNumber>) -> Result<(), QueryError> {
    let schema = batch.schema();
    let is_time = |name: &str, kind: &DataType| name == "time" || matches!(kind, DataType::Timestamp(..));
    let fields = || schema.fields().iter().enumerate();
    let time = fields().find(|(_, field)| is_time(field.name(), field.data_type())).map(|(at, _)| at);
    let mut of_numbers = fields().filter(|(at, field)| field.data_type().is_numeric() && Some(*at) != time);
    let named = fields().find(|(_, field)| field.name() == "value").map(|(at, _)| at);
    let value = match (named, of_numbers.next(), of_numbers.next()) {
        (Some(named), ..) => named,
        (None, Some((only, _)), None) => only,
        _ => return Err(QueryError::invalid("a statement needs one column of numbers, or one that is called value")),
    };
    let converted = |at: usize, to: &DataType| {
        cast(batch.column(at), to).map_err(|error| QueryError::invalid(format!("column {}: {error}", at + 1)))
    };
    let values = converted(value, &DataType::Float64)?;
    let values = values.as_primitive::<Float64Type>();
    let times = match time {
        None => None,
        Some(at) => {
            let millis = match batch.column(at).data_type() {
                DataType::Timestamp(_, zone) => {
                    converted(at, &DataType::Timestamp(TimeUnit::Millisecond, zone.clone()))?
                }
                _ => batch.column(at).clone(),
            };
            let millis = cast(&millis, &DataType::Int64)
                .map_err(|error| QueryError::invalid(format!("column time: {error}")))?;
            Some(millis)
        }
    };
    let times = times.as_ref().map(|times| times.as_primitive::<Int64Type>());
    let mut texts = Vec::new();
    for (at, field) in fields() {
        if matches!(
            field.data_type(),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(..)
        ) {
            texts.push((field.name().clone(), converted(at, &DataType::Utf8)?));
        }
    }
    for row in (0..batch.num_rows()).filter(|row| values.is_valid(*row)) {
        let texts = texts.iter().map(|(name, column)| (name.as_str(), column.as_string::<i32>()));
        let labels = texts.filter(|(_, column)| column.is_valid(row)).map(|(name, column)| (name, column.value(row)));
        let at_ms = times.filter(|times| times.is_valid(row)).map(|times| times.value(row));
        numbers.push(SqlNumber { labels: LabelSet::from_pairs(labels), at_ms, value: values.value(row) });
    }
    Ok(())
}
