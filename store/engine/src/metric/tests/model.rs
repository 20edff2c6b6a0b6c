//! Whatever is appended, flushed, merged and crashed in whatever order: what is read is what a map would hold.

use super::recovery::{START, all};
use crate::tests::{NOW, crash, open_with, options, roomy, tenant};
use crate::{MetricOptions, Store, StoreOptions};
use gantry_model::ManualClock;
use gantry_model::metric::MetricBatch;
use gantry_store_api::AppendMetrics;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Clone, Debug)]
enum Step {
    /// Series and seconds of samples.
    Append(Vec<(u8, i64)>),
    Flush,
    Compact,
    Crash,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let sample = (0u8..6, 0i64..90_000);
    let appends = proptest::collection::vec(sample, 1..60).prop_map(Step::Append);
    let step = prop_oneof![6 => appends, 1 => Just(Step::Flush), 1 => Just(Step::Compact), 1 => Just(Step::Crash)];
    proptest::collection::vec(step, 1..25)
}

type Model = BTreeMap<u8, BTreeMap<i64, u64>>;

/// Appends to the store and to the model.
async fn append(store: &Store, samples: &[(u8, i64)], model: &mut Model) {
    let mut builder = MetricBatch::builder();
    for (series, second) in samples {
        let name = format!("s{series}");
        builder.series([("__name__", name.as_str())]).unwrap();
        // The value follows from series and instant: a sample that was refused once is never another one.
        let value = f64::from(*series) + *second as f64 / 10.0;
        builder.sample(START - second * 1000, value);
        model.entry(*series).or_default().insert(START - second * 1000, value.to_bits());
    }
    let commit = store.append_metrics(&tenant(), builder.finish()).await.unwrap();
    assert_eq!(commit.samples, samples.len() as u64, "{commit:?}");
}

async fn assert_holds(store: &Store, model: &Model) {
    let found: Model = all(store)
        .await
        .into_iter()
        .map(|(labels, samples)| {
            let series = labels.get("__name__").unwrap()[1..].parse().unwrap();
            let values = samples.values.iter().map(|value| value.to_bits());
            assert!(samples.timestamps.windows(2).all(|pair| pair[0] < pair[1]));
            (series, samples.timestamps.iter().copied().zip(values).collect())
        })
        .collect();
    assert_eq!(&found, model);
}

async fn run(steps: Vec<Step>) {
    let dir = tempfile::tempdir().unwrap();
    let metrics =
        MetricOptions { out_of_order_window: std::time::Duration::from_secs(1 << 20), ..MetricOptions::default() };
    let options = StoreOptions { metrics, ..options(dir.path()) };
    let reopen = async || open_with(options.clone(), &Arc::new(ManualClock::at(NOW)), roomy()).await;
    let mut store = reopen().await;
    let mut model = Model::new();
    for step in steps {
        match step {
            Step::Append(samples) => append(&store, &samples, &mut model).await,
            Step::Flush => store.flush().await.unwrap(),
            Step::Compact => store.compact().await.unwrap(),
            Step::Crash => {
                crash(store).await;
                store = reopen().await;
            }
        }
        assert_holds(&store, &model).await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_store_holds_what_a_map_would(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(run(steps));
    }
}
