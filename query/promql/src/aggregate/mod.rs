//! Aggregations. Series go straight into the arrays of their group; only those that keep their series hold them.

mod histograms;

use crate::answer::Curve;
use crate::elementwise::{least, most};
use crate::eval::{CELL, Evaluator, SERIES, Sink};
use crate::labels::{NAME, all_but, has_metadata, metric_name, only, share, with};
use crate::notes::Notes;
use crate::number::{self, Sum};
use crate::{Cell, Column, EvalError};
use gantry_model::LabelSet;
use gantry_query_lang::promql::ast::{AggregateExpr, AggregateOp, Expr};
use histograms::{Asked, Histograms};
use std::collections::HashMap;

/// One group at one step.
#[derive(Clone, Debug, Default)]
struct State {
    count: f64,
    /// The sum; or the mean, once the sum has overflowed or where the variance is asked for; or the best value.
    sum: Sum,
    squares: Sum,
    incremental: bool,
}

struct Group {
    labels: LabelSet,
    drop_name: bool,
    states: Vec<State>,
    /// Made when the first histogram comes.
    histograms: Vec<Option<Box<Histograms>>>,
    /// Made for quantiles.
    values: Vec<Vec<f64>>,
}

struct Groups<'a> {
    expr: &'a AggregateExpr,
    notes: &'a Notes,
    steps: usize,
    at: HashMap<LabelSet, usize>,
    groups: Vec<Group>,
    /// Bytes since somebody asked.
    grown: usize,
}

fn group_labels(expr: &AggregateExpr, labels: &LabelSet) -> LabelSet {
    if expr.without { all_but(labels, &expr.grouping) } else { only(labels, &expr.grouping) }
}

impl Sink for Groups<'_> {
    fn series(&mut self, labels: &LabelSet, drop_name: bool, column: &Column) -> Result<(), EvalError> {
        if column.is_empty() {
            return Ok(());
        }
        let at = self.group(group_labels(self.expr, labels), drop_name);
        let (op, asked, name) = (self.expr.op, self.asked(), metric_name(labels));
        self.grown += if op == AggregateOp::Quantile { CELL * column.len() } else { 0 };
        let group = &mut self.groups[at];
        if op == AggregateOp::Sum {
            // By far the most frequent.
            for (step, value) in column.floats() {
                group.states[step].add(AggregateOp::Sum, value);
            }
        } else {
            column.floats().for_each(|(step, value)| group.number(op, step, value));
        }
        for (step, h) in column.histograms() {
            match op {
                AggregateOp::Sum | AggregateOp::Avg => group.histograms(step).add(h, name, asked),
                AggregateOp::Count | AggregateOp::Group => group.states[step].count += 1.0,
                _ => asked.notes.info(asked.span, &format!("ignored histogram in {} aggregation", op.as_str())),
            }
        }
        Ok(())
    }

    fn grown(&mut self) -> usize {
        std::mem::take(&mut self.grown)
    }
}

impl<'a> Groups<'a> {
    fn asked(&self) -> Asked<'a> {
        Asked { notes: self.notes, span: self.expr.expr.span(), mean: self.expr.op == AggregateOp::Avg }
    }

    fn group(&mut self, labels: LabelSet, drop_name: bool) -> usize {
        let (steps, op) = (self.steps, self.expr.op);
        let drop_name = drop_name && has_metadata(&labels);
        if let Some(at) = self.at.get(&labels) {
            self.groups[*at].drop_name |= drop_name;
            return *at;
        }
        self.grown += SERIES + steps * size_of::<State>();
        self.groups.push(Group {
            drop_name,
            labels: labels.clone(),
            states: vec![State::default(); steps],
            histograms: Vec::new(),
            values: if op == AggregateOp::Quantile { vec![Vec::new(); steps] } else { Vec::new() },
        });
        self.at.insert(labels, self.groups.len() - 1);
        self.groups.len() - 1
    }

    /// What another thread has found.
    fn merge(&mut self, other: Groups<'_>) {
        let (op, asked) = (self.expr.op, self.asked());
        for theirs in other.groups {
            let at = self.group(theirs.labels.clone(), theirs.drop_name);
            let ours = &mut self.groups[at];
            for (step, state) in theirs.states.into_iter().enumerate().filter(|(_, state)| state.count > 0.0) {
                ours.states[step].merge(op, state);
            }
            for (step, values) in theirs.values.into_iter().enumerate() {
                ours.values[step].extend(values);
            }
            for (step, found) in theirs.histograms.into_iter().enumerate() {
                if let Some(found) = found {
                    ours.histograms(step).merge(*found, "", asked);
                }
            }
        }
    }
}

impl State {
    #[inline]
    fn add(&mut self, op: AggregateOp, value: f64) {
        self.count += 1.0;
        match op {
            AggregateOp::Sum => self.sum.add(value),
            AggregateOp::Avg => self.average(value),
            AggregateOp::Min if self.count == 1.0 || self.sum.total.is_nan() || value < self.sum.total => {
                self.sum.total = value
            }
            AggregateOp::Max if self.count == 1.0 || self.sum.total.is_nan() || value > self.sum.total => {
                self.sum.total = value
            }
            AggregateOp::Stddev | AggregateOp::Stdvar => {
                let delta = value - self.sum.value();
                self.sum.add(delta / self.count);
                self.squares.add(delta * (value - self.sum.value()));
            }
            _ => {}
        }
    }

    fn average(&mut self, value: f64) {
        if !self.incremental {
            let mut sum = self.sum;
            sum.add(value);
            if !sum.total.is_infinite() || self.count == 1.0 {
                self.sum = sum;
                return;
            }
            self.incremental = true;
            let before = self.count - 1.0;
            self.sum = Sum { total: self.sum.total / before, lost: self.sum.lost / before };
        }
        let share = (self.count - 1.0) / self.count;
        self.sum = Sum { total: self.sum.total * share, lost: self.sum.lost * share };
        self.sum.add(value / self.count);
    }

    fn merge(&mut self, op: AggregateOp, other: State) {
        if self.count == 0.0 {
            *self = other;
            return;
        }
        let count = self.count + other.count;
        match op {
            AggregateOp::Sum => self.sum.merge(other.sum),
            AggregateOp::Avg => {
                let mut sum = self.sum;
                sum.merge(other.sum);
                if self.incremental || other.incremental || sum.total.is_infinite() {
                    let mean = |s: &State| if s.incremental { s.sum.value() } else { s.sum.value() / s.count };
                    let mixed = mean(self) * (self.count / count) + mean(&other) * (other.count / count);
                    (self.sum, self.incremental) = (Sum { total: mixed, lost: 0.0 }, true);
                } else {
                    self.sum = sum;
                }
            }
            AggregateOp::Min if !other.sum.total.is_nan() && !self.sum.total.is_nan() => {
                self.sum.total = least(self.sum.total, other.sum.total)
            }
            AggregateOp::Max if !other.sum.total.is_nan() && !self.sum.total.is_nan() => {
                self.sum.total = most(self.sum.total, other.sum.total)
            }
            AggregateOp::Min | AggregateOp::Max if self.sum.total.is_nan() => self.sum = other.sum,
            AggregateOp::Stddev | AggregateOp::Stdvar => {
                let delta = other.sum.value() - self.sum.value();
                self.squares.merge(other.squares);
                self.squares.add(delta * delta * self.count * other.count / count);
                self.sum.add(delta * other.count / count);
            }
            _ => {}
        }
        self.count = count;
    }

    fn finish(&self, op: AggregateOp) -> f64 {
        match op {
            AggregateOp::Sum => self.sum.value(),
            AggregateOp::Avg if self.incremental => self.sum.value(),
            AggregateOp::Avg => self.sum.total / self.count + self.sum.lost / self.count,
            AggregateOp::Count => self.count,
            AggregateOp::Group => 1.0,
            AggregateOp::Stdvar => self.squares.value() / self.count,
            AggregateOp::Stddev => (self.squares.value() / self.count).sqrt(),
            _ => self.sum.total,
        }
    }
}

impl Group {
    #[inline]
    fn number(&mut self, op: AggregateOp, step: usize, value: f64) {
        self.states[step].add(op, value);
        if op == AggregateOp::Quantile {
            self.values[step].push(value);
        }
    }

    fn histograms(&mut self, step: usize) -> &mut Histograms {
        if self.histograms.is_empty() {
            self.histograms.resize_with(self.states.len(), || None);
        }
        self.histograms[step].get_or_insert_default()
    }

    fn finish(&mut self, expr: &AggregateExpr, asked: Asked<'_>, param: &[f64]) -> Column {
        let mut column = Column::empty(self.states.len());
        for step in 0..column.len() {
            let state = &self.states[step];
            let found = self.histograms.get_mut(step).and_then(Option::take);
            match found {
                Some(_) if state.count > 0.0 => {
                    asked.notes.warn(asked.span, "encountered a mix of histograms and floats for aggregation");
                }
                Some(found) => column.set(step, found.finish(asked).map_or(Cell::Empty, Cell::histogram)),
                None if state.count == 0.0 => {}
                None if expr.op == AggregateOp::Quantile => {
                    let q = param.get(step).copied().unwrap_or(f64::NAN);
                    let value = number::quantile(q, &mut self.values[step]);
                    column.set(step, Cell::Float(value));
                }
                None => column.set(step, Cell::Float(state.finish(expr.op))),
            }
        }
        column
    }
}

impl Evaluator<'_> {
    pub(crate) fn aggregate(&self, expr: &AggregateExpr) -> Result<Vec<Curve>, EvalError> {
        let mut param = match &expr.param {
            Some(param) if expr.op != AggregateOp::CountValues => self.scalar(param)?,
            _ => Vec::new(),
        };
        match expr.op {
            AggregateOp::CountValues => return self.count_values(expr),
            AggregateOp::Topk | AggregateOp::Bottomk | AggregateOp::Limitk | AggregateOp::LimitRatio => {
                return self.chosen(expr, &mut param);
            }
            AggregateOp::Quantile => {
                for q in param.iter().filter(|q| !(0.0..=1.0).contains(*q)) {
                    let span = expr.param.as_ref().map_or(expr.span, |param| param.span());
                    crate::call::invalid_quantile(self.notes, *q, span);
                }
            }
            _ => {}
        }
        let make = || Groups {
            expr,
            notes: self.notes,
            steps: self.grid.count,
            at: HashMap::new(),
            groups: Vec::new(),
            grown: 0,
        };
        let mut parts = self.stream(&expr.expr, make)?.into_iter();
        let Some(mut all) = parts.next() else { return Ok(Vec::new()) };
        parts.for_each(|part| all.merge(part));
        let asked = all.asked();
        let series = all.groups.into_iter().map(|mut group| Curve {
            column: group.finish(expr, asked, &param),
            labels: group.labels,
            drop_name: group.drop_name,
        });
        Ok(series.filter(|one| !one.column.is_empty()).collect())
    }

    fn count_values(&self, expr: &AggregateExpr) -> Result<Vec<Curve>, EvalError> {
        let label = expr.param.as_ref().map(|param| self.string(param)).unwrap_or_default();
        let written = expr.param.as_deref().map(Expr::unwrap_parens);
        if let Some(Expr::String(literal)) = written
            && (label.is_empty() || literal.invalid.is_some())
        {
            return Err(EvalError::new(format!("invalid label name {}", literal.quoted())));
        }
        let is_left_out = expr.without && (label == NAME || expr.grouping.contains(&label));
        let mut found: Vec<Curve> = Vec::new();
        let mut at: HashMap<LabelSet, usize> = HashMap::new();
        for one in self.vector(&expr.expr)? {
            let group = group_labels(expr, &one.labels);
            for (step, cell) in one.column.iter() {
                let labels =
                    if is_left_out { group.clone() } else { with(&group, &label, &crate::call::text_of(&cell)) };
                let at = *at.entry(labels.clone()).or_insert(found.len());
                if at == found.len() {
                    self.hold(SERIES + CELL * self.grid.count)?;
                    let drop_name = one.drop_name && label != NAME && has_metadata(&labels);
                    found.push(Curve { labels, drop_name, column: Column::empty(self.grid.count) });
                }
                let count = found[at].column.float(step).unwrap_or_default() + 1.0;
                found[at].column.set(step, Cell::Float(count));
            }
        }
        Ok(found)
    }

    /// Aggregations that choose some of the series.
    fn chosen(&self, expr: &AggregateExpr, param: &mut [f64]) -> Result<Vec<Curve>, EvalError> {
        self.check_choice(expr, param)?;
        let series = self.vector(&expr.expr)?;
        let mut groups: Vec<Vec<usize>> = Vec::new();
        let mut at: HashMap<LabelSet, usize> = HashMap::new();
        for (n, one) in series.iter().enumerate() {
            let place = *at.entry(group_labels(expr, &one.labels)).or_insert(groups.len());
            if place == groups.len() {
                groups.push(Vec::new());
            }
            groups[place].push(n);
        }
        let mut columns: Vec<Column> = vec![Column::empty(self.grid.count); series.len()];
        let mut order = Vec::new();
        for members in &groups {
            for (step, param) in param.iter().enumerate() {
                for n in self.choice(expr, &series, members, step, *param) {
                    columns[n].set(step, series[n].column.get(step));
                    if self.grid.count == 1 {
                        order.push(n);
                    }
                }
            }
        }
        if self.grid.count != 1 {
            order = (0..series.len()).collect();
        }
        let chosen = order.into_iter().map(|n| Curve {
            labels: series[n].labels.clone(),
            drop_name: series[n].drop_name,
            column: std::mem::take(&mut columns[n]),
        });
        Ok(chosen.filter(|one| !one.column.is_empty()).collect())
    }

    fn check_choice(&self, expr: &AggregateExpr, param: &mut [f64]) -> Result<(), EvalError> {
        let ratio = expr.op == AggregateOp::LimitRatio;
        for value in param {
            if value.is_nan() {
                return Err(EvalError::new(if ratio { "Ratio value is NaN" } else { "Parameter value is NaN" }));
            }
            if ratio && !(-1.0..=1.0).contains(value) {
                let to = value.clamp(-1.0, 1.0);
                let span = expr.param.as_ref().map_or(expr.span, |param| param.span());
                let text = format!("ratio value should be between -1 and 1, got {value}, capping to {to}");
                self.notes.warn(span, &text);
                *value = to;
            }
            if !ratio && *value >= i64::MAX as f64 {
                return Err(EvalError::new(format!("Scalar value {value:e} overflows int64")));
            }
            if !ratio && *value <= i64::MIN as f64 {
                return Err(EvalError::new(format!("Scalar value {value:e} underflows int64")));
            }
        }
        Ok(())
    }

    fn choice(&self, expr: &AggregateExpr, series: &[Curve], members: &[usize], step: usize, param: f64) -> Vec<usize> {
        let here = members.iter().copied().filter(|n| series[*n].column.is_some(step));
        let limit = if param < 1.0 { 0 } else { param as usize };
        match expr.op {
            AggregateOp::Limitk => here.take(limit).collect(),
            AggregateOp::LimitRatio => {
                let share = |n: &usize| share(&series[*n].labels);
                here.filter(|n| if param >= 0.0 { share(n) < param } else { share(n) >= 1.0 + param }).collect()
            }
            op => {
                let mut ranked: Vec<(f64, usize)> = Vec::new();
                for n in here {
                    match series[n].column.float(step) {
                        Some(value) => ranked.push((value, n)),
                        None => {
                            let text = format!("ignored histogram in {} aggregation", op.as_str());
                            self.notes.info(expr.span, &text);
                        }
                    }
                }
                let top = op == AggregateOp::Topk;
                ranked.sort_by(|(a, _), (b, _)| {
                    let order = if top { b.total_cmp(a) } else { a.total_cmp(b) };
                    a.is_nan().cmp(&b.is_nan()).then(if a == b { std::cmp::Ordering::Equal } else { order })
                });
                ranked.into_iter().take(limit).map(|(_, n)| n).collect()
            }
        }
    }
}
