//! Clients that ask one query after the other beside a load.

use super::{Query, all, answer};
use crate::corpus::truth::Truth;
use crate::load;
use crate::stats::Latencies;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;

/// Clients under way.
#[derive(Debug)]
pub struct Clients {
    stop: Arc<AtomicBool>,
    running: Vec<JoinHandle<Result<Asked>>>,
}

/// Times by the query's id.
pub type Asked = BTreeMap<&'static str, Latencies>;

/// Every client asks all queries in turn, each beginning with another one, and waits `pause` after each answer.
pub fn start(url: &str, truth: &Truth, clients: usize, pause: Duration) -> Clients {
    let (stop, truth) = (Arc::new(AtomicBool::new(false)), Arc::new(truth.clone()));
    let client = |number| tokio::spawn(client(url.to_owned(), truth.clone(), number, pause, stop.clone()));
    let running = (0..clients).map(client).collect();
    Clients { stop, running }
}

impl Clients {
    /// Lets every client finish its question, and gathers the times.
    pub async fn finish(self) -> Result<Asked> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Asked::new();
        for client in self.running {
            for (id, times) in client.await?? {
                all.entry(id).or_default().merge(times);
            }
        }
        Ok(all)
    }
}

async fn client(
    url: String,
    truth: Arc<Truth>,
    number: usize,
    pause: Duration,
    stop: Arc<AtomicBool>,
) -> Result<Asked> {
    let (client, queries) = (load::client()?, all(&truth));
    let mut asked = Asked::new();
    for query in queries.iter().cycle().skip(number) {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        asked.entry(query.id).or_default().add(ask(&client, &url, query, &truth).await?);
        tokio::time::sleep(pause).await;
    }
    Ok(asked)
}

async fn ask(client: &reqwest::Client, url: &str, query: &Query, truth: &Truth) -> Result<Duration> {
    let (took, value) = answer(client, url, query).await?;
    (query.partial)(&value, truth).with_context(|| format!("{}: wrong answer during the load", query.id))?;
    Ok(took)
}
