//! Puts the crates together into a process that starts, serves and stops in order.
//!
//! ```text
//!   receivers, collectors -> Ingest -> Store <- QueryEngine <- HTTP
//! ```
//!
//! Start with [`Process::start`], then [`Process::stop`]. Never here: what any part does.

mod alerts;
mod globs;
mod listen;
mod outgoing;
mod roles;
mod rules;
mod scaling;
mod sources;
pub mod transform;

pub use listen::Bound;
pub use roles::{Role, Roles};
pub(crate) use rules::told;

use crate::backtest::Backtests;
use crate::config::{Config, ServerOptions};
use crate::http::{
    App, Background, Routes, ServeLimits, Transfers, alertmanager_router, backtest_router, import_router, keda_router,
    reload_router, rules_router, scale_router, serve, targets_router,
};
use crate::reload::{Reloads, ScrapeJobs};
use crate::supervisor::{Hangup, Kind, Phase, Supervisor};
use crate::telemetry::{ProcessMetrics, SelfLog};
use crate::tls::Tls;
use alerts::{Embedded, RoutingFile};
use anyhow::Context;
use gantry_ingest::collect::CollectMetrics;
use gantry_ingest::scrape::{Pools, Scraper};
use gantry_ingest::{Ingest, MetricIngest};
use gantry_model::{Clock, SystemClock};
use gantry_query::{QueryEngine, QueryOptions};
use gantry_store::Store;
use gantry_store_api::AppendMetrics;
use listen::Listeners;
use prometheus::Registry;
use rules::{Everyone, RuleData, RulerParts};
use scaling::ScalerParts;
use std::sync::Arc;
use transform::Transforms;

/// A running Gantry.
#[derive(Debug)]
pub struct Process {
    supervisor: Supervisor,
    app: App,
    store: Arc<Store>,
    bound: Bound,
    server: ServerOptions,
}

/// What exists before the process: where it reports to.
#[derive(Debug)]
pub struct Reporting {
    pub registry: Registry,
    pub self_log: Option<SelfLog>,
}

impl Process {
    /// Binds, answers "starting", opens the store, and then does what `roles` say. `demo` also runs a pretended workload.
    /// After an error, or when this is dropped, tasks of `supervisor` may be left: see [`Supervisor::abandon`].
    pub async fn start(
        config: Config,
        roles: Roles,
        demo: bool,
        reporting: Reporting,
        supervisor: Supervisor,
    ) -> anyhow::Result<Process> {
        let Reporting { registry, self_log } = reporting;
        ProcessMetrics::register(&registry)?;
        let pipeline = config.pipeline()?;
        let tls = Tls::load(&config.tls)?;
        let listeners = Listeners::bind(&config.server, &roles).await?;
        let bound = listeners.bound(tls.is_some())?;
        let app = App::new(registry.clone())?;
        let Listeners { http, receivers } = listeners;
        for listener in http {
            let (name, stop) = (format!("http {}", listener.local_addr()?), supervisor.stopping(Kind::Serving));
            let serving = serve(listener, app.router(), limits(&config.server), tls.clone(), stop);
            supervisor.spawn(Kind::Serving, name, serving);
        }
        if let Some(tls) = &tls {
            let stop = supervisor.stopping(Kind::Telemetry);
            supervisor.spawn(Kind::Telemetry, "certificates", tls.clone().follow_files(stop));
        }
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let opened = Store::open(config.store.clone(), clock.clone(), &registry).await;
        let store =
            opened.with_context(|| format!("cannot open the data directory {}", config.store.data.display()))?;
        // The store writes on behalf of ingest until the last line is committed: it stops after them, in its own phase.
        let (running, stop) = (store.clone(), supervisor.stopping(Kind::Store));
        supervisor.spawn(Kind::Store, "store", async move {
            running.run(stop).await;
            Ok(())
        });
        let transforms = Transforms::start(pipeline, &registry)?;
        let (options, append) = (config.ingest.clone(), store.clone());
        let ingest = Ingest::with_transform(options, append, clock.clone(), &registry, transforms)?;
        let append = outgoing::remote_write(&supervisor, &config, &store, &clock, &registry)?;
        let samples = MetricIngest::new(ingest.clone(), append.clone(), &registry)?;
        let options = query_options(&config);
        let query = QueryEngine::new(options, store.clone(), store.clone(), store.clone(), clock.clone(), &registry)
            .context("the query engine cannot start")?;
        let transfers = Transfers::new(store.clone(), config.store.data.join("import"))
            .context("the directory for imports cannot be made")?;
        let mut write_routes = if roles.has(Role::Ingest) {
            let lines = gantry_ingest::http::router(ingest.clone());
            let metrics = gantry_ingest::http::metric_router(samples.clone());
            lines.merge(metrics).merge(import_router(transfers.clone(), ingest.clone()))
        } else {
            Default::default()
        };
        let pools = Arc::<Pools>::default();
        let (mut read_routes, mut reloads) = (Default::default(), Reloads::new(&registry)?);
        if roles.has(Role::Query) {
            read_routes = gantry_query::router(query.clone());
        }
        if roles.has(Role::Alerting) {
            let (meta, clock) = (store.meta(), clock.clone());
            let parts = RulerParts { supervisor: &supervisor, config: &config, meta, clock, registry: &registry };
            let routes = start_alerting(parts, query.clone(), append, bound.url(&config), &mut reloads).await?;
            read_routes = read_routes.merge(routes);
        }
        if roles.has(Role::Platform) {
            let (clock, meta, samples) = (clock.clone(), store.meta(), samples.clone());
            let (supervisor, config, registry) = (&supervisor, &config, &registry);
            let parts = ScalerParts { supervisor, config, query, samples, meta, clock, registry };
            let scaler = scaling::start(parts).await?;
            write_routes = write_routes.merge(keda_router(scaler.clone()));
            read_routes = read_routes.merge(scale_router(scaler));
        }
        let jobs = config.scrape.load()?;
        let scraper = Arc::new(Scraper::new(jobs, config.scrape.tenant.clone(), &samples, &pools)?);
        reloads.add(ScrapeJobs { options: config.scrape.clone(), scraper: scraper.clone() });
        let read_routes = read_routes.merge(targets_router(pools.clone(), scraper.clone()));
        let read_routes = read_routes.merge(reload_router(reloads.clone()));
        if roles.has(Role::Ingest) {
            sources::receive(&supervisor, receivers, &samples, tls.as_ref(), &config);
            sources::scrape(&supervisor, scraper);
            let metrics = CollectMetrics::register(&registry)?;
            sources::collect(&supervisor, &config, &ingest, &metrics)?;
            let watched = sources::machine(&supervisor, &config, &samples, &pools)?;
            if demo {
                sources::demo(&supervisor, &ingest, &metrics, &watched)?;
            }
        }
        let (hangup, stop) = (Hangup::new()?, supervisor.stopping(Kind::Source));
        supervisor.spawn(Kind::Source, "files of the configuration", async move {
            reloads.follow(hangup, stop).await;
            Ok(())
        });
        if let Some(log) = self_log {
            let stop = supervisor.stopping(Kind::Ingest);
            supervisor.spawn(Kind::Ingest, "self log", log.run(store.clone(), clock, stop));
        }
        app.open(store.clone(), transfers, write_routes, read_routes, Background::start()?);
        Ok(Process { supervisor, app, store, bound, server: config.server })
    }

    /// Where it listens.
    pub fn bound(&self) -> &Bound {
        &self.bound
    }

    /// Waits until a part failed without which nothing works, and says which.
    pub async fn failed(&self) -> String {
        self.supervisor.failed().await;
        self.supervisor.first_failure().unwrap_or_default()
    }

    /// Stops in phases; `true` when every phase ended in time and without an error.
    pub async fn stop(self) -> bool {
        let Process { supervisor, app, store, server, .. } = self;
        app.start_draining();
        let phase = |kind, title, work| Phase { kind, title, deadline: server.phase_deadline, work };
        let writes = app.clone();
        let sealing = store.clone();
        let phases = vec![
            phase(Kind::Source, "stop sources", Box::pin(async { Ok(()) })),
            phase(
                Kind::Ingest,
                "drain ingest to commits",
                Box::pin(async move {
                    writes.writes_answered().await;
                    Ok(())
                }),
            ),
            phase(Kind::Outgoing, "send what waits for remotes", Box::pin(async { Ok(()) })),
            phase(Kind::Store, "flush the store", Box::pin(async move { Ok(sealing.close().await?) })),
            phase(Kind::Serving, "close connections", Box::pin(async { Ok(()) })),
            phase(Kind::Telemetry, "flush telemetry", Box::pin(async { Ok(()) })),
        ];
        supervisor.drain(phases).await
    }
}

/// Starts rules and the Alertmanager; `url` is where people reach this server.
async fn start_alerting(
    parts: RulerParts<'_>,
    query: Arc<QueryEngine>,
    append: Arc<dyn AppendMetrics>,
    url: String,
    reloads: &mut Reloads,
) -> anyhow::Result<Routes> {
    let RulerParts { supervisor, config, registry, .. } = parts;
    let manager =
        alerts::start(supervisor, config, url.clone(), parts.meta.clone(), parts.clock.clone(), registry).await?;
    let mut told = vec![format!("{url}/api/v2/alerts")];
    let data = RuleData::new(query.clone(), append, config, url);
    let backtests = Backtests::new(query, manager.clone(), data.templates.clone());
    let mut everyone = Everyone(vec![Arc::new(Embedded(manager.clone()))]);
    if let Some(elsewhere) = alerts::outward(supervisor, config, registry)? {
        told.extend(elsewhere.servers());
        everyone.0.push(Arc::new(elsewhere));
    }
    if let Some(file) = config.alerting.config.clone() {
        reloads.add(RoutingFile::new(file, manager.clone()));
    }
    let ruler = rules::start(parts, data, Arc::new(everyone)).await?;
    reloads.add(ruler.clone());
    Ok(rules_router(ruler, told).merge(alertmanager_router(manager)).merge(backtest_router(Arc::new(backtests))))
}

/// Intermediate results that do not fit into memory go to the data directory, unless the configuration says otherwise.
fn query_options(config: &Config) -> QueryOptions {
    let mut options = config.query.clone();
    options.spill_dir.get_or_insert_with(|| config.store.data.clone());
    options
}

pub(crate) fn limits(server: &ServerOptions) -> ServeLimits {
    ServeLimits { connections: server.max_connections, header_timeout: server.header_timeout }
}
