//! A column of floats, exact to the bit: one value for all, decimals as whole numbers, or bits as whole numbers.

use crate::DamagedChunk;
use crate::ints;
use crate::varint::{self, Reader};

/// First byte of a column.
const CONSTANT: u8 = 0;
const DECIMAL: u8 = 1;
const BITS: u8 = 2;

/// Most digits behind the point. Powers of ten are exact in a float up to 10^22.
const MOST_DIGITS: usize = 18;
const POWERS: [f64; MOST_DIGITS + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18];

/// A whole number divided by a power of ten is the nearest float to the decimal as long as both are exact.
const EXACT: f64 = 9_007_199_254_740_992.0;
/// Whole floats up to here become whole numbers without loss, and their differences fit as well.
const WHOLE: f64 = 4_611_686_018_427_387_904.0;

/// Appends the column; `numbers` is working space.
pub(crate) fn put(out: &mut Vec<u8>, values: &[f64], numbers: &mut Vec<i64>) {
    let Some(first) = values.first() else { return };
    if values.iter().all(|value| value.to_bits() == first.to_bits()) {
        out.push(CONSTANT);
        out.extend_from_slice(&first.to_bits().to_le_bytes());
        return;
    }
    let start = out.len();
    if !put_decimals(out, values, numbers) {
        out.truncate(start);
        put_bits(out, values, numbers);
    }
}

/// The whole number that is `value` times `10^digits`, if that gives the value back.
fn scaled(value: f64, digits: usize) -> Option<i64> {
    let nearest = (value * POWERS[digits]).round();
    let limit = if digits == 0 { WHOLE } else { EXACT };
    // What is not a number is not within; minus zero is no whole number.
    if nearest.abs() <= limit {
        let number = nearest as i64;
        return ((number as f64 / POWERS[digits]).to_bits() == value.to_bits()).then_some(number);
    }
    None
}

/// How many digits the decimals among the values need; `None` when too few of them are decimals.
fn digits_of(values: &[f64]) -> Option<usize> {
    let (mut digits, mut others) = (0, 0);
    for value in values {
        if scaled(*value, digits).is_some() {
            continue;
        }
        let more = if value.is_finite() && *value != 0.0 { digits + 1 } else { MOST_DIGITS + 1 };
        match (more..=MOST_DIGITS).find(|more| scaled(*value, *more).is_some()) {
            Some(more) => digits = more,
            None => others += 1,
        }
        if others > 2 + values.len() / 8 {
            return None;
        }
    }
    Some(digits)
}

fn put_decimals(out: &mut Vec<u8>, values: &[f64], numbers: &mut Vec<i64>) -> bool {
    let Some(digits) = digits_of(values) else { return false };
    let Some(start) = values.iter().find_map(|value| scaled(*value, digits)) else { return false };
    numbers.clear();
    let mut others = Vec::new();
    let mut last = start;
    for (at, value) in values.iter().enumerate() {
        match scaled(*value, digits) {
            Some(number) => last = number,
            None => others.push((at, *value)),
        }
        numbers.push(last);
    }
    if others.len() > 2 + values.len() / 8 {
        return false;
    }
    out.push(DECIMAL);
    out.push(digits as u8);
    varint::put(out, others.len() as u64);
    for (at, value) in others {
        varint::put(out, at as u64);
        out.extend_from_slice(&value.to_bits().to_le_bytes());
    }
    let unit = common_unit(numbers, start);
    varint::put_signed(out, start);
    varint::put(out, unit as u64);
    if unit == 1 {
        numbers.iter_mut().for_each(|number| *number -= start);
    } else {
        numbers.iter_mut().for_each(|number| *number = (*number - start) / unit);
    }
    ints::put(out, numbers);
    true
}

/// The largest number that divides all distances from `start`: pages of memory, halves, whole seconds.
fn common_unit(numbers: &[i64], start: i64) -> i64 {
    let mut unit = 0u64;
    for number in numbers {
        let (mut a, mut b) = (unit, number.abs_diff(start));
        while b != 0 {
            (a, b) = (b, a % b);
        }
        unit = a;
        if unit == 1 {
            break;
        }
    }
    i64::try_from(unit).unwrap_or(1).max(1)
}

/// Bits in the order of the values, without the zeros at their end that all of them have.
fn put_bits(out: &mut Vec<u8>, values: &[f64], numbers: &mut Vec<i64>) {
    numbers.clear();
    numbers.extend(values.iter().map(|value| ordered(value.to_bits())));
    let all = numbers.iter().fold(0, |all, number| all | number);
    let shift = all.trailing_zeros().min(63);
    out.push(BITS);
    out.push(shift as u8);
    numbers.iter_mut().for_each(|number| *number >>= shift);
    ints::put(out, numbers);
}

/// Floats that follow each other become numbers that do; its own inverse up to the sign bit.
fn ordered(bits: u64) -> i64 {
    let bits = bits as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

/// Appends `count` values to `into`; `numbers` is working space.
pub(crate) fn read(
    reader: &mut Reader<'_>,
    count: usize,
    numbers: &mut Vec<i64>,
    into: &mut Vec<f64>,
) -> Result<(), DamagedChunk> {
    match reader.byte()? {
        CONSTANT => {
            let value = reader.float()?;
            into.resize(into.len() + count, value);
            Ok(())
        }
        DECIMAL => read_decimals(reader, count, numbers, into),
        BITS => {
            let shift = u32::from(reader.byte()?);
            if shift > 63 {
                return Err(DamagedChunk("a shift of more than 63 bits"));
            }
            ints::read(reader, count, numbers)?;
            into.extend(numbers.iter().map(|number| f64::from_bits(ordered((number << shift) as u64) as u64)));
            Ok(())
        }
        _ => Err(DamagedChunk("unknown kind of values")),
    }
}

fn read_decimals(
    reader: &mut Reader<'_>,
    count: usize,
    numbers: &mut Vec<i64>,
    into: &mut Vec<f64>,
) -> Result<(), DamagedChunk> {
    let digits = usize::from(reader.byte()?);
    let power = *POWERS.get(digits).ok_or(DamagedChunk("too many digits"))?;
    let others = reader.up_to(count)?;
    let mut after = *reader;
    for _ in 0..others {
        after.number()?;
        after.take(8)?;
    }
    let start = after.signed()?;
    let unit = after.number()? as i64;
    ints::read(&mut after, count, numbers)?;
    let begin = into.len();
    let number = |number: &i64| start.wrapping_add(number.wrapping_mul(unit)) as f64;
    if digits == 0 {
        into.extend(numbers.iter().map(number));
    } else {
        into.extend(numbers.iter().map(|n| number(n) / power));
    }
    for _ in 0..others {
        let at = reader.number()?;
        let value = reader.float()?;
        let place = usize::try_from(at).ok().and_then(|at| into[begin..].get_mut(at));
        *place.ok_or(DamagedChunk("a value outside its frame"))? = value;
    }
    *reader = after;
    Ok(())
}
