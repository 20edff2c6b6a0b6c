//! What leaves for elsewhere: remote write.

use crate::config::Config;
use crate::supervisor::{Kind, Supervisor};
use anyhow::Context;
use gantry_model::Clock;
use gantry_remote_write::RemoteWrite;
use gantry_store::Store;
use gantry_store_api::AppendMetrics;
use prometheus::Registry;
use std::sync::Arc;

/// What samples have to be appended to: the store, and the queue of the remotes when there are any. These begin to send.
pub fn remote_write(
    supervisor: &Supervisor,
    config: &Config,
    store: &Arc<Store>,
    clock: &Arc<dyn Clock>,
    registry: &Registry,
) -> anyhow::Result<Arc<dyn AppendMetrics>> {
    if config.remote_write.is_empty() {
        return Ok(store.clone());
    }
    let (dir, stop) = (config.store.data.join("remote-write"), supervisor.stopping(Kind::Outgoing));
    let options = (config.remote_write.clone(), &config.remote_write_log);
    let opened = RemoteWrite::open(&dir, options, store.clone(), clock.clone(), registry, stop);
    let remotes = opened.with_context(|| format!("cannot open the queue of remote write in {}", dir.display()))?;
    let append = Arc::new(remotes.forwarding(store.clone(), clock.clone()));
    supervisor.spawn(Kind::Outgoing, "remote write", async move {
        remotes.run().await;
        Ok(())
    });
    Ok(append)
}
