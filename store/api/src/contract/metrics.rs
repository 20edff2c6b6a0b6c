//! The rules of [`AppendMetrics`] and [`QueryMetrics`]. Stores under test use the real clock or one near [`START`].

use crate::{
    AppendMetrics, ErrorKind, MetricCommit, MillisRange, QueryMetrics, RefusedPart, RejectReason, SelectSeries,
};
use async_trait::async_trait;
use gantry_model::metric::{
    Buckets, Exemplar, MetricBatch, MetricBatchBuilder, MetricMetadata, MetricType, NativeHistogram, Samples, Span,
    stale_marker,
};
use gantry_model::{LabelSet, MatchOp, Matcher, Selector, TenantId};
use std::sync::Arc;

/// A store of metrics under test.
#[async_trait]
pub trait MetricSubject: AppendMetrics + QueryMetrics + 'static {
    /// Called between writing and reading. A store that moves samples from one place to another does so here.
    async fn rearrange(&self) {}
}

#[async_trait]
impl MetricSubject for crate::memory_metrics::MemoryMetrics {}

/// Milliseconds of the first sample: 2026-01-01T00:00:00Z less an hour.
pub const START: i64 = 1_767_222_000_000;

/// A test for every rule of the contract of metrics.
#[macro_export]
macro_rules! metric_contract_tests {
    ($open:path) => {
        $crate::metric_contract_tests!(
            $open,
            acknowledged_samples_are_found_to_the_bit,
            a_sample_counts_once_and_keeps_its_first_value,
            late_samples_stand_in_their_place,
            matchers_choose_series,
            ranges_of_samples_include_their_ends,
            histograms_and_numbers_share_a_series,
            metrics_of_tenants_are_apart,
            labels_are_told_by_name_value_and_set,
            exemplars_are_found_by_series,
            families_are_described,
            a_version_changes_with_the_samples,
            too_many_bytes_are_refused,
            cardinality_is_counted
        );
    };
    ($open:path, $($rule:ident),*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $rule() {
                $crate::contract::metrics::$rule(std::sync::Arc::new($open().await)).await;
            }
        )*
    };
}

fn tenant() -> TenantId {
    TenantId::default_tenant()
}

async fn append(store: &impl MetricSubject, build: impl FnOnce(&mut MetricBatchBuilder)) -> MetricCommit {
    let mut builder = MetricBatch::builder();
    build(&mut builder);
    let commit = store.append_metrics(&tenant(), builder.finish()).await.expect("append");
    store.rearrange().await;
    commit
}

/// As [`append`] where nothing is refused.
async fn write(store: &impl MetricSubject, build: impl FnOnce(&mut MetricBatchBuilder)) {
    let commit = append(store, build).await;
    assert!(commit.rejected.is_empty(), "{commit:?}");
}

async fn read(
    store: &impl MetricSubject,
    matchers: &[(&str, MatchOp, &str)],
    range: MillisRange,
) -> Vec<(LabelSet, Samples)> {
    let request = SelectSeries { selector: selector(matchers), range, step_ms: 0, max_bytes: 1 << 30 };
    let set = store.metric_querier(&tenant()).select(&request).await.expect("select");
    assert_eq!(set.warnings(), Vec::<String>::new());
    assert!(set.labels().windows(2).all(|pair| pair[0] < pair[1]), "sorted and distinct");
    let mut samples = Samples::default();
    let mut found = Vec::new();
    for (at, labels) in set.labels().iter().enumerate() {
        set.read(at, &mut samples).expect("read");
        if !samples.is_empty() {
            found.push((labels.clone(), samples.clone()));
        }
    }
    found
}

fn selector(matchers: &[(&str, MatchOp, &str)]) -> Selector {
    Selector(
        matchers.iter().map(|(name, op, value)| Matcher::new(name, *op, value).expect("a legal matcher")).collect(),
    )
}

fn set(pairs: &[(&str, &str)]) -> LabelSet {
    LabelSet::from_pairs(pairs.iter().copied())
}

fn bits(samples: &Samples) -> Vec<(i64, u64)> {
    samples.timestamps.iter().copied().zip(samples.values.iter().map(|value| value.to_bits())).collect()
}

/// What was acknowledged is found, also values that compare with nothing.
pub async fn acknowledged_samples_are_found_to_the_bit(store: Arc<impl MetricSubject>) {
    let values = [1.0, -0.0, f64::NAN, stale_marker(), f64::INFINITY, 0.1 + 0.2, 5e-324, f64::from_bits(u64::MAX)];
    for (at, value) in values.iter().enumerate() {
        let commit = append(&*store, |batch| {
            batch.series([("__name__", "x")]).expect("as written").sample(START + at as i64, *value);
        })
        .await;
        assert_eq!(commit, MetricCommit { samples: 1, ..MetricCommit::default() });
    }
    let found = read(&*store, &[], MillisRange::ALL).await;
    let expected: Vec<_> = (START..).zip(values.iter().map(|value| value.to_bits())).collect();
    assert_eq!((found.len(), bits(&found[0].1)), (1, expected));
}

/// The same sample again is accepted; another value for its instant is refused, and refuses nothing else.
pub async fn a_sample_counts_once_and_keeps_its_first_value(store: Arc<impl MetricSubject>) {
    let put = async |samples: &[(i64, f64)]| {
        let mut builder = MetricBatch::builder();
        builder.series([("__name__", "x")]).expect("as written");
        samples.iter().for_each(|(at, value)| _ = builder.sample(START + at, *value));
        store.append_metrics(&tenant(), builder.finish()).await.expect("append")
    };
    assert_eq!(put(&[(0, 1.0), (10, 2.0)]).await.samples, 2);
    assert_eq!(put(&[(10, 2.0), (0, 1.0)]).await.samples, 2);
    let commit = put(&[(0, 9.0), (10, 9.0), (20, 3.0)]).await;
    assert_eq!((commit.samples, commit.rejected[&RejectReason::DuplicateTimestamp]), (1, 2));
    assert!(commit.first_rejection.expect("as written").contains(r#"{__name__="x"}"#));
    let mut refused: Vec<_> = commit.refused.iter().map(|refused| (refused.series, refused.part)).collect();
    refused.sort_by_key(|(_, part)| format!("{part:?}"));
    assert_eq!(refused, [(0, RefusedPart::Number(0)), (0, RefusedPart::Number(1))]);
    store.rearrange().await;
    assert_eq!(read(&*store, &[], MillisRange::ALL).await[0].1.values, [1.0, 2.0, 3.0]);
}

/// The order of arrival does not show.
pub async fn late_samples_stand_in_their_place(store: Arc<impl MetricSubject>) {
    for second in [50, 10, 30, 20, 40] {
        write(&*store, |batch| {
            batch.series([("__name__", "x")]).expect("as written").sample(START + second * 1000, second as f64);
        })
        .await;
    }
    assert_eq!(read(&*store, &[], MillisRange::ALL).await[0].1.values, [10.0, 20.0, 30.0, 40.0, 50.0]);
}

/// Of the range that the samples are in, and of that tenant.
pub async fn a_version_changes_with_the_samples(store: Arc<impl MetricSubject>) {
    let one = |second: i64| {
        move |batch: &mut MetricBatchBuilder| {
            batch.series([("__name__", "x")]).expect("as written").sample(START + second * 1000, second as f64);
        }
    };
    let range = MillisRange { first: START, last: START + 60_000 };
    let version = |tenant: &TenantId| store.metric_version(tenant, range).expect("nothing reaches its retention");
    let other = TenantId::new("other").expect("a tenant");
    let (before, of_other) = (version(&tenant()), version(&other));
    write(&*store, one(60)).await;
    let first = version(&tenant());
    assert_ne!(first, before, "the end of the range is within");
    assert_eq!(version(&tenant()), first, "reading changes nothing");
    write(&*store, one(10)).await;
    assert_ne!(version(&tenant()), first, "a late sample");
    assert_eq!(version(&other), of_other, "another tenant has versions of its own");
}

/// An absent label is the empty string; regexes are anchored.
pub async fn matchers_choose_series(store: Arc<impl MetricSubject>) {
    use MatchOp::{Eq, NotEq, NotRegex, Regex};
    write(&*store, |batch| {
        for (name, job) in [("a", "x"), ("a", "y"), ("b", "x"), ("b", "")] {
            batch.series([("__name__", name), ("job", job)]).expect("as written").sample(START, 1.0);
        }
    })
    .await;
    for (matchers, expected) in [
        (&[][..], 4),
        (&[("__name__", Eq, "a")][..], 2),
        (&[("__name__", Eq, "a"), ("job", NotEq, "x")], 1),
        (&[("job", Eq, "")], 1),
        (&[("job", NotEq, "")], 3),
        (&[("job", Regex, "x|y"), ("__name__", Regex, "a.*")], 2),
        (&[("job", Regex, ".*")], 4),
        (&[("job", NotRegex, ".+")], 1),
        (&[("job", NotRegex, "x")], 2),
        (&[("other", Eq, "x")], 0),
        (&[("__name__", Regex, "")], 0),
    ] {
        assert_eq!(read(&*store, matchers, MillisRange::ALL).await.len(), expected, "{matchers:?}");
    }
}

/// Both ends are within, here and nowhere else in the store.
pub async fn ranges_of_samples_include_their_ends(store: Arc<impl MetricSubject>) {
    write(&*store, |batch| {
        batch.series([("__name__", "x")]).expect("as written");
        (0..300).for_each(|n| _ = batch.sample(START + n * 10, n as f64));
    })
    .await;
    let range = MillisRange { first: START + 1000, last: START + 2000 };
    let found = read(&*store, &[], range).await;
    assert_eq!(found[0].1.values, (100..=200).map(f64::from).collect::<Vec<_>>());
    let range = MillisRange { first: START + 1001, last: START + 1009 };
    assert_eq!(read(&*store, &[], range).await, []);
}

/// A series may change from numbers to histograms, and ends with a number that says so.
pub async fn histograms_and_numbers_share_a_series(store: Arc<impl MetricSubject>) {
    let positive = Buckets { spans: vec![Span { offset: -1, length: 2 }], counts: vec![1.0, 2.0] };
    let histogram = NativeHistogram { schema: 3, count: 3.0, sum: 4.5, positive, ..NativeHistogram::default() };
    let commit = append(&*store, |batch| {
        batch.series([("__name__", "x")]).expect("as written").sample(START, 1.0);
        batch.histogram(START + 10, histogram.clone()).histogram(START + 20, histogram.clone());
        batch.sample(START + 30, stale_marker());
    })
    .await;
    assert_eq!((commit.samples, commit.histograms), (4, 2));
    let found = read(&*store, &[], MillisRange::ALL).await;
    assert_eq!(found[0].1.timestamps, [START, START + 30]);
    let histogram = Arc::new(histogram);
    assert_eq!(found[0].1.histograms, [(START + 10, histogram.clone()), (START + 20, histogram)]);
    let broken = append(&*store, |batch| {
        let twice = NativeHistogram { count: 9.0, ..NativeHistogram::clone(&found[0].1.histograms[0].1) };
        batch.series([("__name__", "x")]).expect("as written").histogram(START + 20, twice);
    })
    .await;
    assert_eq!(broken.rejected.len(), 1);
}

/// A tenant sees what it wrote and nothing else.
pub async fn metrics_of_tenants_are_apart(store: Arc<impl MetricSubject>) {
    let other = TenantId::new("other").expect("as written");
    write(&*store, |batch| _ = batch.series([("__name__", "x")]).expect("as written").sample(START, 1.0)).await;
    let mut builder = MetricBatch::builder();
    builder.series([("__name__", "y")]).expect("as written").sample(START, 2.0);
    assert_eq!(store.append_metrics(&other, builder.finish()).await.expect("as written").samples, 1);
    store.rearrange().await;
    assert_eq!(store.metric_tenants(), [tenant(), other.clone()]);
    let names = store.metric_querier(&other).label_values("__name__", &[], MillisRange::ALL).await.expect("as written");
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["y"]);
    assert_eq!(read(&*store, &[], MillisRange::ALL).await[0].0, set(&[("__name__", "x")]));
}

/// Selectors are alternatives; without one all series count.
pub async fn labels_are_told_by_name_value_and_set(store: Arc<impl MetricSubject>) {
    write(&*store, |batch| {
        batch.series([("__name__", "a"), ("job", "x")]).expect("as written").sample(START, 1.0);
        batch.series([("__name__", "b"), ("pod", "p")]).expect("as written").sample(START, 1.0);
        batch.series([("__name__", "c"), ("job", "z")]).expect("as written").sample(START, 1.0);
    })
    .await;
    let querier = store.metric_querier(&tenant());
    let either = [selector(&[("__name__", MatchOp::Eq, "a")]), selector(&[("pod", MatchOp::Eq, "p")])];
    let names = querier.label_names(&[], MillisRange::ALL).await.expect("as written");
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["__name__", "job", "pod"]);
    let names = querier.label_names(&either[1..], MillisRange::ALL).await.expect("as written");
    assert_eq!(names.into_iter().collect::<Vec<_>>(), ["__name__", "pod"]);
    let values = querier.label_values("job", &[], MillisRange::ALL).await.expect("as written");
    assert_eq!(values.into_iter().collect::<Vec<_>>(), ["x", "z"]);
    let values = querier.label_values("job", &either, MillisRange::ALL).await.expect("as written");
    assert_eq!(values.into_iter().collect::<Vec<_>>(), ["x"]);
    let sets = querier.series(&either, MillisRange::ALL).await.expect("as written");
    assert_eq!(sets, [set(&[("__name__", "a"), ("job", "x")]), set(&[("__name__", "b"), ("pod", "p")])]);
    let before = MillisRange { first: START - 9000, last: START - 8000 };
    assert_eq!(querier.series(&[], before).await.expect("as written"), []);
}

/// In order of time, with the labels of their own.
pub async fn exemplars_are_found_by_series(store: Arc<impl MetricSubject>) {
    let exemplar = |at: i64| Exemplar { labels: set(&[("trace_id", "t")]), value: 0.5, timestamp: START + at };
    let commit = append(&*store, |batch| {
        batch
            .series([("__name__", "a")])
            .expect("as written")
            .sample(START, 1.0)
            .exemplar(exemplar(1))
            .exemplar(exemplar(5));
        batch.series([("__name__", "b")]).expect("as written").sample(START, 1.0).exemplar(exemplar(2));
    })
    .await;
    assert_eq!(commit.exemplars, 3);
    let querier = store.metric_querier(&tenant());
    let found =
        querier.exemplars(&[selector(&[("__name__", MatchOp::Eq, "a")])], MillisRange::ALL).await.expect("as written");
    assert_eq!(found, [(set(&[("__name__", "a")]), vec![exemplar(1), exemplar(5)])]);
    let late = MillisRange { first: START + 5, last: START + 5 };
    assert_eq!(
        querier.exemplars(&[], late).await.expect("as written"),
        [(set(&[("__name__", "a")]), vec![exemplar(5)])]
    );
}

/// Several descriptions are kept where sources disagree.
pub async fn families_are_described(store: Arc<impl MetricSubject>) {
    let about = |help: &str| MetricMetadata { kind: MetricType::Gauge, help: help.into(), unit: "s".into() };
    for help in ["one", "two", "one"] {
        write(&*store, |batch| _ = batch.metadata("x", about(help))).await;
    }
    write(&*store, |batch| _ = batch.metadata("y", about("other"))).await;
    let all = store.metadata(&tenant(), None);
    assert_eq!(all.keys().collect::<Vec<_>>(), ["x", "y"]);
    assert_eq!(store.metadata(&tenant(), Some("x"))["x"].iter().collect::<Vec<_>>(), [&about("one"), &about("two")]);
    assert!(store.metadata(&tenant(), Some("z")).is_empty());
}

/// The error is the client's, and says what to do.
pub async fn too_many_bytes_are_refused(store: Arc<impl MetricSubject>) {
    write(&*store, |batch| {
        batch.series([("__name__", "x")]).expect("as written");
        (0..1000).for_each(|n: i32| _ = batch.sample(START + i64::from(n), f64::from(n).sqrt()));
    })
    .await;
    let request = SelectSeries { selector: Selector::all(), range: MillisRange::ALL, step_ms: 0, max_bytes: 10 };
    let error = store.metric_querier(&tenant()).select(&request).await.err().expect("an error");
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
}

/// Of what is in memory, so nothing is rearranged.
pub async fn cardinality_is_counted(store: Arc<impl MetricSubject>) {
    let mut builder = MetricBatch::builder();
    for (metric, pods) in [("a", 3), ("b", 1)] {
        for pod in 0..pods {
            let pod = format!("pod-{pod}");
            builder
                .series([("__name__", metric), ("pod", pod.as_str())])
                .expect("as written")
                .sample(START + i64::from(pods), 1.0);
        }
    }
    assert_eq!(store.append_metrics(&tenant(), builder.finish()).await.expect("append").samples, 4);
    let found = store.cardinality(&tenant(), 1);
    assert_eq!((found.series, found.label_pairs, found.times), (4, 5, Some((START + 1, START + 3))));
    assert_eq!(found.series_by_metric, [("a".to_owned(), 3)]);
    assert_eq!(found.values_by_label, [("pod".to_owned(), 3)]);
    assert_eq!(found.bytes_by_label, [("pod".to_owned(), 20)]);
    assert_eq!(found.series_by_pair, [("__name__=a".to_owned(), 3)]);
}
