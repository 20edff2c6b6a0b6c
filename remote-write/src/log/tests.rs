//! The log against a list of records, whatever happens to the process and to the end of a file.

use super::*;
use crate::reader::LogReader;
use crate::record::RecordWriter;
use gantry_model::metric::MetricBatch;
use proptest::prelude::*;

fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

/// A record of so many samples.
fn record(tenant_name: &str, samples: usize) -> Vec<u8> {
    let mut builder = MetricBatch::builder();
    builder.series([("__name__", "up")]).unwrap();
    (0..samples).for_each(|at| _ = builder.sample(at as i64, (at as f64).sin()));
    RecordWriter::default().write((&tenant(tenant_name), 0), &builder.finish(), &[]).unwrap().unwrap()
}

fn open(dir: &Path, max_bytes: u64, remotes: &[&str]) -> Log {
    let all = |name: &&str| -> (String, Takes) {
        ((*name).to_owned(), Arc::new(|tenant: &TenantId| tenant.as_str() != "other"))
    };
    Log::open(dir, max_bytes, &remotes.iter().map(all).collect::<Vec<_>>()).unwrap()
}

fn read_all(log: &Log, remote: usize) -> Vec<(u64, WalPosition)> {
    let reading = log.files.readings[remote].clone();
    let mut reader = LogReader::new(log.files.clone(), reading);
    let mut all = Vec::new();
    while let Some((payload, end)) = reader.next().unwrap() {
        all.push((Record::parse(&payload).unwrap().samples, end));
    }
    all
}

fn samples(read: &[(u64, WalPosition)]) -> Vec<u64> {
    read.iter().map(|(samples, _)| *samples).collect()
}

fn finish(log: &Log, remote: usize, end: WalPosition) {
    let reading = &log.files.readings[remote];
    reading.tracker.begin(end, 0);
    Cursor { done: reading.done(), shards: 1 }.save(&log.files.dir, &reading.name).unwrap();
}

#[tokio::test]
async fn a_new_remote_gets_what_comes_after_it_and_a_crash_takes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), 1 << 30, &["a"]);
    log.append(record("t", 1)).await.unwrap();
    drop(log);
    // The process died before it saved anything else.
    let log = open(dir.path(), 1 << 30, &["a", "b"]);
    log.append(record("t", 2)).await.unwrap();
    assert_eq!(samples(&read_all(&log, 0)), [1, 2]);
    assert_eq!(samples(&read_all(&log, 1)), [2]);
}

#[tokio::test]
async fn segments_go_when_every_remote_is_past_them() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), 1 << 20, &["a", "b"]);
    for _ in 0..40 {
        log.append(record("t", 1500)).await.unwrap();
    }
    let files = || segment::list(dir.path()).unwrap().len();
    let before = files();
    assert!(before > 3, "{before} segments");
    let all = read_all(&log, 0);
    finish(&log, 0, all[39].1);
    log.files.release();
    assert_eq!(files(), before, "b has read nothing");
    finish(&log, 1, all[20].1);
    log.files.release();
    let between = files();
    assert!(between < before && between > 1);
    finish(&log, 1, all[39].1);
    log.files.release();
    assert_eq!(files(), 1);
    assert_eq!(log.files.behind(log.files.readings[1].done()), 0);
}

#[tokio::test]
async fn a_log_that_is_full_drops_the_oldest_and_says_how_many() {
    let dir = tempfile::tempdir().unwrap();
    let max = 512 << 10;
    let log = open(dir.path(), max, &["fast", "slow"]);
    let (mut sent, mut fast) = (0u64, 0u64);
    for at in 0..200 {
        log.append(record(if at % 5 == 0 { "other" } else { "t" }, 1000)).await.unwrap();
        sent += u64::from(at % 5 != 0) * 1000;
        let read = read_all(&log, 0);
        let ours = |(samples, end): &(u64, WalPosition)| (*samples, *end);
        fast += read.iter().map(ours).map(|(samples, _)| samples).sum::<u64>();
        if let Some((_, end)) = read.last() {
            finish(&log, 0, *end);
        }
    }
    assert_eq!(fast, 200_000, "who keeps up loses nothing");
    assert!(log.files.bytes() <= max + (128 << 10), "{} bytes", log.files.bytes());
    let slow = &log.files.readings[1];
    let lost = slow.take_lost();
    assert!(lost > 0);
    let reader = read_all(&log, 1);
    assert!(reader.len() < 150);
    let mut kept = 0;
    // Records of tenants that the remote does not take are neither lost nor kept.
    let all = log.files.segments.lock().clone();
    for (number, end) in all {
        kept += log.files.count(number, HEADER, end, &slow.takes);
    }
    assert_eq!(lost + kept, sent);
}

#[tokio::test]
async fn a_full_disk_is_told_and_the_log_goes_on_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path(), 1 << 30, &["a"]);
    let mut writer = LogWriter { files: log.files.clone(), segment: Some(Segment::without_room(1)), next: 2 };
    let (answer, _) = oneshot::channel();
    let group = [Item { record: record("t", 3), answer }];
    assert_eq!(writer.write(&group).unwrap_err().kind(), ErrorKind::StorageFull);
    writer.write(&group).unwrap();
    assert_eq!(samples(&read_all(&log, 0)), [3]);
}

#[derive(Clone, Debug)]
enum Step {
    Append(usize),
    /// Reads so many records and finishes all but the last ones.
    Read(usize, usize),
    /// Dies, with so many bytes of another record behind the end.
    Die(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1usize..400).prop_map(Step::Append),
        2 => (0usize..6, 0usize..3).prop_map(|(read, open)| Step::Read(read, open)),
        1 => (0usize..60).prop_map(Step::Die),
    ];
    proptest::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// What was appended is read in order from the first record that was not finished, after any number of deaths.
    #[test]
    fn nothing_is_lost_over_deaths(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let mut log = open(dir.path(), 1 << 30, &["a"]);
        let mut reader = LogReader::new(log.files.clone(), log.files.readings[0].clone());
        let (mut appended, mut read, mut finished) = (Vec::<u64>::new(), 0, 0);
        let mut ends: Vec<WalPosition> = Vec::new();
        for step in steps {
            match step {
                Step::Append(samples) => {
                    runtime.block_on(log.append(record("t", samples))).unwrap();
                    appended.push(samples as u64);
                }
                Step::Read(count, open) => {
                    for _ in 0..count {
                        let Some((payload, end)) = reader.next().unwrap() else { break };
                        prop_assert_eq!(Record::parse(&payload).unwrap().samples, appended[read]);
                        read += 1;
                        ends.truncate(read - 1);
                        ends.push(end);
                    }
                    while finished + open < read {
                        finish(&log, 0, ends[finished]);
                        finished += 1;
                    }
                }
                Step::Die(torn) => {
                    drop(reader);
                    drop(log);
                    if let Some(last) = segment::list(dir.path()).unwrap().last() {
                        let path = dir.path().join(file_name(*last));
                        let mut bytes = std::fs::read(&path).unwrap();
                        bytes.extend(&record("t", 50)[..torn]);
                        std::fs::write(&path, bytes).unwrap();
                    }
                    log = open_again(dir.path());
                    reader = LogReader::new(log.files.clone(), log.files.readings[0].clone());
                    read = finished;
                }
            }
        }
        let rest: Vec<u64> = std::iter::from_fn(|| reader.next().unwrap()).map(|(payload, _)| Record::parse(&payload).unwrap().samples).collect();
        prop_assert_eq!(&rest[..], &appended[read..]);
    }
}

fn open_again(dir: &Path) -> Log {
    open(dir, 1 << 30, &["a"])
}
