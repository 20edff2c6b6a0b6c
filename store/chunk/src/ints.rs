//! A column of whole numbers: themselves, their differences, or the differences of those, in groups of 64.

use crate::DamagedChunk;
use crate::pack::{self, GROUP};
use crate::varint::{self, Reader};

/// Highest number of times that differences are taken.
const MOST_ORDER: u8 = 2;

/// Appends the column. `numbers` is used up as working space.
pub(crate) fn put(out: &mut Vec<u8>, numbers: &mut [i64]) {
    let order = choose(numbers);
    out.push(order);
    let mut rest = &mut *numbers;
    for _ in 0..order {
        let Some(first) = rest.first().copied() else { return };
        varint::put_signed(out, first);
        difference(rest);
        rest = &mut rest[1..];
    }
    let mut base = 0;
    for group in rest.chunks(GROUP) {
        pack::put(out, group, &mut base);
    }
}

/// Every number but the first becomes its difference to the one before.
fn difference(numbers: &mut [i64]) {
    for at in (1..numbers.len()).rev() {
        numbers[at] = numbers[at].wrapping_sub(numbers[at - 1]);
    }
}

/// The order whose groups span the fewest bits; the lower of equals.
fn choose(numbers: &[i64]) -> u8 {
    let mut costs = [0u64; MOST_ORDER as usize + 1];
    let mut before = [0i64; 2];
    for group in numbers.chunks(GROUP) {
        let mut spans = [(i64::MAX, i64::MIN); 3];
        let mut bits = [0u64; 3];
        for (at, number) in group.iter().enumerate() {
            let one = number.wrapping_sub(before[0]);
            let two = one.wrapping_sub(before[1]);
            before = [*number, one];
            // At the start of the column there is nothing to take a difference to.
            if at < 2 && std::ptr::eq(group.as_ptr(), numbers.as_ptr()) {
                continue;
            }
            for (order, value) in [*number, one, two].into_iter().enumerate() {
                spans[order] = (spans[order].0.min(value), spans[order].1.max(value));
                bits[order] += u64::from(64 - varint::zigzag(value).leading_zeros());
            }
        }
        for order in 0..3 {
            let span = spans[order].1.wrapping_sub(spans[order].0) as u64;
            let packed = u64::from(64 - span.leading_zeros()) * group.len() as u64;
            // Exceptions make one that is far off cheap: then the typical size says more than the span.
            costs[order] += packed.min(bits[order] + group.len() as u64) + if order == 0 { 0 } else { 1 };
        }
    }
    let best = (0..3).min_by_key(|order| costs[*order]).unwrap_or(0) as u8;
    best.min(numbers.len() as u8)
}

/// Replaces what `into` holds by the `count` numbers of a column.
pub(crate) fn read(reader: &mut Reader<'_>, count: usize, into: &mut Vec<i64>) -> Result<(), DamagedChunk> {
    into.clear();
    let order = reader.byte()?;
    if order > MOST_ORDER || usize::from(order) > count {
        return Err(DamagedChunk("unknown kind of differences"));
    }
    let mut firsts = [0; MOST_ORDER as usize];
    for first in &mut firsts[..usize::from(order)] {
        *first = reader.signed()?;
        into.push(*first);
    }
    let mut base = 0;
    while into.len() < count {
        let group = (count - into.len()).min(GROUP);
        pack::read(reader, group, &mut base, into)?;
    }
    if order == 2 {
        sum(&mut into[1..]);
    }
    if order > 0 {
        sum(into);
    }
    Ok(())
}

/// Undoes [`difference`].
fn sum(numbers: &mut [i64]) {
    let mut total = 0i64;
    for number in numbers {
        total = total.wrapping_add(*number);
        *number = total;
    }
}
