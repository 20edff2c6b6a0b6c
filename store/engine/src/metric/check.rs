//! Verifies the logs and blocks of metrics at rest.

use super::block::{Block, BlockMeta};
use super::record::{self, RecordSink};
use crate::cache::Cache;
use crate::metric::labels;
use futures::StreamExt;
use gantry_chunk::{Scratch, frame, histogram};
use gantry_model::TenantId;
use gantry_model::metric::{EncodedLabels, Exemplar, MetricMetadata, NativeHistogram, Samples};
use gantry_store_api::StoreError;
use object_store::ObjectStore;
use std::cmp::Ordering;
use std::sync::Arc;

/// Reads a record of the log; gives how many samples it has, or what is wrong with it.
pub(crate) fn count_samples(payload: &[u8], scratch: &mut Scratch) -> Result<u64, String> {
    let mut count = Count(0);
    record::read(payload, scratch, &mut count)?;
    Ok(count.0)
}

struct Count(u64);

impl RecordSink for Count {
    fn begin(&mut self, _: TenantId, _: u64) {}

    fn define(&mut self, _: u32, labels: &[u8]) -> Result<(), String> {
        EncodedLabels::new(labels).map(|_| ()).ok_or_else(|| "bytes that are no labels".into())
    }

    fn number(&mut self, _: u32, _: i64, _: f64) -> Result<(), String> {
        self.0 += 1;
        Ok(())
    }

    fn histogram(&mut self, _: u32, _: i64, _: &NativeHistogram) -> Result<(), String> {
        self.0 += 1;
        Ok(())
    }

    fn exemplar(&mut self, _: &[u8], _: Exemplar) -> Result<(), String> {
        Ok(())
    }

    fn metadata(&mut self, _: &str, _: MetricMetadata) {}
}

/// Reads every sample of a block, checking that series and samples come in order; gives how many there are.
pub(crate) async fn count_block(store: Arc<dyn ObjectStore>, meta: BlockMeta) -> Result<u64, StoreError> {
    let block = Block::new(store, meta, Cache::new(0));
    let mut batches = block.scan().await?;
    let (mut scratch, mut samples) = (Scratch::default(), Samples::default());
    let (mut count, mut last): (u64, Option<Vec<u8>>) = (0, None);
    while let Some(batch) = batches.next().await {
        for row in batch? {
            if last.as_ref().is_some_and(|last| labels::compare(last, &row.labels) != Ordering::Less) {
                return Err(StoreError::corrupt("series are out of order"));
            }
            samples.clear();
            let all = (i64::MIN, i64::MAX);
            let (numbers, histograms) = (row.frames.numbers(row.row), row.frames.histograms(row.row));
            frame::read(numbers, all, &mut scratch, &mut samples.timestamps, &mut samples.values)
                .and_then(|()| histogram::read(histograms, all, &mut scratch, &mut samples.histograms))
                .map_err(|error| StoreError::corrupt(error.to_string()))?;
            let rising = samples.timestamps.windows(2).all(|pair| pair[0] < pair[1]);
            if !rising || samples.len() as u64 != row.samples {
                return Err(StoreError::corrupt("a series does not have the samples that it says"));
            }
            count += row.samples;
            last = Some(row.labels);
        }
    }
    Ok(count)
}
