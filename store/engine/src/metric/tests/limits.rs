//! Limits and retention of single tenants.

use crate::tests::{NOW, open_with, options, roomy};
use crate::{Kept, MetricOptions, MetricTenant, Store, StoreOptions};
use gantry_model::metric::MetricBatch;
use gantry_model::{ManualClock, TenantId};
use gantry_store_api::{AppendMetrics, MetricCommit, MillisRange, QueryMetrics, RejectReason};
use std::sync::Arc;
use std::time::Duration;

fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

/// A sample of each of these series at the time of the clock.
async fn append(store: &Store, clock: &ManualClock, to: &str, series: std::ops::Range<u32>) -> MetricCommit {
    use gantry_model::Clock;
    let mut builder = MetricBatch::builder();
    for n in series {
        builder.series([("__name__", "x"), ("n", &*n.to_string())]).unwrap().sample(clock.now().0 / 1_000_000, 1.0);
    }
    store.append_metrics(&tenant(to), builder.finish()).await.unwrap()
}

async fn open(metrics: MetricOptions) -> (Arc<Store>, Arc<ManualClock>, tempfile::TempDir) {
    let (dir, clock) = (tempfile::tempdir().unwrap(), Arc::new(ManualClock::at(NOW)));
    let options = StoreOptions { metrics, ..options(dir.path()) };
    (open_with(options, &clock, roomy()).await, clock, dir)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_has_limits_of_its_own_and_hears_what_to_raise() {
    let red = MetricTenant { max_series: Some(3), ..MetricTenant::default() };
    let metrics = MetricOptions { max_series: 5, tenants: [(tenant("red"), red)].into(), ..MetricOptions::default() };
    let (store, clock, _dir) = open(metrics).await;
    for (name, most) in [("red", 3), ("blue", 5)] {
        let commit = append(&store, &clock, name, 0..8).await;
        assert_eq!((commit.samples, commit.rejected[&RejectReason::SeriesLimit]), (most, 8 - most));
        let told = commit.first_rejection.unwrap();
        assert!(told.contains(&format!("than the {most} that a tenant may have")), "{told}");
        assert!(told.contains("store.metrics.max_series") && told.contains("store.metrics.tenants"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn churn_is_limited_by_the_hour_and_series_that_stay_are_no_churn() {
    let metrics = MetricOptions { max_new_series_per_hour: 10, ..MetricOptions::default() };
    let (store, clock, _dir) = open(metrics).await;
    assert_eq!(append(&store, &clock, "red", 0..10).await.samples, 10);
    let commit = append(&store, &clock, "red", 5..12).await;
    assert_eq!((commit.samples, commit.rejected[&RejectReason::ChurnLimit]), (5, 2));
    assert!(commit.first_rejection.unwrap().contains("labels whose values keep changing"));
    assert_eq!(append(&store, &clock, "blue", 0..10).await.samples, 10, "each tenant has its own hour");
    // The head that comes after a flush knows the series of the one before.
    store.flush().await.unwrap();
    clock.advance(Duration::from_secs(60));
    assert_eq!(append(&store, &clock, "red", 0..10).await.samples, 10);
    clock.advance(Duration::from_secs(3600));
    assert_eq!(append(&store, &clock, "red", 10..20).await.samples, 10, "another hour");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_keeps_its_samples_as_long_as_it_says() {
    let red = MetricTenant { retention: Some(Kept(None)), ..MetricTenant::default() };
    let retention = Some(Duration::from_secs(3600));
    let metrics = MetricOptions { retention, tenants: [(tenant("red"), red)].into(), ..MetricOptions::default() };
    let (store, clock, _dir) = open(metrics).await;
    for name in ["red", "blue"] {
        assert_eq!(append(&store, &clock, name, 0..3).await.samples, 3);
    }
    store.flush().await.unwrap();
    clock.advance(Duration::from_secs(7200));
    let series =
        async |name: &str| store.metric_querier(&tenant(name)).series(&[], MillisRange::ALL).await.unwrap().len();
    assert_eq!((series("red").await, series("blue").await), (3, 0));
    assert!(store.enforce_retention().await.unwrap() > 0);
    assert_eq!(store.metric_tenants(), [tenant("red")]);
}
