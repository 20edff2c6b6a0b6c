//! Other least and most replicas at certain times.

use super::{metric, policy, signal};
use gantry_planner::{Decision, History, Observed, Reading, Reason, Signal, plan};
use gantry_platform_model::Target::AverageValue;
use gantry_platform_model::{ScalePolicy, Schedule, ToZero};

/// Monday, 2026-11-23, 12:00 UTC.
const NOON: i64 = 1_795_435_200_000;

fn schedule(name: &str, least: Option<u32>, most: Option<u32>, exact: Option<u32>) -> Schedule {
    Schedule {
        name: name.into(),
        timezone: "UTC".into(),
        start: "0 9 * * *".into(),
        end: "0 17 * * *".into(),
        min_replicas: least,
        max_replicas: most,
        replicas: exact,
    }
}

fn at(now: i64, min: u32, current: u32, load: i64, schedules: Vec<Schedule>) -> Decision {
    let to_zero = (min == 0).then_some(ToZero { activation: 0, cooldown_seconds: 0 });
    let policy = ScalePolicy { schedules, to_zero, ..policy(min, 10, vec![metric("q", AverageValue(100))]) };
    let signals = [Signal { at_ms: now, ..signal("q", Reading::Total(vec![load])) }];
    let history = History { active_ms: Some(now - 1000), ..History::default() };
    plan(&policy, &Observed { current, ready: current }, &signals, &history, now)
}

#[test]
fn the_range_of_a_schedule_counts_while_it_is_in_force() {
    let evening = NOON + 6 * 3_600_000;
    let floor = || schedule("day", Some(5), None, None);
    let cases = [
        ("a floor lifts", NOON, 1, 2, 100, vec![floor()], 5, Reason::TooFewReplicas),
        ("more than the floor is no matter", NOON, 1, 7, 700, vec![floor()], 7, Reason::DesiredWithinRange),
        ("the floor holds against less load", NOON, 1, 5, 0, vec![floor()], 5, Reason::ScaleDownStabilized),
        ("not in force", evening, 1, 2, 200, vec![floor()], 2, Reason::DesiredWithinRange),
        ("a ceiling lowers", NOON, 1, 8, 900, vec![schedule("c", None, Some(6), None)], 6, Reason::TooManyReplicas),
        ("exactly so many", NOON, 1, 8, 900, vec![schedule("c", None, None, Some(3))], 3, Reason::TooManyReplicas),
        (
            "the highest floor",
            NOON,
            1,
            1,
            0,
            vec![floor(), schedule("b", Some(7), None, None)],
            7,
            Reason::TooFewReplicas,
        ),
        (
            "a floor beats a ceiling below it",
            NOON,
            1,
            1,
            0,
            vec![floor(), schedule("c", None, Some(2), None)],
            5,
            Reason::TooFewReplicas,
        ),
        ("awake by the clock", NOON, 0, 0, 0, vec![floor()], 5, Reason::TooFewReplicas),
        ("asleep after hours", evening, 0, 5, 0, vec![floor()], 0, Reason::Idle),
        ("somebody stopped it", NOON, 1, 0, 900, vec![floor()], 0, Reason::ScalingDisabled),
    ];
    for (name, now, min, current, load, schedules, desired, reason) in cases {
        let decision = at(now, min, current, load, schedules);
        assert_eq!((decision.desired, decision.reason), (desired, reason), "{name}: {decision:#?}");
    }
}

#[test]
fn a_decision_names_the_schedules_in_force_and_their_range() {
    let decision = at(NOON, 1, 6, 600, vec![schedule("day", Some(5), Some(8), None)]);
    assert_eq!((decision.schedules, decision.range), (vec!["day".to_owned()], (5, 8)));
    let decision = at(NOON + 12 * 3_600_000, 1, 6, 600, vec![schedule("day", Some(5), Some(8), None)]);
    assert_eq!((decision.schedules, decision.range), (vec![], (1, 10)));
}
