use super::*;
use gantry_model::metric::Span;
use proptest::prelude::*;

fn exponential(schema: i32, start: i32, counts: Vec<u32>, threshold: f64) -> NativeHistogram {
    let counts: Vec<f64> = counts.into_iter().map(f64::from).collect();
    NativeHistogram {
        schema,
        zero_threshold: threshold,
        count: counts.iter().sum(),
        sum: 1.0,
        positive: Buckets { spans: vec![Span { offset: start, length: counts.len() as u32 }], counts },
        ..Default::default()
    }
}

fn any() -> impl Strategy<Value = NativeHistogram> {
    let thresholds = prop::sample::select(vec![0.0, 0.001, 0.5, 3.0]);
    (-2..5i32, -20..20i32, prop::collection::vec(0..50u32, 1..12), thresholds)
        .prop_map(|(schema, start, counts, threshold)| exponential(schema, start, counts, threshold))
}

fn total(h: &NativeHistogram) -> f64 {
    h.zero_count + h.positive.counts.iter().chain(&h.negative.counts).sum::<f64>()
}

proptest! {
    #[test]
    fn a_sum_holds_what_both_held_whichever_comes_first(a in any(), b in any()) {
        let (one, two) = (add(&a, &b).unwrap().histogram, add(&b, &a).unwrap().histogram);
        prop_assert!(equal(&one, &two));
        prop_assert_eq!(total(&one), total(&a) + total(&b));
        prop_assert_eq!(one.schema, a.schema.min(b.schema));
    }

    #[test]
    fn what_was_added_can_be_taken_away(a in any(), b in any()) {
        let difference = sub(&add(&a, &b).unwrap().histogram, &b).unwrap().histogram;
        prop_assert_eq!(total(&difference), total(&a));
        prop_assert!(difference.positive.counts.iter().all(|count| *count > 0.0));
    }

    #[test]
    fn a_counter_that_grew_was_not_reset(a in any(), b in any()) {
        let grown = add(&a, &b).unwrap().histogram;
        prop_assert!(!is_reset(&grown, &a));
    }

    #[test]
    fn quantiles_rise_and_stay_within(a in any(), p in 0.0..1.0f64, q in 0.0..1.0f64) {
        prop_assume!(a.count > 0.0);
        let (low, high) = (quantile(p.min(q), &a), quantile(p.max(q), &a));
        prop_assert!(low <= high * (1.0 + 1e-9), "{} {}", low, high);
    }
}

#[test]
fn bounds_that_differ_are_reduced_to_those_of_both() {
    let custom = |bounds: &[f64], counts: &[f64]| NativeHistogram {
        schema: gantry_model::metric::CUSTOM_BUCKETS_SCHEMA,
        count: counts.iter().sum(),
        positive: Buckets { spans: vec![Span { offset: 0, length: counts.len() as u32 }], counts: counts.to_vec() },
        custom_bounds: bounds.into(),
        ..Default::default()
    };
    let sum = add(&custom(&[1.0, 2.0], &[1.0, 2.0, 4.0]), &custom(&[2.0, 3.0], &[8.0, 16.0, 32.0])).unwrap();
    assert!(sum.reconciled);
    assert_eq!(&*sum.histogram.custom_bounds, [2.0]);
    assert_eq!(sum.histogram.positive.counts, [11.0, 52.0]);
}
