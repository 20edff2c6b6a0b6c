//! The newest exemplars of each tenant, in memory.

use super::head::ByHash;
use super::labels;
use gantry_model::metric::Exemplar;
use gantry_model::{LabelSet, Selector, TenantId};
use gantry_store_api::{MillisRange, RejectReason};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

/// Exemplars of one shard.
#[derive(Debug)]
pub(crate) struct Exemplars {
    /// Most of one tenant.
    capacity: usize,
    tenants: Mutex<HashMap<TenantId, Ring>>,
}

#[derive(Debug, Default)]
struct Ring {
    /// With the labels of their series; the oldest first.
    kept: VecDeque<(Arc<[u8]>, Exemplar)>,
    /// By series: the newest instant.
    newest: ByHash<i64>,
}

impl Exemplars {
    pub(crate) fn new(capacity: usize) -> Self {
        Exemplars { capacity, tenants: Mutex::default() }
    }

    /// Keeps an exemplar, and forgets the oldest for it if need be; `false` when it is kept already.
    ///
    /// # Errors
    /// `OutOfOrder` when it is older than the newest of its series.
    pub(crate) fn push(&self, tenant: &TenantId, series: &Arc<[u8]>, exemplar: Exemplar) -> Result<bool, RejectReason> {
        let mut tenants = self.tenants.lock();
        if !tenants.contains_key(tenant) {
            tenants.insert(tenant.clone(), Ring::default());
        }
        let Some(ring) = tenants.get_mut(tenant) else { return Ok(false) };
        let hash = labels::hash(series);
        match ring.newest.get(&hash) {
            Some(newest) if *newest > exemplar.timestamp => return Err(RejectReason::OutOfOrder),
            Some(newest) if *newest == exemplar.timestamp => return Ok(false),
            _ => {}
        }
        if self.capacity == 0 {
            return Ok(false);
        }
        if ring.kept.len() >= self.capacity
            && let Some((oldest, gone)) = ring.kept.pop_front()
        {
            let hash = labels::hash(&oldest);
            if ring.newest.get(&hash) == Some(&gone.timestamp) {
                ring.newest.remove(&hash);
            }
        }
        ring.newest.insert(hash, exemplar.timestamp);
        ring.kept.push_back((series.clone(), exemplar));
        Ok(true)
    }

    /// Adds those of series that match any selector, or of all series without one.
    pub(crate) fn select(
        &self,
        tenant: &TenantId,
        selectors: &[Selector],
        range: MillisRange,
        into: &mut BTreeMap<LabelSet, Vec<Exemplar>>,
    ) {
        let tenants = self.tenants.lock();
        let Some(ring) = tenants.get(tenant) else { return };
        let mut judged: HashMap<&[u8], Option<LabelSet>> = HashMap::new();
        for (series, exemplar) in ring.kept.iter().filter(|(_, exemplar)| range.contains(exemplar.timestamp)) {
            let labels = judged.entry(series).or_insert_with(|| {
                let labels = labels::to_set(series);
                let wanted = selectors.is_empty() || selectors.iter().any(|selector| selector.matches(&labels));
                wanted.then_some(labels)
            });
            if let Some(labels) = labels {
                into.entry(labels.clone()).or_default().push(exemplar.clone());
            }
        }
    }
}
