//! What `gantry-prompb` writes is what is read here: the two directions of remote write.

use super::{remote_write_v1, remote_write_v2};
use gantry_model::LabelSet;
use gantry_model::metric::{
    Buckets, Exemplar, MetricBatch, MetricMetadata, MetricType, NativeHistogram, Span, stale_marker,
};
use gantry_prompb::write_request::{self, Series};

fn batch() -> MetricBatch {
    let positive = Buckets { spans: vec![Span { offset: 1, length: 2 }], counts: vec![3.0, 1.0] };
    let histogram = NativeHistogram { count: 4.0, sum: 9.5, schema: 3, positive, ..NativeHistogram::default() };
    let exemplar = |at| Exemplar { labels: LabelSet::from_pairs([("trace_id", "äß")]), value: -0.0, timestamp: at };
    let mut builder = MetricBatch::builder();
    builder.series([("__name__", "up"), ("job", "a")]).unwrap();
    builder.sample(1, 1.5).sample(-2, f64::INFINITY).exemplar(exemplar(5)).exemplar(exemplar(6));
    builder.series([("__name__", "latency"), ("job", &*"long ".repeat(100))]).unwrap();
    builder.histogram(4, histogram.clone()).histogram(3, NativeHistogram { sum: 0.25, ..histogram });
    builder.finish()
}

fn series<'a>(batch: &'a MetricBatch, metadata: Option<&'a MetricMetadata>) -> impl Iterator<Item = Series<'a>> {
    batch.series().iter().map(move |one| {
        let (timestamps, values) = batch.samples(one);
        let (labels, histograms, exemplars) = (batch.labels(one), batch.histograms(one), batch.exemplars(one));
        Series { labels, timestamps, values, histograms, exemplars, metadata }
    })
}

#[test]
fn requests_of_both_versions_come_back_as_they_were() {
    let batch = batch();
    assert_eq!(remote_write_v1(&write_request::v1(series(&batch, None))).unwrap().batch, batch);
    assert_eq!(remote_write_v2(&write_request::v2(series(&batch, None))).unwrap().batch, batch);
}

#[test]
fn every_nan_comes_back_as_it_was() {
    let mut builder = MetricBatch::builder();
    let all = [stale_marker(), f64::NAN, f64::from_bits(0x7ff0_dead_beef_0001)];
    builder.series([("__name__", "up")]).unwrap();
    all.iter().for_each(|value| _ = builder.sample(1, *value));
    let batch = builder.finish();
    for body in [
        remote_write_v1(&write_request::v1(series(&batch, None))),
        remote_write_v2(&write_request::v2(series(&batch, None))),
    ] {
        let read = body.unwrap().batch;
        let bits: Vec<u64> = read.samples(&read.series()[0]).1.iter().map(|value| value.to_bits()).collect();
        assert_eq!(bits, all.map(f64::to_bits));
    }
}

#[test]
fn what_is_known_of_families_comes_back() {
    let about = MetricMetadata { kind: MetricType::Counter, help: "How long.".into(), unit: "s".into() };
    let told = remote_write_v1(&write_request::v1_metadata([("up", &about)].into_iter())).unwrap();
    assert_eq!(told.batch.metadata(), [("up".to_owned(), about.clone())]);
    let batch = batch();
    let told = remote_write_v2(&write_request::v2(series(&batch, Some(&about)))).unwrap();
    assert_eq!(told.batch.metadata(), [("up".to_owned(), about.clone()), ("latency".to_owned(), about)]);
}
