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
        let held = block.held(rows.clone());
        for (theirs, _) in &held {
            self.target(block, *theirs, map);
        }
        let is_whole = |(theirs, _): &(u32, Range<usize>)| matches!(map.targets[*theirs as usize], Target::Whole);
        if held.iter().any(is_whole) {
            return self.append_one_by_one(block, rows, map);
        }
        let number = |row: usize| match map.targets[block.template(row) as usize] {
            Target::Template { number, .. } => number,
            Target::Unknown | Target::Whole => 0,
        };
        self.rows.rows.extend(rows.map(number));
        // Rows of one template lie together in its columns: one column after the other.
        for (theirs, at) in held {
            self.append_columns(block, theirs, at, map)?;
        }
        Ok(())
    }

    /// Finds where the rows of a template go.
    fn target(&mut self, block: &Block, theirs: u32, map: &mut TemplateMap) {
        let (source, target) = (&block.templates()[theirs as usize], &mut map.targets[theirs as usize]);
        if let Target::Unknown = target {
            let strings = vec![Vec::new(); source.slots];
            let found = self.rows.template(&source.text);
            *target = found.map_or(Target::Whole, |number| Target::Template { number, strings });
        }
    }

    /// As [`BlockMover::append_rows`], where some rows have to be kept whole, among others that are.
    fn append_one_by_one(&mut self, block: &Block, rows: Range<usize>, map: &mut TemplateMap) -> Result<(), BodyError> {
        let mut cursor = block.cursor();
        for row in rows {
            let (theirs, at) = cursor.place(row);
            if let Target::Template { number, .. } = map.targets[theirs as usize] {
                self.rows.rows.push(number);
                self.append_columns(block, theirs, at..at + 1, map)?;
            } else {
                let mut line = Vec::new();
                block.write_place(theirs, at, &mut line)?;
                self.rows.push_raw(&line);
            }
        }
        Ok(())
    }

    /// Adds the values of some rows of a template of the block.
    fn append_columns(
        &mut self,
        block: &Block,
        theirs: u32,
        at: Range<usize>,
        map: &mut TemplateMap,
    ) -> Result<(), BodyError> {
        let Target::Template { number, strings } = &mut map.targets[theirs as usize] else { return Ok(()) };
        let first = self.rows.templates[*number as usize].first_column;
        for (slot, strings) in strings.iter_mut().enumerate() {
            self.append_values(block.column(theirs, slot)?, at.clone(), first + slot, strings);
        }
        Ok(())
    }

    /// Adds values to a column. A string is looked up once, and then known by its number.
    fn append_values(&mut self, from: &Column, at: Range<usize>, number: usize, strings: &mut Vec<u32>) {
        let (column, interner) = (&mut self.rows.columns[number], &mut self.rows.interner);
        if column.extend_from(from, at.clone()) {
            return;
        }
        let (Column::Strings { texts, ids }, Column::Strings { texts: theirs, ids: other }) = (&mut *column, from)
        else {
            return at.for_each(|at| column.push_from(from, at, number as u32, interner));
        };
        if strings.is_empty() {
            strings.resize(theirs.len(), UNKNOWN);
        }
        ids.extend(other[at].iter().map(|string| {
            let known = &mut strings[*string as usize];
            if *known == UNKNOWN {
                *known = interner.intern(number as u32, theirs.get(*string as usize), texts);
            }
            *known
        }));
    }

    /// The bytes of the block, and the block itself to read from. `level` is zstd's.
    ///
    /// # Errors
    /// The compressor refuses.
    pub fn finish(mut self, level: i32) -> Result<(Vec<u8>, Block), BodyError> {
        self.rows.split_whole(encode::FRAME_BYTES);
        let bytes = encode::encode(&self.rows, level)?;
        Ok((bytes, Block::from_rows(self.rows)))
    }
}
