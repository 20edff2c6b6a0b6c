//! [`LabelIndex`]: from label pairs to the series that have them, and from matchers to series.

use super::labels::pairs;
use gantry_model::{MatchOp, Matcher, Selector};
use std::collections::{BTreeSet, HashMap};

/// Numbers of series, rising.
type Postings = Vec<u32>;

/// Label pairs of the series `0..len`.
#[derive(Debug, Default)]
pub(crate) struct LabelIndex {
    names: HashMap<Box<str>, HashMap<Box<str>, Postings>>,
    len: u32,
    memory: usize,
}

/// Memory of a pair beside its text, about.
const PAIR: usize = 120;

impl LabelIndex {
    /// Adds the next series.
    pub(crate) fn push(&mut self, labels: &[u8]) {
        let series = self.len;
        for (name, value) in pairs(labels) {
            if !self.names.contains_key(name) {
                self.names.insert(name.into(), HashMap::new());
            }
            let Some(values) = self.names.get_mut(name) else { continue };
            match values.get_mut(value) {
                Some(postings) => postings.push(series),
                None => {
                    values.insert(value.into(), vec![series]);
                    self.memory += PAIR + value.len();
                }
            }
            self.memory += 4;
        }
        self.len += 1;
    }

    /// Bytes, about.
    pub(crate) fn memory(&self) -> usize {
        self.memory
    }

    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    /// The series that match, rising.
    pub(crate) fn select(&self, selector: &Selector) -> Vec<u32> {
        let (with, without): (Vec<&Matcher>, Vec<&Matcher>) =
            selector.0.iter().partition(|matcher| !matcher.matches_value(""));
        // What is cheap to look up and says much comes first.
        let mut with = with;
        with.sort_by_key(|matcher| matcher.op != MatchOp::Eq);
        let mut found: Option<Postings> = None;
        for matcher in with {
            let having = self.having(matcher);
            let both = match found {
                None => having,
                Some(found) => intersect(&found, &having),
            };
            if both.is_empty() {
                return both;
            }
            found = Some(both);
        }
        let mut found = found.unwrap_or_else(|| (0..self.len).collect());
        for matcher in without {
            found = subtract(&found, &self.refused(matcher));
        }
        found
    }

    /// Series with a value that matches.
    fn having(&self, matcher: &Matcher) -> Postings {
        let Some(values) = self.names.get(&*matcher.name) else { return Vec::new() };
        if matcher.op == MatchOp::Eq {
            return values.get(&*matcher.value).cloned().unwrap_or_default();
        }
        if let Some(literals) = literals(matcher) {
            return union(literals.filter_map(|value| values.get(value).map(|postings| &**postings)));
        }
        union(values.iter().filter(|(value, _)| matcher.matches_value(value)).map(|(_, postings)| &**postings))
    }

    /// Series with a value that does not match; those without the label do.
    fn refused(&self, matcher: &Matcher) -> Postings {
        let Some(values) = self.names.get(&*matcher.name) else { return Vec::new() };
        if matcher.op == MatchOp::NotEq {
            return values.get(&*matcher.value).cloned().unwrap_or_default();
        }
        union(values.iter().filter(|(value, _)| !matcher.matches_value(value)).map(|(_, postings)| &**postings))
    }

    /// Names with their numbers of values, and each value with its number of series.
    pub(crate) fn names(&self) -> impl Iterator<Item = (&str, impl ExactSizeIterator<Item = (&str, usize)>)> {
        self.names
            .iter()
            .map(|(name, values)| (&**name, values.iter().map(|(value, postings)| (&**value, postings.len()))))
    }

    /// Adds the names of all labels.
    pub(crate) fn add_names(&self, into: &mut BTreeSet<String>) {
        for name in self.names.keys() {
            if !into.contains(&**name) {
                into.insert(name.to_string());
            }
        }
    }

    /// Adds all values of a label.
    pub(crate) fn add_values(&self, name: &str, into: &mut BTreeSet<String>) {
        for value in self.names.get(name).into_iter().flat_map(HashMap::keys) {
            if !into.contains(&**value) {
                into.insert(value.to_string());
            }
        }
    }
}

/// The values that a regex names one by one, as in `a|b`: they can be looked up.
fn literals(matcher: &Matcher) -> Option<impl Iterator<Item = &str>> {
    let pattern = matcher.pattern().filter(|_| matcher.op == MatchOp::Regex)?;
    let plain = pattern.chars().all(|c| c == '|' || !regex_syntax::is_meta_character(c));
    plain.then(|| pattern.split('|'))
}

fn union<'p>(lists: impl Iterator<Item = &'p [u32]>) -> Postings {
    let mut lists: Vec<&[u32]> = lists.collect();
    match lists.pop() {
        None => Vec::new(),
        Some(one) if lists.is_empty() => one.to_vec(),
        Some(one) => {
            let mut all = one.to_vec();
            lists.into_iter().for_each(|list| all.extend_from_slice(list));
            all.sort_unstable();
            all.dedup();
            all
        }
    }
}

fn intersect(a: &[u32], b: &[u32]) -> Postings {
    let (few, many) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if few.len() * 16 < many.len() {
        return few.iter().copied().filter(|series| many.binary_search(series).is_ok()).collect();
    }
    let mut rest = many.iter().copied().peekable();
    let mut is_in = |series: u32| {
        while rest.next_if(|other| *other < series).is_some() {}
        rest.peek() == Some(&series)
    };
    few.iter().copied().filter(|series| is_in(*series)).collect()
}

fn subtract(from: &[u32], what: &[u32]) -> Postings {
    let mut rest = what.iter().copied().peekable();
    let mut is_in = |series: u32| {
        while rest.next_if(|other| *other < series).is_some() {}
        rest.peek() == Some(&series)
    };
    from.iter().copied().filter(|series| !is_in(*series)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use gantry_model::LabelSet;
    use proptest::prelude::*;

    fn matcher() -> impl Strategy<Value = Matcher> {
        let op = prop_oneof![Just(MatchOp::Eq), Just(MatchOp::NotEq), Just(MatchOp::Regex), Just(MatchOp::NotRegex)];
        let value =
            prop_oneof![Just(""), Just("x"), Just("y"), Just("x|z"), Just("z|y|z"), Just(".*"), Just(".+"), Just("x?")];
        ("[abc]", op, value).prop_map(|(name, op, value)| Matcher::new(&name, op, value).unwrap())
    }

    proptest! {
        #[test]
        fn the_index_finds_what_the_matchers_say(
            sets in proptest::collection::vec(proptest::collection::btree_map("[ab]", "[xyz]", 0..3), 0..20),
            matchers in proptest::collection::vec(matcher(), 0..4),
        ) {
            let sets: Vec<LabelSet> = sets.into_iter().map(LabelSet::from_pairs).collect();
            let mut index = LabelIndex::default();
            for set in &sets {
                let mut bytes = Vec::new();
                set.encode(&mut bytes);
                index.push(&bytes);
            }
            let selector = Selector(matchers);
            let expected: Vec<u32> = (0..sets.len() as u32).filter(|n| selector.matches(&sets[*n as usize])).collect();
            prop_assert_eq!(index.select(&selector), expected);
        }
    }
}
