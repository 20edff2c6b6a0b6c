//! Delete requests in the engine: crashes, files, the window in which they can be cancelled.

use super::*;
use gantry_model::{LineFilter, Selector, TimeRange};
use gantry_store_api::{Cancelled, Delete, DeleteRequest, DeleteStatus, DeleteWhat};
use std::time::Duration;

const PERIOD: Duration = Duration::from_secs(600);

fn one_partition(dir: &Path) -> StoreOptions {
    StoreOptions { partitions: 1, delete_cancel_period: PERIOD, ..options(dir) }
}

async fn delete_all_with(store: &Store, text: &str) -> DeleteRequest {
    let what = DeleteWhat {
        selector: Selector::all(),
        lines: vec![LineFilter::contains(text)],
        range: TimeRange::ALL,
        query: format!("{{}} |= {text:?}"),
        by: "somebody".into(),
    };
    store.delete(&tenant(), what).await.unwrap()
}

async fn status(store: &Store) -> Vec<DeleteStatus> {
    store.delete_requests(&tenant()).await.unwrap().iter().map(|request| request.status).collect()
}

/// Whether `text` lies in some stored split, read past all masks.
async fn in_files(store: &Store, text: &str) -> bool {
    let mut found = false;
    for split in store.partitions.iter().flat_map(|partition| partition.splits()) {
        let mut rows = split.read_sorted().await.unwrap();
        while let Some(chunk) = rows.next_chunk().await.unwrap() {
            found |= (0..chunk.len()).any(|at| chunk.body(at).unwrap().contains(text));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_survives_a_crash_and_means_only_what_was_written_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(NOW));
    let store = open_with(one_partition(dir.path()), &clock, roomy()).await;
    write(&store, &lines(0, 50)).await;
    delete_all_with(&store, "line").await;
    write(&store, &lines(20, 10)).await;
    delete_all_with(&store, "line 21").await;
    write(&store, &lines(40, 5)).await;
    let want: Vec<Row> = [lines(20, 1), lines(22, 8), lines(40, 5)].concat();
    assert_holds(&store, &want).await;
    crash(store).await;
    let store = open_with(one_partition(dir.path()), &clock, roomy()).await;
    assert_holds(&store, &want).await;
    store.flush().await.unwrap();
    store.compact().await.unwrap();
    assert_holds(&store, &want).await;
    crash(store).await;
    let store = open_with(one_partition(dir.path()), &clock, roomy()).await;
    assert_holds(&store, &want).await;
    assert_eq!(status(&store).await, [DeleteStatus::Received; 2]);
    clock.advance(PERIOD);
    assert_eq!(store.carry_out_deletes().await.unwrap(), 2);
    assert_eq!(status(&store).await, [DeleteStatus::Processed; 2]);
    assert_holds(&store, &want).await;
    assert!(!in_files(&store, "line 21").await && !in_files(&store, "line 49").await);
    store.compact().await.unwrap();
    assert_eq!(store.stats().splits, 1, "splits are merged again when no request tells them apart");
    assert_eq!(store.stats().split_rows, want.len() as u64);
    crash(store).await;
    assert_holds(&*open_with(one_partition(dir.path()), &clock, roomy()).await, &want).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_stay_in_the_files_as_long_as_the_request_can_be_cancelled() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(NOW));
    let store = open_with(one_partition(dir.path()), &clock, roomy()).await;
    write(&store, &lines(0, 50)).await;
    let first = delete_all_with(&store, "line").await;
    store.flush().await.unwrap();
    store.compact().await.unwrap();
    assert!(in_files(&store, "line 7").await);
    assert_holds(&store, &[]).await;
    assert_eq!(store.cancel_delete(&tenant(), &first.id).await.unwrap(), Cancelled::Done);
    assert_holds(&store, &lines(0, 50)).await;
    let second = delete_all_with(&store, "line").await;
    assert!(second.id > first.id);
    clock.advance(PERIOD);
    store.compact().await.unwrap();
    assert_eq!(store.stats().splits, 0, "splits without a line left are removed");
    assert_eq!(store.cancel_delete(&tenant(), &second.id).await.unwrap(), Cancelled::TooLate);
    assert_eq!(status(&store).await, [DeleteStatus::Cancelled, DeleteStatus::Processed]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_split_is_damaged_stays_in_force_and_the_others_are_cleaned() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(NOW));
    let store = open_with(one_partition(dir.path()), &clock, roomy()).await;
    for part in [lines(0, 50), lines(50, 50)] {
        write(&store, &part).await;
        store.flush().await.unwrap();
    }
    let split = store.partitions[0].splits()[0].meta().clone();
    let file = dir.path().join("objects").join(split.index_path().as_ref());
    let whole = std::fs::read(&file).unwrap();
    std::fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    crash(store).await;
    let store = open_with(one_partition(dir.path()), &clock, roomy()).await;
    delete_all_with(&store, "line 1").await;
    delete_all_with(&store, "line 6").await;
    clock.advance(PERIOD);
    assert_eq!(store.carry_out_deletes().await.unwrap(), 0);
    assert_eq!(status(&store).await, [DeleteStatus::Received; 2]);
    assert_eq!(store.stats().split_rows, 90);
    std::fs::write(&file, &whole).unwrap();
    assert_eq!(store.carry_out_deletes().await.unwrap(), 2);
    let want: Vec<Row> =
        lines(0, 100).into_iter().filter(|row| !row.body.contains("line 1") && !row.body.contains("line 6")).collect();
    assert_holds(&store, &want).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_waiting_requests_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for n in 0..128 {
        delete_all_with(&store, &format!("{n}")).await;
    }
    let what = DeleteWhat {
        selector: Selector::all(),
        lines: Vec::new(),
        range: TimeRange::ALL,
        query: "{}".into(),
        by: String::new(),
    };
    let refused = store.delete(&tenant(), what.clone()).await.unwrap_err();
    assert_eq!(refused.kind(), gantry_store_api::ErrorKind::Overloaded);
    let empty = DeleteWhat { range: TimeRange::new(NOW, NOW), ..what };
    assert_eq!(store.delete(&tenant(), empty).await.unwrap_err().kind(), gantry_store_api::ErrorKind::Invalid);
}
