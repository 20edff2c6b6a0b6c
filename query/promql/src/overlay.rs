//! Two sources as one: what is in memory stands in place of what is stored.

use crate::memory::Memory;
use crate::{Select, SeriesSet, Source, SourceError};
use gantry_model::LabelSet;
use gantry_model::metric::Samples;
use std::fmt;
use std::sync::Arc;

/// Series of a source without those that are replaced, and series in memory.
pub struct Overlay<'a> {
    pub below: &'a dyn Source,
    /// All of them are replaced below.
    pub above: &'a Memory,
    /// Which series below are not to be seen.
    pub replaced: &'a (dyn Fn(&LabelSet) -> bool + Sync),
}

impl fmt::Debug for Overlay<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overlay").field("above", &self.above).finish_non_exhaustive()
    }
}

impl Source for Overlay<'_> {
    fn select(&self, request: &Select) -> Result<Arc<dyn SeriesSet>, SourceError> {
        let (below, above) = (self.below.select(request)?, self.above.select(request)?);
        let kept = below.labels().iter().enumerate().filter(|(_, labels)| !(self.replaced)(labels));
        let mut found: Vec<(&LabelSet, Place)> = kept.map(|(at, labels)| (labels, Place::Below(at))).collect();
        if above.labels().is_empty() && found.len() == below.labels().len() {
            return Ok(below);
        }
        found.extend(above.labels().iter().enumerate().map(|(at, labels)| (labels, Place::Above(at))));
        found.sort_by_key(|(labels, _)| *labels);
        let (labels, places) = found.into_iter().map(|(labels, place)| (labels.clone(), place)).unzip();
        Ok(Arc::new(Both { labels, places, below, above }))
    }

    fn take_memory(&self, bytes: usize) -> bool {
        self.below.take_memory(bytes)
    }
}

enum Place {
    Below(usize),
    Above(usize),
}

struct Both {
    labels: Vec<LabelSet>,
    places: Vec<Place>,
    below: Arc<dyn SeriesSet>,
    above: Arc<dyn SeriesSet>,
}

impl SeriesSet for Both {
    fn labels(&self) -> &[LabelSet] {
        &self.labels
    }

    fn read(&self, series: usize, into: &mut Samples) -> Result<(), SourceError> {
        match self.places[series] {
            Place::Below(at) => self.below.read(at, into),
            Place::Above(at) => self.above.read(at, into),
        }
    }
}
