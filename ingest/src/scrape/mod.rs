//! Scraping: metrics fetched from targets, configured by Prometheus' `scrape_configs` (prometheus.io, "Configuration").
//!
//! ```text
//!   Discovery -> labels -> relabel_configs -> Target -(interval)-> Fetch -> Pass -> MetricIngest::submit
//! ```
//!
//! A target that hangs, drips or sends too much is cut off, and its series end; so do series that vanish. What is not
//! known here is how bytes are fetched: see [`Fetch`].
//!
//! Start with [`ScrapeConfig`] and [`Scraper`].

mod config;
mod discover;
mod dns;
mod fetch;
mod histograms;
mod job;
mod local;
mod options;
mod pass;
mod pools;
mod resolve;
mod run;
mod settings;
mod target;

pub use config::{
    DnsKind, DnsSd, Escaping, FileSd, Global, HttpSd, InvalidScrape, NameValidation, ScrapeConfig, ScrapeFile,
    ScrapeLimits, ScrapeProtocol, StaticConfig,
};
pub use fetch::{Fetch, FetchError, Fetched, HttpFetch};
pub use local::LocalJob;
pub use options::ScrapeOptions;
pub use pools::{Discovered, LastScrape, Pool, Pools, TargetStatus};
pub use run::Scraper;
pub use target::Target;
