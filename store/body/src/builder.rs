//! Builds a block: lines or rows of other blocks go in, bytes come out.

use crate::block::Block;
use crate::column::Column;
use crate::encode;
use crate::error::BodyError;
use crate::generalise::generalise;
use crate::line::{CutLine, RAW};
use crate::strings::Interner;
use crate::template::Template;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64;

/// Most rows of a block.
pub const MAX_BLOCK_ROWS: usize = 131_072;
/// A block that holds this many bytes of lines takes no more.
pub const MAX_BLOCK_BYTES: usize = 32 << 20;
/// Most templates of a block, and bytes of their text; further lines without one are kept whole. Random text stops here.
const MAX_TEMPLATES: usize = 1 << 15;
const MAX_TEMPLATE_BYTES: usize = 4 << 20;

/// Keys are hashes already.
#[derive(Debug, Default)]
pub(crate) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {}
    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

/// Templates, their columns, and which template each row has.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub templates: Vec<Template>,
    pub columns: Vec<Column>,
    pub rows: Vec<u32>,
    pub interner: Interner,
    by_hash: HashMap<u64, u32, BuildHasherDefault<KeyHasher>>,
    template_bytes: usize,
}

impl Rows {
    /// The number of the template with this text; `None` when it is new and there is no room.
    pub fn template(&mut self, text: &[u8]) -> Option<u32> {
        let hash = xxh3_64(text);
        if let Some(found) = self.by_hash.get(&hash) {
            return (self.templates[*found as usize].text == text).then_some(*found);
        }
        let full = self.templates.len() >= MAX_TEMPLATES || self.template_bytes + text.len() > MAX_TEMPLATE_BYTES;
        (!full || text == [RAW]).then(|| self.add(text, hash))
    }

    /// Adds a template, whether there is room or not.
    fn add(&mut self, text: &[u8], hash: u64) -> u32 {
        let template = Template::new(text, self.columns.len());
        self.columns.resize_with(self.columns.len() + template.slots, Column::default);
        self.template_bytes += text.len();
        self.templates.push(template);
        let number = self.templates.len() as u32 - 1;
        self.by_hash.insert(hash, number);
        number
    }

    /// Whether there is a template with this text, or one that cannot be told from it.
    pub fn has(&self, text: &[u8]) -> bool {
        self.by_hash.contains_key(&xxh3_64(text))
    }

    /// Adds a template that is not there yet.
    pub fn add_new(&mut self, text: &[u8]) -> u32 {
        self.add(text, xxh3_64(text))
    }

    pub fn push_value(&mut self, column: usize, text: &[u8]) {
        self.columns[column].push(text, column as u32, &mut self.interner);
    }

    pub fn push_raw(&mut self, line: &[u8]) {
        let known = self.template(&[RAW]);
        let raw = known.unwrap_or_else(|| self.add(&[RAW], 0));
        let column = self.templates[raw as usize].first_column;
        self.rows.push(raw);
        self.push_value(column, line);
    }
}

/// Takes lines until it is full, then makes the bytes of a block of them.
#[derive(Debug, Default)]
pub struct BlockBuilder {
    rows: Rows,
    cut: CutLine,
    bytes: usize,
}

impl BlockBuilder {
    /// An empty block.
    pub fn new() -> Self {
        BlockBuilder::default()
    }

    /// Rows taken so far.
    pub fn len(&self) -> usize {
        self.rows.rows.len()
    }

    /// Whether there is no row yet.
    pub fn is_empty(&self) -> bool {
        self.rows.rows.is_empty()
    }

    /// Whether the block should take no more; at most [`MAX_BLOCK_ROWS`] rows, about [`MAX_BLOCK_BYTES`].
    pub fn is_full(&self) -> bool {
        self.len() >= MAX_BLOCK_ROWS || self.bytes >= MAX_BLOCK_BYTES
    }

    /// Adds a line; any bytes.
    pub fn push(&mut self, line: &[u8]) {
        self.bytes += line.len();
        let template = if self.cut.cut(line) { self.rows.template(&self.cut.template) } else { None };
        let Some(template) = template else { return self.rows.push_raw(line) };
        self.rows.rows.push(template);
        let first = self.rows.templates[template as usize].first_column;
        for (at, value) in self.cut.values.iter().enumerate() {
            self.rows.push_value(first + at, &line[value.start as usize..value.end as usize]);
        }
    }

    /// Adds rows of another block as values, without making text of them. `map` remembers between calls for the same
    /// `block` which template is which; it starts empty.
    pub fn append_rows(&mut self, block: &Block, rows: Range<usize>, map: &mut TemplateMap) -> Result<(), BodyError> {
        map.templates.resize(block.templates().len(), None);
        for row in rows {
            let (theirs, at) = block.place(row);
            let template = match map.templates[theirs as usize] {
                Some(known) => known,
                None => {
                    let text = &block.templates()[theirs as usize].text;
                    let found = self.rows.template(text);
                    map.templates[theirs as usize] = Some(found);
                    found
                }
            };
            let Some(template) = template else {
                let mut line = Vec::new();
                block.write_row(row, &mut line)?;
                self.rows.push_raw(&line);
                continue;
            };
            self.rows.rows.push(template);
            let first = self.rows.templates[template as usize].first_column;
            let source = &block.templates()[theirs as usize];
            for slot in 0..source.slots {
                let from = block.column(source.first_column + slot)?;
                let number = first + slot;
                self.rows.columns[number].push_from(from, at, number as u32, &mut self.rows.interner);
            }
        }
        Ok(())
    }

    /// Counts bytes of lines that came by [`BlockBuilder::append_rows`], for [`BlockBuilder::is_full`].
    pub fn add_bytes(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// The bytes of the block, and the block itself to read from. `level` is zstd's.
    pub fn finish(self, level: i32) -> Result<(Vec<u8>, Block), BodyError> {
        let rows = generalise(self.rows);
        let bytes = encode::encode(&rows, level)?;
        Ok((bytes, Block::from_rows(rows)))
    }
}

/// Which template of a builder is which of a block, filled by [`BlockBuilder::append_rows`].
#[derive(Debug, Default)]
pub struct TemplateMap {
    templates: Vec<Option<Option<u32>>>,
}
