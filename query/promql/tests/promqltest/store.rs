//! Series in memory.

use gantry_model::LabelSet;
use gantry_model::metric::Samples;
use gantry_promql::{Select, SeriesSet, Source, SourceError};
use gantry_query_lang::promql::script::Load;
use gantry_query_lang::promql::series::{SeriesValue, expand};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Default)]
pub struct Store(BTreeMap<LabelSet, Samples>);

impl Store {
    pub fn load(&mut self, load: &Load) {
        for series in &load.series {
            let combine = crate::combine;
            let Ok(values) = expand(&series.items, &combine) else { continue };
            let samples = self.0.entry(series.labels.clone()).or_default();
            for (at, value) in values.into_iter().enumerate() {
                let time = at as i64 * load.step_ms;
                match value {
                    SeriesValue::Omitted => {}
                    SeriesValue::Number(value) => samples.push(time, value),
                    SeriesValue::Histogram(written) => samples.histograms.push((time, written.histogram)),
                }
            }
        }
    }
}

struct Chosen {
    labels: Vec<LabelSet>,
    samples: Vec<Samples>,
}

impl SeriesSet for Chosen {
    fn labels(&self) -> &[LabelSet] {
        &self.labels
    }

    fn read(&self, series: usize, into: &mut Samples) -> Result<(), SourceError> {
        into.clone_from(&self.samples[series]);
        Ok(())
    }
}

impl Source for Store {
    fn select(&self, request: &Select) -> Result<Arc<dyn SeriesSet>, SourceError> {
        let inside = |time: i64| request.first_ms <= time && time <= request.last_ms;
        let mut chosen = Chosen { labels: Vec::new(), samples: Vec::new() };
        for (labels, samples) in self.0.iter().filter(|(labels, _)| request.selector.matches(labels)) {
            let mut kept = Samples::default();
            let numbers = samples.timestamps.iter().zip(&samples.values).filter(|(time, _)| inside(**time));
            numbers.for_each(|(time, value)| kept.push(*time, *value));
            kept.histograms.extend(samples.histograms.iter().filter(|(time, _)| inside(*time)).cloned());
            chosen.labels.push(labels.clone());
            chosen.samples.push(kept);
        }
        Ok(Arc::new(chosen))
    }
}
