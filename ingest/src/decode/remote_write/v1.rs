//! Remote write 1.0.
//!
//! ```text
//! WriteRequest { 1: repeated TimeSeries, 3: repeated MetricMetadata }
//! TimeSeries { 1: repeated Label, 2: repeated Sample, 3: repeated Exemplar, 4: repeated Histogram }
//! Label { 1: name, 2: value }      Exemplar { 1: repeated Label, 2: double value, 3: int64 timestamp }
//! MetricMetadata { 1: type, 2: family, 4: help, 5: unit }
//! ```

use super::super::gather::{Gather, RawLabel};
use super::super::{DecodeError, readable};
use super::read_sample;
use crate::incoming::MetricIncoming;
use gantry_model::LabelSet;
use gantry_model::metric::{Exemplar, MetricMetadata};
use gantry_prompb::{Value, Wire, histogram, metric_type};

/// Reads a `prometheus.WriteRequest` that is decompressed already.
///
/// # Errors
/// `invalid_protobuf` with the position. A series with labels that cannot be is refused on its own.
pub fn remote_write_v1(body: &[u8]) -> Result<MetricIncoming, DecodeError> {
    let mut gather = Gather::default();
    let mut labels = Vec::with_capacity(32);
    let mut request = Wire::new(body);
    while let Some(field) = request.field()? {
        match field {
            (1, Value::Bytes(series)) => time_series(series, &mut labels, &mut gather)?,
            (3, Value::Bytes(metadata)) => read_metadata(metadata, &mut gather)?,
            _ => {}
        }
    }
    Ok(gather.finish())
}

fn time_series<'a>(
    mut series: Wire<'a>,
    labels: &mut Vec<RawLabel<'a>>,
    gather: &mut Gather,
) -> Result<(), DecodeError> {
    labels.clear();
    let mut rest = None;
    loop {
        let before = series;
        match series.field()? {
            None => break,
            Some((1, Value::Bytes(label))) => labels.push(read_label(label)?),
            Some(_) => rest = rest.or(Some(before)),
        }
    }
    // A series without samples brings nothing: its labels do not matter.
    let Some(mut rest) = rest else { return Ok(()) };
    if !gather.open(labels, || count_samples(rest)) {
        return Ok(());
    }
    while let Some(field) = rest.field()? {
        match field {
            (2, Value::Bytes(sample)) => {
                let (at, value) = read_sample(sample)?;
                gather.sample(at, value);
            }
            (3, Value::Bytes(exemplar)) => gather.exemplar(read_exemplar(exemplar)?),
            (4, Value::Bytes(value)) => {
                let (at, value) = histogram::read(value)?;
                gather.histogram(at, value);
            }
            _ => {}
        }
    }
    Ok(())
}

fn count_samples(mut series: Wire<'_>) -> u64 {
    let mut samples = 0;
    while let Ok(Some((number, _))) = series.field() {
        samples += u64::from(number == 2 || number == 4);
    }
    samples
}

#[inline]
fn read_label<'a>(mut wire: Wire<'a>) -> Result<RawLabel<'a>, DecodeError> {
    let (mut name, mut text): RawLabel<'a> = (b"", b"");
    while let Some(field) = wire.field()? {
        match field {
            (1, Value::Bytes(bytes)) => name = bytes.bytes(),
            (2, Value::Bytes(bytes)) => text = bytes.bytes(),
            _ => {}
        }
    }
    Ok((name, text))
}

fn read_exemplar(mut wire: Wire<'_>) -> Result<Exemplar, DecodeError> {
    let mut labels = Vec::new();
    let (mut at, mut value) = (0, 0.0);
    while let Some(field) = wire.field()? {
        match field {
            (1, Value::Bytes(label)) => {
                let (name, text) = read_label(label)?;
                labels.push((readable(name, &mut 0), readable(text, &mut 0)));
            }
            (2, Value::Fixed64(bits)) => value = f64::from_bits(bits),
            (3, Value::Varint(ms)) => at = ms as i64,
            _ => {}
        }
    }
    Ok(Exemplar { labels: LabelSet::from_pairs(labels), value, timestamp: at })
}

fn read_metadata(mut wire: Wire<'_>, gather: &mut Gather) -> Result<(), DecodeError> {
    let mut metadata = MetricMetadata::default();
    let mut family = String::new();
    let text = |bytes: Wire<'_>| readable(bytes.bytes(), &mut 0).into_owned();
    while let Some(field) = wire.field()? {
        match field {
            (1, Value::Varint(kind)) => metadata.kind = metric_type(kind),
            (2, Value::Bytes(name)) => family = text(name),
            (4, Value::Bytes(help)) => metadata.help = text(help),
            (5, Value::Bytes(unit)) => metadata.unit = text(unit),
            _ => {}
        }
    }
    if !family.is_empty() {
        gather.metadata(&family, metadata);
    }
    Ok(())
}
