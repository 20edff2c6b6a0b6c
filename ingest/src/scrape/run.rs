//! [`Scraper`]: runs the jobs of a configuration, and takes over another one while they run.

use super::config::{InvalidScrape, ScrapeFile};
use super::job::Job;
use super::local::LocalJob;
use super::pools::Pools;
use super::settings::Settings;
use crate::samples::MetricIngest;
use gantry_model::TenantId;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How samples are counted: those of targets, and those of this machine.
const SCRAPED: &str = "scrape";
const COLLECTED: &str = "collect";

/// Jobs by their names.
type Wanted = BTreeMap<String, Arc<Settings>>;

/// Scrapes what it is told to. Start it with [`Scraper::run`].
#[derive(Debug)]
pub struct Scraper {
    tenant: TenantId,
    source: &'static str,
    door: Arc<MetricIngest>,
    pools: Arc<Pools>,
    wanted: watch::Sender<Wanted>,
    /// The configuration as YAML, without secrets.
    shown: Mutex<String>,
}

/// A job that runs.
struct Running {
    settings: watch::Sender<Arc<Settings>>,
    gone: CancellationToken,
}

impl Scraper {
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
        let scraper = Self::with(BTreeMap::new(), tenant, SCRAPED, (door, pools));
        scraper.reconfigure(file, true)?;
        Ok(scraper)
    }

    /// Jobs whose one target is a source of this machine, for one tenant.
    pub fn local(jobs: &[LocalJob], tenant: TenantId, door: &Arc<MetricIngest>, pools: &Arc<Pools>) -> Self {
        let job = |local: &LocalJob| (local.name.to_owned(), Arc::new(Settings::local(local)));
        Self::with(jobs.iter().map(job).collect(), tenant, COLLECTED, (door, pools))
    }

    fn with(
        wanted: Wanted,
        tenant: TenantId,
        source: &'static str,
        (door, pools): (&Arc<MetricIngest>, &Arc<Pools>),
    ) -> Self {
        let (door, pools) = (door.clone(), pools.clone());
        Scraper { tenant, source, door, pools, wanted: watch::Sender::new(wanted), shown: Mutex::default() }
    }

    /// Follows this configuration from now on. Targets that stay keep their series; those that go, or whose job goes, end.
    /// Says whether anything is different. With `fresh`, files that jobs name (of certificates) are read again, too.
    ///
    /// # Errors
    /// When rules or files of a job cannot be read: then all stays as it was.
    pub fn reconfigure(&self, file: ScrapeFile, fresh: bool) -> Result<bool, InvalidScrape> {
        let shown = file.shown();
        let mut wanted = Wanted::new();
        for config in file.scrape_configs {
            let name = config.job_name.clone();
            let same = self.wanted.borrow().get(&name).filter(|settings| !fresh && settings.config == config).cloned();
            wanted.insert(name, same.map_or_else(|| Settings::new(config).map(Arc::new), Ok)?);
        }
        let changed = self.wanted.send_if_modified(|before| {
            let same = before.len() == wanted.len()
                && before.iter().zip(&wanted).all(|(old, new)| old.0 == new.0 && Arc::ptr_eq(old.1, new.1));
            *before = wanted;
            !same
        });
        *self.shown.lock() = shown;
        Ok(changed)
    }

    /// For whom, and by which configuration, as YAML without secrets.
    pub fn shown(&self) -> (&TenantId, String) {
        (&self.tenant, self.shown.lock().clone())
    }

    /// Scrapes until `cancel`. What is under way then is given up: its target is scraped again after a start.
    pub async fn run(&self, cancel: CancellationToken) {
        let mut wanted = self.wanted.subscribe();
        let mut running: BTreeMap<String, Running> = BTreeMap::new();
        let mut jobs = JoinSet::new();
        loop {
            let now = wanted.borrow_and_update().clone();
            running.retain(|name, job| {
                let stays = now.contains_key(name);
                if !stays {
                    job.gone.cancel();
                    self.pools.forget((&self.tenant, name));
                }
                stays
            });
            for (name, settings) in now {
                match running.get(&name) {
                    Some(job) => _ = job.settings.send_if_modified(|before| replace(before, &settings)),
                    None => {
                        let job = self.job(&name, &cancel);
                        let sender = watch::Sender::new(settings);
                        let gone = job.gone.clone();
                        jobs.spawn(job.run(sender.subscribe()));
                        running.insert(name, Running { settings: sender, gone });
                    }
                }
            }
            while jobs.try_join_next().is_some() {}
            tokio::select! {
                // The sender is part of this scraper.
                _ = wanted.changed() => {}
                () = cancel.cancelled() => break,
            }
        }
        while jobs.join_next().await.is_some() {}
    }

    fn job(&self, name: &str, cancel: &CancellationToken) -> Arc<Job> {
        Arc::new(Job {
            name: name.to_owned(),
            door: self.door.clone(),
            tenant: self.tenant.clone(),
            source: self.source,
            pools: self.pools.clone(),
            cancel: cancel.clone(),
            gone: CancellationToken::new(),
        })
    }
}

fn replace(before: &mut Arc<Settings>, settings: &Arc<Settings>) -> bool {
    let is_new = !Arc::ptr_eq(before, settings);
    if is_new {
        *before = settings.clone();
    }
    is_new
}

#[cfg(test)]
pub(super) mod tests;
