//! TLS for listeners: certificates from files, read again when they change, and client certificates as credentials.
//!
//! Never here: what is spoken inside. Start with [`Tls`].

mod client;
mod files;
mod reload;
#[cfg(test)]
mod tests;

pub use client::client_config;

use crate::config::TlsOptions;
use async_trait::async_trait;
use gantry_ingest::transport::{Secure, Stream};
use parking_lot::RwLock;
use rustls::ServerConfig;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Longest time from the connection to the end of the handshake.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The server's side of TLS, shared by all listeners. Connections keep what they began with; new ones use the newest files.
#[derive(Debug)]
pub struct Tls {
    options: TlsOptions,
    current: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// Reads the files. `None` when TLS is not configured.
    pub fn load(options: &TlsOptions) -> anyhow::Result<Option<Arc<Tls>>> {
        if !options.is_on() {
            return Ok(None);
        }
        let current = RwLock::new(files::server_config(options)?);
        Ok(Some(Arc::new(Tls { options: options.clone(), current })))
    }

    /// Agrees with the client, in time.
    pub async fn handshake(&self, connection: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let acceptor = TlsAcceptor::from(self.current.read().clone());
        match tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(connection)).await {
            Ok(agreed) => agreed,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the handshake took too long")),
        }
    }
}

#[async_trait]
impl Secure for Tls {
    async fn secure(&self, connection: TcpStream) -> io::Result<Box<dyn Stream>> {
        Ok(Box::new(self.handshake(connection).await?))
    }
}
