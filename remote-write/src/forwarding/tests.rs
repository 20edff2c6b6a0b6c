//! From an append to a remote that is away, refuses, or comes back, over stops and deaths.

use super::*;
use crate::deliver::{Request, Verdict};
use gantry_model::{ManualClock, SystemClock, Timestamp};
use gantry_prompb::{Value, Wire};
use gantry_store_api::memory_metrics::MemoryMetrics;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What a remote does with a request.
type Rule = dyn Fn(&[Got]) -> Verdict + Send + Sync;

/// A sample that arrived: name of the series, instant, value.
type Got = (String, i64, f64);

/// A remote that keeps what it takes.
struct Far {
    rule: Mutex<Arc<Rule>>,
    got: Mutex<Vec<Got>>,
    asked: AtomicUsize,
}

impl fmt::Debug for Far {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Far")
    }
}

impl Far {
    fn new(rule: impl Fn(&[Got]) -> Verdict + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Far { rule: Mutex::new(Arc::new(rule)), got: Mutex::default(), asked: AtomicUsize::new(0) })
    }

    fn now(&self, rule: impl Fn(&[Got]) -> Verdict + Send + Sync + 'static) {
        *self.rule.lock() = Arc::new(rule);
    }

    fn series(&self, name: &str) -> Vec<i64> {
        self.got.lock().iter().filter(|(series, ..)| series == name).map(|(_, at, _)| *at).collect()
    }
}

fn takes(_: &[Got]) -> Verdict {
    Verdict::Taken
}

fn away(_: &[Got]) -> Verdict {
    Verdict::Later { why: "away".into(), after: None }
}

#[async_trait]
impl Deliver for Far {
    async fn deliver(&self, request: &Request) -> Verdict {
        self.asked.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        let got = read(&request.body);
        let verdict = (self.rule.lock().clone())(&got);
        if verdict == Verdict::Taken {
            self.got.lock().extend(got);
        }
        verdict
    }
}

/// Names and samples of a request of 1.0.
fn read(body: &[u8]) -> Vec<Got> {
    let body = snap::raw::Decoder::new().decompress_vec(body).unwrap();
    let mut request = Wire::new(&body);
    let mut all = Vec::new();
    while let Some((field, Value::Bytes(mut series))) = request.field().unwrap() {
        let mut name = String::new();
        while let Some((number, value)) = series.field().unwrap() {
            let Value::Bytes(mut within) = value else { panic!("a message") };
            match (field, number) {
                (1, 1) => {
                    let mut texts = Vec::new();
                    while let Some((_, Value::Bytes(text))) = within.field().unwrap() {
                        texts.push(String::from_utf8(text.bytes().to_vec()).unwrap());
                    }
                    name = texts[1].clone();
                }
                (1, 2) => {
                    let (mut at, mut sample) = (0, 0.0);
                    while let Some(field) = within.field().unwrap() {
                        match field {
                            (1, Value::Fixed64(bits)) => sample = f64::from_bits(bits),
                            (2, Value::Varint(ms)) => at = ms as i64,
                            _ => panic!("a sample"),
                        }
                    }
                    all.push((name.clone(), at, sample));
                }
                _ => {}
            }
        }
    }
    all
}

/// A process with one remote.
struct Running {
    door: Forwarding,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    registry: Registry,
}

fn options(changes: serde_json::Value) -> RemoteWriteOptions {
    let mut all = serde_json::json!({"url": "http://far/", "name": "far", "metadata_config": {"send": false},
        "queue_config": {"batch_send_deadline": "5ms", "min_backoff": "1ms", "max_backoff": "4ms", "min_shards": 3}});
    for (key, value) in changes.as_object().unwrap() {
        all[key] = value.clone();
    }
    serde_json::from_value(all).unwrap()
}

fn start_with(
    dir: &Path,
    store: &Arc<MemoryMetrics>,
    far: &Arc<Far>,
    clock: Arc<dyn Clock>,
    log: &RemoteWriteLogOptions,
) -> Running {
    let (registry, stop) = (Registry::new(), CancellationToken::new());
    let metrics = Metrics::register(&registry).unwrap();
    let around = Around { query: store.clone(), clock: clock.clone(), metrics, stop: stop.clone() };
    let deliver = |_: &RemoteWriteOptions| -> DeliverOrError { Ok(far.clone()) };
    let all = RemoteWrite::with(dir, vec![options(serde_json::json!({}))], log, &around, &deliver).unwrap();
    let door = all.forwarding(store.clone(), clock);
    let task = tokio::spawn(all.run());
    Running { door, stop, task, registry }
}

fn start(dir: &Path, store: &Arc<MemoryMetrics>, far: &Arc<Far>) -> Running {
    start_with(dir, store, far, Arc::new(SystemClock), &RemoteWriteLogOptions::default())
}

impl Running {
    /// One sample of each series.
    async fn append(&self, at: i64, series: &[&str]) -> MetricCommit {
        let mut builder = MetricBatch::builder();
        for name in series {
            builder.series([("__name__", *name)]).unwrap().sample(at, at as f64);
        }
        self.door.append_metrics(&TenantId::default_tenant(), builder.finish()).await.unwrap()
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }

    /// Dies without a word.
    async fn die(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    fn count(&self, outcome: &str, reason: &str) -> u64 {
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == "gantry_remote_write_samples_total");
        let matches = |metric: &&prometheus::proto::Metric| {
            let has = |value: &str| metric.get_label().iter().any(|label| label.value() == value);
            has(outcome) && has(reason)
        };
        let found = family
            .and_then(|family| family.get_metric().iter().find(matches).map(|metric| metric.get_counter().get_value()));
        found.unwrap_or_default() as u64
    }
}

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn what_is_stored_arrives_in_order() {
    let (dir, store, far) = (tempfile::tempdir().unwrap(), Arc::default(), Far::new(takes));
    let running = start(dir.path(), &store, &far);
    for at in 0..50 {
        let _ = running.append(at, &["a", "b", "c", "d"]).await;
    }
    until("everything arrives", || far.got.lock().len() == 200).await;
    for name in ["a", "b", "c", "d"] {
        assert_eq!(far.series(name), (0..50).collect::<Vec<_>>());
    }
    assert_eq!(running.count("sent", ""), 200);
    running.stop().await;
}

#[tokio::test]
async fn what_the_store_refuses_is_not_sent() {
    let (dir, store, far) = (tempfile::tempdir().unwrap(), Arc::default(), Far::new(takes));
    let running = start(dir.path(), &store, &far);
    let _ = running.append(1, &["a"]).await;
    let mut builder = MetricBatch::builder();
    builder.series([("__name__", "a")]).unwrap().sample(1, 99.0).sample(2, 2.0);
    let commit = running.door.append_metrics(&TenantId::default_tenant(), builder.finish()).await.unwrap();
    assert_eq!((commit.samples, commit.refused.len()), (1, 1));
    running.stop().await;
    assert_eq!(*far.got.lock(), [("a".to_owned(), 1, 1.0), ("a".to_owned(), 2, 2.0)]);
}

#[tokio::test]
async fn a_remote_that_is_away_gets_everything_when_it_is_back_even_after_a_death() {
    let (dir, store, far) = (tempfile::tempdir().unwrap(), Arc::default(), Far::new(away));
    let running = start(dir.path(), &store, &far);
    for at in 0..20 {
        let _ = running.append(at, &["a", "b"]).await;
    }
    until("it is tried", || far.asked.load(Ordering::SeqCst) > 3).await;
    running.die().await;
    let running = start(dir.path(), &store, &far);
    let _ = running.append(20, &["a", "b"]).await;
    far.now(takes);
    until("everything arrives", || far.got.lock().len() == 42).await;
    assert_eq!(far.series("a"), (0..=20).collect::<Vec<_>>());
    running.stop().await;
    let running = start(dir.path(), &store, &far);
    running.stop().await;
    assert_eq!(far.got.lock().len(), 42, "nothing is sent twice after a stop in order");
}

#[tokio::test]
async fn a_stop_sends_what_waits_but_does_not_wait_for_who_is_away() {
    let (dir, store, far) = (tempfile::tempdir().unwrap(), Arc::default(), Far::new(away));
    let running = start(dir.path(), &store, &far);
    let _ = running.append(1, &["a"]).await;
    let began = Instant::now();
    running.stop().await;
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    far.now(takes);
    let running = start(dir.path(), &store, &far);
    let _ = running.append(2, &["a"]).await;
    running.stop().await;
    assert_eq!(far.series("a"), [1, 2]);
}

#[tokio::test]
async fn what_is_refused_does_not_take_others_with_it() {
    let bad = |got: &[Got]| match got.iter().any(|(name, ..)| name.starts_with("bad")) {
        true => Verdict::Never { status: 400, why: "bad".into() },
        false => Verdict::Taken,
    };
    let (dir, store, far) = (tempfile::tempdir().unwrap(), Arc::default(), Far::new(away));
    let running = start(dir.path(), &store, &far);
    for at in 0..10 {
        let _ = running.append(at, &["a", "b", "c"]).await;
        let _ = running.append(at, &["bad1", "bad2", "bad3"]).await;
    }
    far.now(bad);
    until("all is judged", || running.count("sent", "") + running.count("failed", "400") == 60).await;
    assert_eq!((running.count("sent", ""), far.got.lock().len()), (30, 30));
    running.stop().await;
}

#[tokio::test]
async fn samples_that_wait_too_long_are_dropped_and_counted() {
    let (dir, store, far) = (tempfile::tempdir().unwrap(), Arc::default(), Far::new(away));
    let clock = Arc::new(ManualClock::at(Timestamp(1_000_000_000_000)));
    let log = RemoteWriteLogOptions { max_age: Duration::from_secs(60), ..RemoteWriteLogOptions::default() };
    let running = start_with(dir.path(), &store, &far, clock.clone(), &log);
    let _ = running.append(1, &["a", "b"]).await;
    until("it is tried", || far.asked.load(Ordering::SeqCst) > 0).await;
    clock.advance(Duration::from_secs(61));
    until("they are dropped", || running.count("dropped", "too_old") == 2).await;
    far.now(takes);
    let _ = running.append(2, &["a", "b"]).await;
    running.stop().await;
    assert_eq!(far.series("a"), [2]);
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Append,
    Away(bool),
    Die,
    Stop,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// Whatever happens: what was acknowledged arrives, each series in order but for what comes twice.
    #[test]
    fn nothing_is_lost_and_order_is_kept(steps in proptest::collection::vec(
        prop_oneof![6 => Just(Step::Append), 2 => any::<bool>().prop_map(Step::Away), 1 => Just(Step::Die), 1 => Just(Step::Stop)], 1..30,
    )) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let (dir, store, far) = (tempfile::tempdir().unwrap(), Arc::default(), Far::new(takes));
            let mut running = start(dir.path(), &store, &far);
            let mut next = 0;
            for step in steps {
                match step {
                    Step::Append => {
                        let _ = running.append(next, &["a", "b", "c", "d", "e"]).await;
                        next += 1;
                    }
                    Step::Away(true) => far.now(away),
                    Step::Away(false) => far.now(takes),
                    Step::Die => {
                        running.die().await;
                        running = start(dir.path(), &store, &far);
                    }
                    Step::Stop => {
                        running.stop().await;
                        running = start(dir.path(), &store, &far);
                    }
                }
            }
            far.now(takes);
            running.stop().await;
            let mut firsts: BTreeMap<String, Vec<i64>> = BTreeMap::new();
            for (name, at, _) in far.got.lock().iter() {
                let of = firsts.entry(name.clone()).or_default();
                if !of.contains(at) {
                    of.push(*at);
                }
            }
            for name in ["a", "b", "c", "d", "e"] {
                let expected: Vec<i64> = (0..next).collect();
                assert_eq!(firsts.remove(name).unwrap_or_default(), expected, "series {name}");
            }
        });
    }
}
