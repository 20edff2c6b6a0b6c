//! `gantry-bench`: seeded corpora of logs and of samples, load clients, and the measurements that stand in `bench/README.md`.
//!
//! It speaks only HTTP to the server it measures. Start with `corpus`, then `load`, `query`, `tail`; `run` does all. `metrics` does it for samples.

mod corpus;
mod load;
mod metrics;
mod push;
mod query;
mod rng;
mod rows;
mod run;
mod stats;
mod tail;

use anyhow::Result;
use clap::{Parser, Subcommand};
use corpus::files::Corpus;
use std::path::{Path, PathBuf};

#[derive(Debug, Parser)]
#[command(version, about = "Corpus, load client and measurements for Gantry")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write a corpus of container logs.
    Generate {
        #[arg(long, default_value_t = 1_000_000)]
        lines: u64,
        #[arg(long, value_enum, default_value_t)]
        profile: corpus::Profile,
        #[arg(long, default_value_t = 1)]
        seed: u64,
        #[arg(long)]
        out: PathBuf,
    },
    /// Push a corpus to a server and print what it took.
    Load {
        #[arg(long)]
        corpus: PathBuf,
        #[arg(long, default_value = "http://127.0.0.1:3100")]
        url: String,
        #[arg(long, default_value_t = 4)]
        connections: usize,
        /// Bytes of log lines in a body at most; KiB and MiB are understood.
        #[arg(long, default_value = "1MiB", value_parser = parse_bytes)]
        body: u64,
    },
    /// Ask the queries, each `repeats` times after a first one, and check the answers.
    Query {
        #[arg(long)]
        corpus: PathBuf,
        #[arg(long, default_value = "http://127.0.0.1:3100")]
        url: String,
        #[arg(long, default_value_t = 9)]
        repeats: usize,
        /// Ids of queries, separated by commas, such as `Q4,Q7`; all without it.
        #[arg(long, value_delimiter = ',')]
        only: Vec<String>,
    },
    /// Push lines one at a time and print how long after its acknowledgement each reached a tail.
    Tail {
        #[arg(long, default_value = "http://127.0.0.1:3100")]
        url: String,
        #[arg(long, default_value_t = 200)]
        lines: usize,
    },
    /// Measure a server binary from an empty data directory on, and print the table.
    Run(run::Options),
    /// Measure samples: remote write and PromQL, beside `prometheus` and `victoria-metrics` on the same data.
    Metrics(metrics::Options),
}

fn parse_bytes(text: &str) -> Result<u64, String> {
    let units = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("", 1)];
    let (digits, unit) =
        units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, unit))).unwrap_or((text, &1));
    let number: u64 = digits.trim().parse().map_err(|_| format!("{text} is no size, such as 512KiB or 1MiB"))?;
    number.checked_mul(*unit).ok_or_else(|| format!("{text} is too large"))
}

#[tokio::main]
async fn main() -> Result<()> {
    // The HTTP client wants to know its TLS provider even for plain HTTP; a second installation is harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match Cli::parse().command {
        Command::Generate { lines, profile, seed, out } => {
            let truth = corpus::files::generate(&out, profile, seed, lines)?;
            println!("{} lines, {} bytes of bodies, {} with error", truth.lines, truth.body_bytes, truth.errors);
        }
        Command::Load { corpus, url, connections, body } => {
            let spool = load::encode(&Corpus::open(&corpus)?, connections, body)?;
            println!("{}", load::send(&url, load::PUSH, &spool).await?);
        }
        Command::Query { corpus, url, repeats, only } => query(&corpus, &url, repeats, &only).await?,
        Command::Tail { url, lines } => {
            let tailed = tail::measure(&url, lines).await?;
            let (p50, p99) = (tailed.latencies.median_ms(), tailed.latencies.percentile_ms(0.99));
            println!("{lines} lines: ack to arrival p50 {p50:.1} ms, p99 {p99:.1} ms, {} dropped", tailed.dropped);
        }
        Command::Run(options) => run::run(&options).await?,
        Command::Metrics(options) => metrics::run(&options).await?,
    }
    Ok(())
}

async fn query(corpus: &Path, url: &str, repeats: usize, only: &[String]) -> Result<()> {
    let corpus = Corpus::open(corpus)?;
    let queries = query::chosen(&corpus.truth, only)?;
    let grep = run::reference::measure(&corpus.raw(), &corpus.truth.needle, None)?.grep_seconds * 1e3;
    println!("grep -c -F: {grep:.0} ms");
    for it in query::warm(&load::client()?, url, &corpus.truth, &queries, repeats).await? {
        let (first, warm) = (it.cold.map_or(0.0, |took| took.as_secs_f64() * 1e3), it.warm.median_ms());
        let verdict = match it.target.met(warm, grep) {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        };
        let name = format!("{} {}", it.id, it.name);
        let ratio = warm / grep;
        println!(
            "{name:<40} first {first:>8.1} ms, then {warm:>8.1} ms, {ratio:>6.3} x grep, target {} {verdict}",
            it.target
        );
    }
    Ok(())
}
