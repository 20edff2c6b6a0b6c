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

const CLASS: [u8; 256] = {
    let mut class = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        class[byte] = match b {
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
        if line.len() > MAX_LINE || memchr::memchr2(SLOT, RAW, line).is_some() {
            return false;
        }
        let mut copied = 0;
        let mut at = 0;
        while let Some(digit) = next_digit(line, at) {
            let (value, end) = value_at(line, at, digit);
            if self.values.len() == MAX_SLOTS {
                return false;
            }
            self.template.extend_from_slice(&line[copied..value.start]);
            self.template.push(SLOT);
            copied = value.end;
            at = end;
            self.values.push(value.start as u32..value.end as u32);
        }
        self.template.extend_from_slice(&line[copied..]);
        true
    }
}

/// The first digit at or after `from`, found eight bytes at a time.
fn next_digit(line: &[u8], from: usize) -> Option<usize> {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let mut at = from;
    while let Some(bytes) = line.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let flipped = u64::from_le_bytes(*bytes) ^ 0x3030_3030_3030_3030;
        // Bit 7 of each byte stays clear only for 0 to 9.
        let others = (((flipped & LOW) + 0x7676_7676_7676_7676) | flipped) & !LOW;
        if others != !LOW {
            return Some(at + ((others ^ !LOW).trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    let rest = line.get(at..)?;
    rest.iter().position(u8::is_ascii_digit).map(|found| at + found)
}

/// The value of the token whose first digit is at `digit`, and where the token ends. No token reaches before `from`.
fn value_at(line: &[u8], from: usize, digit: usize) -> (Range<usize>, usize) {
    let mut seen = 0;
    let mut start = digit;
    while start > from && CLASS[line[start - 1] as usize] & (LETTER | HEX_LETTER) != 0 {
        start -= 1;
        seen |= CLASS[line[start] as usize];
    }
    let digits = line[digit..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (mut end, mut after) = (digit + digits, 0);
    while end < line.len() && CLASS[line[end] as usize] != 0 {
        after |= CLASS[line[end] as usize];
        end += 1;
    }
    let hex = (seen | after) & LETTER == 0 && end - start >= MIN_HEX;
    let affixed = after & DIGIT == 0 && digit - start <= MAX_AFFIX && end - digit - digits <= MAX_AFFIX;
    (if affixed && !hex { digit..digit + digits } else { start..end }, end)
}

/// Calls `each` with the tokens of a template's text that have no digit, from left to right.
pub fn for_each_word(template: &[u8], mut each: impl FnMut(Range<usize>)) {
    let mut at = 0;
    while at < template.len() {
        if !is_part(template[at]) {
            at += 1;
            continue;
        }
        let start = at;
        let mut has_slot = false;
        while at < template.len() && is_part(template[at]) {
            has_slot |= template[at] == SLOT;
            at += 1;
        }
        if !has_slot {
            each(start..at);
        }
    }
}

fn is_part(byte: u8) -> bool {
    byte == SLOT || is_token_byte(byte)
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
        let text = b"took \0ms on node";
        let mut found: Vec<&[u8]> = Vec::new();
        for_each_word(text, |word| found.push(&text[word]));
        assert_eq!(found, [b"took".as_slice(), b"on", b"node"]);
    }
}
