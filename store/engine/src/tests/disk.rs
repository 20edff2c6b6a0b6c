//! A full disk stops writes, nothing else, and only as long as it is full.

use super::*;
use crate::check;
use gantry_store_api::ErrorKind;

async fn refused(store: &Store, rows: &[Row]) -> StoreError {
    store.append(&tenant(), batch(rows)).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_are_refused_below_the_reserve_and_go_on_above_it() {
    let dir = tempfile::tempdir().unwrap();
    let space = roomy();
    let store = open_with(options(dir.path()), &Arc::new(ManualClock::at(NOW)), space.clone()).await;
    let rows = lines(0, 100);
    write(&store, &rows[..50]).await;
    space.0.store((256 << 20) - 1, Ordering::SeqCst);
    let error = refused(&store, &rows[50..]).await;
    assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
    assert_holds(&store, &rows[..50]).await;
    store.flush().await.unwrap();
    assert_holds(&store, &rows[..50]).await;
    space.0.store(256 << 20, Ordering::SeqCst);
    write(&store, &rows[50..]).await;
    assert_holds(&store, &rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_quota_counts_wal_and_splits() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path());
    options.max_bytes = Some(20_000);
    options.max_bytes_per_tenant = Some(1);
    let store = open_with(options, &Arc::new(ManualClock::at(NOW)), roomy()).await;
    let mut written = 0;
    let error = loop {
        match store.append(&tenant(), batch(&lines(written, 50))).await {
            Ok(commit) => written += commit.lines,
            Err(error) => break error,
        }
        assert!(written < 100_000, "no quota");
    };
    assert_eq!(error.kind(), ErrorKind::StorageFull);
    store.flush().await.unwrap();
    assert!(store.stats().wal_bytes < 1000);
    assert!(store.stats().split_bytes > 0);
    store.enforce_retention().await.unwrap();
    write(&store, &lines(written, 1)).await;
}

/// A file where the directory of a partition's log should be, put there under the running store.
#[tokio::test(flavor = "multi_thread")]
async fn a_failing_log_refuses_and_recovers_without_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path());
    options.partitions = 1;
    let store = open_with(options, &Arc::new(ManualClock::at(NOW)), roomy()).await;
    let (wal, away) = (dir.path().join("wal/p000"), dir.path().join("away"));
    std::fs::rename(&wal, &away).unwrap();
    assert_eq!(refused(&store, &lines(0, 1)).await.kind(), ErrorKind::Internal);
    std::fs::rename(&away, &wal).unwrap();
    write(&store, &lines(0, 10)).await;
    assert_holds(&store, &lines(0, 10)).await;
}

/// Objects cannot be written: memtables pile up, then writes wait and are refused, then all goes on.
#[tokio::test(flavor = "multi_thread")]
async fn memtables_that_cannot_be_written_hold_back_writes_until_they_can() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path());
    options.partitions = 1;
    options.memtable_bytes = 1 << 10;
    let store = open_with(options, &Arc::new(ManualClock::at(NOW)), roomy()).await;
    let (objects, away) = (dir.path().join("objects"), dir.path().join("away"));
    std::fs::rename(&objects, &away).unwrap();
    std::fs::write(&objects, "in the way").unwrap();
    let mut rows = Vec::new();
    let error = loop {
        let more = lines(rows.len() as u64, 50);
        match store.append(&tenant(), batch(&more)).await {
            Ok(_) => rows.extend(more),
            Err(error) => break error,
        }
        assert!(rows.len() < 10_000, "no limit");
        let _ = store.flush().await;
    };
    assert!(error.message().contains("too many memtables wait"), "{error}");
    assert_holds(&store, &rows).await;
    std::fs::remove_file(&objects).unwrap();
    std::fs::rename(&away, &objects).unwrap();
    store.flush().await.unwrap();
    write(&store, &lines(rows.len() as u64, 1)).await;
    rows.extend(lines(rows.len() as u64, 1));
    assert_holds(&store, &rows).await;
    store.close().await.unwrap();
    crash(store).await;
    let report = check(&super::options(dir.path())).await.unwrap();
    assert_eq!(report.problems, []);
    assert_eq!(report.split_rows + report.wal_lines, rows.len() as u64);
}
