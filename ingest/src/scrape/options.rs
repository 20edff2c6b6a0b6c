//! [`ScrapeOptions`].

use super::config::{InvalidScrape, ScrapeFile};
use gantry_model::TenantId;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What is scraped, and for whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScrapeOptions {
    /// A configuration of Prometheus, of which `scrape_configs` and what `global` says of them are followed; changes are taken over within seconds. Default none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Whose metrics they are. Default `default`.
    pub tenant: TenantId,
}

impl Default for ScrapeOptions {
    fn default() -> Self {
        ScrapeOptions { file: None, tenant: TenantId::default_tenant() }
    }
}

impl ScrapeOptions {
    /// The jobs of the file; none without one.
    ///
    /// # Errors
    /// When the file cannot be read or followed.
    pub fn load(&self) -> Result<ScrapeFile, InvalidScrape> {
        let Some(path) = &self.file else { return Ok(ScrapeFile::default()) };
        ScrapeFile::load(path)
    }
}
