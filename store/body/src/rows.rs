//! Templates, their columns, and which template each row has: what a block is made of.

use crate::column::Column;
use crate::generalise::Word;
use crate::line::RAW;
use crate::strings::Interner;
use crate::template::Template;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use xxhash_rust::xxh3::xxh3_64;

/// Keys are hashes already.
#[derive(Debug, Default)]
pub struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {}
    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

/// A map whose keys are hashes.
pub type HashedMap<V> = HashMap<u64, V, BuildHasherDefault<KeyHasher>>;

/// Grows row by row.
#[derive(Debug, Default)]
pub struct Rows {
    pub templates: Vec<Template>,
    pub columns: Vec<Column>,
    pub rows: Vec<u32>,
    pub interner: Interner,
    by_hash: HashedMap<u32>,
}

impl Rows {
    /// The number of the template with this text; `None` when another with the same hash is there.
    pub fn template(&mut self, text: &[u8]) -> Option<u32> {
        let hash = xxh3_64(text);
        match self.by_hash.get(&hash) {
            Some(found) => (self.templates[*found as usize].text == text).then_some(*found),
            None => Some(self.add(text, hash)),
        }
    }

    fn add(&mut self, text: &[u8], hash: u64) -> u32 {
        let template = Template::new(text, self.columns.len());
        self.columns.resize_with(self.columns.len() + template.slots, Column::default);
        self.templates.push(template);
        let number = self.templates.len() as u32 - 1;
        self.by_hash.insert(hash, number);
        number
    }

    pub fn push_value(&mut self, column: usize, text: &[u8]) {
        self.columns[column].push(text, column as u32, &mut self.interner);
    }

    /// Adds a word of a template's text as a value, and notes its number for the next time.
    pub fn push_word(&mut self, column: usize, word: &mut Word, text: &[u8]) {
        let target = &mut self.columns[column];
        match (&mut *target, word.id) {
            (Column::Strings { ids, .. }, Some(id)) => ids.push(id),
            _ => {
                target.push(&text[word.start as usize..word.end as usize], column as u32, &mut self.interner);
                word.id = target.last_string();
            }
        }
    }

    /// The template of rows that are kept whole.
    pub fn raw(&mut self) -> u32 {
        self.template(&[RAW]).unwrap_or_else(|| self.add(&[RAW], 0))
    }

    /// Adds a row that is kept whole.
    pub fn push_raw(&mut self, line: &[u8]) {
        let raw = self.raw();
        let column = self.templates[raw as usize].first_column;
        self.rows.push(raw);
        self.push_value(column, line);
    }
}
