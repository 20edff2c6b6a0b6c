//! What becomes of samples whose record could not be written.

use super::*;
use crate::disk::Disk;
use crate::metric::labels;
use crate::metric::metadata::Metadata;
use crate::metric::replay::Replay;
use crate::metrics::Metrics;
use crate::tests::{NOW, options, roomy, tenant};
use crate::wal::WalPosition;
use gantry_model::ManualClock;
use gantry_store_api::ErrorKind;
use std::path::Path;

fn shared(dir: &Path) -> Arc<Shared> {
    let metrics = Metrics::new(&prometheus::Registry::new()).unwrap();
    let clock = Arc::new(ManualClock::at(NOW));
    Arc::new(Shared::open(options(dir), clock, Disk::new(roomy(), 0, None), metrics).unwrap())
}

fn shard(dir: &Path) -> Arc<Shard> {
    std::fs::create_dir_all(dir.join("wal/m000")).unwrap();
    Arc::new(Shard::new(0, dir.join("wal/m000"), 1 << 20, 10))
}

/// Two samples of each of ten series.
fn batch(second: i64) -> MetricBatch {
    let mut builder = MetricBatch::builder();
    for n in 0..10 {
        let name = format!("s{n}");
        builder.series([("__name__", name.as_str())]).unwrap();
        builder.sample(NOW.0 / 1_000_000 + second * 1000, 1.0).sample(NOW.0 / 1_000_000 + second * 1000 + 1, 2.0);
    }
    builder.finish()
}

async fn append(writer: &mut Writer, batch: MetricBatch) -> Result<MetricCommit, StoreError> {
    let (answer, receiver) = oneshot::channel();
    let room = writer.shard.queue.reserve(100).await.unwrap();
    let hash = |at: usize| labels::hash(batch.labels(&batch.series()[at]).as_bytes());
    let series = (0..batch.series().len()).map(|at| (at as u32, hash(at))).collect();
    let batch = Arc::new(batch);
    writer.handle(vec![Item { tenant: tenant(), batch, series, metadata: Vec::new(), answer, room }]);
    receiver.await.unwrap()
}

/// Samples that a start would read from the log.
async fn replayed(dir: &Path, shared: &Arc<Shared>) -> u64 {
    let shard = shard(dir);
    let (counts, metadata) = (Arc::default(), Arc::new(Metadata::default()));
    let replay = Replay { shared: shared.clone(), shard: shard.clone(), counts, metadata };
    replay.run(WalPosition::default()).await.unwrap();
    let active = shard.active();
    let tenants = active.tenants.read();
    tenants.values().map(|head| head.samples).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_logged_is_logged_when_it_is_sent_again() {
    let dir = tempfile::tempdir().unwrap();
    let shared = shared(dir.path());
    let shard = shard(dir.path());
    let mut writer = Writer::new((shard, 1), shared.clone(), Arc::default(), 1);
    writer.log.lose_room();
    let error = append(&mut writer, batch(0)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StorageFull, "{error}");
    // The heads hold them by now, and know numbers of series that the log does not know.
    assert_eq!(append(&mut writer, batch(0)).await.unwrap().samples, 20);
    assert_eq!(append(&mut writer, batch(15)).await.unwrap().samples, 20);
    assert_eq!(replayed(dir.path(), &shared).await, 40);
}
