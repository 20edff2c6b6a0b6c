//! The inside of a record of samples: series by number, whose labels stand in the first record that names them. Bytes:
//! `docs/format/metrics.md`.

use super::series::Series;
use crate::wal::segment::{RECORD_HEADER, seal};
use gantry_chunk::histogram::{self, Sample};
use gantry_chunk::varint::{self, Reader};
use gantry_chunk::{DamagedChunk, Scratch};
use gantry_model::TenantId;
use gantry_model::metric::{Exemplar, MetricMetadata, MetricType, NativeHistogram};
use gantry_store_api::StoreError;
use std::sync::Arc;

/// First byte of a payload; 0 and 1 are lines.
const SAMPLES: u8 = 2;

/// Bits of an entry's first number, whose rest counts the numbers of the entry.
const DEFINES: u64 = 1;
const HISTOGRAMS: u64 = 2;

/// Collects what one append gives to one shard.
#[derive(Debug, Default)]
pub(crate) struct EntryWriter {
    entries: Vec<u8>,
    count: u64,
    last_series: i64,
    last_time: i64,
    // Of the entry that is being written.
    series: u32,
    numbers: Vec<u8>,
    number_count: u64,
    histograms: Vec<Sample>,
}

impl EntryWriter {
    /// What follows belongs to this series.
    pub(crate) fn begin(&mut self, series: u32) {
        self.series = series;
        self.numbers.clear();
        self.number_count = 0;
        self.histograms.clear();
    }

    pub(crate) fn number(&mut self, at: i64, value: f64) {
        varint::put_signed(&mut self.numbers, at.wrapping_sub(self.last_time));
        self.last_time = at;
        // Whole numbers and short decimals end with zeros: their first bytes are enough.
        let bytes = value.to_bits().to_be_bytes();
        let kept = 8 - value.to_bits().trailing_zeros() as usize / 8;
        self.numbers.push(kept as u8);
        self.numbers.extend_from_slice(&bytes[..kept]);
        self.number_count += 1;
    }

    pub(crate) fn histogram(&mut self, at: i64, histogram: &NativeHistogram) {
        self.histograms.push((at, Arc::new(histogram.clone())));
    }

    /// Numbers and histograms of this entry.
    pub(crate) fn accepted(&self) -> (usize, usize) {
        (self.number_count as usize, self.histograms.len())
    }

    /// Completes the entry; one without samples leaves nothing.
    pub(crate) fn end(&mut self, series: &mut Series, scratch: &mut Scratch) {
        if self.number_count == 0 && self.histograms.is_empty() {
            return;
        }
        let out = &mut self.entries;
        varint::put_signed(out, i64::from(self.series) - self.last_series);
        self.last_series = i64::from(self.series);
        let defines = if series.logged { 0 } else { DEFINES };
        let with_histograms = if self.histograms.is_empty() { 0 } else { HISTOGRAMS };
        varint::put(out, self.number_count << 2 | defines | with_histograms);
        if defines != 0 {
            put_bytes(out, &series.labels);
            series.logged = true;
        }
        out.extend_from_slice(&self.numbers);
        if with_histograms != 0 {
            let mut frames = Vec::new();
            // Not sorted by time here: a frame holds one.
            self.histograms.iter().for_each(|one| histogram::put(&mut frames, std::slice::from_ref(one), scratch));
            put_bytes(out, &frames);
        }
        self.count += 1;
    }

    /// Appends a whole record to `out`, unless there is nothing to record, and begins anew.
    pub(crate) fn finish(
        &mut self,
        out: &mut Vec<u8>,
        tenant: &TenantId,
        dictionary: u64,
        exemplars: &[(Arc<[u8]>, Exemplar)],
        metadata: &[(String, MetricMetadata)],
    ) -> Result<(), StoreError> {
        let start = out.len();
        if self.count > 0 || !exemplars.is_empty() || !metadata.is_empty() {
            out.resize(start + RECORD_HEADER, 0);
            out.push(SAMPLES);
            put_bytes(out, tenant.as_str().as_bytes());
            varint::put(out, dictionary);
            varint::put(out, self.count);
            out.extend_from_slice(&self.entries);
            put_exemplars(out, exemplars);
            put_metadata(out, metadata);
        }
        self.entries.clear();
        (self.count, self.last_series, self.last_time) = (0, 0, 0);
        if out.len() == start { Ok(()) } else { seal(&mut out[start..]) }
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    varint::put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_exemplars(out: &mut Vec<u8>, exemplars: &[(Arc<[u8]>, Exemplar)]) {
    varint::put(out, exemplars.len() as u64);
    let mut labels = Vec::new();
    for (series, exemplar) in exemplars {
        put_bytes(out, series);
        varint::put_signed(out, exemplar.timestamp);
        out.extend_from_slice(&exemplar.value.to_bits().to_le_bytes());
        labels.clear();
        exemplar.labels.encode(&mut labels);
        put_bytes(out, &labels);
    }
}

fn put_metadata(out: &mut Vec<u8>, metadata: &[(String, MetricMetadata)]) {
    varint::put(out, metadata.len() as u64);
    for (family, about) in metadata {
        for text in [family, about.kind.as_str(), &about.help, &about.unit] {
            put_bytes(out, text.as_bytes());
        }
    }
}

/// What a reader of records is given.
pub(crate) trait RecordSink {
    /// The tenant and the dictionary that numbers of series are of.
    fn begin(&mut self, tenant: TenantId, dictionary: u64);
    /// From now on the number means the series with these labels.
    fn define(&mut self, series: u32, labels: &[u8]) -> Result<(), String>;
    fn number(&mut self, series: u32, at: i64, value: f64) -> Result<(), String>;
    fn histogram(&mut self, series: u32, at: i64, histogram: &NativeHistogram) -> Result<(), String>;
    fn exemplar(&mut self, series: &[u8], exemplar: Exemplar) -> Result<(), String>;
    fn metadata(&mut self, family: &str, metadata: MetricMetadata);
}

/// Reads a payload; says what is wrong with it.
pub(crate) fn read(payload: &[u8], scratch: &mut Scratch, sink: &mut dyn RecordSink) -> Result<(), String> {
    let mut reader = Reader(payload);
    if reader.byte().map_err(text)? != SAMPLES {
        return Err("the record does not hold samples".into());
    }
    let tenant = TenantId::new(read_text(&mut reader)?).map_err(|error| error.to_string())?;
    sink.begin(tenant, reader.number().map_err(text)?);
    let (mut series, mut time) = (0i64, 0i64);
    for _ in 0..reader.number().map_err(text)? {
        series = series.wrapping_add(reader.signed().map_err(text)?);
        let number = u32::try_from(series).map_err(|_| "an impossible number of a series")?;
        read_entry(&mut reader, number, &mut time, scratch, sink)?;
    }
    for _ in 0..reader.number().map_err(text)? {
        read_exemplar(&mut reader, sink)?;
    }
    for _ in 0..reader.number().map_err(text)? {
        let family = read_text(&mut reader)?;
        let kind = MetricType::parse(read_text(&mut reader)?).ok_or("unknown type of metric")?;
        let (help, unit) = (read_text(&mut reader)?.to_owned(), read_text(&mut reader)?.to_owned());
        sink.metadata(family, MetricMetadata { kind, help, unit });
    }
    if reader.0.is_empty() { Ok(()) } else { Err("the record goes on after its end".into()) }
}

fn read_entry(
    reader: &mut Reader<'_>,
    series: u32,
    time: &mut i64,
    scratch: &mut Scratch,
    sink: &mut dyn RecordSink,
) -> Result<(), String> {
    let head = reader.number().map_err(text)?;
    if head & DEFINES != 0 {
        sink.define(series, read_bytes(reader)?)?;
    }
    for _ in 0..head >> 2 {
        *time = time.wrapping_add(reader.signed().map_err(text)?);
        let kept = usize::from(reader.byte().map_err(text)?);
        let kept_bytes = reader.take(kept).map_err(text)?;
        let mut bytes = [0; 8];
        bytes.get_mut(..kept).ok_or("a number of more than 64 bits")?.copy_from_slice(kept_bytes);
        sink.number(series, *time, f64::from_bits(u64::from_be_bytes(bytes)))?;
    }
    if head & HISTOGRAMS != 0 {
        let mut samples = Vec::new();
        histogram::read(read_bytes(reader)?, (i64::MIN, i64::MAX), scratch, &mut samples).map_err(text)?;
        for (at, histogram) in samples {
            sink.histogram(series, at, &histogram)?;
        }
    }
    Ok(())
}

fn read_exemplar(reader: &mut Reader<'_>, sink: &mut dyn RecordSink) -> Result<(), String> {
    let series = read_bytes(reader)?;
    let timestamp = reader.signed().map_err(text)?;
    let value = reader.float().map_err(text)?;
    let labels = super::labels::to_set(read_bytes(reader)?);
    sink.exemplar(series, Exemplar { labels, value, timestamp })
}

fn read_bytes<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], String> {
    let length = reader.up_to(reader.0.len()).map_err(text)?;
    reader.take(length).map_err(text)
}

fn read_text<'a>(reader: &mut Reader<'a>) -> Result<&'a str, String> {
    std::str::from_utf8(read_bytes(reader)?).map_err(|error| error.to_string())
}

fn text(error: DamagedChunk) -> String {
    error.to_string()
}
