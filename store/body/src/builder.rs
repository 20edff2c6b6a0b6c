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
        let Candidates { texts, counts, slots } = &mut self.candidates;
        let text = &self.cut.template;
        let number = *self.by_hash.entry(xxh3_64(text)).or_insert_with(|| {
            texts.push(text);
            counts.push(0);
            slots.push(self.cut.values.len() as u32);
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
        let mut rows = self.into_rows();
        rows.split_whole(encode::FRAME_BYTES);
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
        let firsts = self.choose_templates(&mut fates, &mut rows);
        // One template after the other: its columns stay at hand while they grow.
        let (order, ends) = by_template(&rows);
        let mut start = 0;
        for (template, end) in ends.into_iter().enumerate() {
            let column = rows.templates[template].first_column;
            for line in &order[start as usize..end as usize] {
                let (line, candidate) = (*line as usize, self.rows[*line as usize]);
                let filled = Filled { line: self.lines.get(line), values: &self.values[firsts[line] as usize..] };
                match (candidate != WHOLE).then(|| &mut fates[candidate as usize]) {
                    None | Some(Fate::Whole | Fate::Undecided) => rows.push_value(column, filled.line),
                    Some(Fate::Keep(_)) => {
                        let slots = self.candidates.slots[candidate as usize];
                        (0..slots as usize).for_each(|at| rows.push_value(column + at, filled.value(at)));
                    }
                    Some(Fate::Join { slots, .. }) => {
                        let text = self.candidates.texts.get(candidate as usize);
                        join(&mut rows, column, slots, text, &filled);
                    }
                }
            }
            start = end;
        }
        rows
    }

    /// Gives every line its template, in `rows.rows`; where the values of each line begin.
    fn choose_templates(&self, fates: &mut [Fate], rows: &mut Rows) -> Vec<u32> {
        let mut firsts = Vec::with_capacity(self.rows.len());
        let mut first = 0;
        rows.rows.reserve(self.rows.len());
        for candidate in &self.rows {
            firsts.push(first);
            if *candidate == WHOLE {
                let raw = rows.raw();
                rows.rows.push(raw);
                continue;
            }
            first += self.candidates.slots[*candidate as usize];
            let fate = &mut fates[*candidate as usize];
            if let Fate::Undecided = fate {
                let text = self.candidates.texts.get(*candidate as usize);
                *fate = rows.template(text).map_or(Fate::Whole, Fate::Keep);
            }
            let template = match fate {
                Fate::Keep(template) | Fate::Join { template, .. } => *template,
                Fate::Whole | Fate::Undecided => rows.raw(),
            };
            rows.rows.push(template);
        }
        firsts
    }
}

/// A line and its values, and those of the lines after it.
struct Filled<'a> {
    line: &'a [u8],
    values: &'a [(u32, u32)],
}

impl<'a> Filled<'a> {
    fn value(&self, at: usize) -> &'a [u8] {
        let (start, len) = self.values[at];
        &self.line[start as usize..(start + len) as usize]
    }
}

/// Adds the values of a line to the columns of a generalised template, from `column` on.
fn join(rows: &mut Rows, column: usize, slots: &mut [Source], text: &[u8], filled: &Filled<'_>) {
    for (at, source) in slots.iter_mut().enumerate() {
        match source {
            Source::Slot(slot) => rows.push_value(column + at, filled.value(*slot as usize)),
            Source::Word(word) => rows.push_word(column + at, word, text),
        }
    }
}

/// Rows in the order of their templates, and where each template ends.
fn by_template(rows: &Rows) -> (Vec<u32>, Vec<u32>) {
    let mut ends = vec![0u32; rows.templates.len()];
    rows.rows.iter().for_each(|template| ends[*template as usize] += 1);
    let mut sum = 0;
    for end in &mut ends {
        (sum, *end) = (sum + *end, sum);
    }
    let mut order = vec![0; rows.rows.len()];
    for (row, template) in rows.rows.iter().enumerate() {
        let place = &mut ends[*template as usize];
        order[*place as usize] = row as u32;
        *place += 1;
    }
    (order, ends)
}
