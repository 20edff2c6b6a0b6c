//! Which streams: `{app="web", pod=~"web-.*"}`.

use crate::LabelSet;
use regex::Regex;
use std::fmt;

/// How a matcher compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchOp {
    Eq,
    NotEq,
    Regex,
    NotRegex,
}

impl MatchOp {
    pub fn as_str(self) -> &'static str {
        match self {
            MatchOp::Eq => "=",
            MatchOp::NotEq => "!=",
            MatchOp::Regex => "=~",
            MatchOp::NotRegex => "!~",
        }
    }
}

/// One comparison of a label; a label that is absent compares as the empty string. Regexes are anchored at both ends.
#[derive(Clone, Debug)]
pub struct Matcher {
    pub name: String,
    pub op: MatchOp,
    pub value: String,
    regex: Option<Regex>,
}

/// A pattern that is no regular expression, or one whose program would be too large.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct RegexError(pub String);

/// Most bytes that a compiled pattern may take: stops `((a{100}){100}){100}` at the door.
const REGEX_SIZE_LIMIT: usize = 4 << 20;

/// What makes a pattern match the whole value.
const ANCHORS: (&str, &str) = ("^(?s:", ")$");

impl Matcher {
    pub fn new(name: &str, op: MatchOp, value: &str) -> Result<Self, RegexError> {
        Self::with_pattern(name, op, value, value)
    }

    /// As [`Matcher::new`], for a `value` in another dialect of regexes: `pattern` is the same in that of `regex`.
    pub fn with_pattern(name: &str, op: MatchOp, value: &str, pattern: &str) -> Result<Self, RegexError> {
        let regex = match op {
            MatchOp::Regex | MatchOp::NotRegex => Some(Self::anchored(pattern)?),
            MatchOp::Eq | MatchOp::NotEq => None,
        };
        Ok(Matcher { name: name.into(), op, value: value.into(), regex })
    }

    fn anchored(pattern: &str) -> Result<Regex, RegexError> {
        regex::RegexBuilder::new(&format!("{}{pattern}{}", ANCHORS.0, ANCHORS.1))
            .size_limit(REGEX_SIZE_LIMIT)
            .build()
            .map_err(|e| RegexError(e.to_string()))
    }

    /// The regex in the dialect of the `regex` crate, not anchored; `None` for a plain comparison. Together with name,
    /// operator and value it is all that [`Matcher::with_pattern`] needs to make the same matcher again.
    pub fn pattern(&self) -> Option<&str> {
        self.regex.as_ref()?.as_str().strip_prefix(ANCHORS.0)?.strip_suffix(ANCHORS.1)
    }

    pub fn matches_value(&self, value: &str) -> bool {
        let by_regex = || self.regex.as_ref().is_some_and(|r| r.is_match(value));
        match self.op {
            MatchOp::Eq => self.value == value,
            MatchOp::NotEq => self.value != value,
            MatchOp::Regex => by_regex(),
            MatchOp::NotRegex => !by_regex(),
        }
    }

    pub fn matches(&self, labels: &LabelSet) -> bool {
        self.matches_value(labels.get(&self.name).unwrap_or(""))
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.op == other.op && self.value == other.value
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{:?}", self.name, self.op.as_str(), self.value)
    }
}

/// All matchers must agree. The empty selector matches every stream.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selector(pub Vec<Matcher>);

impl Selector {
    pub fn all() -> Self {
        Selector(Vec::new())
    }

    pub fn matches(&self, labels: &LabelSet) -> bool {
        self.0.iter().all(|m| m.matches(labels))
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, matcher) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{matcher}")?;
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(op: MatchOp, value: &str, label: &str) -> bool {
        Matcher::new("a", op, value).unwrap().matches(&LabelSet::from_pairs([("a", label)]))
    }

    #[test]
    fn regexes_are_anchored_and_cross_lines() {
        assert!(check(MatchOp::Regex, "we.", "web"));
        assert!(!check(MatchOp::Regex, "we", "web"));
        assert!(check(MatchOp::Regex, "a|b", "b"));
        assert!(check(MatchOp::Regex, "a.*b", "a\nb"));
    }

    #[test]
    fn a_matcher_can_be_made_again_from_its_parts() {
        let matcher = Matcher::with_pattern("a", MatchOp::Regex, "x\\C", "x(?:.)").unwrap();
        assert_eq!(matcher.pattern(), Some("x(?:.)"));
        assert_eq!(Matcher::new("a", MatchOp::Eq, "x").unwrap().pattern(), None);
    }

    #[test]
    fn an_absent_label_is_the_empty_string() {
        assert!(check(MatchOp::Eq, "", ""));
        assert!(check(MatchOp::NotEq, "x", ""));
        assert!(check(MatchOp::Regex, ".*", ""));
        assert!(!check(MatchOp::Regex, ".+", ""));
    }

    #[test]
    fn a_pattern_that_explodes_is_refused() {
        assert!(Matcher::new("a", MatchOp::Regex, "((a{200}){200}){200}").is_err());
    }
}
