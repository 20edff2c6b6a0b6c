//! Log lines as templates and typed variables.
//!
//! A *block* holds lines in the order given. Each line is a *template* (its fixed text) and the *values* of the
//! template's slots; the values of one slot are a column of numbers, of hexadecimal ids or of strings. Any bytes come
//! back exactly. Compaction moves rows from block to block as values ([`BlockMover::append_rows`]), and a search
//! compares a literal with each template once and then only with the slots that can hold it ([`Block::find`]).
//!
//! Start with [`BlockBuilder`] and [`BlockMover`] to write and [`Block`] to read; `docs/format/split.md` describes the bytes.
//! Never here: files, indexes, time, labels. Memory is bounded by the lines of one block.

mod block;
mod builder;
mod column;
mod encode;
mod error;
mod generalise;
mod line;
mod mover;
mod numbers;
mod pairs;
mod places;
mod read;
mod rows;
mod rowset;
mod search;
mod source;
mod strings;
mod template;
mod terms;
mod whole;

pub use block::{Block, Text};
pub use builder::{BlockBuilder, MAX_BLOCK_BYTES, MAX_BLOCK_ROWS};
pub use error::BodyError;
pub use mover::{BlockMover, TemplateMap};
pub use rowset::RowSet;
pub use source::Source;
pub use template::{Slot, Template};
pub use terms::TermSink;

#[cfg(test)]
mod tests;
