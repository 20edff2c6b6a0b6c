#![no_main]
//! Frames of samples: bytes that are no frame are refused, and any samples come back to the bit.

use gantry_chunk::{Scratch, Tail, frame, histogram};
use libfuzzer_sys::fuzz_target;

const ALL: (i64, i64) = (i64::MIN, i64::MAX);

fuzz_target!(|bytes: &[u8]| {
    let mut scratch = Scratch::default();
    let (mut times, mut values, mut histograms) = (Vec::new(), Vec::new(), Vec::new());
    let _ = frame::read(bytes, ALL, &mut scratch, &mut times, &mut values);
    let _ = histogram::read(bytes, ALL, &mut scratch, &mut histograms);
    // Frames of garbage need not come in order.
    histograms.sort_by_key(|(at, _)| *at);
    histograms.dedup_by_key(|(at, _)| *at);
    let mut frames = Vec::new();
    histogram::put(&mut frames, &histograms, &mut scratch);
    let mut again = Vec::new();
    histogram::read(&frames, ALL, &mut scratch, &mut again).expect("what was written can be read");
    assert_eq!(format!("{histograms:?}"), format!("{again:?}"));

    // Two bytes of distance and eight of value each.
    let mut at = 0i64;
    let (mut times, mut values) = (Vec::new(), Vec::new());
    for sample in bytes.chunks_exact(10) {
        at += 1 + i64::from(u16::from_le_bytes([sample[0], sample[1]]));
        times.push(at);
        values.push(f64::from_bits(u64::from_le_bytes(sample[2..].try_into().expect("eight bytes"))));
    }
    let mut frames = Vec::new();
    frame::put(&mut frames, &times, &values, &mut scratch);
    let mut tail = Tail::default();
    times.iter().zip(&values).for_each(|(at, value)| tail.push(*at, *value, &mut scratch));
    let (mut read_times, mut read_values) = (Vec::new(), Vec::new());
    frame::read(&frames, ALL, &mut scratch, &mut read_times, &mut read_values).expect("what was written can be read");
    tail.view().read(ALL, &mut scratch, &mut read_times, &mut read_values).expect("what was written can be read");
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    assert_eq!(read_times, [&*times, &times].concat());
    assert_eq!(bits(&read_values), bits(&[&*values, &values].concat()));
});
