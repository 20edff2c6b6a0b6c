//! Clients of HTTP as Prometheus configures them: credentials, files of credentials, TLS (prometheus.io, "Configuration",
//! `http_config`). Shared by what fetches and what sends. Never here: what is fetched or sent, retries, the process'
//! choice of cryptography.
//!
//! Start with [`ClientConfig`] and [`HttpClient`].

mod check;
mod client;
mod config;
mod oauth;
mod secret;
mod tls;

pub use client::{HttpClient, Unusable, causes};
pub use config::{BasicAuth, ClientConfig, Credentials, HeaderValues, OAuth2, TlsConfig, TlsVersion};
pub use secret::Secret;
pub use tls::tls_client;
