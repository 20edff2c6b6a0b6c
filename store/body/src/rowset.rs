//! [`RowSet`]: rows of one block, a bit each.

use std::ops::Range;

/// A set of rows of one block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowSet {
    words: Vec<u64>,
    rows: usize,
}

impl RowSet {
    /// None of `rows` rows.
    pub fn none(rows: usize) -> Self {
        RowSet { words: vec![0; rows.div_ceil(64)], rows }
    }

    /// All of `rows` rows.
    pub fn all(rows: usize) -> Self {
        let mut set = RowSet { words: vec![u64::MAX; rows.div_ceil(64)], rows };
        if let Some(last) = set.words.last_mut().filter(|_| !rows.is_multiple_of(64)) {
            *last = (1 << (rows % 64)) - 1;
        }
        set
    }

    /// Adds a row.
    pub fn insert(&mut self, row: usize) {
        self.words[row / 64] |= 1 << (row % 64);
    }

    /// Adds rows.
    pub fn insert_range(&mut self, rows: Range<usize>) {
        for (word, bits) in words_of(rows) {
            self.words[word] |= bits;
        }
    }

    /// Takes a row away.
    pub fn remove(&mut self, row: usize) {
        self.words[row / 64] &= !(1 << (row % 64));
    }

    /// Whether it has the row.
    pub fn contains(&self, row: usize) -> bool {
        self.words[row / 64] & 1 << (row % 64) != 0
    }

    /// Adds all rows of `other`, a set of the same block.
    pub fn add(&mut self, other: &RowSet) {
        self.words.iter_mut().zip(&other.words).for_each(|(mine, theirs)| *mine |= theirs);
    }

    /// Takes away all rows that `other` has.
    pub fn subtract(&mut self, other: &RowSet) {
        self.words.iter_mut().zip(&other.words).for_each(|(mine, theirs)| *mine &= !theirs);
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether it has no row.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|word| *word == 0)
    }

    /// How many of these rows.
    pub fn count_in(&self, rows: Range<usize>) -> usize {
        words_of(rows).map(|(word, bits)| (self.words[word] & bits).count_ones() as usize).sum()
    }

    /// The rows, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.iter_in(0..self.rows)
    }

    /// Those of these rows, ascending.
    pub fn iter_in(&self, rows: Range<usize>) -> impl Iterator<Item = usize> {
        words_of(rows).flat_map(|(at, bits)| {
            let mut rest = self.words[at] & bits;
            std::iter::from_fn(move || {
                let bit = rest.trailing_zeros() as usize;
                (rest != 0).then(|| {
                    rest &= rest - 1;
                    at * 64 + bit
                })
            })
        })
    }
}

/// The words of a set that these rows touch, and their bits of each.
fn words_of(Range { start, end }: Range<usize>) -> impl Iterator<Item = (usize, u64)> {
    let words = if start < end { start / 64..end.div_ceil(64) } else { 0..0 };
    words.map(move |word| {
        let (from, upto) = (start.max(word * 64) % 64, end.min(word * 64 + 64) - word * 64);
        (word, u64::MAX << from & u64::MAX >> (64 - upto))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranges_are_rows_one_by_one(rows in 1usize..300, a in 0usize..300, b in 0usize..300, c in 0usize..300, d in 0usize..300) {
            let range = |a: usize, b: usize| a.min(b).min(rows)..a.max(b).min(rows);
            let (added, asked) = (range(a, b), range(c, d));
            let (mut set, mut one_by_one) = (RowSet::none(rows), RowSet::none(rows));
            set.insert_range(added.clone());
            added.clone().for_each(|row| one_by_one.insert(row));
            prop_assert_eq!(&set, &one_by_one);
            let inside: Vec<usize> = asked.clone().filter(|row| added.contains(row)).collect();
            prop_assert_eq!((set.count_in(asked.clone()), set.iter_in(asked).collect::<Vec<_>>()), (inside.len(), inside));
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), added.collect::<Vec<_>>());
        }
    }
}
