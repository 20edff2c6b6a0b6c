//! Finds the rows whose line holds a literal, looking at each template once and at values only where they matter.

use crate::block::Block;
use crate::column::{Column, pack_hex, stride};
use crate::error::BodyError;
use crate::line::{SLOT, is_token_byte};
use memchr::memmem::Finder;

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

    /// The rows, ascending.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        self.words.iter().enumerate().flat_map(|(at, word)| {
            let mut rest = *word;
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

/// What the text of a template says about its lines and a literal.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Always,
    Never,
    /// Only when the value of one of these slots holds it.
    Values(Vec<usize>),
    /// It may reach over text and values; the line has to be looked at.
    Lines,
}

/// A verdict after the values were looked at.
enum Found {
    All,
    Some(Vec<bool>),
    Lines,
}

impl Block {
    /// The rows of `within` whose line holds `literal`; exact.
    ///
    /// # Errors
    /// A frame that had to be read is damaged.
    pub fn find(&self, literal: &[u8], within: &RowSet) -> Result<RowSet, BodyError> {
        let mut present = vec![false; self.templates().len()];
        within.iter().for_each(|row| present[self.template(row) as usize] = true);
        let search = Search::new(self, literal);
        let mut found: Vec<Option<Found>> = Vec::with_capacity(present.len());
        let mut pieces = Vec::new();
        for (number, present) in (0u32..).zip(present) {
            found.push(if present { search.template(number, &mut pieces)? } else { None });
        }
        let mut rows = RowSet::none(self.len());
        let (mut line, mut cursor) = (Vec::new(), self.cursor());
        for row in within.iter() {
            let hit = match &found[self.template(row) as usize] {
                None => false,
                Some(Found::All) => true,
                Some(Found::Some(hits)) => hits[cursor.place(row).1],
                Some(Found::Lines) => {
                    let (template, at) = cursor.place(row);
                    line.clear();
                    self.write_place(template, at, &mut line)?;
                    search.finder.find(&line).is_some()
                }
            };
            if hit {
                rows.insert(row);
            }
        }
        Ok(rows)
    }
}

struct Search<'a> {
    block: &'a Block,
    literal: &'a [u8],
    finder: Finder<'a>,
    /// Bytes that begin it, all of which can be in values.
    values: usize,
    /// By byte: [`BEFORE`] and [`AFTER`].
    edges: [u8; 256],
}

/// The literal can go on in a value after this byte.
const BEFORE: u8 = 1;
/// The literal can come out of a value with this byte.
const AFTER: u8 = 2;

impl<'a> Search<'a> {
    fn new(block: &'a Block, literal: &'a [u8]) -> Self {
        let values = literal.iter().take_while(|byte| is_token_byte(**byte)).count();
        let mut edges = [0; 256];
        for (at, byte) in literal.iter().enumerate() {
            let before = if at + 1 < literal.len() { BEFORE } else { 0 };
            let after = if (1..=values).contains(&at) { AFTER } else { 0 };
            edges[usize::from(*byte)] |= before | after;
        }
        Search { block, literal, finder: Finder::new(literal), values, edges }
    }

    /// Whether the literal can reach from a text that ends with `last` into a value, or out of it into one that begins with `next`.
    fn is_edge(&self, last: Option<&u8>, next: Option<&u8>) -> bool {
        last.is_some_and(|byte| self.edges[usize::from(*byte)] & BEFORE != 0)
            || next.is_none_or(|byte| self.edges[usize::from(*byte)] & AFTER != 0)
    }

    fn template(&self, number: u32, pieces: &mut Vec<&'a [u8]>) -> Result<Option<Found>, BodyError> {
        Ok(match self.verdict(number, pieces) {
            Verdict::Always => Some(Found::All),
            Verdict::Never => None,
            Verdict::Lines => Some(Found::Lines),
            Verdict::Values(slots) => {
                let mut hits: Option<Vec<bool>> = None;
                for slot in slots {
                    let column = self.block.column(number, slot)?;
                    hits = self.values(column, hits);
                }
                hits.map(Found::Some)
            }
        })
    }

    fn verdict(&self, number: u32, pieces: &mut Vec<&'a [u8]>) -> Verdict {
        let template = &self.block.templates()[number as usize];
        if template.is_raw() {
            let can_hold = self.block.can_hold(number, 0, self.literal);
            return if can_hold { Verdict::Values(vec![0]) } else { Verdict::Never };
        }
        if self.literal.contains(&SLOT) {
            // Lines that hold this byte are kept whole.
            return Verdict::Never;
        }
        if self.finder.find(&template.text).is_some() {
            return Verdict::Always;
        }
        pieces.clear();
        pieces.extend(template.pieces());
        let shape = Shape { block: self.block, template: number, pieces };
        let whole = self.values == self.literal.len();
        let mut slots = Vec::new();
        for slot in 0..template.slots {
            if self.is_edge(shape.pieces[slot].last(), shape.pieces[slot + 1].first())
                && (shape.spans_into(slot, self.literal) || shape.begins_in_value(slot, self.literal))
            {
                return Verdict::Lines;
            }
            if whole && self.block.can_hold(number, slot, self.literal) {
                slots.push(slot);
            }
        }
        if slots.is_empty() { Verdict::Never } else { Verdict::Values(slots) }
    }

    /// Marks the rows whose value holds the literal.
    fn values(&self, column: &Column, before: Option<Vec<bool>>) -> Option<Vec<bool>> {
        let mut hits = before;
        let mut mark = |at: usize| hits.get_or_insert_with(|| vec![false; column.len()])[at] = true;
        let holds = |text: &[u8]| self.finder.find(text).is_some();
        match column {
            Column::Hex { width, bytes } if *width as usize == self.literal.len() => {
                let mut wanted = Vec::new();
                if pack_hex(self.literal, &mut wanted) {
                    places(bytes, stride(*width), &wanted).for_each(mark);
                }
            }
            Column::Strings { texts, ids } => {
                let known: Vec<bool> = texts.iter().map(holds).collect();
                if known.contains(&true) {
                    ids.iter().enumerate().filter(|(_, id)| known[**id as usize]).for_each(|(at, _)| mark(at));
                }
            }
            _ => {
                let mut text = Vec::new();
                for at in 0..column.len() {
                    text.clear();
                    column.write(at, &mut text);
                    if holds(&text) {
                        mark(at);
                    }
                }
            }
        }
        hits
    }
}

/// Numbers of the ids of `stride` bytes that are `wanted`.
fn places(ids: &[u8], stride: usize, wanted: &[u8]) -> impl Iterator<Item = usize> {
    let finder = Finder::new(wanted);
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let at = from + finder.find(&ids[from..])?;
            // What lies across two ids may hide the beginning of one.
            from = at + 1;
            if at.is_multiple_of(stride) {
                return Some(at / stride);
            }
        }
    })
}

/// What follows what in the lines of a template: text, value, text and so on, `pieces[i]` before slot `i`.
struct Shape<'a> {
    block: &'a Block,
    template: u32,
    pieces: &'a [&'a [u8]],
}

impl Shape<'_> {
    /// Whether the literal can begin in the text before a slot and reach into the slot's value.
    fn spans_into(&self, slot: usize, literal: &[u8]) -> bool {
        let before = self.pieces[slot];
        let longest = before.len().min(literal.len().saturating_sub(1));
        let Some(last) = before.last() else { return false };
        (1..=longest).any(|len| {
            literal[len - 1] == *last && before.ends_with(&literal[..len]) && self.continues(slot, &literal[len..])
        })
    }

    /// Whether the literal can begin in the value of a slot and reach into the text after it.
    fn begins_in_value(&self, slot: usize, literal: &[u8]) -> bool {
        let values = token_bytes(literal).min(literal.len().saturating_sub(1));
        let next = self.pieces[slot + 1].first();
        (1..=values).any(|len| {
            next.is_none_or(|first| *first == literal[len])
                && self.in_text(slot + 1, &literal[len..])
                && self.holds(slot, &literal[..len])
        })
    }

    /// Whether the value of a slot and what comes after it can begin with `rest`, which is not empty.
    fn continues(&self, slot: usize, rest: &[u8]) -> bool {
        let value = token_bytes(rest);
        (value == rest.len() && self.holds(slot, rest))
            || (0..=value.min(rest.len() - 1))
                .any(|len| self.in_text(slot + 1, &rest[len..]) && self.holds(slot, &rest[..len]))
    }

    /// Whether the texts and values from piece `at` on can begin with `rest`, which is not empty.
    fn in_text(&self, at: usize, rest: &[u8]) -> bool {
        let Some(text) = self.pieces.get(at) else { return false };
        if text.first().is_some_and(|first| *first != rest[0]) {
            return false;
        }
        if text.starts_with(rest) {
            return true;
        }
        at + 1 < self.pieces.len() && rest.starts_with(text) && self.continues(at, &rest[text.len()..])
    }

    /// Whether a value of the slot can hold a part of the literal.
    fn holds(&self, slot: usize, part: &[u8]) -> bool {
        self.block.can_hold(self.template, slot, part)
    }
}

fn token_bytes(text: &[u8]) -> usize {
    text.iter().take_while(|byte| is_token_byte(**byte)).count()
}
