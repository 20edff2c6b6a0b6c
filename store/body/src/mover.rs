//! Builds a block of rows of other blocks, as values, without making text of them.

use crate::block::Block;
use crate::encode;
use crate::error::BodyError;
use crate::rows::Rows;
use std::ops::Range;

/// Takes rows of blocks and makes the bytes of a block of them.
#[derive(Debug, Default)]
pub struct BlockMover {
    rows: Rows,
}

/// Which template of a mover is which of a block, filled by [`BlockMover::append_rows`]; one for each pair of them.
#[derive(Debug, Default)]
pub struct TemplateMap {
    /// The inner one is `None` when there is no equal template and rows have to be kept whole.
    templates: Vec<Option<Option<u32>>>,
}

impl BlockMover {
    /// An empty block.
    pub fn new() -> Self {
        BlockMover::default()
    }

    /// Rows taken so far; the caller stops at [`crate::MAX_BLOCK_ROWS`].
    pub fn len(&self) -> usize {
        self.rows.rows.len()
    }

    /// Whether there is no row yet.
    pub fn is_empty(&self) -> bool {
        self.rows.rows.is_empty()
    }

    /// Adds rows of another block. `map` belongs to this mover and `block` and starts empty.
    ///
    /// # Errors
    /// A frame of `block` is damaged.
    pub fn append_rows(&mut self, block: &Block, rows: Range<usize>, map: &mut TemplateMap) -> Result<(), BodyError> {
        map.templates.resize(block.templates().len(), None);
        for row in rows {
            let (theirs, at) = block.place(row);
            let source = &block.templates()[theirs as usize];
            let known = &mut map.templates[theirs as usize];
            let Some(template) = *known.get_or_insert_with(|| self.rows.template(&source.text)) else {
                let mut line = Vec::new();
                block.write_row(row, &mut line)?;
                self.rows.push_raw(&line);
                continue;
            };
            self.rows.rows.push(template);
            let first = self.rows.templates[template as usize].first_column;
            for slot in 0..source.slots {
                let from = block.column(source.first_column + slot)?;
                let number = first + slot;
                self.rows.columns[number].push_from(from, at, number as u32, &mut self.rows.interner);
            }
        }
        Ok(())
    }

    /// The bytes of the block, and the block itself to read from. `level` is zstd's.
    ///
    /// # Errors
    /// The compressor refuses.
    pub fn finish(self, level: i32) -> Result<(Vec<u8>, Block), BodyError> {
        let bytes = encode::encode(&self.rows, level)?;
        Ok((bytes, Block::from_rows(self.rows)))
    }
}
