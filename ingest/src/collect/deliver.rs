//! [`Delivery`]: a batch to a sink, as often as it takes.

use super::metrics::{CollectorMetrics, Lost};
use super::sink::{Sink, SinkError};
use gantry_model::{LogBatch, TenantId};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// How long a batch that is under way may still take when the collector is told to stop.
const LAST_ATTEMPT: Duration = Duration::from_secs(5);

/// What became of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivered {
    Stored,
    /// The sink will never take it; its lines were counted as lost.
    Refused,
    /// Told to stop before it was stored.
    Stopped,
}

#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub sink: Arc<dyn Sink>,
    pub tenant: TenantId,
    pub source: &'static str,
    pub metrics: CollectorMetrics,
}

impl Delivery {
    /// Tries until the sink takes the batch, refuses it for good, or `stop` is cancelled.
    pub async fn deliver(&self, batch: LogBatch, stop: &CancellationToken) -> Delivered {
        let mut wait = FIRST_WAIT;
        loop {
            let error = match self.attempt(batch.clone(), stop).await {
                Some(Ok(())) => return Delivered::Stored,
                Some(Err(error)) => error,
                None => return Delivered::Stopped,
            };
            let Some(asked) = error.retry_after else {
                tracing::warn!(source = self.source, lines = batch.line_count(), %error, "lines were refused for good");
                self.metrics.lost(Lost::Refused, batch.line_count() as u64);
                return Delivered::Refused;
            };
            if wait == FIRST_WAIT {
                tracing::warn!(source = self.source, %error, "collecting pauses until the store takes lines again");
            }
            if self.pause(asked.max(wait).min(LONGEST_WAIT), stop).await {
                return Delivered::Stopped;
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// `None` when told to stop and the sink does not answer soon.
    async fn attempt(&self, batch: LogBatch, stop: &CancellationToken) -> Option<Result<(), SinkError>> {
        let submit = self.sink.submit(&self.tenant, self.source, batch);
        tokio::pin!(submit);
        tokio::select! {
            biased;
            outcome = &mut submit => return Some(outcome),
            () = stop.cancelled() => {}
        }
        tokio::time::timeout(LAST_ATTEMPT, submit).await.ok()
    }

    /// Whether it was told to stop meanwhile.
    async fn pause(&self, wait: Duration, stop: &CancellationToken) -> bool {
        let began = Instant::now();
        let stopped = tokio::time::timeout(wait, stop.cancelled()).await.is_ok();
        self.metrics.paused.inc_by(began.elapsed().as_secs_f64());
        stopped
    }
}
