//! [`FileCollector`]: gather, save, send, commit.

use super::gather::Gathered;
use super::options::{CollectError, FileOptions};
use super::watch::Watch;
use crate::collect::deliver::{Delivered, Delivery};
use crate::collect::{CollectMetrics, Enrich, Sink};
use gantry_model::Clock;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Pause between two looks at the files: short after lines came, longer and longer while none do.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// Follows the files of some patterns and hands their lines to a sink.
#[derive(Debug)]
pub struct FileCollector {
    watch: Watch,
    delivery: Delivery,
    discover_every: Duration,
    batch_bytes: usize,
}

impl FileCollector {
    /// # Errors
    /// When options are wrong, or the directory for the checkpoint can not be used.
    pub fn new(
        options: FileOptions,
        sink: Arc<dyn Sink>,
        clock: Arc<dyn Clock>,
        metrics: &CollectMetrics,
    ) -> Result<Self, CollectError> {
        let metrics = metrics.of(&options.name);
        let delivery = Delivery { sink, tenant: options.tenant.clone(), source: "file", metrics: metrics.clone() };
        let (discover_every, batch_bytes) = (options.discover_every, options.batch_bytes);
        Ok(FileCollector { watch: Watch::new(options, clock, metrics)?, delivery, discover_every, batch_bytes })
    }

    /// Also gives the labels that `enricher` knows; it wins over those that were added before.
    #[must_use]
    pub fn enriched_by(mut self, enricher: Arc<dyn Enrich>) -> Self {
        self.watch.enrich(enricher);
        self
    }

    /// Collects until `stop` is cancelled. A batch under way may still be stored then; the next run goes on behind it.
    pub async fn run(self, stop: CancellationToken) {
        let mut driver =
            Driver { delivery: self.delivery, discover_every: self.discover_every, discovered: None, stop };
        let mut pause = SHORTEST_PAUSE;
        let mut watch = self.watch;
        while !driver.stop.is_cancelled() {
            let began = Instant::now();
            let Some((followed, gathered)) = driver.gather(watch).await else { return };
            let bytes = gathered.batch.text_bytes();
            pause = if gathered.batch.is_empty() { (pause * 2).min(LONGEST_PAUSE) } else { SHORTEST_PAUSE };
            let Some((followed, delivered)) = driver.send(followed, gathered).await else { return };
            watch = followed;
            if delivered == Delivered::Stopped {
                break;
            }
            if bytes < self.batch_bytes {
                let left = pause.saturating_sub(began.elapsed());
                let _ = timeout(left, driver.stop.cancelled()).await;
            }
        }
        let _ = blocking(watch, Watch::save).await;
    }
}

#[derive(Debug)]
struct Driver {
    delivery: Delivery,
    discover_every: Duration,
    discovered: Option<Instant>,
    stop: CancellationToken,
}

impl Driver {
    /// The checkpoint is saved before the batch goes out: it says what may have been sent.
    async fn gather(&mut self, watch: Watch) -> Option<(Watch, Gathered)> {
        let due = self.discovered.is_none_or(|at| at.elapsed() >= self.discover_every);
        if due {
            self.discovered = Some(Instant::now());
        }
        blocking(watch, move |watch| {
            if due {
                watch.discover();
            }
            let gathered = watch.gather();
            watch.save();
            gathered
        })
        .await
    }

    /// Sends, and meanwhile goes on discovering, so that files that are rotated away during a pause are still opened.
    async fn send(&mut self, mut watch: Watch, gathered: Gathered) -> Option<(Watch, Delivered)> {
        if gathered.batch.is_empty() {
            watch.commit(&gathered);
            return Some((watch, Delivered::Stored));
        }
        let delivery = self.delivery.clone();
        let deliver = delivery.deliver(gathered.batch.clone(), &self.stop);
        tokio::pin!(deliver);
        let delivered = loop {
            tokio::select! {
                delivered = &mut deliver => break delivered,
                () = sleep(self.discover_every) => {}
            }
            (watch, ()) = blocking(watch, Watch::discover).await?;
            self.discovered = Some(Instant::now());
        };
        match delivered {
            Delivered::Stored => watch.commit(&gathered),
            Delivered::Refused => watch.pass_over(),
            Delivered::Stopped => {}
        }
        Some((watch, delivered))
    }
}

/// Runs file work off the async threads. `None` when the runtime is shutting down.
async fn blocking<T: Send + 'static>(
    mut watch: Watch,
    work: impl FnOnce(&mut Watch) -> T + Send + 'static,
) -> Option<(Watch, T)> {
    let done = spawn_blocking(move || {
        let result = work(&mut watch);
        (watch, result)
    });
    match done.await {
        Ok(done) => Some(done),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => None,
    }
}
