//! [`Pass`]: one scrape, from its body to samples, and what has to be remembered until the next one.

use super::config::ScrapeConfig;
use super::histograms::{Classics, Labels, within_limits};
use super::settings::Settings;
use super::target::Target;
use crate::decode::{Entry, ExpositionContext, ExpositionFormat, TextFormat, TextParser, TextSample, exposition};
use crate::incoming::MetricIncoming;
use crate::reason::Reason;
use gantry_model::LabelSet;
use gantry_model::metric::{
    Exemplar, METRIC_NAME, MetricBatch, MetricBatchBuilder, MetricMetadata, MetricType, NativeHistogram, stale_marker,
};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// Why a scrape brought nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct Failed {
    pub reason: Reason,
    pub message: String,
}

impl Failed {
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Failed { reason, message: message.into() }
    }
}

/// What the last scrape of a target left.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Series whose samples had no time of their own.
    series: HashSet<Box<[u8]>>,
    metadata: HashMap<String, MetricMetadata>,
    /// Whether the last scrape told something new of a family.
    described: bool,
}

impl Memory {
    /// What is known of families, when the last scrape told something new.
    pub fn news(&self) -> Option<Arc<HashMap<String, MetricMetadata>>> {
        self.described.then(|| Arc::new(self.metadata.clone()))
    }
}

/// One scrape of one target.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pass<'a> {
    pub settings: &'a Settings,
    pub target: &'a Target,
    /// When it began, in milliseconds.
    pub now_ms: i64,
}

/// The samples while they are read.
struct Reading {
    batch: MetricBatchBuilder,
    series: HashSet<Box<[u8]>>,
    metadata: HashMap<String, MetricMetadata>,
    /// Histograms that are to be stored as native ones.
    classics: Classics,
    /// Families that have native histograms anyway.
    natives: HashSet<String>,
    scraped: usize,
    kept: usize,
}

impl Pass<'_> {
    /// Samples of the body, ends of series that vanished, and what is told of the scrape itself. After a failure all
    /// series end.
    pub fn samples(
        &self,
        body: Result<(&[u8], ExpositionFormat), Failed>,
        took: Duration,
        memory: &mut Memory,
    ) -> (MetricIncoming, Option<Failed>) {
        let size = match &body {
            Ok((body, _)) => body.len() as f64,
            Err(failed) if failed.reason == Reason::BodyTooLarge => -1.0,
            Err(_) => 0.0,
        };
        let read = body.and_then(|(body, format)| {
            let mut reading = Reading::new();
            match format {
                ExpositionFormat::Text(format) => self.read_text(body, format, &mut reading)?,
                ExpositionFormat::Protobuf => self.read_protobuf(body, &mut reading)?,
            }
            self.finish_classics(&mut reading)?;
            Ok(reading)
        });
        let (mut reading, failed) = match read {
            Ok(reading) => (reading, None),
            Err(failed) => (Reading::new(), Some(failed)),
        };
        let added = reading.series.iter().filter(|series| !memory.series.contains(*series)).count();
        for series in &memory.series {
            if !reading.series.contains(series) {
                reading.end(series, self.now_ms);
            }
        }
        let up = if failed.is_some() { 0.0 } else { 1.0 };
        self.report("up", up, &mut reading.batch);
        self.report("scrape_duration_seconds", took.as_secs_f64(), &mut reading.batch);
        self.report("scrape_samples_scraped", reading.scraped as f64, &mut reading.batch);
        self.report("scrape_samples_post_metric_relabeling", reading.kept as f64, &mut reading.batch);
        self.report("scrape_series_added", added as f64, &mut reading.batch);
        if self.reports_more() {
            self.report("scrape_timeout_seconds", self.target.timeout.as_secs_f64(), &mut reading.batch);
            self.report("scrape_sample_limit", self.config().limits.sample_limit as f64, &mut reading.batch);
            self.report("scrape_body_size_bytes", size, &mut reading.batch);
        }
        memory.series = reading.series;
        memory.described = false;
        for (family, metadata) in reading.metadata {
            if memory.metadata.get(&family) != Some(&metadata) {
                reading.batch.metadata(&family, metadata.clone());
                memory.metadata.insert(family, metadata);
                memory.described = true;
            }
        }
        (MetricIncoming { batch: reading.batch.finish(), ..MetricIncoming::default() }, failed)
    }

    /// Ends all series, those about scraping too: the target is gone.
    pub fn ended(&self, memory: &mut Memory) -> MetricIncoming {
        let mut reading = Reading::new();
        for gone in std::mem::take(&mut memory.series) {
            reading.end(&gone, self.now_ms);
        }
        let more = if self.reports_more() { MORE_REPORTS } else { &[] };
        for name in REPORTS.iter().chain(more) {
            self.report(name, stale_marker(), &mut reading.batch);
        }
        MetricIncoming { batch: reading.batch.finish(), ..MetricIncoming::default() }
    }

    fn config(&self) -> &ScrapeConfig {
        &self.settings.config
    }

    fn reports_more(&self) -> bool {
        self.config().limits.extra_scrape_metrics.unwrap_or(false)
    }

    fn report(&self, name: &str, value: f64, batch: &mut MetricBatchBuilder) {
        let labels = self.target.labels.iter().filter(|(label, _)| *label != METRIC_NAME);
        if batch.series(labels.chain([(METRIC_NAME, name)])).is_ok() {
            batch.sample(self.now_ms, value);
        }
    }

    fn read_text(&self, body: &[u8], format: TextFormat, reading: &mut Reading) -> Result<(), Failed> {
        let mut parser = TextParser::new(body, format);
        let mut sample = TextSample::default();
        let unreadable = |message: String| Failed::new(Reason::InvalidText, message);
        while let Some(entry) = parser.next_entry(&mut sample).map_err(|error| unreadable(error.to_string()))? {
            match entry {
                Entry::Sample => self.sample(&sample.labels, sample.timestamp_ms, told(&sample), reading)?,
                Entry::Type(family, kind) => reading.described(&family).kind = kind,
                Entry::Help(family, help) => reading.described(&family).help = help.into_owned(),
                Entry::Unit(family, unit) => reading.described(&family).unit = unit.to_owned(),
            }
        }
        if !parser.is_complete() {
            return Err(unreadable("the text does not end with \"# EOF\": it was cut off".to_owned()));
        }
        Ok(())
    }

    fn read_protobuf(&self, body: &[u8], reading: &mut Reading) -> Result<(), Failed> {
        let both_histograms = self.config().limits.always_scrape_classic_histograms.unwrap_or(false);
        let context = ExpositionContext { now_ms: self.now_ms, labels: Vec::new(), both_histograms };
        let incoming = exposition(body, ExpositionFormat::Protobuf, &context);
        let incoming = incoming.map_err(|error| Failed::new(error.reason, error.message))?;
        if let Some(refused) = incoming.refused.by_reason().first() {
            return Err(Failed::new(refused.reason, incoming.refused.first().unwrap_or_default()));
        }
        let batch = incoming.batch;
        for (family, metadata) in batch.metadata() {
            *reading.described(family) = metadata.clone();
        }
        for series in batch.series().iter().filter(|series| !batch.histograms(series).is_empty()) {
            reading.natives.insert(batch.labels(series).get(METRIC_NAME).unwrap_or_default().to_owned());
        }
        for series in batch.series() {
            let labels = batch.labels(series);
            let labels: Labels<'_> = labels.iter().map(|(n, v)| (Cow::Borrowed(n), Cow::Borrowed(v))).collect();
            let own = |at: i64| (at != self.now_ms).then_some(at);
            let told = |value| Told { value, exemplars: batch.exemplars(series).to_vec() };
            let (times, values) = batch.samples(series);
            for (at, value) in times.iter().zip(values) {
                self.sample(&labels, own(*at), told(NewValue::Number(*value)), reading)?;
            }
            for (at, histogram) in batch.histograms(series) {
                self.sample(&labels, own(*at), told(NewValue::Histogram(histogram.clone())), reading)?;
            }
        }
        Ok(())
    }

    /// Stores the histograms that were gathered from their counters.
    fn finish_classics(&self, reading: &mut Reading) -> Result<(), Failed> {
        for (labels, histogram, classic) in std::mem::take(&mut reading.classics).finish() {
            let labels: Labels<'_> = labels.into_iter().map(|(n, v)| (Cow::Owned(n), Cow::Owned(v))).collect();
            let told = Told { value: NewValue::Histogram(histogram), exemplars: classic.exemplars };
            self.store(&labels, classic.timestamp_ms, told, reading)?;
        }
        Ok(())
    }

    /// Stores a sample, or keeps it for the histogram that it is a part of.
    fn sample(
        &self,
        labels: &Labels<'_>,
        timestamp_ms: Option<i64>,
        told: Told,
        reading: &mut Reading,
    ) -> Result<(), Failed> {
        let limits = &self.config().limits;
        if limits.convert_classic_histograms_to_nhcb.unwrap_or(false)
            && let NewValue::Number(value) = told.value
        {
            let Reading { classics, metadata, natives, .. } = reading;
            let is_histogram = |family: &str| {
                let known = metadata.get(family).is_some_and(|family| family.kind == MetricType::Histogram);
                known && !natives.contains(family)
            };
            let taken = classics.take(labels, (timestamp_ms, value, &told.exemplars), is_histogram);
            if taken && !limits.always_scrape_classic_histograms.unwrap_or(false) {
                return Ok(());
            }
        }
        self.store(labels, timestamp_ms, told, reading)
    }

    /// Stores a sample, relabelled, at its own time or that of the scrape.
    fn store(
        &self,
        labels: &Labels<'_>,
        timestamp_ms: Option<i64>,
        told: Told,
        reading: &mut Reading,
    ) -> Result<(), Failed> {
        reading.scraped += 1;
        let mut labels = self.labels(labels);
        if !self.settings.rules.metrics.apply_to(&mut labels) {
            return Ok(());
        }
        self.check(&labels)?;
        reading.kept += 1;
        let config = self.config();
        let limit = config.limits.sample_limit;
        if limit > 0 && reading.kept > limit {
            let message = format!("more than sample_limit, {limit} samples");
            return Err(Failed::new(Reason::SampleLimit, message));
        }
        let pairs = labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        if let Err(error) = reading.batch.series(pairs) {
            return Err(Failed::new(Reason::InvalidLabels, error.to_string()));
        }
        let own_time = timestamp_ms.filter(|_| config.honor_timestamps);
        let at = own_time.unwrap_or(self.now_ms);
        match told.value {
            NewValue::Number(value) => reading.batch.sample(at, value),
            NewValue::Histogram(histogram) => reading.batch.histogram(at, within_limits(histogram, config)?),
        };
        for exemplar in told.exemplars {
            let timestamp = if exemplar.timestamp == NO_TIME { at } else { exemplar.timestamp };
            reading.batch.exemplar(Exemplar { timestamp, ..exemplar });
        }
        let ends = own_time.is_none() || config.track_timestamps_staleness;
        if let Some(series) = reading.batch.labels().filter(|_| ends).map(|labels| labels.as_bytes().into()) {
            reading.series.insert(series);
        }
        Ok(())
    }

    /// Labels of the sample and of the target, of which one gives way.
    fn labels(&self, own: &Labels<'_>) -> BTreeMap<String, String> {
        let own = own.iter().filter(|(_, value)| !value.is_empty());
        let mut labels: BTreeMap<String, String> =
            own.map(|(name, value)| (name.to_string(), value.to_string())).collect();
        for (name, value) in self.target.labels.iter() {
            match labels.get(name) {
                Some(_) if self.config().honor_labels => {}
                Some(_) => {
                    let mut exported = format!("exported_{name}");
                    while labels.contains_key(&exported) || self.target.labels.get(&exported).is_some() {
                        exported.insert_str(0, "exported_");
                    }
                    let given = labels.insert(name.to_owned(), value.to_owned()).unwrap_or_default();
                    labels.insert(exported, given);
                }
                None => {
                    labels.insert(name.to_owned(), value.to_owned());
                }
            }
        }
        labels
    }

    fn check(&self, labels: &BTreeMap<String, String>) -> Result<(), Failed> {
        let (limits, validation) = (&self.config().limits, self.config().validation());
        let over = |limit: usize, size: usize| limit > 0 && size > limit;
        let failed = |what: String| Err(Failed::new(Reason::LabelLimit, what));
        let name = labels.get(METRIC_NAME).map_or("", String::as_str);
        if name.is_empty() {
            return Err(Failed::new(Reason::MissingMetricName, "relabelling leaves a sample without a name"));
        }
        if over(limits.label_limit, labels.len()) {
            return failed(format!("{} labels of {name:?} are more than label_limit", labels.len()));
        }
        if !validation.allows(name, true) {
            return Err(Failed::new(
                Reason::InvalidLabels,
                format!("{name:?} is no name of metric_name_validation_scheme legacy"),
            ));
        }
        for (label, value) in labels {
            if !validation.allows(label, false) {
                let message =
                    format!("the label {label:?} of {name:?} is none of metric_name_validation_scheme legacy");
                return Err(Failed::new(Reason::InvalidLabels, message));
            }
            if over(limits.label_name_length_limit, label.len()) {
                return failed(format!("label {label:?} of {name:?} is longer than label_name_length_limit"));
            }
            if over(limits.label_value_length_limit, value.len()) {
                return failed(format!("the value of {label:?} of {name:?} is longer than label_value_length_limit"));
            }
        }
        Ok(())
    }
}

/// What is told of every scrape.
const REPORTS: &[&str] = &[
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
];

/// With `extra_scrape_metrics`.
const MORE_REPORTS: &[&str] = &["scrape_timeout_seconds", "scrape_sample_limit", "scrape_body_size_bytes"];

/// Of an exemplar that has the time of its sample.
const NO_TIME: i64 = i64::MIN;

/// What a sample says beside its labels and its time.
struct Told {
    value: NewValue,
    exemplars: Vec<Exemplar>,
}

enum NewValue {
    Number(f64),
    Histogram(NativeHistogram),
}

/// Of a text.
fn told(sample: &TextSample<'_>) -> Told {
    let exemplar = sample.exemplar.iter().map(|exemplar| Exemplar {
        labels: LabelSet::from_pairs(exemplar.labels.iter().map(|(name, value)| (&**name, &**value))),
        value: exemplar.value,
        timestamp: exemplar.timestamp_ms.unwrap_or(NO_TIME),
    });
    Told { value: NewValue::Number(sample.value), exemplars: exemplar.collect() }
}

impl Reading {
    fn new() -> Self {
        Reading {
            batch: MetricBatch::builder(),
            series: HashSet::new(),
            metadata: HashMap::new(),
            classics: Classics::default(),
            natives: HashSet::new(),
            scraped: 0,
            kept: 0,
        }
    }

    fn described(&mut self, family: &str) -> &mut MetricMetadata {
        self.metadata.entry(family.to_owned()).or_default()
    }

    fn end(&mut self, series: &[u8], now_ms: i64) {
        let Some(labels) = gantry_model::metric::EncodedLabels::new(series) else { return };
        if self.batch.series(labels.iter()).is_ok() {
            self.batch.sample(now_ms, stale_marker());
        }
    }
}

#[cfg(test)]
mod tests;
