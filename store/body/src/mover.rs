//! Builds a block of rows of other blocks, as values, without making text of them.

use crate::block::Block;
use crate::column::Column;
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
    targets: Vec<Target>,
}

/// Where the rows of a template go.
#[derive(Clone, Debug, Default)]
enum Target {
    #[default]
    Unknown,
    /// There is no equal template; rows are kept whole.
    Whole,
    /// To this template; for each slot, the number in the mover of each string that the block's column has.
    Template { number: u32, strings: Vec<Vec<u32>> },
}

/// A string whose number in the mover is not known yet.
const UNKNOWN: u32 = u32::MAX;

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
        map.targets.resize(block.templates().len(), Target::Unknown);
        for row in rows {
            let (theirs, at) = block.place(row);
            let source = &block.templates()[theirs as usize];
            let target = &mut map.targets[theirs as usize];
            if let Target::Unknown = target {
                let found = self.rows.template(&source.text);
                let strings = vec![Vec::new(); source.slots];
                *target = found.map_or(Target::Whole, |number| Target::Template { number, strings });
            }
            let Target::Template { number, strings } = target else {
                let mut line = Vec::new();
                block.write_row(row, &mut line)?;
                self.rows.push_raw(&line);
                continue;
            };
            self.rows.rows.push(*number);
            let first = self.rows.templates[*number as usize].first_column;
            for (slot, strings) in strings.iter_mut().enumerate() {
                self.append_value(block.column(source.first_column + slot)?, at, first + slot, strings);
            }
        }
        Ok(())
    }

    /// Adds a value to a column. A string is looked up once, and then known by its number.
    fn append_value(&mut self, from: &Column, at: usize, number: usize, strings: &mut Vec<u32>) {
        let (column, interner) = (&mut self.rows.columns[number], &mut self.rows.interner);
        let (Column::Strings { texts, ids }, Column::Strings { texts: theirs, ids: other }) = (&mut *column, from)
        else {
            return column.push_from(from, at, number as u32, interner);
        };
        if strings.is_empty() {
            strings.resize(theirs.len(), UNKNOWN);
        }
        let string = other[at] as usize;
        if strings[string] == UNKNOWN {
            strings[string] = interner.intern(number as u32, theirs.get(string), texts);
        }
        ids.push(strings[string]);
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
