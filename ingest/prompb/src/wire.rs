//! A reader of the protobuf wire format that borrows from the buffer (protobuf.dev, "Encoding").

/// What is wrong with a message, and at which byte of the whole body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {position}")]
pub struct WireError {
    pub position: usize,
    pub what: &'static str,
}

/// One message of a body, read field by field.
#[derive(Clone, Copy, Debug)]
pub struct Wire<'a> {
    body: &'a [u8],
    at: usize,
    end: usize,
}

/// The value of a field.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    Varint(u64),
    /// A string, bytes or a message within.
    Bytes(Wire<'a>),
    /// Eight bytes: a `fixed64` or the bits of a `double`.
    Fixed64(u64),
    /// Four bytes: skipped, since no message that is read here has them.
    Fixed32,
}

impl<'a> Wire<'a> {
    /// The whole body is one message.
    pub fn new(body: &'a [u8]) -> Self {
        Wire { body, at: 0, end: body.len() }
    }

    /// The bytes that are left.
    pub fn bytes(&self) -> &'a [u8] {
        &self.body[self.at..self.end]
    }

    /// The bytes between here and where `later`, which is this message read further, stands.
    pub fn until(&self, later: &Wire<'a>) -> &'a [u8] {
        &self.body[self.at..later.at]
    }

    fn wrong<T>(&self, what: &'static str) -> Result<T, WireError> {
        Err(WireError { position: self.at, what })
    }

    /// The next field's number and value, `None` at the end of the message.
    #[inline]
    pub fn field(&mut self) -> Result<Option<(u64, Value<'a>)>, WireError> {
        if self.at == self.end {
            return Ok(None);
        }
        let start = self.at;
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(u64::from_le_bytes(self.fixed()?)),
            2 => Value::Bytes(self.delimited()?),
            5 => self.fixed::<4>().map(|_| Value::Fixed32)?,
            _ => return Err(WireError { position: start, what: "a field of an unknown wire type" }),
        };
        match tag >> 3 {
            0 => Err(WireError { position: start, what: "field number 0" }),
            number => Ok(Some((number, value))),
        }
    }

    #[inline]
    /// A number alone, as inside of a packed field.
    pub fn varint(&mut self) -> Result<u64, WireError> {
        // Most numbers of a message are tags and lengths of one byte.
        match self.body[..self.end].get(self.at) {
            Some(byte) if *byte < 0x80 => {
                self.at += 1;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            if self.at == self.end {
                return self.wrong("the message ends within a number");
            }
            let byte = self.body[self.at];
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        self.wrong("a number of more than 10 bytes")
    }

    #[inline]
    /// A length and that many bytes.
    pub fn delimited(&mut self) -> Result<Wire<'a>, WireError> {
        let len = self.varint()?;
        if len > (self.end - self.at) as u64 {
            return self.wrong("a field that is longer than its message");
        }
        let start = self.at;
        self.at += len as usize;
        Ok(Wire { body: self.body, at: start, end: self.at })
    }

    #[inline]
    /// So many bytes.
    pub fn fixed<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let Some(bytes) = self.body[self.at..self.end].first_chunk::<N>() else {
            return self.wrong("the message ends within a number");
        };
        self.at += N;
        Ok(*bytes)
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.at == self.end
    }
}

impl Value<'_> {
    /// Hands over the numbers of a repeated field, which come one by one or packed.
    #[inline]
    pub fn varints(self, mut take: impl FnMut(u64)) -> Result<(), WireError> {
        match self {
            Value::Varint(number) => take(number),
            Value::Bytes(mut packed) => {
                while !packed.is_empty() {
                    take(packed.varint()?);
                }
            }
            Value::Fixed64(_) | Value::Fixed32 => {}
        }
        Ok(())
    }

    /// As [`Value::varints`], for `double`.
    pub fn doubles(self, mut take: impl FnMut(f64)) -> Result<(), WireError> {
        match self {
            Value::Fixed64(bits) => take(f64::from_bits(bits)),
            Value::Bytes(mut packed) => {
                while !packed.is_empty() {
                    take(f64::from_le_bytes(packed.fixed()?));
                }
            }
            Value::Varint(_) | Value::Fixed32 => {}
        }
        Ok(())
    }
}

/// The number that a `sint32` or `sint64` stands for.
#[inline]
pub fn zigzag(number: u64) -> i64 {
    (number >> 1) as i64 ^ -((number & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn faults_are_named_with_their_position() {
        let fault = |bytes: &[u8]| {
            let mut wire = Wire::new(bytes);
            loop {
                match wire.field() {
                    Ok(Some(_)) => {}
                    Ok(None) => return "none".to_owned(),
                    Err(error) => return error.to_string(),
                }
            }
        };
        assert_eq!(fault(&[0x0a, 1, b'x', 0x10, 5]), "none");
        assert_eq!(fault(&[0x0a, 3, b'x']), "a field that is longer than its message at byte 2");
        assert_eq!(fault(&[0x08, 0x80]), "the message ends within a number at byte 2");
        assert_eq!(fault(&[0x0b]), "a field of an unknown wire type at byte 0");
        assert_eq!(fault(&[0x08; 1]), "the message ends within a number at byte 1");
        assert_eq!(fault(&[0x02, 0]), "field number 0 at byte 0");
    }

    #[test]
    fn repeated_numbers_come_one_by_one_or_packed() {
        let mut wire = Wire::new(&[0x08, 3, 0x0a, 2, 4, 1]);
        let mut read = Vec::new();
        while let Some((_, value)) = wire.field().unwrap() {
            value.varints(|number| read.push(zigzag(number))).unwrap();
        }
        assert_eq!(read, [-2, 2, -1]);
    }

    proptest! {
        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut wire = Wire::new(&bytes);
            while let Ok(Some(_)) = wire.field() {}
        }
    }
}
