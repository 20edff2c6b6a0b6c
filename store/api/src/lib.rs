//! The contract of the stores of logs (append, query, tail, delete) and of metrics (append, query).
//!
//! Everything that writes or reads sees these traits and never the engine. [`memory::MemoryStore`] implements those of lines and
//! [`memory_metrics::MemoryMetrics`] those of metrics in memory, and [`contract`] is the suite that every implementation runs (both behind the feature `test-util`).
//!
//! ```text
//!   receiver --LogBatch--> Append::append --(durable, queryable, tailed)--> Commit --> acknowledge
//!                                             |
//!   query  <--LogRows--  Querier::scan  <-----+----->  Tail::tail --TailEvent--> subscriber
//! ```
//!
//! Never here: I/O, a concrete file format, HTTP.

mod append;
mod delete;
mod error;
mod metrics;
mod query;
mod tail;

#[cfg(feature = "test-util")]
pub mod contract;
#[cfg(feature = "test-util")]
pub mod memory;
#[cfg(feature = "test-util")]
pub mod memory_metrics;

pub use append::{Append, Commit};
pub use delete::{
    Cancelled, Delete, DeleteRequest, DeleteSeries, DeleteSeriesWhat, DeleteStatus, DeleteWhat, DeletedSeries,
};
pub use error::{ErrorKind, Retry, StoreError};
pub use metrics::{
    AppendMetrics, Cardinality, MetricCommit, MetricQuerier, MillisRange, QueryMetrics, RefusedPart, RefusedSample,
    RejectReason, SelectSeries, SeriesSet,
};
pub use query::{
    LogRows, Querier, Queryable, Scan, ScanColumns, ScanOrder, ScanReport, ScanRequest, ScanStream, StreamSummary,
    rows_schema,
};
pub use tail::{Lagged, Tail, TailEvent, TailLine, TailRequest, TailStream};
