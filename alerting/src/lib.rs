//! Rules: what Prometheus' rule files say, and what comes of them as time goes by.
//!
//! Pure and synchronous. It never does I/O, never reads a clock, and knows no query engine: that is behind [`Evaluate`].
//!
//! Start with [`RuleFile::parse`] and [`RuleFile::problems`]; then [`Group`], at the instants of a [`Schedule`].

mod group;
mod rules;
mod schedule;
mod seam;
mod template;

pub use group::{Alert, AlertState, ForState, Group, Notice, Outcome, RuleError};
pub use rules::{Duplicate, InvalidRules, Problem, Rule, RuleFile, RuleGroup};
pub use schedule::{Due, Schedule};
pub use seam::{Evaluate, Expand, Point, Sample, Subject, Value};
pub use template::Templates;
