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
        settled: false,
        min_ts: Timestamp(0),
        max_ts: Timestamp(1),
        rows: 1,
        streams: 1,
        text_bytes: bytes,
        parquet: object,
        index: object,
        created_at: Timestamp(0),
        arrived: Timestamp(0),
        deletes_through: 0,
    }
}

fn picked(sizes: &[(u64, u8)], effort: Effort) -> Option<Vec<usize>> {
    let metas: Vec<SplitMeta> =
        sizes.iter().enumerate().map(|(at, (bytes, level))| meta(at as u32, *bytes, *level)).collect();
    Some(pick_in_group(&StoreOptions::default(), &metas.iter().collect::<Vec<_>>(), 0, effort)?.inputs)
}

#[test]
fn four_of_a_size_are_merged_and_a_large_one_is_left_alone() {
    let early = Effort::Tiered { now: Timestamp(0) };
    assert_eq!(picked(&[(48 * MB, 0), (50 * MB, 0), (300 * MB, 1), (45 * MB, 0)], early), None);
    let sizes = [(48 * MB, 0), (50 * MB, 0), (300 * MB, 1), (45 * MB, 0), (40 * MB, 0)];
    assert_eq!(picked(&sizes, early), Some(vec![0, 1, 3, 4]));
}

#[test]
fn a_merge_has_few_inputs_and_fewer_large_ones() {
    let early = Effort::Tiered { now: Timestamp(0) };
    assert_eq!(picked(&[(9 * MB, 0); 20], early).unwrap().len(), 8);
    assert_eq!(picked(&[(60 * MB, 1); 20], early).unwrap().len(), 4);
    assert_eq!(picked(&[(60 * MB, 1); 20], Effort::Everything).unwrap().len(), 4);
    let many = StoreOptions { compact_min_splits: 6, ..StoreOptions::default() };
    let metas: Vec<SplitMeta> = (0..20).map(|at| meta(at, 9 * MB, 1)).collect();
    let job = pick_in_group(&many, &metas.iter().collect::<Vec<_>>(), 0, early);
    assert_eq!(job.unwrap().inputs.len(), 6, "as many as are waited for");
}

#[test]
fn a_day_that_is_over_becomes_few_splits() {
    let later = Effort::Tiered { now: buckets::days(0, 0).end.saturating_add(2 * SETTLED_NANOS) };
    assert_eq!(picked(&[(48 * MB, 0), (400 * MB, 1)], later), Some(vec![0, 1]));
    assert_eq!(picked(&[(500 * MB, 1), (250 * MB, 1)], later), Some(vec![0]), "compressed more");
}

/// Plays the life of a day: a memtable at a time, merges as they are due; late ones after the day is over. Gives the bytes
/// that compaction wrote, and the splits in the end.
fn played(options: &StoreOptions, memtables: &[u64], late: &[u64]) -> (u64, Vec<SplitMeta>) {
    let over = buckets::days(0, 0).end.saturating_add(SETTLED_NANOS);
    let (mut splits, mut written, mut number) = (Vec::<SplitMeta>::new(), 0, 0);
    let arrivals = memtables.iter().map(|bytes| (*bytes, Timestamp(0), Timestamp(0)));
    let arrivals = arrivals.chain([(0, over, over.saturating_add(SETTLED_NANOS))]);
    let late = late.iter().map(|bytes| (*bytes, over, over.saturating_add(2 * SETTLED_NANOS)));
    for (bytes, created_at, now) in arrivals.chain(late) {
        number += 1;
        if bytes > 0 {
            splits.push(SplitMeta { created_at, ..meta(number, bytes, 0) });
        }
        while let Some(job) = pick_in_group(options, &splits.iter().collect::<Vec<_>>(), 0, Effort::Tiered { now }) {
            let inputs: Vec<SplitMeta> = job.inputs.iter().map(|at| splits[*at].clone()).collect();
            splits.retain(|split| inputs.iter().all(|input| input.id != split.id));
            let bytes = inputs.iter().map(|input| input.text_bytes).sum();
            written += bytes;
            number += 1;
            splits.push(SplitMeta { settled: job.settle, created_at: Timestamp(0), ..meta(number, bytes, 1) });
        }
    }
    (written, splits)
}

#[test]
fn a_line_is_rewritten_a_bounded_number_of_times() {
    let options = StoreOptions::default();
    for memtables in [1, 3, 7, 40, 300] {
        let (written, splits) = played(&options, &vec![32 * MB; memtables], &[]);
        let amplification = written as f64 / (memtables as u64 * 32 * MB) as f64;
        assert!(amplification <= 4.0, "{memtables} memtables: {amplification}");
        assert!(splits.iter().all(|split| split.settled));
        assert!(splits.len() <= 1 + memtables / 14, "{memtables} memtables: {} splits", splits.len());
    }
}

#[test]
fn late_lines_do_not_rewrite_the_day_they_belong_to() {
    let (first, _) = played(&StoreOptions::default(), &[32 * MB; 30], &[]);
    let (all, splits) = played(&StoreOptions::default(), &[32 * MB; 30], &[MB; 100]);
    let late = all - first;
    assert!(late <= 6 * 100 * MB, "{} MB written for 100 MB that came late", late / MB);
    assert!(splits.len() <= 12, "{} splits", splits.len());
}

#[test]
fn everything_means_also_rewriting_what_a_memtable_became() {
    assert_eq!(picked(&[(48 * MB, 0)], Effort::Everything), Some(vec![0]));
    assert_eq!(picked(&[(48 * MB, 1)], Effort::Everything), None);
    assert_eq!(picked(&[(500 * MB, 1), (250 * MB, 1), (200 * MB, 2)], Effort::Everything), Some(vec![1, 2]));
}

#[test]
fn a_merge_never_exceeds_the_target() {
    let sizes = [(200 * MB, 1); 5];
    let early = Effort::Tiered { now: Timestamp(0) };
    assert_eq!(picked(&sizes, early), None);
    assert_eq!(picked(&sizes, Effort::Everything), Some(vec![0, 1]));
}
