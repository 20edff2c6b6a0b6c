//! Splits: immutable pairs of a Parquet file with the lines and an index file that says which parts to read.
//!
//! Write with [`SplitWriter`], read with [`Split`]. The bytes are described in `docs/format/split.md`.
//! Never here: the catalog, deciding what to write or to merge.

mod bodies;
mod body;
mod draft;
mod file;
mod granule;
mod index;
mod literal;
mod meta;
mod reader;
mod select;
mod sorted;
mod tokens;
mod words;
mod writer;

#[cfg(test)]
mod tests;

pub use bodies::Body;
pub use draft::{Draft, DraftFile, SplitBytes};
pub use granule::GRANULE_ROWS;
pub use index::{Granule, SplitIndex, SplitStream};
pub use literal::required_texts;
pub use meta::{ObjectInfo, SplitId, SplitMeta};
pub use reader::{OpenSplit, RowColumns, Split};
pub use select::{Selected, Texts};
pub use sorted::{SortedChunk, SortedRows};
pub use writer::{EncodedSplit, SplitOptions, SplitSummary, SplitWriter};
