//! The server under measurement: a child process with a data directory, watched through `/proc`.

use super::program::Program;
use anyhow::{Context, Result, bail, ensure};
use reqwest::Client;
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// `USER_HZ`, in which Linux counts CPU time in `/proc/PID/stat` on every architecture that Rust supports.
const TICKS_PER_SECOND: f64 = 100.0;
const READY_DEADLINE: Duration = Duration::from_secs(120);
/// For a flush or a compaction of everything.
const WORK_DEADLINE: Duration = Duration::from_secs(3600);

#[derive(Debug)]
pub struct Server {
    child: Child,
    pub url: String,
    /// From the start of the process to the first 200 of its readiness page.
    pub started_in: Duration,
    program: Program,
}

/// How servers of this run are started.
#[derive(Clone, Debug)]
pub struct Launch {
    pub program: Program,
    pub data: PathBuf,
    pub log: PathBuf,
    /// Variables that override the configuration.
    pub settings: Vec<(&'static str, &'static str)>,
}

impl Launch {
    /// Starts on free loopback ports and waits until it is ready.
    pub async fn start(&self, client: &Client) -> Result<Server> {
        let log = File::options().create(true).append(true).open(&self.log)?;
        let http = free_port()?;
        let mut command = self.program.command(http, &self.data)?;
        let started = Instant::now();
        let child = command
            .envs(self.settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", self.program))?;
        let mut server = Server {
            child,
            url: format!("http://127.0.0.1:{http}"),
            started_in: Duration::ZERO,
            program: self.program.clone(),
        };
        server.wait_ready(client, started).await.with_context(|| format!("see {}", self.log.display()))?;
        Ok(server)
    }
}

impl Server {
    async fn wait_ready(&mut self, client: &Client, started: Instant) -> Result<()> {
        let target = format!("{}{}", self.url, self.program.ready());
        while started.elapsed() < READY_DEADLINE {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended with {status} before it was ready");
            }
            if client.get(&target).send().await.is_ok_and(|answer| answer.status().is_success()) {
                self.started_in = started.elapsed();
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        bail!("the server was not ready within {READY_DEADLINE:?}")
    }

    /// User and system CPU seconds since its start.
    pub fn cpu_seconds(&self) -> Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The second field is the name in parentheses; user and system ticks are fields 14 and 15.
        let rest = stat.rsplit_once(')').context("/proc/PID/stat has no name")?.1;
        let ticks: f64 = rest.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
        Ok(ticks / TICKS_PER_SECOND)
    }

    /// Peak resident set in bytes.
    pub fn peak_rss(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM")?;
        Ok(line.trim().trim_end_matches("kB").trim().parse::<u64>()? * 1024)
    }

    /// `POST path`; answers how long it took.
    pub async fn post(&self, client: &Client, path: &str) -> Result<Duration> {
        let started = Instant::now();
        let answer = client.post(format!("{}{path}", self.url)).timeout(WORK_DEADLINE).send().await?;
        ensure!(answer.status().is_success(), "POST {path}: {}", answer.status());
        answer.bytes().await?;
        Ok(started.elapsed())
    }

    /// SIGTERM, and the wait for the end: with exit code 0 if it is ours. Debian's `victoria-metrics` panics when it is asked
    /// to end soon after a query, with everything on disk.
    pub fn stop(mut self) -> Result<Duration> {
        let started = Instant::now();
        let sent = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status()?;
        ensure!(sent.success(), "the server was gone already");
        let status = self.child.wait()?;
        let ours = matches!(self.program, Program::Gantry(_));
        ensure!(!ours || status.success(), "after SIGTERM the server ended with {status}");
        Ok(started.elapsed())
    }

    /// SIGKILL.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone after `stop` or `kill`: then both calls have nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A port that was free a moment ago.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Bytes of all files below `dir`, and of those whose path holds a component `only`.
pub fn disk_bytes(dir: &Path, only: &str) -> Result<(u64, u64)> {
    let (mut all, mut some) = (0, 0);
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                open.push(entry.path());
            } else if kind.is_file() {
                let len = entry.metadata()?.len();
                all += len;
                some += if entry.path().components().any(|part| part.as_os_str() == only) { len } else { 0 };
            }
        }
    }
    Ok((all, some))
}
