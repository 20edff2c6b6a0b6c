//! What a user writes: the part of Prometheus' configuration that says what is scraped.

mod job;
mod protocol;
mod read;
mod sd;

pub(super) use job::Rules;
pub use job::{ScrapeConfig, ScrapeLimits};
pub use protocol::{Escaping, NameValidation, ScrapeProtocol};
pub use sd::{DnsKind, DnsSd, FileSd, HttpSd, StaticConfig};

use crate::options::duration;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

/// A file with `scrape_configs`; other sections of a Prometheus configuration may be there and are not looked at, but for
/// what `global` says of scraping.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScrapeFile {
    pub global: Global,
    /// Globs of files that hold more `scrape_configs`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scrape_config_files: Vec<String>,
    pub scrape_configs: Vec<ScrapeConfig>,
}

/// Defaults of all jobs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Global {
    #[serde(with = "duration")]
    pub scrape_interval: Duration,
    #[serde(with = "duration")]
    pub scrape_timeout: Duration,
    #[serde(flatten)]
    pub limits: ScrapeLimits,
}

impl Default for Global {
    fn default() -> Self {
        Global {
            scrape_interval: Duration::from_secs(60),
            scrape_timeout: Duration::from_secs(10),
            limits: ScrapeLimits::default(),
        }
    }
}

/// What a file of `scrape_config_files` holds.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct MoreJobs {
    scrape_configs: Vec<ScrapeConfig>,
}

/// A configuration that cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidScrape(pub String);

impl ScrapeFile {
    /// Reads YAML, of which JSON is a part, and gives jobs what `global` says. Further files are not read.
    ///
    /// # Errors
    /// What does not fit, with its line.
    pub fn parse(text: &str) -> Result<Self, InvalidScrape> {
        Self::read(text)?.complete()
    }

    /// Reads the file and those that its `scrape_config_files` name, which count from its directory.
    ///
    /// # Errors
    /// What cannot be read or does not fit, with the file.
    pub fn load(path: &Path) -> Result<Self, InvalidScrape> {
        let mut file = of_file(path, Self::read)?;
        for pattern in file.scrape_config_files.clone() {
            let whole = path.parent().unwrap_or(Path::new("")).join(&pattern);
            let found = glob::glob(&whole.to_string_lossy());
            let found = found.map_err(|error| InvalidScrape(format!("scrape_config_files, {pattern:?}: {error}")))?;
            for path in found.filter_map(Result::ok) {
                let more: MoreJobs = of_file(&path, yaml)?;
                file.scrape_configs.extend(more.scrape_configs);
            }
        }
        file.complete().map_err(|InvalidScrape(wrong)| InvalidScrape(format!("{}: {wrong}", path.display())))
    }

    fn read(text: &str) -> Result<Self, InvalidScrape> {
        yaml(text)
    }

    fn complete(mut self) -> Result<Self, InvalidScrape> {
        let mut names = BTreeSet::new();
        for config in &mut self.scrape_configs {
            config.inherit(&self.global);
            config.check()?;
            if !names.insert(&config.job_name) {
                return Err(InvalidScrape(format!("job_name {:?} occurs twice", config.job_name)));
            }
        }
        Ok(self)
    }

    /// As YAML with all defaults, without secrets.
    pub fn shown(&self) -> String {
        let mut file = self.clone();
        file.scrape_configs
            .iter_mut()
            .flat_map(|job| &mut job.http_sd_configs)
            .for_each(|sd| hide_password(&mut sd.url));
        serde_yaml_ng::to_string(&file).unwrap_or_default()
    }
}

fn of_file<T>(path: &Path, read: impl Fn(&str) -> Result<T, InvalidScrape>) -> Result<T, InvalidScrape> {
    let wrong = |why: &dyn std::fmt::Display| InvalidScrape(format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| wrong(&error))?;
    read(&text).map_err(|error| wrong(&error))
}

/// An empty file is one without anything.
fn yaml<T: for<'de> Deserialize<'de> + Default>(text: &str) -> Result<T, InvalidScrape> {
    let read: Option<T> = serde_yaml_ng::from_str(text).map_err(|error| InvalidScrape(error.to_string()))?;
    Ok(read.unwrap_or_default())
}

fn hide_password(url: &mut String) {
    if let Ok(mut parsed) = reqwest::Url::parse(url)
        && parsed.password().is_some()
        && parsed.set_password(Some("xxxxx")).is_ok()
    {
        *url = parsed.into();
    }
}

#[cfg(test)]
mod tests;
