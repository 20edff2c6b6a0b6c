//! Rules of [`crate::Queryable`] and [`crate::Querier`].

use super::Subject;
use super::support::{Row, batch, column, everything, read, read_range, rows_of_scan, selector, sorted, tenant, write};
use crate::{DeleteWhat, ScanColumns, ScanOrder, ScanRequest};
use arrow::array::Int64Array;
use futures::StreamExt;
use gantry_model::{LabelSet, LineFilter, LineOp, MatchOp, Matcher, Selector, TenantId, TimeRange, Timestamp};
use std::sync::Arc;

/// Lines of three streams in two loads, with the store's own work between them.
async fn filled<S: Subject>(store: &S, count: i64) -> Vec<Row> {
    let apps = ["web", "db", "cache"];
    let row = |n: i64| Row::new(apps[n as usize % 3], n * 10, format!("line {n} of the load"));
    let rows: Vec<Row> = (0..count).map(row).collect();
    let (first, second) = rows.split_at(rows.len() / 2);
    write(store, first).await;
    store.rearrange().await;
    write(store, second).await;
    rows
}

pub async fn time_ranges_are_half_open<S: Subject>(store: Arc<S>) {
    let rows = filled(&*store, 60).await;
    for (start, end) in [(0, 1), (10, 20), (10, 21), (9, 10), (100, 500), (595, 9999), (20, 10), (-5, 0)] {
        let range = TimeRange::new(Timestamp(start), Timestamp(end));
        let want = rows.iter().filter(|row| start <= row.timestamp && row.timestamp < end).cloned();
        let found = read_range(&*store, &tenant(), range, Selector::all(), Vec::new()).await;
        assert_eq!(found, sorted(want), "{start}..{end}");
    }
}

pub async fn a_version_changes_with_the_answer<S: Subject>(store: Arc<S>) {
    let rows = filled(&*store, 30).await;
    let range = TimeRange::new(Timestamp(0), Timestamp(1000));
    let version = |tenant: &TenantId| store.version(tenant, range);
    let other = TenantId::new("other").expect("a tenant");
    let mut before = version(&tenant()).expect("nothing reaches its retention");
    let mut changed = |what: &str, changes: bool| {
        let now = version(&tenant()).expect("nothing reaches its retention");
        assert!(!changes || now != before, "{what}");
        before = now;
    };
    changed("reading changes nothing", false);
    write(&*store, &[Row::new("web", 5, "late")]).await;
    changed("a line in the middle", true);
    write(&*store, &[Row::new("web", 999, "last")]).await;
    changed("a line at the end", true);
    let what =
        DeleteWhat { selector: Selector::all(), lines: Vec::new(), range, query: "{}".into(), by: "a test".into() };
    let request = store.delete(&tenant(), what).await.expect("delete");
    changed("a delete request", true);
    store.cancel_delete(&tenant(), &request.id).await.expect("cancel");
    changed("its cancellation", true);
    let before = version(&other);
    let commit = store.append(&other, batch(&rows)).await.expect("append");
    assert!(commit.lines > 0 && version(&other) != before, "another tenant has versions of its own");
}

pub async fn selectors_choose_streams<S: Subject>(store: Arc<S>) {
    let mut rows = filled(&*store, 30).await;
    let pod = Row { labels: LabelSet::from_pairs([("app", "web"), ("pod", "web-0")]), ..Row::new("", 7, "pod") };
    write(&*store, std::slice::from_ref(&pod)).await;
    rows.push(pod);
    let cases = [
        ("app", MatchOp::Eq, "web"),
        ("app", MatchOp::NotEq, "web"),
        ("app", MatchOp::Regex, "web|db"),
        ("app", MatchOp::Regex, "we"),
        ("app", MatchOp::NotRegex, "c.*"),
        ("pod", MatchOp::Eq, ""),
        ("pod", MatchOp::NotEq, ""),
        ("pod", MatchOp::Regex, ".+"),
        ("none", MatchOp::Eq, "x"),
    ];
    for (name, op, value) in cases {
        let matcher = Matcher::new(name, op, value).expect("a matcher");
        let want = rows.iter().filter(|row| matcher.matches(&row.labels)).cloned();
        let found = read_range(&*store, &tenant(), TimeRange::ALL, selector([matcher.clone()]), Vec::new()).await;
        assert_eq!(found, sorted(want), "{matcher}");
    }
}

pub async fn line_filters_choose_lines<S: Subject>(store: Arc<S>) {
    let bodies = [
        "GET /api/users 200",
        "POST /api/users 500",
        "trace 4bf92f3577b34da6",
        "ERROR x=1",
        "error ä",
        "",
        "GET",
        "xGETx",
        "id=12345 ok",
        "id=1234 ok",
        "über",
        "a\nb",
    ];
    let rows: Vec<Row> = bodies.iter().enumerate().map(|(n, body)| Row::new("a", n as i64, *body)).collect();
    let (first, second) = rows.split_at(6);
    write(&*store, first).await;
    store.rearrange().await;
    write(&*store, second).await;
    let cases: [(LineOp, &[&str]); 16] = [
        (LineOp::Contains, &["GET"]),
        (LineOp::Contains, &["ET /a"]),
        (LineOp::Contains, &["4bf92f3577b34da6"]),
        (LineOp::Contains, &["f3577"]),
        (LineOp::Contains, &["1234"]),
        (LineOp::Contains, &["id=1234 "]),
        (LineOp::Contains, &["rror", "ber"]),
        (LineOp::Contains, &[""]),
        (LineOp::Contains, &["ä"]),
        (LineOp::NotContains, &["GET"]),
        (LineOp::NotContains, &["GET", "id"]),
        (LineOp::Matches, &["(?i)error"]),
        (LineOp::Matches, &["^GET", "ok$"]),
        (LineOp::Matches, &["id=\\d{5}"]),
        (LineOp::NotMatches, &["[0-9]"]),
        (LineOp::NotMatches, &[""]),
    ];
    for (op, texts) in cases {
        let filter = LineFilter::new(op, texts.iter().map(|text| (*text).to_owned()).collect()).expect("a filter");
        let want = rows.iter().filter(|row| filter.matches(&row.body)).cloned();
        let found = read_range(&*store, &tenant(), TimeRange::ALL, Selector::all(), vec![filter.clone()]).await;
        assert_eq!(found, sorted(want), "{op:?} {texts:?}");
    }
    let both =
        vec![LineFilter::contains("GET"), LineFilter::new(LineOp::NotContains, vec!["x".into()]).expect("a filter")];
    assert_eq!(read_range(&*store, &tenant(), TimeRange::ALL, Selector::all(), both).await.len(), 2);
}

pub async fn bounds_of_ordered_scans_hold<S: Subject>(store: Arc<S>) {
    let rows = filled(&*store, 200).await;
    for order in [ScanOrder::NewestFirst, ScanOrder::OldestFirst] {
        let request = ScanRequest { order, parallelism: 4, ..everything() };
        let mut scan = store.querier(&tenant(), TimeRange::ALL).scan(request.clone()).await.expect("scan");
        assert_eq!(scan.parts.len(), 1, "an ordered scan has one part");
        let mut last: Option<i64> = None;
        while let Some(found) = scan.parts[0].next().await {
            let found = found.expect("rows");
            let bound = found.bound.expect("a batch of an ordered scan has a bound").0;
            let legal = |at: i64| match (order, last) {
                (_, None) => true,
                (ScanOrder::NewestFirst, Some(last)) => at <= last,
                (_, Some(last)) => at >= last,
            };
            let timestamps = column::<Int64Array>(&found.batch, "timestamp");
            assert!(timestamps.values().iter().all(|at| legal(*at)), "{order:?}: a row is beyond the bound before it");
            assert!(legal(bound), "{order:?}: bounds go one way");
            last = Some(bound);
        }
        let scan = store.querier(&tenant(), TimeRange::ALL).scan(request).await.expect("scan");
        assert_eq!(sorted(rows_of_scan(scan).await), sorted(rows.clone()));
    }
}

pub async fn parallel_parts_hold_every_row_once<S: Subject>(store: Arc<S>) {
    let rows = filled(&*store, 300).await;
    for parallelism in [1, 2, 8] {
        let request = ScanRequest { parallelism, ..everything() };
        let scan = store.querier(&tenant(), TimeRange::ALL).scan(request).await.expect("scan");
        assert!(!scan.parts.is_empty() && scan.parts.len() <= parallelism);
        assert_eq!(sorted(rows_of_scan(scan).await), sorted(rows.clone()), "{parallelism}");
    }
}

pub async fn only_the_columns_asked_for_come<S: Subject>(store: Arc<S>) {
    filled(&*store, 20).await;
    for (body, metadata) in [(false, false), (true, false), (false, true), (true, true)] {
        let columns = ScanColumns { body, metadata };
        let lines = vec![LineFilter::contains("line 1")];
        let request = ScanRequest { columns, lines, ..everything() };
        let mut scan = store.querier(&tenant(), TimeRange::ALL).scan(request).await.expect("scan");
        let mut count = 0;
        for part in &mut scan.parts {
            while let Some(rows) = part.next().await {
                let batch = rows.expect("rows").batch;
                assert_eq!(batch.schema().fields(), crate::rows_schema(columns).fields());
                count += batch.num_rows();
            }
        }
        assert_eq!(count, 11, "the filter holds whether its column comes or not");
    }
}

pub async fn tenants_do_not_see_each_other<S: Subject>(store: Arc<S>) {
    let (a, b) = (TenantId::new("a").expect("legal"), TenantId::new("b").expect("legal"));
    let row = Row::new("same", 1, "same");
    for tenant in [&b, &a] {
        let own = Row::new("same", 2, tenant.as_str());
        let commit = store.append(tenant, batch([&row, &own])).await.expect("append");
        assert_eq!(commit.lines, 2);
        store.rearrange().await;
    }
    assert_eq!(store.tenants(), [a.clone(), b]);
    assert_eq!(read(&*store, &a).await, [row, Row::new("same", 2, "a")]);
    assert!(read(&*store, &TenantId::new("c").expect("legal")).await.is_empty());
}

pub async fn a_snapshot_stays_as_it_was<S: Subject>(store: Arc<S>) {
    let rows = filled(&*store, 30).await;
    let querier = store.querier(&tenant(), TimeRange::ALL);
    let running = querier.scan(everything()).await.expect("scan");
    write(&*store, &[Row::new("web", 5, "later"), Row::new("new", 5, "later")]).await;
    store.rearrange().await;
    store.rearrange().await;
    assert_eq!(sorted(rows_of_scan(running).await), sorted(rows.clone()));
    let again = querier.scan(everything()).await.expect("scan");
    assert_eq!(sorted(rows_of_scan(again).await), sorted(rows));
    assert_eq!(querier.streams(&Selector::all()).await.expect("streams").len(), 3);
    assert_eq!(read(&*store, &tenant()).await.len(), 32);
}

pub async fn streams_are_summed_up<S: Subject>(store: Arc<S>) {
    let rows = filled(&*store, 31).await;
    let regex = Matcher::new("app", MatchOp::Regex, "web|db").expect("a matcher");
    let found = store.querier(&tenant(), TimeRange::ALL).streams(&selector([regex])).await.expect("streams");
    let labels: Vec<String> = found.iter().map(|summary| summary.labels.to_string()).collect();
    assert_eq!(labels, [r#"{app="db"}"#, r#"{app="web"}"#]);
    for summary in found {
        let of_stream = || rows.iter().filter(|row| row.labels == summary.labels);
        assert_eq!(summary.entries, of_stream().count() as u64);
        assert_eq!(summary.bytes, of_stream().map(|row| row.body.len() as u64).sum::<u64>());
        assert!(summary.chunks > 0);
    }
    let nothing = TimeRange::new(Timestamp(5000), Timestamp(6000));
    assert!(store.querier(&tenant(), nothing).streams(&Selector::all()).await.expect("streams").is_empty());
}
