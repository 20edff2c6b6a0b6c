//! [`Selection`]: series that a query chose, with their samples still compressed.

use super::block::Rows;
use super::labels;
use super::series::SeriesView;
use gantry_chunk::histogram::Sample;
use gantry_chunk::{DamagedChunk, Scratch, frame, histogram};
use gantry_model::LabelSet;
use gantry_model::metric::Samples;
use gantry_store_api::{MillisRange, SeriesSet, StoreError};
use parking_lot::Mutex;
use std::sync::Arc;

/// Where samples of a series lie.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Head(Box<SeriesView>),
    /// A row of those that were read.
    Block(Arc<Rows>, usize),
}

impl Source {
    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Source::Head(view) => view.bytes() as u64,
            Source::Block(rows, row) => (rows.numbers(*row).len() + rows.histograms(*row).len()) as u64,
        }
    }

    fn read(&self, range: MillisRange, scratch: &mut Scratch, into: &mut Samples) -> Result<(), DamagedChunk> {
        match self {
            Source::Head(view) => {
                view.read(range, scratch, &mut into.timestamps, &mut into.values, &mut into.histograms)
            }
            Source::Block(rows, row) => {
                let bounds = (range.first, range.last);
                frame::read(rows.numbers(*row), bounds, scratch, &mut into.timestamps, &mut into.values)?;
                histogram::read(rows.histograms(*row), bounds, scratch, &mut into.histograms)
            }
        }
    }
}

/// Reads all sources of a series, the oldest first, and puts the samples in order. Of equal instants the first counts.
pub(crate) fn read_sources(
    sources: &[Source],
    range: MillisRange,
    scratch: &mut Scratch,
    into: &mut Samples,
) -> Result<(), DamagedChunk> {
    into.clear();
    for source in sources {
        source.read(range, scratch, into)?;
    }
    put_in_order(into);
    Ok(())
}

pub(crate) fn put_in_order(samples: &mut Samples) {
    if samples.timestamps.windows(2).any(|pair| pair[0] >= pair[1]) {
        let mut both: Vec<(i64, f64)> =
            samples.timestamps.iter().copied().zip(samples.values.iter().copied()).collect();
        both.sort_by_key(|(at, _)| *at);
        both.dedup_by_key(|(at, _)| *at);
        (samples.timestamps, samples.values) = both.into_iter().unzip();
    }
    let histograms = &mut samples.histograms;
    if histograms.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
        histograms.sort_by_key(|(at, _)| *at);
        histograms.dedup_by_key(|(at, _)| *at);
    }
    if !histograms.is_empty() && !samples.timestamps.is_empty() {
        // A number wins, as a stale marker has to.
        histograms.retain(|(at, _): &Sample| samples.timestamps.binary_search(at).is_err());
    }
}

/// A series that was found in one place.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub labels: Arc<[u8]>,
    pub source: Source,
}

/// What a select found.
#[derive(Debug)]
pub(crate) struct Selection {
    labels: Vec<LabelSet>,
    sources: Vec<Vec<Source>>,
    range: MillisRange,
    warnings: Vec<String>,
    scratches: Mutex<Vec<Scratch>>,
}

impl Selection {
    /// `found` has older places before newer ones.
    pub(crate) fn new(mut found: Vec<Found>, range: MillisRange, warnings: Vec<String>) -> Self {
        found.sort_by(|a, b| labels::compare(&a.labels, &b.labels));
        let (mut sets, mut sources): (Vec<LabelSet>, Vec<Vec<Source>>) = (Vec::new(), Vec::new());
        let mut last: Option<Arc<[u8]>> = None;
        for Found { labels, source } in found {
            match sources.last_mut() {
                Some(same) if last.as_deref() == Some(&*labels) => same.push(source),
                _ => {
                    sets.push(labels::to_set(&labels));
                    sources.push(vec![source]);
                    last = Some(labels);
                }
            }
        }
        Selection { labels: sets, sources, range, warnings, scratches: Mutex::default() }
    }
}

impl SeriesSet for Selection {
    fn labels(&self) -> &[LabelSet] {
        &self.labels
    }

    fn read(&self, series: usize, into: &mut Samples) -> Result<(), StoreError> {
        let spare = self.scratches.lock().pop();
        let mut scratch = spare.unwrap_or_default();
        let outcome = read_sources(&self.sources[series], self.range, &mut scratch, into);
        self.scratches.lock().push(scratch);
        outcome.map_err(|error| StoreError::corrupt(format!("{}: {error}", self.labels[series])))
    }

    fn warnings(&self) -> Vec<String> {
        self.warnings.clone()
    }
}
