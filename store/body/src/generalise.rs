//! Makes few templates of many: those that few rows have and that differ only in words become one with slots for the
//! words; what then still is rare is kept whole.

use crate::line::{MAX_SLOTS, SLOT, for_each_word};
use crate::rows::{HashedMap, Rows};
use crate::strings::Texts;
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64;

/// Templates of fewer rows are generalised.
const RARE: u32 = 16;
/// Generalised templates of fewer rows are given up, and their lines are kept whole.
const MIN_GROUP: u32 = 4;

/// Templates as they were cut from lines, and how many lines have each.
#[derive(Debug, Default)]
pub struct Candidates {
    pub texts: Texts,
    pub counts: Vec<u32>,
    /// Slots of each.
    pub slots: Vec<u32>,
}

/// Where the rows of a candidate go.
#[derive(Clone, Debug)]
pub enum Fate {
    /// They get the candidate itself once the first comes.
    Undecided,
    /// They get the template of this number, which is the candidate.
    Keep(u32),
    /// They get a template with these slots.
    Join {
        template: u32,
        slots: Vec<Source>,
    },
    Whole,
}

/// What fills a slot of a generalised template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The value of a slot of the candidate.
    Slot(u32),
    /// A word of the candidate's text.
    Word(Word),
}

/// A word of a candidate's text that fills a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    pub start: u32,
    pub end: u32,
    /// Its number in the column, once it was entered there.
    pub id: Option<u32>,
}

impl Word {
    fn source(range: &Range<u32>) -> Source {
        Source::Word(Word { start: range.start, end: range.end, id: None })
    }
}

/// Decides for every candidate. Templates that join some are added to `rows`.
pub fn fates(candidates: &Candidates, rows: &mut Rows) -> Vec<Fate> {
    let is_rare = |count: &u32| if *count < RARE { Fate::Whole } else { Fate::Undecided };
    let mut fates: Vec<Fate> = candidates.counts.iter().map(is_rare).collect();
    let mut words = Words::default();
    for group in groups(candidates, &mut words) {
        let count: u32 = group.iter().map(|member| candidates.counts[*member as usize]).sum();
        if count >= MIN_GROUP {
            join(&candidates.texts, &words, &group, rows, &mut fates);
        }
    }
    fates
}

/// Words of the rare candidates, each found once.
#[derive(Debug, Default)]
struct Words {
    ranges: Vec<Range<u32>>,
    /// Where those of a candidate lie.
    of: HashedMap<Range<u32>>,
}

impl Words {
    fn add(&mut self, candidate: u32, text: &[u8]) -> &[Range<u32>] {
        let first = self.ranges.len();
        for_each_word(text, |word| self.ranges.push(word.start as u32..word.end as u32));
        self.of.insert(u64::from(candidate), first as u32..self.ranges.len() as u32);
        &self.ranges[first..]
    }

    fn of(&self, candidate: u32) -> &[Range<u32>] {
        let held = self.of.get(&u64::from(candidate)).cloned().unwrap_or_default();
        &self.ranges[held.start as usize..held.end as usize]
    }
}

fn slice<'a>(text: &'a [u8], word: &Range<u32>) -> &'a [u8] {
    &text[word.start as usize..word.end as usize]
}

/// Rare candidates that agree in everything but words, in order of first appearance.
fn groups(candidates: &Candidates, words: &mut Words) -> Vec<Vec<u32>> {
    let mut by_shape: HashedMap<u32> = HashedMap::default();
    let mut groups: Vec<Vec<u32>> = Vec::new();
    let mut shape = Vec::new();
    for at in (0..candidates.counts.len()).filter(|at| candidates.counts[*at] < RARE) {
        let text = candidates.texts.get(at);
        write_shape(text, words.add(at as u32, text), &mut shape);
        let group = *by_shape.entry(xxh3_64(&shape)).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() as u32 - 1
        });
        groups[group as usize].push(at as u32);
    }
    groups
}

/// The template with a mark for each word.
fn write_shape(text: &[u8], words: &[Range<u32>], shape: &mut Vec<u8>) {
    shape.clear();
    let mut copied = 0;
    for word in words {
        shape.extend_from_slice(&text[copied..word.start as usize]);
        shape.push(b'w');
        copied = word.end as usize;
    }
    shape.extend_from_slice(&text[copied..]);
}

/// Makes one template of a group: words in which its members differ become slots.
fn join(texts: &Texts, words: &Words, group: &[u32], rows: &mut Rows, fates: &mut [Fate]) {
    let first = texts.get(group[0] as usize);
    let words_of_first = words.of(group[0]);
    let mut differs = vec![false; words_of_first.len()];
    for member in group {
        let list = words.of(*member);
        if list.len() != words_of_first.len() {
            // Two shapes with the same hash.
            return;
        }
        let text = texts.get(*member as usize);
        for ((differs, mine), word) in differs.iter_mut().zip(list).zip(words_of_first) {
            *differs = *differs || slice(text, mine) != slice(first, word);
        }
    }
    let text = with_slots(first, words_of_first, &differs);
    if memchr::memchr_iter(SLOT, &text).count() > MAX_SLOTS {
        return;
    }
    let Some(template) = rows.template(&text) else { return };
    for member in group {
        let slots = sources(texts.get(*member as usize), words.of(*member), &differs);
        fates[*member as usize] = Fate::Join { template, slots };
    }
}

/// The text with a slot in place of each word that differs.
fn with_slots(first: &[u8], words: &[Range<u32>], differs: &[bool]) -> Vec<u8> {
    let mut text = Vec::with_capacity(first.len());
    let mut at = 0;
    for (word, _) in words.iter().zip(differs).filter(|(_, differs)| **differs) {
        text.extend_from_slice(&first[at..word.start as usize]);
        text.push(SLOT);
        at = word.end as usize;
    }
    text.extend_from_slice(&first[at..]);
    text
}

/// The slots of a generalised template, from left to right, as found in one of its members.
fn sources(text: &[u8], words: &[Range<u32>], differs: &[bool]) -> Vec<Source> {
    let mut words = words.iter().zip(differs).filter(|(_, differs)| **differs).map(|(word, _)| word).peekable();
    let mut found = Vec::new();
    for (slot, at) in memchr::memchr_iter(SLOT, text).enumerate() {
        while let Some(word) = words.next_if(|word| (word.start as usize) < at) {
            found.push(Word::source(word));
        }
        found.push(Source::Slot(slot as u32));
    }
    found.extend(words.map(Word::source));
    found
}
