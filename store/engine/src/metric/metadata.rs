//! What is known of metric families: kept in memory, and in the metadata file from time to time.

use crate::error::meta_error;
use gantry_meta::{MetaStore, Op};
use gantry_model::TenantId;
use gantry_model::metric::{MetricMetadata, MetricType};
use gantry_store_api::StoreError;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// Key prefix in the metadata file.
const KEYS: &str = "metric-metadata/";
/// Most families of a tenant, and most opinions about one.
const FAMILIES: usize = 50_000;
const OPINIONS: usize = 8;

type Families = BTreeMap<String, BTreeSet<MetricMetadata>>;

#[derive(Debug, Default)]
pub(crate) struct Metadata {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    tenants: HashMap<TenantId, Families>,
    /// Tenants of which the file does not know everything.
    unsaved: HashSet<TenantId>,
}

impl Metadata {
    /// What the metadata file knows.
    pub(crate) async fn open(&self, meta: &dyn MetaStore) -> Result<(), StoreError> {
        for entry in meta.range(KEYS).await.map_err(meta_error)? {
            let tenant = entry.key.strip_prefix(KEYS).and_then(|name| TenantId::new(name).ok());
            let families = serde_json::from_slice(&entry.value).ok();
            match (tenant, families) {
                (Some(tenant), Some(families)) => _ = self.state.lock().tenants.insert(tenant, families),
                _ => tracing::warn!(key = entry.key, "metadata of metrics cannot be read and is left out"),
            }
        }
        Ok(())
    }

    /// Notes what is new; `true` when something was.
    pub(crate) fn add(&self, tenant: &TenantId, family: &str, metadata: MetricMetadata) -> bool {
        let mut state = self.state.lock();
        let families = state.tenants.entry(tenant.clone()).or_default();
        if !families.contains_key(family) && families.len() >= FAMILIES {
            return false;
        }
        let opinions = families.entry(family.to_owned()).or_default();
        let new = opinions.len() < OPINIONS && opinions.insert(metadata);
        if new {
            state.unsaved.insert(tenant.clone());
        }
        new
    }

    /// Whether somebody says that the metric is a counter.
    pub(crate) fn says_counter(&self, tenant: &TenantId, name: &str) -> bool {
        let state = self.state.lock();
        let opinions = state.tenants.get(tenant).and_then(|families| families.get(name));
        opinions.is_some_and(|opinions| opinions.iter().any(|about| about.kind == MetricType::Counter))
    }

    pub(crate) fn get(&self, tenant: &TenantId, family: Option<&str>) -> Families {
        let state = self.state.lock();
        let Some(families) = state.tenants.get(tenant) else { return Families::new() };
        match family {
            None => families.clone(),
            Some(family) => families.get_key_value(family).map(|(k, v)| (k.clone(), v.clone())).into_iter().collect(),
        }
    }

    /// Writes what is new to the metadata file, so that the log is no longer needed for it.
    pub(crate) async fn save(&self, meta: &Arc<dyn MetaStore>) -> Result<(), StoreError> {
        let unsaved: Vec<(TenantId, Families)> = {
            let mut state = self.state.lock();
            let unsaved = std::mem::take(&mut state.unsaved);
            unsaved.into_iter().map(|tenant| (tenant.clone(), state.tenants[&tenant].clone())).collect()
        };
        for (tenant, families) in unsaved {
            let saved = match serde_json::to_vec(&families) {
                Ok(bytes) => {
                    meta.txn(Vec::new(), vec![Op::put(format!("{KEYS}{tenant}"), bytes)]).await.map_err(meta_error)
                }
                Err(error) => Err(StoreError::internal(error)),
            };
            if let Err(error) = saved {
                self.state.lock().unsaved.insert(tenant);
                return Err(error);
            }
        }
        Ok(())
    }
}
