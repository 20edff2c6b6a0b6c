//! Remote write 2.0: every text once, in a table of symbols.
//!
//! ```text
//! Request { 4: repeated string symbols, 5: repeated TimeSeries }
//! TimeSeries { 1: repeated uint32 labels_refs, 2: repeated Sample, 3: repeated Histogram, 4: repeated Exemplar,
//!              5: Metadata { 1: type, 3: uint32 help_ref, 4: uint32 unit_ref } }
//! Exemplar { 1: repeated uint32 labels_refs, 2: double value, 3: int64 timestamp }
//! ```

use super::super::gather::{Gather, RawLabel};
use super::super::{DecodeError, readable};
use super::read_sample;
use crate::incoming::MetricIncoming;
use crate::reason::Reason;
use gantry_model::LabelSet;
use gantry_model::metric::{Exemplar, METRIC_NAME, MetricMetadata, MetricType};
use gantry_prompb::{Value, Wire, histogram, metric_type};
use std::collections::HashSet;

/// Reads an `io.prometheus.write.v2.Request` that is decompressed already.
///
/// # Errors
/// `invalid_protobuf` with the position. A series that names symbols which are not there, or has labels that cannot be,
/// is refused on its own.
pub fn remote_write_v2(body: &[u8]) -> Result<MetricIncoming, DecodeError> {
    let mut symbols: Vec<&[u8]> = Vec::new();
    let mut request = Wire::new(body);
    while let Some(field) = request.field()? {
        if let (4, Value::Bytes(symbol)) = field {
            symbols.push(symbol.bytes());
        }
    }
    let mut decoder = Decoder { symbols, ..Decoder::default() };
    let mut request = Wire::new(body);
    while let Some(field) = request.field()? {
        if let (5, Value::Bytes(series)) = field {
            decoder.time_series(series)?;
        }
    }
    Ok(decoder.gather.finish())
}

#[derive(Default)]
struct Decoder<'a> {
    symbols: Vec<&'a [u8]>,
    gather: Gather,
    labels: Vec<RawLabel<'a>>,
    /// Families whose metadata this request told already: it is repeated with every series.
    described: HashSet<&'a [u8]>,
}

/// Names of labels, and symbols that are not there.
#[derive(Default)]
struct References {
    /// The name whose value is read next.
    name: Option<u64>,
    broken: Option<u64>,
}

impl<'a> Decoder<'a> {
    fn time_series(&mut self, series: Wire<'a>) -> Result<(), DecodeError> {
        self.labels.clear();
        let mut references = References::default();
        let (mut rest, mut samples) = (series, 0);
        while let Some((number, value)) = rest.field()? {
            match number {
                1 => value.varints(|symbol| references.push(symbol, &self.symbols, &mut self.labels))?,
                2 | 3 => samples += 1,
                _ => {}
            }
        }
        if let Some(fault) = references.fault() {
            self.gather.refuse(Reason::InvalidLabels, samples.max(1), || fault);
            return Ok(());
        }
        if self.gather.open(&self.labels, || samples) { self.values(series) } else { Ok(()) }
    }

    fn values(&mut self, mut series: Wire<'a>) -> Result<(), DecodeError> {
        while let Some(field) = series.field()? {
            match field {
                (2, Value::Bytes(sample)) => {
                    let (at, value) = read_sample(sample)?;
                    self.gather.sample(at, value);
                }
                (3, Value::Bytes(value)) => {
                    let (at, value) = histogram::read(value)?;
                    self.gather.histogram(at, value);
                }
                (4, Value::Bytes(exemplar)) => {
                    let exemplar = self.exemplar(exemplar)?;
                    self.gather.exemplar(exemplar);
                }
                (5, Value::Bytes(metadata)) => self.metadata(metadata)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn exemplar(&self, mut wire: Wire<'_>) -> Result<Exemplar, DecodeError> {
        let (mut labels, mut references) = (Vec::new(), References::default());
        let (mut at, mut value) = (0, 0.0);
        while let Some((number, field)) = wire.field()? {
            match (number, field) {
                (1, refs) => refs.varints(|symbol| references.push(symbol, &self.symbols, &mut labels))?,
                (2, Value::Fixed64(bits)) => value = f64::from_bits(bits),
                (3, Value::Varint(ms)) => at = ms as i64,
                _ => {}
            }
        }
        let text = |bytes| readable(bytes, &mut 0);
        let labels = labels.into_iter().map(|(name, value)| (text(name), text(value)));
        Ok(Exemplar { labels: LabelSet::from_pairs(labels), value, timestamp: at })
    }

    fn metadata(&mut self, mut wire: Wire<'_>) -> Result<(), DecodeError> {
        let mut metadata = MetricMetadata::default();
        let symbol = |at: u64| self.symbols.get(at as usize).map(|s| readable(s, &mut 0).into_owned());
        while let Some(field) = wire.field()? {
            match field {
                (1, Value::Varint(kind)) => metadata.kind = metric_type(kind),
                (3, Value::Varint(help)) => metadata.help = symbol(help).unwrap_or_default(),
                (4, Value::Varint(unit)) => metadata.unit = symbol(unit).unwrap_or_default(),
                _ => {}
            }
        }
        let name = self.labels.iter().find(|(name, _)| *name == METRIC_NAME.as_bytes());
        let family = name.map(|(_, name)| family(name, metadata.kind)).unwrap_or_default();
        if metadata != MetricMetadata::default() && self.described.insert(family) {
            self.gather.metadata(&readable(family, &mut 0), metadata);
        }
        Ok(())
    }
}

impl References {
    fn push<'a>(&mut self, symbol: u64, symbols: &[&'a [u8]], labels: &mut Vec<RawLabel<'a>>) {
        let Some(name) = self.name.take() else {
            self.name = Some(symbol);
            return;
        };
        match (symbols.get(name as usize), symbols.get(symbol as usize)) {
            (Some(name), Some(value)) => labels.push((name, value)),
            (None, _) => self.broken = self.broken.or(Some(name)),
            (_, None) => self.broken = self.broken.or(Some(symbol)),
        }
    }

    fn fault(&self) -> Option<String> {
        let odd = self.name.map(|_| "labels_refs of a series are pairs, but their number is odd".to_owned());
        self.broken.map(|symbol| format!("a series names symbol {symbol}, which is not in the request")).or(odd)
    }
}

/// The family of a series: classic histograms and summaries have several series each.
pub(super) fn family(name: &[u8], kind: MetricType) -> &[u8] {
    let suffixes: &[&[u8]] = match kind {
        MetricType::Histogram => &[b"_bucket", b"_sum", b"_count"],
        MetricType::GaugeHistogram => &[b"_bucket", b"_gsum", b"_gcount"],
        MetricType::Summary => &[b"_sum", b"_count"],
        _ => &[],
    };
    suffixes.iter().find_map(|suffix| name.strip_suffix(*suffix)).unwrap_or(name)
}
