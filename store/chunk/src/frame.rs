//! Frames of numbers: a length, the time of the first and the last sample, their number, the times, the values.

use crate::varint::{self, Reader};
use crate::{DamagedChunk, floats, ints};

/// Most samples of a frame.
pub const FRAME_SAMPLES: usize = 1024;

/// First byte of the times: all the same distance apart, or a column.
const REGULAR: u8 = 0;
const COLUMN: u8 = 1;

/// Working space that is used again and again.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    pub(crate) numbers: Vec<i64>,
    pub(crate) bytes: Vec<u8>,
    times: Vec<i64>,
    values: Vec<f64>,
}

/// What stands before the samples of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHead {
    /// Milliseconds of the first and the last sample.
    pub first: i64,
    pub last: i64,
    pub samples: usize,
}

/// Appends samples as frames of [`FRAME_SAMPLES`]. Times rise; both columns have the same length.
pub fn put(out: &mut Vec<u8>, times: &[i64], values: &[f64], scratch: &mut Scratch) {
    for (times, values) in times.chunks(FRAME_SAMPLES).zip(values.chunks(FRAME_SAMPLES)) {
        let mut body = std::mem::take(&mut scratch.bytes);
        body.clear();
        put_head(&mut body, times);
        put_times(&mut body, times, &mut scratch.numbers);
        floats::put(&mut body, values, &mut scratch.numbers);
        varint::put(out, body.len() as u64);
        out.extend_from_slice(&body);
        scratch.bytes = body;
    }
}

pub(crate) fn put_head(out: &mut Vec<u8>, times: &[i64]) {
    let (Some(first), Some(last)) = (times.first(), times.last()) else { return };
    varint::put_signed(out, *first);
    varint::put(out, last.wrapping_sub(*first) as u64);
    varint::put(out, times.len() as u64);
}

pub(crate) fn put_times(out: &mut Vec<u8>, times: &[i64], numbers: &mut Vec<i64>) {
    let step = if times.len() > 1 { times[1].wrapping_sub(times[0]) } else { 0 };
    if times.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == step) {
        out.push(REGULAR);
        return;
    }
    out.push(COLUMN);
    numbers.clear();
    numbers.extend(times.iter().map(|time| time.wrapping_sub(times[0])));
    ints::put(out, numbers);
}

/// The next frame of a run: its head, and a reader of what follows. `None` at the end.
pub fn next<'a>(run: &mut &'a [u8]) -> Result<Option<(FrameHead, Frame<'a>)>, DamagedChunk> {
    if run.is_empty() {
        return Ok(None);
    }
    let mut reader = Reader(run);
    let length = reader.up_to(run.len())?;
    let mut frame = Reader(reader.take(length)?);
    *run = reader.0;
    let first = frame.signed()?;
    let span = frame.number()?;
    let samples = frame.up_to(FRAME_SAMPLES)?;
    if samples == 0 {
        return Err(DamagedChunk("a frame without samples"));
    }
    let head = FrameHead { first, last: first.wrapping_add(span as i64), samples };
    Ok(Some((head, Frame { head, body: frame })))
}

/// A frame whose samples are not read yet.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    head: FrameHead,
    pub(crate) body: Reader<'a>,
}

impl Frame<'_> {
    /// Appends the samples from `first` to `last`, both within.
    pub fn read(
        mut self,
        (first, last): (i64, i64),
        scratch: &mut Scratch,
        times: &mut Vec<i64>,
        values: &mut Vec<f64>,
    ) -> Result<(), DamagedChunk> {
        let whole = first <= self.head.first && self.head.last <= last;
        if whole {
            self.times(&mut scratch.numbers, times)?;
            return floats::read(&mut self.body, self.head.samples, &mut scratch.numbers, values);
        }
        let (mut own_times, mut own_values) = (std::mem::take(&mut scratch.times), std::mem::take(&mut scratch.values));
        own_times.clear();
        own_values.clear();
        let outcome = self
            .times(&mut scratch.numbers, &mut own_times)
            .and_then(|()| floats::read(&mut self.body, self.head.samples, &mut scratch.numbers, &mut own_values));
        let from = own_times.partition_point(|time| *time < first);
        let to = own_times.partition_point(|time| *time <= last).max(from);
        if outcome.is_ok() {
            times.extend_from_slice(&own_times[from..to]);
            values.extend_from_slice(&own_values[from..to]);
        }
        (scratch.times, scratch.values) = (own_times, own_values);
        outcome
    }

    /// Appends the times, which rise.
    pub(crate) fn times(&mut self, numbers: &mut Vec<i64>, into: &mut Vec<i64>) -> Result<(), DamagedChunk> {
        let FrameHead { first, last, samples } = self.head;
        match self.body.byte()? {
            REGULAR => {
                let span = last.wrapping_sub(first) as u64;
                let steps = (samples as u64 - 1).max(1);
                let step = span / steps;
                if last < first || step * steps != span || (samples > 1) != (step > 0) {
                    return Err(DamagedChunk("impossible times"));
                }
                into.extend((0..samples as u64).map(|n| first.wrapping_add((n * step) as i64)));
                Ok(())
            }
            COLUMN => {
                ints::read(&mut self.body, samples, numbers)?;
                // Distances from the first time, which may need all 64 bits.
                let rising = numbers.windows(2).all(|pair| (pair[0] as u64) < pair[1] as u64);
                let ends = numbers.first() == Some(&0) && numbers.last() == Some(&last.wrapping_sub(first));
                if !rising || !ends || last < first {
                    return Err(DamagedChunk("impossible times"));
                }
                into.extend(numbers.iter().map(|offset| first.wrapping_add(*offset)));
                Ok(())
            }
            _ => Err(DamagedChunk("unknown kind of times")),
        }
    }
}

/// Appends the samples of a run of frames from `first` to `last`, both within. Frames outside are skipped.
pub fn read(
    mut run: &[u8],
    range: (i64, i64),
    scratch: &mut Scratch,
    times: &mut Vec<i64>,
    values: &mut Vec<f64>,
) -> Result<(), DamagedChunk> {
    while let Some((head, frame)) = next(&mut run)? {
        if head.last >= range.0 && head.first <= range.1 {
            frame.read(range, scratch, times, values)?;
        }
    }
    Ok(())
}
