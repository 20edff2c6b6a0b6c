//! A template: the text between the slots of a line.

use crate::line::{RAW, SLOT, for_each_word, is_token_byte};

/// Texts between slots: `pieces[i]` comes before slot `i`, the last after all slots.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    /// The text with [`SLOT`] for each slot, or just [`RAW`].
    pub text: Vec<u8>,
    /// Number of the column of the first slot; the others follow.
    pub first_column: usize,
    pub slots: usize,
}

/// How a slot's value stands in its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot<'a> {
    /// Letters of the same token before the value.
    pub before: &'a [u8],
    /// Letters of the same token after the value.
    pub after: &'a [u8],
    /// The value is a whole line, not a token.
    pub is_line: bool,
}

impl Template {
    pub fn new(text: &[u8], first_column: usize) -> Self {
        let slots = if text == [RAW] { 1 } else { memchr::memchr_iter(SLOT, text).count() };
        Template { text: text.to_vec(), first_column, slots }
    }

    pub fn is_raw(&self) -> bool {
        self.text == [RAW]
    }

    /// The texts between the slots.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.text.split(|byte| *byte == SLOT || (*byte == RAW && self.text.len() == 1))
    }

    /// The surroundings of each slot.
    pub fn slots(&self) -> Vec<Slot<'_>> {
        let pieces: Vec<&[u8]> = self.pieces().collect();
        let slot = |at: usize| {
            let (left, right) = (pieces[at], pieces[at + 1]);
            let start = left.iter().rposition(|b| !is_token_byte(*b)).map_or(0, |at| at + 1);
            let end = right.iter().position(|b| !is_token_byte(*b)).unwrap_or(right.len());
            Slot { before: &left[start..], after: &right[..end], is_line: self.is_raw() }
        };
        (0..pieces.len() - 1).map(slot).collect()
    }

    /// Calls `each` with the tokens of the fixed text that have no digit.
    pub fn for_each_word<'a>(&'a self, mut each: impl FnMut(&'a [u8])) {
        if !self.is_raw() {
            for_each_word(&self.text, |range| each(&self.text[range]));
        }
    }
}
