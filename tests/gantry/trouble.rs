//! What goes wrong on disks: detected, reported, and the rest is served.

use crate::harness::client::entries;
use crate::harness::{Launch, Server, SmallDisk, eventually, now_ns};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

async fn push_lines(server: &Server, app: &str, count: u64) {
    let start = now_ns();
    for number in 0..count {
        server.loki.push_ok(&[("app", app)], &[(start + number, format!("{app} line {number}"))]).await;
    }
}

async fn found(server: &Server, query: &str) -> Vec<String> {
    let answer = server.loki.query_range(query, now_ns() - 600_000_000_000, now_ns() + 1_000_000_000, &[]).await;
    entries(&answer.json()).into_iter().map(|(_, line)| line).collect()
}

fn check(data: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gantry")).arg("check").arg(data).output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Files below `dir` whose name ends in `suffix`, by time of their last change.
fn files(dir: &Path, suffix: &str) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                open.push(entry);
            } else if entry.to_str().unwrap().ends_with(suffix) {
                all.push(entry);
            }
        }
    }
    all.sort_by_key(|path| path.metadata().unwrap().modified().unwrap());
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_the_same_data_is_refused_and_the_first_goes_on() {
    let launch = Launch::new();
    let server = launch.start().await;
    push_lines(&server, "a", 1).await;
    let mut second = launch.spawn();
    let status = second.ends().await;
    assert!(!status.success(), "two processes on one directory");
    assert!(second.log().contains("process"), "{}", second.log());
    drop(second);
    push_lines(&server, "a", 1).await;
    assert_eq!(found(&server, r#"{app="a"}"#).await.len(), 2);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_end_of_the_log_costs_only_what_was_torn() {
    let launch = Launch::new().set("store.partitions", 1).expecting("cutting the unfinished end of the WAL");
    let server = launch.start().await;
    push_lines(&server, "a", 10).await;
    server.kill();
    let last = files(&launch.data().join("wal"), "").pop().expect("a log file");
    OpenOptions::new().append(true).open(&last).unwrap().write_all(&[0xab; 37]).unwrap();
    let server = launch.start().await;
    assert_eq!(found(&server, r#"{app="a"}"#).await.len(), 10, "garbage behind the last record harms none");
    push_lines(&server, "b", 10).await;
    server.kill();
    let last = files(&launch.data().join("wal"), "").pop().expect("a log file");
    let length = last.metadata().unwrap().len();
    OpenOptions::new().write(true).open(&last).unwrap().set_len(length - 3).unwrap();
    let server = launch.start().await;
    assert_eq!(found(&server, r#"{app="a"}"#).await.len(), 10);
    assert!(found(&server, r#"{app="b"}"#).await.len() >= 9, "only the torn record is gone");
    push_lines(&server, "c", 1).await;
    assert_eq!(found(&server, r#"{app="c"}"#).await.len(), 1);
    server.stop().await;
}

/// Where bits are flipped, one after the other, spread over a file.
const PLACES: usize = 12;

/// Two splits, one with app `good` and one with app `bad`; the path of a data file of the latter.
async fn two_splits(launch: &Launch) -> PathBuf {
    let server = launch.start().await;
    push_lines(&server, "good", 20).await;
    server.loki.flush().await;
    let before = files(launch.data(), ".parquet");
    push_lines(&server, "bad", 20).await;
    server.loki.flush().await;
    server.stop().await;
    let output = check(launch.data());
    assert!(output.status.success(), "sound data: {}", said(&output));
    files(launch.data(), ".parquet").into_iter().find(|path| !before.contains(path)).expect("a second split")
}

/// The good lines are served, no line is served that was not written, and of missing ones the answer warns. Gives how
/// many warnings there were.
async fn the_rest_is_served(launch: &Launch, broken: &Path) -> usize {
    let name = broken.file_stem().unwrap().to_str().unwrap();
    let output = check(launch.data());
    assert!(!output.status.success(), "check must fail");
    assert!(said(&output).contains(name), "check names {name}: {}", said(&output));
    let server = launch.start().await;
    assert_eq!(found(&server, r#"{app="good"}"#).await.len(), 20);
    let (start, end) = (now_ns() - 600_000_000_000, now_ns() + 1_000_000_000);
    let answer = server.loki.query_range(r#"{app=~"good|bad"}"#, start, end, &[]).await;
    let (value, mut written) = (answer.json(), 40);
    for (_, line) in entries(&value) {
        let number = line.strip_prefix("good line ").or_else(|| line.strip_prefix("bad line "));
        assert!(number.is_some_and(|number| number.parse::<u32>().is_ok_and(|n| n < 20)), "never written: {line}");
        written -= 1;
    }
    let warnings = value["warnings"].as_array().map_or(0, Vec::len);
    assert!(written == 0 || warnings > 0, "{written} lines are missing and nobody says so: {}", answer.text);
    server.stop().await;
    warnings
}

fn launch_with_splits() -> Launch {
    let launch = Launch::new()
        .set("store.partitions", 1)
        .set("store.compact_min_splits", 100)
        .set("telemetry.self_ingest", false);
    launch.expecting("a part of the data cannot be read").expecting("a split cannot be read")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_anywhere_in_a_split_is_found_by_check_and_never_shows_a_wrong_line() {
    let launch = launch_with_splits();
    let broken = two_splits(&launch).await;
    let whole = fs::read(&broken).unwrap();
    let mut warnings = 0;
    for part in 0..PLACES {
        let mut bytes = whole.clone();
        bytes[whole.len() * part / PLACES + 7] ^= 0x10;
        fs::write(&broken, bytes).unwrap();
        warnings += the_rest_is_served(&launch, &broken).await;
    }
    assert!(warnings > 0, "no place of the file mattered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_split_is_found_by_check_and_reported_while_the_rest_is_served() {
    let launch = launch_with_splits();
    let broken = two_splits(&launch).await;
    fs::remove_file(&broken).unwrap();
    assert!(the_rest_is_served(&launch, &broken).await > 0, "the answer warns");
}

/// Far more lines of 4 KB than the small disk can hold.
const MANY: u64 = 20_000;

/// Pushes until the answer is 507; gives the number of acknowledged lines of app `a`.
async fn fill(server: &Server) -> u64 {
    for number in 0..MANY {
        let line = format!("{number} {}", noise(number, 4000));
        let answer = server.loki.push(&[("app", "a")], &[(now_ns(), line)]).await.unwrap();
        match answer.status {
            204 => {}
            507 => {
                assert!(answer.retry_after.is_some(), "507 says when to come back");
                return number;
            }
            other => panic!("{other}: {}", answer.text),
        }
    }
    panic!("the disk never got full");
}

/// Hexadecimal digits that do not compress to less than half.
fn noise(seed: u64, length: usize) -> String {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut digit = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from_digit((state >> 60) as u32, 16).unwrap()
    };
    (0..length).map(|_| digit()).collect()
}

async fn full_disk(min_free: &str) {
    let launch = Launch::new();
    let Some(disk) = SmallDisk::mount(&launch.scratch().join("disk"), 48) else {
        println!("skipped: this user may not mount a file system");
        return;
    };
    let ballast = disk.path().join("ballast");
    fs::write(&ballast, vec![1; 20 << 20]).unwrap();
    let launch = launch.on_data(&disk.path().join("data")).set("store.min_free", min_free);
    let launch = launch.expecting("a memtable cannot be written").expecting("a batch could not be stored");
    let launch = launch.expecting("background work failed").expecting("the WAL cannot be synced");
    let server = launch.start().await;
    let acknowledged = fill(&server).await;
    assert!(acknowledged > 0);
    let count = async |server: &Server| {
        server.loki.number(r#"sum(count_over_time({app="a"}[1h]))"#, now_ns() + 1_000_000_000).await
    };
    assert_eq!(count(&server).await, acknowledged as f64, "reads go on");
    fs::remove_file(&ballast).unwrap();
    eventually("writes are taken again", Duration::from_secs(30), async || {
        let answer = server.loki.push(&[("app", "a")], &[(now_ns(), "after".to_owned())]).await.unwrap();
        (answer.status == 204).then_some(())
    })
    .await;
    assert_eq!(count(&server).await, acknowledged as f64 + 1.0);
    server.kill();
    let server = launch.start().await;
    assert_eq!(count(&server).await, acknowledged as f64 + 1.0, "nothing is corrupt");
    server.stop().await;
    let output = check(launch.data());
    assert!(output.status.success(), "{}", said(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn below_the_reserve_writes_get_507_reads_go_on_and_space_heals_it() {
    full_disk("8MiB").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_writes_get_507_reads_go_on_and_space_heals_it() {
    full_disk("0").await;
}
