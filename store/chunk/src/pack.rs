//! Up to 64 whole numbers in as many bits each as most of them need; the others beside them.
//!
//! The base and the width are chosen so that the bytes are fewest: numbers outside `base .. base + 2^width` are
//! exceptions, written whole.

use crate::DamagedChunk;
use crate::varint::{self, Reader, zigzag};

/// Numbers of a group.
pub(crate) const GROUP: usize = 64;
/// Bit of the first byte: exceptions follow.
const EXCEPTIONS: u8 = 0x80;

/// Appends at most [`GROUP`] numbers. `base` is that of the group before, and becomes that of this one.
pub(crate) fn put(out: &mut Vec<u8>, numbers: &[i64], base: &mut i64) {
    let (chosen, width) = choose(numbers);
    let outside = |number: i64| !fits(number, chosen, width);
    let exceptions = numbers.iter().filter(|number| outside(**number)).count();
    out.push(width as u8 | if exceptions > 0 { EXCEPTIONS } else { 0 });
    varint::put_signed(out, chosen.wrapping_sub(*base));
    *base = chosen;
    if exceptions > 0 {
        out.push(exceptions as u8);
        for (at, number) in numbers.iter().enumerate().filter(|(_, number)| outside(**number)) {
            out.push(at as u8);
            varint::put_signed(out, number.wrapping_sub(chosen));
        }
    }
    let (mut held, mut bits) = (0u128, 0u32);
    for number in numbers {
        let value = if outside(*number) { 0 } else { number.wrapping_sub(chosen) as u64 };
        held |= u128::from(value) << bits;
        bits += width;
        while bits >= 8 {
            out.push(held as u8);
            held >>= 8;
            bits -= 8;
        }
    }
    if bits > 0 {
        out.push(held as u8);
    }
}

fn fits(number: i64, base: i64, width: u32) -> bool {
    number >= base && bits_of(number.wrapping_sub(base) as u64) <= width
}

fn bits_of(value: u64) -> u32 {
    64 - value.leading_zeros()
}

/// The base and width that need the fewest bytes.
fn choose(numbers: &[i64]) -> (i64, u32) {
    let (Some(min), Some(max)) = (numbers.iter().min(), numbers.iter().max()) else { return (0, 0) };
    let full = bits_of(max.wrapping_sub(*min) as u64);
    if full <= 1 {
        return (*min, full);
    }
    let mut sorted = [0i64; GROUP];
    let sorted = &mut sorted[..numbers.len()];
    sorted.copy_from_slice(numbers);
    sorted.sort_unstable();
    let mut best = (full as usize * numbers.len(), *min, full);
    for width in (0..full).rev() {
        let (start, held) = widest(sorted, width);
        let base = sorted[start];
        let outside = sorted[..start].iter().chain(&sorted[start + held..]);
        let each = |number: &i64| 8 + (bits_of(zigzag(number.wrapping_sub(base))).max(1) as usize).div_ceil(7) * 8;
        let cost = width as usize * numbers.len() + 8 + outside.map(each).sum::<usize>();
        if cost < best.0 {
            best = (cost, base, width);
        }
        // So many exceptions cost more than any number of bits can save.
        if (numbers.len() - held) * 4 > numbers.len() {
            break;
        }
    }
    (best.1, best.2)
}

/// Where most of the sorted numbers are less than `2^width` apart: the first of them, and how many.
fn widest(sorted: &[i64], width: u32) -> (usize, usize) {
    let (mut best, mut end) = ((0, 0), 0);
    for start in 0..sorted.len() {
        while end < sorted.len() && bits_of(sorted[end].wrapping_sub(sorted[start]) as u64) <= width {
            end += 1;
        }
        if end - start > best.1 {
            best = (start, end - start);
        }
        if end == sorted.len() {
            break;
        }
    }
    best
}

/// Appends `count` numbers to `into`, at most [`GROUP`].
pub(crate) fn read(
    reader: &mut Reader<'_>,
    count: usize,
    base: &mut i64,
    into: &mut Vec<i64>,
) -> Result<(), DamagedChunk> {
    let first = reader.byte()?;
    let width = u32::from(first & !EXCEPTIONS);
    if width > 64 {
        return Err(DamagedChunk("numbers of more than 64 bits"));
    }
    *base = base.wrapping_add(reader.signed()?);
    let mut exceptions = [(0u8, 0i64); GROUP];
    let mut excepted = 0;
    if first & EXCEPTIONS != 0 {
        excepted = usize::from(reader.byte()?);
        for exception in exceptions.get_mut(..excepted).ok_or(DamagedChunk("too many exceptions"))? {
            *exception = (reader.byte()?, base.wrapping_add(reader.signed()?));
        }
    }
    let start = into.len();
    unpack(reader.take((width as usize * count).div_ceil(8))?, width, count, *base, into);
    for (at, number) in &exceptions[..excepted] {
        *into[start..].get_mut(usize::from(*at)).ok_or(DamagedChunk("an exception outside its group"))? = *number;
    }
    Ok(())
}

fn unpack(bytes: &[u8], width: u32, count: usize, base: i64, into: &mut Vec<i64>) {
    if width == 0 {
        into.resize(into.len() + count, base);
        return;
    }
    // One load of eight bytes holds every number of up to 57 bits, wherever it begins.
    let mut padded = [0u8; GROUP * 8 + 16];
    padded[..bytes.len()].copy_from_slice(bytes);
    let word = |at: usize| {
        let mut eight = [0; 8];
        eight.copy_from_slice(&padded[at..at + 8]);
        u64::from_le_bytes(eight)
    };
    let mask = u64::MAX >> (64 - width);
    if width <= 57 {
        into.extend((0..count).map(|n| {
            let bit = n * width as usize;
            base.wrapping_add(((word(bit / 8) >> (bit % 8)) & mask) as i64)
        }));
    } else {
        into.extend((0..count).map(|n| {
            let bit = n * width as usize;
            let both = u128::from(word(bit / 8)) | u128::from(padded[bit / 8 + 8]) << 64;
            base.wrapping_add(((both >> (bit % 8)) as u64 & mask) as i64)
        }));
    }
}
