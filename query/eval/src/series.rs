//! Label sets of results, and the values that queries give.

use crate::value::quoted;
use std::fmt;
use std::sync::Arc;

/// Labels of a result, sorted by name. Unlike a stream's labels they may be empty: `| json` makes such labels.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Arc<[(Box<str>, Box<str>)]>);

impl Labels {
    /// Sorts by name; names occur once.
    pub fn new(mut pairs: Vec<(Box<str>, Box<str>)>) -> Labels {
        pairs.sort();
        Labels(pairs.into())
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|(n, _)| (**n).cmp(name)).ok()?;
        Some(&self.0[at].1)
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The labels that `keep` likes.
    pub fn filter(&self, keep: impl Fn(&str, &str) -> bool) -> Labels {
        Labels(self.0.iter().filter(|(name, value)| keep(name, value)).cloned().collect())
    }

    /// With `name` set to `value`, or without it when `value` is empty.
    pub fn with(&self, name: &str, value: &str) -> Labels {
        let mut pairs: Vec<_> = self.0.iter().filter(|(n, _)| **n != *name).cloned().collect();
        if !value.is_empty() {
            pairs.push((name.into(), value.into()));
        }
        Labels::new(pairs)
    }
}

impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Labels {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Labels::new(pairs.into_iter().map(|(n, v)| (n.as_ref().into(), v.as_ref().into())).collect())
    }
}

/// As in a selector: `{app="web", pod="web-0"}`.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, (name, value)) in self.iter().enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            write!(f, "{comma}{name}={}", quoted(value))?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
