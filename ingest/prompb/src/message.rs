//! [`Message`]: writes the protobuf wire format (protobuf.dev, "Encoding").

/// A message that is being written. Fields that hold their default are left out by the caller or by `*_or_none`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    bytes: Vec<u8>,
}

const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const DELIMITED: u64 = 2;

impl Message {
    pub fn with_capacity(bytes: usize) -> Self {
        Message { bytes: Vec::with_capacity(bytes) }
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// A number; nothing for 0, which is what a reader takes for a field that is not there.
    #[inline]
    pub fn varint(&mut self, field: u64, value: u64) {
        if value != 0 {
            self.raw(field << 3 | VARINT);
            self.raw(value);
        }
    }

    /// An `int64` or `int32`; nothing for 0.
    #[inline]
    pub fn int(&mut self, field: u64, value: i64) {
        self.varint(field, value as u64);
    }

    /// A `sint64` or `sint32`; nothing for 0.
    pub fn signed(&mut self, field: u64, value: i64) {
        self.varint(field, unzigzag(value));
    }

    /// A `double`; nothing for positive 0.
    #[inline]
    pub fn double(&mut self, field: u64, value: f64) {
        if value.to_bits() != 0 {
            self.always_double(field, value);
        }
    }

    /// A `double`, 0 too: inside a `oneof` it says which one it is.
    #[inline]
    pub fn always_double(&mut self, field: u64, value: f64) {
        self.raw(field << 3 | FIXED64);
        self.bytes.extend_from_slice(&value.to_bits().to_le_bytes());
    }

    /// A number, 0 too.
    pub fn always_varint(&mut self, field: u64, value: u64) {
        self.raw(field << 3 | VARINT);
        self.raw(value);
    }

    /// A `string` or `bytes`, an empty one too.
    #[inline]
    pub fn bytes(&mut self, field: u64, value: &[u8]) {
        self.raw(field << 3 | DELIMITED);
        self.raw(value.len() as u64);
        self.bytes.extend_from_slice(value);
    }

    /// A message within, filled by `fill`; an empty one too.
    #[inline]
    pub fn message(&mut self, field: u64, fill: impl FnOnce(&mut Message)) {
        self.raw(field << 3 | DELIMITED);
        let start = self.bytes.len();
        // Most messages have less than 128 bytes: their length has one.
        self.bytes.push(0);
        fill(self);
        let length = self.bytes.len() - start - 1;
        if length < 0x80 {
            self.bytes[start] = length as u8;
            return;
        }
        let more = length_bytes(length) - 1;
        let end = self.bytes.len();
        self.bytes.resize(end + more, 0);
        self.bytes.copy_within(start + 1..end, start + 1 + more);
        let mut rest = length;
        for at in 0..=more {
            let goes_on = if at < more { 0x80 } else { 0 };
            self.bytes[start + at] = (rest & 0x7f) as u8 | goes_on;
            rest >>= 7;
        }
    }

    /// Packed numbers; nothing for none.
    pub fn packed(&mut self, field: u64, values: impl ExactSizeIterator<Item = u64>) {
        if values.len() > 0 {
            self.message(field, |packed| values.for_each(|value| packed.raw(value)));
        }
    }

    /// Packed `sint64`; nothing for none.
    pub fn packed_signed(&mut self, field: u64, values: impl ExactSizeIterator<Item = i64>) {
        self.packed(field, values.map(unzigzag));
    }

    /// Packed `double`; nothing for none.
    pub fn packed_doubles(&mut self, field: u64, values: &[f64]) {
        if !values.is_empty() {
            self.message(field, |packed| {
                values.iter().for_each(|value| packed.bytes.extend_from_slice(&value.to_bits().to_le_bytes()));
            });
        }
    }

    #[inline]
    fn raw(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }
}

/// Bytes of a varint.
fn length_bytes(value: usize) -> usize {
    let bits = (usize::BITS - value.leading_zeros()).max(1) as usize;
    bits.div_ceil(7)
}

fn unzigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Value, Wire, zigzag};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(numbers in proptest::collection::vec(any::<i64>(), 1..40), text in "\\PC{0,300}", double in any::<f64>()) {
            let mut written = Message::default();
            written.packed_signed(1, numbers.iter().copied());
            written.message(2, |within| {
                within.bytes(1, text.as_bytes());
                within.always_double(2, double);
                within.message(3, |deeper| deeper.always_varint(1, u64::MAX));
            });
            let bytes = written.into_bytes();
            let mut wire = Wire::new(&bytes);
            let Some((1, packed)) = wire.field().unwrap() else { panic!("the numbers come first") };
            let mut read = Vec::new();
            packed.varints(|number| read.push(zigzag(number))).unwrap();
            prop_assert_eq!(read, numbers);
            let Some((2, Value::Bytes(mut within))) = wire.field().unwrap() else { panic!("then the message") };
            let Some((1, Value::Bytes(read))) = within.field().unwrap() else { panic!("a text") };
            prop_assert_eq!(read.bytes(), text.as_bytes());
            let Some((2, Value::Fixed64(bits))) = within.field().unwrap() else { panic!("a double") };
            prop_assert_eq!(bits, double.to_bits());
            let Some((3, Value::Bytes(mut deeper))) = within.field().unwrap() else { panic!("a message") };
            prop_assert!(matches!(deeper.field().unwrap(), Some((1, Value::Varint(u64::MAX)))));
            prop_assert!(wire.field().unwrap().is_none());
        }
    }

    #[test]
    fn defaults_take_no_room() {
        let mut message = Message::default();
        message.varint(1, 0);
        message.int(2, 0);
        message.signed(3, 0);
        message.double(4, 0.0);
        message.packed(5, [].into_iter());
        assert!(message.is_empty());
        message.double(4, -0.0);
        assert_eq!(message.len(), 9);
    }
}
