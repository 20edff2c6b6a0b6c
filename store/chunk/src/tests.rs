//! What goes in comes out, to the bit; what was never written is refused.

use crate::frame::{self, Scratch};
use crate::{Tail, histogram};
use gantry_model::metric::{Buckets, NativeHistogram, ResetHint, STALE_NAN_BITS, Span};
use proptest::prelude::*;
use std::sync::Arc;

const ALL: (i64, i64) = (i64::MIN, i64::MAX);

fn encoded(times: &[i64], values: &[f64]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::put(&mut out, times, values, &mut Scratch::default());
    out
}

fn decoded(bytes: &[u8], range: (i64, i64)) -> (Vec<i64>, Vec<u64>) {
    let (mut times, mut values) = (Vec::new(), Vec::new());
    frame::read(bytes, range, &mut Scratch::default(), &mut times, &mut values).unwrap();
    (times, bits(&values))
}

fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|value| value.to_bits()).collect()
}

fn every(step: i64, count: usize) -> Vec<i64> {
    (0..count as i64).map(|n| 1_767_225_600_000 + n * step).collect()
}

#[track_caller]
fn round_trip(times: &[i64], values: &[f64]) -> usize {
    let bytes = encoded(times, values);
    assert_eq!(decoded(&bytes, ALL), (times.to_vec(), bits(values)));
    let mut tail = Tail::default();
    let mut scratch = Scratch::default();
    times.iter().zip(values).for_each(|(time, value)| tail.push(*time, *value, &mut scratch));
    let (mut tail_times, mut tail_values) = (Vec::new(), Vec::new());
    tail.view().read(ALL, &mut scratch, &mut tail_times, &mut tail_values).unwrap();
    assert_eq!((tail_times, bits(&tail_values)), (times.to_vec(), bits(values)));
    bytes.len()
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        (any::<i32>(), 0i32..8).prop_map(|(number, digits)| f64::from(number) / 10f64.powi(digits)),
        any::<i64>().prop_map(|number| number as f64),
        any::<f32>().prop_map(f64::from),
        prop_oneof![Just(0.0), Just(-0.0), Just(f64::NAN), Just(f64::INFINITY), Just(f64::from_bits(STALE_NAN_BITS))],
        (0u32..100).prop_map(f64::from),
    ]
}

fn times(most: usize) -> impl Strategy<Value = Vec<i64>> {
    let any_times = proptest::collection::btree_set(any::<i64>(), 1..most).prop_map(|set| set.into_iter().collect());
    let scrapes = proptest::collection::vec(14_990i64..15_010, 1..most).prop_map(|steps| {
        let mut at = 1_767_225_600_000;
        steps
            .into_iter()
            .map(|step| {
                at += step;
                at
            })
            .collect()
    });
    prop_oneof![any_times, scrapes, (1..most).prop_map(|count| every(15_000, count))]
}

proptest! {
    #[test]
    fn any_samples_come_back(times in times(300), values in proptest::collection::vec(value(), 300)) {
        round_trip(&times, &values[..times.len()]);
    }

    #[test]
    fn a_range_is_what_a_filter_leaves(times in times(200), from in 0usize..200, to in 0usize..200, slack in -1i64..2) {
        let values: Vec<f64> = (0..times.len()).map(|n| n as f64).collect();
        let at = |n: usize| times[n.min(times.len() - 1)].saturating_add(slack);
        let range = (at(from), at(to));
        let expected: Vec<(i64, u64)> = times.iter().zip(bits(&values)).map(|(t, v)| (*t, v))
            .filter(|(t, _)| range.0 <= *t && *t <= range.1).collect();
        let (times, values) = decoded(&encoded(&times, &values), range);
        prop_assert_eq!(times.into_iter().zip(values).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn garbage_is_refused_or_read_but_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let (mut times, mut values, mut histograms) = (Vec::new(), Vec::new(), Vec::new());
        let _ = frame::read(&bytes, ALL, &mut Scratch::default(), &mut times, &mut values);
        let _ = histogram::read(&bytes, ALL, &mut Scratch::default(), &mut histograms);
    }

    #[test]
    fn a_changed_byte_is_refused_or_read_but_never_panics(
        values in proptest::collection::vec(value(), 100), at in any::<prop::sample::Index>(), with in any::<u8>()
    ) {
        let mut bytes = encoded(&every(15_000, 100), &values);
        let place = at.index(bytes.len());
        bytes[place] = with;
        let (mut times, mut values) = (Vec::new(), Vec::new());
        let _ = frame::read(&bytes, ALL, &mut Scratch::default(), &mut times, &mut values);
    }

    #[test]
    fn any_histograms_come_back(counts in proptest::collection::vec((value(), value(), 0u8..4), 1..300), layouts in 1usize..4) {
        let hints = [ResetHint::Unknown, ResetHint::Reset, ResetHint::NoReset, ResetHint::Gauge];
        let samples: Vec<_> = counts.iter().enumerate().map(|(n, (count, sum, hint))| {
            let layout = n / 7 % layouts;
            let spans = vec![Span { offset: -3, length: layout as u32 + 1 }];
            let histogram = NativeHistogram {
                reset_hint: hints[usize::from(*hint)], schema: layout as i32, zero_threshold: 0.5, zero_count: *count,
                count: *count, sum: *sum, positive: Buckets { spans: spans.clone(), counts: vec![*count; layout + 1] },
                negative: Buckets { spans, counts: vec![*sum; layout + 1] }, custom_bounds: vec![1.0; layout].into(),
            };
            (n as i64 * 1000, Arc::new(histogram))
        }).collect();
        let mut bytes = Vec::new();
        histogram::put(&mut bytes, &samples, &mut Scratch::default());
        let mut read = Vec::new();
        histogram::read(&bytes, ALL, &mut Scratch::default(), &mut read).unwrap();
        // Debug text, because a NaN does not equal itself; the bits of floats have tests of their own.
        prop_assert_eq!(format!("{read:?}"), format!("{samples:?}"));
        let mut part = Vec::new();
        histogram::read(&bytes, (3000, 5000), &mut Scratch::default(), &mut part).unwrap();
        prop_assert_eq!(part.len(), samples.len().clamp(3, 6) - 3);
    }
}

#[test]
fn extreme_times_and_values_come_back() {
    round_trip(&[i64::MIN, 0, i64::MAX], &[f64::MIN, -0.0, f64::MAX]);
    round_trip(&[i64::MIN, i64::MAX], &[f64::from_bits(u64::MAX), f64::from_bits(STALE_NAN_BITS)]);
    round_trip(&[7], &[f64::NAN]);
    round_trip(&every(1, 5), &[4.6e18, -4.6e18, 4.7e18, 9.3e18, 1.0]);
}

#[test]
fn a_regular_series_of_one_value_takes_a_few_bytes() {
    assert!(round_trip(&every(15_000, 1000), &[1.0; 1000]) < 30);
}

#[test]
fn decimals_take_the_bits_that_they_vary_by() {
    let values: Vec<f64> = (0..1024).map(|n| f64::from(n * 7919 % 64) / 100.0 + 40.0).collect();
    let bytes = round_trip(&every(15_000, 1024), &values);
    assert!(bytes < 1024 * 7 / 8, "{bytes}");
}

#[test]
fn the_end_of_a_series_costs_little() {
    let mut values: Vec<f64> = (0..500).map(|n| f64::from(n * 3)).collect();
    values.push(f64::from_bits(STALE_NAN_BITS));
    assert!(round_trip(&every(15_000, 501), &values) < 80);
}

#[test]
fn the_bytes_of_a_frame_stay_what_they_are() {
    let bytes = encoded(&[1000, 2000, 3000, 4100], &[1.5, 2.5, f64::from_bits(STALE_NAN_BITS), 3.0]);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, GOLDEN, "a change of the format needs a new kind of frame, and the old one must stay readable");
}

const GOLDEN: &str = "20d00f9c1804010200d00f0700003201010102020000000000f07f1e05000200e8";
