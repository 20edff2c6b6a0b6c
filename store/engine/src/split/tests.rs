//! Splits end to end: rows in, the same rows out, and no granule skipped that holds a match.

use super::*;
use crate::cache::Cache;
use crate::querier::{Snapshot, querier};
use futures::StreamExt;
use gantry_model::{LabelSet, LineFilter, LineOp, Selector, TenantId, TimeRange, Timestamp};
use gantry_store_api::{ScanColumns, ScanOrder, ScanRequest};
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};
use proptest::prelude::*;
use std::sync::Arc;

type Row = (LabelSet, i64, String, String);

async fn stored(rows: &[Row]) -> (Arc<dyn ObjectStore>, Arc<Split>) {
    let EncodedSplit { parquet, index, summary } = encoded(rows);
    put(bytes(parquet), index, summary).await
}

/// What was written, read back from wherever it lies.
fn bytes(file: SplitBytes) -> bytes::Bytes {
    match file {
        SplitBytes::Memory(bytes) => bytes,
        SplitBytes::File(draft) => {
            let bytes = bytes::Bytes::from(std::fs::read(&draft.path).unwrap());
            let info = ObjectInfo { len: bytes.len() as u64, crc32: crc32fast::hash(&bytes) };
            assert_eq!(info, draft.info);
            bytes
        }
    }
}

fn encoded(rows: &[Row]) -> EncodedSplit {
    let mut writer = SplitWriter::new(SplitOptions { zstd_level: 3, block_rows: 8_192, indexed: true }).unwrap();
    let mut open: Option<&LabelSet> = None;
    for (labels, at, body, metadata) in rows {
        if open != Some(labels) {
            writer.begin_stream(labels).unwrap();
            open = Some(labels);
        }
        writer.push(Timestamp(*at), body, metadata).unwrap();
    }
    writer.finish().unwrap().unwrap()
}

async fn put(parquet: bytes::Bytes, index: bytes::Bytes, summary: SplitSummary) -> (Arc<dyn ObjectStore>, Arc<Split>) {
    let info = |bytes: &bytes::Bytes| ObjectInfo { len: bytes.len() as u64, crc32: crc32fast::hash(bytes) };
    let meta = SplitMeta {
        id: SplitId("0001".into()),
        tenant: TenantId::default_tenant(),
        partition: 0,
        level: 0,
        settled: false,
        min_ts: summary.min_ts,
        max_ts: summary.max_ts,
        rows: summary.rows,
        streams: summary.streams,
        text_bytes: summary.text_bytes,
        parquet: info(&parquet),
        index: info(&index),
        created_at: Timestamp(0),
        arrived: Timestamp(0),
        deletes_through: 0,
    };
    let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
    store.put(&meta.parquet_path(), parquet.into()).await.unwrap();
    store.put(&meta.index_path(), index.into()).await.unwrap();
    (store.clone(), Split::new(store, meta, Cache::new(1 << 20)))
}

async fn scanned(split: Arc<Split>, lines: Vec<LineFilter>) -> (Vec<Row>, u64, Vec<String>) {
    let snapshot = Snapshot { memtables: vec![], splits: vec![(split, Default::default())] };
    let columns = ScanColumns { body: true, metadata: true };
    let request = ScanRequest { selector: Selector::all(), lines, columns, order: ScanOrder::Any, parallelism: 2 };
    let mut scan = querier(snapshot, TenantId::default_tenant(), TimeRange::ALL).scan(request).await.unwrap();
    let mut out = Vec::new();
    for part in &mut scan.parts {
        while let Some(rows) = part.next().await {
            let batch = rows.unwrap().batch;
            let text = |at: usize| arrow::array::AsArray::as_string_view(batch.column(at)).clone();
            let numbers = arrow::array::AsArray::as_primitive::<arrow::datatypes::UInt32Type>(batch.column(0)).clone();
            let times = arrow::array::AsArray::as_primitive::<arrow::datatypes::Int64Type>(batch.column(1)).clone();
            let (bodies, metadata) = (text(2), text(3));
            for at in 0..batch.num_rows() {
                let labels = scan.streams[numbers.value(at) as usize].clone();
                out.push((labels, times.value(at), bodies.value(at).to_string(), metadata.value(at).to_string()));
            }
        }
    }
    out.sort();
    let granules = scan.report.granules_scanned.load(std::sync::atomic::Ordering::Relaxed);
    (out, granules, scan.report.warnings())
}

fn many_rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for stream in 0..7 {
        let labels = LabelSet::from_pairs([("app", format!("app-{stream}"))]);
        for at in 0..5_000i64 {
            let id = (stream * 5_000 + at) as u64;
            let body = match at {
                4_321 if stream == 3 => "a xylophone was heard".to_string(),
                _ => format!("request done trace_id={:032x} status=200", id.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            };
            rows.push((labels.clone(), at * 1_000_003, body, String::new()));
        }
    }
    rows
}

#[tokio::test]
async fn every_row_comes_back_and_needles_read_one_granule() {
    let rows = many_rows();
    let (_, split) = stored(&rows).await;
    let (all, _, _) = scanned(split.clone(), vec![]).await;
    assert_eq!(all, rows);
    let (found, granules, _) = scanned(split.clone(), vec![LineFilter::contains("ylophon")]).await;
    assert_eq!((found.len(), granules), (1, 1));
    let id = rows[12_345].2.split(['=', ' ']).nth(3).unwrap().to_string();
    let (found, granules, _) = scanned(split, vec![LineFilter::contains(&id)]).await;
    assert_eq!(found, [rows[12_345].clone()]);
    assert!(granules <= 2, "{granules} granules read for one id");
}

#[tokio::test]
async fn a_damaged_page_is_reported_and_the_rest_is_served() {
    let rows = many_rows();
    let (store, split) = stored(&rows).await;
    let path = split.meta().parquet_path();
    let mut bytes = store.get(&path).await.unwrap().bytes().await.unwrap().to_vec();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    store.put(&path, bytes.into()).await.unwrap();
    let (found, _, warnings) = scanned(split, vec![]).await;
    assert!(!found.is_empty() && found.len() < rows.len());
    assert!(warnings[0].contains("checksum"), "{warnings:?}");
}

#[tokio::test]
async fn compaction_reads_rows_in_order() {
    let rows = many_rows();
    let (_, split) = stored(&rows).await;
    let mut cursor = split.read_sorted().await.unwrap();
    let mut at = 0;
    while let Some(chunk) = cursor.next_chunk().await.unwrap() {
        for row in 0..chunk.len() {
            let found = (&chunk.labels, chunk.timestamp(row).0, chunk.body(row).unwrap());
            assert_eq!(found, (&rows[at].0, rows[at].1, rows[at].2.clone()));
            at += 1;
        }
    }
    assert_eq!(at, rows.len());
}

/// What `testdata/split-v1.*` and `split-v2.*` hold. The files are never written again: they stand for all that users have on disk.
fn golden_rows() -> Vec<Row> {
    let metadata = r#"{"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}"#;
    ["api", "web"]
        .iter()
        .flat_map(|app| {
            let labels = LabelSet::from_pairs([("app", *app), ("namespace", "größe")]);
            (0..3i64).map(move |at| {
                let body = format!("request {at} of {app} took {}ms", 17 * at);
                (labels.clone(), 1_700_000_000_000_000_000 + at, body, if at == 1 { metadata } else { "" }.to_string())
            })
        })
        .collect()
}

#[tokio::test]
async fn splits_of_every_format_are_still_read() {
    let rows = golden_rows();
    for version in ["v1", "v2"] {
        let file = |kind: &str| {
            let path = format!("{}/testdata/split-{version}.{kind}", env!("CARGO_MANIFEST_DIR"));
            bytes::Bytes::from(std::fs::read(path).unwrap())
        };
        let (min_ts, max_ts) = (Timestamp(rows[0].1), Timestamp(rows[2].1));
        let summary = SplitSummary { rows: 6, streams: 2, min_ts, max_ts, text_bytes: 0 };
        let (_, split) = put(file("parquet"), file("idx"), summary).await;
        let (all, _, warnings) = scanned(split.clone(), vec![]).await;
        assert_eq!((all, warnings), (rows.clone(), vec![]), "{version}");
        let (found, _, _) = scanned(split.clone(), vec![LineFilter::contains("of web took 34")]).await;
        assert_eq!(found, [rows[5].clone()], "{version}");
        let dir = tempfile::tempdir().unwrap();
        let options = SplitOptions { zstd_level: 1, block_rows: 8_192, indexed: true };
        let mut merged = SplitWriter::for_rows(options, Draft::in_dir(dir.path()).unwrap()).unwrap();
        let mut cursor = split.read_sorted().await.unwrap();
        while let Some(chunk) = cursor.next_chunk().await.unwrap() {
            merged.begin_stream(&chunk.labels).unwrap();
            for at in 0..chunk.len() {
                merged.push_row(chunk.timestamp(at), chunk.place(at), chunk.metadata(at)).unwrap();
            }
        }
        let EncodedSplit { parquet, index, summary } = merged.finish().unwrap().unwrap();
        let (_, split) = put(bytes(parquet), index, summary).await;
        assert_eq!(scanned(split, vec![]).await.0, rows, "{version}, rewritten");
    }
}

#[test]
#[ignore = "writes the golden files; run once when a format is born"]
fn write_the_golden_split() {
    let split = encoded(&golden_rows());
    std::fs::write("testdata/split-v2.parquet", bytes(split.parquet)).unwrap();
    std::fs::write("testdata/split-v2.idx", split.index).unwrap();
}

fn text() -> impl Strategy<Value = String> {
    let word = prop_oneof!["[a-c]{1,3}", "[0-9a-cx]{1,6}", Just("ü".to_string()), "[a-b]{70}", Just("-".to_string())];
    proptest::collection::vec(word, 0..6).prop_map(|words| words.join(" "))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// The pairing of the two files: what the index lets through is exactly what a scan of all rows finds.
    #[test]
    fn the_index_never_hides_a_match(bodies in proptest::collection::vec(text(), 1..40), needle in "[a-cx0-9ü ]{1,4}", regex in "[a-c]{1,2}(a|b0)") {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let labels = LabelSet::from_pairs([("app", "x")]);
        let rows: Vec<Row> = bodies.iter().enumerate().map(|(at, body)| (labels.clone(), at as i64, body.clone(), String::new())).collect();
        let filters = [
            LineFilter::contains(&needle),
            LineFilter::new(LineOp::Matches, vec![regex]).unwrap(),
            LineFilter::new(LineOp::NotContains, vec![needle.clone()]).unwrap(),
        ];
        runtime.block_on(async {
            let (_, split) = stored(&rows).await;
            for filter in filters {
                let want: Vec<Row> = rows.iter().filter(|r| filter.matches(&r.2)).cloned().collect();
                let (found, _, _) = scanned(split.clone(), vec![filter]).await;
                assert_eq!(found, want);
            }
        });
    }
}
