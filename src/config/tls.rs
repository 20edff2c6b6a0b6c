//! `[tls]`: certificates of the listeners.

use super::Problem;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// TLS on every TCP listener: HTTP with its WebSockets, OTLP over gRPC, syslog, Fluent Forward. Syslog over UDP stays as it
/// is. Files are PEM and are read again when they change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsOptions {
    /// The server's certificate, followed by those between it and its authority. None (the default): no TLS.
    pub cert: Option<PathBuf>,
    /// The key of the certificate, not encrypted.
    pub key: Option<PathBuf>,
    /// Authorities of client certificates. When set, a client without a certificate of theirs is turned away: that is the
    /// credential that listeners beyond loopback ask for.
    pub client_ca: Option<PathBuf>,
    /// The oldest version that is spoken, "1.2" or "1.3". Default "1.2".
    pub min_version: TlsVersion,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TlsVersion {
    #[default]
    #[serde(rename = "1.2")]
    V12,
    #[serde(rename = "1.3")]
    V13,
}

impl TlsOptions {
    pub fn is_on(&self) -> bool {
        self.cert.is_some()
    }

    /// Whether clients are known by their certificates, as listeners beyond loopback need it.
    pub fn knows_clients(&self) -> bool {
        self.is_on() && self.client_ca.is_some()
    }

    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        let mut missing = |key, why| problems.push(Problem::new(format!("tls.{key}"), why));
        match (&self.cert, &self.key) {
            (Some(_), None) => missing("key", "is missing: a certificate needs its key (--tls-key)"),
            (None, Some(_)) => missing("cert", "is missing: a key needs its certificate (--tls-cert)"),
            (None, None) if self.client_ca.is_some() => {
                missing("cert", "is missing: client certificates need TLS (--tls-cert, --tls-key)");
            }
            _ => {}
        }
    }
}
