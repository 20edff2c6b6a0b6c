//! Other Alertmanagers: alerts of rules are sent on to each, in batches, as Prometheus' notifier does.
//!
//! What cannot be sent is dropped and counted: rules tell of an alert again as long as it fires. Each server has a queue of its
//! own, so one that hangs keeps no other waiting. Start with [`Outward::new`], then let [`Outward::run`] run.

use crate::alert::PostedAlert;
use futures::future::join_all;
use gantry_http_client::{ClientConfig, HttpClient, Unusable, causes};
use gantry_model::TenantId;
use parking_lot::Mutex;
use prometheus::{IntCounterVec, Opts, Registry};
use reqwest::Method;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::warn;

/// Most alerts of a request.
const BATCH: usize = 64;
/// Most alerts that wait for a server; the oldest go first.
const QUEUE: usize = 10_000;
/// How long a server may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends alerts to other Alertmanagers.
#[derive(Debug)]
pub struct Outward {
    remotes: Vec<Remote>,
    metrics: OutwardMetrics,
}

#[derive(Debug)]
struct Remote {
    /// Without credentials, for logs and metrics.
    name: String,
    url: String,
    client: HttpClient,
    queue: Mutex<VecDeque<(TenantId, PostedAlert)>>,
    wake: Notify,
}

/// By server.
#[derive(Clone, Debug)]
struct OutwardMetrics {
    sent: IntCounterVec,
    errors: IntCounterVec,
    dropped: IntCounterVec,
}

impl OutwardMetrics {
    fn register(registry: &Registry) -> prometheus::Result<Self> {
        let counter = |name: &str, help: &str| IntCounterVec::new(Opts::new(name, help), &["alertmanager"]);
        let metrics = OutwardMetrics {
            sent: counter("gantry_alertmanager_outward_sent_total", "Alerts sent to another Alertmanager.")?,
            errors: counter("gantry_alertmanager_outward_errors_total", "Alerts in requests that failed.")?,
            dropped: counter("gantry_alertmanager_outward_dropped_total", "Alerts that were not sent and are gone.")?,
        };
        for counter in [&metrics.sent, &metrics.errors, &metrics.dropped] {
            registry.register(Box::new(counter.clone()))?;
        }
        Ok(metrics)
    }
}

impl Outward {
    /// `urls`: where the servers are; their API is below.
    ///
    /// # Errors
    /// When a text is no URL, or the counters are there already.
    pub fn new(urls: &[String], registry: &Registry) -> Result<Self, Unusable> {
        let metrics = OutwardMetrics::register(registry).map_err(|error| Unusable(error.to_string()))?;
        let remotes = urls.iter().map(|url| Remote::new(url)).collect::<Result<_, _>>()?;
        Ok(Outward { remotes, metrics })
    }

    /// Where alerts are sent, without credentials.
    pub fn servers(&self) -> impl Iterator<Item = String> {
        self.remotes.iter().map(|remote| {
            let scheme = remote.url.split("://").next().unwrap_or_default();
            format!("{scheme}://{}/api/v2/alerts", remote.name)
        })
    }

    /// Queues alerts for every server; never waits.
    pub fn put(&self, tenant: &TenantId, alerts: &[PostedAlert]) {
        for remote in &self.remotes {
            let mut queue = remote.queue.lock();
            queue.extend(alerts.iter().map(|alert| (tenant.clone(), alert.clone())));
            let over = queue.len().saturating_sub(QUEUE);
            queue.drain(..over);
            drop(queue);
            self.metrics.dropped.with_label_values(&[&remote.name]).inc_by(over as u64);
            remote.wake.notify_one();
        }
    }

    /// Sends until told to stop, and then what waits, once.
    pub async fn run(&self, stop: CancellationToken) {
        join_all(self.remotes.iter().map(|remote| self.serve(remote, &stop))).await;
    }

    async fn serve(&self, remote: &Remote, stop: &CancellationToken) {
        let mut well = true;
        loop {
            while let Some((tenant, batch)) = remote.next() {
                let sent = remote.send(&tenant, &batch).await;
                self.count(remote, batch.len(), sent.is_ok());
                if let (Err(why), true) = (&sent, well) {
                    warn!(
                        alertmanager = remote.name,
                        why, "alerts could not be sent; they are told again while they fire"
                    );
                }
                well = sent.is_ok();
                if !well && stop.is_cancelled() {
                    break;
                }
            }
            if stop.is_cancelled() {
                return;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = remote.wake.notified() => {}
            }
        }
    }

    fn count(&self, remote: &Remote, alerts: usize, well: bool) {
        let (of, alerts) = ([remote.name.as_str()], alerts as u64);
        if well {
            self.metrics.sent.with_label_values(&of).inc_by(alerts);
        } else {
            self.metrics.errors.with_label_values(&of).inc_by(alerts);
            self.metrics.dropped.with_label_values(&of).inc_by(alerts);
        }
    }
}

impl Remote {
    fn new(url: &str) -> Result<Self, Unusable> {
        let bad = |_| {
            Unusable(format!("an URL of alertmanagers is none: {}", url.split('@').next_back().unwrap_or_default()))
        };
        let parsed = reqwest::Url::parse(url).map_err(bad)?;
        let port = parsed.port_or_known_default().unwrap_or_default();
        let name = format!("{}:{port}{}", parsed.host_str().unwrap_or_default(), parsed.path().trim_end_matches('/'));
        let client = HttpClient::new(ClientConfig::default())?;
        let url = format!("{}/api/v2/alerts", url.trim_end_matches('/'));
        Ok(Remote { name, url, client, queue: Mutex::default(), wake: Notify::new() })
    }

    /// The oldest alerts of one tenant that follow each other.
    fn next(&self) -> Option<(TenantId, Vec<PostedAlert>)> {
        let mut queue = self.queue.lock();
        let tenant = queue.front()?.0.clone();
        let count = queue.iter().take(BATCH).take_while(|(of, _)| *of == tenant).count();
        Some((tenant, queue.drain(..count).map(|(_, alert)| alert).collect()))
    }

    async fn send(&self, tenant: &TenantId, batch: &[PostedAlert]) -> Result<(), String> {
        let request = self.client.request(Method::POST, &self.url).await.map_err(|error| error.to_string())?;
        let request = request.header("x-scope-orgid", tenant.as_str()).timeout(PATIENCE);
        let response = request.json(batch).send().await.map_err(|error| causes(&error))?;
        let status = response.status();
        if status.is_success() { Ok(()) } else { Err(format!("it answered {status}")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(name: usize) -> PostedAlert {
        PostedAlert { labels: [("alertname".to_owned(), name.to_string())].into(), ..PostedAlert::default() }
    }

    fn outward() -> Outward {
        // Another test may have chosen before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Outward::new(&["http://user:hush@h:9093/am/".to_owned()], &Registry::new()).unwrap()
    }

    #[test]
    fn the_oldest_go_when_too_many_wait_and_tenants_are_apart() {
        let outward = outward();
        let (one, two) = (TenantId::new("one").unwrap(), TenantId::new("two").unwrap());
        outward.put(&one, &(0..QUEUE).map(alert).collect::<Vec<_>>());
        outward.put(&two, &[alert(1), alert(2)]);
        outward.put(&one, &[alert(3)]);
        let remote = &outward.remotes[0];
        assert_eq!(
            (remote.name.as_str(), remote.url.as_str()),
            ("h:9093/am", "http://user:hush@h:9093/am/api/v2/alerts")
        );
        assert_eq!(outward.servers().collect::<Vec<_>>(), ["http://h:9093/am/api/v2/alerts"]);
        assert_eq!(outward.metrics.dropped.with_label_values(&["h:9093/am"]).get(), 3);
        let batches: Vec<(TenantId, Vec<PostedAlert>)> = std::iter::from_fn(|| remote.next()).collect();
        assert_eq!(batches[0].1[0], alert(3), "the three oldest are gone");
        assert!(batches.iter().all(|(_, batch)| batch.len() <= BATCH));
        assert_eq!(batches.iter().map(|(_, batch)| batch.len()).sum::<usize>(), QUEUE);
        let last: Vec<(&str, usize)> =
            batches.iter().rev().take(2).map(|(of, batch)| (of.as_str(), batch.len())).collect();
        assert_eq!(last, [("one", 1), ("two", 2)]);
    }

    #[tokio::test]
    async fn a_server_that_is_away_stops_nothing() {
        let outward = outward();
        outward.put(&TenantId::default_tenant(), &[alert(1)]);
        let stop = CancellationToken::new();
        stop.cancel();
        tokio::time::timeout(PATIENCE * 2, outward.run(stop)).await.unwrap();
        assert_eq!(outward.metrics.errors.with_label_values(&["h:9093/am"]).get(), 1);
    }
}
