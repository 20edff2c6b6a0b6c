//! The measurement of metrics: the same remote writes and questions for Gantry and, when asked, for its peers.
//!
//! Start with [`run`]. `world` makes the samples, `wire` encodes them, `measure` is one server, `table` prints.

mod measure;
mod query;
mod table;
mod wire;
mod world;

use crate::load;
use crate::run::program::Program;
use crate::run::server::Launch;
use crate::run::{remove, say};
use anyhow::{Context, Result};
use measure::{Measured, WRITE};
use reqwest::Client;
use std::path::PathBuf;
use wire::Shape;

#[derive(Debug, clap::Args)]
pub struct Options {
    /// The binary to measure.
    #[arg(long)]
    server: PathBuf,
    /// Where encoded writes, data directories and server logs go.
    #[arg(long)]
    work: PathBuf,
    /// Series at any time.
    #[arg(long, default_value_t = 10_000)]
    series: usize,
    /// Scrapes of each, 15 s apart; 960 are four hours.
    #[arg(long, default_value_t = 960)]
    scrapes: usize,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    #[arg(long, default_value_t = 4)]
    connections: usize,
    /// Warm repetitions of each query.
    #[arg(long, default_value_t = 9)]
    repeats: usize,
    /// Leaves `prometheus` and `victoria-metrics` out.
    #[arg(long)]
    alone: bool,
    /// Series that are active at once in the measurement of memory; 0 leaves it out.
    #[arg(long, default_value_t = 1_000_000)]
    active_series: usize,
}

/// Memory of many series at once.
#[derive(Debug)]
pub struct Active {
    pub series: usize,
    pub samples_per_second: f64,
    pub rss_loaded: u64,
    /// Until all of them were in blocks.
    pub rss_compacted: u64,
}

/// Measures and prints.
///
/// # Errors
/// A server cannot be run, or an answer is not Prometheus'.
pub async fn run(options: &Options) -> Result<()> {
    let client = load::client()?;
    let shape = Shape {
        series: options.series,
        scrapes: options.scrapes,
        seed: options.seed,
        connections: options.connections,
    };
    say("encoding the writes");
    let spool = wire::encode(spool_dir(options, &shape), shape)?;
    let pod = world::world(shape.series, shape.scrapes, &mut crate::rng::Rng::new(shape.seed))
        .first()
        .and_then(|target| target.series.first())
        .and_then(|series| series.labels.iter().find(|(name, _)| name == "pod").map(|(_, value)| value.clone()))
        .context("a world without a pod")?;
    let queries = query::all(&shape, &pod);
    let mut programs = vec![Program::Gantry(options.server.clone())];
    if !options.alone {
        programs.extend([Program::Prometheus, Program::VictoriaMetrics]);
    }
    let mut measured: Vec<Measured> = Vec::new();
    for program in programs {
        let launch = launch(options, program);
        measured.push(measure::measure(&launch, &client, &spool, &queries, options.repeats).await?);
    }
    let active = if options.active_series > 0 { Some(active(options, &client).await?) } else { None };
    println!("{}", table::Report { measured: &measured, active: active.as_ref() });
    check(&measured)
}

fn check(measured: &[Measured]) -> Result<()> {
    let Some(prometheus) = measured.iter().find(|one| one.program == Program::Prometheus) else { return Ok(()) };
    let ours = measured.iter().find(|one| matches!(one.program, Program::Gantry(_))).context("Gantry was measured")?;
    for (ours, theirs) in ours.answers.iter().zip(&prometheus.answers) {
        query::check(&ours.query, &ours.answer, &theirs.answer)?;
    }
    println!("every answer is Prometheus' within 1e-9");
    Ok(())
}

fn spool_dir(options: &Options, shape: &Shape) -> PathBuf {
    let name = format!("writes-{}-{}-{}-{}", shape.series, shape.scrapes, shape.seed, shape.connections);
    options.work.join(name)
}

fn launch(options: &Options, program: Program) -> Launch {
    let data = options.work.join(format!("metrics-{program}"));
    Launch { program, data, log: options.work.join("server.log"), settings: Vec::new() }
}

/// Three scrapes of many series.
async fn active(options: &Options, client: &Client) -> Result<Active> {
    let shape =
        Shape { series: options.active_series, scrapes: 3, seed: options.seed, connections: options.connections };
    say("encoding the writes of many series");
    let spool = wire::encode(spool_dir(options, &shape), shape)?;
    let launch = launch(options, Program::Gantry(options.server.clone()));
    remove(&launch)?;
    let server = launch.start(client).await?;
    say("loading many series");
    let loaded = load::send(&server.url, WRITE, &spool).await?;
    let rss_loaded = server.peak_rss()?;
    measure::compact(&launch, &server, client).await?;
    let rss_compacted = server.peak_rss()?;
    server.stop()?;
    remove(&launch)?;
    Ok(Active { series: shape.series, samples_per_second: loaded.lines_per_second(), rss_loaded, rss_compacted })
}
