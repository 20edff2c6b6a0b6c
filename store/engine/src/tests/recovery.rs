//! What a start finds: crashes, torn ends, damage.

use super::*;
use crate::wal::segment::{HEADER, file_name};
use crate::{Severity, check};
use gantry_store_api::ErrorKind;
use std::path::PathBuf;

fn one_partition(dir: &Path) -> StoreOptions {
    StoreOptions { partitions: 1, ..options(dir) }
}

async fn reopen(options: &StoreOptions) -> Arc<Store> {
    open_with(options.clone(), &Arc::new(ManualClock::at(NOW)), roomy()).await
}

fn segment(dir: &Path, number: u64) -> PathBuf {
    dir.join("wal/p000").join(file_name(number))
}

/// Three appends in the first segment, then a crash.
async fn crashed_after_three_appends(options: &StoreOptions) -> Vec<Row> {
    let store = reopen(options).await;
    let rows = lines(0, 300);
    for part in rows.chunks(100) {
        write(&store, part).await;
    }
    crash(store).await;
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_there_after_a_crash_and_after_the_next_one() {
    let dir = tempfile::tempdir().unwrap();
    let options = one_partition(dir.path());
    let mut rows = crashed_after_three_appends(&options).await;
    let store = reopen(&options).await;
    assert_holds(&store, &rows).await;
    write(&store, &lines(300, 10)).await;
    rows.extend(lines(300, 10));
    store.flush().await.unwrap();
    write(&store, &lines(310, 10)).await;
    rows.extend(lines(310, 10));
    crash(store).await;
    let store = reopen(&options).await;
    assert_holds(&store, &rows).await;
    assert_eq!(store.stats().memtable_rows, 10, "what is in splits is not replayed");
    assert_eq!(store.stats().split_rows, 310);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_end_is_cut_and_the_rest_served() {
    let dir = tempfile::tempdir().unwrap();
    let options = one_partition(dir.path());
    let rows = crashed_after_three_appends(&options).await;
    let path = segment(dir.path(), 1);
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
    let report = check(&options).await.unwrap();
    assert!(report.is_sound() && report.problems.len() == 1, "{report:?}");
    let store = reopen(&options).await;
    assert_holds(&store, &rows[..200]).await;
    write(&store, &rows[200..]).await;
    crash(store).await;
    assert_eq!(check(&options).await.unwrap().problems, []);
    assert_holds(&*reopen(&options).await, &rows).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_record_is_reported_and_kept_and_the_rest_served() {
    let dir = tempfile::tempdir().unwrap();
    let options = one_partition(dir.path());
    let rows = crashed_after_three_appends(&options).await;
    let path = segment(dir.path(), 1);
    let mut bytes = std::fs::read(&path).unwrap();
    let first_len = u32::from_le_bytes(bytes[16..20].try_into().unwrap()) as usize;
    bytes[HEADER as usize + 8 + first_len + 40] ^= 0x10;
    std::fs::write(&path, &bytes).unwrap();
    let report = check(&options).await.unwrap();
    assert!(!report.is_sound());
    assert!(report.problems[0].what.contains("checksum"), "{report:?}");

    let store = reopen(&options).await;
    let served: Vec<Row> = rows[..100].iter().chain(&rows[200..]).cloned().collect();
    assert_holds(&store, &served).await;
    store.flush().await.unwrap();
    crash(store).await;
    assert_eq!(std::fs::read(path.with_extension("wal.corrupt")).unwrap(), bytes);
    assert_holds(&*reopen(&options).await, &served).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_without_a_header_is_removed_and_its_number_not_reused() {
    let dir = tempfile::tempdir().unwrap();
    let options = one_partition(dir.path());
    let rows = crashed_after_three_appends(&options).await;
    std::fs::write(segment(dir.path(), 2), b"GNTRY").unwrap();
    let store = reopen(&options).await;
    assert!(!segment(dir.path(), 2).exists());
    assert_holds(&store, &rows).await;
    write(&store, &lines(300, 1)).await;
    assert!(segment(dir.path(), 3).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn replay_writes_memtables_as_it_goes() {
    let dir = tempfile::tempdir().unwrap();
    let large = StoreOptions { memtable_bytes: 1 << 30, ..one_partition(dir.path()) };
    let rows = crashed_after_three_appends(&large).await;
    let small = StoreOptions { memtable_bytes: 1 << 10, memtables_waiting: 1, recovery_bytes: 0, ..large };
    let store = reopen(&small).await;
    assert_holds(&store, &rows).await;
    assert!(store.stats().split_rows > 0);
    crash(store).await;
    // The place in the log up to which splits reach is in the middle of a segment.
    let store = reopen(&small).await;
    assert_holds(&store, &rows).await;
    store.flush().await.unwrap();
    assert_eq!(store.stats().split_rows, 300, "nothing was replayed twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clean_stop_keeps_everything_and_refuses_what_comes_later() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let cancel = tokio_util::sync::CancellationToken::new();
    let running = tokio::spawn(store.clone().run(cancel.clone()));
    write(&store, &lines(0, 100)).await;
    cancel.cancel();
    running.await.unwrap();
    let error = store.append(&tenant(), batch(&lines(100, 1))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_holds(&store, &lines(0, 100)).await;
    crash(store).await;
    assert_holds(&*open(dir.path()).await, &lines(0, 100)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_partitions_stays_what_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    write(&store, &lines(0, 100)).await;
    crash(store).await;
    let more = StoreOptions { partitions: 7, ..options(dir.path()) };
    let store = reopen(&more).await;
    assert_eq!(store.stats().partitions, 2);
    assert_holds(&store, &lines(0, 100)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn check_names_missing_and_changed_files_and_the_rest_is_served() {
    let dir = tempfile::tempdir().unwrap();
    let options = one_partition(dir.path());
    let store = reopen(&options).await;
    for part in lines(0, 300).chunks(100) {
        write(&store, part).await;
        store.flush().await.unwrap();
    }
    crash(store).await;
    assert_eq!(check(&options).await.unwrap().problems, []);
    let objects = dir.path().join("objects/default/logs/p000");
    let mut parquet: Vec<PathBuf> = std::fs::read_dir(&objects).unwrap().map(|entry| entry.unwrap().path()).collect();
    parquet.retain(|path| path.extension().is_some_and(|extension| extension == "parquet"));
    parquet.sort();
    std::fs::remove_file(&parquet[0]).unwrap();
    let mut bytes = std::fs::read(&parquet[1]).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&parquet[1], bytes).unwrap();

    let report = check(&options).await.unwrap();
    let damage: Vec<&str> = report.problems.iter().map(|problem| problem.what.as_str()).collect();
    assert!(report.problems.iter().all(|problem| problem.severity == Severity::Damage));
    assert_eq!(damage, ["is missing", "has a wrong checksum: its bytes were changed"]);

    let store = reopen(&options).await;
    let querier = gantry_store_api::Queryable::querier(&*store, &tenant(), gantry_model::TimeRange::ALL);
    let request = gantry_store_api::ScanRequest {
        selector: gantry_model::Selector::all(),
        lines: Vec::new(),
        columns: gantry_store_api::ScanColumns { body: true, metadata: true },
        order: gantry_store_api::ScanOrder::Any,
        parallelism: 1,
    };
    let mut scan = querier.scan(request).await.unwrap();
    let mut count = 0;
    use futures::StreamExt;
    while let Some(rows) = scan.parts[0].next().await {
        count += rows.unwrap().batch.num_rows();
    }
    assert!(count >= 100, "the sound split is served");
    assert!(!scan.report.warnings().is_empty());
    store.compact().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_merge_left_behind_goes() {
    let dir = tempfile::tempdir().unwrap();
    let options = one_partition(dir.path());
    crash(reopen(&options).await).await;
    let draft = dir.path().join("drafts/half-a-split");
    std::fs::write(&draft, "half").unwrap();
    crash(reopen(&options).await).await;
    assert!(!draft.exists());
}
