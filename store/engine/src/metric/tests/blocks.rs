//! Samples stay what they are when they move from memory to blocks and from block to block.

use super::recovery::{START, all, append, scrape, select};
use crate::tests::{NOW, crash, open, open_with, options, roomy, tenant};
use crate::{MetricOptions, Store, StoreOptions, check};
use gantry_model::metric::{
    Buckets, Exemplar, MetricBatch, MetricMetadata, MetricType, NativeHistogram, Span, stale_marker,
};
use gantry_model::{LabelSet, ManualClock, MatchOp, Matcher, Selector};
use gantry_store_api::{AppendMetrics, MillisRange, QueryMetrics, SelectSeries};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn block_files(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for shard in ["m000", "m001"] {
        let dir = dir.join("objects/default/metrics").join(shard);
        files.extend(std::fs::read_dir(dir).into_iter().flatten().map(|entry| entry.unwrap().path()));
    }
    files.sort();
    files
}

async fn fill(store: &Store, from: i64, to: i64) {
    for second in from..to {
        append(store, scrape(40, second * 15)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_answer_as_memory_did() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    fill(&store, -100, 0).await;
    let before = all(&store).await;
    store.flush().await.unwrap();
    assert_eq!(block_files(dir.path()).len(), 2);
    assert_eq!(all(&store).await, before);
    fill(&store, 0, 20).await;
    let before = all(&store).await;
    assert!(before.iter().all(|(_, samples)| samples.len() == 120));
    crash(store).await;
    let store = open(dir.path()).await;
    assert_eq!(all(&store).await, before, "blocks and log together, each sample once");
    let matcher = Matcher::new("instance", MatchOp::Eq, "host-0007").unwrap();
    let range = MillisRange { first: START - 30_000, last: START + 15_000 };
    let found = select(&store, Selector(vec![matcher]), range).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].1.timestamps, [START - 30_000, START - 15_000, START, START + 15_000]);
}

#[tokio::test(flavor = "multi_thread")]
async fn merged_blocks_answer_as_their_inputs_did() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for part in 0..4 {
        fill(&store, part * 10, part * 10 + 10).await;
        store.flush().await.unwrap();
    }
    let before = all(&store).await;
    assert_eq!(block_files(dir.path()).len(), 8);
    store.compact().await.unwrap();
    assert_eq!(block_files(dir.path()).len(), 2);
    assert_eq!(all(&store).await, before);
    crash(store).await;
    let report = check(&options(dir.path())).await.unwrap();
    assert_eq!((&*report.problems, report.blocks, report.block_samples), (&[][..], 2, 1600));
    assert_eq!(all(&*open(dir.path()).await).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_of_two_days_become_blocks_of_each() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    fill(&store, -3, 3).await;
    let before = all(&store).await;
    store.flush().await.unwrap();
    assert_eq!(block_files(dir.path()).len(), 4, "two shards, two days");
    store.compact().await.unwrap();
    assert_eq!(block_files(dir.path()).len(), 4, "days are not merged");
    assert_eq!(all(&store).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn histograms_and_the_ends_of_series_survive_a_flush_and_a_merge() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for n in 0..80i64 {
        let mut builder = MetricBatch::builder();
        builder.series([("__name__", "latency")]).unwrap();
        if n == 79 {
            builder.sample(START + n * 1000, stale_marker());
        } else {
            let spans = vec![Span { offset: (n / 50) as i32, length: 2 }];
            let positive = Buckets { spans, counts: vec![n as f64, 1.0] };
            let histogram = NativeHistogram { count: n as f64 + 1.0, sum: 0.5, positive, ..Default::default() };
            builder.histogram(START + n * 1000, histogram);
        }
        append(&store, builder.finish()).await;
        if n == 40 {
            store.flush().await.unwrap();
        }
    }
    let before = all(&store).await;
    let samples = &before[0].1;
    assert_eq!((samples.histograms.len(), samples.values[0].to_bits()), (79, stale_marker().to_bits()));
    store.flush().await.unwrap();
    store.compact().await.unwrap();
    let after = all(&store).await;
    assert_eq!(after[0].1.histograms, samples.histograms);
    assert_eq!(after[0].1.values[0].to_bits(), stale_marker().to_bits());
    assert_eq!(block_files(dir.path()).len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_past_their_retention_are_hidden_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(NOW));
    let metrics = MetricOptions { retention: Some(Duration::from_secs(3600)), ..MetricOptions::default() };
    let options = StoreOptions { metrics, ..options(dir.path()) };
    let store = open_with(options, &clock, roomy()).await;
    fill(&store, 0, 10).await;
    store.flush().await.unwrap();
    assert_eq!(store.enforce_retention().await.unwrap(), 0);
    clock.advance(Duration::from_secs(3600 + 60));
    assert!(all(&store).await.iter().all(|(_, samples)| samples.timestamps[0] == START + 60_000));
    clock.advance(Duration::from_secs(3600));
    assert_eq!(all(&store).await, []);
    assert_eq!(store.enforce_retention().await.unwrap(), 2);
    assert_eq!(block_files(dir.path()), Vec::<std::path::PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_are_thinned_out_before_they_go() {
    let dir = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::at(NOW));
    let hours = |hours: u64| Duration::from_secs(hours * 3600);
    let metrics = MetricOptions {
        retention: Some(hours(24)),
        keep_5m: hours(48),
        keep_1h: hours(72),
        ..MetricOptions::default()
    };
    let options = StoreOptions { metrics, ..options(dir.path()) };
    let store = open_with(options, &clock, roomy()).await;
    // Two hours of a counter that grows by one a scrape.
    clock.advance(hours(2));
    fill(&store, 0, 480).await;
    store.flush().await.unwrap();
    let request =
        SelectSeries { selector: Selector::all(), range: MillisRange::ALL, step_ms: 60_000, max_bytes: 1 << 30 };
    for (pass, samples) in [(21, 480), (4, 24), (24, 2)] {
        clock.advance(hours(pass));
        store.enforce_retention().await.unwrap();
        let set = store.metric_querier(&tenant()).select(&request).await.unwrap();
        assert_eq!((set.labels().len(), set.warnings().len()), (40, 0));
        let mut found = gantry_model::metric::Samples::default();
        set.read(0, &mut found).unwrap();
        assert_eq!(found.len(), samples);
        assert_eq!(found.timestamps.last(), Some(&(START + 479 * 15_000)));
        assert_eq!(found.values.last(), Some(&(479.0 * 15.0)));
    }
    let exact = SelectSeries { step_ms: 0, ..request.clone() };
    let set = store.metric_querier(&tenant()).select(&exact).await.unwrap();
    assert_eq!((set.labels().len(), set.warnings().len()), (40, 2));
    clock.advance(hours(24));
    store.enforce_retention().await.unwrap();
    assert_eq!(block_files(dir.path()), Vec::<std::path::PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_block_is_a_warning_and_the_rest_is_served() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    fill(&store, 0, 10).await;
    store.flush().await.unwrap();
    fill(&store, 10, 20).await;
    store.flush().await.unwrap();
    let files = block_files(dir.path());
    std::fs::remove_file(&files[0]).unwrap();
    let mut bytes = std::fs::read(&files[2]).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle..middle + 50].fill(0);
    std::fs::write(&files[2], bytes).unwrap();
    let request = SelectSeries { selector: Selector::all(), range: MillisRange::ALL, step_ms: 0, max_bytes: 1 << 30 };
    let set = store.metric_querier(&tenant()).select(&request).await.unwrap();
    assert_eq!(set.warnings().len(), 2, "{:?}", set.warnings());
    let mut samples = gantry_model::metric::Samples::default();
    for series in 0..set.labels().len() {
        set.read(series, &mut samples).unwrap();
        assert_eq!(samples.len(), 10);
    }
    assert_eq!(set.labels().len(), 40);
    // What cannot be read is left out of merges, and never removed by them.
    store.compact().await.unwrap();
    assert!(files[2].exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_and_exemplars_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let about = MetricMetadata { kind: MetricType::Counter, help: "Requests.".into(), unit: String::new() };
    let exemplar = |at: i64| {
        let labels = LabelSet::from_pairs([("trace_id", format!("t{at}"))]);
        Exemplar { labels, value: 1.0, timestamp: START + at }
    };
    let mut builder = MetricBatch::builder();
    builder.series([("__name__", "requests_total")]).unwrap().sample(START, 1.0);
    builder.exemplar(exemplar(1)).exemplar(exemplar(2)).metadata("requests", about.clone());
    let commit = store.append_metrics(&tenant(), builder.finish()).await.unwrap();
    assert_eq!((commit.samples, commit.exemplars), (1, 2));
    crash(store).await;
    let store = open(dir.path()).await;
    let found = store.metric_querier(&tenant()).exemplars(&[], MillisRange::ALL).await.unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].1, [exemplar(1), exemplar(2)]);
    assert_eq!(store.metadata(&tenant(), None)["requests"].iter().collect::<Vec<_>>(), [&about]);
    store.flush().await.unwrap();
    crash(store).await;
    let store = open(dir.path()).await;
    assert_eq!(
        store.metadata(&tenant(), Some("requests"))["requests"].len(),
        1,
        "the log is gone, the metadata is not"
    );
    assert!(store.metadata(&tenant(), Some("other")).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_head_becomes_a_block_and_limits_count_what_is_active() {
    let dir = tempfile::tempdir().unwrap();
    let metrics = MetricOptions { head_bytes: 1 << 10, max_series: 50, ..MetricOptions::default() };
    let options = StoreOptions { partitions: 1, metrics, ..options(dir.path()) };
    let store = open_with(options, &Arc::new(ManualClock::at(NOW)), roomy()).await;
    let cancel = tokio_util::sync::CancellationToken::new();
    let running = tokio::spawn(store.clone().run(cancel.clone()));
    fill(&store, 0, 40).await;
    let commit = store.append_metrics(&tenant(), scrape(60, 600)).await.unwrap();
    assert_eq!(commit.rejected.into_values().collect::<Vec<_>>(), [10]);
    let found = all(&store).await;
    assert_eq!(found.len(), 50);
    assert!(found[..40].iter().all(|(_, samples)| samples.len() == 41), "{:?}", found[0].1.len());
    assert!(!block_files(dir.path()).is_empty());
    cancel.cancel();
    running.await.unwrap();
}
