//! The Alertmanager of a process: state in memory and in the `MetaStore`, and notifications under way.

mod deliver;
mod settle;

use crate::alert::{Alert, InvalidAlert, PostedAlert};
use crate::config::Config;
use crate::core::{Core, Filter, Notification, ShownAlert, ShownGroup};
use crate::kept;
use crate::metrics::ManagerMetrics;
use crate::receive::{Notifiers, notifiers};
use crate::silence::{NewSilence, Silence, SilenceError};
use futures::stream::{FuturesUnordered, StreamExt};
use gantry_http_client::Unusable;
use gantry_meta::{MetaError, MetaStore, Op};
use gantry_model::{Clock, Matcher, TenantId, Timestamp};
use parking_lot::{Mutex, RwLock};
use prometheus::Registry;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

/// Longest wait before the clock is looked at again: it may jump.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// How often what is over is forgotten.
const MAINTENANCE: i64 = 30_000_000_000;
/// What is more than this between two looks was a sleep of the machine or a jump of its clock.
const JUMP: i64 = 60_000_000_000;
/// How long notifications under way are waited for at the end.
const AT_THE_END: Duration = Duration::from_secs(5);
/// Most alerts of a report.
const MOST_ALERTS: usize = 100_000;

/// Most alerts of a tenant that are kept at a time.
const MOST_KEPT: usize = 200_000;

/// Why something could not be done.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AlertmanagerError {
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    NotFound(String),
    #[error("{MOST_KEPT} alerts are kept already, and no more: none of these was taken")]
    TooMany,
    /// The cause is for the operator.
    #[error("it could not be stored, see the server's log")]
    Store(#[from] MetaError),
}

/// Takes alerts of all tenants and notifies. Start with [`Alertmanager::open`], then let [`Alertmanager::run`] run.
pub struct Alertmanager {
    state: Mutex<State>,
    setup: RwLock<Arc<Setup>>,
    /// Held while something is changed and kept, so that what is kept last is what changed last.
    keeping: tokio::sync::Mutex<()>,
    meta: Arc<dyn MetaStore>,
    clock: Arc<dyn Clock>,
    metrics: ManagerMetrics,
    external_url: String,
    wake: Notify,
    started: Timestamp,
}

struct Setup {
    config: Config,
    notifiers: Notifiers,
}

#[derive(Default)]
struct State {
    cores: BTreeMap<TenantId, Core>,
    maintained: i64,
    /// When it was last looked whether something is due.
    looked: Option<Timestamp>,
}

impl std::fmt::Debug for Alertmanager {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Alertmanager").field("tenants", &self.state.lock().cores.len()).finish_non_exhaustive()
    }
}

impl Setup {
    fn new(config: Config, clock: &Arc<dyn Clock>) -> Result<Arc<Self>, Unusable> {
        Ok(Arc::new(Setup { notifiers: notifiers(&config, clock)?, config }))
    }
}

impl Alertmanager {
    /// Reads what was kept. `external_url`: where people reach this server.
    ///
    /// # Errors
    /// When the store cannot be read, or a file that the configuration names.
    pub async fn open(
        config: Config,
        external_url: String,
        meta: Arc<dyn MetaStore>,
        clock: Arc<dyn Clock>,
        registry: &Registry,
    ) -> Result<Self, AlertmanagerError> {
        let metrics = ManagerMetrics::register(registry).expect("the names are this crate's own, registered once");
        let setup = Setup::new(config, &clock).map_err(|error| AlertmanagerError::Invalid(error.to_string()))?;
        let started = clock.now();
        let mut state = State::default();
        for entry in meta.range(kept::PREFIX).await? {
            let Some((tenant, kind)) = kept::place(&entry.key) else { continue };
            let core = state.cores.entry(tenant).or_insert_with(|| Core::new(&setup.config));
            if kept::restore(core, kind, &entry.value).is_none() {
                warn!(key = entry.key, "what is kept here is not known and is left alone");
            }
        }
        let resolve = setup.config.global.resolve_timeout;
        state.cores.values_mut().for_each(|core| core.begin(resolve, started));
        let (state, setup) = (Mutex::new(state), RwLock::new(setup));
        let (keeping, wake) = (tokio::sync::Mutex::default(), Notify::new());
        Ok(Alertmanager { state, setup, keeping, meta, clock, metrics, external_url, wake, started })
    }

    /// Goes on with another configuration.
    ///
    /// # Errors
    /// When a file that it names cannot be read; then the old one stays.
    pub fn reconfigure(&self, config: Config) -> Result<(), AlertmanagerError> {
        let setup = Setup::new(config, &self.clock).map_err(|error| AlertmanagerError::Invalid(error.to_string()))?;
        let now = self.clock.now();
        let mut state = self.state.lock();
        let cores = std::mem::take(&mut state.cores);
        state.cores = cores.into_iter().map(|(tenant, core)| (tenant, core.reconfigured(&setup.config, now))).collect();
        *self.setup.write() = setup;
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    /// Takes reports, and keeps them before it returns. Those that are wrong are left out and told.
    ///
    /// # Errors
    /// When they could not be kept; or when some were wrong: the others were taken.
    pub async fn put(&self, tenant: &TenantId, reports: Vec<PostedAlert>) -> Result<(), AlertmanagerError> {
        self.put_from("", tenant, reports).await
    }

    /// The same, for the rule group `source` of this process.
    ///
    /// # Errors
    /// As there.
    pub async fn put_from(
        &self,
        source: &str,
        tenant: &TenantId,
        reports: Vec<PostedAlert>,
    ) -> Result<(), AlertmanagerError> {
        if reports.len() > MOST_ALERTS {
            return Err(AlertmanagerError::Invalid(format!("more than {MOST_ALERTS} alerts in one report")));
        }
        let now = self.clock.now();
        let resolve = self.setup.read().config.global.resolve_timeout;
        let (mut alerts, mut wrong) = (Vec::with_capacity(reports.len()), Vec::new());
        for (at, report) in reports.into_iter().enumerate() {
            match report.taken(now, resolve) {
                Ok(alert) => alerts.push(Alert { source: source.to_owned(), ..alert }),
                Err(error) => wrong.push((at, error)),
            }
        }
        self.count(&alerts, &wrong, now);
        let keeping = self.keeping.lock().await;
        if self.read_core(tenant, |core| core.with_more(&alerts)) > MOST_KEPT {
            return Err(AlertmanagerError::TooMany);
        }
        let ops: Vec<Op> = self.with_core(tenant, |core| {
            alerts.into_iter().map(|alert| kept::alert(tenant, &core.put(alert, now))).collect()
        });
        self.keep(ops).await?;
        drop(keeping);
        self.wake.notify_one();
        if wrong.is_empty() {
            return Ok(());
        }
        let told: Vec<String> = wrong.iter().map(|(at, error)| format!("alert {at}: {error}")).collect();
        Err(AlertmanagerError::Invalid(told.join("; ")))
    }

    fn count(&self, alerts: &[Alert], wrong: &[(usize, InvalidAlert)], now: Timestamp) {
        let resolved = alerts.iter().filter(|alert| alert.is_resolved(now)).count();
        self.metrics.received.with_label_values(&["resolved"]).inc_by(resolved as u64);
        self.metrics.received.with_label_values(&["firing"]).inc_by((alerts.len() - resolved) as u64);
        self.metrics.invalid.inc_by(wrong.len() as u64);
    }

    /// Takes a silence; returns its id.
    ///
    /// # Errors
    /// When something is wrong with it, it replaces one that is not there, or it could not be kept.
    pub async fn silence(&self, tenant: &TenantId, new: NewSilence) -> Result<String, AlertmanagerError> {
        let now = self.clock.now();
        let new = new.taken(now)?;
        let _keeping = self.keeping.lock().await;
        let fresh = fresh_id(now);
        let changed = self.with_core(tenant, |core| core.silence(new, fresh, now))?;
        self.keep(changed.iter().map(|silence| kept::silence(tenant, silence)).collect()).await?;
        Ok(changed.into_iter().next().map(|silence| silence.id).unwrap_or_default())
    }

    /// Ends a silence; one that is over stays as it is.
    ///
    /// # Errors
    /// When it is not there, or this could not be kept.
    pub async fn expire(&self, tenant: &TenantId, id: &str) -> Result<(), AlertmanagerError> {
        let now = self.clock.now();
        let _keeping = self.keeping.lock().await;
        let ended = self.with_core(tenant, |core| core.expire(id, now))?;
        Ok(self.keep(vec![kept::silence(tenant, &ended)]).await?)
    }

    /// Alerts that are not resolved.
    pub fn alerts(&self, tenant: &TenantId, filter: &Filter) -> Vec<ShownAlert> {
        let now = self.clock.now();
        self.read_core(tenant, |core| core.alerts(filter, now))
    }

    /// Groups with alerts that are not resolved.
    pub fn groups(&self, tenant: &TenantId, filter: &Filter) -> Vec<ShownGroup> {
        let now = self.clock.now();
        self.read_core(tenant, |core| core.groups(filter, now))
    }

    /// Silences with these among their matchers.
    pub fn silences(&self, tenant: &TenantId, matchers: &[Matcher]) -> Vec<Silence> {
        let now = self.clock.now();
        self.read_core(tenant, |core| core.silences(matchers, now).into_iter().cloned().collect())
    }

    /// The silence with an id.
    pub fn silence_by_id(&self, tenant: &TenantId, id: &str) -> Option<Silence> {
        self.read_core(tenant, |core| core.silence_by_id(id).cloned())
    }

    /// Names of receivers, and the configuration as YAML without secrets.
    pub fn configuration(&self) -> (Vec<String>, String) {
        let setup = self.setup.read().clone();
        (setup.config.receivers.iter().map(|receiver| receiver.name.clone()).collect(), setup.config.shown())
    }

    /// Its configuration, without what it knows of alerts and silences: to rehearse what would be sent.
    pub fn rehearsal(&self) -> Core {
        Core::new(&self.setup.read().config)
    }

    /// Since when it runs.
    pub fn started(&self) -> Timestamp {
        self.started
    }

    /// What time it is.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Notifies until `stop`. What is under way then is told again after the next start.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut under_way = FuturesUnordered::new();
        while !stop.is_cancelled() {
            let (due, next) = self.due();
            under_way.extend(due.into_iter().map(|(tenant, one)| self.clone().deliver(tenant, one)));
            self.maintain().await;
            let now = self.clock.now();
            let left = next.map_or(i64::MAX, |next| next.nanos().saturating_sub(now.nanos())).max(0);
            let wait = Duration::from_nanos(left.unsigned_abs()).min(LONGEST_WAIT);
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.wake.notified() => {}
                () = tokio::time::sleep(wait) => {}
                Some(()) = under_way.next() => {}
            }
        }
        let ended = async { while under_way.next().await.is_some() {} };
        if tokio::time::timeout(AT_THE_END, ended).await.is_err() {
            info!("notifications that are under way are made again after the next start");
        }
    }

    fn due(&self) -> (Vec<(TenantId, Notification)>, Option<Timestamp>) {
        let now = self.clock.now();
        let resolve = self.setup.read().config.global.resolve_timeout;
        let mut state = self.state.lock();
        let before = state.looked.replace(now).unwrap_or(now);
        let mut all = Vec::new();
        for (tenant, core) in &mut state.cores {
            if now < before {
                core.wait_no_longer(now);
            } else if now.nanos().saturating_sub(before.nanos()) > JUMP {
                core.outlive(resolve, before, now);
            }
            all.extend(core.due(now).into_iter().map(|one| (tenant.clone(), one)));
        }
        (all, state.cores.values().filter_map(Core::next_due).min())
    }

    async fn maintain(&self) {
        let now = self.clock.now();
        {
            let mut state = self.state.lock();
            if now.nanos().saturating_sub(state.maintained).unsigned_abs() < MAINTENANCE.unsigned_abs() {
                return;
            }
            state.maintained = now.nanos();
        }
        let _keeping = self.keeping.lock().await;
        let mut ops = Vec::new();
        let mut count = 0;
        for (tenant, core) in &mut self.state.lock().cores {
            ops.extend(kept::forgotten(tenant, &core.maintain(now)));
            count += core.alerts(&Filter::default(), now).len();
        }
        self.metrics.alerts.set(count as i64);
        if let Err(error) = self.keep(ops).await {
            error!(%error, "what is over could not be removed from the store");
        }
    }

    fn with_core<T>(&self, tenant: &TenantId, what: impl FnOnce(&mut Core) -> T) -> T {
        let setup = self.setup.read().clone();
        what(self.state.lock().cores.entry(tenant.clone()).or_insert_with(|| Core::new(&setup.config)))
    }

    fn read_core<T: Default>(&self, tenant: &TenantId, what: impl FnOnce(&Core) -> T) -> T {
        self.state.lock().cores.get(tenant).map(what).unwrap_or_default()
    }

    async fn keep(&self, ops: Vec<Op>) -> Result<(), MetaError> {
        if ops.is_empty() {
            return Ok(());
        }
        let _committed_without_compares = self.meta.txn(Vec::new(), ops).await.inspect_err(|error| {
            error!(%error, "alerts, silences or what was told could not be kept");
        })?;
        Ok(())
    }
}

impl From<SilenceError> for AlertmanagerError {
    fn from(error: SilenceError) -> Self {
        match error {
            SilenceError::Invalid(text) => AlertmanagerError::Invalid(text),
            SilenceError::NotFound(_) => AlertmanagerError::NotFound(error.to_string()),
        }
    }
}

/// A random UUID, version 4 (RFC 9562).
fn fresh_id(now: Timestamp) -> String {
    use std::hash::{BuildHasher, RandomState};
    // Two keyed hashes, with keys of the operating system's randomness.
    let half = || RandomState::new().hash_one(now.nanos());
    let bits = (u128::from(half()) << 64) | u128::from(half());
    let bits = (bits & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}
