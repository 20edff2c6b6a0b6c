//! LEB128 numbers, zig-zag for signed ones, and a reader from the front of a slice.

use crate::DamagedChunk;

/// Appends `value`, low groups of seven bits first.
pub fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends a signed number so that small magnitudes stay short.
pub fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, zigzag(value));
}

pub(crate) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// Reads from the front of a slice.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a>(pub &'a [u8]);

const ENDS: DamagedChunk = DamagedChunk("the bytes end too early");

impl<'a> Reader<'a> {
    pub fn byte(&mut self) -> Result<u8, DamagedChunk> {
        let (first, rest) = self.0.split_first().ok_or(ENDS)?;
        self.0 = rest;
        Ok(*first)
    }

    pub fn take(&mut self, bytes: usize) -> Result<&'a [u8], DamagedChunk> {
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or(ENDS)?;
        self.0 = rest;
        Ok(taken)
    }

    pub fn number(&mut self) -> Result<u64, DamagedChunk> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let group = u64::from(byte & 0x7f);
            if shift == 63 && group > 1 {
                break;
            }
            value |= group << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(DamagedChunk("a number has more than 64 bits"))
    }

    pub fn signed(&mut self) -> Result<i64, DamagedChunk> {
        let value = self.number()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A number of at most `most`.
    pub fn up_to(&mut self, most: usize) -> Result<usize, DamagedChunk> {
        let value = self.number()?;
        if value <= most as u64 { Ok(value as usize) } else { Err(DamagedChunk("a count is too large")) }
    }

    pub fn float(&mut self) -> Result<f64, DamagedChunk> {
        let bytes = self.take(8)?.try_into().map_err(|_| ENDS)?;
        Ok(f64::from_bits(u64::from_le_bytes(bytes)))
    }
}
