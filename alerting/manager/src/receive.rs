//! Who is notified: one [`Notifier`] for each integration of a receiver.

mod webhook;

use crate::config::{Config, Receiver};
use crate::data::Data;
use async_trait::async_trait;
use gantry_http_client::Unusable;
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
        self.webhook_configs.iter().enumerate().map(|(at, config)| of("webhook", at, config.send_resolved)).collect()
    }
}

/// Makes the notifiers of a configuration.
///
/// # Errors
/// When a file of TLS cannot be read.
pub fn notifiers(config: &Config) -> Result<Notifiers, Unusable> {
    let mut all = Notifiers::new();
    for receiver in &config.receivers {
        for (at, webhook) in receiver.webhook_configs.iter().enumerate() {
            let notifier: Arc<dyn Notifier> = Arc::new(Webhook::new(webhook, &config.global)?);
            all.insert((receiver.name.clone(), format!("webhook[{at}]")), notifier);
        }
    }
    Ok(all)
}
