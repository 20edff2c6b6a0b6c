//! Fluent Forward over TCP, as Fluentd and Fluent Bit send it.
//!
//! Source: "Fluentd Forward Protocol Specification v1" (github.com/fluent/fluentd, wiki): the four modes Message, Forward,
//! PackedForward and CompressedPackedForward, event times, `chunk` acknowledgements, and the handshake with a shared key.
//! An acknowledgement is sent when the lines are on disk. UDP heartbeats are not answered; a nil on the connection is one
//! too, and is read over.
//!
//! Start with [`serve`]. Never here: files, other inputs, or sending on to other servers.

mod decode;
mod framing;
mod handshake;
mod options;
mod server;

pub use decode::{FluentMessage, decode};
pub use framing::{FrameError, Scanner};
pub use options::FluentOptions;
pub use server::serve;
