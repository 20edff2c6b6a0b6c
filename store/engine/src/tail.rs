//! [`TailHub`]: hands lines to live subscribers, filtered here, without ever waiting for one.

use crate::metrics::Metrics;
use futures::Stream;
use futures::StreamExt;
use gantry_model::{LogBatch, TenantId};
use gantry_store_api::{Lagged, TailEvent, TailLine, TailRequest, TailStream};
use parking_lot::{Mutex, RwLock};
use std::collections::{HashMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

/// Bytes that one subscriber's queue may hold whatever its number of lines.
const QUEUE_BYTES: usize = 16 << 20;
/// What a queued line counts beside its text.
const LINE_OVERHEAD: usize = 64;
/// Lines named in a [`Lagged`].
const LAGGED_SAMPLE: usize = 100;

/// Subscribers of all tenants.
#[derive(Debug)]
pub(crate) struct TailHub {
    /// Read before anything else, so that publishing costs nothing while nobody listens.
    count: AtomicUsize,
    tenants: RwLock<HashMap<TenantId, Vec<Arc<Subscriber>>>>,
    metrics: Metrics,
}

#[derive(Debug)]
struct Subscriber {
    request: TailRequest,
    state: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    lines: VecDeque<TailLine>,
    bytes: usize,
    /// Lines missed after the last one in `lines`.
    lagged: Lagged,
    closed: bool,
    waker: Option<Waker>,
}

impl TailHub {
    pub(crate) fn new(metrics: Metrics) -> Arc<Self> {
        Arc::new(TailHub { count: AtomicUsize::new(0), tenants: RwLock::default(), metrics })
    }

    pub(crate) fn subscribe(self: &Arc<Self>, tenant: &TenantId, request: TailRequest) -> TailStream {
        let subscriber = Arc::new(Subscriber { request, state: Mutex::default() });
        self.tenants.write().entry(tenant.clone()).or_default().push(subscriber.clone());
        self.count.fetch_add(1, Ordering::Release);
        self.metrics.tail_subscribers.inc();
        Subscription { hub: self.clone(), tenant: tenant.clone(), subscriber, missed: None }.boxed()
    }

    /// Hands a batch that can be queried already to everyone who wants lines of it.
    pub(crate) fn publish(&self, tenant: &TenantId, batch: &LogBatch) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        for subscriber in self.tenants.read().get(tenant).into_iter().flatten() {
            let lagged = subscriber.offer(batch);
            self.metrics.tail_lagged_lines.inc_by(lagged);
        }
    }

    pub(crate) fn subscribers(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Ends every subscription after what it has queued.
    pub(crate) fn close(&self) {
        for subscriber in self.tenants.read().values().flatten() {
            let mut state = subscriber.state.lock();
            state.closed = true;
            state.wake();
        }
    }

    fn remove(&self, tenant: &TenantId, subscriber: &Arc<Subscriber>) {
        let mut tenants = self.tenants.write();
        if let Some(of_tenant) = tenants.get_mut(tenant) {
            of_tenant.retain(|other| !Arc::ptr_eq(other, subscriber));
            if of_tenant.is_empty() {
                tenants.remove(tenant);
            }
        }
        self.count.fetch_sub(1, Ordering::Release);
        self.metrics.tail_subscribers.dec();
    }
}

impl Subscriber {
    /// Queues what matches; gives the number of lines for which there was no room.
    fn offer(&self, batch: &LogBatch) -> u64 {
        let mut missed = 0;
        for stream in batch.streams().iter().filter(|stream| self.request.selector.matches(&stream.labels)) {
            for row in batch.rows_of(stream) {
                let body = batch.body(row);
                if !self.request.lines.iter().all(|filter| filter.matches(body)) {
                    continue;
                }
                let mut state = self.state.lock();
                if state.lines.len() >= self.request.buffer.max(1) || state.bytes + body.len() > QUEUE_BYTES {
                    state.lagged.count += 1;
                    missed += 1;
                    if state.lagged.sample.len() < LAGGED_SAMPLE {
                        state.lagged.sample.push((stream.labels.clone(), row.timestamp));
                    }
                    continue;
                }
                let line = TailLine {
                    labels: stream.labels.clone(),
                    timestamp: row.timestamp,
                    body: body.to_owned(),
                    metadata: batch.metadata(row).to_owned(),
                };
                state.bytes += line.body.len() + line.metadata.len() + LINE_OVERHEAD;
                state.lines.push_back(line);
            }
        }
        self.state.lock().wake_if_ready();
        missed
    }
}

impl Queue {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn wake_if_ready(&mut self) {
        if !self.lines.is_empty() || self.lagged.count > 0 {
            self.wake();
        }
    }
}

/// The reading side; dropping it frees everything.
#[derive(Debug)]
struct Subscription {
    hub: Arc<TailHub>,
    tenant: TenantId,
    subscriber: Arc<Subscriber>,
    /// Told after the lines that came before the gap.
    missed: Option<Lagged>,
}

impl Stream for Subscription {
    type Item = TailEvent;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<TailEvent>> {
        if let Some(missed) = self.missed.take() {
            return Poll::Ready(Some(TailEvent::Lagged(missed)));
        }
        let subscriber = self.subscriber.clone();
        let mut state = subscriber.state.lock();
        if !state.lines.is_empty() {
            let lines = std::mem::take(&mut state.lines).into();
            state.bytes = 0;
            if state.lagged.count > 0 {
                self.missed = Some(std::mem::take(&mut state.lagged));
            }
            return Poll::Ready(Some(TailEvent::Lines(lines)));
        }
        if state.lagged.count > 0 {
            return Poll::Ready(Some(TailEvent::Lagged(std::mem::take(&mut state.lagged))));
        }
        if state.closed {
            return Poll::Ready(None);
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.remove(&self.tenant, &self.subscriber);
    }
}
