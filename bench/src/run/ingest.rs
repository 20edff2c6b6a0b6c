//! From the first push through the flush and the end of compaction.

use super::server::{Server, disk_bytes};
use super::{Options, say};
use crate::corpus::files::Corpus;
use crate::load::{self, Loaded};
use anyhow::Result;
use reqwest::Client;
use std::path::Path;
use std::time::Duration;

#[derive(Debug)]
pub struct Ingest {
    pub loaded: Loaded,
    /// User and system seconds of the server, each from the first push on.
    pub cpu_to_ack: f64,
    pub cpu_to_flush: f64,
    /// What the server compacted by itself, and what was left to do at the end.
    pub cpu_to_compacted: f64,
    pub flush: Duration,
    pub compaction: Duration,
    pub peak_rss_loaded: u64,
    pub peak_rss_flushed: u64,
    pub peak_rss_compacted: u64,
    pub disk_flushed: u64,
    pub disk_all: u64,
    pub disk_splits: u64,
}

/// Name of the directory that holds the split files, below the data directory.
const SPLITS: &str = "objects";

/// Loads `corpus` into `server`, whose directory is `data`.
pub async fn measure(
    server: &Server,
    client: &Client,
    corpus: &Corpus,
    options: &Options,
    data: &Path,
) -> Result<Ingest> {
    say("encoding the pushes");
    let spool = load::encode(corpus, options.connections, options.body)?;
    say("loading");
    let before = server.cpu_seconds()?;
    let loaded = load::send(&server.url, load::PUSH, &spool).await?;
    let (cpu_to_ack, peak_rss_loaded) = (server.cpu_seconds()? - before, server.peak_rss()?);
    let flush = server.post(client, "/flush").await?;
    let (cpu_to_flush, peak_rss_flushed) = (server.cpu_seconds()? - before, server.peak_rss()?);
    let (disk_flushed, _) = disk_bytes(data, SPLITS)?;
    say("compacting");
    let compaction = server.post(client, "/api/v1/admin/compact").await?;
    let cpu_to_compacted = server.cpu_seconds()? - before;
    let (disk_all, disk_splits) = disk_bytes(data, SPLITS)?;
    Ok(Ingest {
        loaded,
        cpu_to_ack,
        cpu_to_flush,
        cpu_to_compacted,
        flush,
        compaction,
        peak_rss_loaded,
        peak_rss_flushed,
        peak_rss_compacted: server.peak_rss()?,
        disk_flushed,
        disk_all,
        disk_splits,
    })
}
