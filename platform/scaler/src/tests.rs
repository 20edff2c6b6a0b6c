//! Looks at policies, one after the other, with a clock that a test moves.

use crate::backtest::backtest;
use crate::decided::Outcome;
use crate::look::{Memory, look};
use crate::metrics::ScalerMetrics;
use crate::scaler::{PolicyId, Shared};
use crate::seam::{Execute, Record, Signals};
use crate::testing::{FakeExecutor, FakeRecord, FakeSignals};
use crate::{Against, BacktestRequest, Decided, ScaleOptions, parse_policies};
use gantry_meta::{MemoryMeta, MetaStore};
use gantry_model::{ManualClock, TenantId, Timestamp};
use gantry_planner::Reason;
use gantry_platform_model::Policy;
use prometheus::Registry;
use std::sync::Arc;
use std::time::Duration;

const WEB: &str = "name: web
maxReplicas: 20
metrics:
- {name: load, query: {promql: load}, target: {averageValue: 100}, maxAgeSeconds: 30}
behavior: {scaleDown: {stabilizationWindowSeconds: 0}}
";

fn policy(text: &str) -> Policy {
    parse_policies(text).unwrap_or_else(|problems| panic!("{problems:?}")).remove(0)
}

struct Bench {
    signals: Arc<FakeSignals>,
    record: Arc<FakeRecord>,
    executor: Arc<FakeExecutor>,
    meta: Arc<dyn MetaStore>,
    clock: Arc<ManualClock>,
    shared: Shared,
    memory: Memory,
}

impl Bench {
    fn new() -> Bench {
        Bench::on(Arc::new(MemoryMeta::default()))
    }

    fn on(meta: Arc<dyn MetaStore>) -> Bench {
        let (signals, record, executor) = <(Arc<FakeSignals>, Arc<FakeRecord>, Arc<FakeExecutor>)>::default();
        let clock = Arc::new(ManualClock::at(Timestamp(1_800_000_000_000_000_000)));
        let metrics = ScalerMetrics::register(&Registry::new()).unwrap();
        let options = ScaleOptions { decisions: 3, ..ScaleOptions::default() };
        let parts: (Arc<dyn Signals>, Arc<dyn Record>, Arc<dyn Execute>) =
            (signals.clone(), record.clone(), executor.clone());
        let shared = Shared::new(options, parts, meta.clone(), clock.clone(), metrics);
        Bench { signals, record, executor, meta, clock, shared, memory: Memory::default() }
    }

    async fn look(&mut self, policy: &Policy) -> Decided {
        let id = PolicyId { tenant: TenantId::default_tenant(), name: policy.name.clone() };
        let decided = look(&self.shared, &id, policy, &mut self.memory).await;
        self.clock.advance(Duration::from_secs(15));
        decided
    }
}

fn numbers(decided: &Decided) -> (u32, u32, Reason) {
    (decided.decision.current, decided.decision.desired, decided.decision.reason)
}

#[tokio::test]
async fn what_was_decided_is_where_the_next_look_begins_also_after_a_restart() {
    let mut bench = Bench::new();
    bench.signals.set("load", 450.0);
    let first = bench.look(&policy(WEB)).await;
    assert_eq!((numbers(&first), first.outcome), ((1, 5, Reason::DesiredWithinRange), Outcome::Advised));
    let mut bench = Bench::on(bench.meta);
    bench.signals.set("load", 450.0);
    let second = bench.look(&policy(WEB)).await;
    assert_eq!(
        (numbers(&second), second.outcome, second.number),
        ((5, 5, Reason::DesiredWithinRange), Outcome::Unchanged, 2)
    );
    assert_eq!(bench.record.lines.lock().len(), 1);
    assert!(bench.record.lines.lock()[0].starts_with("policy web: 5 -> 5: "), "{:?}", bench.record.lines);
    assert_eq!(*bench.record.samples.lock(), 7, "replicas, range, proposal and signal");
}

#[tokio::test]
async fn a_signal_that_is_missing_stale_failing_or_no_number_holds() {
    let mut bench = Bench::new();
    bench.signals.set("load", 450.0);
    bench.look(&policy(WEB)).await;
    type Set<'a> = &'a dyn Fn(&FakeSignals);
    let cases: [(&str, Set<'_>); 4] = [
        ("stale", &|signals| signals.age("load", 100.0, 31_000)),
        ("no answer", &|signals| signals.fail("load", "no answer")),
        ("finite", &|signals| signals.set("load", f64::NAN)),
        ("finite", &|signals| signals.set("load", f64::INFINITY)),
    ];
    for (why, set) in cases {
        set(&bench.signals);
        let held = bench.look(&policy(WEB)).await;
        assert_eq!(numbers(&held), (5, 5, Reason::NoSignal), "{why}");
        assert!(held.decision.message.contains(why), "{}", held.decision.message);
    }
    bench.signals.age("load", 100.0, 29_000);
    assert_eq!(bench.look(&policy(WEB)).await.decision.desired, 1);
}

fn with_webhook(more: &str) -> Policy {
    policy(&format!("{WEB}executor: {{webhook: {{url: 'http://localhost/x'}}}}\n{more}"))
}

#[tokio::test]
async fn a_change_that_is_not_taken_over_is_ordered_again_with_its_key_until_another_is_wanted() {
    let mut bench = Bench::new();
    let policy = with_webhook("");
    bench.signals.set("load", 450.0);
    *bench.executor.refuse.lock() = Some("away".to_owned());
    for _ in 0..2 {
        let failed = bench.look(&policy).await;
        assert_eq!((failed.decision.current, failed.outcome), (1, Outcome::Failed("away".to_owned())));
    }
    let mut bench = Bench { memory: Memory::default(), ..bench };
    bench.look(&policy).await;
    bench.signals.set("load", 300.0);
    *bench.executor.refuse.lock() = None;
    assert_eq!(bench.look(&policy).await.outcome, Outcome::Applied);
    assert_eq!(bench.look(&policy).await.outcome, Outcome::Unchanged);
    let orders = bench.executor.orders.lock().clone();
    let [(first, 5), (second, 5), (third, 5), (fourth, 3)] = &orders[..] else { panic!("{orders:?}") };
    assert!(first == second && second == third && third != fourth, "{orders:?}");
}

#[tokio::test]
async fn replicas_that_are_measured_count_and_a_change_that_does_not_show_yet_counts_once() {
    let mut bench = Bench::new();
    let policy = with_webhook("replicas: {current: {promql: there}, ready: {promql: ready}}\n");
    bench.signals.set("load", 450.0);
    let unknown = bench.look(&policy).await;
    assert!(unknown.decision.message.contains("the replicas are not known"), "{}", unknown.decision.message);
    bench.signals.set("there", 2.0);
    bench.signals.set("ready", 1.0);
    for _ in 0..3 {
        let decided = bench.look(&policy).await;
        assert_eq!((decided.decision.current, decided.decision.desired, decided.outcome), (2, 5, Outcome::Applied));
    }
    let keys: std::collections::BTreeSet<String> =
        bench.executor.orders.lock().iter().map(|(key, _)| key.clone()).collect();
    assert_eq!(keys.len(), 1, "one change, however often it is told");
    bench.signals.set("there", 5.0);
    assert_eq!(bench.look(&policy).await.outcome, Outcome::Unchanged);
    bench.signals.set("there", 3.0);
    bench.look(&policy).await;
    let keys: std::collections::BTreeSet<String> =
        bench.executor.orders.lock().iter().map(|(key, _)| key.clone()).collect();
    assert_eq!(keys.len(), 2, "somebody else changed it: to change it back is another change");
    bench.signals.age("there", 5.0, 121_000);
    let old = bench.look(&policy).await;
    assert!(old.decision.message.contains("121 s old"), "{}", old.decision.message);
}

#[tokio::test]
async fn a_forecast_is_read_once_a_step_and_adds_replicas() {
    let mut bench = Bench::new();
    let text = WEB.replace(
        "maxAgeSeconds: 30",
        "forecast: {seasonSeconds: 600, seasons: 2, stepSeconds: 60, horizonSeconds: 120}",
    );
    let policy = policy(&text);
    bench.signals.set("load", 100.0);
    // Ten values a season; in one and two minutes of the last season there were 300.
    let season = [300.0, 300.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0, 100.0].map(Some);
    bench.signals.span("load", season.to_vec());
    let first = bench.look(&policy).await;
    assert_eq!(numbers(&first), (1, 3, Reason::DesiredWithinRange), "{first:?}");
    assert_eq!(first.decision.message, "load will be above target");
    bench.signals.span("load", vec![Some(100.0)]);
    assert_eq!(bench.look(&policy).await.decision.desired, 3, "the forecast of this minute");
    for _ in 0..3 {
        bench.look(&policy).await;
    }
    assert_eq!(bench.look(&policy).await.decision.desired, 1);
}

#[tokio::test]
async fn a_utilization_is_that_of_the_replicas_with_a_series() {
    let text = WEB.replace("averageValue: 100", "utilization: 50");
    let policy = policy(&format!("{text}replicas: {{current: {{promql: there}}}}\n"));
    let cases = [
        ("all at the target", 50.0, 4, 4),
        ("all at twice the target", 100.0, 4, 8),
        ("half of them unknown, going up: they use nothing", 100.0, 2, 4),
        ("half of them unknown, going down: they use all", 10.0, 2, 4),
        ("all at a quarter", 12.5, 4, 1),
    ];
    for (name, percent, series, desired) in cases {
        let mut bench = Bench::new();
        bench.signals.set("there", 4.0);
        bench.signals.set("load", percent);
        bench.signals.copies.lock().insert("load".to_owned(), series);
        let decided = bench.look(&policy).await;
        assert_eq!(
            (decided.decision.current, decided.decision.desired),
            (4, desired),
            "{name}: {:?}",
            decided.decision
        );
    }
    let request = BacktestRequest { policy, ..request(WEB, 10) };
    let error = backtest(&FakeSignals::default(), &TenantId::default_tenant(), request).await;
    assert!(error.unwrap_err().contains("cannot be replayed"));
}

#[tokio::test]
async fn only_the_last_decisions_are_kept() {
    let mut bench = Bench::new();
    bench.signals.set("load", 100.0);
    for _ in 0..7 {
        bench.look(&policy(WEB)).await;
    }
    let id = PolicyId { tenant: TenantId::default_tenant(), name: "web".into() };
    let kept = crate::decided::decisions(&*bench.meta, &id).await.unwrap();
    assert_eq!(kept.iter().map(|decided| decided.number).collect::<Vec<_>>(), [7, 6, 5]);
}

#[test]
fn everything_that_is_wrong_with_a_file_is_said_with_its_policy() {
    let text =
        "policies:\n- {name: a, maxReplicas: 1, metrics: [], extra: 1}\n- {name: 'b c', maxReplicas: 1, metrics: []}\n";
    let problems = parse_policies(text).unwrap_err();
    let has = |part: &str| assert!(problems.iter().any(|problem| problem.contains(part)), "{part}: {problems:?}");
    has("policy 1 (a): unknown field `extra`");
    has("policy 2 (b c): metrics: at least one is needed");
    has("policy 2 (b c): name must be");
    assert!(parse_policies("policies: [").unwrap_err()[0].contains("line"), "the place in the text");
    let twice = format!("policies:\n- {}\n- {}\n", WEB.trim().replace('\n', "\n  "), WEB.trim().replace('\n', "\n  "));
    assert!(parse_policies(&twice).unwrap_err()[0].contains("another policy of this name"));
    assert!(parse_policies(&WEB.replace("query: {promql: load}, ", "")).unwrap_err()[0].contains("a query is needed"));
}

fn request(text: &str, minutes: i64) -> BacktestRequest {
    BacktestRequest {
        policy: policy(text),
        start_ms: 1_800_000_000_000,
        end_ms: 1_800_000_000_000 + minutes * 60_000,
        against: Some(Against::Replicas(2)),
        ready_after_seconds: 30,
        initial: None,
    }
}

#[tokio::test]
async fn a_backtest_counts_replica_hours_and_time_above_target() {
    let signals = FakeSignals::default();
    // 20 minutes of 100, 20 of 400, in steps of 15 s; again and again.
    signals.span("load", [[Some(100.0); 80], [Some(400.0); 80]].concat());
    let found = backtest(&signals, &TenantId::default_tenant(), request(WEB, 80)).await.unwrap();
    let (candidate, fixed) = (found.candidate, found.against.unwrap());
    // Decided at the first step of each of the two bursts, ready 30 s later: two steps above target.
    assert!((candidate.hours_above_target * 240.0 - 4.0).abs() < 0.01, "{}", candidate.hours_above_target * 240.0);
    assert!((fixed.hours_above_target * 240.0 - 160.0).abs() < 0.01, "{}", fixed.hours_above_target * 240.0);
    assert!((candidate.replica_hours - (40.0 + 160.0) / 60.0).abs() < 0.05, "{}", candidate.replica_hours);
    assert_eq!((candidate.least, candidate.most, candidate.changes), (1, 4, 4), "the last burst ends with the range");
}

#[tokio::test]
async fn a_backtest_holds_where_nothing_was_stored() {
    let signals = FakeSignals::default();
    signals.span("load", [[Some(400.0); 40], [None; 40]].concat());
    let found = backtest(&signals, &TenantId::default_tenant(), request(WEB, 19)).await.unwrap().candidate;
    assert_eq!((found.most, found.changes, found.reasons["NoSignal"]), (4, 1, 37));
    assert!((found.hours_without_signal * 240.0 - 37.0).abs() < 0.01);
}

#[tokio::test]
async fn a_backtest_that_cannot_be_done_says_why() {
    let signals = FakeSignals::default();
    let tenant = TenantId::default_tenant();
    let error = backtest(&signals, &tenant, request(WEB, 10)).await.unwrap_err();
    assert_eq!(error, "metric load: no such query");
    assert!(backtest(&signals, &tenant, request(WEB, -1)).await.unwrap_err().contains("intervals"));
    assert!(backtest(&signals, &tenant, request(WEB, 1 << 40)).await.unwrap_err().contains("intervals"));
}
