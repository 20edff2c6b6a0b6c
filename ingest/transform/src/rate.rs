//! [`Limiter`]: token buckets for lines and bytes.

use crate::event::Event;
use crate::invalid::Wrong;
use crate::options::{By, Over, RateLimitOptions};
use crate::sample::group;
use gantry_model::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Groups with buckets of their own. Senders invent streams, so the number is bounded; beyond it they share one.
const MAX_BUCKETS: usize = 16_384;
/// The shared bucket.
const OTHERS: u64 = 0;

#[derive(Debug)]
pub(crate) struct Limiter {
    lines: Option<Rate>,
    bytes: Option<Rate>,
    by: By,
    pub over: Over,
    buckets: Mutex<HashMap<u64, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Rate {
    per_second: f64,
    burst: f64,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    /// Negative when a request that could not be split was let through: it is paid for before the next.
    lines: f64,
    bytes: f64,
    at: Timestamp,
}

/// What a batch took from buckets, to be given back when it was not stored after all.
#[derive(Debug, Default)]
pub struct Charges(pub(crate) Vec<Charge>);

#[derive(Debug)]
pub(crate) struct Charge {
    pub stage: usize,
    pub group: u64,
    pub lines: f64,
    pub bytes: f64,
}

impl Charges {
    pub(crate) fn add(&mut self, stage: usize, group: u64, bytes: u64) {
        let bytes = bytes as f64;
        match self.0.last_mut().filter(|last| last.stage == stage && last.group == group) {
            Some(last) => {
                last.lines += 1.0;
                last.bytes += bytes;
            }
            None => self.0.push(Charge { stage, group, lines: 1.0, bytes }),
        }
    }

    /// Whether nothing was taken.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the batch took something from this bucket already.
    fn has(&self, stage: usize, group: u64) -> bool {
        self.0.iter().any(|charge| charge.stage == stage && charge.group == group)
    }
}

impl Limiter {
    pub fn new(options: &RateLimitOptions) -> Result<Self, Wrong> {
        let wrong = |message: &str| Wrong::new("rate_limit", message);
        let seconds = options.burst_seconds.unwrap_or(1.0);
        let rate = |per_second: Option<f64>, least: f64| {
            per_second.map(|per_second| Rate { per_second, burst: (per_second * seconds).max(least) })
        };
        let given = [options.lines_per_second, options.bytes_per_second, options.burst_seconds];
        if given.iter().flatten().any(|number| !number.is_finite() || *number <= 0.0) {
            return Err(wrong("rates and burst_seconds must be more than 0"));
        }
        let (lines, bytes) = (rate(options.lines_per_second, 1.0), rate(options.bytes_per_second, 1.0));
        if lines.is_none() && bytes.is_none() {
            return Err(wrong("gives no limit; set lines_per_second or bytes_per_second"));
        }
        let by = options.by.clone().unwrap_or(By::Stream);
        if by == By::Line {
            return Err(wrong("by = \"line\" limits nothing; use \"stream\", \"tenant\" or the name of a label"));
        }
        Ok(Limiter { lines, bytes, by, over: options.over, buckets: Mutex::default() })
    }

    /// Takes one line from its bucket, or says how long until there is room.
    pub fn admit(
        &self,
        stage: usize,
        event: &Event<'_>,
        now: Timestamp,
        charges: &mut Charges,
    ) -> Result<(), Duration> {
        let bytes = event.size();
        let mut buckets = self.lock();
        let group = self.bucket_of(event, &mut buckets, now);
        let full = self.full(now);
        let bucket = self.refilled(buckets.get(&group).copied().unwrap_or(full), now);
        // A request that is refused as a whole must pass when its turn has come, however large it is.
        let under_way = self.over == Over::Refuse && charges.has(stage, group);
        let needed = (bytes as f64).min(full.bytes);
        if !under_way && let Some(wait) = self.wait(bucket, 1.0, needed) {
            return Err(wait);
        }
        let left = Bucket { lines: bucket.lines - 1.0, bytes: bucket.bytes - bytes as f64, at: now };
        buckets.insert(group, left);
        drop(buckets);
        charges.add(stage, group, bytes);
        Ok(())
    }

    pub fn refund(&self, charge: &Charge) {
        if let Some(bucket) = self.lock().get_mut(&charge.group) {
            bucket.lines += charge.lines;
            bucket.bytes += charge.bytes;
        }
    }

    /// A panic elsewhere leaves numbers that are at worst a little off.
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn bucket_of(&self, event: &Event<'_>, buckets: &mut HashMap<u64, Bucket>, now: Timestamp) -> u64 {
        let group = match (&self.by, self.by == By::Stream) {
            (By::Key(name), _) if event.field(name).is_none() => group(&By::Stream, event),
            (by, _) => group(by, event),
        };
        if buckets.len() < MAX_BUCKETS || buckets.contains_key(&group) {
            return group;
        }
        let full = self.full(now);
        buckets.retain(|_, bucket| {
            let now = self.refilled(*bucket, now);
            now.lines < full.lines || now.bytes < full.bytes
        });
        if buckets.len() < MAX_BUCKETS { group } else { OTHERS }
    }

    fn full(&self, at: Timestamp) -> Bucket {
        let burst = |rate: Option<Rate>| rate.map_or(f64::INFINITY, |rate| rate.burst);
        Bucket { lines: burst(self.lines), bytes: burst(self.bytes), at }
    }

    fn refilled(&self, bucket: Bucket, now: Timestamp) -> Bucket {
        let seconds = now.nanos().saturating_sub(bucket.at.nanos()).max(0) as f64 / 1e9;
        let refill = |tokens: f64, rate: Option<Rate>| {
            rate.map_or(f64::INFINITY, |rate| (tokens + seconds * rate.per_second).min(rate.burst))
        };
        let (lines, bytes) = (refill(bucket.lines, self.lines), refill(bucket.bytes, self.bytes));
        Bucket { lines, bytes, at: now }
    }

    fn wait(&self, bucket: Bucket, lines: f64, bytes: f64) -> Option<Duration> {
        let until = |tokens: f64, need: f64, rate: Option<Rate>| {
            rate.filter(|_| tokens < need).map_or(0.0, |rate| (need - tokens) / rate.per_second)
        };
        let short = bucket.lines < lines || bucket.bytes < bytes;
        let seconds = until(bucket.lines, lines, self.lines).max(until(bucket.bytes, bytes, self.bytes));
        short.then(|| Duration::from_secs_f64(seconds.clamp(0.001, 3600.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{NOW, event};

    fn limiter(lines: f64, over: Over) -> Limiter {
        let options = RateLimitOptions { lines_per_second: Some(lines), over, ..RateLimitOptions::default() };
        Limiter::new(&options).unwrap()
    }

    fn admitted(limiter: &Limiter, now: Timestamp, lines: usize) -> usize {
        let mut charges = Charges::default();
        (0..lines).filter(|_| limiter.admit(0, &event("0123456789"), now, &mut charges).is_ok()).count()
    }

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let limiter = limiter(5.0, Over::Drop);
        assert_eq!(admitted(&limiter, NOW, 20), 5);
        assert_eq!(admitted(&limiter, NOW.saturating_add(600_000_000), 20), 3);
    }

    #[test]
    fn bytes_are_limited_too_and_a_line_over_the_burst_passes_when_the_bucket_is_full() {
        let options = RateLimitOptions { bytes_per_second: Some(4.0), ..RateLimitOptions::default() };
        let limiter = Limiter::new(&options).unwrap();
        assert_eq!(admitted(&limiter, NOW, 3), 1);
        assert_eq!(admitted(&limiter, NOW.saturating_add(1_000_000_000), 3), 0);
        assert_eq!(admitted(&limiter, NOW.saturating_add(3_000_000_000), 3), 1);
    }

    #[test]
    fn a_request_is_refused_as_a_whole_or_passes_as_a_whole() {
        let limiter = limiter(5.0, Over::Refuse);
        assert_eq!(admitted(&limiter, NOW, 20), 20);
        let wait = limiter.admit(0, &event("x"), NOW, &mut Charges::default()).unwrap_err();
        assert!((Duration::from_millis(3199)..Duration::from_millis(3201)).contains(&wait), "{wait:?}");
        assert_eq!(admitted(&limiter, NOW.saturating_add(3_201_000_000), 20), 20);
    }

    #[test]
    fn what_was_not_stored_is_given_back() {
        let limiter = limiter(5.0, Over::Drop);
        let mut charges = Charges::default();
        while limiter.admit(0, &event("x"), NOW, &mut charges).is_ok() {}
        charges.0.iter().for_each(|charge| limiter.refund(charge));
        assert_eq!(admitted(&limiter, NOW, 20), 5);
    }

    #[test]
    fn invented_streams_do_not_take_memory_without_bound() {
        let limiter = limiter(1.0, Over::Drop);
        for n in 0..MAX_BUCKETS + 100 {
            let mut event = event("x");
            event.labels = gantry_model::LabelSet::from_pairs([("n", n.to_string())]);
            let _ = limiter.admit(0, &event, NOW, &mut Charges::default());
        }
        assert!(limiter.lock().len() <= MAX_BUCKETS + 1);
    }
}
