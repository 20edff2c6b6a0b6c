//! The door: receivers and collectors, decoding, limits, and the counts of everything that passed or did not.
//!
//! ```text
//!   receiver  -> decompress -> decode -> Ingest::submit: transform -> validate -> admit -> Append -> acknowledge
//!   collector -> frame lines ----------> Ingest::submit ...                          -> checkpoint
//! ```
//!
//! Every line is accepted (and durable), refused (and the answer says so) or dropped (and counted); there is no fourth way.
//! Never here: storing, querying, knowledge of a file format of the store.
//!
//! Start with [`Ingest`], for metrics with [`MetricIngest`], then [`decode`].

mod admission;
pub mod collect;
mod compression;
pub mod decode;
mod error;
pub mod fluent;
pub mod grpc;
pub mod http;
mod incoming;
mod ingest;
mod label_cache;
pub mod machine;
mod metrics;
pub mod multiline;
mod options;
mod reason;
mod rpc_status;
mod samples;
pub mod scrape;
pub mod statsd;
pub mod syslog;
#[cfg(test)]
mod testing;
mod transform;
pub mod transport;
mod validate;

pub use admission::Reservation;
pub use compression::{Encoding, decompress};
pub use error::{Accepted, IngestError, Refusals, Refused};
pub use gantry_http_client::Secret;
pub use incoming::{Incoming, MetricIncoming};
pub use ingest::{Ingest, IngestSetupError};
pub use label_cache::LabelCache;
pub use options::{IngestOptions, InvalidOptions};
pub use reason::{Kind, Reason};
pub use samples::{Deltas, DeltasOf, MetricAccepted, MetricIngest};
pub use transform::{Transform, Transformed};
