//! Binary operators: how series of two sides find each other. What is done with two values is in [`elementwise`](crate::elementwise).

use crate::answer::Curve;
use crate::elementwise::{cells, numbers};
use crate::eval::{Evaluator, Wanted};
use crate::labels::{all_but, only, text, with, without_name};
use crate::{Cell, Column, EvalError};
use gantry_model::LabelSet;
use gantry_query_lang::promql::ast::{BinaryExpr, BinaryOp, Cardinality, UnaryExpr, ValueType, VectorMatching};
use std::collections::{BTreeMap, HashMap};

impl Evaluator<'_> {
    pub(crate) fn unary(&self, unary: &UnaryExpr) -> Result<Vec<Curve>, EvalError> {
        let mut series = self.vector(&unary.expr)?;
        if unary.negative {
            for one in &mut series {
                one.drop_name = true;
                for step in 0..one.column.len() {
                    let cell = match one.column.get(step) {
                        Cell::Float(value) => Cell::Float(-value),
                        Cell::Histogram(h) => Cell::histogram(crate::histogram::scale(&h, -1.0)),
                        Cell::Empty => Cell::Empty,
                    };
                    one.column.set(step, cell);
                }
            }
        }
        Ok(series)
    }

    pub(crate) fn binary_scalar(&self, b: &BinaryExpr) -> Result<Vec<f64>, EvalError> {
        let (left, right) = (self.scalar(&b.lhs)?, self.scalar(&b.rhs)?);
        Ok(left.into_iter().zip(right).map(|(l, r)| numbers(b.op, l, r)).collect())
    }

    pub(crate) fn binary(&self, b: &BinaryExpr) -> Result<Vec<Curve>, EvalError> {
        let is_trim = matches!(b.op, BinaryOp::TrimUpper | BinaryOp::TrimLower);
        if is_trim && self.wanted != Wanted::Buckets {
            return self.wanting(Wanted::Buckets).binary(b);
        }
        match (b.lhs.value_type(), b.rhs.value_type()) {
            (ValueType::Scalar, _) => {
                let numbers = self.scalar(&b.lhs)?;
                self.with_scalar(b, self.vector(&b.rhs)?, &numbers, true)
            }
            (_, ValueType::Scalar) => {
                let series = self.vector(&b.lhs)?;
                self.with_scalar(b, series, &self.scalar(&b.rhs)?, false)
            }
            _ => self.vectors(b),
        }
    }

    fn with_scalar(
        &self,
        b: &BinaryExpr,
        mut series: Vec<Curve>,
        scalar: &[f64],
        scalar_first: bool,
    ) -> Result<Vec<Curve>, EvalError> {
        for one in &mut series {
            one.drop_name |= drops_name(b);
            for (step, number) in scalar.iter().enumerate() {
                let cell = one.column.get(step);
                if matches!(cell, Cell::Empty) {
                    continue;
                }
                let number = Cell::Float(*number);
                let pair = if scalar_first { (&number, &cell) } else { (&cell, &number) };
                let mut result = cells(self.notes, b, pair.0, pair.1);
                if b.op.is_comparison() && !b.return_bool && !matches!(result, Cell::Empty) {
                    result = cell;
                }
                one.column.set(step, result);
            }
        }
        series.retain(|one| !one.column.is_empty());
        Ok(series)
    }

    fn vectors(&self, b: &BinaryExpr) -> Result<Vec<Curve>, EvalError> {
        let left = self.vector(&b.lhs)?;
        let right = self.vector(&b.rhs)?;
        let default = VectorMatching::default();
        let matching = b.matching.as_ref().unwrap_or(&default);
        if b.op.is_set() { Ok(self.sets(b.op, matching, left, right)) } else { self.matched(b, matching, left, right) }
    }

    fn sets(&self, op: BinaryOp, matching: &VectorMatching, mut left: Vec<Curve>, mut right: Vec<Curve>) -> Vec<Curve> {
        let keep = |kept: &mut Vec<Curve>, others: &[Curve], when_present: bool| {
            let mut present: HashMap<LabelSet, Vec<bool>> = HashMap::new();
            for one in others {
                let steps =
                    present.entry(signature(matching, &one.labels)).or_insert_with(|| vec![false; self.grid.count]);
                steps.iter_mut().enumerate().for_each(|(step, here)| *here |= one.column.is_some(step));
            }
            for one in kept.iter_mut() {
                let steps = present.get(&signature(matching, &one.labels));
                for step in 0..self.grid.count {
                    if steps.is_some_and(|steps| steps[step]) != when_present {
                        one.column.set(step, Cell::Empty);
                    }
                }
            }
            kept.retain(|one| !one.column.is_empty());
        };
        match op {
            BinaryOp::And => keep(&mut left, &right, true),
            BinaryOp::Unless => keep(&mut left, &right, false),
            _ => {
                keep(&mut right, &left, false);
                left.extend(right);
            }
        }
        left
    }

    fn matched(
        &self,
        b: &BinaryExpr,
        m: &VectorMatching,
        left: Vec<Curve>,
        right: Vec<Curve>,
    ) -> Result<Vec<Curve>, EvalError> {
        let swapped = m.cardinality == Cardinality::OneToMany;
        let (many, one) = if swapped { (right, left) } else { (left, right) };
        let mut by_signature: HashMap<LabelSet, Vec<&Curve>> = HashMap::new();
        for series in &one {
            by_signature.entry(signature(m, &series.labels)).or_default().push(series);
        }
        let busy = |step| m.fills() || many.iter().any(|s| s.column.is_some(step));
        let busy: Vec<bool> = (0..self.grid.count).map(busy).collect();
        for series in &one {
            let key = signature(m, &series.labels);
            let group = &by_signature[&key];
            if std::ptr::eq(group[0], series) {
                unique(&key, group, &busy, if swapped { "left" } else { "right" })?;
            }
        }
        let mut results = Results { grouped: m.cardinality != Cardinality::OneToOne, ..Default::default() };
        for series in &many {
            let key = signature(m, &series.labels);
            for partner in by_signature.get(&key).into_iter().flatten() {
                let mut column = Column::empty(self.grid.count);
                let labels = result_labels(b, m, &series.labels, &partner.labels);
                let mut taken = Vec::new();
                for step in 0..self.grid.count {
                    let (x, y) = (series.column.get(step), partner.column.get(step));
                    if matches!(x, Cell::Empty) || matches!(y, Cell::Empty) {
                        continue;
                    }
                    let (x, y) = if swapped { (y, x) } else { (x, y) };
                    let mut cell = cells(self.notes, b, &x, &y);
                    let are_comparable = matches!((&x, &y), (Cell::Float(_), Cell::Float(_)));
                    if are_comparable || !matches!(cell, Cell::Empty) {
                        taken.push(step);
                    }
                    if b.op.is_comparison() && !b.return_bool && !matches!(cell, Cell::Empty) {
                        cell = x;
                    }
                    column.set(step, cell);
                }
                results.add(&key, labels, drops_name(b) || series.drop_name, column, &taken)?;
            }
        }
        if m.fills() {
            self.fill(b, m, (&many, &one), swapped, &mut results)?;
        }
        Ok(results.series)
    }

    /// Series without a partner are paired with a number.
    fn fill(
        &self,
        b: &BinaryExpr,
        m: &VectorMatching,
        (many, one): (&[Curve], &[Curve]),
        swapped: bool,
        results: &mut Results,
    ) -> Result<(), EvalError> {
        // As in Prometheus, "left" is the many side here, whichever side of the operator that is.
        let (fill_many, fill_one) = (m.fill_left, m.fill_right);
        for (series, others, number, is_many) in [(many, one, fill_one, true), (one, many, fill_many, false)] {
            let Some(number) = number else { continue };
            for series in series {
                let key = signature(m, &series.labels);
                let partners: Vec<&Curve> = others.iter().filter(|o| signature(m, &o.labels) == key).collect();
                let mut column = Column::empty(self.grid.count);
                let mut taken = Vec::new();
                for (step, cell) in series.column.iter() {
                    if partners.iter().any(|p| p.column.is_some(step)) {
                        continue;
                    }
                    taken.push(step);
                    let number = Cell::Float(number);
                    let series_is_left = is_many != swapped;
                    let (x, y) = if series_is_left { (cell, number) } else { (number, cell) };
                    let mut result = cells(self.notes, b, &x, &y);
                    if b.op.is_comparison() && !b.return_bool && !matches!(result, Cell::Empty) {
                        result = x;
                    }
                    column.set(step, result);
                }
                let labels = if is_many {
                    result_labels(b, m, &series.labels, &key)
                } else {
                    result_labels(b, m, &key, &series.labels)
                };
                results.add(&key, labels, drops_name(b) || series.drop_name, column, &taken)?;
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct Results {
    grouped: bool,
    series: Vec<Curve>,
    at: HashMap<LabelSet, usize>,
    /// Steps at which a match group has its result.
    taken: BTreeMap<LabelSet, std::collections::BTreeSet<usize>>,
}

impl Results {
    fn add(
        &mut self,
        key: &LabelSet,
        labels: LabelSet,
        drop_name: bool,
        column: Column,
        taken: &[usize],
    ) -> Result<(), EvalError> {
        let identity = if self.grouped { &labels } else { key };
        let seen = self.taken.entry(identity.clone()).or_default();
        for step in taken {
            if !seen.insert(*step) {
                let why = if self.grouped {
                    "grouping labels must ensure unique matches"
                } else {
                    "many-to-one matching must be explicit (group_left/group_right)"
                };
                return Err(EvalError::new(format!("multiple matches for labels: {why}")));
            }
        }
        if column.is_empty() {
            return Ok(());
        }
        let at = *self.at.entry(labels.clone()).or_insert(self.series.len());
        match self.series.get_mut(at) {
            Some(series) => column.iter().for_each(|(step, cell)| series.column.set(step, cell)),
            None => self.series.push(Curve { labels, drop_name, column }),
        }
        Ok(())
    }
}

fn drops_name(b: &BinaryExpr) -> bool {
    b.return_bool
        || !(b.op.is_comparison() || b.op.is_set() || matches!(b.op, BinaryOp::TrimUpper | BinaryOp::TrimLower))
}

fn signature(m: &VectorMatching, labels: &LabelSet) -> LabelSet {
    if m.on { only(labels, &m.labels) } else { all_but(labels, &m.labels) }
}

fn unique(key: &LabelSet, group: &[&Curve], busy: &[bool], side: &str) -> Result<(), EvalError> {
    if group.len() < 2 {
        return Ok(());
    }
    for step in (0..busy.len()).filter(|step| busy[*step]) {
        let mut here = group.iter().filter(|one| one.column.is_some(step));
        if let (Some(first), Some(second)) = (here.next(), here.next()) {
            let mut both = [text(&first.labels), text(&second.labels)];
            both.sort();
            return Err(EvalError::new(format!(
                "found duplicate series for the match group {} on the {side} hand-side of the operation: [{}, {}];many-to-many matching not allowed: matching labels must be unique on one side",
                text(key),
                both[0],
                both[1]
            )));
        }
    }
    Ok(())
}

fn result_labels(b: &BinaryExpr, m: &VectorMatching, many: &LabelSet, one: &LabelSet) -> LabelSet {
    let mut labels = many.clone();
    if m.cardinality == Cardinality::OneToOne {
        if m.on {
            labels = only(many, &m.labels);
        } else if !m.labels.is_empty() {
            labels = many.iter().filter(|(name, _)| !m.labels.iter().any(|n| n == name)).collect();
        }
    }
    // A name that goes takes no part in telling results apart, but one that is copied stays.
    if drops_name(b) && !m.include.iter().any(|name| name == crate::labels::NAME) {
        labels = without_name(&labels);
    }
    for name in &m.include {
        labels = with(&labels, name, one.get(name).unwrap_or_default());
    }
    labels
}
