//! Ordered scans over splits, merged splits and memtables give what sorting everything gives.

use super::*;
use futures::StreamExt;
use gantry_model::{LineFilter, LineOp, Selector, TimeRange, metadata};
use gantry_store_api::contract::rows_of_scan;
use gantry_store_api::{Queryable, Scan, ScanColumns, ScanOrder, ScanRequest};
use std::cmp::Reverse;

const APPS: [&str; 5] = ["web", "db", "cache", "auth", "mail"];
/// More than a window and a portion.
const ROWS: i64 = 40_000;

fn numbered(n: i64) -> Row {
    let mut pairs = String::new();
    if n % 7 == 0 {
        metadata::encode([("n", n.to_string().as_str())], &mut pairs);
    }
    Row {
        labels: LabelSet::from_pairs([("app", APPS[(n * 7 % 5) as usize])]),
        // Several lines share an instant, across streams and within one.
        timestamp: (n / 3) * 10,
        body: format!("request {n} took {} ms, status={}", n * 37 % 1000, 200 + n % 4 * 100),
        metadata: pairs,
    }
}

async fn write_all<'a>(store: &Store, rows: impl Iterator<Item = &'a Row>) {
    let mut batch = LogBatch::builder();
    for row in rows {
        batch.stream(row.labels.clone());
        let pairs: Vec<_> = metadata::iter(&row.metadata).collect();
        batch.push(Timestamp(row.timestamp), &row.body, pairs.iter().map(|(n, v)| (&**n, &**v))).unwrap();
    }
    let commit = store.append(&tenant(), batch.finish()).await.unwrap();
    assert!(commit.lines > 0);
}

/// Two merged splits, one as a memtable became it, and lines in memory, some of them repeated.
async fn fill(store: &Store) -> Vec<Row> {
    let rows: Vec<Row> = (0..ROWS).map(numbered).collect();
    for (at, part) in rows.chunks(ROWS as usize / 4).enumerate() {
        write_all(store, part.iter()).await;
        if at < 3 {
            store.flush().await.unwrap();
        }
        if at == 1 {
            store.compact().await.unwrap();
        }
    }
    write_all(store, rows.iter().step_by(97)).await;
    rows
}

/// Reads in order, checks every bound, and stops when `enough` rows have come.
async fn ordered(store: &Store, range: TimeRange, lines: &[LineFilter], order: ScanOrder, enough: usize) -> Vec<Row> {
    let columns = ScanColumns { body: true, metadata: true };
    let request = ScanRequest { selector: Selector::all(), lines: lines.to_vec(), columns, order, parallelism: 2 };
    let scan = store.querier(&tenant(), range).scan(request).await.unwrap();
    let (streams, report) = (scan.streams, scan.report);
    let [mut part] = <[_; 1]>::try_from(scan.parts).ok().expect("one part");
    let (mut rows, mut settled): (Vec<Row>, Option<i64>) = (Vec::new(), None);
    while let Some(found) = part.next().await {
        let found = found.unwrap();
        let bound = found.bound.expect("ordered scans have bounds").0;
        let one = futures::stream::iter([Ok(found)]).boxed();
        let new = rows_of_scan(Scan { streams: streams.clone(), parts: vec![one], report: report.clone() }).await;
        let after = |row: &Row, bound: i64| match order {
            ScanOrder::NewestFirst => row.timestamp <= bound,
            _ => row.timestamp >= bound,
        };
        assert!(new.iter().all(|row| settled.is_none_or(|bound| after(row, bound))), "a row beyond the bound");
        rows.extend(new);
        settled = Some(bound);
        if rows.len() >= enough {
            break;
        }
    }
    rows
}

fn filter(op: LineOp, text: &str) -> LineFilter {
    LineFilter::new(op, vec![text.into()]).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ordered_scans_give_what_sorting_everything_gives() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    let rows = fill(&store).await;
    let cases = [
        vec![],
        vec![filter(LineOp::Contains, "status=500")],
        vec![filter(LineOp::Matches, "took 1[0-9] ms.*status=[34]")],
        vec![filter(LineOp::NotMatches, "(?i)TOOK [0-9]+0 MS"), filter(LineOp::NotContains, "status=200")],
    ];
    let ranges = [TimeRange::ALL, TimeRange::new(Timestamp(1_000), Timestamp(ROWS / 3 * 5))];
    for lines in &cases {
        for range in ranges {
            let passes = |row: &&Row| {
                range.contains(Timestamp(row.timestamp)) && lines.iter().all(|line| line.matches(&row.body))
            };
            let mut want: Vec<Row> = rows.iter().filter(passes).cloned().collect();
            for order in [ScanOrder::NewestFirst, ScanOrder::OldestFirst] {
                let mut found = ordered(&store, range, lines, order, usize::MAX).await;
                let times: Vec<i64> = found.iter().map(|row| row.timestamp).collect();
                match order {
                    ScanOrder::NewestFirst => assert!(times.is_sorted_by_key(|at| Reverse(*at))),
                    _ => assert!(times.is_sorted()),
                }
                found.sort();
                want.sort();
                assert!(found == want, "{lines:?} {order:?}: {} rows, {} expected", found.len(), want.len());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_lines_are_found_without_reading_all() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await;
    fill(&store).await;
    let columns = ScanColumns { body: true, metadata: true };
    let lines = vec![filter(LineOp::Contains, "request ")];
    let order = ScanOrder::NewestFirst;
    let request = ScanRequest { selector: Selector::all(), lines, columns, order, parallelism: 1 };
    let mut scan = store.querier(&tenant(), TimeRange::ALL).scan(request).await.unwrap();
    let first = scan.parts[0].next().await.unwrap().unwrap();
    assert!(first.batch.num_rows() >= 100);
    let scanned = scan.report.rows_scanned.load(Ordering::SeqCst);
    assert!(scanned < ROWS as u64 * 3 / 5, "{scanned} of {ROWS}");
}
