//! The whole measurement: load, flush, compact, restart, ask, tail, kill; then one table with the targets.

mod reference;
mod server;
mod table;

use crate::corpus::files::{self, Corpus};
use crate::load::{self, Loaded};
use crate::query::{self, Answered};
use crate::tail::{self, Tailed};
use anyhow::{Context, Result};
use reference::Reference;
use reqwest::Client;
use server::{Launch, Server, disk_bytes};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub struct Options {
    /// The binary to measure.
    #[arg(long)]
    pub server: PathBuf,
    /// Where corpora, data directories and server logs go.
    #[arg(long)]
    pub work: PathBuf,
    #[arg(long, default_value_t = 1_000_000)]
    pub lines: u64,
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    #[arg(long, default_value_t = 4)]
    pub connections: usize,
    /// Bytes of log lines in a push.
    #[arg(long, default_value = "1MiB", value_parser = crate::parse_bytes)]
    pub body: u64,
    /// Warm repetitions of each query.
    #[arg(long, default_value_t = 9)]
    pub repeats: usize,
    /// Lines in the log when the server is killed: five million leave about 200 MB.
    #[arg(long, default_value_t = 5_000_000)]
    pub kill_lines: u64,
    /// Lines sent one at a time through the live tail.
    #[arg(long, default_value_t = 200)]
    pub tail_lines: usize,
}

/// Everything that was measured.
#[derive(Debug)]
pub struct Measured {
    reference: Reference,
    ingest: Ingest,
    queries: Vec<Answered>,
    query_rss: u64,
    tail: Tailed,
    restart_clean: Duration,
    restart_killed: Duration,
    wal_bytes: u64,
}

#[derive(Debug)]
struct Ingest {
    loaded: Loaded,
    cpu_to_ack: f64,
    cpu_to_flush: f64,
    cpu_to_compacted: f64,
    flush: Duration,
    compaction: Duration,
    peak_rss: u64,
    peak_rss_compacted: u64,
    disk_flushed: u64,
    disk_all: u64,
    disk_splits: u64,
}

/// Name of the directory that holds the split files, below the data directory.
const SPLITS: &str = "objects";
/// And of the one with the write-ahead log.
const WAL: &str = "wal";

/// Measures and prints.
pub async fn run(options: &Options) -> Result<()> {
    let corpus = corpus(options, options.lines)?;
    let client = load::client()?;
    say("measuring zstd and grep over the raw lines");
    let reference = reference::measure(&corpus.raw(), &corpus.truth.needle, &options.work)?;
    let launch = launch(options, "data")?;
    let mut server = launch.start(&client).await?;
    let ingest = ingest(&server, &client, &corpus, options, &launch.data).await?;
    say("cold queries, each after a restart");
    let mut cold = Vec::new();
    let mut restarts = Vec::new();
    for query in query::all(&corpus.truth) {
        server.stop()?;
        server = launch.start(&client).await?;
        restarts.push(server.started_in);
        cold.push(query::ask(&client, &server.url, &query, &corpus.truth).await?);
    }
    say("warm queries");
    let mut queries = query::warm(&client, &server.url, &corpus.truth, options.repeats).await?;
    queries.iter_mut().zip(cold).for_each(|(query, cold)| query.cold = Some(cold));
    say("live tail");
    let tail = tail::measure(&server.url, options.tail_lines).await?;
    let query_rss = server.peak_rss()?;
    server.stop()?;
    restarts.sort_unstable();
    let (restart_killed, wal_bytes) = kill(options, &client).await?;
    let restart_clean = restarts[restarts.len() / 2];
    let measured = Measured { reference, ingest, queries, query_rss, tail, restart_clean, restart_killed, wal_bytes };
    println!("{}", table::Report(&measured));
    Ok(())
}

fn say(what: &str) {
    eprintln!("bench: {what}");
}

fn corpus(options: &Options, lines: u64) -> Result<Corpus> {
    let dir = options.work.join(format!("corpus-{lines}-{}", options.seed));
    if !dir.join("truth.json").exists() {
        say("generating the corpus");
        files::generate(&dir, options.seed, lines)?;
    }
    Corpus::open(&dir)
}

/// With a fresh data directory below the working directory.
fn launch(options: &Options, name: &str) -> Result<Launch> {
    let data = options.work.join(name);
    if data.exists() {
        fs::remove_dir_all(&data).with_context(|| format!("removing {}", data.display()))?;
    }
    Ok(Launch { binary: options.server.clone(), data, log: options.work.join("server.log"), settings: Vec::new() })
}

async fn ingest(server: &Server, client: &Client, corpus: &Corpus, options: &Options, data: &Path) -> Result<Ingest> {
    say("encoding the pushes");
    let bodies = load::encode(corpus, options.connections, options.body)?;
    say("loading");
    let before = server.cpu_seconds()?;
    let loaded = load::send(&server.url, bodies).await?;
    let cpu_to_ack = server.cpu_seconds()? - before;
    let flush = server.post(client, "/flush").await?;
    let (cpu_to_flush, peak_rss) = (server.cpu_seconds()? - before, server.peak_rss()?);
    let (disk_flushed, _) = disk_bytes(data, SPLITS)?;
    say("compacting");
    let compaction = server.post(client, "/api/v1/admin/compact").await?;
    let (disk_all, disk_splits) = disk_bytes(data, SPLITS)?;
    Ok(Ingest {
        loaded,
        cpu_to_ack,
        cpu_to_flush,
        cpu_to_compacted: server.cpu_seconds()? - before,
        flush,
        compaction,
        peak_rss,
        peak_rss_compacted: server.peak_rss()?,
        disk_flushed,
        disk_all,
        disk_splits,
    })
}

/// Nothing becomes splits by itself: the log has to hold every line.
const ALL_IN_LOG: [(&str, &str); 2] =
    [("GANTRY__STORE__MEMTABLE_BYTES", "64GiB"), ("GANTRY__STORE__MEMTABLE_AGE", "1day")];

/// Loads into a second data directory, kills the server without a flush, and measures the next start, which has the
/// default settings again.
async fn kill(options: &Options, client: &Client) -> Result<(Duration, u64)> {
    let corpus = corpus(options, options.kill_lines)?;
    say("kill -9 after a load");
    let mut launch = launch(options, "data-killed")?;
    launch.settings = ALL_IN_LOG.to_vec();
    let server = launch.start(client).await?;
    load::send(&server.url, load::encode(&corpus, options.connections, options.body)?).await?;
    server.kill()?;
    let (_, wal) = disk_bytes(&launch.data, WAL)?;
    launch.settings.clear();
    let server = launch.start(client).await?;
    let took = server.started_in;
    let counts = query::all(&corpus.truth).into_iter().next().context("no queries")?;
    query::ask(client, &server.url, &counts, &corpus.truth).await.context("after kill -9")?;
    server.stop()?;
    Ok((took, wal))
}
