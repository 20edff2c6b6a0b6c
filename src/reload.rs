//! Files of the configuration that change while the process runs: jobs of scraping, the Alertmanager's file, rules.
//!
//! They are read again by themselves every few seconds, and at once on SIGHUP and on `POST /-/reload`. A file that is wrong is
//! told, and what was taken from it before goes on. Never here: `gantry.toml` itself, which is read once.
//!
//! Start with [`Reloads`].

use crate::supervisor::Hangup;
use async_trait::async_trait;
use gantry_ingest::scrape::{ScrapeOptions, Scraper};
use gantry_ruler::Ruler;
use prometheus::{IntGaugeVec, Opts, Registry};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

/// How often files are looked at.
const INTERVAL: Duration = Duration::from_secs(5);

/// Files of one kind.
#[async_trait]
pub trait Reread: Send + Sync {
    /// What they are, for messages.
    fn what(&self) -> &'static str;

    /// The same for metrics.
    fn name(&self) -> &'static str;

    /// Whether it looks at its files by itself, and says what is wrong with them.
    fn looks_itself(&self) -> bool {
        false
    }

    /// Reads and takes them over; says whether anything is different. Without `forced`, files that look the same need not be read.
    ///
    /// # Errors
    /// What is wrong with them: then all stays as it was.
    async fn reread(&self, forced: bool) -> anyhow::Result<bool>;
}

/// All files that are read again.
#[derive(Clone)]
pub struct Reloads {
    all: Vec<Arc<dyn Reread>>,
    successful: IntGaugeVec,
}

impl std::fmt::Debug for Reloads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.all.iter().map(|files| files.what())).finish()
    }
}

impl Reloads {
    /// # Errors
    /// When the registry has the metric already.
    pub fn new(registry: &Registry) -> prometheus::Result<Self> {
        let help = "Whether files of the configuration could be taken over when they were read last.";
        let successful = IntGaugeVec::new(Opts::new("gantry_config_last_reload_successful", help), &["files"])?;
        registry.register(Box::new(successful.clone()))?;
        Ok(Reloads { all: Vec::new(), successful })
    }

    /// Files that were read just now.
    pub fn add(&mut self, files: impl Reread + 'static) {
        self.successful.with_label_values(&[files.name()]).set(1);
        self.all.push(Arc::new(files));
    }

    async fn reread(&self, files: &dyn Reread, forced: bool) -> anyhow::Result<bool> {
        let read = files.reread(forced).await;
        self.successful.with_label_values(&[files.name()]).set(read.is_ok().into());
        read
    }

    /// Reads all files now.
    ///
    /// # Errors
    /// What is wrong with some; the others are taken over all the same.
    pub async fn now(&self) -> Result<(), String> {
        let mut wrong = Vec::new();
        for files in &self.all {
            if let Err(why) = self.reread(&**files, true).await {
                wrong.push(format!("{}: {why:#}", files.what()));
            }
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
    }

    /// Looks at the files until `stop`. What is wrong is told once, until it changes.
    pub async fn follow(self, mut hangup: Hangup, stop: CancellationToken) {
        let mut told = BTreeMap::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(INTERVAL) => self.look(&mut told).await,
                () = hangup.wait() => match self.now().await {
                    Ok(()) => info!("SIGHUP: the files of the configuration were read again"),
                    Err(wrong) => error!("SIGHUP: {wrong}; what was configured before goes on"),
                },
            }
        }
    }

    async fn look(&self, told: &mut BTreeMap<&'static str, String>) {
        for files in &self.all {
            match self.reread(&**files, false).await {
                _ if files.looks_itself() => {}
                Ok(changed) => {
                    told.remove(files.what());
                    if changed {
                        info!("{} has changed and is followed", files.what());
                    }
                }
                Err(wrong) => {
                    let wrong = format!("{wrong:#}");
                    if told.get(files.what()) != Some(&wrong) {
                        error!("{}: {wrong}; what was configured before goes on", files.what());
                        told.insert(files.what(), wrong);
                    }
                }
            }
        }
    }
}

/// The jobs of scraping.
#[derive(Debug)]
pub struct ScrapeJobs {
    pub options: ScrapeOptions,
    pub scraper: Arc<Scraper>,
}

#[async_trait]
impl Reread for ScrapeJobs {
    fn what(&self) -> &'static str {
        "the configuration of scraping"
    }

    fn name(&self) -> &'static str {
        "scrape"
    }

    async fn reread(&self, forced: bool) -> anyhow::Result<bool> {
        let (options, scraper) = (self.options.clone(), self.scraper.clone());
        let taken = tokio::task::spawn_blocking(move || scraper.reconfigure(options.load()?, forced));
        Ok(taken.await??)
    }
}

#[async_trait]
impl Reread for Arc<Ruler> {
    fn what(&self) -> &'static str {
        "rules"
    }

    fn name(&self) -> &'static str {
        "rules"
    }

    fn looks_itself(&self) -> bool {
        true
    }

    async fn reread(&self, forced: bool) -> anyhow::Result<bool> {
        let invalid = if forced { Ruler::reread(self).await } else { self.invalid_files() };
        if invalid.is_empty() {
            return Ok(forced);
        }
        let files: Vec<String> = invalid.iter().map(ToString::to_string).collect();
        Err(anyhow::anyhow!("{}", files.join("\n  ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;

    /// Answers in turn, and says whether it was forced.
    struct Files(Mutex<Vec<anyhow::Result<bool>>>, Arc<Mutex<Vec<bool>>>);

    #[async_trait]
    impl Reread for Files {
        fn what(&self) -> &'static str {
            "files"
        }

        fn name(&self) -> &'static str {
            "files"
        }

        async fn reread(&self, forced: bool) -> anyhow::Result<bool> {
            self.1.lock().push(forced);
            self.0.lock().remove(0)
        }
    }

    #[tokio::test]
    async fn all_files_are_read_although_some_are_wrong() {
        let (mut reloads, asked) = (Reloads::new(&Registry::new()).unwrap(), Arc::new(Mutex::new(Vec::new())));
        for answer in [Err(anyhow::anyhow!("no")), Ok(true), Err(anyhow::anyhow!("never"))] {
            reloads.add(Files(Mutex::new(vec![answer]), asked.clone()));
        }
        assert_eq!(reloads.now().await, Err("files: no\nfiles: never".to_owned()));
        assert_eq!(*asked.lock(), [true, true, true]);
    }

    #[tokio::test]
    async fn what_is_wrong_is_told_until_it_is_mended() {
        let (mut reloads, mut told) = (Reloads::new(&Registry::new()).unwrap(), BTreeMap::new());
        let answers = vec![Err(anyhow::anyhow!("no")), Err(anyhow::anyhow!("worse")), Ok(true)];
        reloads.add(Files(Mutex::new(answers), Arc::default()));
        for expected in [Some("no"), Some("worse"), None] {
            reloads.look(&mut told).await;
            assert_eq!(told.get("files").map(String::as_str), expected);
            let successful = reloads.successful.with_label_values(&["files"]).get();
            assert_eq!(successful, i64::from(expected.is_none()));
        }
    }
}
