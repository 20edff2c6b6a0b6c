//! Line filters: `|=`, `!=`, `|~`, `!~`, `|>`, `!>` and `ip()`.

use super::stage_error;
use crate::EvalError;
use crate::parse::pattern::Pattern;
use crate::value::{compile_regex, ip::IpPattern};
use gantry_model::{LineFilter, LineOp};
use gantry_query_lang::ast::{LineAlternative, LineFilterExpr, LineFilterOp};
use gantry_query_lang::rust_regex;
use memchr::memmem::Finder;
use regex::Regex;

/// A line filter, compiled.
#[derive(Clone, Debug)]
pub(crate) struct CompiledLineFilter {
    negative: bool,
    tests: Vec<Test>,
}

#[derive(Clone, Debug)]
enum Test {
    Contains(Box<Finder<'static>>),
    Matches(Regex),
    Pattern(Pattern),
    Ip(IpPattern),
}

impl CompiledLineFilter {
    pub fn new(filter: &LineFilterExpr) -> Result<Self, EvalError> {
        use LineFilterOp::*;
        let test = |alternative: &LineAlternative| match (alternative, filter.op) {
            (LineAlternative::Ip(pattern), _) => IpPattern::parse(pattern).map(Test::Ip).map_err(stage_error),
            (LineAlternative::Text(text), Contains | NotContains) => {
                Ok(Test::Contains(Box::new(Finder::new(text.as_bytes()).into_owned())))
            }
            (LineAlternative::Text(text), Matches | NotMatches) => {
                compile_regex(text).map(Test::Matches).map_err(stage_error)
            }
            (LineAlternative::Text(text), Pattern | NotPattern) => {
                crate::parse::pattern::Pattern::filter(text).map(Test::Pattern).map_err(stage_error)
            }
        };
        let tests = filter.alternatives.iter().map(test).collect::<Result<_, _>>()?;
        Ok(CompiledLineFilter { negative: matches!(filter.op, NotContains | NotMatches | NotPattern), tests })
    }

    pub fn keeps(&self, line: &str) -> bool {
        let matched = self.tests.iter().any(|test| match test {
            Test::Contains(finder) => finder.find(line.as_bytes()).is_some(),
            Test::Matches(regex) => regex.is_match(line),
            Test::Pattern(pattern) => pattern.matches(line),
            Test::Ip(pattern) => pattern.found_in(line),
        });
        matched != self.negative
    }
}

/// The filter in the words of the store; `None` for patterns and addresses, which the store does not know. Its regular
/// expressions are those of the crate `regex`.
pub fn store_line_filter(filter: &LineFilterExpr) -> Option<LineFilter> {
    let op = match filter.op {
        LineFilterOp::Contains => LineOp::Contains,
        LineFilterOp::NotContains => LineOp::NotContains,
        LineFilterOp::Matches => LineOp::Matches,
        LineFilterOp::NotMatches => LineOp::NotMatches,
        LineFilterOp::Pattern | LineFilterOp::NotPattern => return None,
    };
    let is_regex = matches!(op, LineOp::Matches | LineOp::NotMatches);
    let text = |alternative: &LineAlternative| match alternative {
        LineAlternative::Text(pattern) if is_regex => rust_regex(pattern).ok(),
        LineAlternative::Text(text) => Some(text.clone()),
        LineAlternative::Ip(_) => None,
    };
    let texts = filter.alternatives.iter().map(text).collect::<Option<Vec<_>>>()?;
    LineFilter::new(op, texts).ok()
}
