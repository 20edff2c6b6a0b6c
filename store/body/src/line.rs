//! Cuts a line into template text and values, in one pass over its bytes.
//!
//! A *token* is a maximal run of ASCII letters, ASCII digits and bytes from 0x80. A token without a digit is text of the
//! template. A token with one is a value; when it is one run of digits with at most [`MAX_AFFIX`] letters before and after
//! (`v2`, `17ms`), only the digits are, unless it looks hexadecimal and is [`MIN_HEX`] long.

use std::ops::Range;

/// Stands for a value in the text of a template. A line that holds this byte or [`RAW`] is kept whole.
pub const SLOT: u8 = 0;
/// The template of lines that are kept whole: their one value is the line.
pub const RAW: u8 = 1;
/// Most values of a line; one with more is kept whole.
pub const MAX_SLOTS: usize = 255;
/// Longest line that is cut, in bytes.
pub const MAX_LINE: usize = 32 << 10;
/// Most letters before or after the digits of a token of which only the digits are a value. Less than the shortest run
/// of letters that an index of words must know, so that such affixes need no entry in it.
pub const MAX_AFFIX: usize = 2;
/// Tokens of hexadecimal digits this long are ids, and one value.
pub const MIN_HEX: usize = 6;

const DIGIT: u8 = 1;
const LETTER: u8 = 2;
const HEX_LETTER: u8 = 4;
const MARK: u8 = 8;

const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        class[byte] = match b {
            SLOT | RAW => MARK,
            b'0'..=b'9' => DIGIT,
            b'a'..=b'f' => HEX_LETTER,
            b'A'..=b'Z' | b'g'..=b'z' | 0x80.. => LETTER,
            _ => 0,
        };
        byte += 1;
    }
    class
};

/// Whether the byte can be part of a token.
pub fn is_token_byte(byte: u8) -> bool {
    CLASS[byte as usize] & (DIGIT | LETTER | HEX_LETTER) != 0
}

/// A line cut up; kept and filled anew for each line.
#[derive(Debug, Default)]
pub struct CutLine {
    /// The template: the line with [`SLOT`] for each value.
    pub template: Vec<u8>,
    /// Where the values lie in the line.
    pub values: Vec<Range<u32>>,
}

impl CutLine {
    /// Cuts `line`; false when it has to be kept whole.
    pub fn cut(&mut self, line: &[u8]) -> bool {
        self.template.clear();
        self.values.clear();
        if line.len() > MAX_LINE {
            return false;
        }
        let mut copied = 0;
        let mut at = 0;
        while at < line.len() {
            let class = CLASS[line[at] as usize];
            if class == 0 {
                at += 1;
                continue;
            }
            let start = at;
            let mut seen = class;
            let mut first_digit = start;
            if class & DIGIT == 0 {
                at += 1;
                while at < line.len() && CLASS[line[at] as usize] & (LETTER | HEX_LETTER) != 0 {
                    seen |= CLASS[line[at] as usize];
                    at += 1;
                }
                first_digit = at;
            }
            if seen & MARK != 0 {
                return false;
            }
            let mut digits_end = first_digit;
            while digits_end < line.len() && CLASS[line[digits_end] as usize] == DIGIT {
                digits_end += 1;
            }
            if digits_end == first_digit {
                continue;
            }
            at = digits_end;
            let mut after = 0;
            while at < line.len() {
                let class = CLASS[line[at] as usize];
                if class & (DIGIT | LETTER | HEX_LETTER) == 0 {
                    break;
                }
                after |= class;
                at += 1;
            }
            let hex = (seen | after) & LETTER == 0 && at - start >= MIN_HEX;
            let affixed = after & DIGIT == 0 && first_digit - start <= MAX_AFFIX && at - digits_end <= MAX_AFFIX;
            let value = if affixed && !hex { first_digit..digits_end } else { start..at };
            if self.values.len() == MAX_SLOTS {
                return false;
            }
            self.template.extend_from_slice(&line[copied..value.start]);
            self.template.push(SLOT);
            copied = value.end;
            self.values.push(value.start as u32..value.end as u32);
        }
        self.template.extend_from_slice(&line[copied..]);
        true
    }
}

/// The tokens without a digit of a template's text, as ranges.
pub fn words(template: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = None;
    for (at, byte) in template.iter().chain([&b' ']).enumerate() {
        let part = *byte == SLOT || is_token_byte(*byte);
        match (start, part) {
            (None, true) => start = Some(at),
            (Some(from), false) => {
                if !template[from..at].contains(&SLOT) {
                    found.push(from..at);
                }
                start = None;
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(line: &str) -> (String, Vec<&str>) {
        let mut cut = CutLine::default();
        assert!(cut.cut(line.as_bytes()));
        let values = cut.values.iter().map(|v| &line[v.start as usize..v.end as usize]).collect();
        (String::from_utf8(cut.template).unwrap().replace('\0', "*"), values)
    }

    #[test]
    fn values_are_digits_and_ids() {
        assert_eq!(cut("took 17ms, v2 on Win64"), ("took *ms, v* on *".into(), vec!["17", "2", "Win64"]));
        assert_eq!(cut("id=00abf1 x9y8"), ("id=* *".into(), vec!["00abf1", "x9y8"]));
        assert_eq!(cut("10:00 größe"), ("*:* größe".into(), vec!["10", "00"]));
        assert_eq!(cut(""), (String::new(), vec![]));
    }

    #[test]
    fn lines_with_markers_or_too_many_values_are_kept_whole() {
        let mut line = CutLine::default();
        assert!(!line.cut(b"a\0b"));
        assert!(!line.cut(b"a \x01"));
        assert!(!line.cut("1 ".repeat(MAX_SLOTS + 1).as_bytes()));
    }

    #[test]
    fn words_of_a_template_are_whole_tokens_without_values() {
        let found: Vec<&[u8]> = words(b"took \0ms on node").into_iter().map(|r| &b"took \0ms on node"[r]).collect();
        assert_eq!(found, [b"took".as_slice(), b"on", b"node"]);
    }
}
