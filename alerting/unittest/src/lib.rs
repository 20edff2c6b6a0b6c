//! Unit tests of rules as Prometheus' promtool runs them: series written by hand, what is asked of them, and the alerts that must fire.
//!
//! Pure and synchronous. It never reads files: who calls finds the rule files that [`TestFile::rule_files`] names.
//! The format is at prometheus.io, "Unit testing for rules". Start with [`TestFile::parse`], then [`TestFile::run`].

mod alerts;
mod data;
mod file;
mod junit;
mod run;
mod samples;
#[cfg(test)]
mod tests;

pub use file::{AlertTest, ExpectedAlert, ExpectedSample, ExprTest, InputSeries, TestFile, TestGroup};
pub use junit::{Suite, junit};
pub use run::{Outcome, RuleFiles};
