//! [`Lru`]: the most recently used values, within a number of bytes.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

#[derive(Debug)]
pub struct Lru<K, V> {
    capacity: usize,
    used: usize,
    /// Rises with every use.
    turn: u64,
    values: HashMap<K, Held<V>>,
    by_turn: BTreeMap<u64, K>,
}

#[derive(Debug)]
struct Held<V> {
    value: V,
    bytes: usize,
    turn: u64,
}

impl<K: Clone + Eq + Hash, V: Clone> Lru<K, V> {
    /// `capacity` in bytes; with 0 nothing is kept.
    pub fn new(capacity: usize) -> Self {
        Lru { capacity, used: 0, turn: 0, values: HashMap::new(), by_turn: BTreeMap::new() }
    }

    pub fn used(&self) -> usize {
        self.used
    }

    pub fn get(&mut self, key: &K) -> Option<V> {
        let held = self.values.get_mut(key)?;
        self.turn += 1;
        self.by_turn.remove(&held.turn);
        held.turn = self.turn;
        self.by_turn.insert(self.turn, key.clone());
        Some(held.value.clone())
    }

    /// Keeps a value, and lets go what was not used for longest. What is larger than all is not kept.
    pub fn put(&mut self, key: K, value: V, bytes: usize) {
        self.remove(&key);
        if bytes > self.capacity {
            return;
        }
        self.turn += 1;
        self.used += bytes;
        self.by_turn.insert(self.turn, key.clone());
        self.values.insert(key, Held { value, bytes, turn: self.turn });
        while self.used > self.capacity
            && let Some((_, oldest)) = self.by_turn.pop_first()
        {
            self.used -= self.values.remove(&oldest).map_or(0, |held| held.bytes);
        }
    }

    pub fn remove(&mut self, key: &K) {
        if let Some(held) = self.values.remove(key) {
            self.by_turn.remove(&held.turn);
            self.used -= held.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let mut lru = Lru::new(30);
        ["a", "b", "c"].into_iter().for_each(|key| lru.put(key, key, 10));
        assert_eq!(lru.get(&"a"), Some("a"));
        lru.put("d", "d", 10);
        assert_eq!(["a", "b", "c", "d"].map(|key| lru.get(&key).is_some()), [true, false, true, true]);
        lru.put("big", "big", 25);
        assert_eq!((lru.used(), lru.get(&"d")), (25, None));
    }

    #[test]
    fn what_is_too_large_is_not_kept_and_takes_its_older_self_away() {
        let mut lru = Lru::new(30);
        lru.put("a", 1, 10);
        lru.put("a", 2, 31);
        assert_eq!((lru.get(&"a"), lru.used()), (None, 0));
    }
}
