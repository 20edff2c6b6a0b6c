//! The engine keeps the contract of metrics, wherever its samples are at the moment.

use crate::tests::{NOW, open_with, options, roomy};
use crate::{Store, SyncMode};
use async_trait::async_trait;
use gantry_model::metric::{MetricBatch, MetricMetadata};
use gantry_model::{ManualClock, TenantId};
use gantry_store_api::contract::metrics::MetricSubject;
use gantry_store_api::{
    AppendMetrics, Cardinality, MetricCommit, MetricQuerier, MillisRange, QueryMetrics, StoreError,
};
use std::collections::{BTreeMap, BTreeSet};
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

async fn open_as(between: Between, sync: SyncMode) -> Subjected {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path());
    options.sync = sync;
    let store = open_with(options, &Arc::new(ManualClock::at(NOW)), roomy()).await;
    Subjected { store, between, _dir: dir }
}

#[async_trait]
impl AppendMetrics for Subjected {
    async fn append_metrics(&self, tenant: &TenantId, batch: MetricBatch) -> Result<MetricCommit, StoreError> {
        self.store.append_metrics(tenant, batch).await
    }
}

impl QueryMetrics for Subjected {
    fn metric_querier(&self, tenant: &TenantId) -> Arc<dyn MetricQuerier> {
        self.store.metric_querier(tenant)
    }

    fn metric_version(&self, tenant: &TenantId, range: MillisRange) -> Option<u64> {
        self.store.metric_version(tenant, range)
    }

    fn metadata(&self, tenant: &TenantId, family: Option<&str>) -> BTreeMap<String, BTreeSet<MetricMetadata>> {
        self.store.metadata(tenant, family)
    }

    fn cardinality(&self, tenant: &TenantId, limit: usize) -> Cardinality {
        self.store.cardinality(tenant, limit)
    }

    fn metric_tenants(&self) -> Vec<TenantId> {
        self.store.metric_tenants()
    }
}

#[async_trait]
impl MetricSubject for Subjected {
    async fn rearrange(&self) {
        match self.between {
            Between::Nothing => {}
            Between::Flush => self.store.flush().await.unwrap(),
            Between::Compact => {
                self.store.flush().await.unwrap();
                self.store.compact().await.unwrap();
            }
        }
    }
}

mod in_heads {
    use super::*;

    async fn open() -> Subjected {
        open_as(Between::Nothing, SyncMode::Always).await
    }

    gantry_store_api::metric_contract_tests!(open);
}

mod in_blocks {
    use super::*;

    async fn open() -> Subjected {
        open_as(Between::Flush, SyncMode::Always).await
    }

    gantry_store_api::metric_contract_tests!(open);
}

mod in_merged_blocks {
    use super::*;

    async fn open() -> Subjected {
        open_as(Between::Compact, SyncMode::Always).await
    }

    gantry_store_api::metric_contract_tests!(open);
}

mod synced_by_a_timer {
    use super::*;

    async fn open() -> Subjected {
        open_as(Between::Nothing, SyncMode::Interval).await
    }

    gantry_store_api::metric_contract_tests!(open);
}
