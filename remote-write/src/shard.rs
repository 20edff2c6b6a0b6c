//! [`Shard`]: sends the samples of its series, one request at a time, until the remote takes them or never will.

use crate::backoff::Backoff;
use crate::deliver::{Deliver, Request, Verdict};
use crate::metrics::RemoteMetrics;
use crate::options::{ProtobufMessage, QueueConfig};
use crate::piece::Piece;
use crate::upkeep::Families;
use gantry_model::Clock;
use gantry_model::metric::MetricBatch;
use gantry_prompb::write_request::{self, Series};
use parking_lot::Mutex;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

/// What the shards of a remote share.
#[derive(Debug)]
pub(crate) struct Common {
    pub name: String,
    pub queue: QueueConfig,
    pub message: ProtobufMessage,
    pub max_age_ms: i64,
    pub deliver: Arc<dyn Deliver>,
    pub families: Families,
    pub clock: Arc<dyn Clock>,
    pub metrics: RemoteMetrics,
    /// Set while a request has to wait for its next try.
    pub is_waiting: AtomicBool,
    /// Set while samples are dropped because they are too old.
    pub is_dropping: AtomicBool,
    /// Kinds of refusals that were logged.
    pub logged: Mutex<HashSet<u16>>,
    /// The process stops: nothing waits any more.
    pub hurry: CancellationToken,
    /// It stops, and the remote does not take anything.
    pub gave_up: CancellationToken,
}

#[derive(Debug)]
pub(crate) struct Shard {
    common: Arc<Common>,
    pieces: mpsc::Receiver<Piece>,
    /// Taken from the queue, but for the next request.
    held: Option<Piece>,
    backoff: Backoff,
}

impl Shard {
    pub fn new(common: Arc<Common>, number: usize, pieces: mpsc::Receiver<Piece>) -> Self {
        let (queue, seed) = (&common.queue, common.clock.now().0 as u64 ^ (number as u64) << 32);
        let backoff = Backoff::new(queue.min_backoff, queue.max_backoff, seed);
        Shard { common, pieces, held: None, backoff }
    }

    /// Sends until nothing more comes, or until it gives up during a shutdown.
    pub async fn run(mut self) {
        while let Some(pieces) = self.gather().await {
            if !self.send(pieces).await {
                return;
            }
        }
    }

    /// What goes into the next request: of one tenant, as much as fits, without waiting too long for more.
    async fn gather(&mut self) -> Option<Vec<Piece>> {
        let first = match self.held.take() {
            Some(piece) => piece,
            None => self.pieces.recv().await?,
        };
        let deadline = Instant::now() + self.common.queue.batch_send_deadline;
        let most = self.common.queue.max_samples_per_send;
        let (mut samples, mut pieces) = (first.share.samples, vec![first]);
        while samples < most {
            let next = tokio::select! {
                biased;
                next = timeout_at(deadline, self.pieces.recv()) => next,
                () = self.common.hurry.cancelled() => Ok(self.pieces.try_recv().ok()),
            };
            let Ok(Some(piece)) = next else { break };
            if samples + piece.share.samples > most || pieces.first().is_some_and(|first| first.tenant != piece.tenant)
            {
                self.held = Some(piece);
                break;
            }
            samples += piece.share.samples;
            pieces.push(piece);
        }
        Some(pieces)
    }

    /// Sends pieces together. When they are refused, each is sent alone, so that one does not take others with it.
    /// `false` when it gave up: then they are sent after the next start.
    async fn send(&mut self, pieces: Vec<Piece>) -> bool {
        match self.try_until_judged(&pieces).await {
            None => return false,
            Some(Judged::Finished) => pieces.into_iter().for_each(finish),
            Some(Judged::Refused { status, why }) if pieces.len() == 1 || !is_about_samples(status) => {
                self.refused(&pieces, status, &why);
                pieces.into_iter().for_each(finish);
            }
            Some(Judged::Refused { .. }) => {
                for piece in pieces {
                    let alone = vec![piece];
                    match self.try_until_judged(&alone).await {
                        None => return false,
                        Some(Judged::Finished) => {}
                        Some(Judged::Refused { status, why }) => self.refused(&alone, status, &why),
                    }
                    alone.into_iter().for_each(finish);
                }
            }
        }
        true
    }

    async fn try_until_judged(&mut self, pieces: &[Piece]) -> Option<Judged> {
        let common = self.common.clone();
        let request = common.encode(pieces);
        loop {
            let now_ms = common.clock.now().0.div_euclid(1_000_000);
            if pieces.iter().all(|piece| now_ms.saturating_sub(piece.written_ms) > common.max_age_ms) {
                common.too_old(request.samples);
                return Some(Judged::Finished);
            }
            let timer = common.metrics.seconds.start_timer();
            let verdict = common.deliver.deliver(&request).await;
            timer.observe_duration();
            match verdict {
                Verdict::Taken => {
                    common.taken(pieces, &request);
                    self.backoff.reset();
                    return Some(Judged::Finished);
                }
                Verdict::Never { status, why } => {
                    common.metrics.request("refused");
                    self.backoff.reset();
                    return Some(Judged::Refused { status, why });
                }
                Verdict::Later { why, after } => {
                    common.later(&why, request.samples);
                    if common.hurry.is_cancelled() {
                        common.gave_up.cancel();
                        return None;
                    }
                    let wait = self.backoff.wait(after);
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        // One more try, then it gives up.
                        () = common.hurry.cancelled() => {}
                    }
                }
            }
        }
    }

    fn refused(&self, pieces: &[Piece], status: u16, why: &str) {
        let samples = pieces.iter().map(|piece| piece.share.samples as u64).sum();
        let common = &self.common;
        if is_about_samples(status) && pieces.iter().all(|piece| piece.again) {
            common.metrics.dropped("sent_again", samples);
            tracing::debug!(
                remote = common.name,
                status,
                samples,
                why,
                "refused after a start: the remote has them, most likely"
            );
            return;
        }
        let reason = if status == 0 { "not_understood".to_owned() } else { status.to_string() };
        common.metrics.failed(&reason, samples);
        if common.logged.lock().insert(status) {
            tracing::error!(
                remote = common.name,
                status,
                samples,
                why,
                "a remote refuses samples for good: they are dropped, and more of this kind will be counted only"
            );
        } else {
            tracing::debug!(remote = common.name, status, samples, why, "a remote refuses samples");
        }
    }
}

/// How tries ended.
enum Judged {
    Finished,
    Refused { status: u16, why: String },
}

/// Whether a part of the samples may be what is refused, and not the sender.
fn is_about_samples(status: u16) -> bool {
    matches!(status, 400 | 409 | 413 | 422)
}

fn finish(piece: Piece) {
    piece.ticket.part_finished();
    drop(piece.room);
}

impl Common {
    fn encode(&self, pieces: &[Piece]) -> Request {
        let all = pieces.iter().flat_map(|piece| piece.series().map(move |series| (piece, series)));
        let described = self.message == ProtobufMessage::V2;
        let abouts: Vec<_> = all
            .map(|(piece, one)| {
                let about = described.then(|| self.families.about(&piece.tenant, piece.batch.labels(one)));
                (&piece.batch, one, about.flatten())
            })
            .collect();
        let series = abouts.iter().map(|(batch, one, about)| {
            let batch: &MetricBatch = batch;
            let (timestamps, values) = batch.samples(one);
            let (histograms, exemplars) = (batch.histograms(one), batch.exemplars(one));
            Series { labels: batch.labels(one), timestamps, values, histograms, exemplars, metadata: about.as_deref() }
        });
        let body = if described { write_request::v2(series) } else { write_request::v1(series) };
        let samples = pieces.iter().map(|piece| piece.share.samples as u64).sum();
        let tenant = pieces.first().map(|piece| piece.tenant.clone());
        Request {
            tenant: tenant.unwrap_or_else(gantry_model::TenantId::default_tenant),
            body: compress(&body),
            samples,
        }
    }

    fn taken(&self, pieces: &[Piece], request: &Request) {
        let exemplars = pieces.iter().map(|piece| piece.share.exemplars as u64).sum();
        let newest = |piece: &Piece| {
            let of = |series| {
                piece
                    .batch
                    .samples(series)
                    .0
                    .iter()
                    .chain(piece.batch.histograms(series).iter().map(|(at, _)| at))
                    .max()
                    .copied()
            };
            piece.series().filter_map(of).max()
        };
        let newest = pieces.iter().filter_map(newest).max().unwrap_or_default();
        self.metrics.request("taken");
        self.metrics.sent(request.samples, exemplars, request.body.len() as u64, newest);
        self.is_dropping.store(false, Ordering::Relaxed);
        if self.is_waiting.swap(false, Ordering::Relaxed) {
            tracing::info!(remote = self.name, "a remote takes samples again");
        }
    }

    fn later(&self, why: &str, samples: u64) {
        self.metrics.request("retried");
        self.metrics.retried(samples);
        if !self.is_waiting.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                remote = self.name,
                why,
                "a remote does not take samples: they wait on disk and are sent again"
            );
        }
    }

    /// Samples waited too long.
    pub fn too_old(&self, samples: u64) {
        self.metrics.dropped("too_old", samples);
        if !self.is_dropping.swap(true, Ordering::Relaxed) {
            tracing::error!(
                remote = self.name,
                samples,
                "samples waited for a remote longer than remote_write_log.max_age: they are dropped, and more will be counted only"
            );
        }
    }
}

/// One snappy block, as the protocol wants it.
pub(crate) fn compress(body: &[u8]) -> Vec<u8> {
    let mut packed = vec![0; snap::raw::max_compress_len(body.len())];
    // Fails only for 4 GiB and more; a request has a bounded number of samples.
    let length = snap::raw::Encoder::new().compress(body, &mut packed).unwrap_or_default();
    packed.truncate(length);
    packed
}
