//! [`Picker`]: what of a record is sent to a remote, under which labels.

use crate::options::RemoteWriteOptions;
use crate::record::{Entry, Record};
use gantry_model::LabelSet;
use gantry_model::metric::{EncodedLabels, MetricBatch, MetricBatchBuilder};
use gantry_model::relabel::{InvalidRelabel, RelabelRules};
use std::collections::HashMap;

/// Series whose new labels are remembered.
const REMEMBERED: usize = 100_000;

/// Keeps what rules made of labels, so that they run once for each series.
#[derive(Debug)]
pub(crate) struct Picker {
    rules: RelabelRules,
    relabelled: HashMap<Box<[u8]>, Option<LabelSet>>,
    exemplars: bool,
    histograms: bool,
    age_limit_ms: i64,
    /// Most samples of an entry of the batch.
    most: usize,
    entry: Entry,
}

/// What goes out of a record. A series may occur several times, with numbers or with histograms each time.
#[derive(Debug, Default)]
pub(crate) struct Picked {
    pub batch: MetricBatch,
    /// Samples of series that the rules drop, or that have no labels left.
    pub relabelled: u64,
    pub too_old: u64,
    /// Histograms that are not wanted.
    pub histograms: u64,
}

impl Picker {
    pub fn new(options: &RemoteWriteOptions) -> Result<Self, InvalidRelabel> {
        let age_limit = options.queue_config.sample_age_limit;
        Ok(Picker {
            rules: options.rules()?,
            relabelled: HashMap::new(),
            exemplars: options.send_exemplars,
            histograms: options.send_native_histograms,
            age_limit_ms: if age_limit.is_zero() {
                i64::MAX
            } else {
                i64::try_from(age_limit.as_millis()).unwrap_or(i64::MAX)
            },
            most: options.queue_config.max_samples_per_send,
            entry: Entry::default(),
        })
    }

    /// Says what is wrong with a record that cannot be read.
    pub fn pick(&mut self, record: &Record<'_>, now_ms: i64) -> Result<Picked, String> {
        let oldest = now_ms.saturating_sub(self.age_limit_ms);
        let mut entry = std::mem::take(&mut self.entry);
        let (mut builder, mut picked) = (MetricBatch::builder(), Picked::default());
        let outcome = record.read(&mut entry, |entry| self.take(entry, oldest, &mut builder, &mut picked));
        self.entry = entry;
        picked.batch = builder.finish();
        outcome.map(|()| picked)
    }

    fn take(&mut self, entry: &Entry, oldest: i64, builder: &mut MetricBatchBuilder, picked: &mut Picked) {
        let Some(labels) = EncodedLabels::new(&entry.labels) else { return };
        let new_labels = if self.rules.is_empty() { None } else { Some(self.relabel(labels)) };
        let open = |builder: &mut MetricBatchBuilder| match &new_labels {
            None => builder.series(labels.iter()).is_ok(),
            Some(Some(new)) => builder.series(new.iter()).is_ok(),
            Some(None) => false,
        };
        let new_enough: Vec<(i64, f64)> =
            entry.times.iter().copied().zip(entry.values.iter().copied()).filter(|(at, _)| *at >= oldest).collect();
        let histograms: Vec<_> = entry.histograms.iter().filter(|(at, _)| self.histograms && *at >= oldest).collect();
        let unwanted = if self.histograms { 0 } else { entry.histograms.len() };
        let samples = entry.times.len() + entry.histograms.len();
        let exemplars = if self.exemplars { &entry.exemplars[..] } else { &[] };
        let mut exemplars = exemplars.iter().filter(|exemplar| exemplar.timestamp >= oldest).peekable();
        if matches!(new_labels, Some(None)) {
            picked.relabelled += samples as u64;
            return;
        }
        picked.histograms += unwanted as u64;
        picked.too_old += (samples - unwanted - new_enough.len() - histograms.len()) as u64;
        for some in new_enough.chunks(self.most) {
            if open(builder) {
                some.iter().for_each(|(at, value)| _ = builder.sample(*at, *value));
                exemplars.by_ref().for_each(|exemplar| _ = builder.exemplar(exemplar.clone()));
            }
        }
        for some in histograms.chunks(self.most) {
            if open(builder) {
                some.iter().for_each(|(at, one)| _ = builder.histogram(*at, one.clone()));
                exemplars.by_ref().for_each(|exemplar| _ = builder.exemplar(exemplar.clone()));
            }
        }
        if exemplars.peek().is_some() && open(builder) {
            exemplars.for_each(|exemplar| _ = builder.exemplar(exemplar.clone()));
        }
    }

    fn relabel(&mut self, labels: EncodedLabels<'_>) -> Option<LabelSet> {
        if let Some(known) = self.relabelled.get(labels.as_bytes()) {
            return known.clone();
        }
        if self.relabelled.len() >= REMEMBERED {
            self.relabelled.clear();
        }
        let new = self.rules.apply(&labels.to_labels()).filter(|labels| !labels.is_empty());
        self.relabelled.insert(labels.as_bytes().into(), new.clone());
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::RecordWriter;
    use gantry_model::TenantId;
    use gantry_model::metric::{Exemplar, NativeHistogram};
    use serde_json::json;

    fn picked(options: serde_json::Value, now_ms: i64) -> (Picked, Vec<String>) {
        let options: RemoteWriteOptions = serde_json::from_value(options).unwrap();
        let mut builder = MetricBatch::builder();
        builder.series([("__name__", "up"), ("job", "a")]).unwrap().sample(100, 1.0).sample(200, 2.0).sample(300, 3.0);
        builder.exemplar(Exemplar { labels: LabelSet::from_pairs([("t", "x")]), value: 1.0, timestamp: 300 });
        builder.histogram(400, NativeHistogram { count: 1.0, zero_count: 1.0, ..Default::default() });
        builder.series([("__name__", "go_info")]).unwrap().sample(300, 1.0);
        let record =
            RecordWriter::default().write((&TenantId::default_tenant(), 0), &builder.finish(), &[]).unwrap().unwrap();
        let record = Record::parse(&record[8..]).unwrap();
        let picked = Picker::new(&options).unwrap().pick(&record, now_ms).unwrap();
        let batch = &picked.batch;
        let shown = batch.series().iter().map(|one| {
            let counts = (batch.samples(one).0.len(), batch.histograms(one).len(), batch.exemplars(one).len());
            format!("{} {counts:?}", batch.labels(one).to_labels())
        });
        let shown = shown.collect();
        (picked, shown)
    }

    #[test]
    fn numbers_go_out_and_other_things_on_request() {
        let (none, shown) = picked(json!({}), 0);
        assert_eq!(shown, [r#"{__name__="up", job="a"} (3, 0, 0)"#, r#"{__name__="go_info"} (1, 0, 0)"#]);
        assert_eq!((none.histograms, none.relabelled, none.too_old), (1, 0, 0));
        let (all, shown) = picked(json!({"send_exemplars": true, "send_native_histograms": true}), 0);
        assert_eq!(
            shown[..2],
            [r#"{__name__="up", job="a"} (3, 0, 1)"#, r#"{__name__="up", job="a"} (0, 1, 0)"#],
            "2.0 has one kind at a time"
        );
        assert_eq!(all.histograms, 0);
    }

    #[test]
    fn series_are_relabelled_and_dropped() {
        let rules = json!({"write_relabel_configs": [
            {"source_labels": ["__name__"], "regex": "go_.*", "action": "drop"},
            {"target_label": "cluster", "replacement": "eu"},
        ]});
        let (picked, shown) = picked(rules, 0);
        assert_eq!(shown, [r#"{__name__="up", cluster="eu", job="a"} (3, 0, 0)"#]);
        assert_eq!(picked.relabelled, 1);
    }

    #[test]
    fn old_samples_stay_and_long_series_are_cut() {
        let (some, shown) = picked(json!({"queue_config": {"sample_age_limit": "100ms"}}), 350);
        assert_eq!((shown.len(), some.too_old), (2, 2));
        let (_, shown) = picked(json!({"queue_config": {"max_samples_per_send": 2}}), 0);
        assert_eq!(shown[..2], [r#"{__name__="up", job="a"} (2, 0, 0)"#, r#"{__name__="up", job="a"} (1, 0, 0)"#]);
    }
}
