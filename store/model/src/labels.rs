//! The labels that name a stream.

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

type Pair = (Box<str>, Box<str>);

/// Labels sorted by name, each name once, cheap to clone. A label with an empty value is the same as no label.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LabelSet(Arc<[Pair]>);

/// 128-bit hash of a tenant's label set: the identity of a stream within a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u128);

impl LabelSet {
    /// Sorts by name; of a repeated name the last value wins; empty values are left out.
    pub fn from_pairs<N: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut all: Vec<Pair> = pairs.into_iter().map(|(n, v)| (n.as_ref().into(), v.as_ref().into())).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        let mut kept: Vec<Pair> = Vec::with_capacity(all.len());
        for pair in all {
            match kept.last_mut() {
                Some(last) if last.0 == pair.0 => *last = pair,
                _ => kept.push(pair),
            }
        }
        kept.retain(|(_, value)| !value.is_empty());
        LabelSet(kept.into())
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|(n, _)| (**n).cmp(name)).ok()?;
        Some(&self.0[at].1)
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone {
        self.0.iter().map(|(n, v)| (&**n, &**v))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Stable across processes and versions: XXH3-128 over each name and value followed by a byte that UTF-8 never holds.
    pub fn stream_id(&self) -> StreamId {
        let mut hash = Xxh3::new();
        for (name, value) in self.iter() {
            hash.update(name.as_bytes());
            hash.update(&[0xff]);
            hash.update(value.as_bytes());
            hash.update(&[0xff]);
        }
        StreamId(hash.digest128())
    }

    /// Bytes of all names and values.
    pub fn size(&self) -> usize {
        self.0.iter().map(|(n, v)| n.len() + v.len()).sum()
    }
}

/// As in a LogQL selector: `{app="web", pod="web-0"}`.
impl fmt::Display for LabelSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, (name, value)) in self.iter().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{name}={value:?}")?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for LabelSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for LabelSet {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        LabelSet::from_pairs(pairs)
    }
}

impl Serialize for LabelSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for LabelSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Labels;
        impl<'de> Visitor<'de> for Labels {
            type Value = LabelSet;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of label names and string values")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<LabelSet, A::Error> {
                let mut pairs = Vec::with_capacity(map.size_hint().unwrap_or(8));
                while let Some(pair) = map.next_entry::<String, String>()? {
                    pairs.push(pair);
                }
                Ok(LabelSet::from_pairs(pairs))
            }
        }
        deserializer.deserialize_map(Labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_of_arrival_does_not_change_the_identity() {
        let one = LabelSet::from_pairs([("b", "2"), ("a", "1")]);
        let two = LabelSet::from_pairs([("a", "1"), ("b", "2"), ("c", "")]);
        assert_eq!(one, two);
        assert_eq!(one.stream_id(), two.stream_id());
        assert_eq!(one.to_string(), r#"{a="1", b="2"}"#);
    }

    #[test]
    fn the_identity_separates_names_from_values() {
        let one = LabelSet::from_pairs([("ab", "c")]);
        let two = LabelSet::from_pairs([("a", "bc")]);
        assert_ne!(one.stream_id(), two.stream_id());
    }

    #[test]
    fn the_last_of_a_repeated_name_wins() {
        assert_eq!(LabelSet::from_pairs([("a", "1"), ("a", "2")]).get("a"), Some("2"));
    }
}
