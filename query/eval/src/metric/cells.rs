//! Samples of one series, summed up as far as the steps allow.
//!
//! Two samples that the very same steps see can be one. A cell is such a set of steps `first..end`; both ends rise with
//! time, so their sum numbers the cells in order of time, and there are at most two per step.

use gantry_query_lang::ast::RangeOp;
use std::collections::BTreeMap;

/// What is kept of the samples of a cell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cell {
    first: u32,
    end: u32,
    count: f64,
    sum: f64,
    mean: f64,
    /// Sum of squared distances from the mean.
    spread: f64,
    min: f64,
    max: f64,
    oldest: (i64, f64),
    newest: (i64, f64),
}

impl Cell {
    fn new(first: u32, end: u32, at: i64, value: f64) -> Cell {
        Cell {
            first,
            end,
            count: 1.0,
            sum: value,
            mean: value,
            spread: 0.0,
            min: value,
            max: value,
            oldest: (at, value),
            newest: (at, value),
        }
    }

    fn merge(&mut self, other: &Cell) {
        let count = self.count + other.count;
        let delta = other.mean - self.mean;
        self.spread += other.spread + delta * delta * self.count * other.count / count;
        self.mean += delta * other.count / count;
        self.count = count;
        self.sum += other.sum;
        if other.min < self.min || self.min.is_nan() {
            self.min = other.min;
        }
        if other.max > self.max || self.max.is_nan() {
            self.max = other.max;
        }
        if other.oldest.0 < self.oldest.0 {
            self.oldest = other.oldest;
        }
        if other.newest.0 >= self.newest.0 {
            self.newest = other.newest;
        }
    }

    fn result(&self, op: RangeOp, range_seconds: f64) -> f64 {
        match op {
            RangeOp::AvgOverTime => self.sum / self.count,
            RangeOp::MinOverTime => self.min,
            RangeOp::MaxOverTime => self.max,
            RangeOp::StdvarOverTime => self.spread / self.count,
            RangeOp::StddevOverTime => (self.spread / self.count).sqrt(),
            RangeOp::FirstOverTime => self.oldest.1,
            RangeOp::LastOverTime => self.newest.1,
            RangeOp::Rate => self.sum / range_seconds,
            _ => self.sum,
        }
    }
}

/// The cells of one series.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cells(BTreeMap<u32, Cell>);

impl Cells {
    pub fn add(&mut self, first: usize, end: usize, at: i64, value: f64) {
        let cell = Cell::new(first as u32, end as u32, at, value);
        self.0.entry(cell.first + cell.end).and_modify(|known| known.merge(&cell)).or_insert(cell);
    }

    pub fn merge(&mut self, other: &Cells) {
        for (key, cell) in &other.0 {
            self.0.entry(*key).and_modify(|known| known.merge(cell)).or_insert(*cell);
        }
    }

    pub fn points(&self, op: RangeOp, range_seconds: f64, steps: usize) -> Vec<Option<f64>> {
        let cells: Vec<&Cell> = self.0.values().collect();
        let (mut from, mut to) = (0, 0);
        let mut points = vec![None; steps];
        for (step, point) in points.iter_mut().enumerate() {
            while to < cells.len() && cells[to].first as usize <= step {
                to += 1;
            }
            while from < to && cells[from].end as usize <= step {
                from += 1;
            }
            let Some((first, rest)) = cells[from..to].split_first() else { continue };
            let mut total = **first;
            rest.iter().for_each(|cell| total.merge(cell));
            *point = Some(total.result(op, range_seconds));
        }
        points
    }
}
