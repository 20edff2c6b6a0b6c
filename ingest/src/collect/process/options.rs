//! What to run and how its output is kept.

use crate::multiline::Joining;
use gantry_model::{LabelSet, TenantId};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A command and the treatment of its lines.
#[derive(Clone, Debug)]
pub struct ProcessOptions {
    /// Names the collector in metrics.
    pub name: String,
    pub tenant: TenantId,
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// Added to the environment of this process.
    pub environment: BTreeMap<OsString, OsString>,
    /// Working directory; this process's own by default.
    pub directory: Option<PathBuf>,
    /// Added to, and winning over, `app` (the program's name) and `host`; `stream` is always set.
    pub labels: BTreeMap<String, String>,
    /// Also write the bytes to this process's stdout and stderr.
    pub tee: bool,
    /// Pass on SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2. While standard input is a terminal, SIGINT and
    /// SIGQUIT are left to it: it sends them to the command as well.
    pub forward_signals: bool,
    /// How lines are joined to entries such as stack traces, stdout and stderr apart; `None`: not at all.
    pub joining: Option<Joining>,
    /// Longest line in bytes; the rest of a longer one is left out and counted.
    pub max_line_bytes: usize,
    /// Memory for lines that are not sent yet.
    pub buffer_bytes: usize,
    /// How long a full buffer may hold up the command before lines are dropped. `None`: for ever.
    pub block_for: Option<Duration>,
    /// How long a line may wait for others to be sent with it.
    pub batch_delay: Duration,
    /// How long to go on reading silent pipes after the command has ended.
    pub linger: Duration,
    /// How long sending may take after the command has ended.
    pub drain_timeout: Duration,
    /// How long the command may take to end after SIGTERM.
    pub stop_grace: Duration,
}

impl ProcessOptions {
    pub fn new(command: Vec<OsString>) -> Self {
        ProcessOptions {
            name: "run".to_owned(),
            tenant: TenantId::default_tenant(),
            command,
            environment: BTreeMap::new(),
            directory: None,
            labels: BTreeMap::new(),
            tee: false,
            forward_signals: true,
            joining: Some(Joining::default()),
            max_line_bytes: 256 << 10,
            buffer_bytes: 16 << 20,
            block_for: Some(Duration::from_secs(1)),
            batch_delay: Duration::from_millis(50),
            linger: Duration::from_secs(1),
            drain_timeout: Duration::from_secs(15),
            stop_grace: Duration::from_secs(10),
        }
    }

    pub(super) fn stream(&self, stream: &str) -> LabelSet {
        let program = self.command.first().map(|program| Path::new(program).file_name().unwrap_or(program));
        let app = program.unwrap_or_default().to_string_lossy();
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let own = [("app", &*app), ("host", host.trim())];
        let given = self.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        LabelSet::from_pairs(own.into_iter().chain(given).chain([("stream", stream)]))
    }
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcessReport {
    /// The command's own, or 128 + n when signal n ended it.
    pub exit_code: i32,
    /// Lines that it wrote.
    pub lines: u64,
    /// Lines that could not be stored.
    pub lost: u64,
}

/// Why the command did not run.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    #[error("no command was given")]
    NoCommand,
    #[error("{0:?}: no such command")]
    NotFound(OsString),
    #[error("{program:?} can not be started: {source}")]
    NotStarted { program: OsString, source: io::Error },
    #[error("signals can not be listened to: {0}")]
    Signals(io::Error),
    #[error("the command can not be waited for: {0}")]
    Wait(io::Error),
}

impl ProcessError {
    pub(super) fn spawn(program: &OsStr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => ProcessError::NotFound(program.to_owned()),
            _ => ProcessError::NotStarted { program: program.to_owned(), source },
        }
    }

    /// What a shell would exit with.
    pub fn exit_code(&self) -> i32 {
        match self {
            ProcessError::NotFound(_) => 127,
            ProcessError::NotStarted { .. } => 126,
            ProcessError::NoCommand => 64,
            ProcessError::Signals(_) | ProcessError::Wait(_) => 1,
        }
    }
}
