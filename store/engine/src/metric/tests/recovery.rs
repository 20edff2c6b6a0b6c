//! What was acknowledged is there after a crash, also when the log is damaged.

use crate::tests::{NOW, crash, open, open_with, options, roomy, tenant};
use crate::{Store, StoreOptions};
use gantry_model::metric::{MetricBatch, Samples};
use gantry_model::{LabelSet, ManualClock, MatchOp, Matcher, Selector};
use gantry_store_api::{AppendMetrics, MillisRange, QueryMetrics, RejectReason, SelectSeries};
use std::path::Path;
use std::sync::Arc;

/// Milliseconds of the tests' clock.
pub(super) const START: i64 = NOW.0 / 1_000_000;

/// A sample of each of `series` series at `START` plus `second` seconds.
pub(super) fn scrape(series: u32, second: i64) -> MetricBatch {
    let mut builder = MetricBatch::builder();
    for n in 0..series {
        let instance = format!("host-{n:04}");
        builder.series([("__name__", "requests_total"), ("instance", instance.as_str())]).unwrap();
        builder.sample(START + second * 1000, f64::from(n) + second as f64);
    }
    builder.finish()
}

pub(super) async fn append(store: &Store, batch: MetricBatch) {
    let samples = batch.sample_count() as u64;
    let commit = store.append_metrics(&tenant(), batch).await.unwrap();
    assert_eq!((commit.samples, commit.rejected.len()), (samples, 0), "{commit:?}");
}

pub(super) async fn select(store: &Store, selector: Selector, range: MillisRange) -> Vec<(LabelSet, Samples)> {
    let request = SelectSeries { selector, range, step_ms: 0, max_bytes: 1 << 30 };
    let set = store.metric_querier(&tenant()).select(&request).await.unwrap();
    assert_eq!(set.warnings(), Vec::<String>::new());
    let mut found = Vec::new();
    for (at, labels) in set.labels().iter().enumerate() {
        let mut samples = Samples::default();
        set.read(at, &mut samples).unwrap();
        found.push((labels.clone(), samples));
    }
    found
}

pub(super) async fn all(store: &Store) -> Vec<(LabelSet, Samples)> {
    select(store, Selector::all(), MillisRange::ALL).await
}

fn segment(dir: &Path, number: u64) -> std::path::PathBuf {
    dir.join("wal/m000").join(format!("{number:020}.wal"))
}

fn one_partition(dir: &Path) -> StoreOptions {
    StoreOptions { partitions: 1, ..options(dir) }
}

async fn reopen(options: &StoreOptions) -> Arc<Store> {
    open_with(options.clone(), &Arc::new(ManualClock::at(NOW)), roomy()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_are_there_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for second in 0..200 {
        append(&store, scrape(50, second)).await;
    }
    let before = all(&store).await;
    assert_eq!(before.len(), 50);
    assert!(before.iter().all(|(_, samples)| samples.len() == 200));
    crash(store).await;
    let store = open(dir.path()).await;
    assert_eq!(all(&store).await, before);
    // Series that were replayed go on, and the log of a second start refers to them.
    append(&store, scrape(60, 200)).await;
    let before = all(&store).await;
    crash(store).await;
    let store = open(dir.path()).await;
    assert_eq!(all(&store).await, before);
    assert_eq!(before.iter().filter(|(_, samples)| samples.len() == 201).count(), 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_end_is_cut_and_the_rest_served() {
    let dir = tempfile::tempdir().unwrap();
    let options = one_partition(dir.path());
    let store = reopen(&options).await;
    append(&store, scrape(10, 0)).await;
    let before = all(&store).await;
    append(&store, scrape(10, 15)).await;
    crash(store).await;
    let bytes = std::fs::read(segment(dir.path(), 1)).unwrap();
    std::fs::write(segment(dir.path(), 1), &bytes[..bytes.len() - 3]).unwrap();
    let store = reopen(&options).await;
    assert_eq!(all(&store).await, before);
    append(&store, scrape(10, 15)).await;
    crash(store).await;
    assert!(all(&*reopen(&options).await).await.iter().all(|(_, samples)| samples.len() == 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_record_loses_what_it_defined_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let options = one_partition(dir.path());
    let store = reopen(&options).await;
    append(&store, scrape(10, 0)).await;
    append(&store, scrape(20, 15)).await;
    append(&store, scrape(10, 30)).await;
    crash(store).await;
    let path = segment(dir.path(), 1);
    let mut bytes = std::fs::read(&path).unwrap();
    let first = u32::from_le_bytes(bytes[16..20].try_into().unwrap()) as usize;
    bytes[16 + 8 + first + 30] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let store = reopen(&options).await;
    let found = all(&store).await;
    assert_eq!(found.len(), 10);
    assert!(found.iter().all(|(_, samples)| samples.timestamps == [START, START + 30_000]));
    assert_eq!(std::fs::read(path.with_extension("wal.corrupt")).unwrap(), bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn matchers_choose_series_and_the_range_chooses_samples() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for second in 0..10 {
        append(&store, scrape(30, second)).await;
    }
    let matcher = Matcher::new("instance", MatchOp::Regex, "host-00(1|2).").unwrap();
    let range = MillisRange { first: START + 3000, last: START + 5000 };
    let found = select(&store, Selector(vec![matcher]), range).await;
    assert_eq!(found.len(), 20);
    assert_eq!(found[0].1.timestamps, [START + 3000, START + 4000, START + 5000]);
    assert_eq!(found[0].1.values, [13.0, 14.0, 15.0]);
    assert!(found.windows(2).all(|pair| pair[0].0 < pair[1].0));
}

#[tokio::test(flavor = "multi_thread")]
async fn late_samples_are_put_in_their_place_and_others_refused_with_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let sample = |second: i64, value: f64| {
        let mut builder = MetricBatch::builder();
        builder.series([("__name__", "x")]).unwrap().sample(START + second * 1000, value);
        builder.finish()
    };
    for (second, value) in [(100, 1.0), (50, 2.0), (75, 3.0), (100, 1.0), (50, 2.0)] {
        append(&store, sample(second, value)).await;
    }
    for (second, value, reason) in [
        (100, 9.0, RejectReason::DuplicateTimestamp),
        (75, 9.0, RejectReason::DuplicateTimestamp),
        (100 - 1801, 9.0, RejectReason::OutOfOrder),
        (601, 9.0, RejectReason::TooFarInFuture),
    ] {
        let commit = store.append_metrics(&tenant(), sample(second, value)).await.unwrap();
        assert_eq!(commit.rejected.into_iter().collect::<Vec<_>>(), [(reason, 1)]);
        assert!(commit.first_rejection.unwrap().starts_with("{__name__=\"x\"} at "));
    }
    let found = all(&store).await;
    assert_eq!(found[0].1.values, [2.0, 3.0, 1.0]);
    crash(store).await;
    assert_eq!(all(&*open(dir.path()).await).await, found);
}
