//! The whole measurement: load, flush, compact, restart, ask, tail, load beside queries, kill; then tables with the targets.

mod ingest;
mod kill;
mod mixed;
pub mod program;
pub mod reference;
pub mod server;
mod table;

use crate::corpus::Profile;
use crate::corpus::files::{self, Corpus};
use crate::load;
use crate::query::{self, Answered, LARGE};
use crate::tail::{self, Tailed};
use anyhow::{Context, Result};
use ingest::Ingest;
use kill::Killed;
use mixed::Mixed;
use program::Program;
use reference::Reference;
use reqwest::Client;
use server::Launch;
use std::fs;
use std::path::PathBuf;
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
    #[arg(long, value_enum, default_value_t)]
    pub profile: Profile,
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
    /// Lines of the second corpus, for the load beside queries and for the kill, which finds all of them in the log. Five
    /// million leave a log of about 200 MB; by default a million where lines are wide JSON. 0 leaves both out.
    #[arg(long)]
    pub second_lines: Option<u64>,
    /// Clients that ask beside the load.
    #[arg(long, default_value_t = 10)]
    pub clients: usize,
    /// Lines sent one at a time through the live tail.
    #[arg(long, default_value_t = 200)]
    pub tail_lines: usize,
    /// Keeps the data directories, to look into them.
    #[arg(long)]
    pub keep_data: bool,
}

/// Everything that was measured.
#[derive(Debug)]
struct Measured {
    profile: Profile,
    reference: Reference,
    size: Size,
    /// The same at a tenth of the lines, when there are many.
    tenth: Option<Size>,
    mixed: Option<Mixed>,
    killed: Option<Killed>,
}

/// What was measured with a corpus of one size.
#[derive(Debug)]
struct Size {
    ingest: Ingest,
    queries: Vec<Answered>,
    /// From the start of a process until the queries and the tail are done.
    query_rss: u64,
    tail: Tailed,
    /// After a clean stop, the median.
    restart: Duration,
}

/// Measures and prints.
pub async fn run(options: &Options) -> Result<()> {
    let corpus = corpus(options, options.lines)?;
    let client = load::client()?;
    say("measuring zstd and grep over the raw lines");
    let reference = reference::measure(&corpus.raw(), &corpus.truth.needle, Some(&options.work))?;
    let tenth = if options.lines >= LARGE {
        say("a tenth of the lines first");
        Some(size(options, &self::corpus(options, options.lines / 10)?, &client).await?)
    } else {
        None
    };
    let size = size(options, &corpus, &client).await?;
    let second = options.second_lines.unwrap_or(match options.profile {
        Profile::Natural => 5_000_000,
        Profile::Json => 1_000_000,
    });
    let (mut mixed, mut killed) = (None, None);
    if second > 0 {
        let corpus = self::corpus(options, second)?;
        mixed = Some(mixed::measure(options, &corpus, &client).await?);
        killed = Some(kill::measure(options, &corpus, &client).await?);
    }
    let measured = Measured { profile: options.profile, reference, size, tenth, mixed, killed };
    println!("{}", table::Report(&measured));
    Ok(())
}

pub fn say(what: &str) {
    eprintln!("bench: {what}");
}

fn corpus(options: &Options, lines: u64) -> Result<Corpus> {
    let profile = match options.profile {
        Profile::Natural => "",
        Profile::Json => "json-",
    };
    let dir = options.work.join(format!("corpus-{profile}{lines}-{}", options.seed));
    if !dir.join("truth.json").exists() {
        say("generating the corpus");
        files::generate(&dir, options.profile, options.seed, lines)?;
    }
    Corpus::open(&dir)
}

/// With a fresh data directory below the working directory.
fn launch(options: &Options, name: &str) -> Result<Launch> {
    let launch = Launch {
        program: Program::Gantry(options.server.clone()),
        data: options.work.join(name),
        log: options.work.join("server.log"),
        settings: Vec::new(),
    };
    remove(&launch)?;
    Ok(launch)
}

pub fn remove(launch: &Launch) -> Result<()> {
    if launch.data.exists() {
        fs::remove_dir_all(&launch.data).with_context(|| format!("removing {}", launch.data.display()))?;
    }
    Ok(())
}

/// When the run does not keep it.
fn done_with(launch: &Launch, options: &Options) -> Result<()> {
    if options.keep_data { Ok(()) } else { remove(launch) }
}

/// Loads, then asks: every query cold after a restart of its own, then warm; then the live tail.
async fn size(options: &Options, corpus: &Corpus, client: &Client) -> Result<Size> {
    let launch = launch(options, &format!("data-{}", corpus.truth.lines))?;
    let mut server = launch.start(client).await?;
    let ingest = ingest::measure(&server, client, corpus, options, &launch.data).await?;
    say("cold queries, each after a restart");
    let (mut cold, mut restarts) = (Vec::new(), Vec::new());
    let list = query::all(&corpus.truth);
    for query in &list {
        server.stop()?;
        server = launch.start(client).await?;
        restarts.push(server.started_in);
        cold.push(query::ask(client, &server.url, query, &corpus.truth).await?);
    }
    say("warm queries");
    let mut queries = query::warm(client, &server.url, &corpus.truth, &list, options.repeats).await?;
    queries.iter_mut().zip(cold).for_each(|(query, cold)| query.cold = Some(cold));
    say("live tail");
    let tail = tail::measure(&server.url, options.tail_lines).await?;
    let query_rss = server.peak_rss()?;
    server.stop()?;
    done_with(&launch, options)?;
    restarts.sort_unstable();
    Ok(Size { ingest, queries, query_rss, tail, restart: restarts[restarts.len() / 2] })
}
