//! All groups: those of files and those that clients stored. What is wanted is compared with what runs, again and again.

use crate::files::{InvalidFile, read_files};
use crate::metrics::RulerMetrics;
use crate::namespaces::Namespaces;
use crate::running::{Running, Shared, Wanted};
use crate::status::{GroupId, GroupStatus, Origin};
use crate::{Engines, Language, Notify, RulerOptions};
use futures::stream::{FuturesUnordered, StreamExt};
use gantry_alerting::RuleGroup;
use gantry_meta::{MetaError, MetaStore};
use gantry_model::{Clock, TenantId};
use parking_lot::{Mutex, RwLock};
use prometheus::Registry;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

/// Evaluates rules. Start with [`Ruler::new`], then let [`Ruler::run`] run.
pub struct Ruler {
    shared: Arc<Shared>,
    namespaces: Namespaces,
    handles: RwLock<BTreeMap<GroupId, Handle>>,
    /// Files that could not be taken when they were last looked at.
    invalid: Mutex<Vec<InvalidFile>>,
    /// Somebody does not want to wait for the next look at the files.
    now: tokio::sync::Notify,
}

struct Handle {
    wanted: watch::Sender<Wanted>,
    status: Arc<RwLock<GroupStatus>>,
}

type Groups = BTreeMap<GroupId, Arc<RuleGroup>>;

impl std::fmt::Debug for Ruler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ruler").field("groups", &self.handles.read().len()).finish_non_exhaustive()
    }
}

impl Ruler {
    /// Reads and checks the rule files. Blocks.
    ///
    /// # Errors
    /// The files that cannot be taken. (Later, such a file leaves what was taken from it before.)
    pub fn new(
        options: RulerOptions,
        engines: Arc<dyn Engines>,
        notify: Arc<dyn Notify>,
        meta: Arc<dyn MetaStore>,
        clock: Arc<dyn Clock>,
        registry: &Registry,
    ) -> Result<Self, Vec<InvalidFile>> {
        let metrics = RulerMetrics::register(registry).expect("the names are this crate's own, registered once");
        let turns = Arc::new(Semaphore::new(options.concurrency.max(1)));
        let namespaces = Namespaces::new(meta, engines.clone());
        let shared = Arc::new(Shared { engines, notify, clock, metrics, options, turns });
        let ruler = Ruler {
            shared,
            namespaces,
            handles: RwLock::default(),
            invalid: Mutex::default(),
            now: tokio::sync::Notify::new(),
        };
        let (_, invalid) = ruler.in_files();
        if invalid.is_empty() { Ok(ruler) } else { Err(invalid) }
    }

    /// What clients store and read.
    pub fn namespaces(&self) -> &Namespaces {
        &self.namespaces
    }

    /// The groups of a tenant, in order of language, origin and name.
    pub fn groups(&self, tenant: &TenantId) -> Vec<GroupStatus> {
        let handles = self.handles.read();
        let own = handles.iter().filter(|(id, _)| id.tenant == *tenant);
        own.map(|(_, handle)| handle.status.read().clone()).collect()
    }

    /// Files that could not be taken when they were last looked at.
    pub fn invalid_files(&self) -> Vec<InvalidFile> {
        self.invalid.lock().clone()
    }

    /// Looks at the rule files now, and tells which of them cannot be taken.
    pub async fn reread(self: &Arc<Self>) -> Vec<InvalidFile> {
        let this = self.clone();
        let read = tokio::task::spawn_blocking(move || this.in_files()).await;
        let (_, invalid) = read.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        self.now.notify_one();
        invalid
    }

    /// Evaluates until `stop`.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut running = FuturesUnordered::new();
        let mut watch = self.namespaces.watch();
        while !stop.is_cancelled() {
            match self.wanted().await {
                Ok(wanted) => running.extend(self.reconcile(wanted).into_iter().map(|one| one.run(stop.clone()))),
                Err(error) => error!(%error, "stored rules cannot be read; those that run go on"),
            }
            let pause = tokio::time::sleep(self.shared.options.reload_interval);
            tokio::pin!(pause);
            loop {
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = &mut pause => break,
                    () = self.now.notified() => break,
                    changed = watch.next() => match changed {
                        Some(_) => break,
                        // The store is gone: the process is about to stop.
                        None => stop.cancelled().await,
                    },
                    Some(()) = running.next() => {}
                }
            }
        }
        while running.next().await.is_some() {}
    }

    fn in_files(&self) -> (Groups, Vec<InvalidFile>) {
        let options = &self.shared.options;
        let (mut groups, mut invalid) = (Groups::new(), Vec::new());
        for (language, patterns) in [(Language::Promql, &options.files), (Language::Logql, &options.log_files)] {
            let (found, wrong) = read_files(patterns, language, &*self.shared.engines);
            self.shared.metrics.unreadable.with_label_values(&[language.as_str()]).inc_by(wrong.len() as u64);
            groups.extend(found.into_iter().map(|one| {
                let (tenant, name) = (options.tenant.clone(), one.group.name.clone());
                (GroupId { tenant, language, origin: Origin::File(one.file), name }, Arc::new(one.group))
            }));
            invalid.extend(wrong);
        }
        (groups, invalid)
    }

    async fn wanted(self: &Arc<Self>) -> Result<Groups, MetaError> {
        let this = self.clone();
        let read = tokio::task::spawn_blocking(move || this.in_files()).await;
        let (mut groups, invalid) = read.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        self.keep_of(&invalid, &mut groups);
        self.say(invalid);
        for (place, file) in self.namespaces.all().await? {
            groups.extend(file.groups.into_iter().map(|group| {
                let origin = Origin::Namespace(place.namespace.clone());
                let (tenant, language, name) = (place.tenant.clone(), place.language, group.name.clone());
                (GroupId { tenant, language, origin, name }, Arc::new(group))
            }));
        }
        Ok(groups)
    }

    /// What was taken from a file before it went bad stays.
    fn keep_of(&self, invalid: &[InvalidFile], groups: &mut Groups) {
        for (id, handle) in &*self.handles.read() {
            if let Origin::File(file) = &id.origin
                && invalid.iter().any(|one| one.file == *file)
            {
                groups.entry(id.clone()).or_insert_with(|| handle.status.read().group.clone());
            }
        }
    }

    /// Each problem is told once, until it changes.
    fn say(&self, invalid: Vec<InvalidFile>) {
        let mut known = self.invalid.lock();
        for one in invalid.iter().filter(|one| !known.contains(one)) {
            warn!("rules cannot be taken, what was taken from this file before goes on: {one}");
        }
        *known = invalid;
    }

    /// Tells groups that run what is wanted of them; returns those that begin.
    fn reconcile(&self, wanted: Groups) -> Vec<Running> {
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
            let (wanted, receiver) = watch::channel(Some(spec.clone()));
            let status = Arc::new(RwLock::new(self.shared.status(id.clone(), spec.clone())));
            begun.push(Running::new(id.clone(), self.shared.clone(), spec, receiver, status.clone()));
            handles.insert(id, Handle { wanted, status });
        }
        for language in Language::ALL {
            let count = handles.keys().filter(|id| id.language == language).count();
            self.shared.metrics.groups.with_label_values(&[language.as_str()]).set(count as i64);
        }
        begun
    }
}
