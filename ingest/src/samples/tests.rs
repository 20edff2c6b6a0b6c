use super::*;
use crate::IngestOptions;
use crate::testing::{Fixture, NOW};
use gantry_model::metric::MetricBatch;
use gantry_store_api::ErrorKind;

fn samples(count: i64) -> MetricIncoming {
    let mut batch = MetricBatch::builder();
    batch.series([("__name__", "up")]).unwrap();
    for n in 0..count {
        batch.sample(NOW.nanos() / 1_000_000 + n, 1.0);
    }
    MetricIncoming { batch: batch.finish(), ..MetricIncoming::default() }
}

async fn submit(fixture: &Fixture, incoming: MetricIncoming) -> Result<MetricAccepted, IngestError> {
    fixture.metrics.submit(&TenantId::default_tenant(), "test", incoming).await
}

fn count(fixture: &Fixture, outcome: &str, reason: &str) -> f64 {
    let labels = [("source", "test"), ("outcome", outcome), ("reason", reason)];
    fixture.counter("gantry_ingest_samples_total", &labels)
}

#[tokio::test]
async fn every_sample_is_counted_once_by_what_became_of_it() {
    let fixture = Fixture::new();
    fixture.store.reject(RejectReason::OutOfOrder, 2);
    let mut incoming = samples(5);
    incoming.refused.add(Reason::InvalidLabels, 3, 0, || "broken".to_owned());
    let accepted = submit(&fixture, incoming).await.unwrap();
    assert_eq!(accepted.summary(), "5 of 8 samples were refused, 3 were stored; the first: invalid_labels: broken");
    assert_eq!(count(&fixture, "accepted", ""), 3.0);
    assert_eq!((count(&fixture, "refused", "out_of_order"), count(&fixture, "refused", "invalid_labels")), (2.0, 3.0));
}

#[tokio::test]
async fn the_store_says_what_was_wrong_first_in_its_own_words() {
    let fixture = Fixture::new();
    fixture.store.reject(RejectReason::DuplicateTimestamp, 1);
    let accepted = submit(&fixture, samples(1)).await.unwrap();
    assert_eq!(accepted.refused.first(), Some("the first"));
    assert_eq!((accepted.samples, accepted.refused.by_reason()[0].reason), (0, Reason::DuplicateTimestamp));
}

#[tokio::test]
async fn nobody_writes_samples_into_a_reserved_tenant() {
    let fixture = Fixture::new();
    let error = fixture.metrics.submit(&TenantId::self_tenant(), "test", samples(1)).await.unwrap_err();
    assert_eq!(error.reason, Reason::ReservedTenant);
    assert_eq!(count(&fixture, "refused", "reserved_tenant"), 1.0);
    assert!(fixture.store.samples().is_empty());
}

#[tokio::test]
async fn a_tenant_over_its_rate_is_told_to_wait_and_a_failure_costs_nothing() {
    let options = IngestOptions { tenant_bytes_per_second: 1, tenant_burst_bytes: 40, ..IngestOptions::default() };
    let fixture = Fixture::with(options);
    fixture.store.fail_with(Some(ErrorKind::Overloaded));
    let error = submit(&fixture, samples(1)).await.unwrap_err();
    assert!(error.is_retryable() && !error.to_string().contains("secret"));
    fixture.store.fail_with(None);
    assert_eq!(submit(&fixture, samples(1)).await.unwrap().samples, 1);
    assert_eq!(submit(&fixture, samples(1)).await.unwrap_err().reason, Reason::RateLimited);
}
