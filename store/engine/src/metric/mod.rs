//! The metric store: samples survive a crash, can be queried at once, and end up in small, open files.
//!
//! ```text
//!   append --> heads (series, label index, compressed samples) --> log of the shard --> acknowledged
//!                |
//!              flush: blocks (Parquet) + one catalog transaction --> compaction, retention
//! ```
//! A shard is a share of the series with a log and a writer of its own, as a partition is of the streams. Start with
//! [`MetricStore`], then `writer` for the order of things, `head` and `series` for what is in memory, `querier` for how
//! it is read. Bytes: `docs/format/metrics.md`. Never here: HTTP, PromQL.

mod block;
mod check;
mod compaction;
mod counters;
mod delete;
mod exemplar_file;
mod exemplars;
mod flush;
mod head;
mod index;
mod labels;
mod limits;
mod metadata;
mod options;
mod querier;
mod record;
mod replay;
mod retention;
mod selection;
mod series;
mod shard;
mod store;
#[cfg(test)]
mod tests;
mod thin;
mod writer;

pub(crate) use block::BlockMeta;
pub(crate) use check::{count_block, count_samples};
pub(crate) use counters::MetricCounters;
pub(crate) use exemplar_file::{ExemplarFiles, ExemplarMeta, read as read_exemplars};
pub use limits::{Kept, MetricTenant};
pub use options::MetricOptions;
pub(crate) use store::MetricStore;
