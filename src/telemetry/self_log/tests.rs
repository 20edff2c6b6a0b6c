use super::*;
use async_trait::async_trait;
use gantry_model::SystemClock;
use gantry_store_api::{Commit, StoreError};
use tracing_subscriber::layer::SubscriberExt;

/// Remembers lines, and says something about each write, as a real store does.
#[derive(Debug, Default)]
struct Talkative(Mutex<Vec<String>>);

#[async_trait]
impl Append for Talkative {
    async fn append(&self, tenant: &TenantId, batch: LogBatch) -> Result<Commit, StoreError> {
        tracing::info!(target: "gantry_store::wal", "wrote a group");
        for stream in batch.streams() {
            for row in batch.rows_of(stream) {
                self.0.lock().push(format!("{tenant} {} {}", stream.labels, batch.body(row)));
            }
        }
        Ok(Commit { lines: batch.line_count() as u64, bytes: 0 })
    }
}

async fn write_all(log: SelfLog, store: &Arc<Talkative>) {
    let stop = CancellationToken::new();
    stop.cancel();
    log.run(store.clone(), Arc::new(SystemClock), stop).await.unwrap();
}

#[tokio::test]
async fn events_become_lines_of_the_reserved_tenant_and_do_not_echo() {
    let registry = Registry::new();
    let (layer, log) = channel(100, &registry).unwrap();
    let store = Arc::new(Talkative::default());
    let subscriber = tracing_subscriber::registry().with(layer.with_filter(filter()));
    let guard = tracing::subscriber::set_default(subscriber);
    tracing::warn!(target: "gantry_store::disk", free = 7, path = "a b", "disk is nearly full");
    tracing::debug!(target: "gantry", "not worth keeping");
    tracing::info!(target: "hyper", "not ours");
    let dropped = log.dropped.clone();
    write_all(log, &store).await;
    drop(guard);
    let expected =
        r#"_gantry {app="gantry", level="warn", target="gantry_store::disk"} disk is nearly full free=7 path="a b""#;
    assert_eq!(*store.0.lock(), [expected]);
    assert_eq!(dropped.with_label_values(&["own"]).get(), 1);
}

#[tokio::test]
async fn a_storm_is_cut_to_the_rate_and_counted() {
    let registry = Registry::new();
    let (layer, log) = channel(1, &registry).unwrap();
    let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    for _ in 0..30 {
        tracing::error!(target: "gantry", "again");
    }
    drop(guard);
    let dropped = log.dropped.with_label_values(&["rate"]).get();
    assert!((19..=20).contains(&dropped), "{dropped}");
}
