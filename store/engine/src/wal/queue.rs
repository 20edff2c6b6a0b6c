//! What appending tasks hand to a partition's writer: bounded by bytes, cheap to fill, taken whole.

use super::record::Record;
use gantry_model::{LogBatch, TenantId};
use gantry_store_api::{ErrorKind, StoreError};
use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// How long an append waits for a place in the queue before it is refused.
const PATIENCE: Duration = Duration::from_secs(2);
/// Most bytes of records that are written with one sync.
const GROUP_BYTES: usize = 16 << 20;
/// Counted for every item on top of its record, so that tiny records cannot be queued without limit.
const ITEM_OVERHEAD: usize = 1024;

pub(crate) type Answer = oneshot::Sender<Result<(), StoreError>>;

/// A batch on its way to disk.
#[derive(Debug)]
pub(crate) struct Item {
    pub tenant: TenantId,
    pub batch: Arc<LogBatch>,
    pub record: Record,
    pub answer: Answer,
    /// Given back when the item has been answered.
    pub room: OwnedSemaphorePermit,
}

/// What may wait in a queue.
pub(crate) trait Queued {
    /// Bytes that it adds to the log, about.
    fn bytes(&self) -> usize;
}

impl Queued for Item {
    fn bytes(&self) -> usize {
        self.record.len()
    }
}

/// What the writer does next.
#[derive(Debug)]
pub(crate) struct Work<T> {
    pub items: Vec<T>,
    /// Who waits for the active memtable to be frozen.
    pub freeze: Vec<Answer>,
    /// Nothing more will come.
    pub finished: bool,
}

/// Items of one writer.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    room: Arc<Semaphore>,
    capacity: usize,
    state: Mutex<State<T>>,
    wake: Condvar,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    freeze: Vec<Answer>,
    closed: bool,
}

impl<T: Queued> Queue<T> {
    pub(crate) fn new(capacity: usize) -> Self {
        let capacity = capacity.clamp(1 << 20, u32::MAX as usize / 2);
        let state = State { items: VecDeque::new(), freeze: Vec::new(), closed: false };
        Queue { room: Arc::new(Semaphore::new(capacity)), capacity, state: Mutex::new(state), wake: Condvar::new() }
    }

    /// Waits a short while for a place for `bytes` of record and text.
    pub(crate) async fn reserve(&self, bytes: usize) -> Result<OwnedSemaphorePermit, StoreError> {
        let cost = (bytes + ITEM_OVERHEAD).min(self.capacity) as u32;
        let acquired = tokio::time::timeout(PATIENCE, self.room.clone().acquire_many_owned(cost)).await;
        match acquired {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_closed)) => Err(stopping()),
            Err(_elapsed) => Err(StoreError::new(
                ErrorKind::Overloaded,
                "the write queue is full: the disk does not keep up; send less or raise store.wal_queue_bytes",
            )),
        }
    }

    pub(crate) fn push(&self, item: T) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        if state.closed {
            return Err(stopping());
        }
        state.items.push_back(item);
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    /// Asks the writer to freeze the active memtable.
    pub(crate) fn request_freeze(&self) -> Result<oneshot::Receiver<Result<(), StoreError>>, StoreError> {
        let (answer, receiver) = oneshot::channel();
        let mut state = self.state.lock();
        if state.closed {
            return Err(stopping());
        }
        state.freeze.push(answer);
        drop(state);
        self.wake.notify_one();
        Ok(receiver)
    }

    /// Nothing more is accepted; what is queued is still taken.
    pub(crate) fn close(&self) {
        self.state.lock().closed = true;
        self.room.close();
        self.wake.notify_all();
    }

    /// Blocks until there is something to do, or until `deadline`.
    pub(crate) fn take(&self, deadline: Option<Instant>) -> Work<T> {
        let mut state = self.state.lock();
        while state.items.is_empty() && state.freeze.is_empty() && !state.closed {
            match deadline {
                None => self.wake.wait(&mut state),
                Some(deadline) => {
                    if self.wake.wait_until(&mut state, deadline).timed_out() {
                        break;
                    }
                }
            }
        }
        let mut work = Work { items: Vec::new(), freeze: std::mem::take(&mut state.freeze), finished: false };
        let mut bytes = 0;
        while let Some(item) = state.items.front() {
            bytes += item.bytes();
            if bytes > GROUP_BYTES && !work.items.is_empty() {
                break;
            }
            work.items.extend(state.items.pop_front());
        }
        work.finished = state.closed && state.items.is_empty();
        work
    }
}

pub(crate) fn stopping() -> StoreError {
    StoreError::new(ErrorKind::Unavailable, "the store is stopping")
}
