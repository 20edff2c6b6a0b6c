//! What is too much ends a query with an error, not the process; numbers at the ends of their range are no trouble.
#![allow(clippy::unwrap_used)]

use gantry_model::LabelSet;
use gantry_model::metric::Samples;
use gantry_promql::{Answer, EvalError, Params, Select, SeriesSet, Source, SourceError, Steps, evaluate};
use gantry_query_lang::promql::{MAX_DEPTH, Options, parse};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// So many series of two samples each, whatever is asked for, and the memory that is left.
struct Many(usize, AtomicUsize);

const MEMORY: usize = 16 << 20;

struct Found(Vec<LabelSet>);

impl SeriesSet for Found {
    fn labels(&self) -> &[LabelSet] {
        &self.0
    }

    fn read(&self, _: usize, into: &mut Samples) -> Result<(), SourceError> {
        *into = Samples::default();
        into.push(1_000, 1.0);
        into.push(2_000, 2.0);
        Ok(())
    }
}

impl Source for Many {
    fn select(&self, _: &Select) -> Result<Arc<dyn SeriesSet>, SourceError> {
        let labels =
            (0..self.0).map(|n| LabelSet::from_pairs([("__name__", "m".to_owned()), ("n", format!("{n:09}"))]));
        Ok(Arc::new(Found(labels.collect())))
    }

    fn take_memory(&self, bytes: usize) -> bool {
        self.1.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes)).is_ok()
    }
}

fn ask(query: &str, series: usize, steps: Steps, cancelled: bool) -> Result<Answer, EvalError> {
    let instant = steps.start == steps.end;
    let params =
        Params { steps, instant, lookback: 300_000, subquery_step: 60_000, max_samples: 1_000_000, threads: 2 };
    let expr = parse(query, Options::ALL).unwrap_or_else(|error| panic!("{query}: {error}"));
    evaluate(&expr, query, params, &Many(series, AtomicUsize::new(MEMORY)), &AtomicBool::new(cancelled))
}

const AT: Steps = Steps { start: 2_000, end: 2_000, step: 1 };

#[test]
fn subqueries_of_too_many_instants_are_refused() {
    for query in
        ["sum_over_time(vector(1)[100y:1ms])", "count_over_time(m[10y:1ms])", "max_over_time(rate(m[1m])[1y:1ms])"]
    {
        let error = ask(query, 1, AT, false).unwrap_err();
        assert_eq!(error, EvalError::Memory, "{query}");
    }
}

#[test]
fn values_of_too_many_series_and_steps_are_refused() {
    let steps = Steps { start: 0, end: 10_999_000, step: 1_000 };
    for query in ["m", "rate(m[1h])", "sum by (n) (m)", "-m", "topk(1, m)", "count_values(\"v\", m)", "m + on (n) m"] {
        let error = ask(query, 1_000, steps, false).unwrap_err();
        assert_eq!(error, EvalError::Memory, "{query}");
    }
    assert!(ask("sum(m)", 1_000, steps, false).is_ok(), "an aggregation holds no series below it");
}

#[test]
fn the_deepest_queries_fit_the_stack_of_a_thread() {
    let depth = MAX_DEPTH as usize / 2 - 2;
    let nested =
        |before: &str, inner: &str, after: &str| format!("{}{inner}{}", before.repeat(depth), after.repeat(depth));
    let queries = [
        nested("abs(", "m", ")"),
        nested("sum(", "m", ")"),
        nested("(", "m", ")"),
        nested("-(", "m", ")"),
        nested("(1 + ", "m", ")"),
        nested("(m or ", "m", ")"),
        nested("max_over_time(", "m", "[2s:1s])"),
    ];
    for query in queries {
        let run = move || {
            let answer = ask(&query, 1, AT, false);
            assert!(!matches!(answer, Err(EvalError::Execution(_))), "{:.60}: {:?}", query, answer.err());
        };
        // As much as a thread of the runtime has for work that blocks.
        std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
    }
}

#[test]
fn times_at_the_ends_of_their_range_are_empty() {
    for at in ["9223372036854774", "-9223372036854774"] {
        let queries = [
            format!("m @ {at}"),
            format!("m @ {at} offset 100y"),
            format!("m @ {at} offset -100y"),
            format!("rate(m[100y] @ {at})"),
            format!("rate(m[1h:1m] @ {at})"),
            format!("rate(m[100y:10y] @ {at} offset 100y)"),
            format!("rate(m[100y:10y] @ {at} offset -100y)"),
            format!("timestamp(m @ {at})"),
            format!("predict_linear(m[1h] @ {at}, 1e300)"),
        ];
        for query in queries {
            let answer = ask(&query, 1, AT, false);
            assert!(answer.is_ok(), "{query}: {:?}", answer.err());
        }
    }
}

#[test]
fn a_query_that_is_cancelled_ends_whatever_it_reads() {
    for query in ["m", "vector(1)", "sum_over_time(vector(1)[1h:1m])", "rate(m[5m])"] {
        assert_eq!(ask(query, 1, AT, true).unwrap_err(), EvalError::Cancelled, "{query}");
    }
}
