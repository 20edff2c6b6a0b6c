//! Samples of a range aggregation, turned into series.

use super::cells::Cells;
use super::index::SeriesIndex;
use super::table::{Series, Steps, Table};
use crate::{EvalError, Labels};
use gantry_query_lang::ast::RangeOp;

/// Collects the samples of one range aggregation; of several collectors, [`merge`](Self::merge) makes one.
///
/// A step at `t` sees the samples with `t - offset - range < time <= t - offset`. Counting costs the same for every
/// sample, however many steps see it.
#[derive(Clone, Debug)]
pub struct RangeAggregator {
    pub(crate) op: RangeOp,
    pub(crate) param: f64,
    pub(crate) range: i64,
    pub(crate) offset: i64,
    pub(crate) steps: Steps,
    pub(crate) absent: Option<Labels>,
    pub(crate) counts: bool,
    pub(crate) limit: usize,
    pub(crate) index: SeriesIndex,
    states: Vec<State>,
}

/// What is kept of a series.
#[derive(Clone, Debug)]
enum State {
    /// For each step, what it has more than the step before. Whole numbers: lines or bytes, and whether any came.
    Counts(Vec<(i64, i64)>),
    Cells(Cells),
    Samples(Vec<(i64, f64)>),
}

/// How a collector is set up.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub op: RangeOp,
    pub param: Option<f64>,
    pub range: i64,
    pub offset: i64,
    /// The samples are lines or bytes, not unwrapped values.
    pub counts: bool,
    /// The labels of the series that `absent_over_time` gives.
    pub absent: Option<Labels>,
}

impl RangeAggregator {
    /// `limit`: how many series there may be.
    pub(crate) fn new(setup: Setup, steps: Steps, limit: usize) -> RangeAggregator {
        let Setup { op, param, range, offset, counts, absent } = setup;
        let param = param.unwrap_or(0.0);
        let (index, states) = (SeriesIndex::default(), Vec::new());
        RangeAggregator { op, param, range, offset, steps, absent, counts, limit, index, states }
    }

    /// The steps that see a sample of this time.
    pub(crate) fn seen_by(&self, at: i64) -> std::ops::Range<usize> {
        let first = at.saturating_add(self.offset);
        self.steps.first_from(first)..self.steps.first_from(first.saturating_add(self.range))
    }

    pub(crate) fn add(&mut self, series: usize, at: i64, value: f64) {
        let seen = self.seen_by(at);
        while self.states.len() <= series {
            self.states.push(self.empty_state());
        }
        match &mut self.states[series] {
            State::Counts(changes) => {
                let whole = value as i64;
                let starts = &mut changes[seen.start];
                *starts = (starts.0 + whole, starts.1 + 1);
                if let Some(ends) = changes.get_mut(seen.end) {
                    *ends = (ends.0 - whole, ends.1 - 1);
                }
            }
            State::Cells(cells) => cells.add(seen.start, seen.end, at, value),
            State::Samples(samples) => samples.push((at, value)),
        }
    }

    fn empty_state(&self) -> State {
        match self.op {
            RangeOp::RateCounter | RangeOp::QuantileOverTime => State::Samples(Vec::new()),
            RangeOp::AbsentOverTime => State::Counts(vec![(0, 0); self.steps.count()]),
            _ if self.counts => State::Counts(vec![(0, 0); self.steps.count()]),
            _ => State::Cells(Cells::default()),
        }
    }

    /// Adds what another collector of the same query and steps has seen.
    pub fn merge(&mut self, other: RangeAggregator) -> Result<(), EvalError> {
        let numbers = self.index.adopt(&other.index, self.limit)?;
        for (theirs, state) in other.states.into_iter().enumerate() {
            let ours = numbers[theirs];
            while self.states.len() <= ours {
                self.states.push(self.empty_state());
            }
            match (&mut self.states[ours], state) {
                (State::Counts(a), State::Counts(b)) => {
                    a.iter_mut().zip(b).for_each(|(a, b)| *a = (a.0 + b.0, a.1 + b.1));
                }
                (State::Cells(a), State::Cells(b)) => a.merge(&b),
                (State::Samples(a), State::Samples(b)) => a.extend(b),
                _ => {}
            }
        }
        Ok(())
    }

    /// The series.
    pub fn finish(self) -> Table {
        if self.op == RangeOp::AbsentOverTime {
            return self.finish_absent();
        }
        let series = self.index.labels.iter().zip(&self.states);
        let series = series.map(|(labels, state)| Series { labels: labels.clone(), points: self.points(state) });
        Table::new(series.collect()).compact()
    }

    fn points(&self, state: &State) -> Vec<Option<f64>> {
        let seconds = self.range as f64 / 1e9;
        match state {
            State::Counts(changes) => {
                let per = if matches!(self.op, RangeOp::Rate | RangeOp::BytesRate) { seconds } else { 1.0 };
                running(changes).map(|(total, lines)| (lines > 0).then_some(total as f64 / per)).collect()
            }
            State::Cells(cells) => cells.points(self.op, seconds, self.steps.count()),
            State::Samples(samples) => self.windows(samples),
        }
    }

    fn windows(&self, samples: &[(i64, f64)]) -> Vec<Option<f64>> {
        let mut samples = samples.to_vec();
        samples.sort_by_key(|(at, _)| *at);
        let window = |step: usize| {
            let end = self.steps.at(step).saturating_sub(self.offset);
            let from = samples.partition_point(|(at, _)| *at <= end.saturating_sub(self.range));
            let to = samples.partition_point(|(at, _)| *at <= end);
            let window = samples.get(from..to).filter(|window| !window.is_empty())?;
            Some(match self.op {
                RangeOp::QuantileOverTime => quantile(self.param, window.iter().map(|(_, v)| *v).collect()),
                _ => counter_rate(window, end, self.range),
            })
        };
        (0..self.steps.count()).map(window).collect()
    }

    fn finish_absent(self) -> Table {
        let mut present = vec![false; self.steps.count()];
        for state in &self.states {
            if let State::Counts(changes) = state {
                present.iter_mut().zip(running(changes)).for_each(|(p, (_, lines))| *p |= lines > 0);
            }
        }
        let points = present.into_iter().map(|present| (!present).then_some(1.0)).collect();
        Table::new(vec![Series { labels: self.absent.unwrap_or_default(), points }]).compact()
    }
}

fn running(changes: &[(i64, i64)]) -> impl Iterator<Item = (i64, i64)> + '_ {
    changes.iter().scan((0, 0), |total, change| {
        *total = (total.0 + change.0, total.1 + change.1);
        Some(*total)
    })
}

/// Linear between the two nearest ranks. Outside 0..=1 it is infinite.
fn quantile(q: f64, mut values: Vec<f64>) -> f64 {
    if q.is_nan() {
        return f64::NAN;
    }
    if !(0.0..=1.0).contains(&q) {
        return if q < 0.0 { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    values.sort_by(f64::total_cmp);
    let rank = q * (values.len() - 1) as f64;
    let (low, weight) = (rank.floor() as usize, rank - rank.floor());
    let high = (low + 1).min(values.len() - 1);
    values[low] * (1.0 - weight) + values[high] * weight
}

/// Increase of a counter per second: resets are made good, and where samples come close to an end of the window the
/// increase is extrapolated to it, as Prometheus does.
fn counter_rate(window: &[(i64, f64)], end: i64, range: i64) -> f64 {
    let ([first, ..], [.., last]) = (window, window) else { return 0.0 };
    if window.len() < 2 {
        return 0.0;
    }
    let (mut increase, mut before) = (last.1 - first.1, 0.0);
    for (_, value) in window {
        if *value < before {
            increase += before;
        }
        before = *value;
    }
    let seconds = |nanos: i64| nanos as f64 / 1e9;
    let sampled = seconds(last.0 - first.0);
    let between = sampled / (window.len() - 1) as f64;
    let mut to_start = seconds(first.0 - (end - range));
    if increase > 0.0 && first.1 >= 0.0 {
        to_start = to_start.min(sampled * (first.1 / increase));
    }
    let extrapolated = |gap: f64| if gap < between * 1.1 { gap } else { between / 2.0 };
    let covered = sampled + extrapolated(to_start) + extrapolated(seconds(end - last.0));
    increase * (covered / sampled) / seconds(range)
}
