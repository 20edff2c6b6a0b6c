//! Groups over real time with an engine that answers what a test says.

use crate::*;
use async_trait::async_trait;
use gantry_alerting::{Evaluate, Expand, ForState, Point, RuleGroup, Sample, Subject, Value};
use gantry_meta::{MemoryMeta, MetaStore};
use gantry_model::{LabelSet, SystemClock, TenantId};
use parking_lot::Mutex;
use prometheus::Registry;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Answers every query with one series as long as `value` is some; keeps what is written and told.
#[derive(Default)]
struct World {
    value: Mutex<Option<Result<f64, String>>>,
    before: Mutex<Vec<(LabelSet, ForState)>>,
    written: Mutex<Vec<Point>>,
    told: Mutex<Vec<(TenantId, Told)>>,
    settled: Mutex<Vec<BTreeSet<LabelSet>>>,
}

struct Data(Arc<World>);

impl Evaluate for Data {
    fn instant(&mut self, expr: &str, _: i64) -> Result<Vec<Sample>, String> {
        let labels = LabelSet::from_pairs([("expr", expr)]);
        match self.0.value.lock().clone() {
            None => Ok(Vec::new()),
            Some(value) => Ok(vec![Sample { labels, value: Value::Number(value?) }]),
        }
    }

    fn append(&mut self, points: Vec<Point>) -> Result<(), String> {
        self.0.written.lock().extend(points);
        Ok(())
    }
}

struct AsItIs;

impl Expand for AsItIs {
    fn expand(&self, text: &str, _: &Subject<'_>, _: &mut dyn Evaluate) -> Result<String, String> {
        Ok(text.to_owned())
    }
}

struct Shared(Arc<World>);

impl Engines for Shared {
    fn check(&self, _: Language, expr: &str) -> Result<(), String> {
        if expr.contains('!') { Err("unexpected !".to_owned()) } else { Ok(()) }
    }

    fn evaluate(&self, _: &TenantId, _: Language) -> Box<dyn Evaluate + Send> {
        Box::new(Data(self.0.clone()))
    }

    fn expand(&self, _: &TenantId, _: Language) -> Box<dyn Expand + Send> {
        Box::new(AsItIs)
    }

    fn link(&self, _: Language, expr: &str) -> String {
        format!("http://here/{expr}")
    }

    fn for_states(&self, _: &TenantId, since_ms: i64, _: i64) -> Result<Vec<(LabelSet, ForState)>, String> {
        Ok(self.0.before.lock().iter().filter(|(_, state)| state.at_ms >= since_ms).cloned().collect())
    }
}

#[async_trait]
impl Notify for Shared {
    async fn notify(&self, group: &GroupId, alerts: Vec<Told>) {
        self.0.told.lock().extend(alerts.into_iter().map(|one| (group.tenant.clone(), one)));
    }

    async fn settle(&self, _: &GroupId, known: &BTreeSet<LabelSet>) -> bool {
        self.0.settled.lock().push(known.clone());
        self.0.settled.lock().len() > 1
    }
}

struct Setup {
    world: Arc<World>,
    ruler: Arc<Ruler>,
    stop: CancellationToken,
    running: tokio::task::JoinHandle<()>,
}

fn options(dir: &Path) -> RulerOptions {
    RulerOptions {
        files: vec![format!("{}/*.yml", dir.display())],
        interval: Duration::from_millis(50),
        reload_interval: Duration::from_millis(50),
        for_grace_period: Duration::ZERO,
        external_labels: [("cluster".to_owned(), "c".to_owned())].into(),
        ..RulerOptions::default()
    }
}

fn ruler(world: &Arc<World>, options: RulerOptions) -> Result<Ruler, Vec<InvalidFile>> {
    let meta: Arc<dyn MetaStore> = Arc::new(MemoryMeta::default());
    let shared = || Arc::new(Shared(world.clone()));
    Ruler::new(options, shared(), shared(), meta, Arc::new(SystemClock), &Registry::new())
}

fn start(world: Arc<World>, options: RulerOptions) -> Setup {
    let ruler = Arc::new(ruler(&world, options).unwrap());
    let stop = CancellationToken::new();
    let running = tokio::spawn(ruler.clone().run(stop.clone()));
    Setup { world, ruler, stop, running }
}

impl Setup {
    async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(10), self.running).await.unwrap().unwrap();
    }

    async fn until<T>(&self, what: &str, mut ask: impl FnMut(&World, &[GroupStatus]) -> Option<T>) -> T {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(found) = ask(&self.world, &self.ruler.groups(&TenantId::default_tenant())) {
                return found;
            }
            assert!(Instant::now() < deadline, "never: {what}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

const ALERT: &str =
    "groups: [{name: g, rules: [{alert: A, expr: up, labels: {cluster: own}}, {alert: B, expr: down}]}]";

#[tokio::test]
async fn alerts_of_a_file_fire_are_told_and_end_when_the_file_goes() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.yml");
    std::fs::write(&file, ALERT).unwrap();
    let setup = start(Arc::default(), options(dir.path()));
    *setup.world.value.lock() = Some(Ok(1.0));
    let told = setup.until("both are told", |world, _| Some(world.told.lock().clone()).filter(|t| t.len() >= 2)).await;
    let cluster = |at: usize| told[at].1.notice.labels.get("cluster").map(str::to_owned);
    assert_eq!((cluster(0).as_deref(), cluster(1).as_deref()), (Some("own"), Some("c")), "labels of the rule win");
    assert_eq!(told[0].1.generator_url, "http://here/up");
    setup.until("series are written", |world, _| (world.written.lock().len() >= 4).then_some(())).await;
    std::fs::remove_file(&file).unwrap();
    setup
        .until("series end", |world, _| {
            let written = world.written.lock();
            let ends = written.iter().filter(|point| matches!(point.value, Value::Number(value) if value.is_nan()));
            (ends.count() >= 4).then_some(())
        })
        .await;
    setup.until("the group is gone", |_, groups| groups.is_empty().then_some(())).await;
    setup.stop().await;
}

#[tokio::test]
async fn a_rule_that_fails_says_why_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.yml"), ALERT).unwrap();
    let setup = start(Arc::default(), options(dir.path()));
    *setup.world.value.lock() = Some(Err("the engine is down".to_owned()));
    let error = setup
        .until("it fails", |_, groups| {
            groups
                .first()?
                .rules
                .first()
                .filter(|rule| rule.health == RuleHealth::Err)
                .map(|rule| rule.last_error.clone())
        })
        .await;
    assert!(error.contains("the engine is down"), "{error}");
    *setup.world.value.lock() = Some(Ok(1.0));
    setup
        .until("it goes on", |_, groups| (groups.first()?.rules.first()?.health == RuleHealth::Ok).then_some(()))
        .await;
    setup.stop().await;
}

#[tokio::test]
async fn bad_files_are_refused_at_the_start_and_leave_what_was_before_later() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a.yml");
    std::fs::write(&file, "groups: [{name: g, rules: [{alert: A, expr: '!'}]}]").unwrap();
    let wrong = ruler(&Arc::default(), options(dir.path())).unwrap_err();
    assert!(wrong[0].to_string().contains("a.yml") && wrong[0].to_string().contains("unexpected !"), "{}", wrong[0]);
    std::fs::write(&file, ALERT).unwrap();
    let setup = start(Arc::default(), options(dir.path()));
    setup.until("it runs", |_, groups| groups.first()?.last_ms).await;
    std::fs::write(&file, "groups: 7").unwrap();
    let bad = || !setup.ruler.invalid_files().is_empty();
    setup.until("it is seen", |_, _| bad().then_some(())).await;
    let before = setup.until("a status", |_, groups| groups.first()?.last_ms).await;
    setup.until("it still runs", |_, groups| groups.first()?.last_ms.filter(|last| *last > before)).await;
    setup.stop().await;
}

#[tokio::test]
async fn what_clients_store_is_evaluated_at_once_and_changes_keep_alerts() {
    let dir = tempfile::tempdir().unwrap();
    let setup = start(Arc::default(), RulerOptions { reload_interval: Duration::from_secs(60), ..options(dir.path()) });
    *setup.world.value.lock() = Some(Ok(1.0));
    let (tenant, names) = (TenantId::default_tenant(), setup.ruler.namespaces());
    let group = |text: &str| RuleGroup::parse(text).unwrap();
    let first = group("{name: g, rules: [{alert: A, expr: up}]}");
    names.put(&tenant, Language::Logql, "team/a", first).await.unwrap();
    let fired = |groups: &[GroupStatus]| groups.first()?.rules.first()?.alerts.first()?.fired_ms;
    let at = setup.until("it fires", |_, groups| fired(groups)).await;
    let second = group("{name: g, rules: [{record: r, expr: up}, {alert: A, expr: up}]}");
    names.put(&tenant, Language::Logql, "team/a", second).await.unwrap();
    let again =
        setup.until("the changed group has run", |_, groups| groups.first()?.rules.get(1)?.alerts.first()?.fired_ms);
    assert_eq!(again.await, at);
    let wrong = names.put(&tenant, Language::Logql, "x", group("{name: g, rules: [{alert: A, expr: '!'}]}")).await;
    assert!(matches!(wrong, Err(StoreRulesError::Invalid(text)) if text.contains("unexpected !")));
    assert!(matches!(names.remove(&tenant, Language::Promql, "team/a", None).await, Err(StoreRulesError::NotFound(_))));
    assert_eq!(names.list(&tenant, Language::Logql).await.unwrap()["team/a"].groups[0].rules.len(), 2);
    names.remove(&tenant, Language::Logql, "team/a", Some("g")).await.unwrap();
    setup.until("it is gone", |_, groups| groups.is_empty().then_some(())).await;
    assert!(names.list(&tenant, Language::Logql).await.unwrap().is_empty());
    setup.stop().await;
}

#[tokio::test]
async fn what_is_known_is_said_until_alerts_from_before_the_start_are_settled() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.yml"), "groups: [{name: g, rules: [{alert: A, expr: up}]}]").unwrap();
    let setup = start(Arc::default(), options(dir.path()));
    *setup.world.value.lock() = Some(Err("no data".to_owned()));
    setup.until("it fails", |_, groups| groups.first()?.last_ms).await;
    assert!(setup.world.settled.lock().is_empty(), "who knows nothing ends nothing");
    *setup.world.value.lock() = Some(Ok(1.0));
    let twice = |world: &World| Some(world.settled.lock().clone()).filter(|all| all.len() == 2);
    let said = setup.until("it is settled", |world, _| twice(world)).await;
    let known = LabelSet::from_pairs([("alertname", "A"), ("cluster", "c"), ("expr", "up")]);
    assert_eq!(said, vec![BTreeSet::from([known]); 2]);
    let last = setup.until("it goes on", |_, groups| groups.first()?.last_ms).await;
    setup.until("it goes on", |_, groups| groups.first()?.last_ms.filter(|at| *at > last)).await;
    assert_eq!(setup.world.settled.lock().len(), 2);
    setup.stop().await;
}

#[tokio::test]
async fn a_pending_alert_goes_on_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let text = "groups: [{name: g, rules: [{alert: A, expr: up, for: 1h}]}]";
    std::fs::write(dir.path().join("a.yml"), text).unwrap();
    let world = Arc::<World>::default();
    let now_ms = now_ms();
    let labels = LabelSet::from_pairs([("__name__", "ALERTS_FOR_STATE"), ("alertname", "A"), ("expr", "up")]);
    *world.before.lock() = vec![(labels, ForState { at_ms: now_ms - 1000, active_ms: now_ms - 2 * 3_600_000 })];
    *world.value.lock() = Some(Ok(1.0));
    let setup = start(world, options(dir.path()));
    setup.until("it fires as before", |world, _| world.told.lock().first().map(drop)).await;
    setup.stop().await;
}

fn now_ms() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64
}
