//! Syslog over TCP and UDP: RFC 5424 and RFC 3164 messages, in RFC 6587 framing on TCP.
//!
//! ```text
//!   bytes -> Framer -> parse -> Batch -(size or age)-> Ingest::submit
//! ```
//!
//! A sender of syslog is never told what became of a line. So TCP stops reading while the store does not accept, and UDP,
//! which cannot hold a sender back, counts what it drops.
//!
//! Start with [`serve_tcp`], [`serve_udp`] and [`parse`].

mod batch;
mod entries;
mod framing;
mod message;
mod options;
mod rfc3164;
mod rfc5424;
mod tcp;
mod udp;

pub use framing::{Frame, Framer};
pub use message::{Message, parse};
pub use options::{SyslogField, SyslogOptions};
pub use tcp::serve_tcp;
pub use udp::serve_udp;
