//! The log's bytes: what goes in comes out, whatever happens to the end of the file.

use super::codec::{Decoder, Encoder};
use super::reader::{Item, SegmentBytes};
use super::segment::{HEADER, RECORD_HEADER, Segment, file_name};
use crate::WalCompression;
use gantry_model::{BatchStream, LabelSet, LogBatch, LogRow, TenantId, Timestamp};
use proptest::prelude::*;
use std::sync::Arc;

/// Timestamp, body, value of one metadata pair.
type Line = (i64, String, Option<String>);

fn batch(streams: &[(u8, Vec<Line>)]) -> LogBatch {
    let mut builder = LogBatch::builder();
    for (app, lines) in streams {
        builder.stream(LabelSet::from_pairs([("app", format!("app-{app}")), ("ä", "ö".to_owned())]));
        for (at, body, metadata) in lines {
            builder.push(Timestamp(*at), body, metadata.as_deref().map(|value| ("key", value))).unwrap();
        }
    }
    builder.finish()
}

fn streams() -> impl Strategy<Value = Vec<(u8, Vec<Line>)>> {
    let line = (any::<i64>(), ".{0,40}", proptest::option::of(".{0,9}"));
    proptest::collection::vec((0u8..4, proptest::collection::vec(line, 1..30)), 1..5)
}

fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

/// A segment file with a record for every batch, and where each record ends.
fn written(batches: &[LogBatch]) -> (Vec<u8>, Vec<u64>) {
    let dir = tempfile::tempdir().unwrap();
    let mut segment = Segment::create(dir.path(), 1).unwrap();
    let encoder = Encoder::new(WalCompression::Zstd);
    let mut ends = Vec::new();
    for batch in batches {
        let record = encoder.encode(&tenant("t"), &Arc::new(batch.clone())).unwrap();
        segment.append(&mut record.parts().collect::<Vec<_>>(), true).unwrap();
        ends.push(segment.len());
    }
    (std::fs::read(dir.path().join(file_name(1))).unwrap(), ends)
}

/// Decoded batches, and the other items.
fn read(bytes: Vec<u8>) -> (Vec<LogBatch>, Vec<String>) {
    let segment = SegmentBytes::from_vec(bytes);
    let mut decoder = Decoder::default();
    let (mut batches, mut trouble) = (Vec::new(), Vec::new());
    for item in segment.items(HEADER) {
        match item {
            Item::Record { payload, .. } => batches.push(decoder.decode(payload).unwrap().1),
            other => trouble.push(format!("{other:?}")),
        }
    }
    (batches, trouble)
}

fn payload(compression: WalCompression, batch: &Arc<LogBatch>) -> Vec<u8> {
    let record = Encoder::new(compression).encode(&tenant("some-tenant"), batch).unwrap();
    let bytes: Vec<u8> = record.parts().flat_map(|part| part.to_vec()).collect();
    assert_eq!(bytes.len(), record.len());
    bytes[RECORD_HEADER..].to_vec()
}

/// What becomes of a batch in a record.
fn through(compression: WalCompression, batch: &Arc<LogBatch>) -> (TenantId, LogBatch) {
    Decoder::default().decode(&payload(compression, batch)).unwrap()
}

/// Text that a batch holds in another order than its rows, or that no row points to, is sorted out.
#[test]
fn a_batch_with_scattered_text_comes_back_in_order() {
    let row = |at, start, body_len| LogRow { timestamp: Timestamp(at), start, body_len, metadata_len: 0 };
    let streams = vec![BatchStream { labels: LabelSet::from_pairs([("app", "a")]), rows: 0..2 }];
    let scattered = LogBatch::from_parts("secondgapfirst".into(), vec![row(1, 9, 5), row(2, 0, 6)], streams.clone());
    let back = through(WalCompression::None, &Arc::new(scattered.unwrap())).1;
    assert_eq!(Some(back), LogBatch::from_parts("firstsecond".into(), vec![row(1, 0, 5), row(2, 5, 6)], streams));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_batch_comes_back_as_it_was(streams in streams()) {
        let batch = Arc::new(batch(&streams));
        for compression in [WalCompression::None, WalCompression::Zstd] {
            let (owner, back) = through(compression, &batch);
            prop_assert_eq!(owner.as_str(), "some-tenant");
            prop_assert_eq!(&back, &*batch);
        }
    }

    #[test]
    fn a_torn_end_loses_only_what_was_not_whole(all in proptest::collection::vec(streams(), 1..5), cut in 0.0..1.0f64) {
        let batches: Vec<LogBatch> = all.iter().map(|streams| batch(streams)).collect();
        let (bytes, ends) = written(&batches);
        let cut = HEADER as usize + ((bytes.len() - HEADER as usize) as f64 * cut) as usize;
        let whole = ends.iter().filter(|end| **end <= cut as u64).count();
        let (found, trouble) = read(bytes[..cut].to_vec());
        prop_assert_eq!(&found, &batches[..whole]);
        let at_a_border = cut as u64 == HEADER || ends.contains(&(cut as u64));
        prop_assert_eq!(trouble.len(), usize::from(!at_a_border));
        prop_assert!(trouble.iter().all(|item| item.starts_with("Torn")));
    }

    #[test]
    fn a_flipped_bit_loses_no_more_than_what_follows_and_is_noticed(
        all in proptest::collection::vec(streams(), 2..5),
        at in any::<prop::sample::Index>(),
        bit in 0u8..8,
    ) {
        let batches: Vec<LogBatch> = all.iter().map(|streams| batch(streams)).collect();
        let (mut bytes, ends) = written(&batches);
        let at = HEADER as usize + at.index(bytes.len() - HEADER as usize);
        bytes[at] ^= 1 << bit;
        let hit = ends.iter().filter(|end| **end <= at as u64).count();
        let (found, trouble) = read(bytes);
        prop_assert!(!trouble.is_empty());
        prop_assert_eq!(&found[..hit], &batches[..hit]);
        prop_assert!(found[hit..].iter().all(|batch| batches[hit..].contains(batch)));
    }

    /// Behind the checksum: what a broken writer, or luck, could hand to the decoder.
    #[test]
    fn a_changed_payload_is_refused_or_read_but_never_a_panic(
        streams in streams(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let batch = Arc::new(batch(&streams));
        for compression in [WalCompression::None, WalCompression::Zstd] {
            let mut payload = payload(compression, &batch);
            for (at, byte) in &changes {
                let at = at.index(payload.len());
                payload[at] = *byte;
            }
            let whole = Decoder::default().decode(&payload);
            if let Ok((_, batch)) = whole {
                for row in batch.rows() {
                    prop_assert!(batch.body(row).len() + batch.metadata(row).len() <= payload.len() * 64);
                }
            }
            payload.truncate(cut.index(payload.len()));
            let _ = Decoder::default().decode(&payload);
        }
    }

    #[test]
    fn garbage_is_refused_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Decoder::default().decode(&bytes);
        let _ = SegmentBytes::from_vec(bytes).items(0).count();
    }
}

#[test]
fn a_record_that_claims_to_be_huge_allocates_nothing() {
    let mut payload = vec![1u8];
    payload.extend([0xff, 0xff, 0xff, 0xff, 0x7f]);
    assert!(Decoder::default().decode(&payload).unwrap_err().contains("impossible"));
}

/// The batches of `testdata/wal-v1.wal`: a small one, stored plain, and a larger one, compressed.
fn golden_batches() -> [LogBatch; 2] {
    let line = |at, body: &str, metadata: Option<&str>| (at, body.to_owned(), metadata.map(str::to_owned));
    let small = batch(&[
        (1, vec![line(1_767_225_600_000_000_000, "first line", None), line(1_767_225_600_000_000_005, "", Some("v"))]),
        (2, vec![line(-1, "before 1970 ä", None)]),
    ]);
    let many = (0..100).map(|n| line(n * 1000, &format!("line {n} of a longer batch"), None)).collect();
    [small, batch(&[(3, many)])]
}

fn golden_file() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/wal-v1.wal")
}

#[test]
fn the_format_has_not_changed() {
    let golden = std::fs::read(golden_file()).unwrap();
    let batches = golden_batches();
    let (found, trouble) = read(golden.clone());
    assert_eq!(trouble, Vec::<String>::new());
    assert_eq!(found, batches);
    // Compressed bytes may differ between versions of zstd; the header and the plain record may not.
    let (bytes, ends) = written(&batches);
    assert_eq!(bytes[..ends[0] as usize], golden[..ends[0] as usize]);
}

/// Writes the golden file anew, after a change of the format that was wanted.
#[test]
#[ignore = "run by hand to bless a new format"]
fn bless() {
    std::fs::create_dir_all(golden_file().parent().unwrap()).unwrap();
    std::fs::write(golden_file(), written(&golden_batches()).0).unwrap();
}
