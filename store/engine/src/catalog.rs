//! The catalog: which splits exist, and which part of the WAL they cover. Keys: `docs/format/catalog.md`.
//!
//! One transaction here is the commit point of every flush, merge and removal.

use crate::error::meta_error;
use crate::metric::{BlockMeta, ExemplarFiles, ExemplarMeta};
use crate::split::{SplitId, SplitMeta};
use crate::wal::WalPosition;
use gantry_meta::{Compare, Entry, Expect, MetaStore, Op, TxnOutcome};
use gantry_model::TenantId;
use gantry_store_api::{ErrorKind, StoreError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::sync::Arc;

const FORMAT_KEY: &str = "store/format";
const PARTITIONS_KEY: &str = "store/partitions";
const SPLITS: &str = "split/";
const WAL: &str = "wal/";
const BLOCKS: &str = "block/";
const METRIC_WAL: &str = "metric-wal/";
const EXEMPLARS: &str = "metric-exemplars/";
/// Of the whole data directory: layout, catalog keys, file formats.
const FORMAT: u32 = 1;

#[derive(Clone, Debug)]
pub(crate) struct Catalog {
    meta: Arc<dyn MetaStore>,
}

/// All that the catalog knows.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    pub partitions: u32,
    pub splits: Vec<SplitMeta>,
    /// By partition: everything before this place is in splits.
    pub flushed: BTreeMap<u32, WalPosition>,
    /// By shard: everything before this place of its log is in blocks.
    pub metrics_flushed: BTreeMap<u32, WalPosition>,
    pub blocks: Vec<BlockMeta>,
    pub exemplars: Vec<ExemplarMeta>,
}

impl Catalog {
    pub(crate) fn new(meta: Arc<dyn MetaStore>) -> Self {
        Catalog { meta }
    }

    /// Reads everything; a new catalog is set up for `partitions`.
    pub(crate) async fn open(&self, partitions: u32) -> Result<Contents, StoreError> {
        if self.meta.get(FORMAT_KEY).await.map_err(meta_error)?.is_none() {
            let ops = vec![Op::put(FORMAT_KEY, encode(&FORMAT)?), Op::put(PARTITIONS_KEY, encode(&partitions)?)];
            self.commit(vec![Compare::new(FORMAT_KEY, Expect::Absent)], ops).await?;
        }
        self.load().await
    }

    /// Reads everything of a catalog that is there.
    pub(crate) async fn load(&self) -> Result<Contents, StoreError> {
        let format: u32 = self.number(FORMAT_KEY).await?;
        if format != FORMAT {
            let message = format!("the data directory has format {format}, this program reads {FORMAT}");
            return Err(StoreError::new(ErrorKind::Invalid, message));
        }
        let partitions = self.number(PARTITIONS_KEY).await?;
        let splits = self.meta.range(SPLITS).await.map_err(meta_error)?;
        let splits = splits.iter().map(decode).collect::<Result<_, _>>()?;
        let mut flushed = BTreeMap::new();
        for entry in self.meta.range(WAL).await.map_err(meta_error)? {
            let number = entry.key.strip_prefix(WAL).and_then(|name| name.strip_prefix('p')?.parse().ok());
            let number = number.ok_or_else(|| StoreError::corrupt(format!("catalog key {}", entry.key)))?;
            flushed.insert(number, decode(&entry)?);
        }
        let mut metrics_flushed = BTreeMap::new();
        for entry in self.meta.range(METRIC_WAL).await.map_err(meta_error)? {
            let number = entry.key.strip_prefix(METRIC_WAL).and_then(|name| name.parse().ok());
            let number = number.ok_or_else(|| StoreError::corrupt(format!("catalog key {}", entry.key)))?;
            metrics_flushed.insert(number, decode(&entry)?);
        }
        let blocks = self.meta.range(BLOCKS).await.map_err(meta_error)?;
        let blocks = blocks.iter().map(decode).collect::<Result<_, _>>()?;
        let exemplars = self.meta.range(EXEMPLARS).await.map_err(meta_error)?;
        let exemplars = exemplars.iter().map(decode).collect::<Result<_, _>>()?;
        Ok(Contents { partitions, splits, flushed, metrics_flushed, blocks, exemplars })
    }

    async fn number(&self, key: &str) -> Result<u32, StoreError> {
        let entry = self.meta.get(key).await.map_err(meta_error)?;
        decode(&entry.ok_or_else(|| StoreError::corrupt(format!("the catalog has no key {key}")))?)
    }

    /// A memtable has become `splits`: they exist, and the WAL before `position` is no longer needed.
    pub(crate) async fn flushed(
        &self,
        partition: u32,
        splits: &[SplitMeta],
        position: WalPosition,
    ) -> Result<(), StoreError> {
        let mut ops = puts(splits)?;
        ops.push(Op::put(format!("{WAL}p{partition:03}"), encode(&position)?));
        self.commit(absent(splits), ops).await
    }

    /// `old` splits are replaced by `new` ones; none of the old ones may be gone already.
    pub(crate) async fn replace(&self, old: &[SplitMeta], new: &[SplitMeta]) -> Result<(), StoreError> {
        let mut compares = absent(new);
        compares.extend(old.iter().map(|split| Compare::new(split_key(&split.tenant, &split.id), Expect::Present)));
        let mut ops = puts(new)?;
        ops.extend(old.iter().map(|split| Op::delete(split_key(&split.tenant, &split.id))));
        self.commit(compares, ops).await
    }

    /// A head has become `blocks`: they exist, and the shard's log before `position` is no longer needed.
    pub(crate) async fn metrics_flushed(
        &self,
        shard: u32,
        blocks: &[BlockMeta],
        exemplars: &ExemplarFiles,
        position: WalPosition,
    ) -> Result<(), StoreError> {
        let compares = blocks.iter().map(|block| Compare::new(block_key(block), Expect::Absent)).collect();
        let mut ops = put_blocks(blocks)?;
        ops.push(Op::put(format!("{METRIC_WAL}{shard:03}"), encode(&position)?));
        ops.extend(exemplar_ops(shard, exemplars)?);
        self.commit(compares, ops).await
    }

    /// Files of exemplars of a shard are replaced.
    pub(crate) async fn exemplars(&self, shard: u32, files: &ExemplarFiles) -> Result<(), StoreError> {
        self.commit(Vec::new(), exemplar_ops(shard, files)?).await
    }

    /// `old` blocks are replaced by `new` ones; none of the old ones may be gone already.
    pub(crate) async fn replace_blocks(&self, old: &[BlockMeta], new: &[BlockMeta]) -> Result<(), StoreError> {
        let absent = new.iter().map(|block| Compare::new(block_key(block), Expect::Absent));
        let present = old.iter().map(|block| Compare::new(block_key(block), Expect::Present));
        let mut ops = put_blocks(new)?;
        ops.extend(old.iter().map(|block| Op::delete(block_key(block))));
        self.commit(absent.chain(present).collect(), ops).await
    }

    async fn commit(&self, compares: Vec<Compare>, ops: Vec<Op>) -> Result<(), StoreError> {
        match self.meta.txn(compares, ops).await.map_err(meta_error)? {
            TxnOutcome::Committed { .. } => Ok(()),
            TxnOutcome::Conflict { key } => {
                Err(StoreError::internal(format!("the catalog entry {key} was changed by somebody else")))
            }
        }
    }
}

fn exemplar_ops(shard: u32, files: &ExemplarFiles) -> Result<Vec<Op>, StoreError> {
    let put = |meta: &ExemplarMeta| Ok(Op::put(exemplars_key(shard, &meta.tenant), encode(meta)?));
    let mut ops = files.new.iter().map(put).collect::<Result<Vec<_>, StoreError>>()?;
    ops.extend(files.gone.iter().map(|tenant| Op::delete(exemplars_key(shard, tenant))));
    Ok(ops)
}

fn exemplars_key(shard: u32, tenant: &TenantId) -> String {
    format!("{EXEMPLARS}{shard:03}/{tenant}")
}

fn block_key(block: &BlockMeta) -> String {
    format!("{BLOCKS}{}/{}", block.tenant, block.id)
}

fn put_blocks(blocks: &[BlockMeta]) -> Result<Vec<Op>, StoreError> {
    blocks.iter().map(|block| Ok(Op::put(block_key(block), encode(block)?))).collect()
}

fn split_key(tenant: &TenantId, id: &SplitId) -> String {
    format!("{SPLITS}{tenant}/{id}")
}

fn absent(splits: &[SplitMeta]) -> Vec<Compare> {
    splits.iter().map(|split| Compare::new(split_key(&split.tenant, &split.id), Expect::Absent)).collect()
}

fn puts(splits: &[SplitMeta]) -> Result<Vec<Op>, StoreError> {
    splits.iter().map(|split| Ok(Op::put(split_key(&split.tenant, &split.id), encode(split)?))).collect()
}

fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(value).map_err(StoreError::internal)
}

fn decode<T: DeserializeOwned>(entry: &Entry) -> Result<T, StoreError> {
    serde_json::from_slice(&entry.value).map_err(|e| StoreError::corrupt(format!("catalog entry {}: {e}", entry.key)))
}
