//! What was exported is imported as the same lines; what is no such file is refused.

use super::*;
use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMillisecondArray};
use gantry_model::{LabelSet, LogBatch, Selector, TenantId, TimeRange, Timestamp};
use gantry_store_api::contract::read;
use gantry_store_api::memory::MemoryStore;
use gantry_store_api::{Append, ErrorKind, Queryable, ScanColumns, ScanOrder, ScanRequest};
use parquet::arrow::ArrowWriter;
use std::path::Path;

async fn exported(store: &MemoryStore, file: &Path) {
    let request = ScanRequest {
        selector: Selector::all(),
        lines: Vec::new(),
        columns: ScanColumns { body: true, metadata: true },
        order: ScanOrder::Any,
        parallelism: 3,
    };
    let scan = store.querier(&TenantId::default_tenant(), TimeRange::ALL).scan(request).await.unwrap();
    let mut pieces = export(scan).unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.next().await {
        bytes.extend_from_slice(&piece.unwrap());
    }
    std::fs::write(file, bytes).unwrap();
}

async fn store(rows: i64) -> MemoryStore {
    let store = MemoryStore::default();
    let mut builder = LogBatch::builder();
    for n in 0..rows {
        builder.stream(LabelSet::from_pairs([("app", format!("a{}", n % 5)), ("quoted", "\"ä\"".into())]));
        let pairs = (n % 3 == 0).then_some(("trace", "x\"1"));
        builder.push(Timestamp(n * 1_000_000_007 - 5), &format!("line {n}\nünd"), pairs).unwrap();
    }
    assert_eq!(store.append(&TenantId::default_tenant(), builder.finish()).await.unwrap().lines, rows as u64);
    store
}

#[tokio::test]
async fn what_was_exported_is_imported_as_the_same_lines() {
    let dir = tempfile::tempdir().unwrap();
    for rows in [0, 1, 5000] {
        let file = dir.path().join(format!("{rows}.parquet"));
        let first = store(rows).await;
        exported(&first, &file).await;
        assert_eq!(info(&file).unwrap(), ExportInfo { lines: rows as u64, warnings: Vec::new() });
        let second = MemoryStore::default();
        for batch in Import::open(&file).unwrap() {
            let commit = second.append(&TenantId::default_tenant(), batch.unwrap()).await.unwrap();
            assert!(commit.lines > 0);
        }
        let tenant = TenantId::default_tenant();
        assert_eq!(read(&second, &tenant).await, read(&first, &tenant).await);
    }
}

fn foreign(dir: &Path, columns: Vec<(&str, ArrayRef)>) -> std::path::PathBuf {
    let file = dir.join("foreign.parquet");
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(std::fs::File::create(&file).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    file
}

fn text(values: &[&str]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

#[test]
fn files_of_others_are_read_in_their_own_types() {
    let dir = tempfile::tempdir().unwrap();
    let times: ArrayRef = Arc::new(TimestampMillisecondArray::from(vec![7]).with_timezone("UTC"));
    let file =
        foreign(dir.path(), vec![("labels", text(&["{\"a\":\"b\"}"])), ("timestamp", times), ("body", text(&["x"]))]);
    let batch = Import::open(&file).unwrap().next().unwrap().unwrap();
    assert_eq!(batch.rows()[0].timestamp, Timestamp(7_000_000));
    assert_eq!(batch.streams()[0].labels, LabelSet::from_pairs([("a", "b")]));
}

#[test]
fn wrong_files_are_refused_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let times = || -> ArrayRef { Arc::new(TimestampMillisecondArray::from(vec![7])) };
    let refusal = |columns| {
        let file = foreign(dir.path(), columns);
        let error = match Import::open(&file) {
            Err(error) => error,
            Ok(mut import) => import.next().unwrap().unwrap_err(),
        };
        assert_eq!(error.kind(), ErrorKind::Invalid);
        error.to_string()
    };
    assert!(refusal(vec![("timestamp", times()), ("body", text(&["x"]))]).contains("no column labels"));
    let labels = |text_of: &str| vec![("timestamp", times()), ("body", text(&["x"])), ("labels", text(&[text_of]))];
    assert!(refusal(labels("{a=\"b\"}")).contains("labels of row 0 is no JSON object"));
    assert!(refusal(labels("{\"a\":1}")).contains("labels of row 0"));
    let none: ArrayRef = Arc::new(StringArray::from(vec![None::<&str>]));
    assert!(
        refusal(vec![("timestamp", times()), ("body", none), ("labels", text(&["{}"]))]).contains("row 0 has no value")
    );
    assert!(
        refusal(vec![("timestamp", text(&["noon"])), ("body", text(&["x"])), ("labels", text(&["{}"]))])
            .contains("timestamp")
    );
    let file = dir.path().join("no.parquet");
    for bytes in [&b"no parquet"[..], b"", b"PAR1\xff\xff\xff\x7fPAR1"] {
        std::fs::write(&file, bytes).unwrap();
        assert_eq!(Import::open(&file).unwrap_err().kind(), ErrorKind::Invalid);
        assert!(info(&file).is_err());
    }
}
