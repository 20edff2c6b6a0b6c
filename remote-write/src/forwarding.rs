//! [`Forwarding`]: an [`AppendMetrics`] that acknowledges when the samples are stored and on their way; [`RemoteWrite`]
//! is everything behind it.

use crate::deliver::{Deliver, HttpDeliver};
use crate::log::{Log, Takes};
use crate::metrics::Metrics;
use crate::options::{RemoteWriteLogOptions, RemoteWriteOptions};
use crate::record::RecordWriter;
use crate::remote::{Around, Remote};
use async_trait::async_trait;
use gantry_model::metric::MetricBatch;
use gantry_model::{Clock, TenantId};
use gantry_store_api::{AppendMetrics, MetricCommit, QueryMetrics, StoreError};
use parking_lot::Mutex;
use prometheus::Registry;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

type DeliverOrError = Result<Arc<dyn Deliver>, StoreError>;

/// The remotes and the log that they read.
#[derive(Debug)]
pub struct RemoteWrite {
    log: Arc<Log>,
    remotes: Vec<Remote>,
}

impl RemoteWrite {
    /// Opens the log below `dir`. Remotes begin to send with [`RemoteWrite::run`]; until then samples wait. They stop when
    /// `stop` is cancelled.
    ///
    /// # Errors
    /// When the log cannot be opened, or options or files that they name cannot be used.
    pub fn open(
        dir: &Path,
        (remotes, log_options): (Vec<RemoteWriteOptions>, &RemoteWriteLogOptions),
        query: Arc<dyn QueryMetrics>,
        clock: Arc<dyn Clock>,
        registry: &Registry,
        stop: CancellationToken,
    ) -> Result<Self, StoreError> {
        let metrics = Metrics::register(registry).map_err(StoreError::internal)?;
        let around = Around { query, clock, metrics, stop };
        let deliver = |options: &RemoteWriteOptions| -> DeliverOrError {
            let deliver = HttpDeliver::new(options);
            let named = |error| StoreError::internal(format!("remote_write {}: {error}", options.shown_name()));
            Ok(Arc::new(deliver.map_err(named)?))
        };
        Self::with(dir, remotes, log_options, &around, &deliver)
    }

    pub(crate) fn with(
        dir: &Path,
        remotes: Vec<RemoteWriteOptions>,
        log_options: &RemoteWriteLogOptions,
        around: &Around,
        deliver: &dyn Fn(&RemoteWriteOptions) -> DeliverOrError,
    ) -> Result<Self, StoreError> {
        let named = |options: &RemoteWriteOptions| {
            let takes = options.clone();
            let takes: Takes = Arc::new(move |tenant: &TenantId| takes.takes(tenant));
            (options.shown_name(), takes)
        };
        let names: Vec<_> = remotes.iter().map(named).collect();
        let log = Arc::new(Log::open(dir, log_options.max_bytes, &names)?);
        let readings = log.files.readings.clone();
        let remote = |(options, reading): (RemoteWriteOptions, _)| {
            let deliver = deliver(&options)?;
            Remote::new(options, log_options, &log, reading, deliver, around).map_err(StoreError::internal)
        };
        let remotes = remotes.into_iter().zip(readings).map(remote).collect::<Result<_, _>>()?;
        Ok(RemoteWrite { log, remotes })
    }

    /// What has to be appended to in place of `store`, so that remotes get what it takes.
    pub fn forwarding(&self, store: Arc<dyn AppendMetrics>, clock: Arc<dyn Clock>) -> Forwarding {
        Forwarding { store, clock, log: self.log.clone(), writers: Mutex::default() }
    }

    /// Sends until told to stop, and then what can be sent in a short while.
    pub async fn run(self) {
        let mut running = JoinSet::new();
        for remote in self.remotes {
            running.spawn(remote.run());
        }
        while running.join_next().await.is_some() {}
    }
}

/// Stores, then puts what was stored into the log of remote write, and only then answers.
pub struct Forwarding {
    store: Arc<dyn AppendMetrics>,
    clock: Arc<dyn Clock>,
    log: Arc<Log>,
    /// Idle ones, with their buffers.
    writers: Mutex<Vec<RecordWriter>>,
}

impl fmt::Debug for Forwarding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forwarding").field("log", &self.log).finish_non_exhaustive()
    }
}

/// Writers that are kept while nobody uses them.
const IDLE: usize = 8;

#[async_trait]
impl AppendMetrics for Forwarding {
    async fn append_metrics(&self, tenant: &TenantId, batch: MetricBatch) -> Result<MetricCommit, StoreError> {
        if !self.log.files.readings.iter().any(|reading| (reading.takes)(tenant)) || batch.sample_count() == 0 {
            return self.store.append_metrics(tenant, batch).await;
        }
        let commit = self.store.append_metrics(tenant, batch.clone()).await?;
        if let Some(record) = self.record(tenant, &batch, &commit)? {
            self.log.append(record).await?;
        }
        Ok(commit)
    }
}

impl Forwarding {
    fn record(
        &self,
        tenant: &TenantId,
        batch: &MetricBatch,
        commit: &MetricCommit,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let now_ms = self.clock.now().0.div_euclid(1_000_000);
        let mut writer = self.writers.lock().pop().unwrap_or_default();
        let record = writer.write((tenant, now_ms), batch, &commit.refused);
        let mut idle = self.writers.lock();
        if idle.len() < IDLE {
            idle.push(writer);
        }
        record
    }
}

#[cfg(test)]
mod tests;
