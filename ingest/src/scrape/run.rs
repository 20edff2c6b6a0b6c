//! [`run`]: keeps the targets of all jobs scraped until told to stop.

use super::config::{InvalidScrape, Rules, ScrapeConfig, ScrapeFile};
use super::discover::{Discovery, interval};
use super::fetch::{Fetch, HttpFetch};
use super::local::LocalJob;
use super::pass::{Failed, Memory, Pass};
use super::pools::{Discovered, LastScrape, Pools};
use super::target::Target;
use crate::decode::ExpositionFormat;
use crate::incoming::MetricIncoming;
use crate::reason::Reason;
use crate::samples::MetricIngest;
use gantry_model::{TenantId, Timestamp};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How samples are counted: those of targets, and those of this machine.
const SCRAPED: &str = "scrape";
const COLLECTED: &str = "collect";

/// Jobs, ready to run.
#[derive(Debug)]
pub struct Scrape {
    jobs: Vec<Arc<Job>>,
}

#[derive(Debug)]
struct Job {
    config: ScrapeConfig,
    rules: Rules,
    fetch: Arc<dyn Fetch>,
    door: Arc<MetricIngest>,
    tenant: TenantId,
    source: &'static str,
    pools: Arc<Pools>,
}

impl Scrape {
    /// What becomes of targets is told to `pools`.
    ///
    /// # Errors
    /// When rules or files of a job cannot be read.
    pub fn new(
        file: ScrapeFile,
        tenant: TenantId,
        door: &Arc<MetricIngest>,
        pools: &Arc<Pools>,
    ) -> Result<Self, InvalidScrape> {
        let job = |config: ScrapeConfig| {
            let fetch = Arc::new(HttpFetch::new(&config)?);
            let (rules, door, tenant) = (config.rules()?, door.clone(), tenant.clone());
            Ok(Arc::new(Job { rules, config, fetch, door, tenant, source: SCRAPED, pools: pools.clone() }))
        };
        Ok(Scrape { jobs: file.scrape_configs.into_iter().map(job).collect::<Result<_, _>>()? })
    }

    /// Jobs whose one target is a source of this machine.
    pub fn local(jobs: Vec<LocalJob>, door: &Arc<MetricIngest>, pools: &Arc<Pools>) -> Self {
        let job = |local: LocalJob| {
            let config = local.config();
            let LocalJob { fetch, tenant, .. } = local;
            let (rules, door, pools) = (Rules::default(), door.clone(), pools.clone());
            Arc::new(Job { config, rules, fetch, door, tenant, source: COLLECTED, pools })
        };
        Scrape { jobs: jobs.into_iter().map(job).collect() }
    }
}

/// Scrapes until `cancel`. What is under way then is given up: its target is scraped again after a start.
pub async fn run(scrape: Scrape, cancel: CancellationToken) {
    let mut jobs = JoinSet::new();
    for job in scrape.jobs {
        jobs.spawn(job.run(cancel.clone()));
    }
    while jobs.join_next().await.is_some() {}
}

impl Job {
    async fn run(self: Arc<Self>, cancel: CancellationToken) {
        let mut discovery = Discovery::default();
        let mut running: HashMap<Target, CancellationToken> = HashMap::new();
        let mut tasks = JoinSet::new();
        loop {
            let targets = tokio::select! {
                targets = self.targets(&mut discovery) => targets,
                () = cancel.cancelled() => break,
            };
            running.retain(|target, gone| {
                let stays = targets.contains_key(target);
                if !stays {
                    gone.cancel();
                }
                stays
            });
            for target in targets.into_keys() {
                if let Entry::Vacant(new) = running.entry(target) {
                    let gone = CancellationToken::new();
                    tasks.spawn(self.clone().follow(new.key().clone(), gone.clone(), cancel.clone()));
                    new.insert(gone);
                }
            }
            while tasks.try_join_next().is_some() {}
            let pause = async {
                match interval(&self.config) {
                    Some(interval) => tokio::time::sleep(interval).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = pause => {}
                () = cancel.cancelled() => break,
            }
        }
        while tasks.join_next().await.is_some() {}
    }

    async fn targets(&self, discovery: &mut Discovery) -> BTreeMap<Target, Discovered> {
        let job = &self.config.job_name;
        let (found, faults) = discovery.ask(&self.config, &*self.fetch).await;
        for fault in faults {
            tracing::warn!(job, "discovery of targets failed: {fault}");
        }
        let (mut targets, mut dropped) = (BTreeMap::new(), Vec::new());
        for (address, labels) in found {
            let discovered = Target::discovered(&self.config, &address, &labels);
            match Target::new(&self.config, &self.rules, &discovered) {
                Ok(Some(target)) => _ = targets.insert(target, discovered),
                Ok(None) => dropped.push(discovered),
                Err(fault) => tracing::warn!(job, "a target is left out: {fault}"),
            }
        }
        let limit = self.config.target_limit;
        if limit > 0 && targets.len() > limit {
            tracing::warn!(job, targets = targets.len(), limit, "more targets than target_limit: none is scraped");
            targets.clear();
        }
        self.pools.found((&self.tenant, job), &targets, dropped);
        targets
    }

    async fn follow(self: Arc<Self>, target: Target, gone: CancellationToken, cancel: CancellationToken) {
        let mut memory = Memory::default();
        let interval = target.interval;
        // Targets are spread over the interval, each always at the same place.
        let place = xxhash_rust::xxh3::xxh3_64(target.url.as_bytes()) as f64 / u64::MAX as f64;
        let mut next = Instant::now() + interval.mul_f64(place);
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                () = gone.cancelled() => {
                    let now_ms = self.door.now_ms();
                    let pass = Pass { config: &self.config, rules: &self.rules, target: &target, now_ms };
                    return self.submit(&target, pass.ended(&mut memory)).await;
                }
                () = cancel.cancelled() => return,
            }
            tokio::select! {
                () = self.scrape(&target, &mut memory) => {}
                () = cancel.cancelled() => return,
            }
            // A scrape that took too long does not make the next ones late.
            while next <= Instant::now() {
                next += interval;
            }
        }
    }

    async fn scrape(&self, target: &Target, memory: &mut Memory) {
        let (now_ms, began) = (self.door.now_ms(), Instant::now());
        let mut reservation = self.door.ingest().reserve();
        let body = self.body(target).await;
        let body = body.and_then(|(body, format)| {
            let held = reservation.grow_to(3 * body.len());
            held.map_err(|error| Failed::new(error.reason, error.message)).map(|()| (body, format))
        });
        let took = began.elapsed();
        let pass = Pass { config: &self.config, rules: &self.rules, target, now_ms };
        let read = body.as_ref().map(|(body, format)| (body.as_slice(), *format)).map_err(Clone::clone);
        let (incoming, failed) = pass.samples(read, took, memory);
        let error = failed.as_ref().map(|failed| failed.message.clone());
        let last = LastScrape { at: Timestamp::from_millis(now_ms), took, error };
        self.pools.scraped((&self.tenant, &self.config.job_name), target, last, memory.news());
        if let Some(failed) = failed {
            self.door.ingest().metrics.refused_request(self.source, failed.reason);
            tracing::debug!(url = target.url, "a scrape failed: {failed}");
        }
        self.submit(target, incoming).await;
    }

    async fn body(&self, target: &Target) -> Result<(Vec<u8>, ExpositionFormat), Failed> {
        let timeout = target.timeout;
        let all = self.door.ingest().options().max_decompressed_bytes;
        let max = if self.config.body_size_limit > 0 { self.config.body_size_limit.min(all) } else { all };
        let fetched = match tokio::time::timeout(timeout, self.fetch.fetch(&target.url, timeout, max)).await {
            Ok(fetched) => fetched?,
            Err(_) => {
                let message = format!("no complete answer within {}", humantime::format_duration(timeout));
                return Err(Failed::new(Reason::BodyTimeout, message));
            }
        };
        let fallback = self.config.fallback_scrape_protocol.map_or("", |protocol| protocol.media_type());
        let told = ExpositionFormat::known(&fetched.content_type);
        let format = told.unwrap_or_else(|| ExpositionFormat::of_content_type(fallback));
        Ok((fetched.body, format))
    }

    async fn submit(&self, target: &Target, incoming: MetricIncoming) {
        match self.door.submit(&self.tenant, self.source, incoming).await {
            Ok(accepted) if accepted.refused.is_empty() => {}
            Ok(accepted) => tracing::debug!(url = target.url, "of a scrape, {}", accepted.summary()),
            Err(error) => tracing::warn!(url = target.url, %error, "a scrape could not be stored"),
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
