//! What can be measured: Gantry, and the servers that it is compared with, each with its default settings.

use super::server::free_port;
use anyhow::{Context, Result};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Program {
    /// This binary.
    Gantry(PathBuf),
    /// `prometheus` on the path, taking remote writes.
    Prometheus,
    /// `victoria-metrics` on the path.
    VictoriaMetrics,
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Program::Gantry(_) => "gantry",
            Program::Prometheus => "prometheus",
            Program::VictoriaMetrics => "victoria-metrics",
        })
    }
}

impl Program {
    /// Serves HTTP on a loopback port and keeps everything below `data`. The data of the benchmark is old: nothing is to be
    /// dropped for its age.
    pub fn command(&self, http: u16, data: &Path) -> Result<Command> {
        let address = format!("127.0.0.1:{http}");
        match self {
            Program::Gantry(binary) => {
                let mut command = Command::new(binary);
                command.arg("up").arg("--data").arg(data);
                command.args(["--http", &address, "--otlp-grpc", &format!("127.0.0.1:{}", free_port()?)]);
                command.args(["--no-collect", "--retention", "forever"]);
                Ok(command)
            }
            Program::Prometheus => {
                fs::create_dir_all(data).with_context(|| format!("creating {}", data.display()))?;
                let config = data.join("prometheus.yml");
                fs::write(&config, "global: {}\n")?;
                let mut command = Command::new("prometheus");
                command.arg(format!("--config.file={}", config.display()));
                command.arg(format!("--storage.tsdb.path={}", data.join("tsdb").display()));
                command.arg(format!("--web.listen-address={address}"));
                command.args(["--web.enable-remote-write-receiver", "--web.enable-admin-api"]);
                command.args(["--storage.tsdb.retention.time=100y", "--log.level=warn"]);
                Ok(command)
            }
            Program::VictoriaMetrics => {
                let mut command = Command::new("victoria-metrics");
                command.arg(format!("-storageDataPath={}", data.display()));
                command.arg(format!("-httpListenAddr={address}"));
                command.args(["-retentionPeriod=100y", "-search.latencyOffset=0s", "-loggerLevel=WARN"]);
                Ok(command)
            }
        }
    }

    /// Path that answers 200 when the server is ready.
    pub fn ready(&self) -> &'static str {
        match self {
            Program::Gantry(_) => "/ready",
            Program::Prometheus => "/-/ready",
            Program::VictoriaMetrics => "/health",
        }
    }
}
