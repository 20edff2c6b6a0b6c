//! Binds every listener before anything else happens, so that a port in use is said at once and nothing was touched.

use super::{Role, Roles};
use crate::config::{Config, Listen, ServerOptions};
use anyhow::{Context, anyhow};
use std::io::ErrorKind;
use std::net::SocketAddr;
use tokio::net::{TcpListener, UdpSocket};

/// Sockets that nobody reads yet.
#[derive(Debug)]
pub struct Listeners {
    /// The main one first.
    pub http: Vec<TcpListener>,
    pub receivers: Receivers,
}

/// Listeners of single protocols.
#[derive(Debug, Default)]
pub struct Receivers {
    pub otlp_grpc: Option<TcpListener>,
    pub syslog_tcp: Option<TcpListener>,
    pub syslog_udp: Option<UdpSocket>,
    pub fluent: Option<TcpListener>,
    pub statsd_tcp: Option<TcpListener>,
    pub statsd_udp: Option<UdpSocket>,
}

/// Addresses as they were bound: a port 0 has become a real one.
#[derive(Clone, Debug)]
pub struct Bound {
    pub http: SocketAddr,
    pub otlp_http: Option<SocketAddr>,
    pub otlp_grpc: Option<SocketAddr>,
    pub syslog_tcp: Option<SocketAddr>,
    pub syslog_udp: Option<SocketAddr>,
    pub fluent: Option<SocketAddr>,
    pub statsd_tcp: Option<SocketAddr>,
    pub statsd_udp: Option<SocketAddr>,
    /// Whether they speak TLS; what comes over UDP never does.
    pub tls: bool,
}

impl Bound {
    /// Where people reach this server, without a slash at its end.
    pub fn url(&self, config: &Config) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        match config.server.external_url.trim_end_matches('/') {
            "" => format!("{scheme}://{}", self.http),
            given => given.to_owned(),
        }
    }
}

impl Listeners {
    pub async fn bind(server: &ServerOptions, roles: &Roles) -> anyhow::Result<Self> {
        let main = tcp(&server.http, "--http or server.http").await?.context("server.http is off")?;
        let mut listeners = Listeners { http: vec![main], receivers: Receivers::default() };
        if roles.has(Role::Ingest) {
            listeners.http.extend(tcp(&server.otlp_http, "server.otlp_http").await?);
            listeners.receivers = Receivers {
                otlp_grpc: tcp(&server.otlp_grpc, "--otlp-grpc or server.otlp_grpc").await?,
                syslog_tcp: tcp(&server.syslog_tcp, "server.syslog_tcp").await?,
                syslog_udp: udp(&server.syslog_udp, "server.syslog_udp").await?,
                fluent: tcp(&server.fluent, "server.fluent").await?,
                statsd_tcp: tcp(&server.statsd_tcp, "server.statsd_tcp").await?,
                statsd_udp: udp(&server.statsd_udp, "server.statsd_udp").await?,
            };
        }
        Ok(listeners)
    }

    pub fn bound(&self, tls: bool) -> anyhow::Result<Bound> {
        let at = |listener: Option<&TcpListener>| listener.map(TcpListener::local_addr).transpose();
        Ok(Bound {
            http: at(self.http.first())?.context("there is a main listener")?,
            otlp_http: at(self.http.get(1))?,
            otlp_grpc: at(self.receivers.otlp_grpc.as_ref())?,
            syslog_tcp: at(self.receivers.syslog_tcp.as_ref())?,
            syslog_udp: self.receivers.syslog_udp.as_ref().map(UdpSocket::local_addr).transpose()?,
            fluent: at(self.receivers.fluent.as_ref())?,
            statsd_tcp: at(self.receivers.statsd_tcp.as_ref())?,
            statsd_udp: self.receivers.statsd_udp.as_ref().map(UdpSocket::local_addr).transpose()?,
            tls,
        })
    }
}

async fn tcp(listen: &Listen, setting: &str) -> anyhow::Result<Option<TcpListener>> {
    if listen.is_off() {
        return Ok(None);
    }
    let bound = TcpListener::bind(&*listen.resolve()?).await;
    bound.map(Some).map_err(|cause| explain(listen, setting, &cause))
}

async fn udp(listen: &Listen, setting: &str) -> anyhow::Result<Option<UdpSocket>> {
    if listen.is_off() {
        return Ok(None);
    }
    let bound = UdpSocket::bind(&*listen.resolve()?).await;
    bound.map(Some).map_err(|cause| explain(listen, setting, &cause))
}

fn explain(listen: &Listen, setting: &str, cause: &std::io::Error) -> anyhow::Error {
    match cause.kind() {
        ErrorKind::AddrInUse => anyhow!(
            "cannot listen on {listen}: another program does already (is Gantry running?); stop it, or choose another \
             address with {setting}"
        ),
        _ => anyhow!("cannot listen on {listen} ({setting}): {cause}"),
    }
}
