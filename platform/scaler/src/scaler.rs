//! All policies: those of files and those that clients stored. What is wanted is compared with what runs, again and again.

use crate::backtest::{Against, BacktestReport, BacktestRequest, backtest};
use crate::decided::{Decided, decisions, forget};
use crate::files::{InvalidFile, read_files};
use crate::look::{Memory, look};
use crate::metrics::ScalerMetrics;
use crate::policies::{self, StorePolicyError};
use crate::seam::{Execute, Record, Signals};
use crate::{ScaleOptions, Webhook};
use futures::stream::{FuturesUnordered, StreamExt};
use gantry_http_client::Unusable;
use gantry_meta::{MetaError, MetaStore, Op};
use gantry_model::{Clock, TenantId};
use gantry_platform_model::Policy;
use parking_lot::{Mutex, RwLock};
use prometheus::Registry;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// How long a client that stored a policy waits until it runs.
const TAKEN_UP: Duration = Duration::from_secs(2);

/// Backtests at a time; more wait.
const REPLAYS: usize = 2;

/// A policy of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PolicyId {
    pub tenant: TenantId,
    pub name: String,
}

/// Where a policy comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Origin {
    File(String),
    /// A client stored it.
    Stored,
}

/// A policy that runs.
#[derive(Clone, Debug)]
pub struct Found {
    pub policy: Arc<Policy>,
    pub origin: Origin,
    /// The last decision since the process started.
    pub last: Option<Arc<Decided>>,
}

pub(crate) struct Shared {
    pub options: ScaleOptions,
    pub signals: Arc<dyn Signals>,
    pub record: Arc<dyn Record>,
    pub webhook: Arc<dyn Execute>,
    pub meta: Arc<dyn MetaStore>,
    pub clock: Arc<dyn Clock>,
    pub metrics: ScalerMetrics,
    turns: Semaphore,
    /// Replays that may run at a time.
    pub replays: Semaphore,
}

impl Shared {
    /// `signals`, where decisions are recorded, and who posts them.
    pub fn new(
        options: ScaleOptions,
        (signals, record, webhook): (Arc<dyn Signals>, Arc<dyn Record>, Arc<dyn Execute>),
        meta: Arc<dyn MetaStore>,
        clock: Arc<dyn Clock>,
        metrics: ScalerMetrics,
    ) -> Shared {
        let turns = Semaphore::new(options.concurrency.max(1));
        Shared { options, signals, record, webhook, meta, clock, metrics, turns, replays: Semaphore::new(REPLAYS) }
    }

    /// Counts and logs what failed.
    pub fn failed(&self, part: &str, id: &PolicyId, error: &dyn fmt::Display) {
        self.metrics.failures.with_label_values(&[part]).inc();
        tracing::warn!(tenant = %id.tenant, policy = id.name, part, %error, "a look at a policy of scaling");
    }
}

type Wanted = Option<(Arc<Policy>, Origin)>;

/// What runs of a policy. Its memory goes over to a new version of it.
#[derive(Debug)]
struct Handle {
    wanted: watch::Sender<Wanted>,
    memory: tokio::sync::Mutex<Memory>,
    last: watch::Sender<Option<Arc<Decided>>>,
}

/// Runs policies. Start with [`Scaler::new`], then let [`Scaler::run`] run.
pub struct Scaler {
    shared: Arc<Shared>,
    handles: RwLock<BTreeMap<PolicyId, Arc<Handle>>>,
    invalid: Mutex<Vec<InvalidFile>>,
    stopped: CancellationToken,
    /// Changes when what runs was compared with what is wanted.
    rounds: watch::Sender<()>,
}

impl fmt::Debug for Scaler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scaler").field("policies", &self.handles.read().len()).finish_non_exhaustive()
    }
}

type All = BTreeMap<PolicyId, (Arc<Policy>, Origin)>;

impl Scaler {
    /// # Errors
    /// When there cannot be an HTTP client.
    pub fn new(
        options: ScaleOptions,
        signals: Arc<dyn Signals>,
        record: Arc<dyn Record>,
        meta: Arc<dyn MetaStore>,
        clock: Arc<dyn Clock>,
        registry: &Registry,
    ) -> Result<Arc<Self>, Unusable> {
        let metrics = ScalerMetrics::register(registry).expect("the names are this crate's own, registered once");
        let webhook = Arc::new(Webhook::new(options.secrets.clone())?);
        let shared = Arc::new(Shared::new(options, (signals, record, webhook), meta, clock, metrics));
        let (handles, invalid, stopped) = (RwLock::default(), Mutex::default(), CancellationToken::new());
        Ok(Arc::new(Scaler { shared, handles, invalid, stopped, rounds: watch::Sender::new(()) }))
    }

    /// Files that cannot be taken. Blocks.
    pub fn check_files(&self) -> Vec<InvalidFile> {
        read_files(&self.shared.options.files, &*self.shared.signals).1
    }

    /// Waits until the scaler has to stop.
    pub async fn stopped(&self) {
        self.stopped.cancelled().await;
    }

    /// Replays stored signals; what is not said to be compared with is the policy of this name that runs.
    ///
    /// # Errors
    /// What is wrong with the request, or why signals cannot be read.
    pub async fn backtest(&self, tenant: &TenantId, mut request: BacktestRequest) -> Result<BacktestReport, String> {
        if request.against.is_none()
            && let Some(found) = self.policy(tenant, &request.policy.name)
        {
            request.against = Some(Against::Policy(Box::new((*found.policy).clone())));
        }
        // The semaphore is never closed.
        let _turn = self.shared.replays.acquire().await;
        backtest(&*self.shared.signals, tenant, request).await
    }

    /// What reads signals.
    pub fn signals(&self) -> &Arc<dyn Signals> {
        &self.shared.signals
    }

    /// Milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        self.shared.clock.now().nanos().div_euclid(1_000_000)
    }

    /// The policies of a tenant, in order of their names.
    pub fn policies(&self, tenant: &TenantId) -> Vec<Found> {
        let handles = self.handles.read();
        handles.iter().filter(|(id, _)| id.tenant == *tenant).filter_map(|(_, handle)| found(handle)).collect()
    }

    /// One policy.
    pub fn policy(&self, tenant: &TenantId, name: &str) -> Option<Found> {
        found(&*self.handle(tenant, name)?)
    }

    /// The decisions of a policy from now on, the last one first.
    pub fn follow(&self, tenant: &TenantId, name: &str) -> Option<watch::Receiver<Option<Arc<Decided>>>> {
        Some(self.handle(tenant, name)?.last.subscribe())
    }

    /// Decisions that are kept of a policy, the newest first; also of one that no longer runs.
    ///
    /// # Errors
    /// When they cannot be read.
    pub async fn decisions(&self, tenant: &TenantId, name: &str) -> Result<Vec<Decided>, MetaError> {
        let id = PolicyId { tenant: tenant.clone(), name: name.to_owned() };
        decisions(&*self.shared.meta, &id).await
    }

    /// Looks at a policy now. `None` when there is none.
    pub async fn look_now(&self, tenant: &TenantId, name: &str) -> Option<Arc<Decided>> {
        let handle = self.handle(tenant, name)?;
        let id = PolicyId { tenant: tenant.clone(), name: name.to_owned() };
        look_once(&self.shared, &id, &handle).await
    }

    /// Stores a policy in place of what has its name; `true` when there was none. It runs at once.
    ///
    /// # Errors
    /// What is wrong with it, or the store.
    pub async fn put(&self, tenant: &TenantId, policy: &Policy) -> Result<bool, StorePolicyError> {
        self.refuse_fixed(tenant, &policy.name)?;
        let Shared { meta, signals, options, .. } = &*self.shared;
        let mut rounds = self.rounds.subscribe();
        let new = policies::put(&**meta, &**signals, tenant, policy, options.tenant_policies).await?;
        // Who stored a policy finds it.
        let runs = async {
            while self.policy(tenant, &policy.name).is_none_or(|found| *found.policy != *policy) {
                if rounds.changed().await.is_err() {
                    return;
                }
            }
        };
        // When others keep the scaler busy, it runs later: it is stored.
        let _ = timeout(TAKEN_UP, runs).await;
        Ok(new)
    }

    /// Removes a stored policy and what was kept of it.
    ///
    /// # Errors
    /// When there is none, or the store fails.
    pub async fn remove(&self, tenant: &TenantId, name: &str) -> Result<(), StorePolicyError> {
        self.refuse_fixed(tenant, name)?;
        let (meta, id) = (&*self.shared.meta, PolicyId { tenant: tenant.clone(), name: name.to_owned() });
        let handle = self.handle(tenant, name);
        // A look that is under way would write what is forgotten here.
        let mut memory = match &handle {
            Some(handle) => Some(handle.memory.lock().await),
            None => None,
        };
        let key = policies::key(&id);
        if meta.get(&key).await?.is_none() {
            return Err(StorePolicyError::NotFound(format!("there is no policy {name:?}")));
        }
        let mut ops = forget(meta, &id).await?;
        ops.push(Op::delete(key));
        // Without conditions there is no conflict.
        meta.txn(Vec::new(), ops).await.map(drop)?;
        if let (Some(handle), Some(memory)) = (&handle, &mut memory) {
            **memory = Memory::default();
            handle.wanted.send_replace(None);
        }
        Ok(())
    }

    fn refuse_fixed(&self, tenant: &TenantId, name: &str) -> Result<(), StorePolicyError> {
        match self.policy(tenant, name).map(|found| found.origin) {
            Some(Origin::File(file)) => {
                let text = format!("policy {name:?} stands in the file {file}: change it there");
                Err(StorePolicyError::Fixed(text))
            }
            _ => Ok(()),
        }
    }

    fn handle(&self, tenant: &TenantId, name: &str) -> Option<Arc<Handle>> {
        let id = PolicyId { tenant: tenant.clone(), name: name.to_owned() };
        self.handles.read().get(&id).cloned()
    }

    /// Runs the policies until `stop`.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut running = FuturesUnordered::new();
        let mut changes = policies::watch(&*self.shared.meta);
        let pause = Duration::from_secs(self.shared.options.reload_seconds.max(1).into());
        while !stop.is_cancelled() {
            match self.wanted().await {
                Ok(wanted) => running.extend(
                    self.reconcile(wanted)
                        .into_iter()
                        .map(|(id, handle)| run_one(self.shared.clone(), id, handle, stop.clone())),
                ),
                Err(error) => tracing::error!(%error, "stored policies cannot be read; those that run go on"),
            }
            self.rounds.send_replace(());
            let pause = sleep(pause);
            tokio::pin!(pause);
            loop {
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = &mut pause => break,
                    changed = changes.next() => match changed {
                        Some(_) => break,
                        // The store is gone: the process is about to stop.
                        None => stop.cancelled().await,
                    },
                    Some(()) = running.next() => {}
                }
            }
        }
        self.stopped.cancel();
        while running.next().await.is_some() {}
    }

    async fn wanted(self: &Arc<Self>) -> Result<All, MetaError> {
        let this = self.clone();
        let read = move || read_files(&this.shared.options.files, &*this.shared.signals);
        let read = tokio::task::spawn_blocking(read).await;
        let (files, invalid) = read.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        let stored = policies::all(&*self.shared.meta).await?;
        let mut all: All = stored.into_iter().map(|(id, policy)| (id, (Arc::new(policy), Origin::Stored))).collect();
        self.keep_of(&invalid, &mut all);
        self.say(invalid);
        let tenant = &self.shared.options.tenant;
        // Who can change files decides.
        all.extend(files.into_iter().map(|(file, policy)| {
            let id = PolicyId { tenant: tenant.clone(), name: policy.name.clone() };
            (id, (Arc::new(policy), Origin::File(file)))
        }));
        Ok(all)
    }

    /// What was taken from a file before it went bad stays.
    fn keep_of(&self, invalid: &[InvalidFile], all: &mut All) {
        for (id, handle) in &*self.handles.read() {
            if let Some((policy, Origin::File(file))) = &*handle.wanted.borrow()
                && invalid.iter().any(|one| one.file == *file)
            {
                all.insert(id.clone(), (policy.clone(), Origin::File(file.clone())));
            }
        }
    }

    /// Each problem is told once, until it changes.
    fn say(&self, invalid: Vec<InvalidFile>) {
        self.shared.metrics.unreadable.inc_by(invalid.len() as u64);
        let mut known = self.invalid.lock();
        for one in invalid.iter().filter(|one| !known.contains(one)) {
            tracing::warn!("policies cannot be taken, what was taken from this file before goes on: {one}");
        }
        *known = invalid;
    }

    /// Tells policies that run what is wanted of them; returns those that begin.
    fn reconcile(&self, wanted: All) -> Vec<(PolicyId, Arc<Handle>)> {
        let mut handles = self.handles.write();
        handles.retain(|id, handle| {
            let stays = wanted.contains_key(id);
            if !stays {
                handle.wanted.send_replace(None);
            }
            stays
        });
        let mut begun = Vec::new();
        for (id, spec) in wanted {
            if let Some(handle) = handles.get(&id) {
                handle.wanted.send_if_modified(|old| {
                    let changed = old.as_ref() != Some(&spec);
                    *old = Some(spec);
                    changed
                });
                continue;
            }
            let (wanted, last) = (watch::Sender::new(Some(spec)), watch::Sender::new(None));
            let handle = Arc::new(Handle { wanted, memory: tokio::sync::Mutex::default(), last });
            handles.insert(id.clone(), handle.clone());
            begun.push((id, handle));
        }
        self.shared.metrics.policies.set(i64::try_from(handles.len()).unwrap_or(i64::MAX));
        begun
    }
}

fn found(handle: &Handle) -> Option<Found> {
    let (policy, origin) = handle.wanted.borrow().clone()?;
    Some(Found { policy, origin, last: handle.last.borrow().clone() })
}

/// `None`: the policy is not wanted any more.
async fn look_once(shared: &Shared, id: &PolicyId, handle: &Handle) -> Option<Arc<Decided>> {
    let mut memory = handle.memory.lock().await;
    let policy = handle.wanted.borrow().as_ref().map(|(policy, _)| policy.clone())?;
    // The semaphore is never closed.
    let _turn = shared.turns.acquire().await;
    let decided = Arc::new(look(shared, id, &policy, &mut memory).await);
    handle.last.send_replace(Some(decided.clone()));
    Some(decided)
}

/// Looks at a policy at its interval, and when it changes, until it is not wanted any more.
async fn run_one(shared: Arc<Shared>, id: PolicyId, handle: Arc<Handle>, stop: CancellationToken) {
    let mut wanted = handle.wanted.subscribe();
    loop {
        let Some((policy, _)) = wanted.borrow_and_update().clone() else { return };
        let mut ticks = interval(Duration::from_secs(policy.interval_seconds.max(1).into()));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                changed = wanted.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return,
                },
                _ = ticks.tick() => {}
            }
            tokio::select! {
                () = stop.cancelled() => return,
                _ = look_once(&shared, &id, &handle) => {}
            }
        }
    }
}
