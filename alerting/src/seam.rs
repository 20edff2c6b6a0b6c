//! What rules need of others: answers to queries, a place for what they write, and texts with templates filled in.

use gantry_model::LabelSet;
use gantry_model::metric::NativeHistogram;

/// A number or a histogram.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Number(f64),
    Histogram(Box<NativeHistogram>),
}

/// One series of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub labels: LabelSet,
    pub value: Value,
}

/// What a rule writes.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    pub labels: LabelSet,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    pub value: Value,
}

/// Queries and storage, as one tenant sees them.
pub trait Evaluate {
    /// The answer to a query at an instant (milliseconds since 1970). A scalar is one sample without labels.
    ///
    /// # Errors
    /// Why there is no answer, in words for whoever wrote the rule.
    fn instant(&mut self, expr: &str, at_ms: i64) -> Result<Vec<Sample>, String>;

    /// Whether anybody reads what rules write; where nobody does, alerts write nothing.
    fn is_read(&self) -> bool {
        true
    }

    /// Stores points. Queries that follow see them, so that rules of a group can build on each other.
    ///
    /// # Errors
    /// Why they could not be stored.
    fn append(&mut self, points: Vec<Point>) -> Result<(), String>;
}

/// What a template may speak of.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Name of the alert.
    pub alert: &'a str,
    /// Labels of the sample, its name included.
    pub labels: &'a LabelSet,
    /// 0 for a histogram.
    pub value: f64,
    /// Instant of the evaluation, milliseconds since 1970.
    pub at_ms: i64,
}

/// Fills in templates of labels and annotations.
pub trait Expand {
    /// Templates may ask queries, too.
    ///
    /// # Errors
    /// What is wrong with the template; it becomes the text.
    fn expand(&self, text: &str, subject: &Subject<'_>, evaluate: &mut dyn Evaluate) -> Result<String, String>;
}
