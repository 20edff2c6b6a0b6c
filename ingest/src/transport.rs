//! What a stream receiver reads from: a TCP connection, plain or under TLS. Who makes the TLS is not known here.

use async_trait::async_trait;
use std::fmt::Debug;
use std::io;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// A connection, whatever protects it.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Turns an accepted connection into the stream that is read. Called in the task of the connection, so that one slow
/// client holds up nobody else.
#[async_trait]
pub trait Secure: Debug + Send + Sync {
    /// # Errors
    /// When the client does not agree on how to protect the connection, or not in time. The connection is closed.
    async fn secure(&self, connection: TcpStream) -> io::Result<Box<dyn Stream>>;
}

/// No protection: the connection as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

#[async_trait]
impl Secure for Plain {
    async fn secure(&self, connection: TcpStream) -> io::Result<Box<dyn Stream>> {
        Ok(Box::new(connection))
    }
}
