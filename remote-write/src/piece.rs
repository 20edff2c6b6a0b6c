//! [`Piece`]: what one shard gets of a record, and how a record is divided.

use crate::tracker::Ticket;
use gantry_model::TenantId;
use gantry_model::metric::{BatchSeries, MetricBatch};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

/// Some series of a batch. It is delivered as a whole or not at all.
#[derive(Debug)]
pub(crate) struct Piece {
    pub tenant: TenantId,
    /// When the record was written, in milliseconds.
    pub written_ms: i64,
    pub batch: Arc<MetricBatch>,
    pub share: Share,
    /// Whether it may have been sent before a start, without the answer being known.
    pub again: bool,
    pub ticket: Arc<Ticket>,
    /// Given back when the piece is finished.
    pub room: OwnedSemaphorePermit,
}

impl Piece {
    pub fn series(&self) -> impl Iterator<Item = &BatchSeries> {
        self.share.series.iter().filter_map(|at| self.batch.series().get(*at as usize))
    }
}

/// Positions of series in a batch, and their samples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Share {
    pub series: Vec<u32>,
    pub samples: usize,
    pub exemplars: usize,
}

/// Divides a batch among shards by the labels of its series, in shares of at most `most` samples where series allow it.
/// The same batch and number of shards give the same shares. Those of a shard are in order.
pub(crate) fn divide(batch: &MetricBatch, shards: usize, most: usize) -> Vec<(usize, Share)> {
    let mut open: Vec<Share> = vec![Share::default(); shards.max(1)];
    let mut shares = Vec::new();
    for (at, series) in (0u32..).zip(batch.series()) {
        let hash = xxhash_rust::xxh3::xxh3_64(batch.labels(series).as_bytes());
        let shard = (hash % shards.max(1) as u64) as usize;
        let samples = batch.samples(series).0.len() + batch.histograms(series).len();
        let share = &mut open[shard];
        if share.samples + samples > most && !share.series.is_empty() {
            shares.push((shard, std::mem::take(share)));
        }
        share.series.push(at);
        share.samples += samples;
        share.exemplars += batch.exemplars(series).len();
    }
    shares.extend(open.into_iter().enumerate().filter(|(_, share)| !share.series.is_empty()));
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashMap;

    proptest! {
        #[test]
        fn every_series_is_in_one_share_in_order_and_always_of_the_same_shard(
            entries in proptest::collection::vec((0u8..6, 0usize..5), 0..60), shards in 1usize..5, most in 1usize..8,
        ) {
            let mut builder = MetricBatch::builder();
            for (name, samples) in &entries {
                builder.series([("__name__", &*name.to_string())]).unwrap();
                (0..*samples).for_each(|at| _ = builder.sample(at as i64, 0.0));
            }
            let batch = builder.finish();
            let shares = divide(&batch, shards, most);
            let mut seen: Vec<u32> = shares.iter().flat_map(|(_, share)| share.series.clone()).collect();
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..entries.len() as u32).collect::<Vec<_>>());
            let (mut shard_of, mut last) = (HashMap::new(), HashMap::new());
            for (shard, share) in &shares {
                let samples: usize = share.series.iter().map(|at| entries[*at as usize].1).sum();
                prop_assert_eq!(samples, share.samples);
                prop_assert!(samples <= most || share.series.iter().filter(|at| entries[**at as usize].1 > 0).count() == 1);
                for at in &share.series {
                    let name = entries[*at as usize].0;
                    prop_assert_eq!(*shard_of.entry(name).or_insert(*shard), *shard);
                    prop_assert!(last.insert(*shard, *at).is_none_or(|before| before < *at));
                }
            }
        }
    }
}
