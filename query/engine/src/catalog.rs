//! Questions about streams, answered without reading lines: labels, series, statistics, volumes.

use crate::{QueryEngine, QueryError};
use gantry_model::{LabelSet, Selector, TenantId, TimeRange, Timestamp};
use gantry_store_api::StreamSummary;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Sums over streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexStats {
    pub streams: u64,
    pub chunks: u64,
    pub entries: u64,
    pub bytes: u64,
}

/// How [`QueryEngine::volume`] groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VolumeBy {
    /// One series per combination of the values of these labels.
    Series(BTreeSet<String>),
    /// One series per label name; of these names, or of all when there are none.
    Labels(BTreeSet<String>),
}

/// Labels of a volume: values are empty where only the names count.
pub type VolumeGroup = Vec<(String, String)>;

/// A label, and how many values it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetectedLabel {
    pub label: String,
    pub cardinality: usize,
}

impl QueryEngine {
    /// Names of labels, sorted.
    pub async fn labels(
        &self,
        tenant: &TenantId,
        range: TimeRange,
        selector: &Selector,
    ) -> Result<Vec<String>, QueryError> {
        let streams = self.streams(tenant, range, selector).await?;
        let names: BTreeSet<&str> = streams.iter().flat_map(|s| s.labels.iter().map(|(name, _)| name)).collect();
        Ok(names.into_iter().map(Into::into).collect())
    }

    /// Values of one label, sorted.
    pub async fn label_values(
        &self,
        tenant: &TenantId,
        range: TimeRange,
        selector: &Selector,
        name: &str,
    ) -> Result<Vec<String>, QueryError> {
        let streams = self.streams(tenant, range, selector).await?;
        let values: BTreeSet<&str> = streams.iter().filter_map(|s| s.labels.get(name)).collect();
        Ok(values.into_iter().map(Into::into).collect())
    }

    /// Label sets that match any of the selectors, sorted; all of them when there are no selectors.
    pub async fn series(
        &self,
        tenant: &TenantId,
        range: TimeRange,
        selectors: &[Selector],
    ) -> Result<Vec<LabelSet>, QueryError> {
        let streams = self.streams(tenant, range, &Selector::all()).await?;
        let wanted =
            |labels: &LabelSet| selectors.is_empty() || selectors.iter().any(|selector| selector.matches(labels));
        Ok(streams.into_iter().map(|s| s.labels).filter(wanted).collect())
    }

    pub async fn index_stats(
        &self,
        tenant: &TenantId,
        range: TimeRange,
        selector: &Selector,
    ) -> Result<IndexStats, QueryError> {
        let mut stats = IndexStats::default();
        for stream in self.streams(tenant, range, selector).await? {
            stats.streams += 1;
            stats.chunks += stream.chunks;
            stats.entries += stream.entries;
            stats.bytes += stream.bytes;
        }
        Ok(stats)
    }

    /// Bytes by group, the largest `limit` groups, largest first.
    pub async fn volume(
        &self,
        tenant: &TenantId,
        range: TimeRange,
        selector: &Selector,
        by: &VolumeBy,
        limit: usize,
    ) -> Result<Vec<(VolumeGroup, u64)>, QueryError> {
        let mut groups: HashMap<VolumeGroup, u64> = HashMap::new();
        for stream in self.streams(tenant, range, selector).await? {
            for group in volume_groups(&stream.labels, by) {
                *groups.entry(group).or_default() += stream.bytes;
            }
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        groups.truncate(limit);
        Ok(groups)
    }

    /// Labels that are worth a click: those whose values are all numbers or UUIDs are left out.
    pub async fn detected_labels(
        &self,
        tenant: &TenantId,
        range: TimeRange,
        selector: &Selector,
    ) -> Result<Vec<DetectedLabel>, QueryError> {
        let streams = self.streams(tenant, range, selector).await?;
        let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (name, value) in streams.iter().flat_map(|s| s.labels.iter()) {
            values.entry(name).or_default().insert(value);
        }
        let useful = |name: &str, values: &BTreeSet<&str>| PLACES.contains(&name) || !values.iter().all(|v| is_id(v));
        let labels = values.into_iter().filter(|(name, values)| useful(name, values));
        Ok(labels.map(|(name, values)| DetectedLabel { label: name.into(), cardinality: values.len() }).collect())
    }

    pub(crate) async fn streams(
        &self,
        tenant: &TenantId,
        range: TimeRange,
        selector: &Selector,
    ) -> Result<Vec<StreamSummary>, QueryError> {
        let querier = self.store.querier(tenant, range);
        self.guarded("streams", tenant, async { Ok(querier.streams(selector).await?) }).await
    }
}

/// Labels that say where a line comes from are shown whatever their values look like.
const PLACES: [&str; 4] = ["cluster", "namespace", "instance", "pod"];

fn is_id(value: &str) -> bool {
    let hyphens = [8, 13, 18, 23];
    let uuid = || {
        value.len() == 36
            && value
                .bytes()
                .enumerate()
                .all(|(at, b)| if hyphens.contains(&at) { b == b'-' } else { b.is_ascii_hexdigit() })
    };
    value.parse::<f64>().is_ok() || uuid()
}

/// The groups that a stream counts for.
fn volume_groups(labels: &LabelSet, by: &VolumeBy) -> Vec<VolumeGroup> {
    match by {
        VolumeBy::Series(names) => {
            let counted = labels.iter().filter(|(name, _)| names.contains(*name));
            let group: VolumeGroup = counted.map(|(name, value)| (name.into(), value.into())).collect();
            if group.is_empty() { Vec::new() } else { vec![group] }
        }
        VolumeBy::Labels(names) => {
            let counted = labels.iter().filter(|(name, _)| names.is_empty() || names.contains(*name));
            counted.map(|(name, _)| vec![(name.into(), String::new())]).collect()
        }
    }
}

/// The range cut at multiples of `step`: each piece, and the time that stands for it (its last millisecond, or the end).
pub fn volume_steps(range: TimeRange, step: i64) -> Vec<(TimeRange, Timestamp)> {
    let mut pieces = Vec::new();
    let mut start = range.start;
    while start < range.end {
        let next = Timestamp((start.nanos().div_euclid(step) + 1).saturating_mul(step));
        let (end, at) = if next < range.end { (next, next.saturating_sub(1_000_000)) } else { (range.end, range.end) };
        pieces.push((TimeRange::new(start, end), at));
        start = end;
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volume_steps_are_aligned_and_named_by_their_end() {
        let secs = Timestamp::from_secs;
        let pieces = volume_steps(TimeRange::new(secs(90), secs(180)), 60_000_000_000);
        let first = (TimeRange::new(secs(90), secs(120)), Timestamp::from_millis(119_999));
        assert_eq!(pieces, [first, (TimeRange::new(secs(120), secs(180)), secs(180))]);
    }

    #[test]
    fn ids_are_numbers_and_uuids() {
        assert!(is_id("17") && is_id("123e4567-e89b-12d3-a456-426614174000"));
        assert!(!is_id("web-0"));
    }
}
