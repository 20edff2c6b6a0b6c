//! [`Job`]: keeps the targets of one job scraped, by the settings of the moment.

use super::discover::{Discovery, interval};
use super::pass::{Failed, Memory, Pass};
use super::pools::{Discovered, LastScrape, Pools};
use super::settings::Settings;
use super::target::Target;
use crate::decode::ExpositionFormat;
use crate::incoming::MetricIncoming;
use crate::reason::Reason;
use crate::samples::MetricIngest;
use gantry_model::{TenantId, Timestamp};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Settings, and when they are replaced.
pub(super) type Current = watch::Receiver<Arc<Settings>>;

/// What stays the same as long as a job runs.
#[derive(Debug)]
pub(super) struct Job {
    pub name: String,
    pub door: Arc<MetricIngest>,
    pub tenant: TenantId,
    /// How samples are counted.
    pub source: &'static str,
    pub pools: Arc<Pools>,
    /// The process ends: what is under way is given up.
    pub cancel: CancellationToken,
    /// The job is no longer configured: its series end.
    pub gone: CancellationToken,
}

impl Job {
    pub async fn run(self: Arc<Self>, mut settings: Current) {
        let mut discovery = Discovery::default();
        let mut running: HashMap<Target, (CancellationToken, AbortHandle)> = HashMap::new();
        let mut tasks = JoinSet::new();
        loop {
            let now = settings.borrow_and_update().clone();
            let targets = tokio::select! {
                targets = self.targets(&now, &mut discovery) => targets,
                () = self.cancel.cancelled() => break,
                () = self.gone.cancelled() => break,
            };
            running.retain(|target, (gone, task)| {
                if targets.contains_key(target) {
                    return true;
                }
                // One that is only scraped at other times goes on without an end.
                if targets.keys().any(|other| other.url == target.url && other.labels == target.labels) {
                    task.abort();
                } else {
                    gone.cancel();
                }
                false
            });
            for target in targets.into_keys() {
                if let Entry::Vacant(new) = running.entry(target) {
                    // A child: when the job goes, so do its targets.
                    let gone = self.gone.child_token();
                    let task = tasks.spawn(self.clone().follow(new.key().clone(), settings.clone(), gone.clone()));
                    new.insert((gone, task));
                }
            }
            while tasks.try_join_next().is_some() {}
            let pause = async {
                match interval(&now.config) {
                    Some(interval) => tokio::time::sleep(interval).await,
                    None => std::future::pending().await,
                }
            };
            let replaced = async {
                // Without anyone who could replace them, they stay.
                if settings.changed().await.is_err() {
                    std::future::pending().await
                }
            };
            tokio::select! {
                () = pause => {}
                () = replaced => {}
                () = self.cancel.cancelled() => break,
                () = self.gone.cancelled() => break,
            }
        }
        while tasks.join_next().await.is_some() {}
    }

    async fn targets(&self, settings: &Settings, discovery: &mut Discovery) -> BTreeMap<Target, Discovered> {
        let (job, config) = (&self.name, &settings.config);
        let (found, faults) = discovery.ask(config, &settings.servers).await;
        for fault in faults {
            tracing::warn!(job, "discovery of targets failed: {fault}");
        }
        let (mut targets, mut dropped, mut dropped_count) = (BTreeMap::new(), Vec::new(), 0);
        for (address, labels) in found {
            let discovered = Target::discovered(config, &address, &labels);
            match Target::new(config, &settings.rules, &discovered) {
                Ok(Some(target)) => _ = targets.insert(target, discovered),
                Ok(None) => {
                    dropped_count += 1;
                    let most = config.limits.keep_dropped_targets;
                    if most == 0 || dropped.len() < most {
                        dropped.push(discovered);
                    }
                }
                Err(fault) => tracing::warn!(job, "a target is left out: {fault}"),
            }
        }
        let limit = config.limits.target_limit;
        if limit > 0 && targets.len() > limit {
            tracing::warn!(job, targets = targets.len(), limit, "more targets than target_limit: none is scraped");
            targets.clear();
        }
        if !self.gone.is_cancelled() {
            self.pools.found((&self.tenant, job), &targets, (dropped, dropped_count));
        }
        targets
    }

    async fn follow(self: Arc<Self>, target: Target, mut settings: Current, gone: CancellationToken) {
        let mut memory = Memory::default();
        let interval = target.interval;
        // Targets are spread over the interval, each always at the same place.
        let place = xxhash_rust::xxh3::xxh3_64(target.url.as_bytes()) as f64 / u64::MAX as f64;
        let mut next = Instant::now() + interval.mul_f64(place);
        loop {
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                () = gone.cancelled() => {
                    let now = settings.borrow().clone();
                    let pass = Pass { settings: &now, target: &target, now_ms: self.door.now_ms() };
                    let ended = pass.ended(&mut memory);
                    return self.submit(&target, ended).await;
                }
                () = self.cancel.cancelled() => return,
            }
            let now = settings.borrow_and_update().clone();
            tokio::select! {
                () = self.scrape(&now, &target, &mut memory) => {}
                () = self.cancel.cancelled() => return,
            }
            // A scrape that took too long does not make the next ones late.
            while next <= Instant::now() {
                next += interval;
            }
        }
    }

    async fn scrape(&self, settings: &Settings, target: &Target, memory: &mut Memory) {
        let (now_ms, began) = (self.door.now_ms(), Instant::now());
        let mut reservation = self.door.ingest().reserve();
        let body = self.body(settings, target).await;
        let body = body.and_then(|(body, format)| {
            let held = reservation.grow_to(3 * body.len());
            held.map_err(|error| Failed::new(error.reason, error.message)).map(|()| (body, format))
        });
        let took = began.elapsed();
        let pass = Pass { settings, target, now_ms };
        let read = body.as_ref().map(|(body, format)| (body.as_slice(), *format)).map_err(Clone::clone);
        let (incoming, failed) = pass.samples(read, took, memory);
        let error = failed.as_ref().map(|failed| failed.message.clone());
        let last = LastScrape { at: Timestamp::from_millis(now_ms), took, error };
        self.pools.scraped((&self.tenant, &self.name), target, last, memory.news());
        if let Some(failed) = failed {
            self.door.ingest().metrics.refused_request(self.source, failed.reason);
            tracing::debug!(url = target.url, "a scrape failed: {failed}");
        }
        self.submit(target, incoming).await;
    }

    async fn body(&self, settings: &Settings, target: &Target) -> Result<(Vec<u8>, ExpositionFormat), Failed> {
        let (timeout, config) = (target.timeout, &settings.config);
        let all = self.door.ingest().options().max_decompressed_bytes;
        let own = config.limits.body_size_limit;
        let max = if own > 0 { own.min(all) } else { all };
        let fetched = match tokio::time::timeout(timeout, settings.fetch.fetch(&target.url, timeout, max)).await {
            Ok(fetched) => fetched?,
            Err(_) => {
                let message = format!("no complete answer within {}", humantime::format_duration(timeout));
                return Err(Failed::new(Reason::BodyTimeout, message));
            }
        };
        let fallback = config.fallback_scrape_protocol.map_or("", |protocol| protocol.media_type());
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
