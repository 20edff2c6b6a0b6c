//! The values of one series at all steps.

use crate::eval::CELL;
use gantry_model::metric::NativeHistogram;
use std::sync::Arc;

/// The value at one step.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Cell {
    #[default]
    Empty,
    Float(f64),
    Histogram(Arc<NativeHistogram>),
}

impl Cell {
    pub fn is_empty(&self) -> bool {
        matches!(self, Cell::Empty)
    }

    /// The number, if it is one.
    pub fn float(&self) -> Option<f64> {
        if let Cell::Float(value) = self { Some(*value) } else { None }
    }

    pub(crate) fn histogram(h: NativeHistogram) -> Self {
        Cell::Histogram(Arc::new(h))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    None,
    Float,
    Histogram,
}

/// A value, or none, for each step. Histograms take room only in columns that have any.
#[derive(Clone, Debug, Default)]
pub struct Column {
    kinds: Vec<Kind>,
    values: Vec<f64>,
    histograms: Vec<Option<Arc<NativeHistogram>>>,
}

impl Column {
    pub(crate) fn empty(steps: usize) -> Self {
        Column { kinds: vec![Kind::None; steps], values: vec![0.0; steps], histograms: Vec::new() }
    }

    pub(crate) fn of(values: Vec<f64>) -> Self {
        Column { kinds: vec![Kind::Float; values.len()], values, histograms: Vec::new() }
    }

    pub fn len(&self) -> usize {
        self.kinds.len()
    }

    /// Memory of its values as they stand in an answer.
    pub(crate) fn bytes(&self) -> usize {
        let buckets = |h: &NativeHistogram| 128 + 8 * (h.positive.counts.len() + h.negative.counts.len());
        CELL * self.len() + self.histograms().map(|(_, h)| buckets(h)).sum::<usize>()
    }

    /// Whether no step has a value.
    pub fn is_empty(&self) -> bool {
        self.kinds.iter().all(|kind| *kind == Kind::None)
    }

    pub fn get(&self, step: usize) -> Cell {
        match self.kinds[step] {
            Kind::None => Cell::Empty,
            Kind::Float => Cell::Float(self.values[step]),
            Kind::Histogram => self.histograms[step].clone().map_or(Cell::Empty, Cell::Histogram),
        }
    }

    /// The number at a step, if it is one.
    #[inline]
    pub fn float(&self, step: usize) -> Option<f64> {
        (self.kinds[step] == Kind::Float).then(|| self.values[step])
    }

    #[inline]
    pub fn is_some(&self, step: usize) -> bool {
        self.kinds[step] != Kind::None
    }

    /// Forgets all values, keeps the room.
    pub(crate) fn reset(&mut self, steps: usize) {
        self.kinds.clear();
        self.kinds.resize(steps, Kind::None);
        self.values.resize(steps, 0.0);
        self.histograms.clear();
    }

    pub(crate) fn set(&mut self, step: usize, cell: Cell) {
        match cell {
            Cell::Empty => self.kinds[step] = Kind::None,
            Cell::Float(value) => {
                self.set_float(step, value);
            }
            Cell::Histogram(h) => {
                if self.histograms.is_empty() {
                    self.histograms.resize(self.kinds.len(), None);
                }
                self.kinds[step] = Kind::Histogram;
                self.histograms[step] = Some(h);
            }
        }
    }

    #[inline]
    pub(crate) fn set_float(&mut self, step: usize, value: f64) {
        self.kinds[step] = Kind::Float;
        self.values[step] = value;
    }

    /// The numbers, with their steps.
    #[inline]
    pub(crate) fn floats(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        let numbers = self.kinds.iter().zip(&self.values).enumerate();
        numbers.filter(|(_, (kind, _))| **kind == Kind::Float).map(|(step, (_, value))| (step, *value))
    }

    /// The histograms, with their steps.
    pub(crate) fn histograms(&self) -> impl Iterator<Item = (usize, &Arc<NativeHistogram>)> {
        let there =
            |(step, h)| if self.kinds[step] == Kind::Histogram { Option::as_ref(h).map(|h| (step, h)) } else { None };
        self.histograms.iter().enumerate().filter_map(there)
    }

    pub fn iter(&self) -> impl Iterator<Item = (usize, Cell)> + '_ {
        (0..self.len()).map(|step| (step, self.get(step))).filter(|(_, cell)| !matches!(cell, Cell::Empty))
    }
}
