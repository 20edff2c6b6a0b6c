//! Series with a value, or none, at each step.

use crate::Labels;

/// The instants at which a metric query is evaluated: `start`, `start + step`, up to and including `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// Nanoseconds since 1970.
    pub start: i64,
    pub end: i64,
    /// Nanoseconds, at least 1.
    pub step: i64,
}

impl Steps {
    /// One instant, as for `/query`.
    pub fn instant(at: i64) -> Steps {
        Steps { start: at, end: at, step: 1 }
    }

    /// How many instants there are.
    pub fn count(&self) -> usize {
        let span = self.end.saturating_sub(self.start);
        if span < 0 { 0 } else { (span / self.step.max(1)) as usize + 1 }
    }

    /// The instant with this number, counted from 0.
    pub fn at(&self, number: usize) -> i64 {
        self.start + self.step * number as i64
    }

    /// The number of the first instant at or after `at`, at most [`Steps::count`].
    pub(crate) fn first_from(&self, at: i64) -> usize {
        let ahead = at.saturating_sub(self.start);
        let step = self.step.max(1);
        if ahead <= 0 { 0 } else { self.count().min((ahead / step) as usize + usize::from(ahead % step != 0)) }
    }
}

/// One series: a value, or none, for each step.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub labels: Labels,
    pub points: Vec<Option<f64>>,
}

/// Series of one expression, all with the same number of points.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    pub series: Vec<Series>,
    /// The order of the series means something: `sort` put it so.
    pub ordered: bool,
}

impl Table {
    pub fn new(series: Vec<Series>) -> Table {
        Table { series, ordered: false }
    }

    /// One series without labels and with one value throughout.
    pub(crate) fn constant(value: f64, steps: usize) -> Table {
        Table::new(vec![Series { labels: Labels::default(), points: vec![Some(value); steps] }])
    }

    /// Without series that have no point.
    pub(crate) fn compact(mut self) -> Table {
        self.series.retain(|series| series.points.iter().any(Option::is_some));
        self
    }
}

/// The answer of a metric query.
#[derive(Clone, Debug, PartialEq)]
pub enum Evaluated {
    /// A literal.
    Scalar(f64),
    /// Series; of an instant query each has one point.
    Table(Table),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_include_the_end() {
        let steps = Steps { start: 100, end: 130, step: 10 };
        assert_eq!(steps.count(), 4);
        assert_eq!(steps.at(3), 130);
        assert_eq!([99, 100, 101, 110, 131, i64::MAX].map(|at| steps.first_from(at)), [0, 0, 1, 1, 4, 4]);
        assert_eq!(Steps::instant(5).count(), 1);
    }
}
