//! The options that belong to the process itself: `[server]` and `[telemetry]`.

use super::{Problem, TlsOptions};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

const UDP: [&str; 2] = ["server.syslog_udp", "server.statsd_udp"];

/// Where to listen, how many clients to serve, how long a shutdown may take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServerOptions {
    /// HTTP: every API, OTLP over HTTP too. Default 127.0.0.1:3100.
    pub http: Listen,
    /// OTLP over gRPC, or "off". Default 127.0.0.1:4317.
    pub otlp_grpc: Listen,
    /// One more HTTP listener, where OTLP exporters look for it (127.0.0.1:4318), or "off". Default off.
    pub otlp_http: Listen,
    /// Syslog over TCP, or "off". Default off.
    pub syslog_tcp: Listen,
    /// Syslog over UDP, or "off". Default off.
    pub syslog_udp: Listen,
    /// Fluent Forward over TCP, or "off". Default off.
    pub fluent: Listen,
    /// StatsD over TCP, or "off". Default off.
    pub statsd_tcp: Listen,
    /// StatsD over UDP, or "off". Default off.
    pub statsd_udp: Listen,
    /// Listen beyond loopback without TLS and client certificates. Default false.
    pub allow_insecure: bool,
    /// Where people reach this server, for links in alerts: http://gantry.example:3100. Default: where it listens.
    pub external_url: String,
    /// Connections served at a time; more wait in the kernel's queue. Default 2048.
    pub max_connections: usize,
    /// How long a client may take to send the head of a request. Default 10s.
    #[serde(with = "human_duration")]
    pub header_timeout: Duration,
    /// Longest time for each phase of a shutdown. Default 30s.
    #[serde(with = "human_duration")]
    pub phase_deadline: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        ServerOptions {
            http: Listen::at("127.0.0.1:3100"),
            otlp_grpc: Listen::at("127.0.0.1:4317"),
            otlp_http: Listen::off(),
            syslog_tcp: Listen::off(),
            syslog_udp: Listen::off(),
            fluent: Listen::off(),
            statsd_tcp: Listen::off(),
            statsd_udp: Listen::off(),
            allow_insecure: false,
            external_url: String::new(),
            max_connections: 2048,
            header_timeout: Duration::from_secs(10),
            phase_deadline: Duration::from_secs(30),
        }
    }
}

impl ServerOptions {
    /// Every listener with its key.
    fn listeners(&self) -> [(&'static str, &Listen); 8] {
        [
            ("server.http", &self.http),
            ("server.otlp_grpc", &self.otlp_grpc),
            ("server.otlp_http", &self.otlp_http),
            ("server.syslog_tcp", &self.syslog_tcp),
            (UDP[0], &self.syslog_udp),
            ("server.fluent", &self.fluent),
            ("server.statsd_tcp", &self.statsd_tcp),
            (UDP[1], &self.statsd_udp),
        ]
    }

    /// Whether the listener may be reached from other machines.
    fn is_trusted(&self, path: &str, tls: &TlsOptions) -> bool {
        self.allow_insecure || (!UDP.contains(&path) && tls.knows_clients())
    }

    fn lacks(path: &str, tls: &TlsOptions) -> &'static str {
        match (path, tls.is_on(), tls.client_ca.is_some()) {
            (path, ..) if UDP.contains(&path) => ", and UDP can have neither",
            (_, true, false) => ", and tls.client_ca, by which clients are known, is not set",
            _ => "",
        }
    }

    pub(super) fn check(&self, tls: &TlsOptions, problems: &mut Vec<Problem>) {
        for (path, listen) in self.listeners() {
            match listen.resolve() {
                Err(wrong) => problems.push(Problem::new(path, format!("{listen} is no address: {wrong}"))),
                Ok(all) if !self.is_trusted(path, tls) && all.iter().any(|at| !at.ip().is_loopback()) => {
                    problems.push(Problem::new(
                        path,
                        format!(
                            "{listen} can be reached from other machines, which needs TLS and a credential{}; set \
                             tls.cert, tls.key and tls.client_ca (--tls-cert, --tls-key, --tls-client-ca), so that only \
                             clients with a certificate are let in, or use a loopback address, or set \
                             server.allow_insecure = true (--allow-insecure) if the network is trusted",
                            Self::lacks(path, tls)
                        ),
                    ));
                }
                Ok(_) => {}
            }
        }
        if self.http.is_off() {
            problems.push(Problem::new("server.http", "cannot be off: every other part is reached through it"));
        }
        if self.max_connections == 0 {
            problems.push(Problem::new("server.max_connections", "must be at least 1"));
        }
    }
}

/// An address to listen on, `HOST:PORT`, or `off`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Listen(String);

impl Listen {
    pub fn at(address: &str) -> Self {
        Listen(address.to_owned())
    }

    pub fn off() -> Self {
        Listen("off".to_owned())
    }

    pub fn is_off(&self) -> bool {
        self.0 == "off"
    }

    /// The addresses that the name stands for; none when off.
    pub fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        if self.is_off() { Ok(Vec::new()) } else { Ok(self.0.to_socket_addrs()?.collect()) }
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How Gantry reports on itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TelemetryOptions {
    /// What to log on standard error: a level, or directives such as "info,gantry_store=debug". Default "info".
    pub log: String,
    /// "human" or "json". Default human.
    pub log_format: LogFormat,
    /// Keep Gantry's own log, searchable as tenant `_gantry`. Default true.
    pub self_ingest: bool,
    /// Most lines per second of its own log that are kept; the rest is counted as dropped. Default 100.
    pub self_lines_per_second: u32,
}

/// The shape of the log on standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    #[default]
    Human,
    Json,
}

impl Default for TelemetryOptions {
    fn default() -> Self {
        TelemetryOptions {
            log: "info".to_owned(),
            log_format: LogFormat::Human,
            self_ingest: true,
            self_lines_per_second: 100,
        }
    }
}

impl TelemetryOptions {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        if let Err(wrong) = self.log.parse::<tracing_subscriber::filter::Targets>() {
            problems.push(Problem::new("telemetry.log", wrong));
        }
    }
}

/// Durations as people write them: "10s", "1h 30m".
mod human_duration {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use std::time::Duration;

    pub fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(*value))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_duration(&text).map_err(|e| D::Error::custom(format!("{text:?} is no duration: {e}")))
    }
}
