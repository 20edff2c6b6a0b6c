use super::*;
use crate::QueryOptions;
use gantry_model::metric::MetricBatch;
use gantry_model::{ManualClock, Timestamp};
use gantry_query_lang::promql::{Options, parse};
use gantry_store_api::AppendMetrics;
use gantry_store_api::memory::MemoryStore;
use gantry_store_api::memory_metrics::MemoryMetrics;

const MINUTE: i64 = 60_000;

struct Bed {
    engine: Arc<QueryEngine>,
    samples: Arc<MemoryMetrics>,
}

/// An hour of two counters, one of which began half-way; the clock stands a minute behind its end.
async fn bed() -> Bed {
    let (logs, samples) = (Arc::new(MemoryStore::default()), Arc::new(MemoryMetrics::default()));
    let clock = Arc::new(ManualClock::at(Timestamp::from_secs(61 * 60)));
    let registry = prometheus::Registry::new();
    let engine = QueryEngine::new(QueryOptions::default(), logs.clone(), samples.clone(), logs, clock, &registry);
    let bed = Bed { engine: engine.unwrap(), samples };
    for minute in 0..60 {
        bed.write("a", minute * MINUTE, minute as f64).await;
        if minute >= 30 {
            bed.write("b", minute * MINUTE + 1, 2.0 * minute as f64).await;
        }
    }
    bed
}

impl Bed {
    async fn write(&self, job: &str, at: i64, value: f64) {
        let mut batch = MetricBatch::builder();
        batch.series([("__name__", "x_total"), ("job", job)]).unwrap().sample(at, value);
        let commit = self.samples.append_metrics(&TenantId::default_tenant(), batch.finish()).await.unwrap();
        assert_eq!(commit.samples, 1);
    }

    /// The series and how many samples were read for them, with and without what is kept: the answers must be the same.
    async fn ask(&self, query: &str, from: i64, to: i64) -> (Vec<Series>, u64) {
        let steps = Steps { start: from * MINUTE, end: to * MINUTE, step: MINUTE };
        let (lookback, subquery_step) = (5 * MINUTE, MINUTE);
        let params = Params { steps, instant: false, lookback, subquery_step, max_samples: 1 << 20, threads: 2 };
        let expr = || parse(query, Options::default()).unwrap();
        let tenant = TenantId::default_tenant();
        let fresh = self.engine.promql(&tenant, query, expr(), params, true).await.unwrap();
        let kept = self.engine.promql(&tenant, query, expr(), params, false).await.unwrap();
        assert_eq!(kept.answer.value, fresh.answer.value, "{query} from {from} to {to}");
        let Value::Vector(series) = kept.answer.value else { panic!("a vector") };
        (series, kept.answer.samples)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_slides_reads_only_what_is_new() {
    let bed = bed().await;
    for query in
        ["sum(rate(x_total[5m]))", "x_total", "max_over_time(x_total[10m:2m] offset 3m) > 3", "topk(1, x_total)"]
    {
        let (series, all) = bed.ask(query, 2, 50).await;
        assert!(!series.is_empty() && all > 0, "{query}");
        assert_eq!(bed.ask(query, 2, 47).await.1, 0, "{query}: all of it is kept");
        let slid = bed.ask(query, 6, 55).await.1;
        assert!(slid > 0 && slid < all, "{query}: {slid} of {all}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn late_samples_are_in_the_next_answer() {
    let bed = bed().await;
    bed.ask("sum(x_total)", 0, 50).await;
    bed.write("c", 20 * MINUTE, 100.0).await;
    let (series, _) = bed.ask("sum(x_total)", 0, 50).await;
    assert_eq!(series[0].cells[20], Cell::Float(120.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_depends_on_the_whole_range_or_on_what_comes_is_computed_each_time() {
    let bed = bed().await;
    for query in ["x_total @ end()", "sum(x_total) / scalar(sum(x_total @ start()))"] {
        bed.ask(query, 5, 50).await;
        assert!(bed.ask(query, 5, 49).await.1 > 0, "{query}");
    }
    bed.ask("x_total", 40, 70).await;
    assert!(bed.ask("x_total", 40, 70).await.1 > 0, "the clock has not come to minute 70");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_before_the_first_step_fails_no_answer() {
    let bed = bed().await;
    for job in ["c", "d"] {
        bed.write(job, 32 * MINUTE, 1.0).await;
    }
    let (series, _) = bed.ask("vector(1) + on () last_over_time(x_total{job=~\"c|d\"}[30s])", 33, 55).await;
    assert!(series.is_empty(), "two partners at minute 32, none later: {series:?}");
}
