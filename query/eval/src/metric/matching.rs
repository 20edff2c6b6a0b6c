//! Which series of two sides belong together.

use super::table::{Series, Table};
use crate::{EvalError, Labels};
use gantry_query_lang::ast::{VectorCardinality, VectorMatching};
use std::collections::{HashMap, HashSet};

/// The two sides of an operator.
#[derive(Debug)]
pub(super) struct Sides<'a> {
    pub lhs: Table,
    pub rhs: Table,
    pub steps: usize,
    pub matching: Option<&'a VectorMatching>,
}

/// The labels by which a series is matched.
fn signature(labels: &Labels, matching: Option<&VectorMatching>) -> Labels {
    match matching {
        None => labels.clone(),
        Some(m) => labels.filter(|name, _| m.labels.iter().any(|l| l == name) == m.on),
    }
}

/// For each signature the series that have it.
fn by_signature(table: &Table, matching: Option<&VectorMatching>) -> HashMap<Labels, Vec<usize>> {
    let mut all: HashMap<Labels, Vec<usize>> = HashMap::new();
    for (at, series) in table.series.iter().enumerate() {
        all.entry(signature(&series.labels, matching)).or_default().push(at);
    }
    all
}

fn any_present(table: &Table, members: Option<&Vec<usize>>, step: usize) -> bool {
    members.is_some_and(|members| members.iter().any(|&at| table.series[at].points[step].is_some()))
}

/// `and` (`wanted`) and `unless`: the left side's points with or without a partner on the right.
pub(super) fn and(sides: Sides<'_>, wanted: bool) -> Table {
    let partners = by_signature(&sides.rhs, sides.matching);
    let mut output = sides.lhs;
    for series in &mut output.series {
        let members = partners.get(&signature(&series.labels, sides.matching));
        for (step, point) in series.points.iter_mut().enumerate() {
            if any_present(&sides.rhs, members, step) != wanted {
                *point = None;
            }
        }
    }
    output.ordered = false;
    output.compact()
}

/// The left side, and of the right side what has no partner there.
pub(super) fn or(sides: Sides<'_>) -> Table {
    let Sides { lhs, rhs, steps, matching } = sides;
    let partners = by_signature(&lhs, matching);
    let mut output = Output::new(steps);
    for series in &lhs.series {
        for (step, point) in series.points.iter().enumerate() {
            output.put(&series.labels, step, *point);
        }
    }
    for series in &rhs.series {
        let members = partners.get(&signature(&series.labels, matching));
        for (step, point) in series.points.iter().enumerate() {
            if !any_present(&lhs, members, step) {
                output.put(&series.labels, step, *point);
            }
        }
    }
    output.table()
}

/// Series of a result, found by their labels.
#[derive(Debug)]
struct Output {
    steps: usize,
    numbers: HashMap<Labels, usize>,
    series: Vec<Series>,
}

impl Output {
    fn new(steps: usize) -> Output {
        Output { steps, numbers: HashMap::new(), series: Vec::new() }
    }

    fn put(&mut self, labels: &Labels, step: usize, point: Option<f64>) {
        let Some(value) = point else { return };
        let number = match self.numbers.get(labels) {
            Some(number) => *number,
            None => {
                self.numbers.insert(labels.clone(), self.series.len());
                self.series.push(Series { labels: labels.clone(), points: vec![None; self.steps] });
                self.series.len() - 1
            }
        };
        self.series[number].points[step] = Some(value);
    }

    fn table(self) -> Table {
        Table::new(self.series).compact()
    }
}

/// Pairs of an arithmetic or comparison operator.
pub(super) fn join(sides: Sides<'_>, combine: impl Fn(f64, f64) -> Option<f64>) -> Result<Table, EvalError> {
    let Sides { lhs, rhs, steps, matching } = sides;
    let cardinality = matching.map_or(VectorCardinality::OneToOne, |m| m.cardinality);
    let swapped = cardinality == VectorCardinality::OneToMany;
    let (many, one) = if swapped { (rhs, lhs) } else { (lhs, rhs) };
    let partners = by_signature(&one, matching);
    let paired: Vec<(Labels, Option<&Vec<usize>>)> = many
        .series
        .iter()
        .map(|series| {
            let signature = signature(&series.labels, matching);
            let members = partners.get(&signature);
            (signature, members)
        })
        .collect();
    let mut results: HashMap<(usize, usize), Labels> = HashMap::new();
    let mut output = Output::new(steps);
    for step in 0..steps {
        check_unique(&one, &partners, step, if swapped { "left" } else { "right" })?;
        let mut matched: HashSet<&Labels> = HashSet::new();
        let mut produced: HashSet<Labels> = HashSet::new();
        for (at, series) in many.series.iter().enumerate() {
            let (signature, Some(members)) = &paired[at] else { continue };
            let Some(value) = series.points[step] else { continue };
            let present = members.iter().find_map(|&other| Some((other, one.series[other].points[step]?)));
            let Some((other, other_value)) = present else { continue };
            if cardinality == VectorCardinality::OneToOne && matching.is_some() && !matched.insert(signature) {
                let text =
                    "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)";
                return Err(EvalError::Evaluation(text.into()));
            }
            let labels = results
                .entry((at, other))
                .or_insert_with(|| result_labels(&series.labels, &one.series[other].labels, matching));
            if cardinality != VectorCardinality::OneToOne && !produced.insert(labels.clone()) {
                let text = "multiple matches for labels: grouping labels must ensure unique matches";
                return Err(EvalError::Evaluation(text.into()));
            }
            let (left, right) = if swapped { (other_value, value) } else { (value, other_value) };
            output.put(labels, step, combine(left, right));
        }
    }
    Ok(output.table())
}

fn check_unique(one: &Table, partners: &HashMap<Labels, Vec<usize>>, step: usize, side: &str) -> Result<(), EvalError> {
    let present = |members: &Vec<usize>| members.iter().filter(|&&at| one.series[at].points[step].is_some()).count();
    if partners.values().any(|members| members.len() > 1 && present(members) > 1) {
        return Err(EvalError::Evaluation(format!(
            "found duplicate series on the {side} hand-side;many-to-many matching not allowed: matching labels must be unique on one side"
        )));
    }
    Ok(())
}

/// The labels of a pair: those of the "many" side, or the matched ones where it is one to one, and the included ones.
fn result_labels(many: &Labels, one: &Labels, matching: Option<&VectorMatching>) -> Labels {
    let Some(m) = matching else { return many.clone() };
    let mut labels = match m.cardinality {
        VectorCardinality::OneToOne => signature(many, matching),
        _ => many.clone(),
    };
    for name in &m.include {
        labels = labels.with(name, one.get(name).unwrap_or(""));
    }
    labels
}
