//! The values of one slot, in the order of its rows: numbers, hexadecimal ids or strings, the narrowest that holds all.

use crate::strings::{Interner, Texts};
use std::ops::Range;

/// Most digits of a number; longer ones are hexadecimal ids or strings.
const MAX_DIGITS: usize = 18;
/// Longest hexadecimal id, in digits.
const MAX_HEX: usize = 128;

/// Values of one slot.
#[derive(Clone, Debug, PartialEq)]
pub enum Column {
    /// Decimal numbers.
    Numbers { values: Vec<u64>, format: Format },
    /// Ids of `width` lower-case hexadecimal digits each, two digits a byte.
    Hex { width: u8, bytes: Vec<u8> },
    /// Distinct texts in order of appearance, and which of them each row has.
    Strings { texts: Texts, ids: Vec<u32> },
}

/// How the numbers of a column are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// No number has a leading zero.
    pub canonical: bool,
    /// All numbers have this many digits; 0 when they differ.
    pub width: u8,
}

impl Default for Column {
    fn default() -> Self {
        Column::Numbers { values: Vec::new(), format: Format { canonical: true, width: 0 } }
    }
}

fn parse_number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > MAX_DIGITS {
        return None;
    }
    text.iter().try_fold(0u64, |sum, b| b.is_ascii_digit().then(|| sum * 10 + u64::from(b - b'0')))
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// Packs lower-case hexadecimal digits, two a byte, the last half filled with 0. False when others are among them.
pub fn pack_hex(text: &[u8], out: &mut Vec<u8>) -> bool {
    let before = out.len();
    for pair in text.chunks(2) {
        let high = nibble(pair[0]);
        let low = pair.get(1).map_or(Some(0), |digit| nibble(*digit));
        let (Some(high), Some(low)) = (high, low) else {
            out.truncate(before);
            return false;
        };
        out.push(high << 4 | low);
    }
    true
}

fn unpack_hex(bytes: &[u8], width: usize, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for at in 0..width {
        let byte = bytes[at / 2];
        let value = if at % 2 == 0 { byte >> 4 } else { byte & 15 };
        out.push(DIGITS[value as usize]);
    }
}

const POWERS: [u64; 20] = {
    let mut powers = [1u64; 20];
    let mut at = 1;
    while at < 20 {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// Decimal digits; 1 for 0.
pub fn digits(value: u64) -> usize {
    // From the number of bits, corrected by one comparison (Hacker's Delight, 11-4).
    let value = value | 1;
    let guess = ((64 - value.leading_zeros()) * 1233) >> 12;
    guess as usize + usize::from(value >= POWERS[guess as usize])
}

fn write_number(value: u64, format: Format, out: &mut Vec<u8>) {
    let len = if format.canonical { digits(value) } else { format.width as usize };
    let start = out.len();
    out.resize(start + len, b'0');
    let mut rest = value;
    for slot in out[start..].iter_mut().rev() {
        *slot = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
}

impl Column {
    pub fn len(&self) -> usize {
        match self {
            Column::Numbers { values, .. } => values.len(),
            Column::Hex { width, bytes } => bytes.len() / stride(*width),
            Column::Strings { ids, .. } => ids.len(),
        }
    }

    /// Bytes of memory, about.
    pub fn memory(&self) -> usize {
        size_of::<Column>()
            + match self {
                Column::Numbers { values, .. } => values.len() * 8,
                Column::Hex { bytes, .. } => bytes.len(),
                Column::Strings { texts, ids } => texts.bytes.len() + texts.ends.len() * 4 + ids.len() * 4,
            }
    }

    /// Writes the text of value `at` to `out`.
    pub fn write(&self, at: usize, out: &mut Vec<u8>) {
        match self {
            Column::Numbers { values, format } => write_number(values[at], *format, out),
            Column::Hex { width, bytes } => {
                let stride = stride(*width);
                unpack_hex(&bytes[at * stride..(at + 1) * stride], *width as usize, out);
            }
            Column::Strings { texts, ids } => out.extend_from_slice(texts.get(ids[at] as usize)),
        }
    }

    /// The number of the last value's string, in a column of strings.
    pub fn last_string(&self) -> Option<u32> {
        if let Column::Strings { ids, .. } = self { ids.last().copied() } else { None }
    }

    /// Adds a value; `number` is the column's own number, under which its texts are interned.
    pub fn push(&mut self, text: &[u8], number: u32, interner: &mut Interner) {
        match self {
            Column::Strings { texts, ids } => match ids.last() {
                Some(last) if texts.get(*last as usize) == text => ids.push(*last),
                _ => ids.push(interner.intern(number, text, texts)),
            },
            Column::Numbers { .. } => match parse_number(text) {
                Some(value) if self.push_number(value, text.len(), text[0] != b'0' || text.len() == 1) => {}
                _ if self.widen_to_hex(text) => {}
                _ => self.push_string(text, number, interner),
            },
            Column::Hex { width, bytes } => {
                if *width as usize != text.len() || !pack_hex(text, bytes) {
                    self.push_string(text, number, interner);
                }
            }
        }
    }

    /// Adds a number; false when the column cannot hold it as one.
    fn push_number(&mut self, value: u64, width: usize, canonical: bool) -> bool {
        let Column::Numbers { values, format } = self else { return false };
        let same = values.is_empty() || format.width as usize == width;
        let new = Format { canonical: format.canonical && canonical, width: if same { width as u8 } else { 0 } };
        if !new.canonical && new.width == 0 {
            return false;
        }
        *format = new;
        values.push(value);
        true
    }

    /// Turns numbers of the same width into hexadecimal ids and adds one; false when that cannot be.
    fn widen_to_hex(&mut self, text: &[u8]) -> bool {
        let Column::Numbers { values, format } = &*self else { return false };
        if text.is_empty() || text.len() > MAX_HEX || !(values.is_empty() || format.width as usize == text.len()) {
            return false;
        }
        let mut packed = Vec::new();
        let mut digits = Vec::new();
        for value in values {
            digits.clear();
            write_number(*value, *format, &mut digits);
            pack_hex(&digits, &mut packed);
        }
        if !pack_hex(text, &mut packed) {
            return false;
        }
        *self = Column::Hex { width: text.len() as u8, bytes: packed };
        true
    }

    fn push_string(&mut self, text: &[u8], number: u32, interner: &mut Interner) {
        let mut column = Column::Strings { texts: Texts::default(), ids: Vec::with_capacity(self.len() + 1) };
        let mut buffer = Vec::new();
        for at in 0..self.len() {
            buffer.clear();
            self.write(at, &mut buffer);
            column.push(&buffer, number, interner);
        }
        column.push(text, number, interner);
        *self = column;
    }

    /// Adds values of a column of the same kind and format all at once; false, and nothing is added, when it is of another.
    pub fn extend_from(&mut self, from: &Column, at: Range<usize>) -> bool {
        match (self, from) {
            (Column::Numbers { values, format }, Column::Numbers { values: theirs, format: other }) => {
                let new = &theirs[at];
                let Some(first) = new.first() else { return true };
                if !other.canonical {
                    // With leading zeros only where the column is known to have them.
                    let alike = !values.is_empty() && format == other;
                    values.extend_from_slice(if alike { new } else { &[] });
                    return alike;
                }
                if !format.canonical {
                    return false;
                }
                if values.is_empty() {
                    format.width = digits(*first) as u8;
                }
                if format.width > 0 && new.iter().any(|value| digits(*value) != format.width as usize) {
                    format.width = 0;
                }
                values.extend_from_slice(new);
                true
            }
            (Column::Hex { width, bytes }, Column::Hex { width: other, bytes: theirs }) if width == other => {
                let stride = stride(*width);
                bytes.extend_from_slice(&theirs[at.start * stride..at.end * stride]);
                true
            }
            _ => false,
        }
    }

    /// Adds to each of `lens` the bytes of the value at its place.
    pub fn add_lens(&self, lens: &mut [u32]) {
        match self {
            Column::Numbers { values, format } if format.canonical => {
                lens.iter_mut().zip(values).for_each(|(len, value)| *len += digits(*value) as u32);
            }
            Column::Numbers { format, .. } => lens.iter_mut().for_each(|len| *len += u32::from(format.width)),
            Column::Hex { width, .. } => lens.iter_mut().for_each(|len| *len += u32::from(*width)),
            Column::Strings { texts, ids } => {
                lens.iter_mut().zip(ids).for_each(|(len, id)| *len += texts.get(*id as usize).len() as u32);
            }
        }
    }

    /// Adds value `at` of another column, as a value where the kinds agree.
    pub fn push_from(&mut self, from: &Column, at: usize, number: u32, interner: &mut Interner) {
        match (&mut *self, from) {
            (Column::Numbers { values, format }, Column::Numbers { values: theirs, format: other })
                if !values.is_empty() && other.canonical && format.canonical && format.width == 0 =>
            {
                return values.push(theirs[at]);
            }
            (Column::Numbers { .. }, Column::Numbers { values, format }) => {
                let len = digits(values[at]);
                let width = if format.canonical { len } else { format.width as usize };
                if self.push_number(values[at], width, len == width) {
                    return;
                }
            }
            (Column::Hex { width, bytes }, Column::Hex { width: other, bytes: theirs }) if width == other => {
                let stride = stride(*width);
                return bytes.extend_from_slice(&theirs[at * stride..(at + 1) * stride]);
            }
            (Column::Strings { texts, ids }, Column::Strings { texts: theirs, ids: other }) => {
                return ids.push(interner.intern(number, theirs.get(other[at] as usize), texts));
            }
            _ => {}
        }
        let mut text = Vec::new();
        from.write(at, &mut text);
        self.push(&text, number, interner);
    }
}

/// Bytes of one id.
pub fn stride(width: u8) -> usize {
    (width as usize).div_ceil(2).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(values: &[&str]) -> Column {
        let (mut column, mut interner) = (Column::default(), Interner::default());
        values.iter().for_each(|v| column.push(v.as_bytes(), 0, &mut interner));
        let mut copy = Column::default();
        let mut other = Interner::default();
        for (at, value) in values.iter().enumerate() {
            copy.push_from(&column, at, 0, &mut other);
            for column in [&column, &copy] {
                let mut text = Vec::new();
                column.write(at, &mut text);
                assert_eq!(text, value.as_bytes());
            }
        }
        assert_eq!(column.len(), values.len());
        column
    }

    #[test]
    fn digits_are_counted_at_every_power_of_ten() {
        for power in POWERS {
            for value in [power - 1, power, power + 1] {
                assert_eq!(digits(value), value.to_string().len(), "{value}");
            }
        }
        assert_eq!(digits(u64::MAX), 20);
    }

    #[test]
    fn the_narrowest_kind_that_keeps_every_digit() {
        assert!(matches!(column(&["7", "10", "0"]), Column::Numbers { .. }));
        assert!(matches!(column(&["007", "010", "100"]), Column::Numbers { .. }));
        assert!(matches!(column(&["007", "10"]), Column::Strings { .. }));
        assert!(matches!(column(&["123456", "00ab12", "ffffff"]), Column::Hex { .. }));
        assert!(matches!(column(&["123456", "00AB12"]), Column::Strings { .. }));
        assert!(matches!(column(&["00abc", "1"]), Column::Strings { .. }));
        assert!(matches!(column(&["999999999999999999", "9999999999999999999"]), Column::Strings { .. }));
        assert!(matches!(column(&["x", "", "x"]), Column::Strings { .. }));
    }
}
