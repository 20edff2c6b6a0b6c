//! Signals that are passed on.

use rustix::process::{Pid, Signal, kill_process};
use std::future::poll_fn;
use std::io::{self, IsTerminal};
use std::task::Poll;
use tokio::process::Child;
use tokio::signal::unix::{self, SignalKind, signal};

/// What was sent to this process.
#[derive(Debug)]
pub(super) struct SignalSource {
    streams: Vec<(unix::Signal, Signal)>,
}

impl SignalSource {
    pub fn listen() -> io::Result<Self> {
        let from_terminal = io::stdin().is_terminal();
        let kinds = [
            (SignalKind::terminate(), Signal::TERM, true),
            (SignalKind::hangup(), Signal::HUP, true),
            (SignalKind::user_defined1(), Signal::USR1, true),
            (SignalKind::user_defined2(), Signal::USR2, true),
            (SignalKind::interrupt(), Signal::INT, !from_terminal),
            (SignalKind::quit(), Signal::QUIT, !from_terminal),
        ];
        let mut streams = Vec::new();
        for (kind, name, forward) in kinds {
            let stream = signal(kind)?;
            // Listening alone keeps the signal from ending this process before the command's last lines are stored.
            streams.push((stream, name, forward));
        }
        Ok(SignalSource { streams: streams.into_iter().filter(|s| s.2).map(|(s, name, _)| (s, name)).collect() })
    }

    /// Cancel safe.
    pub async fn next(&mut self) -> Signal {
        poll_fn(|cx| {
            for (stream, name) in &mut self.streams {
                if stream.poll_recv(cx).is_ready() {
                    return Poll::Ready(*name);
                }
            }
            Poll::Pending
        })
        .await
    }
}

/// To the command, unless it has ended.
pub(super) fn send(child: &Child, signal: Signal) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid
        && let Err(error) = kill_process(pid, signal)
    {
        tracing::debug!(?signal, %error, "a signal could not be passed on");
    }
}
