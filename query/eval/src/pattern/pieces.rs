//! A line as words and what stands between them.

use std::hash::{DefaultHasher, Hash, Hasher};

/// What follows after this many pieces of a line is one piece that varies.
const MAX_PIECES: usize = 160;
/// A longer word is an encoded something.
const MAX_WORD: usize = 64;

/// A word, or what separates two of them.
#[derive(Clone, Copy, Debug)]
struct Piece {
    start: u32,
    end: u32,
    varies: bool,
}

/// The pieces of one line; a buffer for one line after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Pieces(Vec<Piece>);

/// Only clusters of the same shape are compared: level, number of pieces, and the first words that stay the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Shape {
    pub level: u16,
    pieces: u16,
    start: u64,
}

fn separates(byte: u8) -> bool {
    matches!(
        byte,
        b' ' | b'\t'
            | b'\r'
            | b'\n'
            | b'='
            | b','
            | b':'
            | b';'
            | b'"'
            | b'\''
            | b'('
            | b')'
            | b'['
            | b']'
            | b'{'
            | b'}'
            | b'|'
            | b'&'
            | b'?'
            | b'/'
            | b'\\'
            | b'@'
    )
}

/// Words with a digit are counters, times, addresses and ids; words with `<` would read as a capture of a pattern.
fn varies(word: &[u8]) -> bool {
    word.len() > MAX_WORD || word.iter().any(|byte| byte.is_ascii_digit() || *byte == b'<')
}

impl Pieces {
    /// Cuts a line up; the answer is a hash of what does not vary in it, and of the level.
    pub fn read(&mut self, level: Option<&str>, line: &str) -> u64 {
        let bytes = line.as_bytes();
        let mut hasher = DefaultHasher::new();
        level.hash(&mut hasher);
        self.0.clear();
        let mut at = 0;
        while at < bytes.len() {
            let word = !separates(bytes[at]);
            let rest = &bytes[at..];
            let length = rest.iter().position(|byte| separates(*byte) == word).unwrap_or(rest.len());
            let full = self.0.len() + 1 == MAX_PIECES;
            let end = if full { bytes.len() } else { at + length };
            let varies = full || word && varies(&bytes[at..end]);
            if varies {
                hasher.write_u8(0xff);
            } else {
                hasher.write(&bytes[at..end]);
            }
            self.0.push(Piece { start: at as u32, end: end as u32, varies });
            at = end;
        }
        hasher.finish()
    }

    /// The pieces as text, `None` where they vary. `line` is the one that was read.
    pub fn texts<'a>(&'a self, line: &'a str) -> impl Iterator<Item = Option<&'a str>> {
        self.0.iter().map(|piece| line.get(piece.start as usize..piece.end as usize).filter(|_| !piece.varies))
    }

    pub fn shape(&self, level: u16, line: &str) -> Shape {
        let mut hasher = DefaultHasher::new();
        let words = self.texts(line).filter(|text| text.is_none_or(|text| !separates(text.as_bytes()[0])));
        for word in words.take(1) {
            word.hash(&mut hasher);
        }
        Shape { level, pieces: self.0.len() as u16, start: hasher.finish() }
    }
}

/// Whether a piece is a word, not what stands between words.
pub(super) fn is_word(text: &str) -> bool {
    text.bytes().next().is_some_and(|byte| !separates(byte))
}
