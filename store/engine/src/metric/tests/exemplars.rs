//! Exemplars outlive flushes and starts.

use crate::tests::{NOW, crash, open_with, options, roomy};
use crate::{Store, check};
use gantry_model::metric::{Exemplar, MetricBatch};
use gantry_model::{LabelSet, ManualClock, TenantId};
use gantry_store_api::{AppendMetrics, MillisRange, QueryMetrics};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const START: i64 = NOW.0 / 1_000_000;

async fn open(dir: &Path) -> Arc<Store> {
    open_with(options(dir), &Arc::new(ManualClock::at(NOW)), roomy()).await
}

/// An exemplar for each series, with a sample beside it when asked.
async fn append(store: &Store, at: i64, with_samples: bool) {
    let mut builder = MetricBatch::builder();
    for n in 0..5 {
        builder.series([("__name__", "x"), ("n", &*n.to_string())]).unwrap();
        if with_samples {
            builder.sample(START + at, 1.0);
        }
        let labels = LabelSet::from_pairs([("trace_id", format!("{at}-{n}"))]);
        builder.exemplar(Exemplar { labels, value: at as f64, timestamp: START + at });
    }
    let commit = store.append_metrics(&TenantId::default_tenant(), builder.finish()).await.unwrap();
    assert_eq!(commit.exemplars, 5);
}

/// Instants of the exemplars of each series, which must all have the same.
async fn instants(store: &Store) -> Vec<i64> {
    let querier = store.metric_querier(&TenantId::default_tenant());
    let found = querier.exemplars(&[], MillisRange::ALL).await.unwrap();
    let times = |all: &Vec<Exemplar>| all.iter().map(|one| one.timestamp - START).collect::<Vec<_>>();
    let first = found.first().map(|(_, all)| times(all)).unwrap_or_default();
    assert!(found.iter().all(|(_, all)| times(all) == first), "{found:?}");
    assert!(found.is_empty() || found.len() == 5, "{} series", found.len());
    first
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut open = vec![dir.join("objects")];
    let mut found = Vec::new();
    while let Some(dir) = open.pop() {
        for path in std::fs::read_dir(dir).into_iter().flatten().map(|entry| entry.unwrap().path()) {
            match path.is_dir() {
                true => open.push(path),
                false if path.to_string_lossy().ends_with(".exemplars.parquet") => found.push(path),
                false => {}
            }
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn exemplars_are_there_after_flushes_and_starts() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    append(&store, 1, true).await;
    store.flush().await.unwrap();
    let first = files(dir.path());
    append(&store, 2, true).await;
    store.flush().await.unwrap();
    let second = files(dir.path());
    assert!(!first.is_empty() && first.len() == second.len(), "each file is replaced: {first:?} {second:?}");
    assert!(first.iter().all(|file| !second.contains(file)));
    // In the log only, first with samples beside them, then without.
    append(&store, 3, true).await;
    append(&store, 4, false).await;
    assert_eq!(instants(&store).await, [1, 2, 3, 4]);
    crash(store).await;
    let store = open(dir.path()).await;
    assert_eq!(instants(&store).await, [1, 2, 3, 4]);
    store.flush().await.unwrap();
    append(&store, 5, false).await;
    crash(store).await;
    for _ in 0..2 {
        let store = open(dir.path()).await;
        assert_eq!(instants(&store).await, [1, 2, 3, 4, 5], "though there are no samples in the log");
        crash(store).await;
    }
    let report = check(&options(dir.path())).await.unwrap();
    assert!(report.is_sound(), "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_file_of_exemplars_takes_nothing_else_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    append(&store, 1, true).await;
    store.flush().await.unwrap();
    crash(store).await;
    for file in files(dir.path()) {
        let mut bytes = std::fs::read(&file).unwrap();
        bytes[20] ^= 1;
        std::fs::write(&file, bytes).unwrap();
    }
    assert!(!check(&options(dir.path())).await.unwrap().is_sound());
    let store = open(dir.path()).await;
    assert_eq!(instants(&store).await, Vec::<i64>::new());
    append(&store, 2, true).await;
    let series = store.metric_querier(&TenantId::default_tenant()).series(&[], MillisRange::ALL).await.unwrap();
    assert_eq!((series.len(), instants(&store).await), (5, vec![2]));
}
