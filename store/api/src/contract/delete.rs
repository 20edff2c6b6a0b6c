//! Rules of [`crate::Delete`].

use super::Subject;
use super::support::{Row, read, selector, sorted, tenant, write};
use crate::{Cancelled, DeleteStatus, DeleteWhat};
use gantry_model::{LabelSet, LineFilter, MatchOp, Matcher, Selector, TenantId, TimeRange, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

fn app(name: &str) -> Selector {
    selector([Matcher::new("app", MatchOp::Eq, name).expect("a matcher")])
}

fn what(selector: Selector, lines: Vec<LineFilter>, range: (i64, i64)) -> DeleteWhat {
    let range = TimeRange::new(Timestamp(range.0), Timestamp(range.1));
    DeleteWhat { query: selector.to_string(), selector, lines, range, by: "a test".into() }
}

fn rows() -> Vec<Row> {
    (0..60).map(|n| Row::new(["web", "db"][n as usize % 2], n * 10, format!("line {} of {n}", n % 7))).collect()
}

/// Entries by stream, as the index has them.
async fn entries<S: Subject>(store: &S) -> BTreeMap<LabelSet, (u64, u64)> {
    let streams = store.querier(&tenant(), TimeRange::ALL).streams(&Selector::all()).await.expect("streams");
    streams.into_iter().map(|s| (s.labels, (s.entries, s.bytes))).collect()
}

fn expected_entries(rows: &[Row]) -> BTreeMap<LabelSet, (u64, u64)> {
    let mut sums: BTreeMap<LabelSet, (u64, u64)> = BTreeMap::new();
    for row in rows {
        let sum = sums.entry(row.labels.clone()).or_default();
        *sum = (sum.0 + 1, sum.1 + (row.body.len() + row.metadata.len()) as u64);
    }
    sums
}

async fn assert_shows<S: Subject>(store: &S, rows: impl IntoIterator<Item = Row>) {
    let rows = sorted(rows);
    assert_eq!(read(store, &tenant()).await, rows);
    assert_eq!(entries(store).await, expected_entries(&rows));
}

pub async fn deleted_lines_are_hidden_at_once_and_for_good<S: Subject>(store: Arc<S>) {
    let rows = rows();
    let (first, second) = rows.split_at(30);
    write(&*store, first).await;
    store.rearrange().await;
    write(&*store, second).await;
    let request = what(app("web"), vec![LineFilter::contains("line 3")], (100, 500));
    let gone = |row: &Row| request.matches(&row.labels, Timestamp(row.timestamp), &row.body);
    let left: Vec<Row> = rows.iter().filter(|row| !gone(row)).cloned().collect();
    assert!(left.len() < rows.len(), "the request means some lines");
    store.delete(&tenant(), request).await.expect("delete");
    assert_shows(&*store, left.clone()).await;
    store.rearrange().await;
    assert_shows(&*store, left.clone()).await;
    store.delete(&tenant(), what(app("db"), Vec::new(), (i64::MIN, i64::MAX))).await.expect("delete");
    let web = left.into_iter().filter(|row| row.labels.get("app") == Some("web"));
    let web: Vec<Row> = web.collect();
    assert_shows(&*store, web.clone()).await;
    store.rearrange().await;
    assert_shows(&*store, web).await;
}

pub async fn lines_written_after_a_delete_are_kept<S: Subject>(store: Arc<S>) {
    let rows = rows();
    write(&*store, &rows).await;
    store.delete(&tenant(), what(app("web"), Vec::new(), (0, 10_000))).await.expect("delete");
    let web: Vec<Row> = rows.iter().filter(|row| row.labels.get("app") == Some("web")).cloned().collect();
    write(&*store, &web[..5]).await;
    let db = rows.iter().filter(|row| row.labels.get("app") == Some("db"));
    let want: Vec<Row> = db.chain(&web[..5]).cloned().collect();
    assert_shows(&*store, want.clone()).await;
    store.rearrange().await;
    assert_shows(&*store, want).await;
}

pub async fn a_delete_is_of_one_tenant<S: Subject>(store: Arc<S>) {
    let rows = rows();
    write(&*store, &rows).await;
    let other = TenantId::new("other").expect("a tenant");
    store.delete(&other, what(Selector::all(), Vec::new(), (i64::MIN, i64::MAX))).await.expect("delete");
    assert_shows(&*store, rows).await;
    assert!(store.delete_requests(&tenant()).await.expect("list").is_empty());
    assert_eq!(store.delete_requests(&other).await.expect("list").len(), 1);
}

pub async fn a_cancelled_delete_has_no_effect<S: Subject>(store: Arc<S>) {
    let rows = rows();
    write(&*store, &rows).await;
    let request = store.delete(&tenant(), what(app("web"), Vec::new(), (0, 300))).await.expect("delete");
    assert_eq!(request.status, DeleteStatus::Received);
    assert_eq!(store.cancel_delete(&tenant(), "no such id").await.expect("cancel"), Cancelled::Unknown);
    assert_eq!(store.cancel_delete(&tenant(), &request.id).await.expect("cancel"), Cancelled::Done);
    assert_shows(&*store, rows.clone()).await;
    store.rearrange().await;
    assert_shows(&*store, rows).await;
    let listed = store.delete_requests(&tenant()).await.expect("list");
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].status, &listed[0].query), (DeleteStatus::Cancelled, &request.query));
    assert_eq!(store.cancel_delete(&tenant(), &request.id).await.expect("cancel"), Cancelled::TooLate);
}

pub async fn an_older_snapshot_still_shows_what_was_deleted<S: Subject>(store: Arc<S>) {
    let rows = rows();
    write(&*store, &rows).await;
    let before = store.querier(&tenant(), TimeRange::ALL);
    store.delete(&tenant(), what(Selector::all(), Vec::new(), (i64::MIN, i64::MAX))).await.expect("delete");
    store.rearrange().await;
    let mut found = super::rows_of_scan(before.scan(super::support::everything()).await.expect("scan")).await;
    found.sort();
    assert_eq!(found, sorted(rows));
    assert_shows(&*store, Vec::new()).await;
}
