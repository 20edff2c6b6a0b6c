//! [`LabelCache`]: label strings that were parsed before.

use crate::decode::label_string::{self, LabelSyntax};
use gantry_model::LabelSet;
use parking_lot::Mutex;
use prometheus::IntCounter;
use std::collections::HashMap;

/// Label strings longer than this are parsed every time, so that the cache's memory is bounded.
const MAX_KEY: usize = 4096;

/// Parsed label sets by the text they came as. Holds at most the given number, in two generations: when the young one is
/// half of that, it becomes the old one and the old one is forgotten.
#[derive(Debug)]
pub struct LabelCache {
    generations: Mutex<Generations>,
    max: usize,
    misses: IntCounter,
}

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Box<str>, LabelSet>,
    old: HashMap<Box<str>, LabelSet>,
}

impl LabelCache {
    pub fn new(max: usize, misses: IntCounter) -> Self {
        LabelCache { generations: Mutex::default(), max: max.max(2), misses }
    }

    /// The labels that `text` names.
    ///
    /// # Errors
    /// Those of [`label_string::parse`]; failures are not remembered.
    pub fn parse(&self, text: &str) -> Result<LabelSet, LabelSyntax> {
        if let Some(found) = self.find(text) {
            return Ok(found);
        }
        self.misses.inc();
        let labels = label_string::parse(text)?;
        if text.len() <= MAX_KEY {
            self.keep(text.into(), labels.clone());
        }
        Ok(labels)
    }

    fn find(&self, text: &str) -> Option<LabelSet> {
        let mut generations = self.generations.lock();
        if let Some(found) = generations.young.get(text) {
            return Some(found.clone());
        }
        let (key, labels) = generations.old.remove_entry(text)?;
        generations.young.insert(key, labels.clone());
        Some(labels)
    }

    fn keep(&self, text: Box<str>, labels: LabelSet) {
        let mut generations = self.generations.lock();
        if generations.young.len() >= self.max / 2 {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(text, labels);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_bounded_and_keeps_what_is_used() {
        let misses = IntCounter::new("misses", "m").unwrap();
        let cache = LabelCache::new(10, misses.clone());
        for n in 0..100 {
            cache.parse(r#"{app="used"}"#).unwrap();
            cache.parse(&format!(r#"{{app="{n}"}}"#)).unwrap();
        }
        assert_eq!(misses.get(), 101);
        let generations = cache.generations.lock();
        assert!(generations.young.len() + generations.old.len() <= 11);
    }
}
