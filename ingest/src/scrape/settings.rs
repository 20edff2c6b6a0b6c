//! [`Settings`]: what a job does, ready to be done. Replaced as a whole when the configuration changes.

use super::config::{InvalidScrape, Rules, ScrapeConfig};
use super::fetch::{Fetch, HttpFetch};
use super::local::LocalJob;
use std::sync::Arc;

#[derive(Debug)]
pub(super) struct Settings {
    pub config: ScrapeConfig,
    pub rules: Rules,
    /// How targets are reached.
    pub fetch: Arc<dyn Fetch>,
    /// How the servers of `http_sd_configs` are reached, in their order.
    pub servers: Vec<Arc<dyn Fetch>>,
}

impl Settings {
    /// # Errors
    /// When rules or files of the job cannot be read.
    pub fn new(config: ScrapeConfig) -> Result<Self, InvalidScrape> {
        let job = &config.job_name;
        let server = |client| HttpFetch::discovery(client, job).map(|fetch| Arc::new(fetch) as Arc<dyn Fetch>);
        let servers = config.http_sd_configs.iter().map(|sd| server(&sd.client)).collect::<Result<_, _>>()?;
        let fetch = Arc::new(HttpFetch::new(&config)?);
        Ok(Settings { rules: config.rules()?, fetch, servers, config })
    }

    /// A job whose one target is a source of this machine.
    pub fn local(job: &LocalJob) -> Self {
        Settings { config: job.config(), rules: Rules::default(), fetch: job.fetch.clone(), servers: Vec::new() }
    }
}
