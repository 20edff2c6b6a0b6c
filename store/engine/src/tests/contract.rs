//! The engine keeps the contract, wherever its lines are at the moment.

use super::{NOW, options, roomy};
use crate::{Store, StoreOptions};
use async_trait::async_trait;
use gantry_model::{LogBatch, ManualClock, TenantId, TimeRange};
use gantry_store_api::contract::Subject;
use gantry_store_api::{
    Append, Cancelled, Commit, Delete, DeleteRequest, DeleteWhat, Querier, Queryable, StoreError, Tail, TailRequest,
    TailStream,
};
use std::sync::Arc;

/// What happens between writes and reads.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Between {
    Nothing,
    Flush,
    Compact,
}

struct Subjected {
    store: Arc<Store>,
    between: Between,
    _dir: tempfile::TempDir,
}

async fn open_as(between: Between, change: impl FnOnce(&mut StoreOptions)) -> Subjected {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path());
    change(&mut options);
    let clock = Arc::new(ManualClock::at(NOW));
    let store = Store::open_with(options, clock, &prometheus::Registry::new(), roomy()).await.unwrap();
    Subjected { store, between, _dir: dir }
}

#[async_trait]
impl Append for Subjected {
    async fn append(&self, tenant: &TenantId, batch: LogBatch) -> Result<Commit, StoreError> {
        self.store.append(tenant, batch).await
    }
}

impl Queryable for Subjected {
    fn querier(&self, tenant: &TenantId, range: TimeRange) -> Arc<dyn Querier> {
        self.store.querier(tenant, range)
    }

    fn version(&self, tenant: &TenantId, range: TimeRange) -> Option<u64> {
        self.store.version(tenant, range)
    }

    fn tenants(&self) -> Vec<TenantId> {
        self.store.tenants()
    }
}

#[async_trait]
impl Delete for Subjected {
    async fn delete(&self, tenant: &TenantId, what: DeleteWhat) -> Result<DeleteRequest, StoreError> {
        self.store.delete(tenant, what).await
    }

    async fn delete_requests(&self, tenant: &TenantId) -> Result<Vec<DeleteRequest>, StoreError> {
        self.store.delete_requests(tenant).await
    }

    async fn cancel_delete(&self, tenant: &TenantId, id: &str) -> Result<Cancelled, StoreError> {
        self.store.cancel_delete(tenant, id).await
    }
}

impl Tail for Subjected {
    fn tail(&self, tenant: &TenantId, request: TailRequest) -> TailStream {
        self.store.tail(tenant, request)
    }
}

#[async_trait]
impl Subject for Subjected {
    fn subscribers(&self) -> usize {
        self.store.stats().tail_subscribers as usize
    }

    async fn rearrange(&self) {
        if self.between != Between::Nothing {
            self.store.flush().await.unwrap();
        }
        if self.between == Between::Compact {
            self.store.compact().await.unwrap();
        }
    }
}

mod in_memtables {
    use super::*;

    async fn open() -> Subjected {
        open_as(Between::Nothing, |_| {}).await
    }

    gantry_store_api::contract_tests!(open);
}

mod in_splits {
    use super::*;

    async fn open() -> Subjected {
        open_as(Between::Flush, |_| {}).await
    }

    gantry_store_api::contract_tests!(open);
}

mod in_compacted_splits {
    use super::*;

    async fn open() -> Subjected {
        open_as(Between::Compact, |options| options.partitions = 1).await
    }

    gantry_store_api::contract_tests!(open);
}

/// As above, but what is deleted is removed at once and not only hidden.
mod in_rewritten_splits {
    use super::*;

    async fn open() -> Subjected {
        open_as(Between::Compact, |options| options.delete_cancel_period = std::time::Duration::ZERO).await
    }

    gantry_store_api::contract_tests!(open);
}

mod synced_by_a_timer {
    use super::*;

    async fn open() -> Subjected {
        open_as(Between::Nothing, |options| options.sync = crate::SyncMode::Interval).await
    }

    gantry_store_api::contract_tests!(open);
}
