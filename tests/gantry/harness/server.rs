//! One run of the binary.

use super::{Loki, eventually};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tempfile::TempDir;

const READY: Duration = Duration::from_secs(30);
const STOP: Duration = Duration::from_secs(60);

/// How to start the binary, on a data directory that outlives its runs.
#[derive(Clone, Debug)]
pub struct Launch {
    scratch: Arc<TempDir>,
    starts: Arc<AtomicU32>,
    data: PathBuf,
    collect: bool,
    retention: bool,
    args: Vec<OsString>,
    env: Vec<(String, String)>,
    client: Option<reqwest::Client>,
    expected: Vec<&'static str>,
}

impl Launch {
    pub fn new() -> Self {
        let scratch = tempfile::Builder::new().prefix("gantry-test-").tempdir().unwrap();
        let data = scratch.path().join("data");
        Launch {
            scratch: Arc::new(scratch),
            starts: Arc::default(),
            data,
            collect: false,
            retention: true,
            args: Vec::new(),
            env: Vec::new(),
            client: None,
            expected: Vec::new(),
        }
    }

    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// A key of the configuration, such as `store.memtable_bytes`.
    pub fn set(mut self, key: &str, value: impl ToString) -> Self {
        let name = format!("GANTRY__{}", key.replace('.', "__").to_ascii_uppercase());
        self.env.push((name, value.to_string()));
        self
    }

    /// Speaks to the server through this client.
    pub fn client(mut self, client: reqwest::Client) -> Self {
        self.client = Some(client);
        self
    }

    /// A part of a warning or an error that this run may log.
    pub fn expecting(mut self, part: &'static str) -> Self {
        self.expected.push(part);
        self
    }

    /// Without `--no-collect`.
    pub fn collecting(mut self) -> Self {
        self.collect = true;
        self
    }

    /// Without `--retention forever`.
    pub fn default_retention(mut self) -> Self {
        self.retention = false;
        self
    }

    pub fn on_data(mut self, data: &Path) -> Self {
        self.data = data.to_owned();
        self
    }

    pub fn data(&self) -> &Path {
        &self.data
    }

    /// A directory for the test's own files, removed with the last clone.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// Starts and waits until `/ready` answers 200.
    pub async fn start(&self) -> Server {
        let mut server = self.spawn();
        server.ready().await;
        server
    }

    /// Starts without waiting: for runs that are expected to end by themselves.
    pub fn spawn(&self) -> Server {
        let run = self.starts.fetch_add(1, Ordering::Relaxed);
        let log = self.scratch.path().join(format!("server-{run}.log"));
        let output = File::create(&log).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_gantry"));
        command.arg("up").arg("--data").arg(&self.data);
        command.args(["--http", "127.0.0.1:0", "--otlp-grpc", "127.0.0.1:0"]);
        command.args((!self.collect).then_some("--no-collect"));
        command.args(self.retention.then_some(["--retention", "forever"]).iter().flatten());
        command.args(&self.args).envs(self.env.iter().cloned());
        command.env("GANTRY__TELEMETRY__LOG_FORMAT", "json").current_dir(self.scratch.path());
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        let child = command.spawn().unwrap();
        let loki = Loki::new(String::new());
        Server {
            child,
            loki,
            grpc: String::new(),
            log,
            expected: self.expected.clone(),
            gone: false,
            launch: self.clone(),
        }
    }
}

/// A running server. Dropping it kills it and then reads its log.
#[derive(Debug)]
pub struct Server {
    child: Child,
    pub loki: Loki,
    /// Address of OTLP over gRPC.
    pub grpc: String,
    log: PathBuf,
    expected: Vec<&'static str>,
    gone: bool,
    launch: Launch,
}

impl Server {
    pub fn url(&self) -> &str {
        &self.loki.url
    }

    /// A directory for the test's own files.
    pub fn scratch(&self) -> &Path {
        self.launch.scratch()
    }

    pub fn data(&self) -> &Path {
        &self.launch.data
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Everything printed so far.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Reads the addresses from what is printed, then waits for 200 of `/ready`.
    async fn ready(&mut self) {
        let url = self.printed("HTTP").await;
        self.loki = match &self.launch.client {
            Some(client) => Loki::through(url, client.clone()),
            None => Loki::new(url),
        };
        self.grpc = self.printed("OTLP/gRPC").await;
        let loki = &self.loki;
        eventually("the server is ready", READY, async || {
            loki.get("/ready").await.ok().filter(|answer| answer.status == 200).map(drop)
        })
        .await;
    }

    /// The value behind `name` in the greeting of `gantry up`.
    pub async fn printed(&mut self, name: &str) -> String {
        let (log, child) = (&self.log, &mut self.child);
        eventually("the server prints its addresses", READY, async || {
            let text = fs::read_to_string(log).unwrap();
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the server ended with {status} before it was ready:\n{text}");
            }
            let found = text.lines().find_map(|line| line.trim_start().strip_prefix(name)?.strip_prefix(' '));
            found.map(|value| value.trim().to_owned())
        })
        .await
    }

    /// Waits for the end of a process that ends by itself.
    pub async fn ends(&mut self) -> ExitStatus {
        let child = &mut self.child;
        let status = eventually("the process ends", STOP, async || child.try_wait().unwrap()).await;
        self.gone = true;
        status
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// SIGTERM, and exit code 0.
    pub async fn stop(mut self) {
        self.signal(rustix::process::Signal::TERM);
        let status = self.ends().await;
        assert_eq!(status.code(), Some(0), "after SIGTERM:\n{}", self.log());
    }

    /// SIGKILL.
    pub fn kill(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if !self.gone {
            // A process that is gone already is what is wanted.
            let _ = self.child.kill();
            let _ = self.child.wait();
            self.gone = true;
        }
    }

    fn unexpected(&self) -> Vec<String> {
        let bad = |line: &&str| line.contains(r#""level":"WARN""#) || line.contains(r#""level":"ERROR""#);
        let expected = |line: &&str| self.expected.iter().any(|part| line.contains(part));
        let panicked = |line: &str| line.contains("panicked at");
        let log = self.log();
        log.lines().filter(|line| panicked(line) || (bad(line) && !expected(line))).map(str::to_owned).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
        if std::thread::panicking() {
            eprintln!("--- log of the server\n{}", self.log());
        } else {
            let unexpected = self.unexpected();
            assert!(unexpected.is_empty(), "unexpected in the log of the server:\n{}", unexpected.join("\n"));
        }
    }
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
