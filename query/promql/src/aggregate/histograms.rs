//! Sums and means of native histograms, of one group at one step.

use crate::histogram;
use crate::notes::{Notes, mixed_schemas, reconciled};
use crate::number::Sum;
use gantry_model::metric::{NativeHistogram, ResetHint};
use gantry_query_lang::promql::ast::Span;

/// Where remarks go, and whether the mean is asked for.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) notes: &'a Notes,
    pub(super) span: Span,
    pub(super) mean: bool,
}

/// What has been added up.
#[derive(Clone, Debug, Default)]
pub(super) struct Histograms {
    total: Option<NativeHistogram>,
    /// Counts and sums of the histograms, with what rounding loses.
    counts: Sum,
    sums: Sum,
    number: f64,
    /// A sum would have been too large for a number: all of this is the mean so far.
    is_mean: bool,
    pub(super) incompatible: bool,
    reset: bool,
    no_reset: bool,
}

impl Histograms {
    pub(super) fn add(&mut self, h: &NativeHistogram, name: &str, asked: Asked<'_>) {
        let (mut counts, mut sums) = (Sum::default(), Sum::default());
        counts.add(h.count);
        sums.add(h.sum);
        let one = Histograms {
            total: Some(h.clone()),
            counts,
            sums,
            number: 1.0,
            reset: h.reset_hint == ResetHint::Reset,
            no_reset: h.reset_hint == ResetHint::NoReset,
            ..Default::default()
        };
        self.merge(one, name, asked);
    }

    /// Both together.
    pub(super) fn merge(&mut self, other: Histograms, name: &str, asked: Asked<'_>) {
        if self.total.is_none() {
            *self = other;
            return;
        }
        if self.incompatible {
            return;
        }
        self.reset |= other.reset;
        self.no_reset |= other.no_reset;
        let joined = if self.is_mean || other.is_mean { None } else { self.joined(&other, asked) };
        let joined = match joined {
            Some(Ok(sum)) if asked.mean && sum.is_too_large() => None,
            joined => joined,
        };
        let number = self.number + other.number;
        let joined = joined.unwrap_or_else(|| {
            let (mut one, mut two) = (self.clone(), other.clone());
            one.become_part(number);
            two.become_part(number);
            one.joined(&two, asked).unwrap_or(Err(histogram::Incompatible))
        });
        match joined {
            Ok(joined) => *self = joined,
            Err(histogram::Incompatible) => {
                self.incompatible = true;
                asked.notes.warn(asked.span, &mixed_schemas(name));
            }
        }
    }

    fn joined(&self, other: &Histograms, asked: Asked<'_>) -> Option<Result<Histograms, histogram::Incompatible>> {
        let result = match histogram::add(self.total.as_ref()?, other.total.as_ref()?) {
            Ok(result) => result,
            Err(incompatible) => return Some(Err(incompatible)),
        };
        if result.reconciled {
            asked.notes.info(asked.span, &reconciled("aggregation"));
        }
        let mut joined = self.clone();
        joined.total = Some(result.histogram);
        joined.counts.merge(other.counts);
        joined.sums.merge(other.sums);
        joined.number += other.number;
        Some(Ok(joined))
    }

    fn is_too_large(&self) -> bool {
        let is_large = |h: &NativeHistogram| {
            h.zero_count.is_infinite() || h.positive.counts.iter().chain(&h.negative.counts).any(|c| c.is_infinite())
        };
        self.counts.total.is_infinite() || self.sums.total.is_infinite() || self.total.as_ref().is_some_and(is_large)
    }

    /// What this adds to the mean of so many.
    fn become_part(&mut self, number: f64) {
        let scale = |x: f64| if self.is_mean { x * (self.number / number) } else { x / number };
        self.counts = Sum { total: scale(self.counts.total), lost: scale(self.counts.lost) };
        self.sums = Sum { total: scale(self.sums.total), lost: scale(self.sums.lost) };
        let total = self.total.as_ref();
        self.total = if self.is_mean {
            total.map(|h| histogram::scale(h, self.number / number))
        } else {
            total.map(|h| histogram::divide(h, number))
        };
        self.is_mean = true;
    }

    /// The sum or the mean; nothing when histograms could not be added.
    pub(super) fn finish(self, asked: Asked<'_>) -> Option<NativeHistogram> {
        if self.incompatible {
            return None;
        }
        if self.reset && self.no_reset {
            asked.notes.warn(asked.span, &crate::notes::collision("aggregation"));
        }
        let mut total = self.total?;
        (total.count, total.sum) = (self.counts.value(), self.sums.value());
        Some(if asked.mean && !self.is_mean { histogram::divide(&total, self.number) } else { total })
    }
}
