//! What one signal asks for, before anything limits it.

use super::{NOW, decide, metric, pod, policy, signal, total};
use gantry_planner::{History, Observed, Phase, Pod, Reading, Ready, plan};
use gantry_platform_model::Target::{AverageValue, Utilization, Value};
use gantry_platform_model::{Behavior, Direction, Target};

/// Replicas that a signal asks for; `None`: it says nothing.
fn asked(target: Target, reading: Reading, current: u32) -> Option<u32> {
    let decision =
        decide(&policy(0, 10_000, vec![metric("m", target), metric("t", Value(1))]), current, &[signal("m", reading)]);
    decision.proposals[0].replicas.clone().ok()
}

/// Name, target, series, replicas there are, replicas asked for.
type Total = (&'static str, Target, &'static [i64], u32, Option<u32>);

#[test]
fn totals() {
    let cases: &[Total] = &[
        ("at the target", Value(100), &[100], 4, Some(4)),
        ("twice the target", Value(100), &[200], 4, Some(8)),
        ("half the target", Value(100), &[50], 4, Some(2)),
        ("rounded up", Value(100), &[130], 3, Some(4)),
        ("the upper edge of tolerance is within", Value(100), &[110], 10, Some(10)),
        ("just above tolerance", Value(1000), &[1101], 10, Some(12)),
        ("the lower edge of tolerance is within", Value(100), &[90], 10, Some(10)),
        ("just below tolerance", Value(1000), &[899], 10, Some(9)),
        ("series are added up", Value(100), &[150, 150], 2, Some(6)),
        ("nothing left to do", Value(100), &[0], 4, Some(0)),
        ("from none there is no tolerance", Value(100), &[105], 0, Some(2)),
        ("from none with nothing to do", Value(100), &[0], 0, Some(0)),
        ("an empty answer is not 0", Value(100), &[], 4, None),
        ("average: exact", AverageValue(100), &[400], 4, Some(4)),
        ("average: more", AverageValue(100), &[1000], 4, Some(10)),
        ("average: rounded up", AverageValue(100), &[601], 4, Some(7)),
        ("average: tolerated", AverageValue(100), &[430], 4, Some(4)),
        ("average: less", AverageValue(100), &[199], 4, Some(2)),
        ("average: from none", AverageValue(100), &[201], 0, Some(3)),
        ("utilization of a total means nothing", Utilization(50), &[10], 4, None),
        ("sums do not overflow", Value(i64::MAX), &[i64::MAX, i64::MAX], 1, Some(2)),
    ];
    for (name, target, values, current, wanted) in cases {
        assert_eq!(asked(*target, Reading::Total(values.to_vec()), *current), *wanted, "{name}");
    }
}

fn pending() -> Pod {
    Pod { phase: Phase::Pending, ready: None, ..pod(None) }
}

fn gone() -> Pod {
    Pod { phase: Phase::Gone, ..pod(Some(9_000)) }
}

/// Runs since `age_s`, became `ready` or not `since_s` ago; uses a lot.
fn young(age_s: i64, ready: bool, since_s: i64) -> Pod {
    let state = Ready { ready, since_ms: NOW - since_s * 1000 };
    Pod { started_ms: Some(NOW - age_s * 1000), ready: Some(state), ..pod(Some(5_000)) }
}

#[test]
fn replicas() {
    let of = |used: &[i64]| used.iter().map(|used| pod(Some(*used))).collect::<Vec<_>>();
    let and = |used: &[i64], more: &[Pod]| [of(used), more.to_vec()].concat();
    let cases: Vec<(&str, Target, Vec<Pod>, Option<u32>)> = vec![
        ("half of what is requested, as wanted", Utilization(50), of(&[500, 500]), Some(2)),
        ("all of it", Utilization(50), of(&[1000, 1000]), Some(4)),
        ("uneven use is a mean", Utilization(50), of(&[100, 1900]), Some(4)),
        ("percents are whole: 55.9 is 55, tolerated", Utilization(50), of(&[559, 559]), Some(2)),
        ("and 56 is not", Utilization(50), of(&[560, 560]), Some(3)),
        ("average value", AverageValue(100), of(&[250, 250]), Some(5)),
        ("means are whole: 110.5 is 110, tolerated", AverageValue(100), of(&[110, 111]), Some(2)),
        ("value is not for replicas", Value(100), of(&[100]), None),
        ("no samples", Utilization(50), vec![pod(None), pod(None)], None),
        ("no replicas", Utilization(50), vec![], None),
        ("only starting ones", Utilization(50), vec![pending()], None),
        ("one unready at a ratio of 2 uses nothing", Utilization(50), and(&[1000, 1000], &[pending()]), Some(4)),
        ("unready ones do not stop scaling down", Utilization(50), and(&[100, 100, 100], &[pending()]), Some(1)),
        ("missing ones use nothing going up", Utilization(50), and(&[1000, 1000], &[pod(None)]), Some(4)),
        ("missing ones use all going down", Utilization(50), and(&[100, 100], &[pod(None)]), Some(3)),
        ("missing ones use the target going down", AverageValue(100), and(&[10, 10, 10], &[pod(None)]), Some(2)),
        ("going down turned by missing ones: nothing", Utilization(50), and(&[400, 400], &[pod(None)]), Some(3)),
        (
            "going up turned by missing ones: nothing",
            Utilization(50),
            and(&[600], &[pod(None), pod(None), pod(None)]),
            Some(4),
        ),
        ("a ratio of exactly 1 assumes nothing", Utilization(50), and(&[500, 500], &[pod(None)]), Some(3)),
        ("gone ones do not count", Utilization(50), and(&[500, 500], &[gone()]), Some(3)),
        ("a request is missing", Utilization(50), vec![pod(Some(1)), Pod { request: None, ..pod(Some(1)) }], None),
        (
            "a request does not matter to a mean",
            AverageValue(100),
            vec![Pod { request: None, ..pod(Some(300)) }],
            Some(3),
        ),
        ("young and unready", Utilization(50), and(&[500, 500], &[young(60, false, 60)]), Some(3)),
        ("young, measured before it was ready", Utilization(50), and(&[500, 500], &[young(60, true, 10)]), Some(3)),
        ("young, measured since it was ready", Utilization(50), and(&[500, 500], &[young(60, true, 50)]), Some(12)),
        ("old, never was ready", Utilization(50), and(&[500, 500], &[young(400, false, 390)]), Some(3)),
        ("old, lost its readiness: counts", Utilization(50), and(&[500, 500], &[young(400, false, 100)]), Some(12)),
        (
            "without a start it is unready",
            Utilization(50),
            and(&[500, 500], &[Pod { started_ms: None, ..pod(Some(5_000)) }]),
            Some(3),
        ),
    ];
    for (name, target, pods, wanted) in cases {
        let current = u32::try_from(pods.len()).unwrap();
        assert_eq!(asked(target, Reading::Pods { cpu: true, pods }, current), wanted, "{name}");
    }
}

#[test]
fn what_is_assumed_does_not_scale_against_what_was_measured() {
    let of = |used: &[i64]| Reading::Pods {
        cpu: true,
        pods: used.iter().map(|used| pod(Some(*used))).chain([pod(None)]).collect(),
    };
    // More replicas have samples than were asked for: 0.84 of the target on 5 of them would be 5.
    assert_eq!(asked(AverageValue(500), of(&[400; 4]), 3), Some(3));
    // Fewer: 1.33 of the target on 3 of them would be 4.
    assert_eq!(asked(AverageValue(500), of(&[1000; 2]), 6), Some(6));
}

#[test]
fn readiness_matters_to_cpu_alone() {
    let pods = vec![pod(Some(500)), pod(Some(500)), young(60, false, 60)];
    assert_eq!(asked(Utilization(50), Reading::Pods { cpu: false, pods }, 3), Some(12));
}

#[test]
fn a_value_is_spread_over_ready_replicas() {
    let policy = policy(1, 100, vec![metric("m", Value(100))]);
    let decision = plan(&policy, &Observed { current: 4, ready: 3 }, &[total("m", 200)], &History::default(), NOW);
    assert_eq!(decision.proposals[0].replicas, Ok(6));
    assert!(decision.proposals[0].formula.contains("ceil(2.000 x 3 ready)"), "{decision:?}");
}

#[test]
fn tolerance_can_be_chosen_for_each_direction() {
    let mut policy = policy(1, 1000, vec![metric("m", Value(100))]);
    assert_eq!(decide(&policy, 100, &[total("m", 107)]).desired, 100);
    let narrow = Direction { tolerance: Some(0.05), ..Direction::default() };
    policy.behavior = Some(Behavior { scale_up: narrow, ..Behavior::default() });
    assert_eq!(decide(&policy, 100, &[total("m", 107)]).desired, 107);
    assert_eq!(decide(&policy, 100, &[total("m", 93)]).recommendation, Some(100), "downwards it is 0.1 still");
}
