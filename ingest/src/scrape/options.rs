//! [`ScrapeOptions`].

use super::config::{InvalidScrape, ScrapeFile};
use gantry_model::TenantId;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What is scraped, and for whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScrapeOptions {
    /// A configuration of Prometheus, of which `scrape_configs` and the intervals of `global` are followed. Default none.
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
        let text = std::fs::read_to_string(path).map_err(|e| InvalidScrape(format!("{}: {e}", path.display())))?;
        ScrapeFile::parse(&text).map_err(|InvalidScrape(wrong)| InvalidScrape(format!("{}: {wrong}", path.display())))
    }
}
