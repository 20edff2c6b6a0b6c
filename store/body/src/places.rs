//! [`Places`]: the template of each row and which of the template's rows it is, in two bytes a row or so.
//!
//! The second is counted, not stored: every [`STRIDE`] rows it is known for the templates that follow, and rows between are
//! counted. A [`Cursor`] counts each row once while it goes forward.

use std::ops::Range;

/// Rows after which counts are noted: those of a granule of the store, which has few templates.
const STRIDE: usize = 4096;

/// Templates of rows.
#[derive(Debug)]
pub struct Places {
    ids: Ids,
    /// Rows of each template.
    counts: Vec<u32>,
    /// Where the notes of each stride end.
    ends: Vec<u32>,
    /// Templates of a stride in ascending order, and how many rows each has before it.
    notes: Vec<(u32, u32)>,
}

/// A number for each row, as narrow as the highest one allows.
#[derive(Debug)]
enum Ids {
    Bytes(Vec<u8>),
    Shorts(Vec<u16>),
    Words(Vec<u32>),
}

impl Ids {
    fn new(ids: &[u32], templates: usize) -> Self {
        match templates {
            0..=0x100 => Ids::Bytes(ids.iter().map(|id| *id as u8).collect()),
            0x101..=0x1_0000 => Ids::Shorts(ids.iter().map(|id| *id as u16).collect()),
            _ => Ids::Words(ids.to_vec()),
        }
    }

    fn len(&self) -> usize {
        match self {
            Ids::Bytes(ids) => ids.len(),
            Ids::Shorts(ids) => ids.len(),
            Ids::Words(ids) => ids.len(),
        }
    }

    fn get(&self, row: usize) -> u32 {
        match self {
            Ids::Bytes(ids) => u32::from(ids[row]),
            Ids::Shorts(ids) => u32::from(ids[row]),
            Ids::Words(ids) => ids[row],
        }
    }

    /// How many of `rows` have the number `id`, which one of them may have.
    fn count(&self, rows: Range<usize>, id: u32) -> u32 {
        fn equal<T: PartialEq + Copy>(ids: &[T], id: T) -> u32 {
            ids.iter().map(|other| u32::from(*other == id)).sum()
        }
        match self {
            Ids::Bytes(ids) => equal(&ids[rows], id as u8),
            Ids::Shorts(ids) => equal(&ids[rows], id as u16),
            Ids::Words(ids) => equal(&ids[rows], id),
        }
    }

    fn memory(&self) -> usize {
        match self {
            Ids::Bytes(ids) => ids.len(),
            Ids::Shorts(ids) => ids.len() * 2,
            Ids::Words(ids) => ids.len() * 4,
        }
    }
}

impl Places {
    /// Of rows whose templates are `ids`, each less than `templates`.
    pub fn new(ids: &[u32], templates: usize) -> Self {
        let mut counts = vec![0u32; templates];
        let mut last_stride = vec![u32::MAX; templates];
        let (mut ends, mut notes) = (Vec::with_capacity(ids.len().div_ceil(STRIDE)), Vec::new());
        for (stride, rows) in (0u32..).zip(ids.chunks(STRIDE)) {
            let first = notes.len();
            for id in rows {
                let at = *id as usize;
                if last_stride[at] != stride {
                    last_stride[at] = stride;
                    notes.push((*id, counts[at]));
                }
                counts[at] += 1;
            }
            notes[first..].sort_unstable();
            ends.push(notes.len() as u32);
        }
        notes.shrink_to_fit();
        Places { ids: Ids::new(ids, templates), counts, ends, notes }
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Rows of each template.
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }

    /// The template of a row.
    pub fn template(&self, row: usize) -> u32 {
        self.ids.get(row)
    }

    /// The template of a row, and which of the template's rows it is.
    pub fn place(&self, row: usize) -> (u32, usize) {
        let template = self.template(row);
        let stride = row / STRIDE;
        let notes = self.notes(stride);
        let before = notes.binary_search_by_key(&template, |note| note.0).map_or(0, |at| notes[at].1);
        (template, (before + self.ids.count(stride * STRIDE..row, template)) as usize)
    }

    fn notes(&self, stride: usize) -> &[(u32, u32)] {
        let start = if stride == 0 { 0 } else { self.ends[stride - 1] };
        &self.notes[start as usize..self.ends[stride] as usize]
    }

    /// For many rows that ascend.
    pub fn cursor(&self) -> Cursor<'_> {
        Cursor { places: self, stride: usize::MAX, next: 0, before: Vec::new() }
    }

    /// Bytes of memory, about.
    pub fn memory(&self) -> usize {
        self.ids.memory() + self.counts.len() * 4 + self.ends.len() * 4 + self.notes.len() * 8
    }
}

/// Finds the places of rows, one after the other.
#[derive(Debug)]
pub struct Cursor<'a> {
    places: &'a Places,
    stride: usize,
    /// The first row of the stride that is not counted yet.
    next: usize,
    /// Rows of each template before `next`, where the stride has the template.
    before: Vec<u32>,
}

impl Cursor<'_> {
    /// As [`Places::place`]; cheap when the row is a little after the one before.
    pub fn place(&mut self, row: usize) -> (u32, usize) {
        if row / STRIDE != self.stride || row < self.next {
            self.stride = row / STRIDE;
            self.next = self.stride * STRIDE;
            self.before.resize(self.places.counts.len(), 0);
            for (template, before) in self.places.notes(self.stride) {
                self.before[*template as usize] = *before;
            }
        }
        for passed in self.next..row {
            self.before[self.places.template(passed) as usize] += 1;
        }
        let template = self.places.template(row);
        let at = self.before[template as usize];
        self.before[template as usize] += 1;
        self.next = row + 1;
        (template, at as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn places_are_counted_right(
            (templates, ids) in prop_oneof![1usize..5, 250..260usize, 65_530..65_540usize]
                .prop_flat_map(|templates| (Just(templates), proptest::collection::vec(0..templates as u32, 0..10_000))),
            picked in proptest::collection::vec(any::<prop::sample::Index>(), 0..40),
        ) {
            let places = Places::new(&ids, templates);
            let mut counts = vec![0; templates];
            let known: Vec<(u32, usize)> = ids.iter().map(|id| {
                counts[*id as usize] += 1;
                (*id, counts[*id as usize] - 1)
            }).collect();
            let mut cursor = places.cursor();
            prop_assert!((0..ids.len()).all(|row| cursor.place(row) == known[row]));
            let mut cursor = places.cursor();
            for row in picked.iter().filter(|_| !ids.is_empty()).map(|pick| pick.index(ids.len())) {
                prop_assert_eq!(places.place(row), known[row]);
                prop_assert_eq!(cursor.place(row), known[row]);
            }
            prop_assert_eq!(places.counts().iter().map(|count| *count as usize).collect::<Vec<_>>(), counts);
        }
    }
}
