//! Whatever is written in a policy is read or refused.

use chrono_tz::Tz;
use gantry_platform_model::{Cron, Policy, quantity};
use proptest::prelude::*;

/// Pieces of cron, put together in any way.
fn lines() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "*", "*/7", "0", "59", "1-5", "MON", "7", "29", "feb", "31", ",", "-", "/", "x", "1,3", "",
    ]);
    prop::collection::vec(piece, 3..7).prop_map(|pieces| pieces.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_line_of_cron_is_refused_or_happens_after_any_instant(line in lines(), after in 0_i64..4_000_000_000_000, zone in 0_usize..4) {
        let zone = [Tz::UTC, Tz::Europe__Berlin, Tz::Australia__Lord_Howe, Tz::America__St_Johns][zone];
        if let Ok(cron) = Cron::parse(&line) {
            let next = cron.next(after, zone);
            prop_assert!(next.is_none_or(|next| next > after && next % 60_000 == 0), "{} {:?}", line, next);
        }
    }

    #[test]
    fn any_text_is_a_quantity_or_refused(text in "\\PC{0,12}") {
        let _ = quantity::parse(&text);
    }

    #[test]
    fn a_quantity_that_is_shown_reads_as_it_was(thousandths in -9_000_000_000_000_000_i64..9_000_000_000_000_000) {
        let read = quantity::parse(&quantity::show(thousandths)).unwrap();
        // Numbers are read as binary fractions: 15 digits are exact.
        prop_assert!((read - thousandths).abs() <= 1 + thousandths.abs() / 1_000_000_000_000, "{} {}", read, thousandths);
    }

    #[test]
    fn any_json_is_a_policy_or_refused(name in "\\PC{0,8}", min in any::<i64>(), max in any::<u32>(), target in "\\PC{0,6}", start in lines()) {
        let json = serde_json::json!({
            "name": name, "minReplicas": min, "maxReplicas": max,
            "metrics": [{"name": "m", "query": {"promql": "up"}, "target": {"value": target}}],
            "schedules": [{"name": "s", "start": start, "end": "0 1 * * *", "replicas": 1}],
        });
        if let Ok(policy) = serde_json::from_value::<Policy>(json) {
            let _ = policy.problems();
            let again: Policy = serde_json::from_value(serde_json::to_value(&policy).unwrap()).unwrap();
            prop_assert_eq!(again, policy);
        }
    }
}
