use super::*;
use gantry_query_eval::Labels;
use gantry_query_eval::metric::Series;
use std::cell::RefCell;

const SECOND: i64 = 1_000_000_000;

fn question(text: &str) -> Question {
    Question { tenant: TenantId::default_tenant(), text: text.into() }
}

fn steps(first: i64, last: i64) -> Steps {
    Steps { start: first * SECOND + 7, end: last * SECOND + 7, step: SECOND }
}

/// The value of a step is its number; series `odd` has every second one.
fn compute(steps: Steps) -> Vec<Series> {
    let number = |at: usize| steps.at(at).div_euclid(SECOND);
    let points = |keep: fn(i64) -> bool| {
        (0..steps.count()).map(|at| Some(number(at)).filter(|n| keep(*n)).map(|n| n as f64)).collect()
    };
    let labels = |name: &str| Labels::from_iter([("name", name)]);
    vec![
        Series { labels: labels("all"), points: points(|_| true) },
        Series { labels: labels("odd"), points: points(|n| n % 2 != 0) },
        Series { labels: labels("early"), points: points(|n| n < 10) },
    ]
}

/// Asks through the cache; gives which steps were computed.
fn ask(cache: &ResultCache<Series>, asked: Steps, version: impl Fn(Steps) -> Option<u64>) -> Option<(i64, i64)> {
    let plan = cache.plan(question("q"), asked, version).expect("long enough");
    let missing = plan.missing();
    let computed = missing.map(compute).unwrap_or_default();
    cache.keep(&plan, &computed);
    let mut answer = plan.assemble(&computed);
    let mut want = compute(asked);
    want.retain(|series| series.points.iter().any(Option::is_some));
    for rows in [&mut answer, &mut want] {
        rows.sort_by(|a, b| a.labels.cmp(&b.labels));
    }
    assert_eq!(answer, want, "the same as without a cache");
    missing.map(|steps| (steps.start.div_euclid(SECOND), steps.end.div_euclid(SECOND)))
}

#[test]
fn a_window_that_slides_computes_only_what_is_new() {
    let cache = ResultCache::new(1 << 20);
    let fixed = |_: Steps| Some(1);
    assert_eq!(ask(&cache, steps(3, 40), fixed), Some((0, 40)));
    assert_eq!(ask(&cache, steps(3, 39), fixed), None, "all of it is kept");
    assert_eq!(ask(&cache, steps(5, 42), fixed), Some((40, 42)));
    assert_eq!(ask(&cache, steps(20, 47), fixed), Some((40, 47)));
    assert_eq!(ask(&cache, steps(20, 47), fixed), None);
    assert_eq!(ask(&cache, steps(-20, 20), fixed), Some((-24, -1)), "also before 1970");
}

#[test]
fn a_change_voids_the_segments_that_look_at_it() {
    let cache = ResultCache::new(1 << 20);
    let changed = RefCell::new(0);
    let version = |steps: Steps| {
        let hit = (steps.start..=steps.end).contains(&(17 * SECOND + 7));
        Some(if hit { *changed.borrow() } else { 0 })
    };
    assert_eq!(ask(&cache, steps(0, 31), version), Some((0, 31)));
    assert_eq!(ask(&cache, steps(0, 31), version), None);
    *changed.borrow_mut() = 1;
    assert_eq!(ask(&cache, steps(0, 31), version), Some((16, 23)));
    assert_eq!(ask(&cache, steps(0, 31), version), None);
}

#[test]
fn what_must_not_be_kept_is_computed_each_time() {
    let cache = ResultCache::new(1 << 20);
    let open = |steps: Steps| (steps.end < 24 * SECOND).then_some(1);
    assert_eq!(ask(&cache, steps(0, 30), open), Some((0, 30)));
    assert_eq!(ask(&cache, steps(0, 30), open), Some((24, 30)));
    let none = ResultCache::new(0);
    assert_eq!(ask(&none, steps(0, 30), |_| Some(1)), Some((0, 30)));
    assert_eq!(ask(&none, steps(0, 30), |_| Some(1)), Some((0, 30)));
    assert_eq!(none.used(), 0);
}

#[test]
fn questions_steps_and_phases_are_told_apart() {
    let cache = ResultCache::new(1 << 20);
    assert!(ask(&cache, steps(0, 31), |_| Some(1)).is_some());
    let missing = |text: &str, steps: Steps| cache.plan(question(text), steps, |_| Some(1)).unwrap().missing();
    assert!(missing("q", steps(0, 31)).is_none());
    assert!(missing("other", steps(0, 31)).is_some());
    assert!(missing("q", Steps { start: 8, end: 31 * SECOND, step: SECOND }).is_some());
    assert!(missing("q", Steps { start: 7, end: 62 * SECOND, step: 2 * SECOND }).is_some());
    assert!(cache.plan(question("q"), steps(0, 14), |_| Some(1)).is_none(), "too short to be kept");
}
