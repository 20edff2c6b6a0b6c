//! The newest exemplars of each tenant, in memory; with every flush they are written to files, which a start reads.

use super::head::ByHash;
use super::labels;
use gantry_model::metric::Exemplar;
use gantry_model::{LabelSet, Selector, TenantId};
use gantry_store_api::{MillisRange, RejectReason};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

/// An exemplar with the encoded labels of its series.
pub(crate) type Kept = (Arc<[u8]>, Exemplar);

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
    kept: VecDeque<Kept>,
    /// How many came, ever, and how many of them when they were last written to a file.
    came: u64,
    written: u64,
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
        ring.came += 1;
        Ok(true)
    }

    /// Tenants for which some came since they were written.
    pub(crate) fn changed(&self) -> Vec<TenantId> {
        let tenants = self.tenants.lock();
        tenants.iter().filter(|(_, ring)| ring.came != ring.written).map(|(tenant, _)| tenant.clone()).collect()
    }

    /// All of a tenant from an instant in milliseconds on, the oldest first, and how many came, ever.
    pub(crate) fn all(&self, tenant: &TenantId, earliest: i64) -> (Vec<Kept>, u64) {
        let tenants = self.tenants.lock();
        let Some(ring) = tenants.get(tenant) else { return (Vec::new(), 0) };
        let kept = ring.kept.iter().filter(|(_, exemplar)| exemplar.timestamp >= earliest);
        (kept.cloned().collect(), ring.came)
    }

    /// Forgets those of a range of series that match any selector; whether there were some.
    pub(crate) fn remove(&self, tenant: &TenantId, selectors: &[Selector], range: MillisRange) -> bool {
        let mut tenants = self.tenants.lock();
        let Some(ring) = tenants.get_mut(tenant) else { return false };
        let before = ring.kept.len();
        ring.kept.retain(|(series, exemplar)| {
            let meant = || {
                let labels = labels::to_set(series);
                selectors.iter().any(|selector| selector.matches(&labels))
            };
            !(range.contains(exemplar.timestamp) && meant())
        });
        let removed = before - ring.kept.len();
        ring.came += removed as u64;
        removed > 0
    }

    /// A file has what there was when so many had come.
    pub(crate) fn written(&self, tenant: &TenantId, came: u64) {
        if let Some(ring) = self.tenants.lock().get_mut(tenant) {
            ring.written = came;
        }
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
