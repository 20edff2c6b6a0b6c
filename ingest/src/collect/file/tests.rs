//! Collectors on real files, with a store that counts equal lines once as the real one does.

mod model;
mod paths;
mod restart;
mod rotation;
mod trouble;

use super::{FileCollector, FileOptions, Format};
use crate::collect::testing::{Arrived, FakeSink, sample, wait_until};
use crate::collect::{CollectMetrics, Enrich};
use gantry_model::SystemClock;
use prometheus::Registry;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A directory of logs beside a data directory, and the store.
struct Yard {
    dir: TempDir,
    sink: Arc<FakeSink>,
}

struct Running {
    task: JoinHandle<()>,
    stop: CancellationToken,
    registry: Registry,
}

impl Running {
    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }

    async fn wait_for_metric(&self, name: &str, value: f64) {
        let name = format!("gantry_collect_{name}");
        let now = || sample(&self.registry, &name);
        wait_until(|| format!("{name} is {}, not {value}", now()), || now() == value).await;
    }

    async fn wait_for_rotations(&self, count: usize) {
        self.wait_for_metric("rotations_total", count as f64).await;
    }
}

impl Yard {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("logs")).unwrap();
        Yard { dir, sink: FakeSink::new() }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join("logs").join(name)
    }

    fn options(&self, patterns: &[&str]) -> FileOptions {
        FileOptions {
            include: patterns.iter().map(|pattern| self.at(pattern).display().to_string()).collect(),
            data_dir: self.dir.path().join("data"),
            discover_every: Duration::from_millis(30),
            rotate_wait: Duration::from_millis(150),
            ..FileOptions::default()
        }
    }

    fn start(&self, options: FileOptions) -> Running {
        let registry = Registry::new();
        let metrics = CollectMetrics::register(&registry).unwrap();
        let collector = FileCollector::new(options, self.sink.clone(), Arc::new(SystemClock), &metrics).unwrap();
        let stop = CancellationToken::new();
        Running { task: tokio::spawn(collector.run(stop.clone())), stop, registry }
    }

    fn follow(&self, pattern: &str) -> Running {
        self.start(self.options(&[pattern]))
    }

    async fn wait_for_bodies(&self, expected: &[&str]) {
        self.sink.wait_for(|lines| lines.len() >= expected.len()).await;
        assert_eq!(self.sink.bodies(), expected);
    }

    async fn wait_for_lines(&self, count: usize) {
        self.sink.wait_for(|lines| lines.len() >= count).await;
    }
}

fn append(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).unwrap()
}

fn write(path: &Path, text: impl AsRef<[u8]>) {
    append(path).write_all(text.as_ref()).unwrap();
}

fn numbered(range: std::ops::Range<usize>) -> String {
    range.map(|n| format!("line {n}\n")).collect()
}

/// Every number once and in order.
fn assert_numbered(lines: &[Arrived], count: usize) {
    for (n, line) in lines.iter().enumerate() {
        let around: Vec<_> = lines[n.saturating_sub(2)..].iter().take(5).map(|line| &line.body).collect();
        assert_eq!(line.body, format!("line {n}"), "at {n} of {}: {around:?}", lines.len());
    }
    assert_eq!(lines.len(), count);
}

#[tokio::test]
async fn a_file_is_read_from_its_first_line_and_then_followed() {
    let yard = Yard::new();
    write(&yard.at("app.log"), "first\r\nsec");
    let options =
        FileOptions { labels: BTreeMap::from([("team".to_owned(), "shop".to_owned())]), ..yard.options(&["*.log"]) };
    let running = yard.start(options);
    yard.wait_for_bodies(&["first"]).await;
    write(&yard.at("app.log"), "ond\n");
    write(&yard.at("new.log"), "of a new file\n");
    yard.wait_for_lines(3).await;
    running.stop().await;
    let lines = yard.sink.lines();
    assert!(lines.iter().any(|line| line.body == "second"));
    assert_eq!(lines[0].labels.get("filename"), yard.at("app.log").to_str());
    assert_eq!(lines[0].labels.get("team"), Some("shop"));
    assert!(lines[0].at < lines[1].at);
}

#[tokio::test]
async fn a_long_line_is_cut_and_its_rest_left_out() {
    let yard = Yard::new();
    let options = FileOptions { max_line_bytes: 100, turn_bytes: 16, ..yard.options(&["*.log"]) };
    write(&yard.at("app.log"), format!("{}\nshort\n", "x".repeat(1000)));
    let running = yard.start(options);
    yard.wait_for_bodies(&["x".repeat(100).as_str(), "short"]).await;
    running.stop().await;
}

#[tokio::test]
async fn silence_completes_a_line_only_when_asked_to() {
    let yard = Yard::new();
    write(&yard.at("app.log"), "prompt>");
    let running =
        yard.start(FileOptions { partial_flush: Some(Duration::from_millis(50)), ..yard.options(&["*.log"]) });
    yard.wait_for_bodies(&["prompt>"]).await;
    write(&yard.at("app.log"), "answer\n");
    yard.wait_for_bodies(&["prompt>", "answer"]).await;
    running.stop().await;
}
