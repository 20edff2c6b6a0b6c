//! What holds whatever is seen.

use super::{NOW, metric, pod, policy, signal};
use gantry_planner::{Change, History, Observed, Prediction, Reading, Recommendation, Signal, forecast, plan};
use gantry_platform_model::Target::{self, AverageValue, Utilization, Value};
use gantry_platform_model::{Behavior, Forecast, Method, MetricSpec, Panic, Query, ScalePolicy, Schedule, ToZero};
use proptest::prelude::*;

/// What earlier decisions of the last ten minutes may have left.
fn histories() -> impl Strategy<Value = History> {
    let asked = prop::collection::vec((0_i64..600_000, 0_u32..60), 0..20);
    let changed = prop::collection::vec((0_i64..60_000, -20_i64..20), 0..6);
    (asked, changed).prop_map(|(mut asked, mut changed)| {
        asked.sort_by_key(|(ago, _)| std::cmp::Reverse(*ago));
        changed.sort_by_key(|(ago, _)| std::cmp::Reverse(*ago));
        let asked = asked.into_iter().map(|(ago, replicas)| Recommendation { at_ms: NOW - ago, replicas });
        let changed = changed.into_iter().map(|(ago, by)| Change { at_ms: NOW - ago, by });
        History { recommendations: asked.collect(), changes: changed.collect(), ..History::default() }
    })
}

fn targets() -> impl Strategy<Value = Target> {
    (1_i64..1000, any::<bool>()).prop_map(|(target, each)| if each { AverageValue(target) } else { Value(target) })
}

fn total_of(value: i64) -> Signal {
    signal("m", Reading::Total(vec![value]))
}

proptest! {
    #[test]
    fn more_to_do_never_means_fewer_replicas(
        target in targets(), current in 1_u32..60, history in histories(), less in 0_i64..100_000, more in 0_i64..100_000,
        with_behavior in any::<bool>(),
    ) {
        let behavior = with_behavior.then(Behavior::default);
        let policy = ScalePolicy { behavior, ..policy(1, 60, vec![metric("m", target)]) };
        let at = |value| plan(&policy, &Observed { current, ready: current }, &[total_of(value)], &history, NOW).desired;
        prop_assert!(at(less) <= at(less + more));
    }

    #[test]
    fn what_is_missing_holds_whatever_there_was(
        target in targets(), current in 1_u32..60, history in histories(), why in 0_u8..4, to_zero in any::<bool>(),
    ) {
        let signals = match why {
            0 => vec![],
            1 => vec![signal("m", Reading::Failed("no answer".into()))],
            2 => vec![signal("m", Reading::Total(vec![]))],
            _ => vec![Signal { at_ms: NOW - 60_001, ..total_of(0) }],
        };
        let zero = to_zero.then_some(ToZero { activation: 0, cooldown_seconds: 0 });
        let policy = ScalePolicy { to_zero: zero, ..policy(u32::from(!to_zero), 60, vec![metric("m", target)]) };
        let decision = plan(&policy, &Observed { current, ready: current }, &signals, &history, NOW);
        prop_assert_eq!(decision.desired, current, "{:?}", decision);
        prop_assert_eq!(decision.recommendation, None);
    }

    #[test]
    fn a_look_ahead_and_a_burst_only_add(
        target in targets(), current in 1_u32..60, history in histories(), now in 0_i64..100_000, ahead in 0_i64..100_000,
        burst in 0_i64..100_000,
    ) {
        let spec = Forecast {
            method: Method::SeasonalNaive, horizon_seconds: 60, season_seconds: 600, seasons: 2, step_seconds: 60,
        };
        let plain = policy(1, 60, vec![metric("m", target)]);
        let rich = MetricSpec { forecast: Some(spec), burst: Some(Query::Promql("m".into())), ..metric("m", target) };
        let rich = ScalePolicy { panic: Some(Panic::default()), ..policy(1, 60, vec![rich]) };
        let ahead = Some(Ok(Prediction { value: ahead, formula: String::new() }));
        let signals = [Signal { ahead, burst: Some(Reading::Total(vec![burst])), ..total_of(now) }];
        let observed = Observed { current, ready: current };
        let (without, with) = (plan(&plain, &observed, &signals, &history, NOW), plan(&rich, &observed, &signals, &history, NOW));
        prop_assert!(with.desired >= without.desired && with.desired <= 60, "{:?} {:?}", without, with);
    }

    #[test]
    fn schedules_keep_the_range(
        current in 0_u32..60, load in 0_i64..100_000, now in 0_i64..4_000_000_000_000,
        floors in prop::collection::vec((0_u32..24, 0_u32..24, prop::option::of(0_u32..40), prop::option::of(1_u32..40)), 0..4),
    ) {
        let schedule = |(start, end, least, most): (u32, u32, Option<u32>, Option<u32>)| Schedule {
            name: "s".into(), timezone: "Europe/Berlin".into(), start: format!("0 {start} * * *"), end: format!("30 {end} * * *"),
            min_replicas: least, max_replicas: most, replicas: None,
        };
        let schedules = floors.into_iter().map(schedule).collect();
        let policy = ScalePolicy { schedules, ..policy(1, 40, vec![metric("m", AverageValue(100))]) };
        let signals = [Signal { at_ms: now, ..total_of(load) }];
        let decision = plan(&policy, &Observed { current, ready: current }, &signals, &History::default(), now);
        prop_assert!(decision.desired <= 40 || decision.desired == current, "{:?}", decision);
        prop_assert!(decision.range.0 <= decision.range.1 && decision.range.1 <= 40, "{:?}", decision);
        if policy.problems().is_empty() && current > 0 {
            prop_assert!((decision.range.0..=decision.range.1).contains(&decision.desired), "{:?}", decision);
        }
    }

    #[test]
    fn a_forecast_is_finite_or_says_why_not(values in prop::collection::vec(prop::option::of(-1e12_f64..1e12), 0..60), winters in any::<bool>()) {
        let method = if winters { Method::HoltWinters } else { Method::SeasonalNaive };
        let spec = Forecast { method, horizon_seconds: 300, season_seconds: 600, seasons: 4, step_seconds: 60 };
        if let Ok(found) = forecast(&spec, &values) {
            prop_assert!(found.value >= 0);
        }
    }

    #[test]
    fn a_decision_stays_in_range_and_does_not_panic(
        min in 1_u32..20, more in 0_u32..50, current in 1_u32..100,
        queue in prop::collection::vec(any::<i64>(), 0..4),
        used in prop::collection::vec(prop::option::of(0_i64..i64::MAX), 0..8),
        with_behavior in any::<bool>(),
    ) {
        let metrics = vec![metric("queue", AverageValue(100)), metric("cpu", Utilization(50))];
        let behavior = with_behavior.then(Behavior::default);
        let policy = ScalePolicy { behavior, ..policy(min, min + more, metrics) };
        let pods = used.into_iter().map(pod).collect();
        let signals = [signal("queue", Reading::Total(queue)), signal("cpu", Reading::Pods { cpu: true, pods })];
        let mut history = History::default();
        let decision = plan(&policy, &Observed { current, ready: current }, &signals, &history, NOW);
        prop_assert!((min..=min + more).contains(&decision.desired), "{:?}", decision);
        history.remember(&decision, true);
        let next = plan(&policy, &Observed { current: decision.desired, ready: 0 }, &signals, &history, NOW + 1);
        prop_assert!((min..=min + more).contains(&next.desired), "{:?}", next);
    }
}
