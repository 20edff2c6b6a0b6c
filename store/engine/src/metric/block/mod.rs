//! A block: the samples of one tenant, shard and stretch of time in a Parquet file with a row for each series.
//!
//! Rows are sorted by labels. The columns of samples hold frames (`gantry-chunk`); all others any Parquet reader
//! understands. Bytes: `docs/format/metrics.md`. Start with [`BlockWriter`] and [`Block`].

mod file;
mod meta;
mod reader;
mod rows;
mod writer;

pub(crate) use meta::BlockMeta;
pub(crate) use reader::{Block, ScannedRow};
pub(crate) use rows::{Rows, encode_labels};
pub(crate) use writer::{BlockWriter, EncodedBlock, LabelsBuilder, NewRow, labels_builder, labels_type};
