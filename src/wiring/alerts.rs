//! Alerts: the embedded Alertmanager, and what hands it the alerts of rules.

use crate::config::Config;
use crate::supervisor::{Kind, Supervisor};
use anyhow::Context;
use async_trait::async_trait;
use gantry_alertmanager::{Alertmanager, Config as Routing, Outward, PostedAlert};
use gantry_meta::MetaStore;
use gantry_model::{Clock, LabelSet, Timestamp};
use gantry_ruler::{GroupId, Notify, Told};
use prometheus::Registry;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

/// How often the file is looked at for changes.
const RELOAD: Duration = Duration::from_secs(5);

/// Starts to notify; `url` is where people reach this server.
pub async fn start(
    supervisor: &Supervisor,
    config: &Config,
    url: String,
    meta: Arc<dyn MetaStore>,
    clock: Arc<dyn Clock>,
    registry: &Registry,
) -> anyhow::Result<Arc<Alertmanager>> {
    let routing = match &config.alerting.config {
        Some(file) => read(file).await?,
        None => Routing::without_receivers(),
    };
    let opened = Alertmanager::open(routing, url, meta, clock, registry).await;
    let manager = Arc::new(opened.context("the Alertmanager cannot start")?);
    // After the rules, which tell it of alerts to the last.
    let (running, stop) = (manager.clone(), supervisor.stopping(Kind::Outgoing));
    supervisor.spawn(Kind::Outgoing, "alertmanager", async move {
        running.run(stop).await;
        Ok(())
    });
    if let Some(file) = config.alerting.config.clone() {
        let (manager, stop) = (manager.clone(), supervisor.stopping(Kind::Source));
        supervisor.spawn(Kind::Source, "alertmanager configuration", async move {
            follow(&file, &manager, stop).await;
            Ok(())
        });
    }
    Ok(manager)
}

async fn read(file: &std::path::Path) -> anyhow::Result<Routing> {
    let text = tokio::fs::read_to_string(file).await;
    let text = text.with_context(|| format!("the Alertmanager's configuration {} cannot be read", file.display()))?;
    let dir = file.parent().unwrap_or(std::path::Path::new(""));
    Routing::parse_in(&text, dir)
        .with_context(|| format!("the Alertmanager's configuration {} is wrong", file.display()))
}

/// Takes over changes of the file; one that is wrong is told, and what was goes on.
async fn follow(file: &std::path::Path, manager: &Alertmanager, stop: CancellationToken) {
    let changed = async || -> Option<SystemTime> { tokio::fs::metadata(file).await.ok()?.modified().ok() };
    let mut known = changed().await;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(RELOAD) => {}
        }
        let now = changed().await;
        if now == known || now.is_none() {
            continue;
        }
        known = now;
        let taken = async { anyhow::Ok(manager.reconfigure(read(file).await?)?) };
        match taken.await {
            Ok(()) => info!(file = %file.display(), "the Alertmanager's configuration has changed"),
            Err(wrong) => error!("{wrong:#}; what was configured before goes on"),
        }
    }
}

/// Starts to send alerts of rules to other Alertmanagers; `None` when there are none.
pub fn outward(supervisor: &Supervisor, config: &Config, registry: &Registry) -> anyhow::Result<Option<Elsewhere>> {
    if config.alerting.alertmanagers.is_empty() {
        return Ok(None);
    }
    let outward = Arc::new(Outward::new(&config.alerting.alertmanagers, registry)?);
    let (running, stop) = (outward.clone(), supervisor.stopping(Kind::Outgoing));
    supervisor.spawn(Kind::Outgoing, "other alertmanagers", async move {
        running.run(stop).await;
        Ok(())
    });
    Ok(Some(Elsewhere(outward)))
}

/// Hands alerts of rules to other Alertmanagers.
pub struct Elsewhere(Arc<Outward>);

impl Elsewhere {
    /// Where alerts are sent, without credentials.
    pub fn servers(&self) -> Vec<String> {
        self.0.servers().collect()
    }
}

#[async_trait]
impl Notify for Elsewhere {
    async fn notify(&self, group: &GroupId, alerts: Vec<Told>) {
        self.0.put(&group.tenant, &alerts.into_iter().map(posted).collect::<Vec<_>>());
    }
}

/// Hands alerts of rules to the embedded Alertmanager.
pub struct Embedded(pub Arc<Alertmanager>);

#[async_trait]
impl Notify for Embedded {
    async fn notify(&self, group: &GroupId, alerts: Vec<Told>) {
        let posted = alerts.into_iter().map(posted).collect();
        // A firing alert is told again soon, an ended one until it is forgotten.
        if let Err(error) = self.0.put_from(&group.to_string(), &group.tenant, posted).await {
            error!(%group, %error, "alerts of rules were not taken; they are told again");
        }
    }

    async fn settle(&self, group: &GroupId, known: &BTreeSet<LabelSet>) -> bool {
        let settled = self.0.settle(&group.to_string(), &group.tenant, &|labels| known.contains(labels)).await;
        settled.unwrap_or_else(|error| {
            error!(%group, %error, "alerts that ended before the start are told as over later");
            false
        })
    }
}

fn posted(told: Told) -> PostedAlert {
    let Told { notice, generator_url } = told;
    PostedAlert {
        labels: notice.labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        annotations: notice.annotations,
        starts_at: Some(Timestamp::from_millis(notice.starts_ms)),
        ends_at: Some(Timestamp::from_millis(notice.ends_ms)),
        generator_url,
    }
}
