//! Frames of native histograms: neighbours with the same buckets share the description of these, and every bucket is a
//! column of counts over time.

use crate::frame::{self, FRAME_SAMPLES, Scratch};
use crate::varint::{self, Reader};
use crate::{DamagedChunk, floats, ints};
use gantry_model::metric::{Buckets, NativeHistogram, ResetHint, Span};
use std::sync::Arc;

/// Most populated buckets, bounds or spans that a reader believes in.
const MOST_BUCKETS: usize = 65_536;
/// Most counts of a frame: bounds the memory that damaged bytes can ask for.
const MOST_COUNTS: usize = 1 << 22;
/// Histograms of a frame: they are large, and a reader of few should not read many.
const HISTOGRAMS: usize = 128;

/// A histogram and its instant in milliseconds.
pub type Sample = (i64, Arc<NativeHistogram>);

/// Appends histograms, whose times rise, as frames.
pub fn put(out: &mut Vec<u8>, samples: &[Sample], scratch: &mut Scratch) {
    for run in samples.chunk_by(|a, b| same_layout(&a.1, &b.1)) {
        for run in run.chunks(HISTOGRAMS) {
            let mut body = std::mem::take(&mut scratch.bytes);
            body.clear();
            put_frame(&mut body, run, scratch);
            varint::put(out, body.len() as u64);
            out.extend_from_slice(&body);
            scratch.bytes = body;
        }
    }
}

fn same_layout(a: &NativeHistogram, b: &NativeHistogram) -> bool {
    let bounds = |h: &NativeHistogram| h.custom_bounds.iter().map(|bound| bound.to_bits()).collect::<Vec<_>>();
    let counts = |h: &NativeHistogram| (h.positive.counts.len(), h.negative.counts.len());
    a.schema == b.schema
        && a.zero_threshold.to_bits() == b.zero_threshold.to_bits()
        && a.positive.spans == b.positive.spans
        && a.negative.spans == b.negative.spans
        && counts(a) == counts(b)
        && bounds(a) == bounds(b)
}

fn put_frame(out: &mut Vec<u8>, samples: &[Sample], scratch: &mut Scratch) {
    let times: Vec<i64> = samples.iter().map(|(time, _)| *time).collect();
    frame::put_head(out, &times);
    frame::put_times(out, &times, &mut scratch.numbers);
    let first = &samples[0].1;
    varint::put_signed(out, i64::from(first.schema));
    out.extend_from_slice(&first.zero_threshold.to_bits().to_le_bytes());
    put_buckets(out, &first.positive);
    put_buckets(out, &first.negative);
    varint::put(out, first.custom_bounds.len() as u64);
    for bound in first.custom_bounds.iter() {
        out.extend_from_slice(&bound.to_bits().to_le_bytes());
    }
    let mut hints: Vec<i64> = samples.iter().map(|(_, histogram)| hint_number(histogram.reset_hint)).collect();
    ints::put(out, &mut hints);
    let mut values = Vec::with_capacity(samples.len());
    let mut column = |of: &dyn Fn(&NativeHistogram) -> f64| {
        values.clear();
        values.extend(samples.iter().map(|(_, histogram)| of(histogram)));
        floats::put(out, &values, &mut scratch.numbers);
    };
    column(&|histogram| histogram.count);
    column(&|histogram| histogram.sum);
    column(&|histogram| histogram.zero_count);
    // A bucket over the one before it moves less than the bucket itself, but counters compress well as they are.
    (0..first.positive.counts.len()).for_each(|at| column(&|histogram| histogram.positive.counts[at]));
    (0..first.negative.counts.len()).for_each(|at| column(&|histogram| histogram.negative.counts[at]));
}

fn put_buckets(out: &mut Vec<u8>, buckets: &Buckets) {
    varint::put(out, buckets.spans.len() as u64);
    for span in &buckets.spans {
        varint::put_signed(out, i64::from(span.offset));
        varint::put(out, u64::from(span.length));
    }
    varint::put(out, buckets.counts.len() as u64);
}

fn hint_number(hint: ResetHint) -> i64 {
    match hint {
        ResetHint::Unknown => 0,
        ResetHint::Reset => 1,
        ResetHint::NoReset => 2,
        ResetHint::Gauge => 3,
    }
}

fn hint_of(number: i64) -> Result<ResetHint, DamagedChunk> {
    Ok(match number {
        0 => ResetHint::Unknown,
        1 => ResetHint::Reset,
        2 => ResetHint::NoReset,
        3 => ResetHint::Gauge,
        _ => return Err(DamagedChunk("unknown reset hint")),
    })
}

/// Appends the histograms of a run of frames from `first` to `last`, both within.
pub fn read(
    mut run: &[u8],
    (first, last): (i64, i64),
    scratch: &mut Scratch,
    into: &mut Vec<Sample>,
) -> Result<(), DamagedChunk> {
    while let Some((head, mut frame)) = frame::next(&mut run)? {
        if head.last < first || head.first > last {
            continue;
        }
        let mut times = Vec::with_capacity(head.samples);
        frame.times(&mut scratch.numbers, &mut times)?;
        let histograms = read_frame(&mut frame.body, head.samples, scratch)?;
        let wanted = times.into_iter().zip(histograms).filter(|(time, _)| first <= *time && *time <= last);
        into.extend(wanted.map(|(time, histogram)| (time, Arc::new(histogram))));
    }
    Ok(())
}

fn read_frame(
    reader: &mut Reader<'_>,
    samples: usize,
    scratch: &mut Scratch,
) -> Result<Vec<NativeHistogram>, DamagedChunk> {
    let schema = i32::try_from(reader.signed()?).map_err(|_| DamagedChunk("unknown schema"))?;
    let zero_threshold = reader.float()?;
    let positive = read_buckets(reader)?;
    let negative = read_buckets(reader)?;
    let bounds = reader.up_to(MOST_BUCKETS.min(reader.0.len() / 8))?;
    let custom_bounds: Arc<[f64]> = (0..bounds).map(|_| reader.float()).collect::<Result<_, _>>()?;
    let buckets = positive.1 + negative.1;
    if buckets > reader.0.len() || buckets * samples > MOST_COUNTS || samples > FRAME_SAMPLES {
        return Err(DamagedChunk("too many buckets"));
    }
    let mut hints = Vec::new();
    ints::read(reader, samples, &mut hints)?;
    let layout = NativeHistogram {
        schema,
        zero_threshold,
        positive: Buckets { spans: positive.0, counts: vec![0.0; positive.1] },
        negative: Buckets { spans: negative.0, counts: vec![0.0; negative.1] },
        custom_bounds,
        ..NativeHistogram::default()
    };
    let mut histograms = vec![layout; samples];
    for (histogram, hint) in histograms.iter_mut().zip(hints) {
        histogram.reset_hint = hint_of(hint)?;
    }
    let mut values = Vec::with_capacity(samples);
    let mut column = |set: &dyn Fn(&mut NativeHistogram, f64)| {
        values.clear();
        floats::read(reader, samples, &mut scratch.numbers, &mut values)?;
        histograms.iter_mut().zip(&values).for_each(|(histogram, value)| set(histogram, *value));
        Ok(())
    };
    column(&|histogram, value| histogram.count = value)?;
    column(&|histogram, value| histogram.sum = value)?;
    column(&|histogram, value| histogram.zero_count = value)?;
    (0..positive.1).try_for_each(|at| column(&|histogram, value| histogram.positive.counts[at] = value))?;
    (0..negative.1).try_for_each(|at| column(&|histogram, value| histogram.negative.counts[at] = value))?;
    Ok(histograms)
}

fn read_buckets(reader: &mut Reader<'_>) -> Result<(Vec<Span>, usize), DamagedChunk> {
    let spans = reader.up_to(MOST_BUCKETS.min(reader.0.len() / 2))?;
    let mut read = Vec::with_capacity(spans);
    for _ in 0..spans {
        let offset = i32::try_from(reader.signed()?).map_err(|_| DamagedChunk("an impossible span"))?;
        let length = u32::try_from(reader.number()?).map_err(|_| DamagedChunk("an impossible span"))?;
        read.push(Span { offset, length });
    }
    Ok((read, reader.up_to(MOST_BUCKETS)?))
}
