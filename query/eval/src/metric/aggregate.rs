//! `sum by (app) (...)` and its relatives: at each step, the series of a group become one.

use super::table::{Series, Table};
use super::topk;
use crate::Labels;
use gantry_query_lang::ast::{Grouping, VectorAggregation, VectorOp};
use std::collections::HashMap;

pub(super) fn aggregate(aggregation: &VectorAggregation, input: Table, steps: usize) -> Table {
    let grouping = aggregation.grouping.as_ref();
    match aggregation.op {
        VectorOp::Sort | VectorOp::SortDesc => sort(input, aggregation.op == VectorOp::SortDesc, steps),
        VectorOp::Topk | VectorOp::ApproxTopk => topk::select(input, grouping, aggregation.param, true, steps),
        VectorOp::Bottomk => topk::select(input, grouping, aggregation.param, false, steps),
        op => fold(op, input, grouping, steps),
    }
}

/// The labels that the group of a series has.
pub(super) fn group_labels(labels: &Labels, grouping: Option<&Grouping>) -> Labels {
    match grouping {
        None => Labels::default(),
        Some(g) => labels.filter(|name, value| !value.is_empty() && g.labels.iter().any(|l| l == name) != g.without),
    }
}

/// What is known of a group at one step.
#[derive(Clone, Copy, Debug)]
struct Fold {
    count: f64,
    sum: f64,
    mean: f64,
    spread: f64,
    min: f64,
    max: f64,
}

impl Fold {
    fn new(value: f64) -> Fold {
        Fold { count: 1.0, sum: value, mean: value, spread: 0.0, min: value, max: value }
    }

    fn add(&mut self, value: f64) {
        self.count += 1.0;
        self.sum += value;
        let delta = value - self.mean;
        self.mean += delta / self.count;
        self.spread += delta * (value - self.mean);
        if value < self.min || self.min.is_nan() {
            self.min = value;
        }
        if value > self.max || self.max.is_nan() {
            self.max = value;
        }
    }

    fn result(&self, op: VectorOp) -> f64 {
        match op {
            VectorOp::Avg => self.mean,
            VectorOp::Min => self.min,
            VectorOp::Max => self.max,
            VectorOp::Count => self.count,
            VectorOp::Stdvar => self.spread / self.count,
            VectorOp::Stddev => (self.spread / self.count).sqrt(),
            _ => self.sum,
        }
    }
}

fn fold(op: VectorOp, input: Table, grouping: Option<&Grouping>, steps: usize) -> Table {
    let mut numbers: HashMap<Labels, usize> = HashMap::new();
    let mut groups: Vec<(Labels, Vec<Option<Fold>>)> = Vec::new();
    for series in input.series {
        let labels = group_labels(&series.labels, grouping);
        let number = *numbers.entry(labels.clone()).or_insert_with(|| {
            groups.push((labels, vec![None; steps]));
            groups.len() - 1
        });
        for (state, value) in groups[number].1.iter_mut().zip(series.points) {
            match (state, value) {
                (_, None) => {}
                (Some(state), Some(value)) => state.add(value),
                (empty, Some(value)) => *empty = Some(Fold::new(value)),
            }
        }
    }
    let series = groups.into_iter().map(|(labels, folds)| {
        let points = folds.into_iter().map(|state| state.map(|state| state.result(op))).collect();
        Series { labels, points }
    });
    Table::new(series.collect()).compact()
}

/// Order means something only where there is one step. What is no number comes first.
fn sort(mut input: Table, descending: bool, steps: usize) -> Table {
    if steps == 1 {
        let key = |series: &Series| series.points.first().copied().flatten().unwrap_or(f64::NAN);
        input.series.sort_by(|a, b| {
            let (a, b) = (key(a), key(b));
            let order = a.partial_cmp(&b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan()));
            if descending && !a.is_nan() && !b.is_nan() { order.reverse() } else { order }
        });
        input.ordered = true;
    }
    input
}
