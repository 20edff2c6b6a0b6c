//! Builds a block of lines.

use crate::block::Block;
use crate::encode;
use crate::error::BodyError;
use crate::generalise::{Candidates, Fate, Source, fates};
use crate::line::CutLine;
use crate::rows::{HashedMap, Rows};
use crate::strings::Texts;
use xxhash_rust::xxh3::xxh3_64;

/// Most rows of a block.
pub const MAX_BLOCK_ROWS: usize = 131_072;
/// A block that holds this many bytes of lines takes no more.
pub const MAX_BLOCK_BYTES: usize = 32 << 20;

/// Takes lines until it is full, then makes the bytes of a block of them. Holds the text of the lines until then,
/// because only the whole block tells which words are values.
#[derive(Debug, Default)]
pub struct BlockBuilder {
    lines: Texts,
    cut: CutLine,
    candidates: Candidates,
    by_hash: HashedMap<u32>,
    /// Candidate of each line, `WHOLE` when it is kept whole.
    rows: Vec<u32>,
    /// Start and length of the values of all lines, within the line.
    values: Vec<(u32, u32)>,
}

const WHOLE: u32 = u32::MAX;

impl BlockBuilder {
    /// An empty block.
    pub fn new() -> Self {
        BlockBuilder::default()
    }

    /// Lines taken so far.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no line yet.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Bytes of the lines taken so far.
    pub fn bytes(&self) -> usize {
        self.lines.bytes.len()
    }

    /// Whether the block must take no more: it has [`MAX_BLOCK_ROWS`] lines or [`MAX_BLOCK_BYTES`].
    pub fn is_full(&self) -> bool {
        self.len() >= MAX_BLOCK_ROWS || self.lines.bytes.len() >= MAX_BLOCK_BYTES
    }

    /// Adds a line; any bytes.
    pub fn push(&mut self, line: &[u8]) {
        self.lines.push(line);
        let candidate = if self.cut.cut(line) { self.candidate() } else { WHOLE };
        if candidate != WHOLE {
            self.values.extend(self.cut.values.iter().map(|value| (value.start, value.end - value.start)));
        }
        self.rows.push(candidate);
    }

    fn candidate(&mut self) -> u32 {
        let Candidates { texts, counts } = &mut self.candidates;
        let text = &self.cut.template;
        let number = *self.by_hash.entry(xxh3_64(text)).or_insert_with(|| {
            texts.push(text);
            counts.push(0);
            counts.len() as u32 - 1
        });
        if texts.get(number as usize) != text {
            return WHOLE;
        }
        counts[number as usize] += 1;
        number
    }

    /// The bytes of the block, and the block itself to read from. `level` is zstd's.
    ///
    /// # Errors
    /// The compressor refuses.
    pub fn finish(self, level: i32) -> Result<(Vec<u8>, Block), BodyError> {
        let rows = self.into_rows();
        let bytes = encode::encode(&rows, level)?;
        Ok((bytes, Block::from_rows(rows)))
    }

    /// The block alone, to move its rows elsewhere.
    pub fn build(self) -> Block {
        Block::from_rows(self.into_rows())
    }

    fn into_rows(self) -> Rows {
        let mut rows = Rows::default();
        let mut fates = fates(&self.candidates, &mut rows);
        rows.rows.reserve(self.rows.len());
        let mut values = self.values.as_slice();
        for (line, candidate) in self.lines.iter().zip(&self.rows) {
            if *candidate == WHOLE {
                rows.push_raw(line);
                continue;
            }
            let text = self.candidates.texts.get(*candidate as usize);
            let fate = &mut fates[*candidate as usize];
            if let Fate::Undecided = fate {
                *fate = rows.template(text).map_or(Fate::Whole, Fate::Keep);
            }
            let (mine, rest) = values.split_at(slots_of(text));
            values = rest;
            push(&mut rows, fate, text, line, mine);
        }
        rows
    }
}

fn slots_of(text: &[u8]) -> usize {
    memchr::memchr_iter(crate::line::SLOT, text).count()
}

fn push(rows: &mut Rows, fate: &mut Fate, text: &[u8], line: &[u8], values: &[(u32, u32)]) {
    let value = |at: usize| {
        let (start, len) = values[at];
        &line[start as usize..(start + len) as usize]
    };
    match fate {
        Fate::Whole | Fate::Undecided => rows.push_raw(line),
        Fate::Keep(template) => {
            rows.rows.push(*template);
            let first = rows.templates[*template as usize].first_column;
            (0..values.len()).for_each(|at| rows.push_value(first + at, value(at)));
        }
        Fate::Join { template, slots } => {
            rows.rows.push(*template);
            let first = rows.templates[*template as usize].first_column;
            for (at, source) in slots.iter_mut().enumerate() {
                match source {
                    Source::Slot(slot) => rows.push_value(first + at, value(*slot as usize)),
                    Source::Word(word) => rows.push_word(first + at, word, text),
                }
            }
        }
    }
}
