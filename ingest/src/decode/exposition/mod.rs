//! What exporters expose: Prometheus' text format, OpenMetrics text, Prometheus' delimited protobuf.
//!
//! Sources: prometheus.io, "Exposition formats" (text format 0.0.4, 1.0.0 with quoted names); OpenMetrics 1.0
//! (`prometheus/OpenMetrics`, `specification/OpenMetrics.md`); prometheus/client_model, `metrics.proto`.
//!
//! [`TextParser`] reads line by line and goes on after a broken one; [`exposition`] makes a batch. In Prometheus' way,
//! `_created` is a series as any other, and bounds and quantiles are written in one form (`1` becomes `1.0`).

mod float;
mod line;
mod protobuf;
mod text;

pub use text::{Entry, TextError, TextExemplar, TextFormat, TextParser, TextSample};

pub(crate) use float::open_metrics_float;

use super::DecodeError;
use super::gather::{Gather, RawLabel};
use crate::incoming::MetricIncoming;
use crate::reason::Reason;
use gantry_model::LabelSet;
use gantry_model::metric::{Exemplar, MetricMetadata};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// In what form metrics are exposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpositionFormat {
    Text(TextFormat),
    /// Messages `io.prometheus.client.MetricFamily`, each after its length.
    Protobuf,
}

impl ExpositionFormat {
    /// The format that a `Content-Type` names; the text format for any that is not known.
    pub fn of_content_type(content_type: &str) -> Self {
        Self::known(content_type).unwrap_or(ExpositionFormat::Text(TextFormat::Prometheus))
    }

    /// The format that a `Content-Type` names, if it names any.
    pub fn known(content_type: &str) -> Option<Self> {
        let content_type = content_type.to_ascii_lowercase();
        match content_type.split(';').next().unwrap_or("").trim() {
            "application/openmetrics-text" => Some(ExpositionFormat::Text(TextFormat::OpenMetrics)),
            "application/vnd.google.protobuf" => Some(ExpositionFormat::Protobuf),
            "text/plain" => Some(ExpositionFormat::Text(TextFormat::Prometheus)),
            _ => None,
        }
    }
}

/// What is added to what an exporter says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpositionContext {
    /// The instant of samples that have none, in milliseconds.
    pub now_ms: i64,
    /// Labels of every series, in place of those of the same name.
    pub labels: Vec<(String, String)>,
    /// Of histograms that come in both forms in protobuf, give the classic one, too.
    pub both_histograms: bool,
}

/// Reads what was exposed.
///
/// # Errors
/// `invalid_text` when OpenMetrics does not end with `# EOF` (it was cut off), `invalid_protobuf` with the position.
/// A broken line of a text is refused on its own, with its number.
pub fn exposition(
    body: &[u8],
    format: ExpositionFormat,
    context: &ExpositionContext,
) -> Result<MetricIncoming, DecodeError> {
    let mut families = Families { context, gather: Gather::default(), metadata: BTreeMap::new() };
    match format {
        ExpositionFormat::Text(format) => families.text(body, format)?,
        ExpositionFormat::Protobuf => protobuf::read(body, &mut families)?,
    }
    for (family, metadata) in families.metadata {
        families.gather.metadata(&family, metadata);
    }
    Ok(families.gather.finish())
}

/// The batch while it is filled.
struct Families<'c> {
    context: &'c ExpositionContext,
    gather: Gather,
    metadata: BTreeMap<String, MetricMetadata>,
}

impl Families<'_> {
    fn text(&mut self, body: &[u8], format: TextFormat) -> Result<(), DecodeError> {
        let mut parser = TextParser::new(body, format);
        let mut sample = TextSample::default();
        loop {
            match parser.next_entry(&mut sample) {
                Ok(None) => break,
                Ok(Some(Entry::Sample)) => self.sample(&sample),
                Ok(Some(Entry::Type(family, kind))) => self.described(&family).kind = kind,
                Ok(Some(Entry::Help(family, help))) => self.described(&family).help = help.into_owned(),
                Ok(Some(Entry::Unit(family, unit))) => self.described(&family).unit = unit.to_owned(),
                Err(error) => self.gather.refuse(Reason::InvalidText, 1, || error.to_string()),
            }
        }
        match parser.is_complete() {
            true => Ok(()),
            false => {
                let message = "the text does not end with \"# EOF\": it was cut off".to_owned();
                Err(DecodeError { reason: Reason::InvalidText, message })
            }
        }
    }

    fn described(&mut self, family: &str) -> &mut MetricMetadata {
        self.metadata.entry(family.to_owned()).or_default()
    }

    fn sample(&mut self, sample: &TextSample<'_>) {
        if !self.open(&sample.labels) {
            return;
        }
        let at = sample.timestamp_ms.unwrap_or(self.context.now_ms);
        self.gather.sample(at, sample.value);
        if let Some(exemplar) = &sample.exemplar {
            let labels = exemplar.labels.iter().map(|(name, value)| (&**name, &**value));
            let timestamp = exemplar.timestamp_ms.unwrap_or(at);
            self.gather.exemplar(Exemplar { labels: LabelSet::from_pairs(labels), value: exemplar.value, timestamp });
        }
    }

    /// Opens the series of these labels with those of the context.
    fn open(&mut self, labels: &[(Cow<'_, str>, Cow<'_, str>)]) -> bool {
        let added = &self.context.labels;
        let own = labels.iter().filter(|(name, _)| added.iter().all(|(other, _)| other != name));
        let own = own.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        let all: Vec<RawLabel<'_>> = own.chain(added.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes()))).collect();
        self.gather.open(&all, || 1)
    }
}

#[cfg(test)]
pub(super) mod tests;
