//! [`ChildProcess`]: a command whose stdout and stderr are collected; signals go in, the exit status comes out.
//!
//! The command must never stand still because the store does: its pipes are read into a bounded buffer, and when that is
//! full for longer than [`ProcessOptions::block_for`], lines are dropped, counted and told.

mod options;
mod pump;
mod ship;
mod signals;
#[cfg(test)]
mod tests;

pub use options::{ProcessError, ProcessOptions, ProcessReport};

use super::backlog::Backlog;
use super::deliver::Delivery;
use super::metrics::Lost;
use super::stamps::Stamps;
use super::{CollectMetrics, Sink};
use gantry_model::Clock;
use pump::{Pump, Tee};
use rustix::process::Signal;
use ship::Shipper;
use signals::{SignalSource, send};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use tokio::io::AsyncRead;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

/// A running command.
#[derive(Debug)]
pub struct ChildProcess {
    child: Child,
    options: ProcessOptions,
    signals: Option<SignalSource>,
    backlog: Arc<Backlog>,
    pumps: JoinSet<()>,
    stop_pumps: CancellationToken,
    shipper: Shipper,
}

impl ChildProcess {
    /// Starts the command and the reading of its output; must be called within a tokio runtime.
    ///
    /// # Errors
    /// When there is no such command, or it can not be started.
    pub fn spawn(
        options: ProcessOptions,
        sink: Arc<dyn Sink>,
        clock: Arc<dyn Clock>,
        metrics: &CollectMetrics,
    ) -> Result<Self, ProcessError> {
        let signals = options.forward_signals.then(SignalSource::listen).transpose().map_err(ProcessError::Signals)?;
        let mut child = start(&options)?;
        let metrics = metrics.of(&options.name);
        let delivery = Delivery { sink, tenant: options.tenant.clone(), source: "process", metrics: metrics.clone() };
        let backlog = Arc::new(Backlog::new(options.buffer_bytes, options.block_for));
        let stop_pumps = CancellationToken::new();
        let stamps = Arc::new(Stamps::new(clock));
        let mut pumps = JoinSet::new();
        let mut pump = |pipe: Option<Box<dyn AsyncRead + Send + Unpin>>, stream, tee| {
            let tee = if options.tee { tee } else { Tee::Nothing };
            let (backlog, stamps, metrics) = (backlog.clone(), stamps.clone(), metrics.clone());
            let (joining, max_line_bytes) = (options.joining.clone(), options.max_line_bytes);
            let pump = Pump { backlog, stamps, metrics, stream, tee, joining, max_line_bytes };
            if let Some(pipe) = pipe {
                pumps.spawn(pump.run(pipe, stop_pumps.clone()));
            }
        };
        pump(child.stdout.take().map(|pipe| Box::new(pipe) as _), "stdout", Tee::Stdout);
        pump(child.stderr.take().map(|pipe| Box::new(pipe) as _), "stderr", Tee::Stderr);
        let shipper = Shipper::start(backlog.clone(), delivery, &options);
        Ok(ChildProcess { child, options, signals, backlog, pumps, stop_pumps, shipper })
    }

    /// The label `app` of its lines.
    pub fn app(&self) -> String {
        self.options.stream("stdout").get("app").unwrap_or_default().to_owned()
    }

    /// The number of the process; `None` once it has ended.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Until the command has ended and its lines are sent, or the time for that is over. Cancelling `stop` asks the
    /// command to end (SIGTERM, and SIGKILL when it does not).
    ///
    /// # Errors
    /// When the command can not be waited for.
    pub async fn wait(mut self, stop: CancellationToken) -> Result<ProcessReport, ProcessError> {
        let status = self.exited(&stop).await.map_err(ProcessError::Wait)?;
        let deadline = Instant::now() + self.options.drain_timeout;
        self.read_to_end(deadline).await;
        self.backlog.close();
        let stored = self.shipper.finish(deadline).await;
        let (lines, dropped) = (self.backlog.pushed(), self.backlog.dropped());
        let lost = lines.saturating_sub(stored);
        self.shipper.metrics.lost(Lost::BufferFull, dropped);
        if lost > 0 {
            tracing::warn!(lost, lines, "lines of the command could not be stored");
        }
        Ok(ProcessReport { exit_code: exit_code(status), lines, lost })
    }

    async fn exited(&mut self, stop: &CancellationToken) -> std::io::Result<ExitStatus> {
        let mut kill_at = None;
        loop {
            let killing = kill_at.unwrap_or_else(Instant::now);
            tokio::select! {
                status = self.child.wait() => return status,
                signal = next(&mut self.signals) => send(&self.child, signal),
                () = stop.cancelled(), if kill_at.is_none() => {
                    send(&self.child, Signal::TERM);
                    kill_at = Some(Instant::now() + self.options.stop_grace);
                }
                () = sleep_until(killing), if kill_at.is_some() => {
                    self.child.start_kill()?;
                    return self.child.wait().await;
                }
            }
        }
    }

    /// The pipes end when the command and all that it started have closed them. Something that it left behind may keep
    /// them open for ever: silence is an end as well.
    async fn read_to_end(&mut self, deadline: Instant) {
        let mut before = self.backlog.pushed();
        while timeout(self.options.linger, all(&mut self.pumps)).await.is_err() {
            let now = self.backlog.pushed();
            if now == before || Instant::now() >= deadline {
                self.stop_pumps.cancel();
                let _ = timeout_at(deadline + self.options.linger, all(&mut self.pumps)).await;
                return;
            }
            before = now;
        }
    }
}

fn start(options: &ProcessOptions) -> Result<Child, ProcessError> {
    let Some((program, arguments)) = options.command.split_first() else { return Err(ProcessError::NoCommand) };
    let mut command = Command::new(program);
    command.args(arguments).envs(&options.environment).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    if let Some(directory) = &options.directory {
        command.current_dir(directory);
    }
    command.spawn().map_err(|source| ProcessError::spawn(program, source))
}

async fn all(pumps: &mut JoinSet<()>) {
    while pumps.join_next().await.is_some() {}
}

async fn next(signals: &mut Option<SignalSource>) -> Signal {
    match signals {
        Some(signals) => signals.next().await,
        None => std::future::pending().await,
    }
}

/// As a shell reports it: 128 + n for a command that signal n ended.
fn exit_code(status: ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}
