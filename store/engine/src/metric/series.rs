//! [`Series`]: the samples of one series in memory, and which new ones it takes.

use gantry_chunk::histogram::{self, Sample};
use gantry_chunk::{DamagedChunk, Scratch, Tail, TailView};
use gantry_model::metric::NativeHistogram;
use gantry_store_api::{MillisRange, RejectReason};
use std::sync::Arc;

/// Histograms that wait to become a frame.
const WAITING: usize = 32;

/// A series that was not seen before is newer than this.
const NEVER: i64 = i64::MIN;

#[derive(Debug)]
pub(crate) struct Series {
    pub labels: Arc<[u8]>,
    tail: Tail,
    /// Milliseconds of the newest sample of any kind, also where it is in a block already.
    last: i64,
    last_bits: u64,
    rare: Option<Box<Rare>>,
    /// The log knows the labels under the number of this series.
    pub logged: bool,
}

/// What few series have.
#[derive(Clone, Debug, Default)]
struct Rare {
    /// Numbers that came late, in order of time.
    late: Vec<(i64, f64)>,
    /// Frames of histograms.
    sealed: Vec<u8>,
    /// Histograms that are no frame yet, in order of time.
    waiting: Vec<Sample>,
    late_histograms: Vec<Sample>,
}

/// What is to be appended.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NewSample<'a> {
    Number(f64),
    Histogram(&'a NativeHistogram),
}

/// Numbers and histograms.
type Both = (Vec<(i64, f64)>, Vec<Sample>);

impl Series {
    /// `last` is when the series was last seen before, if that is known.
    pub(crate) fn new(labels: Arc<[u8]>, last: Option<i64>) -> Self {
        Series { labels, tail: Tail::default(), last: last.unwrap_or(NEVER), last_bits: 0, rare: None, logged: false }
    }

    /// Milliseconds of the newest sample.
    pub(crate) fn last(&self) -> Option<i64> {
        (self.last != NEVER).then_some(self.last)
    }

    /// Appends a sample unless it is there already; says by how many bytes memory grew.
    pub(crate) fn append(
        &mut self,
        at: i64,
        sample: NewSample<'_>,
        window: i64,
        scratch: &mut Scratch,
    ) -> Result<i64, RejectReason> {
        if at > self.last || self.last == NEVER {
            self.last = at;
            return Ok(self.append_newest(at, sample, scratch));
        }
        if at == self.last
            && let NewSample::Number(value) = sample
            && self.tail.newest().is_some_and(|(newest, _)| newest == at)
        {
            return if value.to_bits() == self.last_bits { Ok(0) } else { Err(RejectReason::DuplicateTimestamp) };
        }
        if at < self.last.saturating_sub(window) {
            return Err(RejectReason::OutOfOrder);
        }
        self.insert_late(at, sample, scratch)
    }

    fn append_newest(&mut self, at: i64, sample: NewSample<'_>, scratch: &mut Scratch) -> i64 {
        match sample {
            NewSample::Number(value) => {
                self.last_bits = value.to_bits();
                let before = self.tail.memory();
                self.tail.push(at, value, scratch);
                self.tail.memory() as i64 - before as i64
            }
            NewSample::Histogram(histogram) => {
                let rare = self.rare.get_or_insert_default();
                rare.waiting.push((at, Arc::new(histogram.clone())));
                if rare.waiting.len() >= WAITING {
                    let waiting = std::mem::take(&mut rare.waiting);
                    histogram::put(&mut rare.sealed, &waiting, scratch);
                }
                histogram_bytes(histogram)
            }
        }
    }

    /// A sample that is not the newest: kept aside in order, unless its instant has a value.
    fn insert_late(&mut self, at: i64, sample: NewSample<'_>, scratch: &mut Scratch) -> Result<i64, RejectReason> {
        let there = self.read(MillisRange { first: at, last: at }, scratch);
        if let Ok((numbers, histograms)) = there
            && (!numbers.is_empty() || !histograms.is_empty())
        {
            let same = match sample {
                NewSample::Number(value) => numbers.first().is_some_and(|(_, old)| old.to_bits() == value.to_bits()),
                NewSample::Histogram(histogram) => histograms.first().is_some_and(|(_, old)| **old == *histogram),
            };
            return if same { Ok(0) } else { Err(RejectReason::DuplicateTimestamp) };
        }
        let rare = self.rare.get_or_insert_default();
        match sample {
            NewSample::Number(value) => {
                let place = rare.late.partition_point(|(other, _)| *other < at);
                rare.late.insert(place, (at, value));
                Ok(16)
            }
            NewSample::Histogram(histogram) => {
                let place = rare.late_histograms.partition_point(|(other, _)| *other < at);
                rare.late_histograms.insert(place, (at, Arc::new(histogram.clone())));
                Ok(histogram_bytes(histogram))
            }
        }
    }

    fn read(&self, range: MillisRange, scratch: &mut Scratch) -> Result<Both, DamagedChunk> {
        let view = self.view();
        let (mut times, mut values, mut histograms) = (Vec::new(), Vec::new(), Vec::new());
        view.read(range, scratch, &mut times, &mut values, &mut histograms)?;
        Ok((times.into_iter().zip(values).collect(), histograms))
    }

    /// A copy of the samples, mostly shared.
    pub(crate) fn view(&self) -> SeriesView {
        SeriesView { tail: self.tail.view(), rare: self.rare.clone() }
    }
}

fn histogram_bytes(histogram: &NativeHistogram) -> i64 {
    160 + 8 * (histogram.positive.counts.len() + histogram.negative.counts.len() + histogram.custom_bounds.len()) as i64
}

/// Samples as they were at one moment.
#[derive(Clone, Debug)]
pub(crate) struct SeriesView {
    tail: TailView,
    rare: Option<Box<Rare>>,
}

impl SeriesView {
    /// Appends the samples of the range: those that came in order, then those that came late.
    pub(crate) fn read(
        &self,
        range: MillisRange,
        scratch: &mut Scratch,
        times: &mut Vec<i64>,
        values: &mut Vec<f64>,
        histograms: &mut Vec<Sample>,
    ) -> Result<(), DamagedChunk> {
        self.tail.read((range.first, range.last), scratch, times, values)?;
        let Some(rare) = &self.rare else { return Ok(()) };
        for (at, value) in rare.late.iter().filter(|(at, _)| range.contains(*at)) {
            times.push(*at);
            values.push(*value);
        }
        histogram::read(&rare.sealed, (range.first, range.last), scratch, histograms)?;
        let loose = rare.waiting.iter().chain(&rare.late_histograms);
        histograms.extend(loose.filter(|(at, _)| range.contains(*at)).cloned());
        Ok(())
    }

    /// Bytes that the samples take.
    pub(crate) fn bytes(&self) -> usize {
        let rare = self.rare.as_ref().map_or(0, |rare| {
            let loose = rare.waiting.iter().chain(&rare.late_histograms);
            rare.late.len() * 16 + rare.sealed.len() + loose.map(|(_, h)| histogram_bytes(h) as usize).sum::<usize>()
        });
        self.tail.bytes() + rare
    }
}
