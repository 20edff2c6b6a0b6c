//! [`Places`]: the template of each row and which of the template's rows it is, in one byte a row, or two.
//!
//! Every [`STRIDE`] rows there are notes: which templates follow, and how many rows each has before. A row names a note, and
//! rows since then are counted. A [`Cursor`] counts each row once while it goes forward.

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
    /// The templates that a stride has, and how many rows each has before it.
    notes: Vec<(u32, u32)>,
}

/// For each row, which note of its stride is that of its template; as narrow as the longest list of notes allows.
#[derive(Debug)]
enum Ids {
    Bytes(Vec<u8>),
    Shorts(Vec<u16>),
}

impl Ids {
    fn len(&self) -> usize {
        match self {
            Ids::Bytes(ids) => ids.len(),
            Ids::Shorts(ids) => ids.len(),
        }
    }

    fn get(&self, row: usize) -> usize {
        match self {
            Ids::Bytes(ids) => usize::from(ids[row]),
            Ids::Shorts(ids) => usize::from(ids[row]),
        }
    }

    /// How many of `rows` have the number `id`, which a row has.
    fn count(&self, rows: Range<usize>, id: usize) -> u32 {
        fn equal<T: PartialEq + Copy>(ids: &[T], id: T) -> u32 {
            ids.iter().map(|other| u32::from(*other == id)).sum()
        }
        match self {
            Ids::Bytes(ids) => equal(&ids[rows], id as u8),
            Ids::Shorts(ids) => equal(&ids[rows], id as u16),
        }
    }
}

impl Places {
    /// Of rows whose templates are `ids`, each less than `templates`.
    pub fn new(ids: &[u32], templates: usize) -> Self {
        let mut counts = vec![0u32; templates];
        // Of each template: the last stride that has it, and its note there.
        let mut noted = vec![(u32::MAX, 0u16); templates];
        let (mut ends, mut notes) = (Vec::with_capacity(ids.len().div_ceil(STRIDE)), Vec::new());
        let mut numbers: Vec<u16> = Vec::with_capacity(ids.len());
        let mut longest = 0;
        for (stride, rows) in (0u32..).zip(ids.chunks(STRIDE)) {
            let first = notes.len();
            for id in rows {
                let (last, note) = &mut noted[*id as usize];
                if *last != stride {
                    (*last, *note) = (stride, (notes.len() - first) as u16);
                    notes.push((*id, counts[*id as usize]));
                }
                counts[*id as usize] += 1;
                numbers.push(*note);
            }
            longest = longest.max(notes.len() - first);
            ends.push(notes.len() as u32);
        }
        notes.shrink_to_fit();
        let ids = match longest {
            0..=0x100 => Ids::Bytes(numbers.iter().map(|note| *note as u8).collect()),
            _ => Ids::Shorts(numbers),
        };
        Places { ids, counts, ends, notes }
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
        self.notes(row / STRIDE)[self.ids.get(row)].0
    }

    /// The template of a row, and which of the template's rows it is.
    pub fn place(&self, row: usize) -> (u32, usize) {
        let (stride, id) = (row / STRIDE, self.ids.get(row));
        let (template, before) = self.notes(stride)[id];
        (template, (before + self.ids.count(stride * STRIDE..row, id)) as usize)
    }

    /// The strides, each as the rows that it has.
    pub fn strides(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let rows = self.len();
        (0..rows).step_by(STRIDE).map(move |start| start..(start + STRIDE).min(rows))
    }

    /// Which notes of a stride a row of it has.
    pub fn note(&self, row: usize) -> usize {
        self.ids.get(row)
    }

    /// Calls `each` with the rows of a stride whose notes are wanted: the row, its note, and which of its template's rows it is.
    pub fn for_each_of<E>(
        &self,
        stride: usize,
        wanted: &[bool],
        mut each: impl FnMut(usize, usize, usize) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut before: Vec<u32> = self.notes(stride).iter().map(|(_, before)| *before).collect();
        let first = stride * STRIDE;
        let mut visit = |(row, note): (usize, usize)| {
            if !wanted[note] {
                return Ok(());
            }
            let at = before[note];
            before[note] += 1;
            each(row, note, at as usize)
        };
        let end = (first + STRIDE).min(self.len());
        match &self.ids {
            Ids::Bytes(ids) => {
                (first..end).zip(ids[first..end].iter().map(|id| usize::from(*id))).try_for_each(&mut visit)
            }
            Ids::Shorts(ids) => {
                (first..end).zip(ids[first..end].iter().map(|id| usize::from(*id))).try_for_each(&mut visit)
            }
        }
    }

    /// The templates of a stride, and how many rows each has before it.
    pub fn notes(&self, stride: usize) -> &[(u32, u32)] {
        let start = if stride == 0 { 0 } else { self.ends[stride - 1] };
        &self.notes[start as usize..self.ends[stride] as usize]
    }

    /// For many rows that ascend.
    pub fn cursor(&self) -> Cursor<'_> {
        Cursor { places: self, stride: usize::MAX, next: 0, notes: Vec::new() }
    }

    /// Bytes of memory, about.
    pub fn memory(&self) -> usize {
        let ids = match &self.ids {
            Ids::Bytes(ids) => ids.len(),
            Ids::Shorts(ids) => ids.len() * 2,
        };
        ids + self.counts.len() * 4 + self.ends.len() * 4 + self.notes.len() * 8
    }
}

/// Finds the places of rows, one after the other.
#[derive(Debug)]
pub struct Cursor<'a> {
    places: &'a Places,
    stride: usize,
    /// The first row of the stride that is not counted yet.
    next: usize,
    /// The templates of the stride, and how many rows each has before `next`.
    notes: Vec<(u32, u32)>,
}

impl Cursor<'_> {
    /// As [`Places::place`]; cheap when the row is a little after the one before.
    pub fn place(&mut self, row: usize) -> (u32, usize) {
        if row / STRIDE != self.stride || row < self.next {
            self.stride = row / STRIDE;
            self.next = self.stride * STRIDE;
            self.notes.clear();
            self.notes.extend_from_slice(self.places.notes(self.stride));
        }
        for passed in self.next..row {
            self.notes[self.places.ids.get(passed)].1 += 1;
        }
        let (template, before) = &mut self.notes[self.places.ids.get(row)];
        *before += 1;
        self.next = row + 1;
        (*template, *before as usize - 1)
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
            let mut visited = Vec::new();
            for (stride, rows) in places.strides().enumerate() {
                let notes = places.notes(stride);
                // Every other template.
                let wanted: Vec<bool> = notes.iter().map(|(template, _)| template % 2 == 0).collect();
                prop_assert!(rows.clone().all(|row| notes[places.note(row)].0 == known[row].0));
                let each = |row: usize, note: usize, at: usize| {
                    visited.push((row, (notes[note].0, at)));
                    Ok::<(), ()>(())
                };
                places.for_each_of(stride, &wanted, each).unwrap();
            }
            let even: Vec<_> = known.iter().copied().enumerate().filter(|(_, (template, _))| template % 2 == 0).collect();
            prop_assert_eq!(visited, even);
            prop_assert_eq!(places.counts().iter().map(|count| *count as usize).collect::<Vec<_>>(), counts);
        }
    }
}
