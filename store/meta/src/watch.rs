//! Watching keys: a bounded queue per watcher, fed with every committed transaction.

use crate::{Entry, Op};
use std::sync::Arc;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// Transactions that a slow watcher may lag behind before it is told that it missed some.
const BACKLOG: usize = 1024;

/// A key that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Put(Entry),
    Delete { key: String, revision: u64 },
}

impl Change {
    pub fn key(&self) -> &str {
        match self {
            Change::Put(entry) => &entry.key,
            Change::Delete { key, .. } => key,
        }
    }
}

/// What a watcher sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchEvent {
    Changed(Change),
    /// Changes were missed: read the range again.
    Lagged,
}

/// A running watch; dropping it ends it.
#[derive(Debug)]
pub struct Watch {
    prefix: String,
    receiver: broadcast::Receiver<Arc<[Change]>>,
    ready: std::collections::VecDeque<Change>,
}

impl Watch {
    /// The next event, or `None` when the store is gone. Safe to cancel.
    pub async fn next(&mut self) -> Option<WatchEvent> {
        loop {
            if let Some(change) = self.ready.pop_front() {
                return Some(WatchEvent::Changed(change));
            }
            match self.receiver.recv().await {
                Ok(changes) => {
                    let mine = changes.iter().filter(|change| change.key().starts_with(&self.prefix));
                    self.ready.extend(mine.cloned());
                }
                Err(RecvError::Lagged(_)) => return Some(WatchEvent::Lagged),
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

/// The sending side, one per store.
#[derive(Debug)]
pub(crate) struct Watchers(broadcast::Sender<Arc<[Change]>>);

impl Default for Watchers {
    fn default() -> Self {
        Watchers(broadcast::channel(BACKLOG).0)
    }
}

impl Watchers {
    pub(crate) fn watch(&self, prefix: &str) -> Watch {
        Watch { prefix: prefix.to_owned(), receiver: self.0.subscribe(), ready: Default::default() }
    }

    /// Called in order of revision, after the commit.
    pub(crate) fn publish(&self, revision: u64, ops: &[Op]) {
        if self.0.receiver_count() == 0 {
            return;
        }
        let change = |op: &Op| match op {
            Op::Put { key, value } => Change::Put(Entry { key: key.clone(), value: value.clone(), version: revision }),
            Op::Delete { key } => Change::Delete { key: key.clone(), revision },
        };
        // An error means that the last watcher has just gone, which is fine.
        let _ = self.0.send(ops.iter().map(change).collect());
    }
}
