//! The terms of some rows of a block, each template and each column looked at once: what an index of words and ids needs.

use crate::block::Block;
use crate::column::{Column, digits};
use crate::error::BodyError;
use crate::template::Slot;
use std::ops::Range;

/// Takes the terms of rows, most of them once, in no order.
pub trait TermSink {
    /// Numbers of fewer digits than this are reported by their length alone, to [`TermSink::number`].
    fn shortest_number(&self) -> usize;

    /// A token without a digit.
    fn word(&mut self, word: &[u8]);

    /// A token that is `digits` decimal digits with the letters of `slot` around them.
    fn number(&mut self, slot: Slot<'_>, digits: usize);

    /// A value: a token, with the letters of `slot` around it, or a whole line.
    fn value(&mut self, slot: Slot<'_>, value: &[u8]);
}

impl Block {
    /// Tells `sink` the terms of `rows`.
    ///
    /// # Errors
    /// A frame is damaged.
    pub fn for_each_term(&self, rows: Range<usize>, sink: &mut impl TermSink) -> Result<(), BodyError> {
        for (number, held) in self.held(rows) {
            let template = &self.templates()[number as usize];
            template.for_each_word(|word| sink.word(word));
            for (at, slot) in template.slots().into_iter().enumerate() {
                values(self.column(number, at)?, held.clone(), slot, sink);
            }
        }
        Ok(())
    }

    /// The templates of rows, and which rows of each these are.
    pub(crate) fn held(&self, rows: Range<usize>) -> Vec<(u32, Range<usize>)> {
        let mut known = vec![u32::MAX; self.templates().len()];
        let mut held: Vec<(u32, Range<usize>)> = Vec::new();
        let mut cursor = self.cursor();
        for row in rows {
            let (template, at) = cursor.place(row);
            let slot = &mut known[template as usize];
            if *slot == u32::MAX {
                *slot = held.len() as u32;
                held.push((template, at..at));
            }
            held[*slot as usize].1.end = at + 1;
        }
        held
    }
}

fn values(column: &Column, rows: Range<usize>, slot: Slot<'_>, sink: &mut impl TermSink) {
    match column {
        Column::Numbers { values, format } => {
            let mut lengths = 0u32;
            let mut text = Vec::new();
            for at in rows {
                let len = if format.canonical { digits(values[at]) } else { format.width as usize };
                if len < sink.shortest_number() {
                    lengths |= 1 << len;
                    continue;
                }
                text.clear();
                column.write(at, &mut text);
                sink.value(slot, &text);
            }
            (1..32).filter(|len| lengths & 1 << len != 0).for_each(|len| sink.number(slot, len));
        }
        Column::Hex { .. } => {
            let mut text = Vec::new();
            for at in rows {
                text.clear();
                column.write(at, &mut text);
                sink.value(slot, &text);
            }
        }
        Column::Strings { texts, ids } => {
            let mut distinct = ids[rows].to_vec();
            distinct.sort_unstable();
            distinct.dedup();
            distinct.iter().for_each(|id| sink.value(slot, texts.get(*id as usize)));
        }
    }
}
