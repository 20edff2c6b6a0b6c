//! Everything that brings lines in without the main HTTP listener: receivers, collectors, the demo.

use super::limits;
use super::listen::Receivers;
use crate::config::Config;
use crate::demo::Service;
use crate::http::{grpc_router, serve};
use crate::supervisor::{Kind, Supervisor};
use crate::tls::Tls;
use anyhow::Context;
use gantry_ingest::collect::{ChildProcess, CollectMetrics, FileCollector, FileOptions, ProcessOptions, Sink};
use gantry_ingest::machine::{self, Processes, Watched};
use gantry_ingest::scrape::{Pools, Scraper};
use gantry_ingest::transport::{Plain, Secure};
use gantry_ingest::{Ingest, MetricIngest, fluent, statsd, syslog};
use gantry_model::{Clock, SystemClock};
use std::path::Path;
use std::sync::Arc;

/// Starts the receivers that have a listener of their own.
pub fn receive(
    supervisor: &Supervisor,
    receivers: Receivers,
    samples: &Arc<MetricIngest>,
    tls: Option<&Arc<Tls>>,
    config: &Config,
) {
    let ingest = samples.ingest();
    let syslog_options = Arc::new(config.syslog.clone());
    let secure: Arc<dyn Secure> = tls.map_or_else(|| Arc::new(Plain) as Arc<dyn Secure>, |tls| tls.clone());
    let Receivers { otlp_grpc, syslog_tcp, syslog_udp, fluent: fluent_forward, statsd_tcp, statsd_udp } = receivers;
    let stop = || supervisor.stopping(Kind::Source);
    if let Some(listener) = otlp_grpc {
        let task = serve(listener, grpc_router(samples.clone()), limits(&config.server), tls.cloned(), stop());
        supervisor.spawn(Kind::Source, "otlp grpc", task);
    }
    if let Some(listener) = syslog_tcp {
        let (ingest, options, secure, stop) = (ingest.clone(), syslog_options.clone(), secure.clone(), stop());
        supervisor.spawn(Kind::Source, "syslog tcp", async move {
            syslog::serve_tcp(listener, ingest, options, secure, stop).await;
            Ok(())
        });
    }
    if let Some(listener) = fluent_forward {
        let (ingest, options, stop) = (ingest.clone(), Arc::new(config.fluent.clone()), stop());
        let secure = secure.clone();
        supervisor.spawn(Kind::Source, "fluent", async move {
            fluent::serve(listener, ingest, options, secure, stop).await;
            Ok(())
        });
    }
    if statsd_tcp.is_some() || statsd_udp.is_some() {
        let sockets = statsd::Sockets { udp: statsd_udp, tcp: statsd_tcp };
        let (samples, options, stop) = (samples.clone(), Arc::new(config.statsd.clone()), stop());
        supervisor.spawn(Kind::Source, "statsd", async move {
            statsd::serve(sockets, samples, options, secure, stop).await;
            Ok(())
        });
    }
    if let Some(socket) = syslog_udp {
        let (ingest, options, stop) = (ingest.clone(), syslog_options, stop());
        supervisor.spawn(Kind::Source, "syslog udp", async move {
            syslog::serve_udp(socket, ingest, options, stop).await;
            Ok(())
        });
    }
}

/// Starts to scrape what the configuration names.
pub fn scrape(supervisor: &Supervisor, scraper: Arc<Scraper>) {
    let stop = supervisor.stopping(Kind::Source);
    supervisor.spawn(Kind::Source, "scrape", async move {
        scraper.run(stop).await;
        Ok(())
    });
}

/// Starts to collect metrics of this machine, and says where to name processes that are to be watched.
pub fn machine(
    supervisor: &Supervisor,
    config: &Config,
    samples: &Arc<MetricIngest>,
    pools: &Arc<Pools>,
) -> anyhow::Result<Watched> {
    let watched = Watched::default();
    if config.collect.enabled {
        let options = &config.collect.metrics;
        let jobs = machine::jobs(options, Processes::new(options.roots(), watched.clone()), &clock())?;
        let local = Scraper::local(&jobs, options.tenant.clone(), samples, pools);
        let stop = supervisor.stopping(Kind::Source);
        supervisor.spawn(Kind::Source, "collect metrics", async move {
            local.run(stop).await;
            Ok(())
        });
    }
    Ok(watched)
}

/// Starts a collector for each group of files.
pub fn collect(
    supervisor: &Supervisor,
    config: &Config,
    ingest: &Arc<Ingest>,
    metrics: &CollectMetrics,
) -> anyhow::Result<()> {
    for group in config.collect.groups() {
        let name = group.name.clone();
        let options = with_checkpoints_in(&config.store.data, group);
        let collector = FileCollector::new(options, sink(ingest), clock(), metrics);
        let collector = collector.with_context(|| format!("cannot collect the files of {name}"))?;
        let stop = supervisor.stopping(Kind::Source);
        supervisor.spawn(Kind::Source, format!("collect {name}"), async move {
            collector.run(stop).await;
            Ok(())
        });
    }
    Ok(())
}

/// Checkpoints live beside the lines that they speak of, unless the configuration says otherwise.
fn with_checkpoints_in(data: &Path, mut options: FileOptions) -> FileOptions {
    if options.data_dir == FileOptions::default().data_dir {
        options.data_dir = data.join("collect");
    }
    options
}

/// Runs the pretended services, each as a real child process whose output is collected.
pub fn demo(
    supervisor: &Supervisor,
    ingest: &Arc<Ingest>,
    metrics: &CollectMetrics,
    watched: &Watched,
) -> anyhow::Result<()> {
    let program = std::env::current_exe().context("cannot find this program to run the demo")?;
    for service in Service::ALL {
        let command = vec![program.clone().into(), "demo-service".into(), service.name().into()];
        let options = ProcessOptions {
            name: format!("demo-{}", service.name()),
            labels: [("app", service.name()), ("env", "demo")].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            forward_signals: false,
            ..ProcessOptions::new(command)
        };
        let child = ChildProcess::spawn(options, sink(ingest), clock(), metrics)?;
        let watching = child.pid().map(|pid| watched.watch(service.name(), pid));
        let stop = supervisor.stopping(Kind::Source);
        supervisor.spawn(Kind::Source, format!("demo {}", service.name()), async move {
            let _watching = watching;
            Ok(child.wait(stop).await.map(drop)?)
        });
    }
    Ok(())
}

fn sink(ingest: &Arc<Ingest>) -> Arc<dyn Sink> {
    ingest.clone()
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}
