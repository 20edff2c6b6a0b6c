//! Random histories: after each step the store holds what the model holds.

use super::*;
use gantry_store_api::memory::MemoryStore;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    /// Lines by number; numbers repeat, so lines do, too.
    Append(Vec<u16>),
    Flush,
    Compact,
    Reopen,
    CloseAndReopen,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => proptest::collection::vec(0u16..400, 1..60).prop_map(Step::Append),
        2 => Just(Step::Flush),
        1 => Just(Step::Compact),
        1 => Just(Step::Reopen),
        1 => Just(Step::CloseAndReopen),
    ]
}

/// A line made from its number: few streams, days and timestamps, so that everything meets everything.
fn line(number: u16) -> Row {
    let at = NOW.saturating_add(i64::from(number % 7) * 40_000_000_000_000);
    row(&format!("app-{}", number % 5), at, format!("body {}", number / 3))
}

async fn play(steps: Vec<Step>) {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path());
    options.memtable_bytes = 8 << 10;
    let clock = Arc::new(ManualClock::at(NOW));
    let mut store = open_with(options.clone(), &clock, roomy()).await;
    let model = MemoryStore::default();
    for step in steps {
        match step {
            Step::Append(numbers) => {
                let rows: Vec<Row> = numbers.into_iter().map(line).collect();
                if store.stats().memtables_waiting > 0 {
                    store.flush().await.unwrap();
                }
                write(&store, &rows).await;
                assert_eq!(model.append(&tenant(), batch(&rows)).await.unwrap().lines, rows.len() as u64);
            }
            Step::Flush => store.flush().await.unwrap(),
            Step::Compact => store.compact().await.unwrap(),
            Step::Reopen => {
                crash(store).await;
                store = open_with(options.clone(), &clock, roomy()).await;
            }
            Step::CloseAndReopen => {
                store.close().await.unwrap();
                crash(store).await;
                store = open_with(options.clone(), &clock, roomy()).await;
            }
        }
        assert_eq!(read(&*store, &tenant()).await, read(&model, &tenant()).await);
    }
    crash(store).await;
    let report = crate::check(&options).await.unwrap();
    assert_eq!(report.problems, []);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn the_store_holds_what_the_model_holds(steps in proptest::collection::vec(step(), 1..20)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(play(steps));
    }
}
