//! Collects the terms of one granule while its rows are written.

use super::tokens::{Kind, MAX_TERM, for_each_term, id_key, is_hex_word, length_bit, letter_runs};
use gantry_body::{Slot, TermSink};
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

/// Rows of a granule, the unit that the index can skip. Also the rows of a Parquet data page, so that a granule is read
/// without touching its neighbours.
pub const GRANULE_ROWS: usize = 4096;

/// Most words of a granule that are indexed. Ordinary logs have one or two thousand; random text has a new word every few
/// bytes, and would make the index larger than the lines and flushing slow.
pub const MAX_WORDS: usize = 8192;

/// Shortest id that is in the filters, in bytes. Shorter ones occur in nearly every granule, so that looking them up rules out
/// nothing; which of their lengths occur is known.
pub const MIN_FILTERED_ID: usize = 8;

/// Slots of the cache of terms seen just now; most terms of a line were in the line before.
const RECENT: usize = 4096;

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

type KeySet = HashSet<u64, BuildHasherDefault<KeyHasher>>;

/// The distinct terms of a granule.
#[derive(Debug)]
pub struct GranuleTerms {
    recent: Box<[u64]>,
    ids: KeySet,
    word_keys: KeySet,
    words: Vec<u8>,
    word_ends: Vec<u32>,
    lengths: IdLengths,
    has_long_term: bool,
    too_many_words: bool,
}

/// Which lengths of ids occur: bit `n` for `n` bytes, see [`super::tokens::length_bit`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct IdLengths {
    pub hex: u64,
    pub mixed: u64,
}

impl Default for GranuleTerms {
    fn default() -> Self {
        GranuleTerms {
            recent: vec![0; RECENT].into(),
            ids: KeySet::default(),
            word_keys: KeySet::default(),
            words: Vec::new(),
            word_ends: Vec::new(),
            lengths: IdLengths::default(),
            has_long_term: false,
            too_many_words: false,
        }
    }
}

impl GranuleTerms {
    /// Adds the terms of a text.
    pub fn add(&mut self, text: &[u8]) {
        for_each_term(text, |term, kind| self.add_term(term, kind));
    }

    fn add_term(&mut self, term: &[u8], kind: Kind) {
        self.add_length(term.len(), kind);
        if term.len() > MAX_TERM {
            self.has_long_term = true;
            return;
        }
        let key = id_key(term);
        let slot = &mut self.recent[key as usize % RECENT];
        if *slot == key {
            return;
        }
        *slot = key;
        if kind == Kind::Word {
            return self.add_word(key, term);
        }
        if kind == Kind::MixedId {
            letter_runs(term).for_each(|run| self.add_word(id_key(run), run));
        }
        if term.len() >= MIN_FILTERED_ID {
            self.ids.insert(key);
        }
    }

    fn add_length(&mut self, len: usize, kind: Kind) {
        match kind {
            Kind::Word => {}
            Kind::HexId => self.lengths.hex |= length_bit(len),
            Kind::MixedId => self.lengths.mixed |= length_bit(len),
        }
    }

    fn add_word(&mut self, key: u64, word: &[u8]) {
        if self.word_ends.len() == MAX_WORDS {
            self.too_many_words |= !self.word_keys.contains(&key);
        } else if self.word_keys.insert(key) {
            self.words.extend_from_slice(word);
            self.word_ends.push(self.words.len() as u32);
        }
    }

    /// The words, each once.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        let mut start = 0;
        self.word_ends.iter().filter_map(move |end| {
            let word = &self.words[start..*end as usize];
            start = *end as usize;
            // A term ends only at an ASCII byte, so it is whole characters; this cannot fail on text that was a `str`.
            std::str::from_utf8(word).ok()
        })
    }

    pub fn ids(&self) -> Vec<u64> {
        self.ids.iter().copied().collect()
    }

    pub fn id_lengths(&self) -> IdLengths {
        self.lengths
    }

    /// Some term was too long for the index.
    pub fn has_long_term(&self) -> bool {
        self.has_long_term
    }

    /// Some words were left out.
    pub fn has_too_many_words(&self) -> bool {
        self.too_many_words
    }

    pub fn clear(&mut self) {
        self.recent.fill(0);
        self.ids.clear();
        self.word_keys.clear();
        self.words.clear();
        self.word_ends.clear();
        self.lengths = IdLengths::default();
        self.has_long_term = false;
        self.too_many_words = false;
    }
}

/// The terms of a coded granule: fixed text once a template, values once a column.
impl TermSink for GranuleTerms {
    fn shortest_number(&self) -> usize {
        MIN_FILTERED_ID
    }

    fn word(&mut self, word: &[u8]) {
        self.add_term(word, Kind::Word);
    }

    fn number(&mut self, slot: Slot<'_>, digits: usize) {
        let kind = if is_hex_word(slot.before) && is_hex_word(slot.after) { Kind::HexId } else { Kind::MixedId };
        self.add_length(slot.before.len() + digits + slot.after.len(), kind);
    }

    fn value(&mut self, slot: Slot<'_>, value: &[u8]) {
        if slot.before.is_empty() && slot.after.is_empty() {
            self.add(value);
        } else {
            self.add(&[slot.before, value, slot.after].concat());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_beyond_the_limit_are_left_out_and_said_to_be() {
        let mut terms = GranuleTerms::default();
        let letters = |n: usize| (0..4).map(|at| (b'a' + (n / 26usize.pow(at) % 26) as u8) as char).collect::<String>();
        (0..MAX_WORDS).for_each(|n| terms.add(letters(n).as_bytes()));
        terms.add(letters(0).as_bytes());
        assert!(!terms.has_too_many_words());
        terms.add(b"another");
        assert!(terms.has_too_many_words());
        assert_eq!(terms.words().count(), MAX_WORDS);
    }

    #[test]
    fn each_term_once_until_cleared() {
        let mut terms = GranuleTerms::default();
        terms.add(b"error id=77 id=12345678 error");
        terms.add(format!("error {}", "x".repeat(80)).as_bytes());
        assert_eq!(terms.words().collect::<Vec<_>>(), ["error", "id"]);
        assert_eq!(terms.ids(), [id_key(b"12345678")]);
        assert_eq!(terms.id_lengths().hex, length_bit(2) | length_bit(8));
        assert!(terms.has_long_term());
        terms.clear();
        assert_eq!(terms.words().count(), 0);
        assert!(!terms.has_long_term());
    }
}
