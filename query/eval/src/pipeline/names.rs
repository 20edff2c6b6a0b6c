//! Label names as numbers, so that a line's labels compare without looking at text.

use crate::parse::sanitize;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A label name known to one scratch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NameId(pub u32);

/// Multiply and rotate; keys are short and few, and an attacker gains nothing but a slower query of their own.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct QuickHasher(u64);

impl Hasher for QuickHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((word, after)) = rest.split_first_chunk() {
            self.mix(u64::from_le_bytes(*word));
            rest = after;
        }
        if let Some((word, after)) = rest.split_first_chunk() {
            self.mix(u32::from_le_bytes(*word).into());
            rest = after;
        }
        rest.iter().for_each(|byte| self.mix((*byte).into()));
        self.0 ^= self.0 >> 32;
    }
    fn write_u8(&mut self, byte: u8) {
        self.mix(byte.into());
        self.0 ^= self.0 >> 32;
    }
}

impl QuickHasher {
    fn mix(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

pub(crate) type QuickMap<K, V> = HashMap<K, V, BuildHasherDefault<QuickHasher>>;

/// What is known about a name.
#[derive(Clone, Debug)]
pub(crate) struct Name {
    pub text: Box<str>,
    /// The name with `_extracted` behind it, once somebody asked.
    extracted: Option<NameId>,
    /// Among the labels that the query asks for (see [`super::hints`]).
    pub required: bool,
    /// The row that extracted it last.
    pub row: u64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    names: Vec<Name>,
    by_text: QuickMap<Box<str>, NameId>,
    /// Keys of lines, and the labels made of them.
    keys: Vec<(Box<str>, Option<NameId>)>,
    by_key: QuickMap<Box<str>, u32>,
    /// The keys of the line before, by place: lines of a kind have the same keys in the same order.
    before: Vec<u32>,
    place: usize,
}

/// How many places are remembered.
const MAX_PLACES: usize = 256;

/// A scratch that has met more names than this forgets them and starts again.
const MAX_NAMES: usize = 1 << 16;

impl Names {
    pub fn intern(&mut self, text: &str) -> NameId {
        if let Some(id) = self.by_text.get(text) {
            return *id;
        }
        let id = NameId(self.names.len() as u32);
        self.names.push(Name { text: text.into(), extracted: None, required: false, row: 0 });
        self.by_text.insert(text.into(), id);
        id
    }

    /// The label that a parser makes of a key; `None` for a blank key.
    pub fn of_key(&mut self, key: &str) -> Option<NameId> {
        let place = self.place;
        self.place += 1;
        if let Some((known, id)) = self.before.get(place).map(|at| &self.keys[*at as usize])
            && **known == *key
        {
            return *id;
        }
        let at = match self.by_key.get(key) {
            Some(at) => *at,
            None => self.add_key(key),
        };
        if let Some(before) = self.before.get_mut(place) {
            *before = at;
        } else if place == self.before.len() && place < MAX_PLACES {
            self.before.push(at);
        }
        self.keys[at as usize].1
    }

    fn add_key(&mut self, key: &str) -> u32 {
        let name = sanitize(key);
        let id = (!name.is_empty()).then(|| self.intern(&name));
        let at = self.keys.len() as u32;
        self.keys.push((key.into(), id));
        self.by_key.insert(key.into(), at);
        at
    }

    /// A new line begins.
    pub fn start_line(&mut self) {
        self.place = 0;
    }

    pub fn extracted(&mut self, id: NameId) -> NameId {
        if let Some(extracted) = self.names[id.0 as usize].extracted {
            return extracted;
        }
        let text = format!("{}_extracted", self.get(id).text);
        let extracted = self.intern(&text);
        self.names[id.0 as usize].extracted = Some(extracted);
        extracted
    }

    pub fn get(&self, id: NameId) -> &Name {
        &self.names[id.0 as usize]
    }

    pub fn get_mut(&mut self, id: NameId) -> &mut Name {
        &mut self.names[id.0 as usize]
    }

    pub fn is_full(&self) -> bool {
        self.names.len() + self.keys.len() > MAX_NAMES
    }
}
