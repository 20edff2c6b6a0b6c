//! Who is notified: one [`Notifier`] for each integration of a receiver.

mod chat;
mod incident;
mod jira;
mod mail;
mod pager;
mod problems;
mod robot;
mod room;
mod send;
mod sigv4;
mod smtp;
mod sns;
#[cfg(test)]
pub mod tests;
mod way;
mod webhook;
mod wechat;

pub use problems::problems;
pub use way::templates;

use crate::config::{Config, Global, Receiver};
use crate::data::Data;
use crate::template::Templates;
use async_trait::async_trait;
use gantry_http_client::Unusable;
use gantry_model::Clock;
use send::Sender;
use std::collections::BTreeMap;
use std::sync::Arc;
use webhook::Webhook;

/// One way to notify a receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Integration {
    /// Of the receiver's the only one of this name, as `webhook[0]`.
    pub name: String,
    /// Whether it is told of alerts that are over.
    pub send_resolved: bool,
}

/// Why somebody was not notified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Whether it may work later.
    pub retry: bool,
    /// For the operator; has no secrets.
    pub why: String,
}

impl Failure {
    pub fn lasting(why: impl Into<String>) -> Self {
        Failure { retry: false, why: why.into() }
    }

    pub fn passing(why: impl Into<String>) -> Self {
        Failure { retry: true, why: why.into() }
    }
}

/// Notifies.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// What kind of integration it is, as `webhook`.
    fn kind(&self) -> &'static str;

    /// Tries once. Whoever calls limits the time, and tries again.
    async fn notify(&self, data: &Data) -> Result<(), Failure>;
}

/// All integrations by receiver and name.
pub type Notifiers = BTreeMap<(String, String), Arc<dyn Notifier>>;

impl Receiver {
    /// Its integrations in order.
    pub fn integrations(&self) -> Vec<Integration> {
        let of = |kind: &str, at: usize, send_resolved| Integration { name: format!("{kind}[{at}]"), send_resolved };
        let webhooks = self.webhook_configs.iter().enumerate();
        let webhooks = webhooks.map(|(at, config)| of("webhook", at, config.send_resolved));
        // What is taken over from the whole configuration changes no name.
        let ways = self.ways(&Global::default()).into_iter();
        webhooks.chain(ways.map(|(name, way)| Integration { name, send_resolved: way.send_resolved() })).collect()
    }
}

/// Makes the notifiers of a configuration. Blocks: files of templates are read.
///
/// # Errors
/// When a file of TLS or templates cannot be read.
pub fn notifiers(config: &Config, clock: &Arc<dyn Clock>) -> Result<Notifiers, Unusable> {
    let mut all = Notifiers::new();
    let templates = Arc::new(Templates::read(&config.templates).map_err(Unusable)?);
    for receiver in &config.receivers {
        for (at, webhook) in receiver.webhook_configs.iter().enumerate() {
            let notifier: Arc<dyn Notifier> = Arc::new(Webhook::new(webhook, &config.global)?);
            all.insert((receiver.name.clone(), format!("webhook[{at}]")), notifier);
        }
        for (name, way) in receiver.ways(&config.global) {
            let sender = Sender::new(way, templates.clone(), clock.clone())?;
            all.insert((receiver.name.clone(), name), Arc::new(sender));
        }
    }
    Ok(all)
}
