//! The experimental function `info`: series get labels of the info series that have the same `instance` and `job`.

use crate::answer::Curve;
use crate::eval::{CELL, Evaluator, SERIES};
use crate::labels::{NAME, metric_name, only, with};
use crate::query::united;
use crate::select::{Timing, anchor};
use crate::{Cell, Column, EvalError};
use gantry_model::{LabelSet, MatchOp, Matcher, Selector};
use gantry_query_lang::promql::ast::{Call, Expr};
use std::collections::{BTreeMap, BTreeSet};

/// Info series are found by these.
const IDENTIFYING: [&str; 2] = ["instance", "job"];

/// What the second argument asks for.
struct Wish {
    names: Vec<Matcher>,
    data: Vec<Matcher>,
}

/// Info series of one name with the same identifying labels, and when they have samples.
type Rivals = Vec<(LabelSet, Column)>;

impl Wish {
    fn new(call: &Call) -> Result<Self, EvalError> {
        let matchers = match call.args.get(1).map(Expr::unwrap_parens) {
            Some(Expr::Vector(v)) => v.selector.0.clone(),
            _ => Vec::new(),
        };
        let (mut names, data): (Vec<_>, Vec<_>) = matchers.into_iter().partition(|m| m.name == NAME);
        let name = |op, value| Matcher::new(NAME, op, value).map_err(|error| EvalError::new(error.to_string()));
        if names.is_empty() {
            names.push(name(MatchOp::Eq, "target_info")?);
        } else if !names.iter().any(|m| matches!(m.op, MatchOp::Eq | MatchOp::Regex)) {
            names.push(name(MatchOp::Regex, ".+_info")?);
        }
        Ok(Wish { names, data })
    }

    /// Whether this is an info series itself, which gets no labels.
    fn is_info(&self, labels: &LabelSet) -> bool {
        self.names.iter().all(|m| m.matches(labels))
    }

    fn wants(&self, label: &str) -> bool {
        label != NAME && (self.data.is_empty() || self.data.iter().any(|m| m.name == label))
    }

    /// Info series that could belong to any of these.
    fn selector(&self, series: &[&Curve]) -> Selector {
        let mut matchers = [self.names.as_slice(), &self.data].concat();
        for label in IDENTIFYING {
            let values: BTreeSet<String> =
                series.iter().filter_map(|one| one.labels.get(label)).map(regex::escape).collect();
            let alternatives = values.into_iter().collect::<Vec<_>>().join("|");
            // More than fit a pattern are found among all.
            if !alternatives.is_empty()
                && let Ok(matcher) = Matcher::new(label, MatchOp::Regex, &alternatives)
            {
                matchers.push(matcher);
            }
        }
        Selector(matchers)
    }
}

fn identity(labels: &LabelSet) -> LabelSet {
    only(labels, &IDENTIFYING.map(str::to_owned))
}

impl Evaluator<'_> {
    pub(crate) fn info(&self, call: &Call) -> Result<Vec<Curve>, EvalError> {
        let wish = Wish::new(call)?;
        let series = self.vector(&call.args[0])?;
        let plain: Vec<&Curve> = series.iter().filter(|one| !wish.is_info(&one.labels)).collect();
        let (at, offset) = anchor(&call.args[0], self.params)?.unwrap_or_default();
        let timing = Timing { at, offset, range: self.params.lookback_ms, before: 0, after: 0 };
        let rivals = if plain.iter().any(|one| !identity(&one.labels).is_empty()) {
            self.rivals(wish.selector(&plain), timing)?
        } else {
            BTreeMap::new()
        };
        let busy: Vec<bool> =
            (0..self.grid.count).map(|step| series.iter().any(|one| one.column.is_some(step))).collect();
        let newest = newest(&rivals, &busy)?;
        let mut results = Vec::new();
        for one in series {
            if wish.is_info(&one.labels) {
                results.push(one);
            } else {
                self.hold(SERIES + CELL * self.grid.count)?;
                results.extend(joined(&wish, &one, &rivals, &newest)?);
            }
        }
        united(results)
    }

    /// By identity and name.
    fn rivals(
        &self,
        selector: Selector,
        timing: Timing,
    ) -> Result<BTreeMap<LabelSet, BTreeMap<String, Rivals>>, EvalError> {
        let mut found: BTreeMap<LabelSet, BTreeMap<String, Rivals>> = BTreeMap::new();
        let is_histogram = |one: &Curve| one.column.iter().any(|(_, cell)| matches!(cell, Cell::Histogram(_)));
        if self.selected(&selector, timing, false)?.iter().any(is_histogram) {
            return Err(EvalError::new("info sample should be float"));
        }
        for one in self.selected(&selector, timing, true)? {
            let by_name = found.entry(identity(&one.labels)).or_default();
            by_name.entry(metric_name(&one.labels).to_owned()).or_default().push((one.labels, one.column));
        }
        Ok(found)
    }
}

/// Of each group of rivals, at each step, the one with the newest sample.
type Newest<'r> = BTreeMap<(&'r LabelSet, &'r str), Vec<Option<usize>>>;

fn newest<'r>(
    rivals: &'r BTreeMap<LabelSet, BTreeMap<String, Rivals>>,
    busy: &[bool],
) -> Result<Newest<'r>, EvalError> {
    let mut newest = Newest::new();
    for (identity, by_name) in rivals {
        for (name, group) in by_name {
            let mut chosen = vec![None; busy.len()];
            for (step, chosen) in chosen.iter_mut().enumerate().filter(|(step, _)| busy[*step]) {
                let mut best: Option<(f64, usize)> = None;
                for (n, (labels, column)) in group.iter().enumerate() {
                    let Some(at) = column.float(step) else { continue };
                    match best {
                        Some((other, first)) if other == at => {
                            return Err(EvalError::new(format!(
                                "found duplicate series for info metric: existing {} @ {ms}, new {labels} @ {ms}",
                                group[first].0,
                                ms = at * 1e3,
                            )));
                        }
                        Some((other, _)) if other > at => {}
                        _ => best = Some((at, n)),
                    }
                }
                *chosen = best.map(|(_, n)| n);
            }
            newest.insert((identity, name.as_str()), chosen);
        }
    }
    Ok(newest)
}

/// A series with the labels that it gets: several, when they change with the steps.
fn joined(
    wish: &Wish,
    one: &Curve,
    rivals: &BTreeMap<LabelSet, BTreeMap<String, Rivals>>,
    newest: &Newest<'_>,
) -> Result<Vec<Curve>, EvalError> {
    let mut groups: Vec<(&Rivals, &Vec<Option<usize>>)> = Vec::new();
    if let Some((identity, by_name)) = rivals.get_key_value(&identity(&one.labels)) {
        for (name, group) in by_name {
            groups.extend(newest.get(&(identity, name.as_str())).map(|chosen| (group, chosen)));
        }
    }
    let mut made: BTreeMap<Vec<Option<usize>>, Option<Curve>> = BTreeMap::new();
    for (step, cell) in one.column.iter() {
        let partners: Vec<Option<usize>> = groups.iter().map(|(_, chosen)| chosen[step]).collect();
        if !made.contains_key(&partners) {
            let labels: Vec<&LabelSet> =
                groups.iter().zip(&partners).filter_map(|((group, _), n)| Some(&group[(*n)?].0)).collect();
            let labels = enriched(wish, &one.labels, &labels)?;
            let column = Column::empty(one.column.len());
            made.insert(partners.clone(), labels.map(|labels| Curve { labels, drop_name: one.drop_name, column }));
        }
        if let Some(Some(curve)) = made.get_mut(&partners) {
            curve.column.set(step, cell);
        }
    }
    Ok(made.into_values().flatten().collect())
}

/// `None` for a series without the info that was asked for.
fn enriched(wish: &Wish, base: &LabelSet, infos: &[&LabelSet]) -> Result<Option<LabelSet>, EvalError> {
    if infos.is_empty() && !wish.data.iter().all(|m| m.matches(&LabelSet::default())) {
        return Ok(None);
    }
    let mut added: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, value) in infos.iter().flat_map(|labels| labels.iter()).filter(|(name, _)| wish.wants(name)) {
        if base.get(name).is_none() && *added.entry(name).or_insert(value) != value {
            return Err(EvalError::new(format!("conflicting label: {name}")));
        }
    }
    Ok(Some(added.into_iter().fold(base.clone(), |labels, (name, value)| with(&labels, name, value))))
}
