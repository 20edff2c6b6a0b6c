//! Admission: bytes per second of each tenant, and bytes in flight of all together.

use crate::error::IngestError;
use crate::reason::Reason;
use gantry_model::{TenantId, Timestamp};
use parking_lot::Mutex;
use prometheus::IntGauge;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Tenants with a bucket of their own. A client can invent tenants, so the number is bounded; beyond it they share one.
const MAX_BUCKETS: usize = 4096;

/// A token bucket for each tenant. A request is admitted as a whole or not at all.
#[derive(Debug)]
pub(crate) struct RateLimits {
    bytes_per_second: f64,
    burst: f64,
    buckets: Mutex<HashMap<Option<TenantId>, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// May be negative: a request that is larger than the burst is let through when the bucket is full.
    tokens: f64,
    at: Timestamp,
}

impl RateLimits {
    pub fn new(bytes_per_second: u64, burst: u64) -> Self {
        RateLimits { bytes_per_second: bytes_per_second as f64, burst: burst as f64, buckets: Mutex::default() }
    }

    /// Takes `bytes` from the tenant's bucket, or says how long to wait.
    pub fn admit(&self, tenant: &TenantId, bytes: usize, now: Timestamp) -> Result<(), Duration> {
        let mut buckets = self.buckets.lock();
        let mut key = Some(tenant.clone());
        if buckets.len() >= MAX_BUCKETS && !buckets.contains_key(&key) {
            buckets.retain(|_, bucket| self.refilled(*bucket, now) < self.burst);
            if buckets.len() >= MAX_BUCKETS {
                key = None;
            }
        }
        let bucket = buckets.entry(key).or_insert(Bucket { tokens: self.burst, at: now });
        let tokens = self.refilled(*bucket, now);
        let needed = (bytes as f64).min(self.burst);
        if tokens < needed {
            return Err(Duration::from_secs_f64(((needed - tokens) / self.bytes_per_second).min(3600.0)));
        }
        *bucket = Bucket { tokens: tokens - bytes as f64, at: now };
        Ok(())
    }

    /// Gives back what a request took that was not stored after all.
    pub fn refund(&self, tenant: &TenantId, bytes: usize) {
        let mut buckets = self.buckets.lock();
        if let Some(bucket) = buckets.get_mut(&Some(tenant.clone())) {
            bucket.tokens = (bucket.tokens + bytes as f64).min(self.burst);
        }
    }

    fn refilled(&self, bucket: Bucket, now: Timestamp) -> f64 {
        let seconds = now.nanos().saturating_sub(bucket.at.nanos()).max(0) as f64 / 1e9;
        (bucket.tokens + seconds * self.bytes_per_second).min(self.burst)
    }
}

/// Bytes that one permit stands for.
const UNIT: usize = 1024;

/// The memory that all requests in flight may hold.
#[derive(Debug)]
pub(crate) struct InFlight {
    permits: Arc<Semaphore>,
    gauge: IntGauge,
}

impl InFlight {
    pub fn new(max_bytes: usize, gauge: IntGauge) -> Self {
        InFlight { permits: Arc::new(Semaphore::new(max_bytes / UNIT)), gauge }
    }

    pub fn reserve(&self) -> Reservation {
        Reservation { permits: self.permits.clone(), held: None, units: 0, gauge: self.gauge.clone() }
    }
}

/// Memory that one request holds; given back on drop.
#[derive(Debug)]
pub struct Reservation {
    permits: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
    units: usize,
    gauge: IntGauge,
}

impl Reservation {
    /// Makes the reservation hold at least `bytes`. Never waits.
    ///
    /// # Errors
    /// `overloaded` when other requests hold too much.
    pub fn grow_to(&mut self, bytes: usize) -> Result<(), IngestError> {
        let units = bytes.div_ceil(UNIT);
        let Some(more) = units.checked_sub(self.units).filter(|more| *more > 0) else { return Ok(()) };
        let permit = u32::try_from(more).ok().and_then(|n| self.permits.clone().try_acquire_many_owned(n).ok());
        let Some(permit) = permit else {
            return Err(IngestError::new(Reason::Overloaded, "too many bytes are in flight; send again later"));
        };
        match &mut self.held {
            Some(held) => held.merge(permit),
            None => self.held = Some(permit),
        }
        self.units = units;
        self.gauge.add((more * UNIT) as i64);
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.gauge.sub((self.units * UNIT) as i64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str) -> TenantId {
        TenantId::new(name).unwrap()
    }

    #[test]
    fn a_tenant_over_its_rate_is_told_how_long_to_wait_and_others_are_not_affected() {
        let limits = RateLimits::new(1000, 2000);
        let now = Timestamp::from_secs(1);
        limits.admit(&tenant("a"), 2000, now).unwrap();
        assert_eq!(limits.admit(&tenant("a"), 500, now), Err(Duration::from_millis(500)));
        limits.admit(&tenant("b"), 500, now).unwrap();
        limits.admit(&tenant("a"), 500, now.saturating_add(500_000_000)).unwrap();
    }

    #[test]
    fn a_request_over_the_burst_passes_when_the_bucket_is_full_and_is_paid_for_later() {
        let limits = RateLimits::new(1000, 2000);
        let now = Timestamp::from_secs(1);
        limits.admit(&tenant("a"), 5000, now).unwrap();
        assert_eq!(limits.admit(&tenant("a"), 1000, now), Err(Duration::from_secs(4)));
    }

    #[test]
    fn invented_tenants_do_not_take_memory_without_bound() {
        let limits = RateLimits::new(1, 1000);
        for n in 0..3 * MAX_BUCKETS {
            limits.admit(&tenant(&format!("t{n}")), 1, Timestamp::from_secs(1)).ok();
        }
        assert!(limits.buckets.lock().len() <= MAX_BUCKETS + 1);
    }

    #[test]
    fn a_dropped_reservation_gives_its_memory_back() {
        let gauge = IntGauge::new("held", "bytes").unwrap();
        let in_flight = InFlight::new(8 * UNIT, gauge.clone());
        let mut first = in_flight.reserve();
        first.grow_to(3 * UNIT).unwrap();
        first.grow_to(6 * UNIT).unwrap();
        let mut second = in_flight.reserve();
        assert_eq!(second.grow_to(3 * UNIT).unwrap_err().reason, Reason::Overloaded);
        drop(first);
        second.grow_to(3 * UNIT).unwrap();
        assert_eq!(gauge.get(), 3 * UNIT as i64);
    }
}
