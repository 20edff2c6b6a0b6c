//! Aggregations: series are added to their groups one by one, wherever the operator allows it.

use crate::eval::{Evaluator, string};
use crate::over_time::{Sum, quantile};
use crate::value::{Cell, Series, Steps};
use crate::{EvalError, labels};
use gantry_model::LabelSet;
use gantry_query_lang::promql::ast::{AggregateExpr, AggregateOp};
use std::collections::HashMap;

/// What a group knows of one step.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    count: u32,
    sum: Sum,
    /// Sum of squared distances from the mean; or the extreme.
    extra: f64,
    mean: Sum,
}

fn group_labels(aggregate: &AggregateExpr, of: &LabelSet) -> LabelSet {
    if aggregate.without { labels::drop(of, &aggregate.grouping) } else { labels::keep(of, &aggregate.grouping) }
}

impl Evaluator<'_> {
    pub(crate) fn aggregate(&self, aggregate: &AggregateExpr, steps: Steps) -> Result<Vec<Series>, EvalError> {
        match aggregate.op {
            AggregateOp::CountValues => self.count_values(aggregate, steps),
            AggregateOp::Quantile => self.quantile(aggregate, steps),
            AggregateOp::Topk | AggregateOp::Bottomk => self.best(aggregate, steps),
            AggregateOp::Limitk | AggregateOp::LimitRatio => self.some_series(aggregate, steps),
            _ => self.summed(aggregate, steps),
        }
    }

    fn summed(&self, aggregate: &AggregateExpr, steps: Steps) -> Result<Vec<Series>, EvalError> {
        let mut numbers: HashMap<LabelSet, usize> = HashMap::new();
        let mut groups: Vec<(LabelSet, Vec<Sums>)> = Vec::new();
        self.each_series(&aggregate.expr, steps, &mut |series| {
            let labels = group_labels(aggregate, &series.labels);
            let number = *numbers.entry(labels).or_insert_with_key(|labels| {
                groups.push((labels.clone(), vec![Sums::default(); steps.count()]));
                groups.len() - 1
            });
            for (sums, cell) in groups[number].1.iter_mut().zip(&series.cells) {
                if let Cell::Float(value) = cell {
                    add(aggregate.op, sums, *value);
                }
            }
            Ok(())
        })?;
        let finish = |(labels, sums): (LabelSet, Vec<Sums>)| {
            let cells = sums.into_iter().map(|sums| finished(aggregate.op, sums)).collect();
            Series { labels, drop_name: false, cells }
        };
        Ok(groups.into_iter().map(finish).filter(Series::has_values).collect())
    }

    /// Series of each group, by group.
    fn grouped(&self, aggregate: &AggregateExpr, steps: Steps) -> Result<Vec<(LabelSet, Vec<Series>)>, EvalError> {
        let mut numbers: HashMap<LabelSet, usize> = HashMap::new();
        let mut groups: Vec<(LabelSet, Vec<Series>)> = Vec::new();
        self.each_series(&aggregate.expr, steps, &mut |series| {
            let labels = group_labels(aggregate, &series.labels);
            let number = *numbers.entry(labels).or_insert_with_key(|labels| {
                groups.push((labels.clone(), Vec::new()));
                groups.len() - 1
            });
            groups[number].1.push(series);
            Ok(())
        })?;
        Ok(groups)
    }

    fn parameter(&self, aggregate: &AggregateExpr, steps: Steps) -> Result<Vec<f64>, EvalError> {
        match &aggregate.param {
            Some(param) => self.scalar(param, steps),
            None => Ok(vec![f64::NAN; steps.count()]),
        }
    }

    fn quantile(&self, aggregate: &AggregateExpr, steps: Steps) -> Result<Vec<Series>, EvalError> {
        let phis = self.parameter(aggregate, steps)?;
        let outside = |phi: &&f64| phi.is_nan() || **phi < 0.0 || **phi > 1.0;
        if let (Some(phi), Some(param)) = (phis.iter().find(outside), &aggregate.param) {
            self.warn(&format!("quantile value should be between 0 and 1, got {phi}"), param.span());
        }
        let groups = self.grouped(aggregate, steps)?;
        let mut values = Vec::new();
        let mut all = Vec::with_capacity(groups.len());
        for (labels, series) in groups {
            let cell = |step: usize| {
                values.clear();
                values.extend(series.iter().filter_map(|series| series.cells[step].float()));
                if values.is_empty() { Cell::Empty } else { Cell::Float(quantile(phis[step], &mut values)) }
            };
            let cells = (0..steps.count()).map(cell).collect();
            all.push(Series { labels, drop_name: false, cells });
        }
        all.retain(Series::has_values);
        Ok(all)
    }

    fn count_values(&self, aggregate: &AggregateExpr, steps: Steps) -> Result<Vec<Series>, EvalError> {
        let name = aggregate.param.as_deref().map(string).unwrap_or_default();
        if name.is_empty() {
            return Err(EvalError::new(format!("invalid label name {name:?}")));
        }
        let mut counts: HashMap<LabelSet, Vec<u32>> = HashMap::new();
        self.each_series(&aggregate.expr, steps, &mut |series| {
            let group = group_labels(aggregate, &series.labels);
            for (step, cell) in series.cells.iter().enumerate() {
                if let Cell::Float(value) = cell {
                    let labels = labels::set(&group, &name, &shown(*value));
                    counts.entry(labels).or_insert_with(|| vec![0; steps.count()])[step] += 1;
                }
            }
            Ok(())
        })?;
        let cell = |count: u32| if count == 0 { Cell::Empty } else { Cell::Float(f64::from(count)) };
        let series = |(labels, counts): (LabelSet, Vec<u32>)| Series {
            labels,
            drop_name: false,
            cells: counts.into_iter().map(cell).collect(),
        };
        Ok(counts.into_iter().map(series).collect())
    }

    /// `topk` and `bottomk`: at every step the best series of each group; the others are empty there.
    fn best(&self, aggregate: &AggregateExpr, steps: Steps) -> Result<Vec<Series>, EvalError> {
        let sizes = self.parameter(aggregate, steps)?;
        let descending = aggregate.op == AggregateOp::Topk;
        let mut all = Vec::new();
        for (_, mut series) in self.grouped(aggregate, steps)? {
            let mut ranks: Vec<Vec<usize>> = Vec::new();
            for (step, size) in sizes.iter().enumerate() {
                let mut order: Vec<usize> =
                    (0..series.len()).filter(|at| series[*at].cells[step].float().is_some()).collect();
                let value = |at: &usize| series[*at].cells[step].float();
                order.sort_by(|a, b| crate::call::ordered(value(a), value(b), descending));
                order.truncate(if *size >= 1.0 { *size as usize } else { 0 });
                ranks.push(order);
            }
            for (step, chosen) in ranks.iter().enumerate() {
                for (at, series) in series.iter_mut().enumerate() {
                    if !chosen.contains(&at) {
                        series.cells[step] = Cell::Empty;
                    }
                }
            }
            // The order of the last step is that of an instant query.
            let last = ranks.last().cloned().unwrap_or_default();
            let rank = |at: usize| last.iter().position(|chosen| *chosen == at).unwrap_or(usize::MAX);
            let mut ranked: Vec<(usize, Series)> =
                series.into_iter().enumerate().map(|(at, s)| (rank(at), s)).collect();
            ranked.sort_by_key(|(rank, _)| *rank);
            all.extend(ranked.into_iter().map(|(_, series)| series));
        }
        all.retain(Series::has_values);
        Ok(all)
    }

    /// `limitk` and `limit_ratio`: series chosen by the hash of their labels.
    fn some_series(&self, aggregate: &AggregateExpr, steps: Steps) -> Result<Vec<Series>, EvalError> {
        let sizes = self.parameter(aggregate, steps)?;
        let mut all = Vec::new();
        for (_, mut series) in self.grouped(aggregate, steps)? {
            for (step, size) in sizes.iter().enumerate() {
                let mut given = 0.0;
                for series in series.iter_mut().filter(|series| !series.cells[step].is_empty()) {
                    let chosen = match aggregate.op {
                        AggregateOp::Limitk => given + 1.0 <= *size,
                        _ => in_ratio(&series.labels, *size),
                    };
                    given += 1.0;
                    if !chosen {
                        series.cells[step] = Cell::Empty;
                    }
                }
            }
            all.append(&mut series);
        }
        all.retain(Series::has_values);
        Ok(all)
    }
}

/// Whether the hash of the labels, as a number from 0 to 1, lies below the ratio; for a negative ratio, above 1 + ratio.
fn in_ratio(labels: &LabelSet, ratio: f64) -> bool {
    let place = (labels.stream_id().0 as u64) as f64 / u64::MAX as f64;
    if ratio >= 0.0 { place < ratio } else { place >= 1.0 + ratio }
}

fn add(op: AggregateOp, sums: &mut Sums, value: f64) {
    sums.count += 1;
    match op {
        AggregateOp::Sum => sums.sum.add(value),
        AggregateOp::Avg => {
            sums.sum.add(value);
            // Beside the sum, for the case that it becomes too large.
            let count = f64::from(sums.count);
            let mean = sums.mean.value();
            if mean.is_finite() || !value.is_infinite() || mean.is_nan() {
                sums.mean.add(value / count - mean / count);
            }
        }
        AggregateOp::Max if sums.count == 1 || value > sums.extra || sums.extra.is_nan() => sums.extra = value,
        AggregateOp::Min if sums.count == 1 || value < sums.extra || sums.extra.is_nan() => sums.extra = value,
        AggregateOp::Stddev | AggregateOp::Stdvar => {
            let delta = value - sums.mean.value();
            sums.mean.add(delta / f64::from(sums.count));
            sums.extra += delta * (value - sums.mean.value());
        }
        _ => {}
    }
}

fn finished(op: AggregateOp, sums: Sums) -> Cell {
    if sums.count == 0 {
        return Cell::Empty;
    }
    let count = f64::from(sums.count);
    Cell::Float(match op {
        AggregateOp::Sum => sums.sum.value(),
        AggregateOp::Avg => {
            let total = sums.sum.value();
            if total.is_infinite() && sums.mean.value().is_finite() { sums.mean.value() } else { total / count }
        }
        AggregateOp::Count => count,
        AggregateOp::Group => 1.0,
        AggregateOp::Max | AggregateOp::Min => sums.extra,
        AggregateOp::Stdvar => sums.extra / count,
        AggregateOp::Stddev => (sums.extra / count).sqrt(),
        _ => f64::NAN,
    })
}

/// A number as a label value.
fn shown(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf".into() } else { "-Inf".into() };
    }
    value.to_string()
}
