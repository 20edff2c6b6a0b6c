//! Collects the bodies of a split into blocks: lines from a memtable, or rows of blocks of other splits.

use super::body::corrupt;
use gantry_body::{Block, BlockBuilder, BlockMover, MAX_BLOCK_BYTES, MAX_BLOCK_ROWS, TemplateMap};
use gantry_store_api::StoreError;
use std::ops::Range;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_128;

/// A body on its way into a split.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    Text(&'a str),
    /// A row of a block.
    Row(&'a Arc<Block>, usize),
}

impl Body<'_> {
    /// Bytes of the text.
    pub fn text_bytes(&self) -> Result<usize, StoreError> {
        match self {
            Body::Text(text) => Ok(text.len()),
            Body::Row(block, row) => block.row_len(*row).map_err(corrupt),
        }
    }

    fn hash(&self) -> Result<u128, StoreError> {
        match self {
            Body::Text(text) => Ok(xxh3_128(text.as_bytes())),
            Body::Row(block, row) => {
                let mut text = Vec::new();
                block.write_row(*row, &mut text).map_err(corrupt)?;
                Ok(xxh3_128(&text))
            }
        }
    }
}

/// Bodies of the block that is being filled. A split takes either kind, never both.
#[derive(Debug)]
pub enum Bodies {
    Lines(Box<BlockBuilder>),
    Rows(Box<MovedRows>),
}

/// Rows of other blocks; consecutive ones are moved together.
#[derive(Debug, Default)]
pub struct MovedRows {
    mover: BlockMover,
    bytes: usize,
    sources: Vec<(Arc<Block>, TemplateMap)>,
    /// The last rows taken, not moved yet.
    run: Option<(usize, Range<usize>)>,
}

impl Bodies {
    /// For lines.
    pub fn of_lines() -> Self {
        Bodies::Lines(Box::default())
    }

    /// For rows of blocks.
    pub fn of_rows() -> Self {
        Bodies::Rows(Box::default())
    }

    pub fn push(&mut self, body: Body<'_>, len: usize) -> Result<(), StoreError> {
        match (self, body) {
            (Bodies::Lines(builder), Body::Text(text)) => {
                builder.push(text.as_bytes());
                Ok(())
            }
            (Bodies::Rows(moved), Body::Row(block, row)) => {
                moved.bytes += len;
                moved.push(block, row)
            }
            _ => Err(StoreError::internal("a split takes lines or rows, not both")),
        }
    }

    /// Whether the block has to end; asked after each granule.
    pub fn is_full(&self, rows: usize) -> bool {
        let bytes = match self {
            Bodies::Lines(builder) => builder.bytes(),
            Bodies::Rows(moved) => moved.bytes,
        };
        bytes >= MAX_BLOCK_BYTES || rows >= MAX_BLOCK_ROWS
    }

    /// The block, and an empty one begins.
    pub fn finish(&mut self, level: i32) -> Result<(Vec<u8>, Block), StoreError> {
        match self {
            Bodies::Lines(builder) => std::mem::take(&mut **builder).finish(level).map_err(corrupt),
            Bodies::Rows(moved) => {
                moved.move_run()?;
                let MovedRows { mover, .. } = std::mem::take(&mut **moved);
                mover.finish(level).map_err(corrupt)
            }
        }
    }
}

impl MovedRows {
    fn push(&mut self, block: &Arc<Block>, row: usize) -> Result<(), StoreError> {
        if let Some((source, rows)) = &mut self.run
            && rows.end == row
            && Arc::ptr_eq(&self.sources[*source].0, block)
        {
            rows.end += 1;
            return Ok(());
        }
        self.move_run()?;
        let known = self.sources.iter().position(|(source, _)| Arc::ptr_eq(source, block));
        let source = known.unwrap_or_else(|| {
            self.sources.push((block.clone(), TemplateMap::default()));
            self.sources.len() - 1
        });
        self.run = Some((source, row..row + 1));
        Ok(())
    }

    fn move_run(&mut self) -> Result<(), StoreError> {
        let Some((source, rows)) = self.run.take() else { return Ok(()) };
        let (block, map) = &mut self.sources[source];
        self.mover.append_rows(block, rows, map).map_err(corrupt)
    }
}

/// The previous row, and hashes of all rows of its timestamp once there is a second one.
#[derive(Debug, Default)]
pub struct LastBody {
    text: String,
    row: Option<(Arc<Block>, usize)>,
    metadata: String,
    run: Vec<u128>,
}

impl LastBody {
    /// Notes the first row of a timestamp.
    pub fn set(&mut self, body: Body<'_>, metadata: &str) {
        self.run.clear();
        self.metadata.clear();
        self.metadata.push_str(metadata);
        match (body, &mut self.row) {
            (Body::Text(text), _) => {
                self.text.clear();
                self.text.push_str(text);
            }
            (Body::Row(block, row), Some((same, last))) if Arc::ptr_eq(same, block) => *last = row,
            (Body::Row(block, row), slot) => *slot = Some((block.clone(), row)),
        }
    }

    /// Notes a further row of the timestamp; false when it repeats one.
    pub fn is_new(&mut self, body: Body<'_>, metadata: &str) -> Result<bool, StoreError> {
        if self.run.is_empty() {
            let first = match &self.row {
                Some((block, row)) => Body::Row(block, *row),
                None => Body::Text(&self.text),
            };
            self.run.push(hash(first, &self.metadata)?);
        }
        let hash = hash(body, metadata)?;
        let is_new = !self.run.contains(&hash);
        if is_new {
            self.run.push(hash);
        }
        Ok(is_new)
    }
}

fn hash(body: Body<'_>, metadata: &str) -> Result<u128, StoreError> {
    Ok(body.hash()? ^ xxh3_128(metadata.as_bytes()).rotate_left(1))
}
