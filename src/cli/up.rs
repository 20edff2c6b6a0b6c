//! `gantry up` and `gantry serve`: run until told to stop.

use super::{ConfigArgs, Failure};
use crate::config::{Config, Layers, file_to_read};
use crate::supervisor::{self, Supervisor};
use crate::telemetry;
use crate::wiring::{Bound, Process, Reporting, Role, Roles};
use clap::Args;
use prometheus::Registry;
use std::path::PathBuf;
use std::process::exit;
use toml::Value;
use tracing::{error, info};

const UP_EXAMPLES: &str = "\
Examples:
  gantry up                                   everything, data in ./data, http://127.0.0.1:3100
  gantry up --demo                            with three pretended services, rules and a policy
  gantry up --data /var/lib/gantry --retention 90d
  gantry up --http 127.0.0.1:0 --no-collect   any free port, and only what is sent
  gantry up --rules 'rules/*.yml' --alertmanager-config alertmanager.yml
                                              evaluates rules and notifies of what fires
  gantry up --policies 'policies/*.yml'         runs policies of scaling; see gantry policy
  gantry up --http 0.0.0.0:3100 --otlp-grpc off --tls-cert s.crt --tls-key s.key --tls-client-ca ca.crt
                                              for other machines, whose clients show a certificate

Stops cleanly on SIGTERM and Ctrl-C: what was accepted is on disk before it exits with 0. A second signal exits at once,
and loses nothing that was acknowledged. SIGHUP, outside a terminal, reads rules, jobs of scraping and the Alertmanager's
file again, as POST /-/reload does; they are also looked at every few seconds.";

const SERVE_EXAMPLES: &str = "\
Examples:
  gantry serve --roles ingest,query,alerting,platform,store  the same as gantry up
  gantry serve --roles query,store                           answers queries over a data directory, takes no lines";

#[derive(Args, Clone, Debug)]
#[command(after_help = UP_EXAMPLES)]
pub struct UpArgs {
    #[command(flatten)]
    common: CommonArgs,
    /// Also run three small services that print logs, rules over them, and a policy of scaling
    #[arg(long)]
    demo: bool,
}

#[derive(Args, Clone, Debug)]
#[command(after_help = SERVE_EXAMPLES)]
pub struct ServeArgs {
    /// What this process does
    #[arg(long, value_enum, value_delimiter = ',', required = true, value_name = "ROLE,...")]
    roles: Vec<Role>,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Args, Clone, Debug)]
struct CommonArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Data directory [default: data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Address of the HTTP APIs [default: 127.0.0.1:3100]
    #[arg(long, value_name = "HOST:PORT")]
    http: Option<String>,
    /// Address of OTLP over gRPC, or off [default: 127.0.0.1:4317]
    #[arg(long, value_name = "HOST:PORT")]
    otlp_grpc: Option<String>,
    /// Collect neither files nor metrics of this machine
    #[arg(long)]
    no_collect: bool,
    /// Rule files with PromQL, as Prometheus has them; a glob, and may be given more than once
    #[arg(long, value_name = "GLOB")]
    rules: Vec<String>,
    /// Rule files with LogQL, as Loki has them; a glob, and may be given more than once
    #[arg(long, value_name = "GLOB")]
    log_rules: Vec<String>,
    /// Who is notified of alerts: a configuration of Alertmanager
    #[arg(long, value_name = "FILE")]
    alertmanager_config: Option<PathBuf>,
    /// Files with policies of scaling; a glob, and may be given more than once
    #[arg(long, value_name = "GLOB")]
    policies: Vec<String>,
    /// How long lines are kept; older ones are refused unless a rule keeps some longer [default: 30d]
    #[arg(long, value_name = "DURATION|forever")]
    retention: Option<String>,
    /// Speak TLS on every TCP listener with this certificate (PEM)
    #[arg(long, value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// The key of the certificate (PEM, not encrypted)
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Let in only clients with a certificate of these authorities (PEM)
    #[arg(long, value_name = "FILE")]
    tls_client_ca: Option<PathBuf>,
    /// Listen beyond this machine without TLS and client certificates
    #[arg(long)]
    allow_insecure: bool,
}

impl CommonArgs {
    /// The flags as the last layer of the configuration.
    fn layers(&self) -> Layers {
        let mut flags = Vec::new();
        let path = |file: Option<&PathBuf>| file.map(|file| file.display().to_string());
        let texts = [
            ("store", "data", path(self.data.as_ref())),
            ("server", "http", self.http.clone()),
            ("alerting", "config", path(self.alertmanager_config.as_ref())),
            ("tls", "cert", path(self.tls_cert.as_ref())),
            ("tls", "key", path(self.tls_key.as_ref())),
            ("tls", "client_ca", path(self.tls_client_ca.as_ref())),
            ("server", "otlp_grpc", self.otlp_grpc.clone()),
            ("store", "retention", self.retention.clone()),
        ];
        flags.extend(texts.into_iter().filter_map(|(section, key, text)| Some((section, key, Value::String(text?)))));
        let globs = [
            ("rules", "files", &self.rules),
            ("rules", "log_files", &self.log_rules),
            ("scale", "files", &self.policies),
        ];
        for (section, key, globs) in globs {
            if !globs.is_empty() {
                flags.push((section, key, Value::Array(globs.iter().cloned().map(Value::String).collect())));
            }
        }
        if self.no_collect {
            flags.push(("collect", "enabled", Value::Boolean(false)));
        }
        if self.allow_insecure {
            flags.push(("server", "allow_insecure", Value::Boolean(true)));
        }
        Layers { file: file_to_read(self.config.config.clone()), environment: std::env::vars().collect(), flags }
    }
}

pub fn up(args: UpArgs) -> Result<(), Failure> {
    run(&args.common, Roles::all(), args.demo)
}

pub fn serve(args: ServeArgs) -> Result<(), Failure> {
    let roles = Roles::new(args.roles).map_err(|why| Failure::Other(anyhow::anyhow!(why)))?;
    run(&args.common, roles, false)
}

fn run(args: &CommonArgs, roles: Roles, demo: bool) -> Result<(), Failure> {
    let mut config = Config::load(&args.layers())?;
    if demo {
        crate::demo::signals::add_to(&mut config)?;
    }
    let registry = Registry::new();
    let self_log = telemetry::install(&config.telemetry, &registry)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("gantry").build()?;
    runtime.block_on(run_until_stopped(config, roles, demo, Reporting { registry, self_log }))
}

async fn run_until_stopped(config: Config, roles: Roles, demo: bool, reporting: Reporting) -> Result<(), Failure> {
    let (shown, tasks) = (config.clone(), Supervisor::default());
    let started = tokio::select! {
        process = Process::start(config, roles, demo, reporting, tasks.clone()) => process.map(Some),
        signal = supervisor::asked_to_stop() => {
            info!("{} while starting: nothing to finish", signal?);
            Ok(None)
        }
    };
    let Ok(Some(process)) = started else {
        // What was started must not be cut off in the middle of its work.
        tokio::select! {
            () = tasks.abandon(shown.server.phase_deadline) => {}
            _ = supervisor::asked_to_stop() => exit(130),
        }
        return started.map(drop).map_err(Failure::from);
    };
    put!("{}", banner(process.bound(), &shown, demo));
    info!(http = %process.bound().http, data = %shown.store.data.display(), "ready");
    let failure = tokio::select! {
        signal = supervisor::asked_to_stop() => {
            info!("{}: stopping; a second signal exits at once", signal?);
            None
        }
        failure = process.failed() => {
            error!("stopping: {failure}");
            Some(failure)
        }
    };
    let clean = tokio::select! {
        clean = process.stop() => clean,
        _ = supervisor::asked_to_stop() => exit(130),
    };
    match failure {
        Some(failure) => Err(Failure::Server(failure)),
        None if clean => Ok(()),
        None => {
            Err(Failure::Other(anyhow::anyhow!("the shutdown was not clean, see above; nothing acknowledged is lost")))
        }
    }
}

/// What a person needs to know to go on.
fn banner(bound: &Bound, config: &Config, demo: bool) -> String {
    let mut text = format!("\nGantry {} is ready\n\n", env!("CARGO_PKG_VERSION"));
    let mut row = |name: &str, value: String| text.push_str(&format!("  {name:<12} {value}\n"));
    let scheme = if bound.tls { "https" } else { "http" };
    row("HTTP", format!("{scheme}://{}", bound.http));
    let others = [
        ("OTLP/HTTP", bound.otlp_http),
        ("OTLP/gRPC", bound.otlp_grpc),
        ("syslog TCP", bound.syslog_tcp),
        ("syslog UDP", bound.syslog_udp),
        ("Fluent", bound.fluent),
        ("StatsD TCP", bound.statsd_tcp),
        ("StatsD UDP", bound.statsd_udp),
    ];
    for (name, address) in others.into_iter().filter_map(|(name, address)| Some((name, address?))) {
        row(name, address.to_string());
    }
    row("data", config.store.data.display().to_string());
    let kept = config
        .store
        .retention
        .map_or_else(|| "forever".to_owned(), |time| humantime::format_duration(time).to_string());
    row("kept", kept);
    for group in config.collect.groups() {
        row("collects", group.include.join(", "));
    }
    let jobs = config.collect.jobs();
    if !jobs.is_empty() {
        let interval = humantime::format_duration(config.collect.metrics.interval);
        row("measures", format!("{} every {interval}", jobs.join(", ")));
    }
    if demo {
        let files = config.store.data.join("demo");
        row("demo", "shop, payments and gateway are running; every five minutes their bank is out for one".to_owned());
        row("", format!("rules and a policy of scaling in {}", files.display()));
    }
    let addr = match (bound.http.port(), bound.tls) {
        (3100, false) => String::new(),
        _ => format!(" --addr {scheme}://{}", bound.http),
    };
    let demo =
        if demo { format!("  gantry alerts{addr}\n  gantry policy explain shop{addr}\n") } else { String::new() };
    text.push_str(&format!(
        "\nTry in another terminal\n\n  gantry logs -f{addr}\n  gantry logs error --since 15m{addr}\n  \
         gantry query{addr} 'sum by (app) (count_over_time({{app=~\".+\"}}[1m]))'\n{demo}  \
         gantry run{addr} -- ping -c 3 127.0.0.1\n  curl -s {scheme}://{}/loki/api/v1/labels\n\n",
        bound.http
    ));
    text
}
