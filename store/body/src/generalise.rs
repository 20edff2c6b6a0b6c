//! Makes few templates of many: those that few rows have and that differ only in words become one with slots for the
//! words; what then still is rare is kept whole.

use crate::builder::Rows;
use crate::line::{SLOT, is_token_byte, words};
use std::collections::HashMap;
use std::ops::Range;

/// Templates of fewer rows are generalised.
const RARE: u32 = 16;
/// Generalised templates of fewer rows are given up, and their lines are kept whole.
const MIN_GROUP: u32 = 4;

/// Where the rows of a template go.
enum Fate {
    /// They stay, under this number.
    Keep(u32),
    /// They get a template with these slots.
    Join {
        template: u32,
        slots: Vec<Source>,
    },
    Whole,
}

/// What fills a slot of a generalised template.
enum Source {
    /// The value of a slot of the old one.
    Slot(usize),
    /// A word of the old one's text.
    Word(Range<usize>),
}

pub fn generalise(mut old: Rows) -> Rows {
    let mut counts = vec![0u32; old.templates.len()];
    old.rows.iter().for_each(|row| counts[*row as usize] += 1);
    let rare: Vec<bool> = (0..counts.len()).map(|t| counts[t] < RARE && !old.templates[t].is_raw()).collect();
    if !rare.contains(&true) {
        return old;
    }
    let mut new = Rows::default();
    let mut fates: Vec<Fate> = counts.iter().map(|_| Fate::Whole).collect();
    for group in groups(&old, &rare) {
        let rows: u32 = group.iter().map(|t| counts[*t]).sum();
        if rows >= MIN_GROUP {
            join(&old, &group, &mut new, &mut fates);
        }
    }
    for at in (0..counts.len()).filter(|at| !rare[*at] && counts[*at] > 0) {
        fates[at] = keep(&mut old, at, &mut new);
    }
    move_rows(&old, &fates, &mut new);
    new
}

/// Moves a template with its columns, unchanged; but value by value when rows of others get the same template, since
/// the values of a column are in the order of the rows.
fn keep(old: &mut Rows, template: usize, new: &mut Rows) -> Fate {
    let source = &old.templates[template];
    if source.is_raw() {
        return Fate::Whole;
    }
    if new.has(&source.text) {
        let shared = new.template(&source.text);
        let slots = (0..source.slots).map(Source::Slot).collect();
        return shared.map_or(Fate::Whole, |template| Fate::Join { template, slots });
    }
    let number = new.add_new(&source.text);
    let first = new.templates[number as usize].first_column;
    for slot in 0..source.slots {
        new.columns[first + slot] = std::mem::take(&mut old.columns[source.first_column + slot]);
    }
    Fate::Keep(number)
}

/// Rare templates that agree in everything but words, in order of first appearance.
fn groups(old: &Rows, rare: &[bool]) -> Vec<Vec<usize>> {
    let mut by_shape: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for at in (0..rare.len()).filter(|at| rare[*at]) {
        let group = *by_shape.entry(shape(&old.templates[at].text)).or_insert_with(|| {
            groups.push(Vec::new());
            groups.len() - 1
        });
        groups[group].push(at);
    }
    groups
}

/// The template with a mark for each word.
fn shape(text: &[u8]) -> Vec<u8> {
    let mut shape = Vec::with_capacity(text.len());
    let mut copied = 0;
    for word in words(text) {
        shape.extend_from_slice(&text[copied..word.start]);
        shape.push(b'w');
        copied = word.end;
    }
    shape.extend_from_slice(&text[copied..]);
    shape
}

/// Makes one template of a group: words in which its members differ become slots.
fn join(old: &Rows, group: &[usize], new: &mut Rows, fates: &mut [Fate]) {
    let texts: Vec<&[u8]> = group.iter().map(|t| old.templates[*t].text.as_slice()).collect();
    let word_lists: Vec<Vec<Range<usize>>> = texts.iter().map(|text| words(text)).collect();
    let first = &word_lists[0];
    let differs: Vec<bool> = (0..first.len())
        .map(|at| (1..texts.len()).any(|t| texts[t][word_lists[t][at].clone()] != texts[0][first[at].clone()]))
        .collect();
    let mut text = Vec::new();
    let mut at = 0;
    for (word, _) in first.iter().zip(&differs).filter(|(_, differs)| **differs) {
        text.extend_from_slice(&texts[0][at..word.start]);
        text.push(SLOT);
        at = word.end;
    }
    text.extend_from_slice(&texts[0][at..]);
    if memchr::memchr_iter(SLOT, &text).count() > crate::line::MAX_SLOTS {
        return;
    }
    let Some(template) = new.template(&text) else { return };
    for (member, list) in group.iter().zip(&word_lists) {
        let slots = sources(&old.templates[*member].text, list, &differs);
        fates[*member] = Fate::Join { template, slots };
    }
}

/// The slots of a generalised template, from left to right, as found in one of its members.
fn sources(text: &[u8], words: &[Range<usize>], differs: &[bool]) -> Vec<Source> {
    let mut words = words.iter().zip(differs).filter(|(_, differs)| **differs).map(|(word, _)| word).peekable();
    let mut found = Vec::new();
    let mut slots = 0;
    for (at, byte) in text.iter().enumerate() {
        if let Some(word) = words.next_if(|word| word.start == at) {
            debug_assert!(is_token_byte(*byte));
            found.push(Source::Word(word.clone()));
        } else if *byte == SLOT {
            found.push(Source::Slot(slots));
            slots += 1;
        }
    }
    found
}

/// Gives every row its new template, and moves the values of those whose template went.
fn move_rows(old: &Rows, fates: &[Fate], new: &mut Rows) {
    let mut next = vec![0usize; old.templates.len()];
    let mut line = Vec::new();
    new.rows.reserve(old.rows.len());
    for row in &old.rows {
        let template = &old.templates[*row as usize];
        let at = next[*row as usize];
        next[*row as usize] += 1;
        match &fates[*row as usize] {
            Fate::Keep(number) => new.rows.push(*number),
            Fate::Join { template: number, slots } => {
                new.rows.push(*number);
                let first = new.templates[*number as usize].first_column;
                for (slot, source) in slots.iter().enumerate() {
                    match source {
                        Source::Word(word) => new.push_value(first + slot, &template.text[word.clone()]),
                        Source::Slot(from) => {
                            let from = &old.columns[template.first_column + from];
                            let number = first + slot;
                            new.columns[number].push_from(from, at, number as u32, &mut new.interner);
                        }
                    }
                }
            }
            Fate::Whole => {
                line.clear();
                crate::block::write_line(template, &old.columns, at, &mut line);
                new.push_raw(&line);
            }
        }
    }
}
