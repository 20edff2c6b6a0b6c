//! The restart after `kill -9` with every line in the log.

use super::server::disk_bytes;
use super::{Options, done_with, launch, say};
use crate::corpus::files::Corpus;
use crate::load;
use crate::query;
use anyhow::{Context, Result};
use reqwest::Client;
use std::time::Duration;

#[derive(Debug)]
pub struct Killed {
    /// From the start of the process to the first 200 of `/ready`.
    pub restart: Duration,
    pub wal_bytes: u64,
}

/// Name of the directory with the write-ahead log, below the data directory.
const WAL: &str = "wal";
/// Nothing becomes splits by itself: the log has to hold every line.
const ALL_IN_LOG: [(&str, &str); 2] =
    [("GANTRY__STORE__MEMTABLE_BYTES", "64GiB"), ("GANTRY__STORE__MEMTABLE_AGE", "1day")];

/// Loads into a data directory, kills the server without a flush, and measures the next start, which has the default
/// settings again. Every line must then be counted.
pub async fn measure(options: &Options, corpus: &Corpus, client: &Client) -> Result<Killed> {
    say("kill -9 after a load");
    let spool = load::encode(corpus, options.connections, options.body)?;
    let mut launch = launch(options, "data-killed")?;
    launch.settings = ALL_IN_LOG.to_vec();
    let server = launch.start(client).await?;
    load::send(&server.url, load::PUSH, &spool).await?;
    server.kill()?;
    let (_, wal_bytes) = disk_bytes(&launch.data, WAL)?;
    launch.settings.clear();
    let server = launch.start(client).await?;
    let restart = server.started_in;
    for query in query::chosen(&corpus.truth, &["Q1".to_owned()])? {
        query::ask(client, &server.url, &query, &corpus.truth).await.context("after kill -9")?;
    }
    server.stop()?;
    done_with(&launch, options)?;
    Ok(Killed { restart, wal_bytes })
}
