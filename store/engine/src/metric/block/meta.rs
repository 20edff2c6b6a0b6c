//! What the catalog knows of a block.

use crate::split::{ObjectInfo, SplitId};
use gantry_model::{TenantId, Timestamp};
use gantry_store_api::MillisRange;
use object_store::path::Path;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;

/// One immutable block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BlockMeta {
    pub id: SplitId,
    pub tenant: TenantId,
    pub shard: u32,
    /// 0 when written from a head, one more than the highest input when written by compaction.
    pub level: u8,
    /// Milliseconds of the intervals whose samples were thinned out; 0 when all samples are there.
    pub resolution_ms: i64,
    /// Milliseconds of the first and the last sample.
    pub first_ms: i64,
    pub last_ms: i64,
    pub series: u64,
    pub samples: u64,
    pub parquet: ObjectInfo,
    pub created_at: Timestamp,
}

impl BlockMeta {
    pub(crate) fn path(&self) -> Path {
        Path::from(format!("{}/metrics/m{:03}/{}.parquet", self.tenant, self.shard, self.id))
    }

    /// Sorts blocks so that what was stored earlier comes before what was stored later.
    pub(crate) fn by_age(&self) -> (Reverse<u8>, &SplitId) {
        (Reverse(self.level), &self.id)
    }

    pub(crate) fn overlaps(&self, range: MillisRange) -> bool {
        range.overlaps(self.first_ms, self.last_ms)
    }
}
