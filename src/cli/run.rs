//! `gantry run`: a command whose output is shipped; signals go in, the exit status comes out.

mod measure;

use super::{Failure, ServerArgs};
use crate::push::PushSink;
use crate::telemetry;
use clap::Args;
use gantry_ingest::collect::{ChildProcess, CollectMetrics, LineReaderCollector, ProcessOptions, ReaderOptions, Sink};
use gantry_ingest::multiline::Joining;
use gantry_model::{Clock, LabelSet, SystemClock, TenantId};
use measure::Measure;
use prometheus::Registry;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const EXAMPLES: &str = "\
Examples:
  gantry run -- ./server --port 8080
  gantry run --label app=nightly --label env=prod -- sh -c 'echo started; make all'
  gantry run --quiet -- ./noisy               ships, and prints nothing here
  journalctl -f -o cat | gantry run --label app=journal -

Lines carry the labels app (the program's name), host and stream, and what --label says. SIGTERM, SIGINT and SIGHUP are
passed on. While the command runs, what it and all that it started use is sent as metrics process_cpu_seconds_total,
process_resident_memory_bytes and so on, with job run and the label app. The exit status is the command's own; 126 and 127 mean that it could not be started or found. When the server
cannot be reached the command runs all the same: its lines wait in memory, and those that do not fit are counted.";

#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub struct RunArgs {
    /// A label of every line; may be repeated
    #[arg(short, long = "label", value_name = "NAME=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// Do not print the output here as well
    #[arg(short, long)]
    quiet: bool,
    /// How often to send what the command uses, or off
    #[arg(long, value_name = "DURATION|off", default_value = "15s", value_parser = interval)]
    metrics: Interval,
    /// Keep the lines of stack traces apart
    #[arg(long)]
    no_join: bool,
    #[command(flatten)]
    server: ServerArgs,
    /// The command and its arguments, or - to ship standard input
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// How often, if at all.
#[derive(Clone, Copy, Debug)]
struct Interval(Option<Duration>);

fn interval(text: &str) -> Result<Interval, String> {
    if text == "off" {
        return Ok(Interval(None));
    }
    match humantime::parse_duration(text) {
        Ok(interval) if interval >= Duration::from_secs(1) => Ok(Interval(Some(interval))),
        Ok(_) => Err("at least 1s".to_owned()),
        Err(error) => Err(format!("{error}; write 15s or off")),
    }
}

pub(super) fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    let legal = |(at, byte): (usize, u8)| byte == b'_' || byte.is_ascii_alphabetic() || at > 0 && byte.is_ascii_digit();
    if name.is_empty() || !name.bytes().enumerate().all(legal) {
        return Err(format!("{name:?} is no label name: use letters, digits and _, and begin with no digit"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// The exit code is the command's.
pub async fn run(args: RunArgs) -> Result<ExitCode, Failure> {
    telemetry::install_for_commands()?;
    let tenant = match &args.server.tenant {
        Some(name) => TenantId::new(name).map_err(anyhow::Error::from)?,
        None => TenantId::default_tenant(),
    };
    let sink: Arc<dyn Sink> =
        Arc::new(PushSink::new(&args.server.address(), args.server.http()?).map_err(anyhow::Error::from)?);
    let metrics = CollectMetrics::register(&Registry::new()).map_err(anyhow::Error::from)?;
    let clock = Arc::new(SystemClock);
    let labels: BTreeMap<String, String> = args.labels.into_iter().collect();
    let joining = (!args.no_join).then(Joining::default);
    if args.command == ["-"] {
        let options = ReaderOptions { tenant, joining, ..ReaderOptions::default() };
        return ship_stdin(options, labels, sink, clock, &metrics).await;
    }
    let options = ProcessOptions {
        tenant: tenant.clone(),
        labels: labels.clone(),
        joining,
        tee: !args.quiet,
        ..ProcessOptions::new(args.command)
    };
    let child = match ChildProcess::spawn(options, sink, clock, &metrics) {
        Ok(child) => child,
        Err(error) => {
            eprintln!("gantry: {error}");
            return Ok(exit_code(error.exit_code()));
        }
    };
    let measure = match (args.metrics, child.pid()) {
        (Interval(Some(every)), Some(pid)) => {
            let server = (args.server.address(), args.server.http()?);
            Some(Measure::new(pid, &child.app(), &labels, tenant, server, every)?)
        }
        _ => None,
    };
    let measuring = async {
        match measure {
            Some(measure) => measure.run().await,
            None => std::future::pending().await,
        }
    };
    let report = tokio::select! {
        report = child.wait(CancellationToken::new()) => report.map_err(anyhow::Error::from)?,
        never = measuring => match never {},
    };
    if report.lost > 0 {
        eprintln!("gantry: {} of {} lines could not be stored at {}", report.lost, report.lines, args.server.address());
    }
    Ok(exit_code(report.exit_code))
}

async fn ship_stdin(
    options: ReaderOptions,
    labels: BTreeMap<String, String>,
    sink: Arc<dyn Sink>,
    clock: Arc<dyn Clock>,
    metrics: &CollectMetrics,
) -> Result<ExitCode, Failure> {
    let defaults = [("app".to_owned(), "stdin".to_owned()), ("stream".to_owned(), "stdin".to_owned())];
    let labels = LabelSet::from_pairs(defaults.into_iter().chain(labels));
    let options = ReaderOptions { labels, ..options };
    let reader = LineReaderCollector::stdin(options, sink, clock, metrics);
    let report = reader.run(CancellationToken::new()).await;
    if let Some(cause) = report.error {
        return Err(anyhow::Error::from(cause).context("standard input cannot be read").into());
    }
    if report.lost > 0 {
        eprintln!("gantry: {} lines could not be stored", report.lost);
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn exit_code(code: i32) -> ExitCode {
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
