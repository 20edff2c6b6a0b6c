use super::*;
use crate::split::{ObjectInfo, SplitId};

const MB: u64 = 1 << 20;

fn meta(number: u32, bytes: u64, level: u8) -> SplitMeta {
    let object = ObjectInfo { len: 1, crc32: 0 };
    SplitMeta {
        id: SplitId(format!("{number:04}")),
        tenant: TenantId::default_tenant(),
        partition: 0,
        level,
        min_ts: Timestamp(0),
        max_ts: Timestamp(1),
        rows: 1,
        streams: 1,
        text_bytes: bytes,
        parquet: object,
        index: object,
        created_at: Timestamp(0),
        deletes_through: 0,
    }
}

fn picked(sizes: &[(u64, u8)], effort: Effort) -> Option<Vec<usize>> {
    let metas: Vec<SplitMeta> =
        sizes.iter().enumerate().map(|(at, (bytes, level))| meta(at as u32, *bytes, *level)).collect();
    pick_in_group(&StoreOptions::default(), &metas.iter().collect::<Vec<_>>(), 0, effort)
}

#[test]
fn four_of_a_size_are_merged_and_a_large_one_is_left_alone() {
    let early = Effort::Tiered { now: Timestamp(0) };
    assert_eq!(picked(&[(48 * MB, 0), (50 * MB, 0), (300 * MB, 1), (45 * MB, 0)], early), None);
    let sizes = [(48 * MB, 0), (50 * MB, 0), (300 * MB, 1), (45 * MB, 0), (40 * MB, 0)];
    assert_eq!(picked(&sizes, early), Some(vec![0, 1, 3, 4]));
}

#[test]
fn a_day_that_is_over_becomes_few_splits() {
    let later = Effort::Tiered { now: buckets::days(0, 0).end.saturating_add(2 * SETTLED_NANOS) };
    assert_eq!(picked(&[(48 * MB, 0), (500 * MB, 1)], later), Some(vec![0, 1]));
    assert_eq!(picked(&[(48 * MB, 0)], later), None);
    assert_eq!(picked(&[(1000 * MB, 1), (500 * MB, 1)], later), None);
}

#[test]
fn everything_means_also_rewriting_what_a_memtable_became() {
    assert_eq!(picked(&[(48 * MB, 0)], Effort::Everything), Some(vec![0]));
    assert_eq!(picked(&[(48 * MB, 1)], Effort::Everything), None);
    assert_eq!(picked(&[(1000 * MB, 1), (500 * MB, 1), (400 * MB, 2)], Effort::Everything), Some(vec![1, 2]));
}

#[test]
fn a_merge_never_exceeds_the_target() {
    let sizes = [(400 * MB, 1); 5];
    let early = Effort::Tiered { now: Timestamp(0) };
    assert_eq!(picked(&sizes, early), None);
    assert_eq!(picked(&sizes, Effort::Everything), Some(vec![0, 1]));
}
