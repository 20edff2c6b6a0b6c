//! [`Cache`]: what was read from splits and may be needed again, of every kind, under one budget of bytes.
//!
//! An entry has a kind, which metrics name, and a weight; the least recently used of all kinds goes first. Values are shared:
//! one that is in use stays alive when it is evicted, and its bytes are the user's. Never here: what the values are.

use crate::split::SplitId;
use gantry_store_api::StoreError;
use parking_lot::Mutex;
use prometheus::{IntCounterVec, IntGauge, Opts};
use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What an entry costs beside its value, in bytes.
const OVERHEAD: usize = 128;

/// Names a part of a split.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CacheKey {
    /// Such as "index"; the values of a kind are of one type.
    pub kind: &'static str,
    pub split: SplitId,
    /// Which one, where a split has several of the kind.
    pub part: u64,
}

/// A bounded map from parts of splits to values of any type.
#[derive(Debug)]
pub struct Cache {
    budget: usize,
    inner: Mutex<Inner>,
    counters: CacheCounters,
}

/// What caches count, by kind.
#[derive(Clone, Debug)]
pub struct CacheCounters {
    pub hits: IntCounterVec,
    pub misses: IntCounterVec,
    pub evicted: IntCounterVec,
    pub bytes: IntGauge,
}

#[derive(Debug, Default)]
struct Inner {
    entries: HashMap<CacheKey, Entry>,
    /// Keys by last use, the oldest first.
    used: BTreeMap<u64, CacheKey>,
    /// Keys by split, to forget one.
    splits: HashMap<SplitId, Vec<CacheKey>>,
    bytes: usize,
    tick: u64,
}

#[derive(Debug)]
struct Entry {
    value: Arc<dyn Any + Send + Sync>,
    weight: usize,
    used: u64,
}

impl Default for CacheCounters {
    /// Counters that are registered nowhere yet.
    fn default() -> Self {
        let counter = |name: &str, help: &str| {
            let options = Opts::new(format!("gantry_store_cache_{name}_total"), help);
            IntCounterVec::new(options, &["kind"]).expect("a legal name")
        };
        let bytes = IntGauge::new("gantry_store_cache_bytes", "Bytes in the cache of parts of splits");
        CacheCounters {
            hits: counter("hits", "Parts of splits that were found in the cache, by kind"),
            misses: counter("misses", "Parts of splits that had to be read, by kind"),
            evicted: counter("evicted", "Parts of splits that had to make room in the cache, by kind"),
            bytes: bytes.expect("a legal name"),
        }
    }
}

impl Cache {
    /// `budget` in bytes. One entry is kept even if it alone is larger.
    pub fn new(budget: usize) -> Arc<Self> {
        Self::counted(budget, CacheCounters::default())
    }

    /// As [`Cache::new`], with counters that somebody reads.
    pub fn counted(budget: usize, counters: CacheCounters) -> Arc<Self> {
        Arc::new(Cache { budget, inner: Mutex::default(), counters })
    }

    /// The value, if it is here.
    pub fn get<T: Any + Send + Sync>(&self, key: &CacheKey) -> Option<Arc<T>> {
        let found = self.inner.lock().touch(key);
        let found = found.and_then(|value| value.downcast::<T>().ok());
        let counter = if found.is_some() { &self.counters.hits } else { &self.counters.misses };
        counter.with_label_values(&[key.kind]).inc();
        found
    }

    /// The value from here or from `load`, which gives it with its weight in bytes. Two who miss at the same time both
    /// load; the later value stays.
    pub async fn get_or_load<T: Any + Send + Sync>(
        &self,
        key: CacheKey,
        load: impl Future<Output = Result<(T, usize), StoreError>>,
    ) -> Result<Arc<T>, StoreError> {
        if let Some(found) = self.get(&key) {
            return Ok(found);
        }
        let (value, weight) = load.await?;
        let value = Arc::new(value);
        self.put(key, value.clone(), weight);
        Ok(value)
    }

    /// Notes that a value has become larger. Nothing happens when it is not here any more.
    pub fn reweigh(&self, key: &CacheKey, weight: usize) {
        let mut inner = self.inner.lock();
        let Some(entry) = inner.entries.get_mut(key) else { return };
        let before = std::mem::replace(&mut entry.weight, weight + OVERHEAD);
        inner.bytes = inner.bytes - before + weight + OVERHEAD;
        let gone = self.make_room(&mut inner);
        drop(inner);
        drop(gone);
    }

    fn put(&self, key: CacheKey, value: Arc<dyn Any + Send + Sync>, weight: usize) {
        let mut inner = self.inner.lock();
        let replaced = inner.remove(&key);
        inner.insert(key, value, weight + OVERHEAD);
        let gone = self.make_room(&mut inner);
        drop(inner);
        drop((replaced, gone));
    }

    /// What has to go. To be dropped behind the lock: freeing large values takes time.
    fn make_room(&self, inner: &mut Inner) -> Vec<Entry> {
        let mut gone = Vec::new();
        while inner.bytes > self.budget && inner.entries.len() > 1 {
            let Some(oldest) = inner.used.first_key_value().map(|(_, key)| key.clone()) else { break };
            gone.extend(inner.remove(&oldest));
            self.counters.evicted.with_label_values(&[oldest.kind]).inc();
        }
        self.counters.bytes.set(inner.bytes as i64);
        gone
    }

    /// Drops all that is here of a split.
    pub fn forget(&self, split: &SplitId) {
        let mut inner = self.inner.lock();
        let keys = inner.splits.get(split).cloned().unwrap_or_default();
        let gone: Vec<Entry> = keys.iter().filter_map(|key| inner.remove(key)).collect();
        self.counters.bytes.set(inner.bytes as i64);
        drop(inner);
        drop(gone);
    }

    /// Bytes held now.
    pub fn bytes(&self) -> usize {
        self.inner.lock().bytes
    }
}

impl Inner {
    fn touch(&mut self, key: &CacheKey) -> Option<Arc<dyn Any + Send + Sync>> {
        self.tick += 1;
        let entry = self.entries.get_mut(key)?;
        self.used.remove(&entry.used);
        entry.used = self.tick;
        self.used.insert(self.tick, key.clone());
        Some(entry.value.clone())
    }

    fn insert(&mut self, key: CacheKey, value: Arc<dyn Any + Send + Sync>, weight: usize) {
        self.tick += 1;
        self.bytes += weight;
        self.used.insert(self.tick, key.clone());
        self.splits.entry(key.split.clone()).or_default().push(key.clone());
        self.entries.insert(key, Entry { value, weight, used: self.tick });
    }

    fn remove(&mut self, key: &CacheKey) -> Option<Entry> {
        let entry = self.entries.remove(key)?;
        self.bytes -= entry.weight;
        self.used.remove(&entry.used);
        if let Some(keys) = self.splits.get_mut(&key.split) {
            keys.retain(|other| other != key);
            if keys.is_empty() {
                self.splits.remove(&key.split);
            }
        }
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(split: &str, part: u64) -> CacheKey {
        CacheKey { kind: "test", split: SplitId(split.into()), part }
    }

    fn cache(budget: usize) -> Arc<Cache> {
        Cache::new(budget)
    }

    async fn load(cache: &Cache, key: CacheKey, weight: usize) -> Arc<u64> {
        let part = key.part;
        cache.get_or_load(key, async move { Ok((part, weight)) }).await.unwrap()
    }

    #[tokio::test]
    async fn the_least_recently_used_goes_first_and_the_budget_holds() {
        let cache = cache(3000);
        for part in 0..3 {
            assert_eq!(*load(&cache, key("a", part), 800).await, part);
        }
        assert!(cache.get::<u64>(&key("a", 0)).is_some());
        load(&cache, key("b", 3), 800).await;
        let held: Vec<bool> =
            [("a", 0), ("a", 1), ("a", 2), ("b", 3)].map(|(s, p)| cache.get::<u64>(&key(s, p)).is_some()).into();
        assert_eq!(held, [true, false, true, true]);
        assert!(cache.bytes() <= 3000);
        assert_eq!(cache.counters.evicted.with_label_values(&["test"]).get(), 1);
        assert_eq!(cache.counters.misses.with_label_values(&["test"]).get(), 5);
    }

    #[tokio::test]
    async fn one_entry_stays_however_large_and_a_forgotten_split_leaves_nothing() {
        let cache = cache(100);
        load(&cache, key("a", 0), 5000).await;
        assert!(cache.get::<u64>(&key("a", 0)).is_some());
        load(&cache, key("a", 1), 10).await;
        assert!(cache.get::<u64>(&key("a", 0)).is_none());
        cache.forget(&SplitId("a".into()));
        let inner = cache.inner.lock();
        assert_eq!((inner.bytes, inner.splits.len(), inner.used.len()), (0, 0, 0));
    }

    #[tokio::test]
    async fn what_cannot_be_loaded_is_not_kept_and_a_replaced_value_counts_once() {
        let cache = cache(10_000);
        let failed = cache.get_or_load::<u64>(key("a", 0), async { Err(StoreError::corrupt("no")) }).await;
        assert!(failed.is_err() && cache.bytes() == 0);
        cache.put(key("a", 0), Arc::new(1u64), 500);
        cache.put(key("a", 0), Arc::new(2u64), 700);
        assert_eq!(cache.bytes(), 700 + OVERHEAD);
        cache.reweigh(&key("a", 0), 900);
        cache.reweigh(&key("a", 1), 5);
        assert_eq!(cache.bytes(), 900 + OVERHEAD);
        assert_eq!(cache.get::<u64>(&key("a", 0)).as_deref(), Some(&2));
    }
}
