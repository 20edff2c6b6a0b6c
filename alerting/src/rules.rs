//! Prometheus' rule files: their fields, and what is wrong with one.

mod check;
mod file;
mod known;
#[cfg(test)]
mod tests;

pub use check::{Duplicate, Problem};
pub use file::{InvalidRules, Rule, RuleFile, RuleGroup};
