//! Texts one after the other, and a table that finds equal ones.

use memchr::memmem::Finder;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Byte strings in one buffer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    pub bytes: Vec<u8>,
    pub ends: Vec<u32>,
}

impl Texts {
    pub fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len() as u32);
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn get(&self, at: usize) -> &[u8] {
        let start = if at == 0 { 0 } else { self.ends[at - 1] as usize };
        &self.bytes[start..self.ends[at] as usize]
    }

    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|at| self.get(at))
    }

    /// Calls `each` with the numbers, rising, of the texts that hold the finder's needle. All bytes are searched in one go.
    pub fn for_each_with(&self, finder: &Finder<'_>, mut each: impl FnMut(usize)) {
        let len = finder.needle().len();
        if len == 0 {
            return (0..self.len()).for_each(each);
        }
        let (mut from, mut text) = (0, 0);
        while let Some(found) = finder.find(&self.bytes[from..]) {
            let at = from + found;
            text += self.ends[text..].partition_point(|end| *end as usize <= at);
            let end = self.ends[text] as usize;
            // What lies across two texts may hide the beginning of one.
            from = if at + len <= end { end } else { at + 1 };
            if at + len <= end {
                each(text);
            }
        }
    }
}

/// Finds the number of a text among those of its column. Open addressing; the texts stay in the columns.
#[derive(Debug, Default)]
pub struct Interner {
    table: Vec<Entry>,
    used: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    hash: u64,
    /// One more than the number, 0 for a free entry.
    number: u32,
    column: u32,
}

impl Interner {
    /// The number of `text` in `texts`, where it is entered if it is new.
    pub fn intern(&mut self, column: u32, text: &[u8], texts: &mut Texts) -> u32 {
        if self.used * 4 >= self.table.len() * 3 {
            self.grow();
        }
        let hash = xxh3_64_with_seed(text, u64::from(column));
        let mask = self.table.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let entry = &mut self.table[at];
            if entry.number == 0 {
                texts.push(text);
                *entry = Entry { hash, number: texts.len() as u32, column };
                self.used += 1;
                return texts.len() as u32 - 1;
            }
            if entry.hash == hash && entry.column == column && texts.get(entry.number as usize - 1) == text {
                return entry.number - 1;
            }
            at = (at + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let new = vec![Entry::default(); (self.table.len() * 2).max(1024)];
        let mask = new.len() - 1;
        for entry in std::mem::replace(&mut self.table, new).into_iter().filter(|entry| entry.number != 0) {
            let mut at = entry.hash as usize & mask;
            while self.table[at].number != 0 {
                at = (at + 1) & mask;
            }
            self.table[at] = entry;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn texts_are_searched_as_if_one_by_one(of in proptest::collection::vec("[ab]{0,4}", 0..12), needle in "[ab]{0,3}") {
            let mut texts = Texts::default();
            of.iter().for_each(|text| texts.push(text.as_bytes()));
            let mut found = Vec::new();
            texts.for_each_with(&Finder::new(needle.as_bytes()), |at| found.push(at));
            let expected: Vec<usize> = (0..of.len()).filter(|at| of[*at].contains(&needle)).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
