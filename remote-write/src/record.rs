//! A record of the log: one batch of one tenant, as the store took it. Bytes: `docs/format/remote-write.md`.

use gantry_chunk::varint::{self, Reader};
use gantry_chunk::{DamagedChunk, Scratch, histogram};
use gantry_model::metric::{EncodedLabels, Exemplar, MetricBatch, NativeHistogram};
use gantry_model::{LabelSet, TenantId};
use gantry_store_api::{ErrorKind, RefusedPart, RefusedSample, StoreError};
use gantry_wal::segment::{RECORD_HEADER, seal};
use std::collections::HashSet;
use std::sync::Arc;

/// First byte of a payload.
const OUTGOING: u8 = 3;
/// Most bytes of a record before compression; a reader refuses to allocate more.
const MOST_BODY: usize = 512 << 20;

/// Writes whole records, with their length and checksum.
#[derive(Debug, Default)]
pub(crate) struct RecordWriter {
    body: Vec<u8>,
    labels: Vec<u8>,
    scratch: Scratch,
}

impl RecordWriter {
    /// The batch but for what the store refused of it; `None` when nothing is left.
    ///
    /// # Errors
    /// `Invalid` for a batch that fits no record.
    pub fn write(
        &mut self,
        (tenant, now_ms): (&TenantId, i64),
        batch: &MetricBatch,
        refused: &[RefusedSample],
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let samples = self.fill(batch, refused);
        if samples == 0 {
            return Ok(None);
        }
        if self.body.len() > MOST_BODY {
            return Err(StoreError::new(ErrorKind::Invalid, "a batch is too large for the log of remote write"));
        }
        let mut record = vec![0; RECORD_HEADER];
        record.push(OUTGOING);
        varint::put_signed(&mut record, now_ms);
        put_bytes(&mut record, tenant.as_str().as_bytes());
        varint::put(&mut record, samples);
        let start = record.len();
        record.resize(start + snap::raw::max_compress_len(self.body.len()), 0);
        let compressed = snap::raw::Encoder::new().compress(&self.body, &mut record[start..]);
        record.truncate(start + compressed.map_err(StoreError::internal)?);
        seal(&mut record)?;
        Ok(Some(record))
    }

    fn fill(&mut self, batch: &MetricBatch, refused: &[RefusedSample]) -> u64 {
        let refused: HashSet<RefusedSample> = refused.iter().copied().collect();
        let is_kept = |series: u32, part| refused.is_empty() || !refused.contains(&RefusedSample { series, part });
        self.body.clear();
        let mut count = 0;
        for (series, one) in (0u32..).zip(batch.series()) {
            if !is_kept(series, RefusedPart::Series) {
                continue;
            }
            let (times, values) = batch.samples(one);
            let numbers = (0u32..).zip(times.iter().zip(values));
            let numbers = numbers.filter(|(at, _)| is_kept(series, RefusedPart::Number(*at)));
            let histograms = (0u32..).zip(batch.histograms(one));
            let histograms = histograms.filter(|(at, _)| is_kept(series, RefusedPart::Histogram(*at)));
            put_bytes(&mut self.body, batch.labels(one).as_bytes());
            varint::put(&mut self.body, numbers.clone().count() as u64);
            let mut last = 0i64;
            for (_, (at, value)) in numbers {
                varint::put_signed(&mut self.body, at.wrapping_sub(last));
                self.body.extend_from_slice(&value.to_bits().to_le_bytes());
                last = *at;
                count += 1;
            }
            let mut frames = Vec::new();
            for (_, (at, histogram)) in histograms {
                // Not sorted by time: a frame holds one.
                histogram::put(&mut frames, &[(*at, Arc::new(histogram.clone()))], &mut self.scratch);
                count += 1;
            }
            put_bytes(&mut self.body, &frames);
            self.put_exemplars(batch.exemplars(one));
        }
        count
    }

    fn put_exemplars(&mut self, exemplars: &[Exemplar]) {
        varint::put(&mut self.body, exemplars.len() as u64);
        for exemplar in exemplars {
            varint::put_signed(&mut self.body, exemplar.timestamp);
            self.body.extend_from_slice(&exemplar.value.to_bits().to_le_bytes());
            self.labels.clear();
            exemplar.labels.encode(&mut self.labels);
            put_bytes(&mut self.body, &self.labels);
        }
    }
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    varint::put(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// The outside of a record that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    /// Milliseconds since 1970.
    pub written_ms: i64,
    pub tenant: TenantId,
    /// Numbers and histograms.
    pub samples: u64,
    body: &'a [u8],
}

impl<'a> Record<'a> {
    /// Says what is wrong with a payload.
    pub fn parse(payload: &'a [u8]) -> Result<Self, String> {
        let mut reader = Reader(payload);
        if reader.byte().map_err(text)? != OUTGOING {
            return Err("the record is none of remote write".into());
        }
        let written_ms = reader.signed().map_err(text)?;
        let tenant = std::str::from_utf8(read_bytes(&mut reader).map_err(text)?).map_err(|e| e.to_string())?;
        let tenant = TenantId::new(tenant).map_err(|error| error.to_string())?;
        let samples = reader.number().map_err(text)?;
        Ok(Record { written_ms, tenant, samples, body: reader.0 })
    }

    /// Hands over one series after the other. After an error some may have been handed over.
    pub fn read(&self, entry: &mut Entry, mut each: impl FnMut(&Entry)) -> Result<(), String> {
        let length = snap::raw::decompress_len(self.body).map_err(|error| error.to_string())?;
        if length > MOST_BODY {
            return Err("impossible size of a record".into());
        }
        let body = snap::raw::Decoder::new().decompress_vec(self.body).map_err(|error| error.to_string())?;
        let mut reader = Reader(&body);
        while !reader.0.is_empty() {
            entry.read(&mut reader).map_err(text)?;
            if EncodedLabels::new(&entry.labels).is_none() {
                return Err("bytes that are no labels".into());
            }
            each(entry);
        }
        Ok(())
    }
}

/// One series of a record. Made to be filled again and again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    /// As [`EncodedLabels`].
    pub labels: Vec<u8>,
    pub times: Vec<i64>,
    pub values: Vec<f64>,
    pub histograms: Vec<(i64, NativeHistogram)>,
    pub exemplars: Vec<Exemplar>,
    scratch: Scratch,
}

impl Entry {
    fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), DamagedChunk> {
        self.labels.clear();
        self.labels.extend_from_slice(read_bytes(reader)?);
        self.times.clear();
        self.values.clear();
        self.histograms.clear();
        self.exemplars.clear();
        let mut last = 0i64;
        for _ in 0..reader.up_to(reader.0.len())? {
            last = last.wrapping_add(reader.signed()?);
            self.times.push(last);
            self.values.push(reader.float()?);
        }
        let mut samples = Vec::new();
        histogram::read(read_bytes(reader)?, (i64::MIN, i64::MAX), &mut self.scratch, &mut samples)?;
        self.histograms.extend(samples.into_iter().map(|(at, one)| (at, Arc::unwrap_or_clone(one))));
        for _ in 0..reader.up_to(reader.0.len())? {
            let (timestamp, value) = (reader.signed()?, reader.float()?);
            let labels = EncodedLabels::new(read_bytes(reader)?).ok_or(DamagedChunk("bytes that are no labels"))?;
            self.exemplars.push(Exemplar { labels: LabelSet::from_pairs(labels.iter()), value, timestamp });
        }
        Ok(())
    }
}

fn read_bytes<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], DamagedChunk> {
    let length = reader.up_to(reader.0.len())?;
    reader.take(length)
}

fn text(error: DamagedChunk) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The number of series, or what is wrong with the bytes.
    fn read_record(payload: &[u8]) -> Result<usize, String> {
        let mut series = 0;
        Record::parse(payload)?.read(&mut Entry::default(), |_| series += 1)?;
        Ok(series)
    }

    fn tenant() -> TenantId {
        TenantId::new("some-tenant").unwrap()
    }

    /// A name, instants and bits of numbers, instants of histograms.
    type Given = (u8, Vec<(i64, u64)>, Vec<i64>);

    fn batch(series: &[Given]) -> MetricBatch {
        let mut builder = MetricBatch::builder();
        for (name, samples, others) in series {
            builder.series([("__name__", "up"), ("n", &*name.to_string())]).unwrap();
            samples.iter().for_each(|(at, bits)| _ = builder.sample(*at, f64::from_bits(*bits)));
            for at in others {
                builder.histogram(
                    *at,
                    NativeHistogram { count: 1.0, zero_count: 1.0, sum: *at as f64, ..Default::default() },
                );
                let labels = LabelSet::from_pairs([("trace_id", "ä")]);
                builder.exemplar(Exemplar { labels, value: 0.5, timestamp: *at });
            }
        }
        builder.finish()
    }

    fn payload(batch: &MetricBatch, refused: &[RefusedSample]) -> Option<Vec<u8>> {
        let record = RecordWriter::default().write((&tenant(), -7), batch, refused).unwrap();
        record.map(|record| record[RECORD_HEADER..].to_vec())
    }

    /// Labels, bits of numbers, instants of histograms and of exemplars.
    type Read = Vec<(Vec<u8>, Vec<(i64, u64)>, Vec<i64>, Vec<i64>)>;

    fn read(payload: &[u8]) -> Read {
        let record = Record::parse(payload).unwrap();
        assert_eq!((record.written_ms, &record.tenant), (-7, &tenant()));
        let mut all = Vec::new();
        record
            .read(&mut Entry::default(), |entry| {
                let bits: Vec<_> =
                    entry.times.iter().copied().zip(entry.values.iter().map(|value| value.to_bits())).collect();
                let histograms: Vec<_> = entry.histograms.iter().map(|(at, _)| *at).collect();
                all.push((
                    entry.labels.clone(),
                    bits,
                    histograms,
                    entry.exemplars.iter().map(|e| e.timestamp).collect(),
                ));
            })
            .unwrap();
        let samples: usize = all.iter().map(|(_, numbers, histograms, _)| numbers.len() + histograms.len()).sum();
        assert_eq!(record.samples, samples as u64);
        all
    }

    fn whole(batch: &MetricBatch) -> Read {
        let one = |series| {
            let (times, values) = batch.samples(series);
            let bits = times.iter().copied().zip(values.iter().map(|value| value.to_bits())).collect();
            let histograms: Vec<i64> = batch.histograms(series).iter().map(|(at, _)| *at).collect();
            (batch.labels(series).as_bytes().to_vec(), bits, histograms.clone(), histograms)
        };
        batch.series().iter().map(one).collect()
    }

    #[test]
    fn what_the_store_refused_is_left_out() {
        let batch = batch(&[(1, vec![(1, 1), (2, 2), (3, 3)], vec![4, 5]), (2, vec![(1, 1)], vec![])]);
        let refused = |series, part| RefusedSample { series, part };
        let some = [
            refused(0, RefusedPart::Number(1)),
            refused(0, RefusedPart::Histogram(0)),
            refused(1, RefusedPart::Series),
        ];
        let read = read(&payload(&batch, &some).unwrap());
        assert_eq!(read.len(), 1);
        assert_eq!((&read[0].1, &read[0].2), (&vec![(1, 1), (3, 3)], &vec![5]));
        let all = [refused(0, RefusedPart::Series), refused(1, RefusedPart::Number(0))];
        assert_eq!(payload(&batch, &all), None, "nothing is left");
    }

    /// Bytes and time of records of a scrape of 1000 series, for ADR 19.
    #[test]
    #[ignore = "a measurement: cargo test --release -p gantry-remote-write figures -- --ignored --nocapture"]
    fn figures() {
        let mut builder = MetricBatch::builder();
        for n in 0..1000 {
            let labels = [
                ("__name__", format!("http_request_duration_seconds_bucket_{}", n % 40)),
                ("cluster", "eu-west-1".to_owned()),
                ("instance", format!("10.0.{}.{}:9100", n % 7, n % 250)),
                ("job", "kubernetes-pods".to_owned()),
                ("le", format!("0.{}", n % 17)),
                ("namespace", format!("team-{}", n % 11)),
                ("pod", format!("checkout-6d4cf56db6-{:05x}", n * 7919)),
            ];
            builder.series(labels.iter().map(|(name, value)| (*name, value.as_str()))).unwrap();
            builder.sample(1_767_225_600_000, (n * n % 100_003) as f64);
        }
        let batch = builder.finish();
        let mut writer = RecordWriter::default();
        let rounds = 200;
        let began = std::time::Instant::now();
        for _ in 0..rounds {
            assert!(writer.write((&tenant(), 0), &batch, &[]).unwrap().is_some());
        }
        let (body, each) = (writer.body.clone(), began.elapsed() / (rounds * 1000));
        let record = writer.write((&tenant(), 0), &batch, &[]).unwrap().unwrap();
        let began = std::time::Instant::now();
        for _ in 0..rounds {
            read_record(&record[RECORD_HEADER..]).unwrap();
        }
        println!(
            "{} bytes plain, {} in the log; a sample: {each:?} to write, {:?} to read",
            body.len(),
            record.len(),
            began.elapsed() / (rounds * 1000)
        );
        let began = std::time::Instant::now();
        let packed = (0..rounds).map(|_| zstd::bulk::compress(&body, 1).unwrap().len()).max().unwrap();
        println!("zstd 1 alone: {packed} bytes, {:?} a sample", began.elapsed() / (rounds * 1000));
    }

    proptest! {
        #[test]
        fn a_batch_comes_back_as_it_was(series in proptest::collection::vec(
            (any::<u8>(), proptest::collection::vec((any::<i64>(), any::<u64>()), 1..20), proptest::collection::vec(any::<i64>(), 0..4)),
            1..10,
        )) {
            let batch = batch(&series);
            prop_assert_eq!(read(&payload(&batch, &[]).unwrap()), whole(&batch));
        }

        #[test]
        fn damaged_bytes_are_refused_or_read_but_never_a_panic(
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        ) {
            let mut payload = payload(&batch(&[(1, vec![(1, 1), (2, 2)], vec![3])]), &[]).unwrap();
            for (at, byte) in changes {
                let at = at.index(payload.len());
                payload[at] = byte;
            }
            let _ = read_record(&payload);
        }

        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_record(&bytes);
        }
    }
}
