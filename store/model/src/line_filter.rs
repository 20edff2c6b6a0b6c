//! Conditions on the body of a line that the store itself can answer: `|=`, `!=`, `|~`, `!~`.

use crate::RegexError;
use memchr::memmem;
use regex::Regex;

/// How a line filter compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LineOp {
    /// `|=`: one of the texts occurs.
    Contains,
    /// `!=`: none of the texts occurs.
    NotContains,
    /// `|~`: one of the patterns matches somewhere.
    Matches,
    /// `!~`: none of the patterns matches anywhere.
    NotMatches,
}

/// One line filter with its alternatives (`|= "a" or "b"`). Byte-exact: no tokens, no case folding.
#[derive(Clone, Debug)]
pub struct LineFilter {
    pub op: LineOp,
    pub texts: Vec<String>,
    finders: Vec<memmem::Finder<'static>>,
    regexes: Vec<Regex>,
}

const REGEX_SIZE_LIMIT: usize = 4 << 20;

impl LineFilter {
    pub fn new(op: LineOp, texts: Vec<String>) -> Result<Self, RegexError> {
        let is_regex = matches!(op, LineOp::Matches | LineOp::NotMatches);
        let compile = |p: &String| {
            regex::RegexBuilder::new(p).size_limit(REGEX_SIZE_LIMIT).build().map_err(|e| RegexError(e.to_string()))
        };
        let regexes = if is_regex { texts.iter().map(compile).collect::<Result<_, _>>()? } else { Vec::new() };
        let finder = |t: &String| memmem::Finder::new(t.as_bytes()).into_owned();
        let finders = if is_regex { Vec::new() } else { texts.iter().map(finder).collect() };
        Ok(LineFilter { op, texts, finders, regexes })
    }

    /// `|= text`.
    pub fn contains(text: &str) -> Self {
        let finders = vec![memmem::Finder::new(text.as_bytes()).into_owned()];
        LineFilter { op: LineOp::Contains, texts: vec![text.into()], finders, regexes: Vec::new() }
    }

    pub fn matches(&self, body: &str) -> bool {
        let found = || self.finders.iter().any(|f| f.find(body.as_bytes()).is_some());
        let matched = || self.regexes.iter().any(|r| r.is_match(body));
        match self.op {
            LineOp::Contains => found(),
            LineOp::NotContains => !found(),
            LineOp::Matches => matched(),
            LineOp::NotMatches => !matched(),
        }
    }
}

impl PartialEq for LineFilter {
    fn eq(&self, other: &Self) -> bool {
        self.op == other.op && self.texts == other.texts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(op: LineOp, texts: &[&str], body: &str) -> bool {
        LineFilter::new(op, texts.iter().map(|t| t.to_string()).collect()).unwrap().matches(body)
    }

    #[test]
    fn substrings_and_their_alternatives() {
        assert!(check(LineOp::Contains, &["rror"], "an error"));
        assert!(check(LineOp::Contains, &["x", "err"], "an error"));
        assert!(!check(LineOp::NotContains, &["x", "err"], "an error"));
        assert!(check(LineOp::Contains, &[""], "anything"));
    }

    #[test]
    fn patterns_match_anywhere() {
        assert!(check(LineOp::Matches, &["e.r"], "an error"));
        assert!(!check(LineOp::NotMatches, &["^an"], "an error"));
    }
}
