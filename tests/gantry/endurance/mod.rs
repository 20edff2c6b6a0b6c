//! A day of mixed load, compressed in time: writers at every door, readers fast and slow, deletes, kills, a full disk.
//!
//! `GANTRY_ENDURANCE_SECONDS` makes it longer. One half is spent in runs that are killed, the other in one long run whose
//! memory, file handles and threads are sampled when nothing is under way.

mod ledger;
mod readers;
mod resources;
mod writers;

use crate::harness::{Chance, Launch, Loki, Server, SmallDisk, eventually, free_port, now_ns};
use ledger::{DAY, Ledger};
use readers::Readers;
use resources::Sample;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use writers::{Door, Writer};

const SECONDS: u64 = 80;
const WINDOWS: u32 = 9;
const SETTLE: Duration = Duration::from_secs(60);
/// One run in so many meets a full disk.
const FULL: u64 = 4;

const HOUR: u64 = DAY / 24;

fn seconds() -> Duration {
    let asked = std::env::var("GANTRY_ENDURANCE_SECONDS").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(asked.unwrap_or(SECONDS))
}

/// The data directory with its disk, and who writes.
#[derive(Debug)]
struct Day {
    launch: Launch,
    /// Nothing when this user may not mount one: then the disk is never full.
    disk: Option<SmallDisk>,
    start: u64,
    writers: Vec<Writer>,
}

impl Day {
    fn new() -> Day {
        let launch = Launch::new().collecting();
        // Some hundred bytes a line, splits and log, and room to compact.
        let megabytes = 192 + u32::try_from(seconds().as_secs() / 2).unwrap();
        let disk = SmallDisk::mount(&launch.scratch().join("disk"), megabytes);
        let (logs, syslog, start) =
            (launch.scratch().join("logs"), free_port(), (now_ns() - DAY - HOUR) / 1_000_000 * 1_000_000);
        fs::create_dir(&logs).unwrap();
        let launch = match &disk {
            Some(disk) => launch.on_data(&disk.path().join("data")),
            None => launch,
        };
        let launch = configured(launch, &logs, syslog);
        let writer = |name, selector, timed, door| Writer::new(Ledger::new(name, selector, start, timed), door);
        let writers = vec![
            writer("protobuf", r#"{app="day", writer="protobuf"}"#, true, Door::LokiProtobuf),
            writer("json", r#"{app="day", writer="json"}"#, true, Door::LokiJson),
            writer("swept", r#"{app="day", writer="swept"}"#, true, Door::Swept),
            writer("otlp", r#"{service_name="day"}"#, true, Door::Otlp),
            writer("ndjson", r#"{app="day", writer="ndjson"}"#, true, Door::Ndjson),
            writer("syslog", r#"{app="day", host="syslog"}"#, true, Door::Syslog(syslog)),
            writer("file", r#"{app="day", writer="file"}"#, false, Door::File(logs.join("day.log"))),
        ];
        Day { launch, disk, start, writers }
    }

    /// Writers and readers on `server` for `time`, or until it is killed by `at_the_end`.
    async fn load(&mut self, server: Server, time: Duration, at_the_end: End) -> Option<Server> {
        let stop = Arc::new(AtomicBool::new(false));
        let readers = Readers::start(&server, self.start, &stop).await;
        let url = server.url().to_owned();
        let run = |writer: Writer| tokio::spawn(writer.run(Loki::new(url.clone()), stop.clone()));
        let running: Vec<_> = self.writers.drain(..).map(run).collect();
        tokio::time::sleep(time / 2).await;
        if at_the_end == End::KillWithFullDisk {
            self.fill_the_disk(&server).await;
        }
        tokio::time::sleep(time / 2).await;
        let server = if at_the_end == End::Stop {
            Some(server)
        } else {
            server.kill();
            None
        };
        stop.store(true, Ordering::Relaxed);
        for writer in running {
            self.writers.push(writer.await.unwrap());
        }
        readers.end().await;
        server
    }

    /// Until a push is refused for it; then there is room again.
    async fn fill_the_disk(&self, server: &Server) {
        let Some(disk) = &self.disk else { return };
        let ballast = disk.path().join("ballast");
        fill(&ballast);
        eventually("a full disk refuses a write", SETTLE, async || {
            fill(&ballast);
            let now = server.loki.push(&[("app", "probe")], &[(now_ns(), "probe".to_owned())]).await.unwrap();
            (now.status == 507).then_some(())
        })
        .await;
        fs::remove_file(&ballast).unwrap();
    }

    async fn compare(&self, server: &Server) -> Vec<String> {
        let (until, mut problems) = (now_ns() + HOUR, Vec::new());
        for writer in &self.writers {
            problems.extend(writer.ledger.compare(&server.loki, until).await);
        }
        problems
    }

    /// Waits until the collected file has arrived. If it never does, the comparison names what is missing.
    async fn settled(&self, server: &Server) {
        let file = &self.writers.iter().find(|writer| writer.ledger.name == "file").unwrap().ledger;
        let query = format!("sum(count_over_time({}[30h]))", file.selector);
        let started = Instant::now();
        while started.elapsed() < SETTLE && server.loki.number(&query, now_ns() + HOUR).await < file.acknowledged as f64
        {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Stop,
    Kill,
    KillWithFullDisk,
}

/// Appends until nothing more fits.
fn fill(path: &Path) {
    use std::io::Write;
    let mut file = fs::File::options().create(true).append(true).open(path).unwrap();
    for size in [1 << 20, 1 << 12] {
        let block = vec![1; size];
        while file.write_all(&block).is_ok() {}
    }
}

fn configured(launch: Launch, logs: &Path, syslog: u16) -> Launch {
    let file = launch.scratch().join("day.toml");
    let config = format!(
        "[collect]\ncontainers = false\n[[collect.files]]\nname = \"day\"\ninclude = [\"{}/day.log*\"]\n\
         labels = {{ app = \"day\", writer = \"file\" }}\ndiscover_every = \"100ms\"\nrotate_wait = \"1s\"\n",
        logs.display()
    );
    fs::write(&file, config).unwrap();
    let launch = launch.arg("--config").arg(&file);
    let launch = launch.set("server.syslog_tcp", format!("127.0.0.1:{syslog}"));
    let launch = launch.set("store.memtable_bytes", "1MiB").set("store.min_free", "4MiB");
    let launch = launch.set("store.compact_min_splits", 3).set("store.delete_cancel_period", "0s");
    // Full early, so that it does not grow while growth is measured.
    let launch = launch.set("store.cache_bytes", "8MiB");
    let launch = launch.expecting("cutting the unfinished end of the WAL");
    let launch = launch.expecting("No space left on device").expecting("storage_full").expecting("are kept in reserve");
    let launch = launch.expecting("a memtable cannot be written").expecting("a batch could not be stored");
    launch.expecting("background work failed").expecting("the WAL cannot be synced")
}

fn left_over(data: &Path) -> Vec<PathBuf> {
    let (mut found, mut open) = (Vec::new(), vec![data.to_owned()]);
    while let Some(dir) = open.pop() {
        for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                open.push(path);
            } else if name.contains("tmp") || name.contains('#') || name.ends_with(".corrupt") {
                found.push(path);
            }
        }
    }
    found
}

fn stored_objects(data: &Path) -> usize {
    let (mut count, mut open) = (0, vec![data.join("objects")]);
    while let Some(dir) = open.pop() {
        for path in fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                open.push(path);
            } else {
                count += 1;
            }
        }
    }
    count
}

/// The catalog's number of splits, and what `gantry check` finds wrong.
fn check(data: &Path) -> (usize, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_gantry")).arg("check").arg("--json").arg(data).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let number = |name: &str| report[name].as_u64().unwrap() as usize;
    // A split is two objects; a block of the machine's metrics is one.
    (2 * number("splits") + number("blocks"), report["problems"].to_string())
}

fn shown(problems: &[String]) -> String {
    problems.iter().take(20).map(|problem| format!("\n{problem}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_mixed_load_with_kills_and_a_full_disk_loses_nothing_and_leaks_nothing() {
    let (mut chance, mut day, half) = (Chance::new(), Day::new(), seconds() / 2);
    if day.disk.is_none() {
        println!("no full disk in this run: this user may not mount a file system");
    }
    let (started, mut kills) = (Instant::now(), 0);
    while started.elapsed() < half {
        let server = day.launch.start().await;
        let time = Duration::from_millis(100 + chance.below(half.as_millis() as u64 / 8));
        let end = if chance.below(FULL) == 0 { End::KillWithFullDisk } else { End::Kill };
        day.load(server, time, end).await;
        kills += 1;
    }
    let mut server = day.launch.start().await;
    let mut samples = Vec::new();
    for _ in 0..WINDOWS {
        server = day.load(server, half / WINDOWS, End::Stop).await.unwrap();
        server.loki.flush().await;
        server.loki.compact().await;
        samples.push(Sample::settled(&server).await);
        println!("{:?}", samples.last().unwrap());
    }
    day.settled(&server).await;
    let total: u64 = day.writers.iter().map(|writer| writer.ledger.acknowledged).sum();
    println!("{total} lines acknowledged, {kills} kills");
    let problems = day.compare(&server).await;
    assert!(problems.is_empty(), "{} problems:{}", problems.len(), shown(&problems));
    server.stop().await;
    let growth = resources::growth(&samples);
    assert!(growth.is_empty(), "{growth:?} in {samples:?}");
    let launch = day.launch.clone().set("store.orphan_age", "1s");
    let server = launch.start().await;
    server.loki.flush().await;
    server.loki.compact().await;
    let problems = day.compare(&server).await;
    assert!(problems.is_empty(), "after a restart, {} problems:{}", problems.len(), shown(&problems));
    server.stop().await;
    let (expected, notices) = check(launch.data());
    assert_eq!(stored_objects(launch.data()), expected, "no orphans: {notices}");
    assert_eq!(left_over(launch.data()), Vec::<PathBuf>::new());
}
