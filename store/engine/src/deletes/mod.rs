//! Delete requests: kept in the metadata, in force from the moment they are durable, carried out in the background.
//!
//! A request means the lines that were written before it. Therefore every partition starts a new memtable for it (the
//! *cut*), and every source of lines knows the number of the last request that is older than all of its lines. Numbers
//! rise; one that failed is not used again. Start with [`Deletes`]; [`carry_out`] removes the lines from the files.

mod carry_out;
mod record;
mod store;

pub(crate) use carry_out::carry_out;

use crate::error::meta_error;
use crate::wal::WalPosition;
use gantry_meta::{Compare, Entry, Expect, MetaStore, Op, TxnOutcome};
use gantry_model::{LineFilter, Selector, TenantId, TimeRange, Timestamp};
use gantry_store_api::{Cancelled, DeleteRequest, DeleteWhat, ErrorKind, StoreError};
use parking_lot::RwLock;
use record::{Record, Status};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{Mutex, MutexGuard};

const PREFIX: &str = "delete/";
/// Most requests of one tenant that may wait: each is looked at by every query of the tenant.
const MOST_PENDING: usize = 128;
/// Requests of one tenant that are remembered after they ended.
const REMEMBERED: usize = 1000;

/// A request in force.
#[derive(Clone, Debug)]
pub struct Pending {
    pub number: u64,
    pub selector: Selector,
    pub lines: Vec<LineFilter>,
    pub range: TimeRange,
    pub created_at: Timestamp,
}

/// A tenant's requests in force, by number.
pub(crate) type PendingList = Arc<[Arc<Pending>]>;

/// All delete requests of a store.
#[derive(Debug)]
pub(crate) struct Deletes {
    meta: Arc<dyn MetaStore>,
    pending: RwLock<BTreeMap<TenantId, PendingList>>,
    /// The last number that was given out. Held while a request changes.
    last: Mutex<u64>,
}

/// A request that is being made: nobody else changes one meanwhile.
#[derive(Debug)]
pub(crate) struct Creation<'a> {
    deletes: &'a Deletes,
    _alone: MutexGuard<'a, u64>,
    pub number: u64,
}

/// Where the requests in force cut the log: by partition, in ascending order.
pub(crate) type Cuts = BTreeMap<u32, Vec<(WalPosition, u64)>>;

impl Deletes {
    pub(crate) fn new(meta: Arc<dyn MetaStore>) -> Self {
        Deletes { meta, pending: RwLock::default(), last: Mutex::default() }
    }

    /// Reads what is there. `highest` is the highest number that a split knows.
    pub(crate) async fn open(&self, highest: u64) -> Result<Cuts, StoreError> {
        let mut last = self.last.lock().await;
        *last = highest;
        let mut cuts = Cuts::new();
        let mut found: BTreeMap<TenantId, Vec<Arc<Pending>>> = BTreeMap::new();
        for entry in self.meta.range(PREFIX).await.map_err(meta_error)? {
            let (tenant, record) = decode(&entry)?;
            *last = record.number.max(*last);
            if record.status != Status::Received {
                continue;
            }
            for (partition, at) in &record.cuts {
                cuts.entry(*partition).or_default().push((*at, record.number));
            }
            let wrong = |e| StoreError::corrupt(format!("delete request {}: {e}", record.id()));
            found.entry(tenant).or_default().push(Arc::new(record.pending().map_err(wrong)?));
        }
        cuts.values_mut().for_each(|cuts| cuts.sort_by_key(|(_, number)| *number));
        let by_number = |mut list: Vec<Arc<Pending>>| {
            list.sort_by_key(|pending| pending.number);
            PendingList::from(list)
        };
        *self.pending.write() = found.into_iter().map(|(tenant, list)| (tenant, by_number(list))).collect();
        Ok(cuts)
    }

    /// The tenant's requests in force.
    pub(crate) fn pending(&self, tenant: &TenantId) -> PendingList {
        self.pending.read().get(tenant).cloned().unwrap_or_default()
    }

    pub(crate) fn all_pending(&self) -> Vec<(TenantId, PendingList)> {
        self.pending.read().iter().map(|(tenant, list)| (tenant.clone(), list.clone())).collect()
    }

    /// Takes the next number. Then the partitions are cut, then [`Creation::commit`].
    pub(crate) async fn begin(&self, tenant: &TenantId) -> Result<Creation<'_>, StoreError> {
        let mut last = self.last.lock().await;
        if self.pending(tenant).len() >= MOST_PENDING {
            let message = format!(
                "{MOST_PENDING} delete requests of tenant {tenant} wait to be carried out; try again when some are done"
            );
            return Err(StoreError::new(ErrorKind::Overloaded, message));
        }
        *last += 1;
        Ok(Creation { deletes: self, number: *last, _alone: last })
    }

    /// Oldest first.
    pub(crate) async fn list(&self, tenant: &TenantId) -> Result<Vec<DeleteRequest>, StoreError> {
        Ok(self.records(tenant).await?.iter().map(Record::request).collect())
    }

    pub(crate) async fn cancel(&self, tenant: &TenantId, id: &str, now: Timestamp) -> Result<Cancelled, StoreError> {
        let _alone = self.last.lock().await;
        let Some(mut record) = self.records(tenant).await?.into_iter().find(|record| record.id() == id) else {
            return Ok(Cancelled::Unknown);
        };
        if record.started || record.status != Status::Received {
            return Ok(Cancelled::TooLate);
        }
        (record.status, record.ended_at) = (Status::Cancelled, Some(now));
        self.put(tenant, std::slice::from_ref(&record)).await?;
        self.drop_pending(tenant, &[record.number]);
        Ok(Cancelled::Done)
    }

    /// From now on these requests cannot be cancelled.
    async fn start(&self, tenant: &TenantId, due: &[Arc<Pending>]) -> Result<PendingList, StoreError> {
        let _alone = self.last.lock().await;
        // One may have been cancelled since the caller looked.
        let still: Vec<Arc<Pending>> =
            self.pending(tenant).iter().filter(|p| due.iter().any(|d| d.number == p.number)).cloned().collect();
        let mut records = self.records(tenant).await?;
        records.retain(|record| !record.started && still.iter().any(|pending| pending.number == record.number));
        records.iter_mut().for_each(|record| record.started = true);
        self.put(tenant, &records).await?;
        Ok(still.into())
    }

    /// No file holds the lines of these requests any more.
    async fn finish(&self, tenant: &TenantId, done: &[Arc<Pending>], now: Timestamp) -> Result<(), StoreError> {
        let _alone = self.last.lock().await;
        let numbers: Vec<u64> = done.iter().map(|pending| pending.number).collect();
        let all = self.records(tenant).await?;
        let mut records: Vec<Record> = all.iter().filter(|record| numbers.contains(&record.number)).cloned().collect();
        for record in &mut records {
            (record.status, record.ended_at) = (Status::Processed, Some(now));
            record.cuts.clear();
            tracing::info!(%tenant, request = record.id(), query = record.query, by = record.by, "delete request carried out");
        }
        self.put(tenant, &records).await?;
        self.drop_pending(tenant, &numbers);
        self.forget_old(tenant, all).await
    }

    async fn forget_old(&self, tenant: &TenantId, all: Vec<Record>) -> Result<(), StoreError> {
        let ended: Vec<Record> = all.into_iter().filter(|record| record.ended_at.is_some()).collect();
        let old = &ended[..ended.len().saturating_sub(REMEMBERED)];
        let ops = old.iter().map(|record| Op::delete(key(tenant, record.number))).collect::<Vec<_>>();
        if ops.is_empty() { Ok(()) } else { self.txn(Vec::new(), ops).await }
    }

    async fn records(&self, tenant: &TenantId) -> Result<Vec<Record>, StoreError> {
        let entries = self.meta.range(&format!("{PREFIX}{tenant}/")).await.map_err(meta_error)?;
        entries.iter().map(|entry| Ok(decode(entry)?.1)).collect()
    }

    async fn put(&self, tenant: &TenantId, records: &[Record]) -> Result<(), StoreError> {
        if records.is_empty() {
            return Ok(());
        }
        let put = |record: &Record| {
            let value = serde_json::to_vec(record).map_err(StoreError::internal)?;
            Ok(Op::put(key(tenant, record.number), value))
        };
        self.txn(Vec::new(), records.iter().map(put).collect::<Result<_, StoreError>>()?).await
    }

    async fn txn(&self, compares: Vec<Compare>, ops: Vec<Op>) -> Result<(), StoreError> {
        match self.meta.txn(compares, ops).await.map_err(meta_error)? {
            TxnOutcome::Committed { .. } => Ok(()),
            TxnOutcome::Conflict { key } => Err(StoreError::internal(format!("{key} was changed by somebody else"))),
        }
    }

    fn drop_pending(&self, tenant: &TenantId, numbers: &[u64]) {
        let mut pending = self.pending.write();
        let Some(list) = pending.get(tenant) else { return };
        let left: PendingList = list.iter().filter(|one| !numbers.contains(&one.number)).cloned().collect();
        if left.is_empty() {
            pending.remove(tenant);
        } else {
            pending.insert(tenant.clone(), left);
        }
    }
}

impl Creation<'_> {
    /// Makes the request durable, then puts it in force.
    pub(crate) async fn commit(
        self,
        tenant: &TenantId,
        what: &DeleteWhat,
        now: Timestamp,
        cuts: BTreeMap<u32, WalPosition>,
    ) -> Result<DeleteRequest, StoreError> {
        let record = Record::new(self.number, what, now, cuts);
        let pending = record.pending().map_err(|e| StoreError::new(ErrorKind::Invalid, e.to_string()))?;
        let value = serde_json::to_vec(&record).map_err(StoreError::internal)?;
        let key = key(tenant, self.number);
        self.deletes.txn(vec![Compare::new(&key, Expect::Absent)], vec![Op::put(&key, value)]).await?;
        let mut all = self.deletes.pending.write();
        let list = all.get(tenant).cloned().unwrap_or_default();
        all.insert(tenant.clone(), list.iter().cloned().chain([Arc::new(pending)]).collect());
        Ok(record.request())
    }
}

fn key(tenant: &TenantId, number: u64) -> String {
    format!("{PREFIX}{tenant}/{number:016x}")
}

fn decode(entry: &Entry) -> Result<(TenantId, Record), StoreError> {
    let wrong = |what: String| StoreError::corrupt(format!("catalog entry {}: {what}", entry.key));
    let tenant = entry.key.strip_prefix(PREFIX).and_then(|rest| Some(rest.split_once('/')?.0)).unwrap_or_default();
    let tenant = TenantId::new(tenant).map_err(|e| wrong(e.to_string()))?;
    let record = serde_json::from_slice(&entry.value).map_err(|e| wrong(e.to_string()))?;
    Ok((tenant, record))
}
