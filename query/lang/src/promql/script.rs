//! Scripts that test PromQL: what to load, what to ask, what to expect. The format of Prometheus' `promqltest`.
//!
//! ```text
//! load 1m
//!   requests{path="/"} 0+10x5
//! eval instant at 5m rate(requests[5m])
//!   {path="/"} 0.16666
//! ```
//!
//! Queries are kept as text. Start with [`parse_script`].

mod eval;
mod expect;
mod load;

use super::series::SeriesItem;
use gantry_model::LabelSet;

/// A line of a script that cannot be understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct ScriptError {
    /// From 1.
    pub line: usize,
    pub message: String,
}

#[derive(Clone, Debug)]
pub enum Command {
    /// Forget all that was loaded.
    Clear,
    Load(Load),
    Eval(Box<Eval>),
}

/// Series to store, beginning at the time 0.
#[derive(Clone, Debug)]
pub struct Load {
    pub line: usize,
    /// Milliseconds between two values.
    pub step_ms: i64,
    /// Classic histograms are stored a second time, as native ones with custom buckets.
    pub with_nhcb: bool,
    /// Each label set once.
    pub series: Vec<LoadSeries>,
}

#[derive(Clone, Debug)]
pub struct LoadSeries {
    pub labels: LabelSet,
    pub items: Vec<SeriesItem>,
    /// For each value, when counting began, in milliseconds relative to the value's own time; `None`: unknown. Empty when
    /// nothing was given.
    pub starts: Vec<Option<i64>>,
}

/// A query and what must come out.
#[derive(Clone, Debug)]
pub struct Eval {
    pub line: usize,
    pub query: String,
    pub time: EvalTime,
    /// Series come in the order of `expected`.
    pub ordered: bool,
    /// The query must fail, with such a message.
    pub fail: Option<Match>,
    /// There must be warnings: each must match one of these, and each of these must match one.
    pub warn: Vec<Match>,
    pub info: Vec<Match>,
    pub no_warn: bool,
    pub no_info: bool,
    pub expected: Expected,
}

/// Milliseconds since 1970; the end is included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvalTime {
    Instant(i64),
    Range { start: i64, end: i64, step: i64 },
}

#[derive(Clone, Debug, PartialEq)]
pub enum Expected {
    Scalar(f64),
    String(String),
    /// A vector for an instant, a matrix for a range; no series is an answer, too.
    Series(Vec<(LabelSet, Vec<SeriesItem>)>),
    /// An instant query answers with a matrix whose values have these times.
    RangeVector {
        start: i64,
        end: i64,
        step: i64,
        series: Vec<(LabelSet, Vec<SeriesItem>)>,
    },
}

/// What a message must be like.
#[derive(Clone, Debug)]
pub enum Match {
    Any,
    Exactly(String),
    /// Somewhere in the message.
    Pattern(regex::Regex),
}

impl Match {
    pub fn matches(&self, message: &str) -> bool {
        match self {
            Match::Any => true,
            Match::Exactly(wanted) => wanted == message,
            Match::Pattern(pattern) => pattern.is_match(message),
        }
    }
}

/// Lines without blanks at their ends; comments are empty lines.
#[derive(Debug)]
struct Lines<'s> {
    lines: Vec<&'s str>,
    /// Of the line that comes next.
    at: usize,
}

impl<'s> Lines<'s> {
    fn new(script: &'s str) -> Self {
        let lines = script.lines().map(str::trim).map(|line| if line.starts_with('#') { "" } else { line });
        Lines { lines: lines.collect(), at: 0 }
    }

    fn next(&mut self) -> Option<&'s str> {
        let line = self.lines.get(self.at).copied();
        self.at += 1;
        line
    }

    /// The next line of the block, which ends with an empty one.
    fn next_of_block(&mut self) -> Option<&'s str> {
        self.next().filter(|line| !line.is_empty())
    }

    /// About the line that was taken last.
    fn error(&self, message: impl ToString) -> ScriptError {
        ScriptError { line: self.at, message: message.to_string() }
    }
}

/// Reads a whole script.
pub fn parse_script(script: &str) -> Result<Vec<Command>, ScriptError> {
    let mut lines = Lines::new(script);
    let mut commands = Vec::new();
    while let Some(line) = lines.next() {
        let word = line.split_whitespace().next().unwrap_or_default().to_ascii_lowercase();
        match word.as_str() {
            "" => {}
            "clear" => commands.push(Command::Clear),
            word if word.starts_with("load") => commands.push(Command::Load(load::load(line, &mut lines)?)),
            word if word.starts_with("eval") => commands.push(Command::Eval(Box::new(eval::eval(line, &mut lines)?))),
            _ => return Err(lines.error(format!("invalid command {}", crate::gotext::quote(line)))),
        }
    }
    Ok(commands)
}

/// Prometheus' notation of durations, in milliseconds.
fn millis(text: &str) -> Result<i64, String> {
    Ok(crate::duration::parse_prometheus_duration(text)? / 1_000_000)
}

#[cfg(test)]
mod tests;
