//! `gantry export` and `gantry import`: lines as a Parquet file.

use super::client::Client;
use super::{Failure, ServerArgs, when};
use anyhow::{Context, anyhow};
use clap::Args;
use futures::StreamExt;
use gantry_model::{Clock, SystemClock};
use gantry_store::export::info;
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio_util::io::ReaderStream;

const EXPORT_EXAMPLES: &str = r#"Examples:
  gantry export shop.parquet --query '{app="shop"}' --from 24h
  gantry export january.parquet --from 2026-01-01 --to 2026-02-01
  python3 -c 'import pyarrow.parquet as p; print(p.read_table("shop.parquet"))'

Columns: timestamp (nanoseconds, UTC), body, metadata and labels (JSON objects). Rows come in no particular order."#;

const IMPORT_EXAMPLES: &str = r#"Examples:
  gantry import shop.parquet
  gantry import shop.parquet --tenant archive

Needs the columns timestamp, body and labels; metadata is optional. A line that is stored already counts once, so an import
can be repeated. Lines that the server's limits refuse, such as those past the retention, are counted and left out."#;

/// How often progress is shown.
const SHOW_EVERY: Duration = Duration::from_millis(500);

#[derive(Args, Clone, Debug)]
#[command(after_help = EXPORT_EXAMPLES)]
pub struct ExportArgs {
    /// The file to write
    #[arg(value_name = "FILE.parquet")]
    file: PathBuf,
    /// Which lines: a LogQL stream selector, with line filters if need be
    #[arg(long, default_value = "{}", value_name = "QUERY")]
    query: String,
    /// First instant: a time, a date, or how long ago [default: the first line]
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// The instant before which to end [default: the last line]
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// Replace the file if it is there
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    server: ServerArgs,
}

#[derive(Args, Clone, Debug)]
#[command(after_help = IMPORT_EXAMPLES)]
pub struct ImportArgs {
    /// The file to read
    #[arg(value_name = "FILE.parquet")]
    file: PathBuf,
    #[command(flatten)]
    server: ServerArgs,
}

pub async fn export(args: ExportArgs) -> Result<(), Failure> {
    if args.file.exists() && !args.force {
        return Err(anyhow!("{} is there already; --force replaces it", args.file.display()).into());
    }
    let client = Client::new(&args.server)?;
    let now = SystemClock.now();
    let mut parameters = vec![("query", args.query.clone())];
    for (name, time) in [("start", &args.from), ("end", &args.to)] {
        if let Some(time) = time {
            parameters.push((name, when::instant(time, now)?.0.to_string()));
        }
    }
    let answer = client.request(Method::GET, "/api/v1/export", &parameters, HeaderMap::new()).await?;
    // Under another name until it is whole.
    let part = PathBuf::from(format!("{}.part", args.file.display()));
    let written = download(answer, &part).await;
    let found = match written.and_then(|()| info(&part).context("the file that came is not whole")) {
        Ok(found) => found,
        Err(cause) => {
            // The cause is what matters; that a part of a file stays is visible.
            let _ = std::fs::remove_file(&part);
            return Err(cause.into());
        }
    };
    std::fs::rename(&part, &args.file).with_context(|| format!("cannot name {}", args.file.display()))?;
    say!("{} lines in {}", found.lines, args.file.display());
    for warning in &found.warnings {
        eprintln!("gantry: not everything could be read: {warning}");
    }
    if found.warnings.is_empty() { Ok(()) } else { Err(anyhow!("the export is not complete").into()) }
}

async fn download(answer: reqwest::Response, path: &Path) -> anyhow::Result<()> {
    let mut file = tokio::fs::File::create(path).await.with_context(|| format!("cannot write {}", path.display()))?;
    let mut pieces = answer.bytes_stream();
    let mut progress = Progress::new("received");
    while let Some(piece) = pieces.next().await {
        let piece = piece.context("the export broke off; see the log of the server")?;
        file.write_all(&piece).await.with_context(|| format!("cannot write {}", path.display()))?;
        progress.add(piece.len());
    }
    file.sync_all().await.with_context(|| format!("cannot write {}", path.display()))?;
    progress.end();
    Ok(())
}

pub async fn import(args: ImportArgs) -> Result<(), Failure> {
    let found = info(&args.file).with_context(|| format!("cannot import {}", args.file.display()))?;
    let client = Client::new(&args.server)?;
    let file = tokio::fs::File::open(&args.file).await?;
    let mut progress = Progress::new("sent");
    let pieces = ReaderStream::with_capacity(file, 256 << 10).inspect(move |piece| match piece {
        Ok(piece) => progress.add(piece.len()),
        Err(_) => progress.end(),
    });
    let answer: Value = client.upload("/api/v1/import", reqwest::Body::wrap_stream(pieces)).await?;
    let number = |name: &str| answer[name].as_u64().unwrap_or(0);
    say!("{} of {} lines imported", number("lines"), found.lines);
    if number("refused_lines") > 0 {
        let first = answer["first_refusal"].as_str().unwrap_or_default();
        eprintln!("gantry: {} lines were refused; the first: {first}", number("refused_lines"));
    }
    Ok(())
}

/// A counter on standard error, for people.
#[derive(Debug)]
struct Progress {
    what: &'static str,
    bytes: u64,
    shown: Option<Instant>,
}

impl Progress {
    fn new(what: &'static str) -> Self {
        let shown = std::io::stderr().is_terminal().then(Instant::now);
        Progress { what, bytes: 0, shown }
    }

    fn add(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
        if self.shown.is_some_and(|at| at.elapsed() >= SHOW_EVERY) {
            self.shown = Some(Instant::now());
            self.show();
        }
    }

    fn show(&self) {
        // Progress that cannot be shown is no failure of the work.
        let _ = write!(std::io::stderr(), "\r{} {:.1} MiB ", self.what, self.bytes as f64 / f64::from(1 << 20));
    }

    fn end(&mut self) {
        if self.shown.take().is_some() {
            self.show();
            let _ = writeln!(std::io::stderr());
        }
    }
}
