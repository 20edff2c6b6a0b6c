//! Rules: what Prometheus' rule files say, checked.
//!
//! Pure and synchronous. It never does I/O, never reads a clock, and knows no query engine.
//!
//! Start with [`RuleFile::parse`] and [`RuleFile::problems`].

mod rules;

pub use rules::{Duplicate, InvalidRules, Problem, Rule, RuleFile, RuleGroup};
