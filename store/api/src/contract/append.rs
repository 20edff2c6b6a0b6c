//! Rules of [`crate::Append`].

use super::Subject;
use super::support::{Row, batch, everything, read, rows_of_scan, sorted, tenant, write};
use crate::{Commit, ScanOrder, ScanRequest};
use gantry_model::{LabelSet, LogBatch, TimeRange};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub async fn acknowledged_lines_are_found_as_they_were_written<S: Subject>(store: Arc<S>) {
    let plain = Row::new("web", 5, "GET / 200");
    let unicode = Row { body: "zweite Zeile ä 漢\n\ttab \u{0}".into(), ..Row::new("web", 6, "") };
    let with_metadata = Row { metadata: r#"{"trace_id":"abc","user":"u\"1"}"#.into(), ..Row::new("db", -7, "slow") };
    let empty = Row::new("db", 8, "");
    let no_labels = Row { labels: LabelSet::default(), ..Row::new("", 9, "who am I") };
    let long = Row::new("web", 10, "x".repeat(1 << 20));
    let rows = [plain, unicode, with_metadata, empty, no_labels, long];
    write(&*store, &rows[..3]).await;
    store.rearrange().await;
    write(&*store, &rows[3..]).await;
    assert_eq!(read(&*store, &tenant()).await, sorted(rows.clone()));
    store.rearrange().await;
    assert_eq!(read(&*store, &tenant()).await, sorted(rows));
}

pub async fn an_empty_batch_is_acknowledged_and_stores_nothing<S: Subject>(store: Arc<S>) {
    assert_eq!(store.append(&tenant(), LogBatch::default()).await.expect("append"), Commit::default());
    assert!(read(&*store, &tenant()).await.is_empty());
    assert!(store.tenants().is_empty());
}

pub async fn lines_are_found_as_soon_as_they_are_acknowledged<S: Subject>(store: Arc<S>) {
    let writer = |number: usize, store: Arc<S>| async move {
        for n in 0..20 {
            let app = format!("app-{number}");
            let rows: Vec<Row> = (0..5).map(|at| Row::new(&app, n * 5 + at, format!("line {at}"))).collect();
            write(&*store, &rows).await;
            let found = read(&*store, &tenant()).await;
            assert_eq!(found.iter().filter(|row| row.labels.get("app") == Some(&app)).count(), (n as usize + 1) * 5);
        }
    };
    let writers: Vec<_> = (0..4).map(|number| tokio::spawn(writer(number, store.clone()))).collect();
    store.rearrange().await;
    for writer in writers {
        writer.await.expect("writer");
    }
}

pub async fn a_line_that_was_written_twice_counts_once<S: Subject>(store: Arc<S>) {
    let rows: Vec<Row> =
        (0..20).map(|n| Row::new(if n % 2 == 0 { "a" } else { "b" }, n, format!("line {n}"))).collect();
    let twice: Vec<Row> = rows.iter().chain(&rows).cloned().collect();
    write(&*store, &twice).await;
    assert_eq!(read(&*store, &tenant()).await, sorted(rows.clone()));
    store.rearrange().await;
    write(&*store, &rows[5..]).await;
    assert_eq!(read(&*store, &tenant()).await, sorted(rows.clone()));
    store.rearrange().await;
    assert_eq!(read(&*store, &tenant()).await, sorted(rows));
}

pub async fn lines_that_differ_in_one_thing_are_all_kept<S: Subject>(store: Arc<S>) {
    let one = Row::new("a", 1, "text");
    let rows = [
        Row { timestamp: 2, ..one.clone() },
        Row { body: "texT".into(), ..one.clone() },
        Row { body: "tex".into(), metadata: r#"{"t":""}"#.into(), ..one.clone() },
        Row { metadata: r#"{"k":"v"}"#.into(), ..one.clone() },
        Row { labels: LabelSet::from_pairs([("app", "b")]), ..one.clone() },
        one,
    ];
    for row in &rows {
        write(&*store, std::slice::from_ref(row)).await;
    }
    store.rearrange().await;
    assert_eq!(read(&*store, &tenant()).await, sorted(rows));
}

/// Batches of several streams, whose appends are dropped after a moment.
pub async fn a_cancelled_append_is_whole_or_absent<S: Subject>(store: Arc<S>) {
    const LINES: usize = 12;
    for number in 0..40u64 {
        let rows: Vec<Row> = (0..LINES).map(|n| Row::new(&format!("app-{n}"), number as i64, format!("{n}"))).collect();
        let (there, lines) = (store.clone(), batch(&rows));
        let appending = tokio::spawn(async move { there.append(&tenant(), lines).await });
        tokio::time::sleep(Duration::from_micros(number * 20)).await;
        appending.abort();
    }
    write(&*store, &[Row::new("last", 1000, "")]).await;
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let found = read(&*store, &tenant()).await;
        let lines_of = |number: i64| found.iter().filter(|row| row.timestamp == number).count();
        if (0..40).all(|number| matches!(lines_of(number), 0 | LINES)) {
            return;
        }
        assert!(Instant::now() < deadline, "a batch stays torn");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub async fn equal_timestamps_keep_their_order<S: Subject>(store: Arc<S>) {
    let bodies = ["c", "a", "b", "z", "y", "x"];
    let rows: Vec<Row> = bodies.iter().map(|body| Row::new("a", 1, *body)).collect();
    write(&*store, &rows[..3]).await;
    write(&*store, &rows[3..]).await;
    store.rearrange().await;
    let request = ScanRequest { order: ScanOrder::OldestFirst, ..everything() };
    let scan = store.querier(&tenant(), TimeRange::ALL).scan(request).await.expect("scan");
    let found: Vec<String> = rows_of_scan(scan).await.into_iter().map(|row| row.body).collect();
    assert_eq!(found, bodies);
}
