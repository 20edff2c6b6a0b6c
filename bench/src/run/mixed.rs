//! How much of its speed the ingestion keeps while clients ask.

use super::{Options, done_with, launch, say};
use crate::corpus::files::Corpus;
use crate::load::{self, Loaded, Spool};
use crate::query;
use crate::query::clients::{self, Asked};
use anyhow::Result;
use reqwest::Client;
use std::time::Duration;

/// Between an answer and the client's next question, in the second round: a dashboard that refreshes every second.
const PAUSE: Duration = Duration::from_secs(1);

/// The same load three times, each into an empty directory: alone, beside clients that ask without a pause, and beside
/// clients that wait a second after each answer.
#[derive(Debug)]
pub struct Mixed {
    pub clients: usize,
    pub alone: Loaded,
    pub busy: Beside,
    pub paced: Beside,
}

#[derive(Debug)]
pub struct Beside {
    pub loaded: Loaded,
    pub asked: Asked,
    pub peak_rss: u64,
}

pub async fn measure(options: &Options, corpus: &Corpus, client: &Client) -> Result<Mixed> {
    let spool = load::encode(corpus, options.connections, options.body)?;
    say("a load alone");
    let alone = beside(options, corpus, &spool, client, 0, Duration::ZERO).await?.loaded;
    say("the same load beside clients that ask without a pause");
    let busy = beside(options, corpus, &spool, client, options.clients, Duration::ZERO).await?;
    say("the same load beside clients that ask every second");
    let paced = beside(options, corpus, &spool, client, options.clients, PAUSE).await?;
    Ok(Mixed { clients: options.clients, alone, busy, paced })
}

async fn beside(
    options: &Options,
    corpus: &Corpus,
    spool: &Spool,
    client: &Client,
    clients: usize,
    pause: Duration,
) -> Result<Beside> {
    let launch = launch(options, "data-mixed")?;
    let server = launch.start(client).await?;
    let asking = clients::start(&server.url, &corpus.truth, clients, pause);
    let loaded = load::send(&server.url, load::PUSH, spool).await?;
    let asked = asking.finish().await?;
    for query in query::chosen(&corpus.truth, &["Q1".to_owned(), "Q4c".to_owned()])? {
        query::ask(client, &server.url, &query, &corpus.truth).await?;
    }
    let peak_rss = server.peak_rss()?;
    server.stop()?;
    done_with(&launch, options)?;
    Ok(Beside { loaded, asked, peak_rss })
}
