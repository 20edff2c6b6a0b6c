//! The configuration: one TOML file, one section per crate, every problem reported at once.
//!
//! Each crate owns the `Options` of its section; this module reads the layers (file, then environment, then flags), binds
//! them and says all that is wrong, with the path of the key and a suggestion for names that do not exist.
//!
//! Start with [`Config::load`]. Never here: what an option does.

mod bind;
mod collect;
mod dump;
mod fields;
mod layers;
mod options;
mod retention;
mod suggest;
#[cfg(test)]
mod tests;
mod tls;

pub use collect::CollectOptions;
pub use dump::dump;
pub use layers::{Layers, file_to_read};
pub use options::{Listen, LogFormat, ServerOptions, TelemetryOptions};
pub use retention::{Period, RetentionOptions, StreamRule};
pub use tls::{TlsOptions, TlsVersion};

use crate::wiring;
use bind::Binder;
use gantry_alertmanager::AlertmanagerOptions;
use gantry_ingest::IngestOptions;
use gantry_ingest::fluent::FluentOptions;
use gantry_ingest::scrape::ScrapeOptions;
use gantry_ingest::statsd::StatsdOptions;
use gantry_ingest::syslog::SyslogOptions;
use gantry_query::QueryOptions;
use gantry_remote_write::{RemoteWriteLogOptions, RemoteWriteOptions};
use gantry_ruler::RulerOptions;
use gantry_scaler::ScaleOptions;
use gantry_store::StoreOptions;
use gantry_transform::{Invalid, Pipeline, TransformOptions};
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// Everything that can be set.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Config {
    pub server: ServerOptions,
    pub tls: TlsOptions,
    pub store: StoreOptions,
    pub retention: RetentionOptions,
    pub ingest: IngestOptions,
    pub query: QueryOptions,
    pub syslog: SyslogOptions,
    pub fluent: FluentOptions,
    pub statsd: StatsdOptions,
    pub scrape: ScrapeOptions,
    pub collect: CollectOptions,
    pub rules: RulerOptions,
    pub alerting: AlertmanagerOptions,
    pub scale: ScaleOptions,
    pub telemetry: TelemetryOptions,
    pub remote_write_log: RemoteWriteLogOptions,
    /// Written as [[remote_write]].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remote_write: Vec<RemoteWriteOptions>,
    /// Written as [[transform]], in the order in which they are applied.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub transform: Vec<TransformOptions>,
}

/// One thing that is wrong, at a path such as `store.sync`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub path: String,
    pub message: String,
}

/// All that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigErrors {
    /// Where the configuration came from: a file name, or "flags and environment".
    pub source: String,
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        let noun = if count == 1 { "problem" } else { "problems" };
        write!(f, "the configuration ({}) has {count} {noun}:", self.source)?;
        for Problem { path, message } in &self.problems {
            write!(f, "\n  {path}: {message}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}

impl Config {
    /// Reads the layers and checks them; on failure names every problem.
    pub fn load(layers: &Layers) -> Result<Config, ConfigErrors> {
        let errors = |problems| ConfigErrors { source: layers.source(), problems };
        let merged = layers.merge().map_err(|problem| errors(vec![problem]))?;
        let has_max_age = merged.get("ingest").is_some_and(|ingest| ingest.get("max_age").is_some());
        let mut binder = Binder::new(merged);
        let mut config = Config {
            server: binder.section("server"),
            tls: binder.section("tls"),
            store: binder.section("store"),
            retention: binder.section("retention"),
            ingest: binder.section("ingest"),
            query: binder.section("query"),
            syslog: binder.section("syslog"),
            fluent: binder.section("fluent"),
            statsd: binder.section("statsd"),
            scrape: binder.section("scrape"),
            collect: binder.section("collect"),
            rules: binder.section("rules"),
            alerting: binder.section("alerting"),
            scale: binder.section("scale"),
            telemetry: binder.section("telemetry"),
            remote_write_log: binder.section("remote_write_log"),
            remote_write: binder.list("remote_write"),
            transform: binder.list("transform"),
        };
        let mut problems = binder.finish();
        if problems.is_empty() {
            config.check(&mut problems);
        }
        config.store.stream_rules = config.retention.rules();
        if !has_max_age {
            config.ingest.max_age = config.longest_retention();
        }
        if problems.is_empty() { Ok(config) } else { Err(errors(problems)) }
    }

    /// What would be removed at once is refused at the door, and nothing else: the longest time that any line is kept.
    fn longest_retention(&self) -> Option<Duration> {
        let tenants = self.store.tenants.values().map(|tenant| tenant.retention);
        let all = tenants.chain(self.retention.periods()).chain([self.store.retention]);
        all.max_by_key(|period| period.unwrap_or(Duration::MAX)).flatten()
    }

    /// What the types of single values cannot say.
    fn check(&self, problems: &mut Vec<Problem>) {
        self.server.check(&self.tls, problems);
        self.tls.check(problems);
        self.telemetry.check(problems);
        self.retention.check(problems);
        if let Err(wrong) = self.ingest.check() {
            problems.push(Problem::new("ingest", wrong));
        }
        problems.extend(self.store.problems().into_iter().map(|wrong| Problem::new("store", wrong)));
        problems.extend(self.statsd.problems().into_iter().map(|wrong| Problem::new("statsd", wrong)));
        if let Err(wrong) = self.scrape.load() {
            problems.push(Problem::new("scrape.file", wrong));
        }
        self.collect.check(problems);
        let rules = self.rules.problems().into_iter();
        problems.extend(rules.map(|(name, wrong)| Problem::new(format!("rules.{name}"), wrong)));
        let scale = self.scale.problems().into_iter();
        problems.extend(scale.map(|(name, wrong)| Problem::new(format!("scale.{name}"), wrong)));
        let alerting = self.alerting.problems().into_iter();
        problems.extend(alerting.map(|(name, wrong)| Problem::new(format!("alerting.{name}"), wrong)));
        let remotes = gantry_remote_write::problems(&self.remote_write);
        problems.extend(remotes.into_iter().map(|(at, wrong)| Problem::new(format!("remote_write {at}"), wrong)));
        if let Err(wrong) = self.syslog.multiline.check() {
            problems.push(Problem::new("syslog", wrong));
        }
        if let Err(errors) = self.pipeline() {
            problems.extend(errors.problems);
        }
    }

    /// The transforms, compiled.
    ///
    /// # Errors
    /// All that is wrong with them; [`Config::load`] has made sure of none, files of programs that changed since aside.
    pub fn pipeline(&self) -> Result<Pipeline, ConfigErrors> {
        let problem = |invalid: Invalid| {
            let dot = if invalid.key.is_empty() { "" } else { "." };
            let path = format!("transform {} ({}){dot}{}", invalid.at + 1, invalid.name, invalid.key);
            Problem { path, message: invalid.message }
        };
        let compiled = wiring::transform::compile(&self.transform);
        compiled.map_err(|all| ConfigErrors {
            source: "[[transform]]".to_owned(),
            problems: all.into_iter().map(problem).collect(),
        })
    }
}

impl Problem {
    pub fn new(path: impl Into<String>, message: impl fmt::Display) -> Self {
        Problem { path: path.into(), message: message.to_string() }
    }
}
