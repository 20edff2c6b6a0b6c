//! Cuts text into the terms that the index holds.
//!
//! A term is a maximal run of ASCII letters, digits and non-ASCII bytes. A term with a digit in it is an *id* (there are
//! very many), any other is a *word* (there are few). Ids of nothing but `0-9a-f` are a kind of their own, because
//! random ones are frequent and no ordinary word can be part of them. Bytes are taken as they are: no case folding.

use xxhash_rust::xxh3::xxh3_64;

/// Terms longer than this are not indexed; a granule that has one says so and is never skipped for their sake.
pub const MAX_TERM: usize = 64;

const SEPARATOR: u8 = 0;
const LETTER: u8 = 1;
const DIGIT: u8 = 2;
const NOT_HEX: u8 = 4;

/// Shortest run of letters in a mixed id that is indexed as a word.
pub const MIN_RUN: usize = 3;

const CLASS: [u8; 256] = {
    let mut class = [SEPARATOR; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        if b.is_ascii_digit() {
            class[byte] = DIGIT;
        } else if b.is_ascii_alphabetic() || b >= 0x80 {
            class[byte] = if b >= b'a' && b <= b'f' { LETTER } else { LETTER | NOT_HEX };
        }
        byte += 1;
    }
    class
};

/// What a term is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No digit.
    Word,
    /// Digits and `a-f` only, at least one digit.
    HexId,
    /// A digit and a letter that is no lower-case hexadecimal digit.
    MixedId,
}

impl Kind {
    fn of(seen: u8) -> Self {
        match (seen & DIGIT != 0, seen & NOT_HEX != 0) {
            (false, _) => Kind::Word,
            (true, false) => Kind::HexId,
            (true, true) => Kind::MixedId,
        }
    }
}

/// A term and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term<'a> {
    pub bytes: &'a [u8],
    pub kind: Kind,
    /// The term touches the start (the end) of the text, so it may be part of a longer one.
    pub open_left: bool,
    pub open_right: bool,
}

/// Calls `each(term, kind)` for every term of `text`, in order.
pub fn for_each_term<'a>(text: &'a [u8], mut each: impl FnMut(&'a [u8], Kind)) {
    let mut at = 0;
    while at < text.len() {
        let mut seen = CLASS[text[at] as usize];
        if seen == SEPARATOR {
            at += 1;
            continue;
        }
        let start = at;
        at += 1;
        while at < text.len() {
            let class = CLASS[text[at] as usize];
            if class == SEPARATOR {
                break;
            }
            seen |= class;
            at += 1;
        }
        each(&text[start..at], Kind::of(seen));
    }
}

/// The terms of a literal that is searched for as a substring.
pub fn literal_terms(literal: &[u8]) -> Vec<Term<'_>> {
    let mut terms = Vec::new();
    let base = literal.as_ptr() as usize;
    for_each_term(literal, |bytes, kind| {
        let start = bytes.as_ptr() as usize - base;
        let open_right = start + bytes.len() == literal.len();
        terms.push(Term { bytes, kind, open_left: start == 0, open_right });
    });
    terms
}

/// The runs of letters in an id that are indexed as words, so that a word within it is found.
pub fn letter_runs(id: &[u8]) -> impl Iterator<Item = &[u8]> {
    id.split(|b| CLASS[*b as usize] & DIGIT != 0).filter(|run| run.len() >= MIN_RUN)
}

/// Whether a word consists of lower-case hexadecimal digits, so that a hexadecimal id may hold it.
pub fn is_hex_word(word: &[u8]) -> bool {
    word.iter().all(|b| CLASS[*b as usize] & NOT_HEX == 0)
}

/// Key of an id in the filters.
pub fn id_key(id: &[u8]) -> u64 {
    xxh3_64(id)
}

/// Bit of a term's length in a granule's length map: 1 to 63, longer ones share the last bit.
pub fn length_bit(len: usize) -> u64 {
    1 << len.min(63)
}

/// Bits of all lengths above `len`.
pub fn longer_bits(len: usize) -> u64 {
    if len >= 63 { 1 << 63 } else { u64::MAX << (len + 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(text: &str) -> Vec<(String, Kind)> {
        let mut out = Vec::new();
        for_each_term(text.as_bytes(), |t, id| out.push((String::from_utf8_lossy(t).into_owned(), id)));
        out
    }

    #[test]
    fn words_and_ids_are_told_apart() {
        let want = [("trace", Kind::Word), ("4bf9", Kind::HexId), ("größe", Kind::Word), ("v2", Kind::MixedId)];
        assert_eq!(terms("trace=4bf9, größe v2"), want.map(|(t, kind)| (t.to_string(), kind)));
    }

    #[test]
    fn words_within_ids_are_seen() {
        assert_eq!(letter_runs(b"12error7ab9log").collect::<Vec<_>>(), [b"error".as_slice(), b"log"]);
        assert!(is_hex_word(b"feed") && !is_hex_word(b"Feed"));
    }

    #[test]
    fn only_terms_at_the_edges_of_a_literal_are_open() {
        let edges: Vec<_> = literal_terms(b"id=abc9 x=").iter().map(|t| (t.open_left, t.open_right)).collect();
        assert_eq!(edges, [(true, false), (false, false), (false, false)]);
    }

    #[test]
    fn the_length_map_knows_longer_terms() {
        assert_eq!(longer_bits(32) & length_bit(32), 0);
        assert_ne!(longer_bits(32) & length_bit(33), 0);
        assert_ne!(longer_bits(63) & length_bit(200), 0);
    }
}
