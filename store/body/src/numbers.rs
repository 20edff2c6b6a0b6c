//! Numbers as bytes: a constant, or planes of bytes (all lowest bytes, then all second ones, ...) of the distance to the
//! least number or of the zig-zag difference to the one before, whichever has fewer bits in all.

use crate::error::BodyError;

const CONSTANT: u8 = 0;
const PLAIN: u8 = 1;
const DELTA: u8 = 2;

pub fn write_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Bytes that are read from front to back.
#[derive(Debug)]
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], BodyError> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(BodyError::Malformed("it ends early"))?;
        self.0 = rest;
        Ok(taken)
    }

    pub fn byte(&mut self) -> Result<u8, BodyError> {
        Ok(self.take(1)?[0])
    }

    pub fn word(&mut self) -> Result<u32, BodyError> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    pub fn varint(&mut self) -> Result<u64, BodyError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(BodyError::Malformed("a number is too long"))
    }

    /// A varint that is a length or a position.
    pub fn size(&mut self) -> Result<usize, BodyError> {
        let value = self.varint()?;
        if value > u64::from(u32::MAX) {
            return Err(BodyError::Malformed("a size is too large"));
        }
        Ok(value as usize)
    }
}

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

fn bits(value: u64) -> u64 {
    u64::from(64 - value.leading_zeros())
}

fn write_planes(values: impl Iterator<Item = u64> + Clone, out: &mut Vec<u8>) {
    let all = values.clone().fold(0, |all, value| all | value);
    let planes = bits(all).div_ceil(8);
    out.push(planes as u8);
    for plane in 0..planes {
        out.extend(values.clone().map(|value| (value >> (8 * plane)) as u8));
    }
}

fn read_planes(input: &mut Input<'_>, count: usize) -> Result<Vec<u64>, BodyError> {
    let planes = input.byte()?;
    if planes > 8 {
        return Err(BodyError::Malformed("a number has more than eight bytes"));
    }
    let mut values = vec![0u64; count];
    for plane in 0..planes {
        for (value, byte) in values.iter_mut().zip(input.take(count)?) {
            *value |= u64::from(*byte) << (8 * plane);
        }
    }
    Ok(values)
}

/// Writes at least one number; none is above `i64::MAX`.
pub fn write_numbers(values: &[u64], out: &mut Vec<u8>) {
    let least = values.iter().copied().min().unwrap_or_default();
    let deltas = values.windows(2).map(|pair| zigzag(pair[1] as i64 - pair[0] as i64));
    if values.iter().all(|value| *value == least) {
        out.push(CONSTANT);
        return write_varint(least, out);
    }
    let plain_bits: u64 = values.iter().map(|value| bits(value - least)).sum();
    let delta_bits: u64 = deltas.clone().map(bits).sum();
    if delta_bits < plain_bits {
        out.push(DELTA);
        write_varint(values[0], out);
        write_planes(deltas, out);
    } else {
        out.push(PLAIN);
        write_varint(least, out);
        write_planes(values.iter().map(|value| value - least), out);
    }
}

pub fn read_numbers(input: &mut Input<'_>, count: usize) -> Result<Vec<u64>, BodyError> {
    let mode = input.byte()?;
    let first = input.varint()?;
    match mode {
        CONSTANT => Ok(vec![first; count]),
        PLAIN => Ok(read_planes(input, count)?.into_iter().map(|value| first.wrapping_add(value)).collect()),
        DELTA => {
            let deltas = read_planes(input, count.saturating_sub(1))?;
            let mut values = Vec::with_capacity(count);
            let mut value = first;
            values.push(value);
            for delta in deltas {
                value = value.wrapping_add_signed(unzigzag(delta));
                values.push(value);
            }
            Ok(values)
        }
        _ => Err(BodyError::Malformed("unknown coding of numbers")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_come_back(values in proptest::collection::vec(0..=(i64::MAX as u64 >> 3), 1..50)) {
            let mut bytes = Vec::new();
            write_numbers(&values, &mut bytes);
            prop_assert_eq!(read_numbers(&mut Input(&bytes), values.len()).unwrap(), values);
        }
    }
}
