//! [`Shipper`]: the backlog to the sink.

use super::ProcessOptions;
use crate::collect::backlog::{Backlog, Line};
use crate::collect::deliver::{Delivered, Delivery};
use crate::collect::metrics::{CollectorMetrics, Lost};
use gantry_model::{LabelSet, LogBatch};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

const BATCH_BYTES: usize = 1 << 20;

#[derive(Debug)]
pub(super) struct Shipper {
    pub metrics: CollectorMetrics,
    task: JoinSet<u64>,
    stop: CancellationToken,
}

impl Shipper {
    pub fn start(backlog: Arc<Backlog>, delivery: Delivery, options: &ProcessOptions) -> Self {
        let streams = ["stdout", "stderr"].map(|stream| (stream, options.stream(stream)));
        let stop = CancellationToken::new();
        let metrics = delivery.metrics.clone();
        let work = Work { backlog, delivery, streams, delay: options.batch_delay, stop: stop.clone() };
        let mut task = JoinSet::new();
        task.spawn(work.run());
        Shipper { metrics, task, stop }
    }

    /// Sends what is left, until `deadline`; gives how many lines were stored in all.
    pub async fn finish(&mut self, deadline: Instant) -> u64 {
        if let Ok(Some(Ok(stored))) = timeout_at(deadline, self.task.join_next()).await {
            return stored;
        }
        self.stop.cancel();
        match self.task.join_next().await {
            Some(Ok(stored)) => stored,
            _ => 0,
        }
    }
}

#[derive(Debug)]
struct Work {
    backlog: Arc<Backlog>,
    delivery: Delivery,
    streams: [(&'static str, LabelSet); 2],
    delay: Duration,
    stop: CancellationToken,
}

impl Work {
    async fn run(self) -> u64 {
        let mut stored = 0;
        while let Some(lines) = self.backlog.take(BATCH_BYTES).await {
            let batch = self.batch(&lines);
            let (count, bytes) = (batch.line_count() as u64, batch.text_bytes() as u64);
            match self.delivery.deliver(batch, &self.stop).await {
                Delivered::Stored => {
                    stored += count;
                    self.delivery.metrics.lines("plain", count);
                    self.delivery.metrics.bytes.inc_by(bytes);
                }
                Delivered::Refused => {}
                Delivered::Stopped => {
                    self.give_up(count).await;
                    break;
                }
            }
            if !self.backlog.is_closed() {
                sleep(self.delay).await;
            }
        }
        stored
    }

    async fn give_up(&self, unsent: u64) {
        let mut lost = unsent;
        while let Some(lines) = self.backlog.take(usize::MAX).await {
            lost += lines.len() as u64;
        }
        self.delivery.metrics.lost(Lost::Shutdown, lost);
    }

    /// Each stream's lines keep their order; between streams the timestamps tell it.
    fn batch(&self, lines: &[Line]) -> LogBatch {
        let mut builder = LogBatch::builder();
        for (name, labels) in &self.streams {
            builder.stream(labels.clone());
            for line in lines.iter().filter(|line| line.stream == *name) {
                builder.push(line.at, &line.body, []).expect("a batch is sent long before it holds 4 GiB");
            }
        }
        builder.finish()
    }
}
