//! Tests of the whole store.

mod contract;
mod deletes;
mod disk;
mod model;
mod ordered;
mod recovery;
mod upkeep;

use crate::disk::FreeSpace;
use crate::{Store, StoreOptions};
use gantry_model::{LabelSet, LogBatch, ManualClock, TenantId, Timestamp};
use gantry_store_api::contract::{Row, read};
use gantry_store_api::{Append, StoreError};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// 2026-01-01T00:00:00Z.
pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_767_225_600);

/// A disk whose free space a test sets.
#[derive(Debug)]
pub(crate) struct FakeSpace(AtomicU64);

impl FreeSpace for FakeSpace {
    fn free_bytes(&self) -> Result<u64, StoreError> {
        Ok(self.0.load(Ordering::SeqCst))
    }
}

pub(crate) fn roomy() -> Arc<FakeSpace> {
    Arc::new(FakeSpace(AtomicU64::new(1 << 40)))
}

pub(crate) fn options(dir: &Path) -> StoreOptions {
    StoreOptions { data: dir.to_owned(), partitions: 2, ..StoreOptions::default() }
}

pub(crate) async fn open_with(options: StoreOptions, clock: &Arc<ManualClock>, space: Arc<FakeSpace>) -> Arc<Store> {
    Store::open_with(options, clock.clone(), &prometheus::Registry::new(), space).await.unwrap()
}

pub(crate) async fn open(dir: &Path) -> Arc<Store> {
    open_with(options(dir), &Arc::new(ManualClock::at(NOW)), roomy()).await
}

/// Ends the store as a crash would: nothing is flushed. (What was handed to the writer is still written.)
pub(crate) async fn crash(store: Arc<Store>) {
    let store = Arc::into_inner(store).expect("the only handle");
    tokio::task::spawn_blocking(move || drop(store)).await.unwrap();
}

pub(crate) fn tenant() -> TenantId {
    TenantId::default_tenant()
}

fn row(app: &str, timestamp: Timestamp, body: impl Into<String>) -> Row {
    let labels = LabelSet::from_pairs([("app", app)]);
    Row { labels, timestamp: timestamp.0, body: body.into(), metadata: String::new() }
}

/// `count` lines of 20 streams around `NOW`, numbered from `first`.
fn lines(first: u64, count: u64) -> Vec<Row> {
    let line = |n: u64| row(&format!("app-{:02}", n % 20), NOW.saturating_add(n as i64), format!("line {n}"));
    (first..first + count).map(line).collect()
}

fn batch(rows: &[Row]) -> LogBatch {
    let mut builder = LogBatch::builder();
    for row in rows {
        builder.stream(row.labels.clone());
        builder.push(Timestamp(row.timestamp), &row.body, []).unwrap();
    }
    builder.finish()
}

async fn write(store: &Store, rows: &[Row]) {
    assert_eq!(store.append(&tenant(), batch(rows)).await.unwrap().lines, rows.len() as u64);
}

async fn assert_holds(store: &Store, rows: &[Row]) {
    let mut want = rows.to_vec();
    want.sort();
    let found = read(store, &tenant()).await;
    assert_eq!(found.len(), want.len());
    assert!(found == want, "other lines than expected");
}
