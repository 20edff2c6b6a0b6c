//! Finds the rows whose line holds a literal, looking at each template once and at values only where they matter.

use crate::block::Block;
use crate::column::{Column, pack_hex, stride};
use crate::error::BodyError;
use crate::line::{SLOT, is_token_byte};
use crate::pairs::Pairs;
use crate::rowset::RowSet;
use memchr::memmem::Finder;
use std::ops::Range;

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
        let search = Search::new(self, literal);
        // By template: not looked at yet, or what was found.
        let mut looked: Vec<Option<Option<Found>>> = Vec::new();
        looked.resize_with(self.templates().len(), || None);
        let mut found = RowSet::none(self.len());
        let (mut pieces, mut line, mut wanted) = (Vec::new(), Vec::new(), Vec::new());
        for (stride, rows) in self.places().strides().enumerate() {
            let notes = self.places().notes(stride);
            search.present(&rows, within, notes.len(), &mut wanted);
            for (wanted, (template, _)) in wanted.iter_mut().zip(notes).filter(|(wanted, _)| **wanted) {
                let verdict = match &mut looked[*template as usize] {
                    Some(known) => known,
                    new => new.insert(search.template(*template, &mut pieces)?),
                };
                *wanted = verdict.is_some();
            }
            if !wanted.contains(&true) {
                continue;
            }
            self.places().for_each_of(stride, &wanted, |row, note, at| {
                let template = notes[note].0;
                let hit = within.contains(row)
                    && match &looked[template as usize] {
                        Some(Some(Found::All)) => true,
                        Some(Some(Found::Some(hits))) => hits[at],
                        Some(Some(Found::Lines)) => {
                            line.clear();
                            self.write_place(template, at, &mut line)?;
                            search.finder.find(&line).is_some()
                        }
                        _ => false,
                    };
                if hit {
                    found.insert(row);
                }
                Ok::<(), BodyError>(())
            })?;
        }
        Ok(found)
    }
}

struct Search<'a> {
    block: &'a Block,
    literal: &'a [u8],
    finder: Finder<'a>,
    pairs: Pairs,
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
        Search { block, literal, finder: Finder::new(literal), pairs: Pairs::of(literal), values, edges }
    }

    /// Which of the `notes` of a stride rows of `within` have.
    fn present(&self, rows: &Range<usize>, within: &RowSet, notes: usize, present: &mut Vec<bool>) {
        let count = within.count_in(rows.clone());
        present.clear();
        present.resize(notes, count == rows.len());
        if count < rows.len() {
            within.iter_in(rows.clone()).for_each(|row| present[self.block.places().note(row)] = true);
        }
    }

    /// Whether the literal can reach from a text that ends with `last` into a value, or out of it into one that begins with `next`.
    /// Of neighbouring slots there is no text between.
    fn is_edge(&self, last: Option<u8>, next: Next) -> bool {
        let has = |byte: u8, flag: u8| self.edges[usize::from(byte)] & flag != 0;
        last.is_some_and(|byte| has(byte, BEFORE))
            || match next {
                Next::Text(byte) => has(byte, AFTER),
                Next::Slot => true,
                Next::End => false,
            }
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
        let (text, whole) = (&template.text, self.values == self.literal.len());
        pieces.clear();
        let mut slots = Vec::new();
        for (slot, at) in memchr::memchr_iter(SLOT, text).enumerate() {
            let last = at.checked_sub(1).map(|before| text[before]).filter(|byte| *byte != SLOT);
            if self.is_edge(last, Next::after(text, at)) && self.crosses(number, slot, pieces) {
                return Verdict::Lines;
            }
            if whole && self.block.column_can_hold(template.first_column + slot, self.literal, &self.pairs) {
                slots.push(slot);
            }
        }
        if slots.is_empty() { Verdict::Never } else { Verdict::Values(slots) }
    }

    /// Whether the literal can begin in the text before a slot, or in its value, and go on behind it. `pieces` are those of
    /// the template, or none before they were needed.
    fn crosses(&self, template: u32, slot: usize, pieces: &mut Vec<&'a [u8]>) -> bool {
        if pieces.is_empty() {
            pieces.extend(self.block.templates()[template as usize].pieces());
        }
        let shape = Shape { block: self.block, template, pieces };
        shape.spans_into(slot, self.literal) || shape.begins_in_value(slot, self.literal)
    }

    /// Marks the rows whose value holds the literal.
    fn values(&self, column: &Column, before: Option<Vec<bool>>) -> Option<Vec<bool>> {
        let mut hits = before;
        let mut mark = |at: usize| hits.get_or_insert_with(|| vec![false; column.len()])[at] = true;
        match column {
            Column::Hex { width, bytes } if *width as usize == self.literal.len() => {
                let mut wanted = Vec::new();
                if pack_hex(self.literal, &mut wanted) {
                    places(bytes, stride(*width), &wanted).for_each(mark);
                }
            }
            Column::Strings { texts, ids } => {
                let mut known = Vec::new();
                texts.for_each_with(&self.finder, |text| {
                    known.resize(texts.len(), false);
                    known[text] = true;
                });
                if !known.is_empty() {
                    ids.iter().enumerate().filter(|(_, id)| known[**id as usize]).for_each(|(at, _)| mark(at));
                }
            }
            _ => {
                let mut text = Vec::new();
                for at in 0..column.len() {
                    text.clear();
                    column.write(at, &mut text);
                    if self.finder.find(&text).is_some() {
                        mark(at);
                    }
                }
            }
        }
        hits
    }
}

/// What comes after a slot.
#[derive(Clone, Copy)]
enum Next {
    Text(u8),
    Slot,
    End,
}

impl Next {
    /// After the slot at `at` of a template's text.
    fn after(text: &[u8], at: usize) -> Self {
        match text.get(at + 1) {
            None => Next::End,
            Some(&SLOT) => Next::Slot,
            Some(byte) => Next::Text(*byte),
        }
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
