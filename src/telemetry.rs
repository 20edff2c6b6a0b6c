//! How Gantry reports on itself: its log on standard error, the same log kept as tenant `_gantry`, and process metrics.
//!
//! Never here: the logs of anybody else. Start with [`install`].

mod process;
mod self_log;

pub use process::ProcessMetrics;
pub use self_log::{SelfLog, SelfLogLayer};

use crate::config::{LogFormat, TelemetryOptions};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

/// Warnings to standard error: for commands that do something in the background.
pub fn install_for_commands() -> anyhow::Result<()> {
    let stderr = fmt::layer().with_writer(std::io::stderr).without_time().with_target(false);
    let shown = Targets::new().with_target("gantry", tracing::Level::WARN);
    Ok(tracing_subscriber::registry().with(stderr.with_filter(shown)).try_init()?)
}

/// Sends events to standard error and, when the options say so, to the returned [`SelfLog`], which waits for a store.
pub fn install(options: &TelemetryOptions, registry: &prometheus::Registry) -> anyhow::Result<Option<SelfLog>> {
    let shown: Targets = options.log.parse()?;
    let (kept, self_log) = match options.self_ingest {
        true => {
            let (layer, log) = self_log::channel(options.self_lines_per_second, registry)?;
            (Some(layer.with_filter(self_log::filter())), Some(log))
        }
        false => (None, None),
    };
    let stderr = fmt::layer().with_writer(std::io::stderr).with_span_events(FmtSpan::NONE);
    let stderr = match options.log_format {
        LogFormat::Json => stderr.json().flatten_event(true).boxed(),
        LogFormat::Human => stderr.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).boxed(),
    };
    tracing_subscriber::registry().with(stderr.with_filter(shown)).with(kept).try_init()?;
    Ok(self_log)
}
