//! [`Scanner`]: where a MessagePack value ends, found while it arrives, looking at each byte once.
//!
//! Source: MessagePack specification (github.com/msgpack/msgpack, spec.md), "Formats".

/// Finds the end of the value at the front of a growing buffer. Remembers how far it looked; values need no recursion.
#[derive(Clone, Copy, Debug)]
pub struct Scanner {
    at: usize,
    /// Values that are still to come until the outermost one is complete.
    open: u64,
    max: usize,
}

/// The stream cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("a message has more than {0} bytes")]
    TooLarge(usize),
    #[error("byte 0xc1 is not used by MessagePack")]
    NoMsgpack,
}

impl Scanner {
    /// For values of at most `max` bytes.
    pub fn new(max: usize) -> Self {
        Scanner { at: 0, open: 1, max }
    }

    /// The length of the value when it is complete. `buffer` is what was there at the last call, and more.
    ///
    /// # Errors
    /// As soon as it is known that the value is none or will be too large.
    pub fn end(&mut self, buffer: &[u8]) -> Result<Option<usize>, FrameError> {
        while self.open > 0 {
            let Some((size, values)) = buffer.get(self.at..).and_then(|rest| item(rest).transpose()).transpose()?
            else {
                return self.more();
            };
            // Every value has at least a byte: a message that announces more than may come is known to be too large.
            if size.saturating_add(values) > (self.max as u64).saturating_sub(self.at as u64) {
                return Err(FrameError::TooLarge(self.max));
            }
            if size > (buffer.len() - self.at) as u64 {
                return self.more();
            }
            self.at += size as usize;
            self.open = self.open - 1 + values;
        }
        let end = self.at;
        *self = Scanner::new(self.max);
        Ok(Some(end))
    }

    fn more(&self) -> Result<Option<usize>, FrameError> {
        if self.at + usize::try_from(self.open).unwrap_or(usize::MAX) > self.max {
            return Err(FrameError::TooLarge(self.max));
        }
        Ok(None)
    }
}

/// Bytes of the item at the front, without the values inside it, and the number of those; `None` when its head is not
/// complete.
fn item(rest: &[u8]) -> Result<Option<(u64, u64)>, FrameError> {
    let Some((&marker, rest)) = rest.split_first() else { return Ok(None) };
    let big_endian = |width: usize| {
        let bytes = rest.get(..width)?;
        Some(bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte)))
    };
    let data = |width: usize, more: u64| big_endian(width).map(|size| (1 + width as u64 + more + size, 0));
    let values = |width: usize, each: u64| big_endian(width).map(|count| (1 + width as u64, each * count));
    Ok(match marker {
        0x00..=0x7f | 0xe0..=0xff | 0xc0 | 0xc2 | 0xc3 => Some((1, 0)),
        0x80..=0x8f => Some((1, 2 * u64::from(marker & 0x0f))),
        0x90..=0x9f => Some((1, u64::from(marker & 0x0f))),
        0xa0..=0xbf => Some((1 + u64::from(marker & 0x1f), 0)),
        0xc1 => return Err(FrameError::NoMsgpack),
        0xc4 | 0xd9 => data(1, 0),
        0xc5 | 0xda => data(2, 0),
        0xc6 | 0xdb => data(4, 0),
        0xc7 => data(1, 1),
        0xc8 => data(2, 1),
        0xc9 => data(4, 1),
        0xcc | 0xd0 => Some((2, 0)),
        0xcd | 0xd1 => Some((3, 0)),
        0xca | 0xce | 0xd2 => Some((5, 0)),
        0xcb | 0xcf | 0xd3 => Some((9, 0)),
        0xd4..=0xd8 => Some((2 + (1 << (marker - 0xd4)), 0)),
        0xdc => values(2, 1),
        0xdd => values(4, 1),
        0xde => values(2, 2),
        0xdf => values(4, 2),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rmpv::Value;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Nil),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[a-zä]{0,300}".prop_map(Value::from),
            proptest::collection::vec(any::<u8>(), 0..300).prop_map(Value::from),
            (any::<i8>(), proptest::collection::vec(any::<u8>(), 0..20))
                .prop_map(|(kind, data)| Value::Ext(kind, data)),
        ];
        leaf.prop_recursive(4, 60, 20, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..20).prop_map(Value::Array),
                proptest::collection::vec((inner.clone(), inner), 0..20).prop_map(Value::Map),
            ]
        })
    }

    fn encode(value: &Value) -> Vec<u8> {
        let mut bytes = Vec::new();
        rmpv::encode::write_value(&mut bytes, value).unwrap();
        bytes
    }

    #[test]
    fn what_is_too_large_is_known_from_its_head() {
        for head in [&[0xdb, 0x7f, 0, 0, 0][..], &[0xdd, 0xff, 0, 0, 0], &[0xc6, 0xff, 0xff, 0xff, 0xff]] {
            assert_eq!(Scanner::new(1000).end(head), Err(FrameError::TooLarge(1000)));
        }
        assert_eq!(Scanner::new(1000).end(&[0x91, 0xc1]), Err(FrameError::NoMsgpack));
    }

    proptest! {
        #[test]
        fn the_end_is_found_however_the_value_arrives(value in value(), step in 1_usize..50) {
            let bytes = encode(&value);
            let mut scanner = Scanner::new(1 << 20);
            let mut buffer: Vec<u8> = Vec::new();
            for part in bytes.chunks(step) {
                prop_assert_eq!(scanner.end(&buffer), Ok(None));
                buffer.extend_from_slice(part);
            }
            buffer.extend_from_slice(b"\xc0next");
            prop_assert_eq!(scanner.end(&buffer), Ok(Some(bytes.len())));
        }

        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(Some(end)) = Scanner::new(150).end(&bytes) {
                prop_assert!(end <= 150 && end <= bytes.len());
            }
        }
    }
}
