use super::*;
use crate::testing::{Fixture, NOW};
use gantry_model::{LabelSet, LogBatch, LogBatchBuilder, Timestamp};
use gantry_store_api::ErrorKind;
use std::time::Duration;

fn tenant() -> TenantId {
    TenantId::default_tenant()
}

fn lines(bodies: &[&str]) -> LogBatchBuilder {
    let mut builder = LogBatch::builder();
    builder.stream(LabelSet::from_pairs([("app", "a")]));
    for body in bodies {
        builder.push(NOW, body, []).unwrap();
    }
    builder
}

async fn submit(fixture: &Fixture, batch: LogBatchBuilder) -> Result<Accepted, IngestError> {
    fixture.ingest.submit(&tenant(), "test", batch).await
}

#[tokio::test]
async fn good_lines_of_a_request_are_stored_and_bad_ones_are_named() {
    let fixture = Fixture::with(IngestOptions { max_line_bytes: 10, ..IngestOptions::default() });
    let accepted = submit(&fixture, lines(&["fine", "much too long", "fine too"])).await.unwrap();
    assert_eq!((accepted.lines, accepted.refused.lines()), (2, 1));
    assert_eq!(
        accepted.refused.summary(2),
        "1 of 3 lines were refused, 2 were stored; the first: line_too_long: the line has 13 bytes, at most 10 are \
         accepted; stream {app=\"a\"}"
    );
    assert_eq!(fixture.store.lines().len(), 2);
    let count = |outcome, reason| {
        fixture.counter("gantry_ingest_lines_total", &[("source", "test"), ("outcome", outcome), ("reason", reason)])
    };
    assert_eq!((count("accepted", ""), count("refused", "line_too_long")), (2.0, 1.0));
}

#[tokio::test]
async fn long_lines_are_cut_at_a_character_when_asked_for() {
    let options = IngestOptions { max_line_bytes: 4, truncate_long_lines: true, ..IngestOptions::default() };
    let fixture = Fixture::with(options);
    let accepted = submit(&fixture, lines(&["abcäz"])).await.unwrap();
    assert!(accepted.refused.is_empty());
    assert!(fixture.store.lines()[0].ends_with(" abc"));
}

#[tokio::test]
async fn times_outside_the_window_are_refused() {
    let max_age = Some(Duration::from_secs(3600));
    let fixture = Fixture::with(IngestOptions { max_age, ..IngestOptions::default() });
    let mut builder = LogBatch::builder();
    builder.stream(LabelSet::from_pairs([("app", "a")]));
    for at in [-3601, -3599, 599, 601] {
        builder.push(NOW.saturating_add(at * 1_000_000_000), "x", []).unwrap();
    }
    let accepted = submit(&fixture, builder).await.unwrap();
    let reasons: Vec<_> = accepted.refused.by_reason().iter().map(|r| (r.reason, r.lines)).collect();
    assert_eq!(reasons, [(Reason::TooFarBehind, 1), (Reason::TooFarAhead, 1)]);
    assert_eq!(accepted.lines, 2);
}

#[tokio::test]
async fn lines_of_any_age_are_accepted_without_a_max_age() {
    let fixture = Fixture::new();
    let mut builder = LogBatch::builder();
    builder.stream(LabelSet::from_pairs([("app", "a")]));
    builder.push(Timestamp::MIN, "x", []).unwrap();
    assert_eq!(submit(&fixture, builder).await.unwrap().lines, 1);
}

#[tokio::test]
async fn streams_with_bad_labels_are_refused_by_name_of_the_fault() {
    let many: Vec<(String, &str)> = (0..31).map(|n| (format!("l{n}"), "v")).collect();
    let cases = [
        (LabelSet::default(), Reason::MissingLabels),
        (LabelSet::from_pairs(many), Reason::TooManyLabels),
        (LabelSet::from_pairs([("a.b", "v")]), Reason::InvalidLabelName),
        (LabelSet::from_pairs([("9", "v")]), Reason::InvalidLabelName),
        (LabelSet::from_pairs([("n".repeat(1025), "v")]), Reason::LabelNameTooLong),
        (LabelSet::from_pairs([("n", "v".repeat(2049))]), Reason::LabelValueTooLong),
    ];
    for (labels, reason) in cases {
        let fixture = Fixture::new();
        let mut builder = lines(&["good"]);
        builder.stream(labels).push(NOW, "bad", []).unwrap();
        let accepted = submit(&fixture, builder).await.unwrap();
        assert_eq!(accepted.refused.by_reason()[0].reason, reason);
        assert_eq!(accepted.lines, 1);
    }
}

#[tokio::test]
async fn metadata_is_limited_by_entries_and_bytes() {
    for (entries, value_len, reason) in [(129, 1, Reason::TooManyMetadata), (1, 70_000, Reason::MetadataTooLarge)] {
        let fixture = Fixture::new();
        let pairs: Vec<(String, String)> = (0..entries).map(|n| (format!("k{n}"), "v".repeat(value_len))).collect();
        let mut builder = lines(&["good"]);
        builder.push(NOW, "bad", pairs.iter().map(|(n, v)| (n.as_str(), v.as_str()))).unwrap();
        let accepted = submit(&fixture, builder).await.unwrap();
        assert_eq!(accepted.refused.by_reason()[0].reason, reason);
    }
}

#[tokio::test]
async fn nobody_writes_into_a_reserved_tenant() {
    let fixture = Fixture::new();
    let error = fixture.ingest.submit(&TenantId::self_tenant(), "test", lines(&["x"])).await.unwrap_err();
    assert_eq!((error.reason, error.kind()), (Reason::ReservedTenant, Kind::Forbidden));
    assert!(fixture.store.lines().is_empty());
}

#[tokio::test]
async fn a_tenant_over_its_rate_waits_and_then_is_let_in() {
    let options = IngestOptions { tenant_bytes_per_second: 10, tenant_burst_bytes: 10, ..IngestOptions::default() };
    let fixture = Fixture::with(options);
    assert_eq!(submit(&fixture, lines(&["0123456789"])).await.unwrap().lines, 1);
    let error = submit(&fixture, lines(&["01234"])).await.unwrap_err();
    assert_eq!((error.reason, error.retry_after), (Reason::RateLimited, Some(Duration::from_millis(500))));
    fixture.clock.advance(Duration::from_millis(500));
    assert_eq!(submit(&fixture, lines(&["01234"])).await.unwrap().lines, 1);
}

#[tokio::test]
async fn failures_of_the_store_keep_their_kind_and_hide_their_cause() {
    let fixture = Fixture::new();
    let cases = [
        (ErrorKind::StorageFull, Kind::StorageFull, true),
        (ErrorKind::Overloaded, Kind::Overloaded, true),
        (ErrorKind::Unavailable, Kind::Unavailable, true),
        (ErrorKind::Internal, Kind::Internal, false),
        (ErrorKind::Invalid, Kind::Invalid, false),
    ];
    for (failure, kind, retryable) in cases {
        fixture.store.fail_with(Some(failure));
        let error = submit(&fixture, lines(&["x"])).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (kind, retryable));
        assert!(!error.to_string().contains("secret"));
    }
}
