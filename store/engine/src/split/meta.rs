//! What the catalog knows of a split.

use gantry_model::{TenantId, TimeRange, Timestamp};
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Names one split for ever; ids sort by time of creation.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SplitId(pub String);

impl fmt::Display for SplitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Size and checksum of a stored object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectInfo {
    pub len: u64,
    /// CRC-32 (IEEE) of the whole object.
    pub crc32: u32,
}

/// One immutable split: a Parquet file with the lines and an index file, both of one tenant and partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitMeta {
    pub id: SplitId,
    pub tenant: TenantId,
    pub partition: u32,
    /// 0 when written from a memtable, one more than the highest input when written by compaction.
    pub level: u8,
    /// Written for good: its day was over, and it is compressed more.
    #[serde(default)]
    pub settled: bool,
    /// First and last timestamp, both inclusive.
    pub min_ts: Timestamp,
    pub max_ts: Timestamp,
    pub rows: u64,
    pub streams: u32,
    /// Bytes of bodies and metadata before encoding.
    pub text_bytes: u64,
    pub parquet: ObjectInfo,
    pub index: ObjectInfo,
    pub created_at: Timestamp,
    /// When the oldest of the splits was written that it comes from; 0 in old catalogs. See [`SplitMeta::arrived`].
    #[serde(default)]
    pub arrived: Timestamp,
    /// Number of the last delete request that means none of the lines: they came later, or it was carried out.
    #[serde(default)]
    pub deletes_through: u64,
}

impl SplitMeta {
    /// When its oldest lines came: lines of one stream mostly come in order of time, so splits in this order follow one another.
    pub fn arrived(&self) -> Timestamp {
        if self.arrived == Timestamp(0) { self.created_at } else { self.arrived }
    }

    pub fn parquet_path(&self) -> Path {
        Path::from(format!("{}/logs/p{:03}/{}.parquet", self.tenant, self.partition, self.id))
    }

    pub fn index_path(&self) -> Path {
        Path::from(format!("{}/logs/p{:03}/{}.idx", self.tenant, self.partition, self.id))
    }

    pub fn stored_bytes(&self) -> u64 {
        self.parquet.len + self.index.len
    }

    pub fn overlaps(&self, range: &TimeRange) -> bool {
        range.overlaps_closed(self.min_ts, self.max_ts)
    }
}
