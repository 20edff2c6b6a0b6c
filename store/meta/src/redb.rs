//! [`RedbMeta`]: the contract on one redb file.

use crate::types::last_per_key;
use crate::watch::Watchers;
use crate::{Compare, Entry, MetaError, MetaErrorKind, MetaStore, Op, TxnOutcome, Watch};
use async_trait::async_trait;
use parking_lot::{Mutex, RwLock};
use redb::{Builder, Database, ReadableDatabase, ReadableTable, TableDefinition};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Key to version and value.
const ENTRIES: TableDefinition<&str, (u64, &[u8])> = TableDefinition::new("entries");
/// The name "revision" to the number of the last transaction.
const COUNTERS: TableDefinition<&str, u64> = TableDefinition::new("counters");
/// redb's own default is 1 GiB.
const CACHE_BYTES: usize = 16 << 20;

/// A [`MetaStore`] in one file. Every commit is synced; all work happens on the blocking pool.
#[derive(Debug)]
pub struct RedbMeta {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    /// `None` after an I/O error: redb wants the file to be opened again then.
    database: RwLock<Option<Database>>,
    /// Held from before a commit until its changes are published, so that watchers see the order of revisions.
    writer: Mutex<()>,
    watchers: Watchers,
}

impl RedbMeta {
    /// Opens or creates the file. Blocks: call it from the blocking pool or before the runtime is busy.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, MetaError> {
        let path = path.as_ref().to_owned();
        let database = open_database(&path)?;
        let inner = Inner {
            path,
            database: RwLock::new(Some(database)),
            writer: Mutex::new(()),
            watchers: Watchers::default(),
        };
        Ok(RedbMeta { inner: Arc::new(inner) })
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, MetaError> + Send + 'static,
    ) -> Result<T, MetaError> {
        let inner = self.inner.clone();
        let joined = tokio::task::spawn_blocking(move || work(&inner)).await;
        joined.map_err(|e| MetaError::new(MetaErrorKind::Internal, format!("metadata task failed: {e}")))?
    }
}

#[async_trait]
impl MetaStore for RedbMeta {
    async fn get(&self, key: &str) -> Result<Option<Entry>, MetaError> {
        let key = key.to_owned();
        self.blocking(move |inner| inner.with_database(|db| read_one(db, &key))).await
    }

    async fn range(&self, prefix: &str) -> Result<Vec<Entry>, MetaError> {
        let prefix = prefix.to_owned();
        self.blocking(move |inner| inner.with_database(|db| read_range(db, &prefix))).await
    }

    async fn txn(&self, compares: Vec<Compare>, ops: Vec<Op>) -> Result<TxnOutcome, MetaError> {
        self.blocking(move |inner| inner.txn(&compares, last_per_key(ops))).await
    }

    fn watch(&self, prefix: &str) -> Watch {
        self.inner.watchers.watch(prefix)
    }
}

impl Inner {
    fn txn(&self, compares: &[Compare], ops: Vec<Op>) -> Result<TxnOutcome, MetaError> {
        let _in_order = self.writer.lock();
        let outcome = self.with_database(|db| write(db, compares, &ops))?;
        if let TxnOutcome::Committed { revision } = outcome {
            self.watchers.publish(revision, &ops);
        }
        Ok(outcome)
    }

    /// Runs `work` on the open database, opening it again when an earlier I/O error closed it.
    fn with_database<T>(&self, work: impl FnOnce(&Database) -> Result<T, redb::Error>) -> Result<T, MetaError> {
        let guard = self.database.read();
        let guard = match *guard {
            Some(_) => guard,
            None => {
                drop(guard);
                self.reopen()?;
                self.database.read()
            }
        };
        let Some(database) = guard.as_ref() else {
            return Err(MetaError::new(MetaErrorKind::Internal, format!("{} is closed", self.path.display())));
        };
        let result = work(database);
        drop(guard);
        result.map_err(|error| {
            if matches!(error, redb::Error::Io(_) | redb::Error::PreviousIo) {
                self.database.write().take();
            }
            describe(&self.path, &error)
        })
    }

    fn reopen(&self) -> Result<(), MetaError> {
        let mut slot = self.database.write();
        if slot.is_none() {
            *slot = Some(open_database(&self.path)?);
        }
        Ok(())
    }
}

fn open_database(path: &Path) -> Result<Database, MetaError> {
    let create = || -> Result<Database, redb::Error> {
        let database = Builder::new().set_cache_size(CACHE_BYTES).create(path)?;
        let txn = database.begin_write()?;
        txn.open_table(ENTRIES)?;
        txn.open_table(COUNTERS)?;
        txn.commit()?;
        Ok(database)
    };
    create().map_err(|error| describe(path, &error))
}

fn read_one(database: &Database, key: &str) -> Result<Option<Entry>, redb::Error> {
    let table = database.begin_read()?.open_table(ENTRIES)?;
    let found = table.get(key)?;
    Ok(found.map(|guard| {
        let (version, value) = guard.value();
        Entry { key: key.to_owned(), value: value.into(), version }
    }))
}

fn read_range(database: &Database, prefix: &str) -> Result<Vec<Entry>, redb::Error> {
    let table = database.begin_read()?.open_table(ENTRIES)?;
    let mut found = Vec::new();
    for item in table.range(prefix..)? {
        let (key, value) = item?;
        if !key.value().starts_with(prefix) {
            break;
        }
        let (version, value) = value.value();
        found.push(Entry { key: key.value().to_owned(), value: value.into(), version });
    }
    Ok(found)
}

fn write(database: &Database, compares: &[Compare], ops: &[Op]) -> Result<TxnOutcome, redb::Error> {
    let mut txn = database.begin_write()?;
    // After a crash the file is opened without walking all of it.
    txn.set_quick_repair(true);
    let mut entries = txn.open_table(ENTRIES)?;
    for compare in compares {
        let version = entries.get(compare.key.as_str())?.map(|guard| guard.value().0);
        if !compare.holds(version) {
            return Ok(TxnOutcome::Conflict { key: compare.key.clone() });
        }
    }
    let mut counters = txn.open_table(COUNTERS)?;
    let last = counters.get("revision")?.map_or(0, |guard| guard.value());
    if ops.is_empty() {
        return Ok(TxnOutcome::Committed { revision: last });
    }
    let revision = last + 1;
    counters.insert("revision", revision)?;
    for op in ops {
        match op {
            Op::Put { key, value } => drop(entries.insert(key.as_str(), (revision, &**value))?),
            Op::Delete { key } => drop(entries.remove(key.as_str())?),
        }
    }
    drop((entries, counters));
    txn.commit()?;
    Ok(TxnOutcome::Committed { revision })
}

fn describe(path: &Path, error: &redb::Error) -> MetaError {
    let kind = match error {
        redb::Error::Io(io) if is_full(io) => MetaErrorKind::StorageFull,
        redb::Error::DatabaseAlreadyOpen => MetaErrorKind::Busy,
        redb::Error::Corrupted(_) | redb::Error::UpgradeRequired(_) => MetaErrorKind::Corrupt,
        _ => MetaErrorKind::Internal,
    };
    MetaError::new(kind, format!("{}: {error}", path.display()))
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge)
}
