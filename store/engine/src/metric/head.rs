//! [`Heads`]: the newest samples of all tenants of a shard, in memory.
//!
//! Only the shard's writer changes a head; readers take a read lock for as long as it takes to find series and to share
//! their samples. A frozen head takes nothing more: it is read until it has become blocks.

use super::index::LabelIndex;
use super::labels;
use super::limits::Limits;
use super::record::EntryWriter;
use super::series::{NewSample, Series};
use gantry_chunk::Scratch;
use gantry_model::TenantId;
use gantry_model::metric::{BatchSeries, MetricBatch};
use gantry_store_api::{MetricCommit, RefusedPart, RefusedSample, RejectReason};
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Memory of a series beside its labels and samples, about.
const SERIES: usize = 230;

/// For keys that are hashes already.
#[derive(Debug, Default)]
pub(crate) struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

pub(crate) type ByHash<V> = HashMap<u64, V, BuildHasherDefault<AsIs>>;

/// Heads of all tenants of a shard.
#[derive(Debug, Default)]
pub(crate) struct Heads {
    pub tenants: RwLock<HashMap<TenantId, Head>>,
    /// When the series of the heads before these were last seen.
    seen: HashMap<TenantId, Arc<ByHash<i64>>>,
}

impl Heads {
    /// The heads that come after these, which take nothing more.
    pub(crate) fn successor(&self) -> Heads {
        let mut tenants = self.tenants.write();
        let seen = tenants.iter().map(|(tenant, head)| (tenant.clone(), Arc::new(head.last_seen()))).collect();
        tenants.values_mut().for_each(Head::stop_counting);
        Heads { tenants: RwLock::default(), seen }
    }

    /// The tenant's head among `tenants`, which are those of these heads.
    pub(crate) fn head<'t>(
        &self,
        tenants: &'t mut HashMap<TenantId, Head>,
        tenant: &TenantId,
        counts: &SeriesCounts,
    ) -> &'t mut Head {
        tenants.entry(tenant.clone()).or_insert_with(|| {
            let seen = self.seen.get(tenant).cloned().unwrap_or_default();
            Head::new(seen, counts.of(tenant))
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tenants.read().values().all(|head| head.samples == 0)
    }

    /// Bytes of samples.
    pub(crate) fn sample_bytes(&self) -> u64 {
        self.tenants.read().values().map(|head| head.sample_bytes.max(0) as u64).sum()
    }

    /// Bytes of everything, about.
    pub(crate) fn memory(&self) -> u64 {
        self.tenants.read().values().map(|head| head.memory() as u64).sum()
    }
}

/// How many series each tenant has in memory, over all shards.
#[derive(Debug, Default)]
pub(crate) struct SeriesCounts(Mutex<HashMap<TenantId, Arc<TenantSeries>>>);

/// Series of one tenant in all shards.
#[derive(Debug, Default)]
struct TenantSeries {
    /// In memory.
    series: AtomicU64,
    /// When the hour began in which new series are counted, in milliseconds, and how many there are.
    new: Mutex<(i64, u64)>,
}

/// Milliseconds.
const HOUR: i64 = 3_600_000;

impl TenantSeries {
    /// Whether one more series may begin.
    fn admit_new(&self, rules: Rules) -> Result<(), RejectReason> {
        let most = rules.limits.max_new_series_per_hour;
        if most == 0 {
            return Ok(());
        }
        let mut new = self.new.lock();
        if !(new.0..new.0.saturating_add(HOUR)).contains(&rules.now) {
            *new = (rules.now, 0);
        }
        if new.1 >= most {
            return Err(RejectReason::ChurnLimit);
        }
        new.1 += 1;
        Ok(())
    }
}

impl SeriesCounts {
    fn of(&self, tenant: &TenantId) -> Arc<TenantSeries> {
        self.0.lock().entry(tenant.clone()).or_default().clone()
    }

    /// Of all tenants together.
    pub(crate) fn total(&self) -> u64 {
        self.0.lock().values().map(|count| count.series.load(Ordering::Relaxed)).sum()
    }
}

/// One tenant's share of a shard.
#[derive(Debug)]
pub(crate) struct Head {
    pub series: Vec<Series>,
    pub index: LabelIndex,
    by_hash: ByHash<u32>,
    /// When series of the head before were last seen.
    seen: Arc<ByHash<i64>>,
    /// Series of this tenant in all shards; `None` when those of this head no longer count.
    count: Option<Arc<TenantSeries>>,
    /// Bytes of samples.
    pub sample_bytes: i64,
    /// Bytes of labels and their index.
    label_bytes: usize,
    pub samples: u64,
    /// Milliseconds of the oldest and the newest sample.
    pub times: Option<(i64, i64)>,
}

/// What holds for the samples of one append.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub limits: Limits,
    /// Milliseconds.
    pub now: i64,
    /// Whether samples come from the log: then limits were judged before.
    pub replay: bool,
}

impl Head {
    fn new(seen: Arc<ByHash<i64>>, count: Arc<TenantSeries>) -> Self {
        Head {
            series: Vec::new(),
            index: LabelIndex::default(),
            by_hash: ByHash::default(),
            seen,
            count: Some(count),
            sample_bytes: 0,
            label_bytes: 0,
            samples: 0,
            times: None,
        }
    }

    /// When its series were last seen, for the head after this one.
    fn last_seen(&self) -> ByHash<i64> {
        let seen = |(hash, number): (&u64, &u32)| Some((*hash, self.series[*number as usize].last()?));
        self.by_hash.iter().filter_map(seen).collect()
    }

    /// The series that has the labels.
    fn find(&self, hash: u64, labels: &[u8]) -> Result<u32, u64> {
        // Another series may have the same hash: the next number is then tried.
        let mut slot = hash;
        while let Some(number) = self.by_hash.get(&slot) {
            if *self.series[*number as usize].labels == *labels {
                return Ok(*number);
            }
            slot = slot.wrapping_add(1);
        }
        Err(slot)
    }

    /// The series with the labels, made if need be.
    pub(crate) fn resolve(&mut self, hash: u64, labels: &[u8], rules: Rules) -> Result<u32, RejectReason> {
        let slot = match self.find(hash, labels) {
            Ok(number) => return Ok(number),
            Err(slot) => slot,
        };
        // Counted before it is made: heads of other shards may be about to make one, too.
        self.count_series(if rules.replay { 0 } else { rules.limits.max_series })?;
        if !rules.replay
            && let Err(reason) = self.admit(labels, slot, rules)
        {
            self.count.iter().for_each(|count| _ = count.series.fetch_sub(1, Ordering::Relaxed));
            return Err(reason);
        }
        let number = self.index.len();
        self.series.push(Series::new(labels.into(), self.seen.get(&slot).copied()));
        self.by_hash.insert(slot, number);
        let before = self.index.memory();
        self.index.push(labels);
        self.label_bytes += SERIES + labels.len() + self.index.memory() - before;
        Ok(number)
    }

    /// Counts one series more, unless the tenant has `most` already; 0 for no limit.
    fn count_series(&self, most: u64) -> Result<(), RejectReason> {
        let Some(count) = &self.count else { return Ok(()) };
        let more = |count: u64| (most == 0 || count < most).then_some(count + 1);
        let counted = count.series.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        counted.map(drop).map_err(|_| RejectReason::SeriesLimit)
    }

    /// Whether a series with these labels may be; `slot` is where its hash would be.
    fn admit(&self, labels: &[u8], slot: u64, rules: Rules) -> Result<(), RejectReason> {
        let limits = rules.limits;
        let mut count = 0;
        for (name, value) in labels::pairs(labels) {
            count += 1;
            let too_long = name.len() as u64 > limits.max_label_name || value.len() as u64 > limits.max_label_value;
            if too_long || count > limits.max_labels {
                return Err(RejectReason::LabelLimit);
            }
        }
        match &self.count {
            Some(count) if !self.seen.contains_key(&slot) => count.admit_new(rules),
            _ => Ok(()),
        }
    }

    /// Appends one series' part of a batch and writes what is accepted to the log's record.
    pub(crate) fn append(
        &mut self,
        (batch, position, hash): (&MetricBatch, u32, u64),
        rules: Rules,
        entries: &mut EntryWriter,
        scratch: &mut Scratch,
        commit: &mut MetricCommit,
    ) {
        let series: &BatchSeries = &batch.series()[position as usize];
        let labels = batch.labels(series).as_bytes();
        let (times, values) = batch.samples(series);
        let histograms = batch.histograms(series);
        let refuse = |commit: &mut MetricCommit, reason, (part, count): (RefusedPart, usize), at: Option<i64>| {
            commit.refused.push(RefusedSample { series: position, part });
            reject(commit, reason, count as u64, (labels, at), rules.limits);
        };
        if times.is_empty() && histograms.is_empty() {
            return;
        }
        let number = match self.resolve(hash, labels, rules) {
            Ok(number) => number,
            Err(reason) => {
                refuse(commit, reason, (RefusedPart::Series, times.len() + histograms.len()), None);
                return;
            }
        };
        entries.begin(number);
        for (place, (at, value)) in (0..).zip(times.iter().zip(values)) {
            match self.append_one(number, *at, NewSample::Number(*value), rules, scratch) {
                Ok(()) => entries.number(*at, *value),
                Err(reason) => refuse(commit, reason, (RefusedPart::Number(place), 1), Some(*at)),
            }
        }
        for (place, (at, histogram)) in (0..).zip(histograms) {
            match self.append_one(number, *at, NewSample::Histogram(histogram), rules, scratch) {
                Ok(()) => entries.histogram(*at, histogram),
                Err(reason) => refuse(commit, reason, (RefusedPart::Histogram(place), 1), Some(*at)),
            }
        }
        let (numbers, histograms) = entries.accepted();
        commit.samples += (numbers + histograms) as u64;
        commit.histograms += histograms as u64;
        entries.end(&mut self.series[number as usize], scratch);
    }

    pub(crate) fn append_one(
        &mut self,
        number: u32,
        at: i64,
        sample: NewSample<'_>,
        rules: Rules,
        scratch: &mut Scratch,
    ) -> Result<(), RejectReason> {
        if !rules.replay {
            if at > rules.now.saturating_add(rules.limits.max_future_ms) {
                return Err(RejectReason::TooFarInFuture);
            }
            if let NewSample::Histogram(histogram) = sample
                && histogram.validate().is_err()
            {
                return Err(RejectReason::InvalidHistogram);
            }
        }
        let grown = self.series[number as usize].append(at, sample, rules.limits.window_ms(), scratch)?;
        self.sample_bytes += grown;
        self.samples += 1;
        self.times = Some(self.times.map_or((at, at), |(first, last)| (first.min(at), last.max(at))));
        Ok(())
    }

    /// The limit is for series that samples come for: those of a frozen head come again in the next one.
    fn stop_counting(&mut self) {
        if let Some(count) = self.count.take() {
            count.series.fetch_sub(self.series.len() as u64, Ordering::Relaxed);
        }
    }

    /// The log has to be told all labels again.
    pub(crate) fn forget_logged(&mut self) {
        self.series.iter_mut().for_each(|series| series.logged = false);
    }

    /// Bytes, about.
    fn memory(&self) -> usize {
        self.label_bytes + usize::try_from(self.sample_bytes).unwrap_or(0)
    }
}

impl Drop for Head {
    fn drop(&mut self) {
        self.stop_counting();
    }
}

/// Counts refused samples and keeps the first refusal in words.
fn reject(
    commit: &mut MetricCommit,
    reason: RejectReason,
    count: u64,
    (labels, at): (&[u8], Option<i64>),
    limits: Limits,
) {
    *commit.rejected.entry(reason).or_default() += count;
    if commit.first_rejection.is_some() {
        return;
    }
    let why = limits.explain(reason);
    let when = at.map_or(String::new(), |at| format!(" at {at} ms"));
    let mut series = labels::to_set(labels).to_string();
    if series.len() > 300 {
        let end = (0..=300).rev().find(|at| series.is_char_boundary(*at)).unwrap_or(0);
        series.truncate(end);
        series.push('…');
    }
    commit.first_rejection = Some(format!("{series}{when} {why}"));
}
