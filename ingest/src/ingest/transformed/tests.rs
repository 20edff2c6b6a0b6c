use super::*;
use crate::IngestOptions;
use crate::testing::{Fixture, NOW};
use gantry_model::{LabelSet, Timestamp};
use gantry_store_api::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Lines `TENANT:BODY` go to that tenant; `drop` is dropped, `refuse` refuses the request. Counts what is undone.
#[derive(Debug, Default)]
struct ByPrefix {
    undone: Arc<AtomicUsize>,
}

impl Transform for ByPrefix {
    fn is_for(&self, source: &str) -> bool {
        source == "test"
    }

    fn apply(
        &self,
        tenant: &TenantId,
        _: &'static str,
        batch: LogBatch,
        now: Timestamp,
    ) -> Result<Transformed, IngestError> {
        assert_eq!(now, NOW);
        let undone = self.undone.clone();
        let undo: Box<dyn FnOnce() + Send> = Box::new(move || {
            undone.fetch_add(1, Ordering::SeqCst);
        });
        let mut transformed = Transformed { undo: Some(undo), ..Transformed::default() };
        for row in batch.rows() {
            let body = batch.body(row);
            if body == "refuse" {
                return Err(IngestError::new(Reason::RateLimited, "too fast"));
            }
            if body == "drop" {
                transformed.dropped_lines += 1;
                continue;
            }
            let (target, body) = body.split_once(':').unwrap_or((tenant.as_str(), body));
            let mut builder = LogBatch::builder();
            builder.stream(LabelSet::from_pairs([("app", "a")])).push(row.timestamp, body, []).unwrap();
            transformed.batches.push((TenantId::new(target).unwrap(), builder.finish()));
        }
        Ok(transformed)
    }
}

fn batch(bodies: &[&str]) -> LogBatch {
    let mut builder = LogBatch::builder();
    builder.stream(LabelSet::from_pairs([("app", "a")]));
    bodies.iter().for_each(|body| builder.push(NOW, body, []).unwrap());
    builder.finish()
}

struct Transforming {
    fixture: Fixture,
    undone: Arc<AtomicUsize>,
}

impl Transforming {
    fn new(options: IngestOptions) -> Self {
        let transform = ByPrefix::default();
        let undone = transform.undone.clone();
        Transforming { fixture: Fixture::transforming(options, Arc::new(transform)), undone }
    }

    async fn submit(&self, source: &'static str, bodies: &[&str]) -> Result<Accepted, IngestError> {
        self.fixture.ingest.submit(&TenantId::default_tenant(), source, batch(bodies)).await
    }

    fn lines(&self, tenant: &str, outcome: &str) -> f64 {
        self.fixture.counter("gantry_ingest_lines_total", &[("tenant", tenant), ("outcome", outcome)])
    }
}

#[tokio::test]
async fn lines_are_stored_and_counted_where_they_end_and_drops_are_acknowledged() {
    let test = Transforming::new(IngestOptions::default());
    let accepted = test.submit("test", &["mine", "drop", "b:theirs"]).await.unwrap();
    assert_eq!((accepted.lines, accepted.refused.lines()), (2, 0));
    let bodies =
        [format!("default {{app=\"a\"}} {} mine", NOW.nanos()), format!("b {{app=\"a\"}} {} theirs", NOW.nanos())];
    assert_eq!(test.fixture.store.lines(), bodies);
    assert_eq!([test.lines("default", "accepted"), test.lines("b", "accepted")], [1.0, 1.0]);
    assert_eq!(test.lines("default", "dropped"), 1.0);
    assert_eq!(test.undone.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn sources_without_transforms_are_left_alone() {
    let test = Transforming::new(IngestOptions::default());
    assert_eq!(test.submit("other", &["drop", "b:x"]).await.unwrap().lines, 2);
    assert_eq!(test.lines("b", "accepted"), 0.0);
}

#[tokio::test]
async fn a_request_in_which_everything_is_dropped_is_accepted() {
    let test = Transforming::new(IngestOptions::default());
    assert_eq!(test.submit("test", &["drop"]).await, Ok(Accepted::default()));
}

#[tokio::test]
async fn the_limits_of_the_tenant_where_a_line_ends_decide() {
    let options = IngestOptions { tenant_bytes_per_second: 10, tenant_burst_bytes: 10, ..IngestOptions::default() };
    let test = Transforming::new(options);
    assert_eq!(test.submit("test", &["b:12345678"]).await.unwrap().lines, 1);
    let refused = test.submit("test", &["mine", "b:1234"]).await.unwrap_err();
    assert_eq!(refused.reason, Reason::RateLimited);
    assert!(refused.message.contains("tenant b"), "{refused}");
    assert_eq!(test.undone.load(Ordering::SeqCst), 1);
    assert_eq!(test.submit("test", &["0123456789"]).await.unwrap().lines, 1, "the sender was not charged");
}

#[tokio::test]
async fn what_cannot_be_stored_is_given_back_and_reserved_tenants_are_closed() {
    let test = Transforming::new(IngestOptions::default());
    test.fixture.store.fail_with(Some(ErrorKind::Overloaded));
    assert!(test.submit("test", &["x"]).await.unwrap_err().is_retryable());
    assert_eq!(test.undone.load(Ordering::SeqCst), 1);
    test.fixture.store.fail_with(None);
    assert_eq!(test.submit("test", &["_gantry:x"]).await.unwrap_err().reason, Reason::ReservedTenant);
    assert_eq!(test.submit("test", &["refuse"]).await.unwrap_err().reason, Reason::RateLimited);
    assert!(test.fixture.store.lines().is_empty());
}
