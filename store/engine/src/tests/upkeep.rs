//! Compaction, retention, removal of files, and the timers.

use super::*;
use crate::{StreamRetention, StreamRules};
use gantry_model::{MatchOp, Matcher, Selector, TimeRange};
use gantry_store_api::contract::rows_of_scan;
use gantry_store_api::{Queryable, ScanColumns, ScanOrder, ScanRequest};
use std::time::{Duration, Instant};

const DAY: i64 = 86_400 * 1_000_000_000;

fn object_count(dir: &Path) -> usize {
    let mut count = 0;
    let mut todo = vec![dir.join("objects")];
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { todo.push(path) } else { count += 1 }
        }
    }
    count
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn compaction_leaves_one_split_per_day_and_removes_the_old_files() {
    let dir = tempfile::tempdir().unwrap();
    let store =
        open_with(StoreOptions { partitions: 1, ..options(dir.path()) }, &Arc::new(ManualClock::at(NOW)), roomy())
            .await;
    let mut rows = Vec::new();
    for round in 0..5i64 {
        let of_round = [
            row("today", NOW.saturating_add(round), format!("{round}")),
            row("today", NOW, "the same every time"),
            row("yesterday", NOW.saturating_sub(DAY / 2), format!("{round}")),
            row("long ago", Timestamp(round), format!("{round}")),
        ];
        write(&store, &of_round).await;
        rows.extend(of_round);
        store.flush().await.unwrap();
    }
    rows.sort();
    rows.dedup();
    assert_eq!(store.stats().splits, 15, "one per day and flush");
    store.compact().await.unwrap();
    assert_eq!(store.stats().splits, 3);
    assert_eq!(store.stats().split_rows, rows.len() as u64);
    assert_eq!(object_count(dir.path()), 6);
    assert_holds(&store, &rows).await;
    store.compact().await.unwrap();
    assert_eq!(store.stats().splits, 3);
    crash(store).await;
    assert_holds(&*open(dir.path()).await, &rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_stay_while_an_older_snapshot_reads_them() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for part in lines(0, 300).chunks(100) {
        write(&store, part).await;
        store.flush().await.unwrap();
    }
    let before = object_count(dir.path());
    let querier = store.querier(&tenant(), TimeRange::ALL);
    store.compact().await.unwrap();
    assert!(object_count(dir.path()) > before, "old and new files are there");
    let request = ScanRequest {
        selector: Selector::all(),
        lines: Vec::new(),
        columns: ScanColumns { body: true, metadata: true },
        order: ScanOrder::Any,
        parallelism: 1,
    };
    let scan = querier.scan(request).await.unwrap();
    drop(querier);
    store.compact().await.unwrap();
    assert_eq!(rows_of_scan(scan).await.len(), 300);
    store.compact().await.unwrap();
    assert_eq!(store.stats().splits_to_remove, 0);
    assert_eq!(object_count(dir.path()), 2 * store.stats().splits as usize);
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_is_by_tenant() {
    let dir = tempfile::tempdir().unwrap();
    let kept = TenantId::new("kept").unwrap();
    let clock = Arc::new(ManualClock::at(NOW));
    let mut options = options(dir.path());
    options.retention = Some(Duration::from_secs(86_400));
    options.tenants.insert(kept.clone(), Default::default());
    let store = open_with(options, &clock, roomy()).await;
    let commit = store.append(&kept, batch(&lines(0, 10))).await.unwrap();
    assert_eq!(commit.lines, 10);
    write(&store, &lines(0, 10)).await;
    store.flush().await.unwrap();
    clock.advance(Duration::from_secs(86_399));
    assert_eq!(store.enforce_retention().await.unwrap(), 0);
    clock.advance(Duration::from_secs(2));
    write(&store, &[row("new", clock_now(&clock), "new")]).await;
    store.flush().await.unwrap();
    assert!(store.enforce_retention().await.unwrap() > 0);
    assert_holds(&store, &[row("new", clock_now(&clock), "new")]).await;
    assert_eq!(read(&*store, &kept).await.len(), 10);
    assert_eq!(object_count(dir.path()), 2 * store.stats().splits as usize);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_with_a_rule_are_hidden_and_removed_earlier_or_later_than_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(NOW));
    let hour = Duration::from_secs(3600);
    let rule = |app: &str, period| {
        let selector = Selector(vec![Matcher::new("app", MatchOp::Eq, app).unwrap()]);
        (None, StreamRetention { selector, period, priority: 1 })
    };
    let options = StoreOptions {
        partitions: 1,
        retention: Some(10 * hour),
        stream_rules: StreamRules(vec![rule("short", Some(hour)), rule("kept", None)]),
        ..options(dir.path())
    };
    let store = open_with(options, &clock, roomy()).await;
    let all = ["short", "kept", "rest"].map(|app| row(app, NOW, format!("line of {app}")));
    write(&store, &all).await;
    assert_holds(&store, &all).await;
    clock.advance(hour + Duration::from_secs(1));
    assert_holds(&store, &all[1..]).await;
    store.flush().await.unwrap();
    assert_holds(&store, &all[1..]).await;
    let names = async |store: &Store| {
        let streams = store.querier(&tenant(), TimeRange::ALL).streams(&Selector::all()).await.unwrap();
        streams.iter().map(|stream| stream.labels.get("app").unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&store).await, ["kept", "rest"], "hidden in the index, too");
    assert_eq!(store.stats().split_rows, 3);
    assert_eq!(store.enforce_retention().await.unwrap(), 1);
    assert_eq!(store.stats().split_rows, 2);
    assert_eq!(store.enforce_retention().await.unwrap(), 0);
    clock.advance(9 * hour);
    assert_holds(&store, &all[1..2]).await;
    assert_eq!(store.enforce_retention().await.unwrap(), 1);
    assert_eq!(store.stats().split_rows, 1);
    clock.advance(1000 * hour);
    assert_eq!(store.enforce_retention().await.unwrap(), 0);
    assert_holds(&store, &all[1..2]).await;
    write(&store, &[row("short", NOW, "too late")]).await;
    assert_holds(&store, &all[1..2]).await;
}

fn clock_now(clock: &ManualClock) -> Timestamp {
    gantry_model::Clock::now(clock)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_memtable_becomes_splits_by_itself_and_orphans_go() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(gantry_model::Clock::now(&gantry_model::SystemClock)));
    let orphan = dir.path().join("objects/default/logs/p000/0-0.parquet");
    std::fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    std::fs::write(&orphan, "left by a crash").unwrap();
    let store = open_with(options(dir.path()), &clock, roomy()).await;
    clock.advance(Duration::from_secs(7200));
    write(&store, &lines(0, 10)).await;
    clock.advance(Duration::from_secs(301));
    let cancel = tokio_util::sync::CancellationToken::new();
    let running = tokio::spawn(store.clone().run(cancel.clone()));
    until("the memtable is written", || store.stats().split_rows == 10).await;
    until("the orphan is removed", || !orphan.exists()).await;
    assert_eq!(store.stats().memtable_rows, 0);
    assert_holds(&store, &lines(0, 10)).await;
    cancel.cancel();
    running.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn full_memtables_are_written_while_lines_come_in() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path());
    options.memtable_bytes = 32 << 10;
    let store = open_with(options, &Arc::new(ManualClock::at(NOW)), roomy()).await;
    let cancel = tokio_util::sync::CancellationToken::new();
    let running = tokio::spawn(store.clone().run(cancel.clone()));
    let rows = lines(0, 20_000);
    for part in rows.chunks(500) {
        write(&store, part).await;
    }
    until("few lines are left in memory", || store.stats().memtable_bytes < 100 << 10).await;
    assert!(store.stats().splits > 4);
    assert_holds(&store, &rows).await;
    store.compact().await.unwrap();
    assert_holds(&store, &rows).await;
    cancel.cancel();
    running.await.unwrap();
    assert!(store.stats().wal_bytes < 1 << 20);
}
