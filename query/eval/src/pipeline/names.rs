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
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            let mixed = self.0.rotate_left(5) ^ u64::from_le_bytes(word);
            self.0 = mixed.wrapping_mul(0x517c_c1b7_2722_0a95);
        }
        self.0 ^= self.0 >> 32;
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
    by_key: QuickMap<Box<str>, Option<NameId>>,
}

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
        if let Some(id) = self.by_key.get(key) {
            return *id;
        }
        let name = sanitize(key);
        let id = (!name.is_empty()).then(|| self.intern(&name));
        self.by_key.insert(key.into(), id);
        id
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
        self.names.len() + self.by_key.len() > MAX_NAMES
    }
}
