//! The command line: what can be asked for, and who does it.
//!
//! Never here: what the commands do; each has a module. Start with [`main`].

#[macro_use]
mod say;

mod alerts;
mod around;
mod backtest;
mod chart;
mod check;
mod client;
mod configure;
mod delete;
mod exit;
mod follow;
mod logs;
mod pager;
mod policy;
mod query;
mod render;
mod rules;
mod run;
mod silence;
mod table;
#[cfg(test)]
mod tests;
mod transfer;
mod transform;
mod up;
mod when;

pub use exit::Failure;

use crate::tls::client_config;
use clap::{Args, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use rustls::ClientConfig;
use std::future::Future;
use std::path::PathBuf;
use std::process::ExitCode;

const EXIT_CODES: &str = "\
Exit codes:
  0   done
  1   failed; the reason is on standard error
  2   the command line makes no sense
  64  the configuration is wrong; every problem is on standard error
  69  the server cannot be reached
  70  a part of the running server failed";

/// Collects logs and metrics, keeps them safely, answers questions, and alerts and scales by the answers.
#[derive(Debug, Parser)]
#[command(name = "gantry", version, after_help = EXIT_CODES, arg_required_else_help = true, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs everything in one process on this machine
    Up(up::UpArgs),
    /// Runs chosen roles in one process
    Serve(up::ServeArgs),
    /// Shows or follows logs
    Logs(logs::LogsArgs),
    /// Asks a question in LogQL, PromQL or SQL
    Query(query::QueryArgs),
    /// Deletes lines, lists such requests, or cancels one
    Delete(delete::DeleteArgs),
    /// Writes lines of a time range to a Parquet file
    Export(transfer::ExportArgs),
    /// Reads lines from a Parquet file
    Import(transfer::ImportArgs),
    /// Runs a command and ships what it prints
    Run(run::RunArgs),
    /// Shows, checks, stores and explains policies of scaling
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Replays stored history through rules or policies
    #[command(subcommand)]
    Backtest(backtest::BacktestCommand),
    /// Verifies a data directory and says what is wrong
    Check(check::CheckArgs),
    /// Checks or prints the configuration
    #[command(subcommand)]
    Config(configure::ConfigCommand),
    /// Checks transforms, and tries them on lines
    #[command(subcommand)]
    Transform(transform::TransformCommand),
    /// Checks, tests, lists and stores rules
    #[command(subcommand)]
    Rules(rules::RulesCommand),
    /// Shows alerts that fire, and checks configurations of Alertmanager
    Alerts(alerts::AlertsArgs),
    /// Makes, lists and ends silences, which keep alerts quiet
    #[command(subcommand)]
    Silence(silence::SilenceCommand),
    /// Prints completions for a shell
    #[command(after_help = "Example:\n  gantry completions bash > ~/.local/share/bash-completion/completions/gantry")]
    Completions { shell: Shell },
    /// Prints the log of a pretended service
    #[command(hide = true)]
    DemoService { service: crate::demo::Service },
}

/// Where the server is and whose logs are meant.
#[derive(Args, Clone, Debug)]
pub struct ServerArgs {
    /// Address of the server
    #[arg(long, env = "GANTRY_ADDR", default_value = "http://127.0.0.1:3100", value_name = "URL")]
    pub addr: String,
    /// Whose logs; Gantry's own are kept for _gantry
    #[arg(long, env = "GANTRY_TENANT", value_name = "NAME")]
    pub tenant: Option<String>,
    /// Trust servers with a certificate of these authorities (PEM), and not those of the system
    #[arg(long, env = "GANTRY_TLS_CA", value_name = "FILE")]
    pub tls_ca: Option<PathBuf>,
    /// Certificate to show to the server (PEM)
    #[arg(long, env = "GANTRY_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// Key of that certificate (PEM, not encrypted)
    #[arg(long, env = "GANTRY_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
}

impl ServerArgs {
    /// The address as a URL: `localhost:3100` and `http://localhost:3100/` mean the same.
    pub fn address(&self) -> String {
        let text = self.addr.trim_end_matches('/');
        if text.contains("://") { text.to_owned() } else { format!("http://{text}") }
    }

    /// Whom to trust and what to show; `None` when the server is asked in plain text.
    pub fn tls(&self) -> anyhow::Result<Option<ClientConfig>> {
        if !self.address().starts_with("https://") {
            return Ok(None);
        }
        let identity = self.tls_cert.as_deref().zip(self.tls_key.as_deref());
        client_config(self.tls_ca.as_deref(), identity).map(Some)
    }

    /// An HTTP client that speaks to the server as [`ServerArgs::tls`] says.
    pub fn http(&self) -> anyhow::Result<reqwest::ClientBuilder> {
        let builder = reqwest::Client::builder();
        Ok(match self.tls()? {
            Some(tls) => builder.use_preconfigured_tls(tls),
            None => builder,
        })
    }
}

/// Where the configuration comes from.
#[derive(Args, Clone, Debug)]
pub struct ConfigArgs {
    /// Configuration file; without it ./gantry.toml is read if there is one
    #[arg(long, env = "GANTRY_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Reads the command line, does what it says, and gives the exit code.
pub fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Up(args) => up::up(args),
        Command::Serve(args) => up::serve(args),
        Command::Logs(args) => block_on(logs::logs(args)),
        Command::Query(args) => block_on(query::query(args)),
        Command::Export(args) => block_on(transfer::export(args)),
        Command::Import(args) => block_on(transfer::import(args)),
        Command::Delete(args) => block_on(delete::delete(args)),
        Command::Alerts(args) => block_on(alerts::alerts(args)),
        Command::Silence(command) => block_on(silence::silence(command)),
        Command::Run(args) => return block_on_exit(run::run(args)),
        Command::Policy(command) => block_on(policy::policy(command)),
        Command::Backtest(command) => block_on(backtest::backtest(command)),
        Command::Check(args) => check::check(&args),
        Command::Config(command) => configure::configure(command),
        Command::Transform(command) => transform::transform(command),
        Command::Rules(command) => return exit::code(rules::rules(command)),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "gantry", &mut std::io::stdout());
            Ok(())
        }
        Command::DemoService { service } => crate::demo::run(service).map_err(Failure::from),
    };
    exit::code(outcome.map(|()| ExitCode::SUCCESS))
}

/// Client commands wait for the network and do no work worth a second thread.
fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(anyhow::Error::from)?;
    runtime.block_on(command)
}

fn block_on_exit(command: impl Future<Output = Result<ExitCode, Failure>>) -> ExitCode {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => exit::code(runtime.block_on(command)),
        Err(cause) => exit::code(Err(Failure::from(cause))),
    }
}
