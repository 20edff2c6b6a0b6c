//! [`MetricBatch`]: many samples of many series in few allocations.

use crate::metric::encoded::{EncodedLabels, push_bytes, push_pair};
use crate::metric::{Exemplar, MetricMetadata, NativeHistogram};
use std::ops::Range;

/// Samples of several series, as one receiver read them. A series may occur more than once; samples keep the order in
/// which they came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetricBatch {
    labels: Vec<u8>,
    series: Vec<BatchSeries>,
    timestamps: Vec<i64>,
    values: Vec<f64>,
    histograms: Vec<(i64, NativeHistogram)>,
    exemplars: Vec<Exemplar>,
    metadata: Vec<(String, MetricMetadata)>,
}

/// One series' part of a batch; ranges are positions in the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchSeries {
    labels: Range<u32>,
    samples: Range<u32>,
    histograms: Range<u32>,
    exemplars: Range<u32>,
}

/// Labels that name no series.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidLabels {
    #[error("label name {0:?} occurs twice")]
    Duplicate(String),
    #[error("a label has no name")]
    NoName,
    #[error("the series has no labels")]
    Empty,
    #[error("label {0:?} is not UTF-8")]
    Encoding(String),
    #[error("a batch holds at most 4 GiB of labels")]
    TooLarge,
}

impl MetricBatch {
    pub fn builder() -> MetricBatchBuilder {
        MetricBatchBuilder::default()
    }

    pub fn series(&self) -> &[BatchSeries] {
        &self.series
    }

    pub fn labels(&self, series: &BatchSeries) -> EncodedLabels<'_> {
        EncodedLabels(&self.labels[range(&series.labels)])
    }

    /// Milliseconds and values of the series' numbers.
    pub fn samples(&self, series: &BatchSeries) -> (&[i64], &[f64]) {
        let at = range(&series.samples);
        (&self.timestamps[at.clone()], &self.values[at])
    }

    pub fn histograms(&self, series: &BatchSeries) -> &[(i64, NativeHistogram)] {
        &self.histograms[range(&series.histograms)]
    }

    pub fn exemplars(&self, series: &BatchSeries) -> &[Exemplar] {
        &self.exemplars[range(&series.exemplars)]
    }

    /// Metric families with what is known of them.
    pub fn metadata(&self) -> &[(String, MetricMetadata)] {
        &self.metadata
    }

    /// Numbers and histograms.
    pub fn sample_count(&self) -> usize {
        self.values.len() + self.histograms.len()
    }

    /// How many of the samples are histograms.
    pub fn histogram_count(&self) -> usize {
        self.histograms.len()
    }

    pub fn exemplar_count(&self) -> usize {
        self.exemplars.len()
    }

    /// About the memory that it takes, in bytes: labels once for each time that a series was opened, 16 for a number.
    pub fn size_bytes(&self) -> usize {
        let buckets = |(_, h): &(i64, NativeHistogram)| {
            64 + 8 * (h.positive.counts.len() + h.negative.counts.len() + h.custom_bounds.len())
        };
        let metadata = |(family, m): &(String, MetricMetadata)| family.len() + m.help.len() + m.unit.len() + 16;
        self.labels.len()
            + 16 * self.values.len()
            + self.histograms.iter().map(buckets).sum::<usize>()
            + 64 * self.exemplars.len()
            + self.metadata.iter().map(metadata).sum::<usize>()
    }

    pub fn is_empty(&self) -> bool {
        self.sample_count() == 0 && self.exemplars.is_empty() && self.metadata.is_empty()
    }
}

fn range(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}

/// Fills a [`MetricBatch`]: open a series, then push what belongs to it.
#[derive(Debug, Default)]
pub struct MetricBatchBuilder {
    batch: MetricBatch,
    /// Whether the last series takes what is pushed.
    open: bool,
}

impl MetricBatchBuilder {
    /// What is pushed from now on belongs to the series of these labels. In order of names they are taken as they come;
    /// otherwise they are sorted. Labels with an empty value are left out. After an error no series is open: what is
    /// pushed next is lost, so open another one first.
    pub fn series<'l>(
        &mut self,
        pairs: impl IntoIterator<Item = (&'l str, &'l str)>,
    ) -> Result<&mut Self, InvalidLabels> {
        self.open(pairs.into_iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())))
    }

    /// As [`MetricBatchBuilder::series`], for texts that nobody has looked at yet. Cheaper than to check each before.
    pub fn series_bytes<'l>(
        &mut self,
        pairs: impl IntoIterator<Item = (&'l [u8], &'l [u8])>,
    ) -> Result<&mut Self, InvalidLabels> {
        let mut broken = None;
        let checked = pairs.into_iter().map_while(|(name, value)| {
            let good = is_text(name) && is_text(value);
            if !good {
                broken = Some(String::from_utf8_lossy(name).into_owned());
            }
            good.then_some((name, value))
        });
        let opened = self.open(checked).map(|_| ());
        match (broken, opened) {
            (Some(name), opened) => {
                if opened.is_ok() {
                    self.close();
                }
                Err(InvalidLabels::Encoding(name))
            }
            (None, opened) => opened.map(|()| self),
        }
    }

    /// Closes the series that was opened last, and takes it back when nothing was pushed to it.
    pub fn close(&mut self) {
        self.open = false;
        let empty = |s: &mut BatchSeries| s.samples.is_empty() && s.histograms.is_empty() && s.exemplars.is_empty();
        if let Some(series) = self.batch.series.pop_if(empty) {
            self.batch.labels.truncate(series.labels.start as usize);
        }
    }

    fn open<'l>(&mut self, pairs: impl Iterator<Item = (&'l [u8], &'l [u8])>) -> Result<&mut Self, InvalidLabels> {
        let start = self.batch.labels.len();
        let outcome = self.push_labels(pairs, start).and_then(|()| {
            let at = |length: usize| u32::try_from(length).map_err(|_| InvalidLabels::TooLarge);
            Ok(BatchSeries {
                labels: at(start)?..at(self.batch.labels.len())?,
                samples: empty_range(at(self.batch.values.len())?),
                histograms: empty_range(at(self.batch.histograms.len())?),
                exemplars: empty_range(at(self.batch.exemplars.len())?),
            })
        });
        self.open = outcome.is_ok();
        match outcome {
            Ok(series) => self.batch.series.push(series),
            Err(error) => {
                self.batch.labels.truncate(start);
                return Err(error);
            }
        }
        Ok(self)
    }

    fn push_labels<'l>(
        &mut self,
        pairs: impl Iterator<Item = (&'l [u8], &'l [u8])>,
        start: usize,
    ) -> Result<(), InvalidLabels> {
        let mut last: &[u8] = b"";
        let mut as_they_are = true;
        for (name, value) in pairs {
            if name.is_empty() {
                return Err(InvalidLabels::NoName);
            }
            as_they_are &= last < name && !value.is_empty();
            last = name;
            push_bytes(&mut self.batch.labels, name, value);
        }
        if !as_they_are {
            let repaired = repair(EncodedLabels(&self.batch.labels[start..]))?;
            self.batch.labels.truncate(start);
            self.batch.labels.extend_from_slice(&repaired);
        }
        if self.batch.labels.len() == start { Err(InvalidLabels::Empty) } else { Ok(()) }
    }

    /// The labels of the open series.
    pub fn labels(&self) -> Option<EncodedLabels<'_>> {
        self.batch.series.last().filter(|_| self.open).map(|series| self.batch.labels(series))
    }

    /// A number at an instant in milliseconds.
    pub fn sample(&mut self, timestamp_ms: i64, value: f64) -> &mut Self {
        if let Some(series) = self.batch.series.last_mut().filter(|_| self.open) {
            self.batch.timestamps.push(timestamp_ms);
            self.batch.values.push(value);
            series.samples.end += 1;
        }
        self
    }

    /// A histogram at an instant in milliseconds. It is not validated here.
    pub fn histogram(&mut self, timestamp_ms: i64, histogram: NativeHistogram) -> &mut Self {
        if let Some(series) = self.batch.series.last_mut().filter(|_| self.open) {
            self.batch.histograms.push((timestamp_ms, histogram));
            series.histograms.end += 1;
        }
        self
    }

    pub fn exemplar(&mut self, exemplar: Exemplar) -> &mut Self {
        if let Some(series) = self.batch.series.last_mut().filter(|_| self.open) {
            self.batch.exemplars.push(exemplar);
            series.exemplars.end += 1;
        }
        self
    }

    /// What is known of a metric family; belongs to no series.
    pub fn metadata(&mut self, family: &str, metadata: MetricMetadata) -> &mut Self {
        self.batch.metadata.push((family.to_owned(), metadata));
        self
    }

    pub fn finish(self) -> MetricBatch {
        self.batch
    }
}

fn is_text(bytes: &[u8]) -> bool {
    bytes.is_ascii() || std::str::from_utf8(bytes).is_ok()
}

fn empty_range(at: u32) -> Range<u32> {
    at..at
}

/// Sorted, without empty values.
fn repair(labels: EncodedLabels<'_>) -> Result<Vec<u8>, InvalidLabels> {
    let mut pairs: Vec<_> = labels.iter().collect();
    pairs.sort_unstable();
    if let Some(pair) = pairs.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        return Err(InvalidLabels::Duplicate(pair[0].0.to_owned()));
    }
    let mut bytes = Vec::with_capacity(labels.as_bytes().len());
    for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
        push_pair(&mut bytes, name, value);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LabelSet;

    #[test]
    fn a_batch_gives_back_what_was_pushed() {
        let mut builder = MetricBatch::builder();
        builder.series([("__name__", "up"), ("job", "a")]).unwrap().sample(1, 1.0).sample(2, 0.0);
        builder.series([("job", "b"), ("__name__", "up"), ("x", "")]).unwrap().sample(3, 1.0);
        builder.histogram(4, NativeHistogram { count: 1.0, zero_count: 1.0, ..Default::default() });
        builder.exemplar(Exemplar { labels: LabelSet::default(), value: 2.0, timestamp: 4 });
        let batch = builder.finish();
        let [one, two] = batch.series() else { panic!("two series") };
        assert_eq!(batch.labels(one).to_labels(), LabelSet::from_pairs([("__name__", "up"), ("job", "a")]));
        assert_eq!(batch.labels(two).to_labels(), LabelSet::from_pairs([("__name__", "up"), ("job", "b")]));
        assert_eq!(batch.samples(one), (&[1, 2][..], &[1.0, 0.0][..]));
        assert_eq!(batch.samples(two), (&[3][..], &[1.0][..]));
        assert_eq!((batch.histograms(one).len(), batch.histograms(two).len()), (0, 1));
        assert_eq!((batch.exemplars(one).len(), batch.exemplars(two).len()), (0, 1));
        assert_eq!(batch.sample_count(), 4);
    }

    #[test]
    fn labels_that_name_no_series_are_refused_and_leave_nothing() {
        let mut builder = MetricBatch::builder();
        let refused = builder.series([("b", "1"), ("a", "1"), ("b", "2")]).unwrap_err();
        assert_eq!(refused, InvalidLabels::Duplicate("b".into()));
        assert_eq!(builder.series([("", "1")]).unwrap_err(), InvalidLabels::NoName);
        assert_eq!(builder.series([("a", "")]).unwrap_err(), InvalidLabels::Empty);
        let broken: [(&[u8], &[u8]); 2] = [(b"a", b"1"), (b"b", b"\xff")];
        assert_eq!(builder.series_bytes(broken).unwrap_err(), InvalidLabels::Encoding("b".into()));
        let batch = builder.finish();
        assert!(batch.labels.is_empty() && batch.series.is_empty());
    }

    #[test]
    fn what_is_pushed_after_a_refused_or_closed_series_is_of_no_other() {
        let mut builder = MetricBatch::builder();
        builder.series([("a", "1")]).unwrap().sample(1, 1.0);
        builder.series([("", "1")]).unwrap_err();
        assert!(builder.labels().is_none());
        builder.sample(2, 2.0);
        builder.series([("b", "1")]).unwrap();
        builder.close();
        builder.sample(3, 3.0).histogram(3, NativeHistogram::default());
        let batch = builder.finish();
        let [one] = batch.series() else { panic!("one series") };
        assert_eq!((batch.samples(one), batch.sample_count()), ((&[1][..], &[1.0][..]), 1));
    }
}
