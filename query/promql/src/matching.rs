//! Vector matching: which series of two sides belong together.

use crate::binary::outcome;
use crate::eval::Evaluator;
use crate::value::{Cell, Series, Steps};
use crate::{EvalError, labels};
use gantry_model::LabelSet;
use gantry_model::metric::METRIC_NAME;
use gantry_query_lang::promql::ast::{BinaryExpr, BinaryOp, Cardinality, VectorMatching};
use std::collections::{BTreeMap, HashMap};

/// The labels by which series find each other.
fn signature(matching: &VectorMatching, of: &LabelSet) -> LabelSet {
    if matching.on { labels::keep(of, &matching.labels) } else { labels::drop(of, &matching.labels) }
}

impl Evaluator<'_> {
    /// `and`, `or`, `unless`: step by step, by signature.
    pub(crate) fn set_operation(&self, binary: &BinaryExpr, steps: Steps) -> Result<Vec<Series>, EvalError> {
        let matching = binary.matching.clone().unwrap_or_default();
        let (mut lhs, mut rhs) = (self.vector(&binary.lhs, steps)?, self.vector(&binary.rhs, steps)?);
        let (changed, other) = if binary.op == BinaryOp::Or { (&mut rhs, &lhs) } else { (&mut lhs, &rhs) };
        let mut there: HashMap<LabelSet, Vec<bool>> = HashMap::new();
        for series in other {
            let there = there.entry(signature(&matching, &series.labels)).or_insert_with(|| vec![false; steps.count()]);
            there.iter_mut().zip(&series.cells).for_each(|(there, cell)| *there |= !cell.is_empty());
        }
        let wanted = binary.op == BinaryOp::And;
        for series in changed.iter_mut() {
            let there = there.get(&signature(&matching, &series.labels));
            for (step, cell) in series.cells.iter_mut().enumerate() {
                if there.is_some_and(|there| there[step]) != wanted {
                    *cell = Cell::Empty;
                }
            }
        }
        let mut all = lhs;
        if binary.op == BinaryOp::Or {
            all.append(&mut rhs);
        }
        all.retain(Series::has_values);
        Ok(all)
    }

    /// Arithmetic and comparisons between two vectors.
    pub(crate) fn matched(&self, binary: &BinaryExpr, steps: Steps) -> Result<Vec<Series>, EvalError> {
        let matching = binary.matching.clone().unwrap_or_default();
        let (lhs, rhs) = (self.vector(&binary.lhs, steps)?, self.vector(&binary.rhs, steps)?);
        // From here on "many" is the side of which several may pair with one of the other.
        let swapped = matching.cardinality == Cardinality::OneToMany;
        let (many, one) = if swapped { (rhs, lhs) } else { (lhs, rhs) };
        let side = if swapped { "left" } else { "right" };
        let mut ones: HashMap<LabelSet, Vec<usize>> = HashMap::new();
        for (at, series) in one.iter().enumerate() {
            ones.entry(signature(&matching, &series.labels)).or_default().push(at);
        }
        let mut results: BTreeMap<(LabelSet, bool), Vec<Cell>> = BTreeMap::new();
        let mut used: HashMap<LabelSet, Vec<u32>> = HashMap::new();
        for series in &many {
            let key = signature(&matching, &series.labels);
            let Some(candidates) = ones.get(&key) else { continue };
            for step in 0..steps.count() {
                if series.cells[step].is_empty() {
                    continue;
                }
                let mut present = candidates.iter().filter(|at| !one[**at].cells[step].is_empty());
                let Some(at) = present.next() else { continue };
                if let Some(second) = present.next() {
                    return Err(duplicates(&key, side, &one[*second].labels, &one[*at].labels));
                }
                let partner = &one[*at];
                let cell = self.paired(binary, &series.cells[step], &partner.cells[step], swapped);
                if matching.cardinality == Cardinality::OneToOne {
                    let used = used.entry(key.clone()).or_insert_with(|| vec![0; steps.count()]);
                    used[step] += 1;
                    if used[step] > 1 {
                        return Err(EvalError::new(
                            "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
                        ));
                    }
                }
                if cell.is_empty() {
                    continue;
                }
                let labels = result_labels(binary, &matching, series, partner);
                let drop_name = !binary.op.is_comparison() || binary.return_bool || series.drop_name;
                let cells = results.entry((labels, drop_name)).or_insert_with(|| vec![Cell::Empty; steps.count()]);
                if !cells[step].is_empty() {
                    return Err(EvalError::new(
                        "multiple matches for labels: grouping labels must ensure unique matches",
                    ));
                }
                cells[step] = cell;
            }
        }
        let series = |((labels, drop_name), cells)| Series { labels, drop_name, cells };
        Ok(results.into_iter().map(series).collect())
    }

    fn paired(&self, binary: &BinaryExpr, many: &Cell, one: &Cell, swapped: bool) -> Cell {
        let (Some(many), Some(one)) = (many.float(), one.float()) else { return Cell::Empty };
        let (lhs, rhs) = if swapped { (one, many) } else { (many, one) };
        outcome(binary, lhs, rhs, lhs)
    }
}

fn duplicates(key: &LabelSet, side: &str, first: &LabelSet, second: &LabelSet) -> EvalError {
    EvalError::new(format!(
        "found duplicate series for the match group {key} on the {side} hand-side of the operation: [{first}, {second}];many-to-many matching not allowed: matching labels must be unique on one side"
    ))
}

/// Labels of the result: those of the "many" side, or those that were matched; then what is included of the "one" side.
fn result_labels(binary: &BinaryExpr, matching: &VectorMatching, many: &Series, one: &Series) -> LabelSet {
    let keeps_name = binary.op.is_comparison() && !binary.return_bool;
    let labels = match matching.cardinality {
        Cardinality::OneToOne if matching.on => labels::keep(&many.labels, &matching.labels),
        Cardinality::OneToOne => {
            let dropped = |name: &str| matching.labels.iter().any(|other| other == name);
            many.labels.iter().filter(|(name, _)| !dropped(name)).collect()
        }
        _ => many.labels.clone(),
    };
    let mut labels =
        if keeps_name || labels.get(METRIC_NAME).is_none() { labels } else { labels::without_name(&labels) };
    for name in &matching.include {
        labels = labels::set(&labels, name, one.labels.get(name).unwrap_or(""));
    }
    labels
}
