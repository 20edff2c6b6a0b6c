//! Random histories: after each step the store holds what the model holds.

use super::*;
use gantry_model::{LineFilter, MatchOp, Matcher, Selector, TimeRange};
use gantry_store_api::memory::MemoryStore;
use gantry_store_api::{Cancelled, Delete, DeleteRequest, DeleteStatus, DeleteWhat, Queryable};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    /// Lines by number; numbers repeat, so lines do, too.
    Append(Vec<u16>),
    Flush,
    Compact,
    Reopen,
    CloseAndReopen,
    /// Deletes lines of one app, of those with a digit in the body, in a range of time slots.
    Delete {
        app: u16,
        digit: Option<u8>,
        slots: (u16, u16),
    },
    /// Cancels the last request, if it still can be.
    Cancel,
    /// Removes what is deleted from the files.
    CarryOut,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => proptest::collection::vec(0u16..400, 1..60).prop_map(Step::Append),
        2 => Just(Step::Flush),
        1 => Just(Step::Compact),
        1 => Just(Step::Reopen),
        1 => Just(Step::CloseAndReopen),
        2 => (0u16..6, proptest::option::of(0u8..10), (0u16..7, 0u16..8)).prop_map(|(app, digit, slots)| Step::Delete { app, digit, slots }),
        1 => Just(Step::Cancel),
        1 => Just(Step::CarryOut),
    ]
}

/// The request that a step stands for; app 5 is all of them.
fn request(app: u16, digit: Option<u8>, slots: (u16, u16)) -> DeleteWhat {
    let at = |slot: u16| NOW.saturating_add(i64::from(slot) * SLOT);
    let of_app = Matcher::new("app", MatchOp::Eq, &format!("app-{app}")).unwrap();
    let selector = Selector(if app == 5 { Vec::new() } else { vec![of_app] });
    DeleteWhat {
        query: selector.to_string(),
        selector,
        lines: digit.map(|digit| LineFilter::contains(&digit.to_string())).into_iter().collect(),
        range: TimeRange::new(at(slots.0.min(slots.1)), at(slots.0.max(slots.1) + 1)),
        by: "a test".into(),
    }
}

const SLOT: i64 = 40_000_000_000_000;

/// A line made from its number: few streams, days and timestamps, so that everything meets everything.
fn line(number: u16) -> Row {
    let at = NOW.saturating_add(i64::from(number % 7) * SLOT);
    row(&format!("app-{}", number % 5), at, format!("body {}", number / 3))
}

async fn play(steps: Vec<Step>) {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path());
    options.memtable_bytes = 8 << 10;
    options.delete_cancel_period = std::time::Duration::from_secs(60);
    let clock = Arc::new(ManualClock::at(NOW));
    let mut store = open_with(options.clone(), &clock, roomy()).await;
    let model = MemoryStore::default();
    let mut last: Option<(DeleteRequest, DeleteRequest)> = None;
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
            Step::Delete { app, digit, slots } => {
                let wanted = request(app, digit, slots);
                let made = store.delete(&tenant(), wanted.clone()).await.unwrap();
                last = Some((made, model.delete(&tenant(), wanted).await.unwrap()));
            }
            Step::Cancel => {
                let Some((made, modelled)) = last.take() else { continue };
                if store.cancel_delete(&tenant(), &made.id).await.unwrap() == Cancelled::Done {
                    assert_eq!(model.cancel_delete(&tenant(), &modelled.id).await.unwrap(), Cancelled::Done);
                }
            }
            Step::CarryOut => {
                clock.advance(std::time::Duration::from_secs(61));
                store.carry_out_deletes().await.unwrap();
                let all = store.delete_requests(&tenant()).await.unwrap();
                assert!(all.iter().all(|request| request.status != DeleteStatus::Received), "{all:?}");
            }
            Step::CloseAndReopen => {
                store.close().await.unwrap();
                crash(store).await;
                store = open_with(options.clone(), &clock, roomy()).await;
            }
        }
        let rows = read(&*store, &tenant()).await;
        assert_eq!(rows, read(&model, &tenant()).await);
        let listed = store.querier(&tenant(), TimeRange::ALL).streams(&Selector::all()).await.unwrap();
        let mut streams: Vec<LabelSet> = rows.into_iter().map(|row| row.labels).collect();
        streams.dedup();
        assert_eq!(listed.into_iter().map(|stream| stream.labels).collect::<Vec<_>>(), streams);
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
