//! [`Pools`]: what is scraped at present and how it went, by job, for whoever wants to see it.

use super::target::Target;
use gantry_model::metric::MetricMetadata;
use gantry_model::{TenantId, Timestamp};
use parking_lot::RwLock;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

/// Labels of a target before relabelling.
pub type Discovered = BTreeMap<String, String>;

/// All jobs. Written by scraping alone.
#[derive(Debug, Default)]
pub struct Pools(RwLock<BTreeMap<(TenantId, String), Pool>>);

/// The targets of one job.
#[derive(Clone, Debug, Default)]
pub struct Pool {
    pub active: BTreeMap<Target, TargetStatus>,
    /// Those that relabelling dropped, or the first of them.
    pub dropped: Vec<Discovered>,
    /// How many it dropped.
    pub dropped_count: usize,
}

/// How a target fares.
#[derive(Clone, Debug)]
pub struct TargetStatus {
    pub discovered: Discovered,
    /// `None` until the first scrape has ended.
    pub last: Option<LastScrape>,
    /// What it says of its families.
    pub metadata: Arc<HashMap<String, MetricMetadata>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastScrape {
    /// When it began.
    pub at: Timestamp,
    pub took: Duration,
    /// Why it brought nothing.
    pub error: Option<String>,
}

impl Pools {
    /// The jobs of a tenant by name, in order.
    pub fn of(&self, tenant: &TenantId) -> Vec<(String, Pool)> {
        let pools = self.0.read();
        let own = pools.iter().filter(|((owner, _), _)| owner == tenant);
        own.map(|((_, name), pool)| (name.clone(), pool.clone())).collect()
    }

    /// What discovery found: targets that stay keep what is known of them.
    pub(super) fn found(
        &self,
        place: (&TenantId, &str),
        targets: &BTreeMap<Target, Discovered>,
        (dropped, dropped_count): (Vec<Discovered>, usize),
    ) {
        let mut pools = self.0.write();
        let pool = pools.entry((place.0.clone(), place.1.to_owned())).or_default();
        let mut before = std::mem::take(&mut pool.active);
        let status = |(target, discovered): (&Target, &Discovered)| {
            let known = before.remove(target);
            let (last, metadata) = known.map_or_else(Default::default, |known| (known.last, known.metadata));
            (target.clone(), TargetStatus { discovered: discovered.clone(), last, metadata })
        };
        pool.active = targets.iter().map(status).collect();
        (pool.dropped, pool.dropped_count) = (dropped, dropped_count);
    }

    /// The job is no more.
    pub(super) fn forget(&self, place: (&TenantId, &str)) {
        self.0.write().remove(&(place.0.clone(), place.1.to_owned()));
    }

    /// A scrape has ended; `metadata` when it told something new.
    pub(super) fn scraped(
        &self,
        place: (&TenantId, &str),
        target: &Target,
        last: LastScrape,
        metadata: Option<Arc<HashMap<String, MetricMetadata>>>,
    ) {
        let mut pools = self.0.write();
        let pool = pools.get_mut(&(place.0.clone(), place.1.to_owned()));
        if let Some(status) = pool.and_then(|pool| pool.active.get_mut(target)) {
            status.last = Some(last);
            status.metadata = metadata.unwrap_or_else(|| status.metadata.clone());
        }
    }
}
