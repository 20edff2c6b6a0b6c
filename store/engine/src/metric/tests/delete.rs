//! Samples that were deleted are gone, and nothing else is.

use super::recovery::{START, all, append, scrape};
use crate::Store;
use crate::tests::{crash, open, tenant};
use gantry_model::metric::{Exemplar, MetricBatch};
use gantry_model::{LabelSet, MatchOp, Matcher, Selector};
use gantry_store_api::{AppendMetrics, DeleteSeries, DeleteSeriesWhat, DeletedSeries, MillisRange, QueryMetrics};

async fn delete(store: &Store, instance: &str, (first, last): (i64, i64)) -> DeletedSeries {
    let matcher = Matcher::new("instance", MatchOp::Regex, instance).unwrap();
    let range = MillisRange { first: START + first * 1000, last: START + last * 1000 };
    let selectors = vec![Selector(vec![matcher])];
    let what = DeleteSeriesWhat { selectors, range, query: "q".into(), by: "me".into() };
    store.delete_series(&tenant(), what).await.unwrap()
}

/// Seconds of the samples of each series.
async fn seconds(store: &Store) -> Vec<Vec<i64>> {
    let found = all(store).await;
    found.iter().map(|(_, samples)| samples.timestamps.iter().map(|at| (at - START) / 1000).collect()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_samples_are_gone_from_memory_and_blocks_and_stay_so() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    for second in 0..4 {
        append(&store, scrape(3, second)).await;
        if second == 1 {
            store.flush().await.unwrap();
        }
    }
    let done = delete(&store, "host-000[01]", (1, 2)).await;
    assert_eq!(done.samples, 4);
    let expected = [vec![0, 3], vec![0, 3], vec![0, 1, 2, 3]];
    assert_eq!(seconds(&store).await, expected);
    // What is written later is kept, whatever its time.
    append(&store, scrape(1, 2)).await;
    let expected = [vec![0, 2, 3], vec![0, 3], vec![0, 1, 2, 3]];
    assert_eq!(seconds(&store).await, expected);
    crash(store).await;
    let store = open(dir.path()).await;
    assert_eq!(seconds(&store).await, expected);
    store.flush().await.unwrap();
    store.compact().await.unwrap();
    assert_eq!(seconds(&store).await, expected);
    assert_eq!(delete(&store, ".*", (-1000, 1000)).await.samples, 9);
    assert_eq!(store.metric_querier(&tenant()).series(&[], MillisRange::ALL).await.unwrap(), []);
    assert_eq!(delete(&store, ".*", (-1000, 1000)).await, DeletedSeries::default(), "there is nothing left");
}

#[tokio::test(flavor = "multi_thread")]
async fn exemplars_go_with_their_samples() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let mut builder = MetricBatch::builder();
    for instance in ["a", "b"] {
        builder.series([("__name__", "x"), ("instance", instance)]).unwrap().sample(START, 1.0);
        builder.exemplar(Exemplar { labels: LabelSet::default(), value: 1.0, timestamp: START });
    }
    let _ = store.append_metrics(&tenant(), builder.finish()).await.unwrap();
    delete(&store, "a", (0, 0)).await;
    for _ in 0..2 {
        let found = store.metric_querier(&tenant()).exemplars(&[], MillisRange::ALL).await.unwrap();
        assert_eq!(found.iter().map(|(labels, _)| labels.get("instance")).collect::<Vec<_>>(), [Some("b")]);
        store.flush().await.unwrap();
    }
    crash(store).await;
    let store = open(dir.path()).await;
    let found = store.metric_querier(&tenant()).exemplars(&[], MillisRange::ALL).await.unwrap();
    assert_eq!(found.len(), 1);
}
