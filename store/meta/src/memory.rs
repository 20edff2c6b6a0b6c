//! [`MemoryMeta`]: the same contract without a file.

use crate::types::last_per_key;
use crate::watch::Watchers;
use crate::{Compare, Entry, MetaError, MetaStore, Op, TxnOutcome, Watch};
use async_trait::async_trait;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A [`MetaStore`] that forgets everything when it is dropped.
#[derive(Debug, Default)]
pub struct MemoryMeta {
    state: Mutex<State>,
    watchers: Watchers,
}

#[derive(Debug, Default)]
struct State {
    revision: u64,
    entries: BTreeMap<String, (u64, Arc<[u8]>)>,
}

#[async_trait]
impl MetaStore for MemoryMeta {
    async fn get(&self, key: &str) -> Result<Option<Entry>, MetaError> {
        let state = self.state.lock();
        let entry = |(version, value): &(u64, Arc<[u8]>)| Entry {
            key: key.to_owned(),
            value: value.clone(),
            version: *version,
        };
        Ok(state.entries.get(key).map(entry))
    }

    async fn range(&self, prefix: &str) -> Result<Vec<Entry>, MetaError> {
        let state = self.state.lock();
        let from_prefix = state.entries.range(prefix.to_owned()..);
        let within = from_prefix.take_while(|(key, _)| key.starts_with(prefix));
        let entry = |(key, (version, value)): (&String, &(u64, Arc<[u8]>))| Entry {
            key: key.clone(),
            value: value.clone(),
            version: *version,
        };
        Ok(within.map(entry).collect())
    }

    async fn txn(&self, compares: Vec<Compare>, ops: Vec<Op>) -> Result<TxnOutcome, MetaError> {
        let ops = last_per_key(ops);
        let mut state = self.state.lock();
        let failed = compares.into_iter().find(|c| !c.holds(state.entries.get(&c.key).map(|(version, _)| *version)));
        if let Some(compare) = failed {
            return Ok(TxnOutcome::Conflict { key: compare.key });
        }
        if ops.is_empty() {
            return Ok(TxnOutcome::Committed { revision: state.revision });
        }
        state.revision += 1;
        let revision = state.revision;
        for op in &ops {
            match op {
                Op::Put { key, value } => state.entries.insert(key.clone(), (revision, value.clone())),
                Op::Delete { key } => state.entries.remove(key),
            };
        }
        self.watchers.publish(revision, &ops);
        Ok(TxnOutcome::Committed { revision })
    }

    fn watch(&self, prefix: &str) -> Watch {
        self.watchers.watch(prefix)
    }
}
