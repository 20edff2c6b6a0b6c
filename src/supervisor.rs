//! Named tasks and a shutdown in phases.
//!
//! Every long task of the process is started by [`Supervisor::spawn`] under a [`Kind`]. The kind says in which phase of
//! the shutdown the task is told to stop, and what its failure means. A panic is caught, named and treated as a failure.
//!
//! Never here: what the tasks do. Start with [`Supervisor::spawn`], then [`Supervisor::drain`].

use futures::FutureExt;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::io::IsTerminal;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

#[cfg(test)]
mod tests;

/// What a task is for. The order is the order in which a shutdown stops them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Brings lines in: collectors, syslog, OTLP over gRPC. A failure is reported; the rest goes on.
    Source,
    /// Turns received lines into commits. A failure stops the process.
    Ingest,
    /// Sends what was stored to elsewhere. A failure is reported; the rest goes on.
    Outgoing,
    /// Keeps the store working. A failure stops the process.
    Store,
    /// Answers clients. A failure stops the process.
    Serving,
    /// Watches Gantry itself. A failure is reported; the rest goes on.
    Telemetry,
}

const KINDS: [Kind; 6] = [Kind::Source, Kind::Ingest, Kind::Outgoing, Kind::Store, Kind::Serving, Kind::Telemetry];
const NAME_STRAGGLERS_EVERY: Duration = Duration::from_secs(5);

impl Kind {
    /// Whether the process cannot go on without tasks of this kind.
    fn is_vital(self) -> bool {
        matches!(self, Kind::Ingest | Kind::Store | Kind::Serving)
    }
}

/// Starts, watches and stops tasks. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Supervisor(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    tasks: Mutex<Tasks>,
    changed: Notify,
    stop: [CancellationToken; KINDS.len()],
    failed: CancellationToken,
}

#[derive(Debug, Default)]
struct Tasks {
    next: u64,
    running: BTreeMap<u64, (Kind, String)>,
    first_failure: Option<String>,
}

/// One phase of a shutdown: stop the tasks of `kind`, do `work`, and wait for both, but not longer than `deadline`.
pub struct Phase {
    pub kind: Kind,
    /// For people: "drain ingest to commits".
    pub title: &'static str,
    pub deadline: Duration,
    pub work: Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>,
}

impl fmt::Debug for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Phase").field("kind", &self.kind).field("title", &self.title).finish_non_exhaustive()
    }
}

impl Default for Supervisor {
    fn default() -> Self {
        Supervisor(Arc::new(Inner {
            tasks: Mutex::default(),
            changed: Notify::new(),
            stop: std::array::from_fn(|_| CancellationToken::new()),
            failed: CancellationToken::new(),
        }))
    }
}

impl Supervisor {
    /// Is cancelled when tasks of `kind` have to stop.
    pub fn stopping(&self, kind: Kind) -> CancellationToken {
        self.0.stop[kind as usize].clone()
    }

    /// Runs `task` until it ends. A vital task that ends before its phase, or fails, makes [`Supervisor::failed`] true.
    #[allow(clippy::disallowed_methods, reason = "the one place where tasks are started")]
    pub fn spawn<F>(&self, kind: Kind, name: impl Into<String>, task: F)
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let name = name.into();
        let id = self.0.tasks.lock().add(kind, name.clone());
        let this = self.clone();
        tokio::spawn(async move {
            let outcome = AssertUnwindSafe(task).catch_unwind().await;
            let outcome = outcome.unwrap_or_else(|panic| Err(anyhow::anyhow!("panicked: {}", panic_text(&*panic))));
            this.ended(id, kind, &name, outcome);
        });
    }

    fn ended(&self, id: u64, kind: Kind, name: &str, outcome: anyhow::Result<()>) {
        let stopping = self.stopping(kind).is_cancelled();
        let failure = match outcome {
            Err(cause) => Some(format!("{cause:#}")),
            Ok(()) if kind.is_vital() && !stopping => Some("ended on its own".to_owned()),
            Ok(()) => None,
        };
        let mut tasks = self.0.tasks.lock();
        tasks.running.remove(&id);
        if let Some(failure) = failure {
            error!(task = name, ?kind, "task failed: {failure}");
            if kind.is_vital() {
                tasks.first_failure.get_or_insert_with(|| format!("{name}: {failure}"));
                self.0.failed.cancel();
            }
        }
        drop(tasks);
        self.0.changed.notify_waiters();
    }

    /// Waits until a vital task has failed.
    pub async fn failed(&self) {
        self.0.failed.cancelled().await;
    }

    /// Name and cause of the first vital task that failed.
    pub fn first_failure(&self) -> Option<String> {
        self.0.tasks.lock().first_failure.clone()
    }

    /// Runs the phases one after the other. `false` when a deadline passed or the work of a phase failed.
    pub async fn drain(&self, phases: Vec<Phase>) -> bool {
        let mut clean = true;
        for phase in phases {
            clean &= self.run_phase(phase).await;
        }
        clean
    }

    /// Stops what was started when the start came to nothing: in the order of a shutdown, each kind in `deadline` at most.
    pub async fn abandon(&self, deadline: Duration) {
        for kind in KINDS {
            self.0.stop[kind as usize].cancel();
            if tokio::time::timeout(deadline, self.wait_for(kind)).await.is_err() {
                warn!("gave up waiting for {}", self.names(kind));
            }
        }
    }

    async fn run_phase(&self, phase: Phase) -> bool {
        let Phase { kind, title, deadline, work } = phase;
        self.0.stop[kind as usize].cancel();
        let both = async {
            let work = AssertUnwindSafe(work).catch_unwind().await;
            self.wait_for(kind).await;
            work.unwrap_or_else(|panic| Err(anyhow::anyhow!("panicked: {}", panic_text(&*panic))))
        };
        tokio::pin!(both);
        let give_up = tokio::time::sleep(deadline);
        tokio::pin!(give_up);
        let mut remind = tokio::time::interval(NAME_STRAGGLERS_EVERY);
        remind.tick().await;
        loop {
            tokio::select! {
                outcome = &mut both => {
                    match &outcome {
                        Ok(()) => info!("shutdown: {title}: done"),
                        Err(cause) => error!("shutdown: {title}: {cause:#}"),
                    }
                    return outcome.is_ok();
                }
                () = &mut give_up => {
                    error!("shutdown: {title}: gave up after {}; still running: {}",
                        humantime::format_duration(deadline), self.names(kind));
                    return false;
                }
                _ = remind.tick() => warn!("shutdown: {title}: waiting for {}", self.names(kind)),
            }
        }
    }

    async fn wait_for(&self, kind: Kind) {
        loop {
            let changed = self.0.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if self.running(kind).is_empty() {
                return;
            }
            changed.await;
        }
    }

    /// Names of the tasks of `kind` that run now.
    pub fn running(&self, kind: Kind) -> Vec<String> {
        self.0.tasks.lock().running.values().filter(|(of, _)| *of == kind).map(|(_, name)| name.clone()).collect()
    }

    fn names(&self, kind: Kind) -> String {
        let names = self.running(kind);
        if names.is_empty() { "the work of this phase".to_owned() } else { names.join(", ") }
    }
}

impl Tasks {
    fn add(&mut self, kind: Kind, name: String) -> u64 {
        self.next += 1;
        self.running.insert(self.next, (kind, name));
        self.next
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

/// Waits for SIGTERM or SIGINT and names it; on a terminal also for SIGHUP, which says that it is closed.
pub async fn asked_to_stop() -> std::io::Result<&'static str> {
    let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut closed = signal(SignalKind::hangup())?;
    let on_terminal = std::io::stderr().is_terminal() || std::io::stdout().is_terminal();
    tokio::select! {
        _ = term.recv() => Ok("SIGTERM"),
        _ = int.recv() => Ok("SIGINT"),
        _ = closed.recv(), if on_terminal => Ok("SIGHUP"),
    }
}

/// SIGHUP without a terminal, which asks a server to read its files again.
#[derive(Debug)]
pub struct Hangup(Signal);

impl Hangup {
    /// From now on the signal does not end the process.
    ///
    /// # Errors
    /// When the system does not let a signal be handled.
    pub fn new() -> std::io::Result<Self> {
        Ok(Hangup(signal(SignalKind::hangup())?))
    }

    pub async fn wait(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending().await
        }
    }
}
