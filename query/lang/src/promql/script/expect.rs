//! What a query must answer: `expect` lines and series.

use super::eval::range;
use super::{EvalTime, Expected, Lines, Match, ScriptError};
use crate::promql::lex::{parse_number, unquote};
use crate::promql::series::{SeriesItem, parse_series};
use gantry_model::LabelSet;

const RANGE_VECTOR: &str = "expect range vector";
const STRING: &str = "expect string";

/// What has been read of the lines below an `eval`.
#[derive(Debug)]
pub struct Block {
    pub ordered: bool,
    pub fail: Option<Match>,
    pub warn: Vec<Match>,
    pub info: Vec<Match>,
    pub no_warn: bool,
    pub no_info: bool,
    pub expected: Expected,
}

impl Default for Block {
    fn default() -> Self {
        Block {
            ordered: false,
            fail: None,
            warn: Vec::new(),
            info: Vec::new(),
            no_warn: false,
            no_info: false,
            expected: Expected::Series(Vec::new()),
        }
    }
}

/// Reads the block.
pub fn expectations(block: &mut Block, is_instant: bool, lines: &mut Lines<'_>) -> Result<(), ScriptError> {
    while let Some(line) = lines.next_of_block() {
        block.line(line, is_instant).map_err(|message| lines.error(message))?;
    }
    Ok(())
}

impl Block {
    fn line(&mut self, line: &str, is_instant: bool) -> Result<(), String> {
        if let Some(pattern) = line.strip_prefix("expected_fail_regexp") {
            self.fail = Some(pattern_of(pattern)?);
        } else if let Some(message) = line.strip_prefix("expected_fail_message") {
            self.fail = Some(Match::Exactly(message.trim().into()));
        } else if let Some(times) = line.strip_prefix(RANGE_VECTOR) {
            let (EvalTime::Range { start, end, step }, _) = range(times)? else { return Ok(()) };
            self.expected = Expected::RangeVector { start, end, step, series: Vec::new() };
        } else if let Some(text) = line.strip_prefix(STRING) {
            self.expected = Expected::String(string(text.trim())?);
        } else if line == "expect" || line.starts_with("expect ") {
            self.expectation(line)?;
        } else if let Ok(number) = parse_number(line.strip_prefix(['+', '-']).unwrap_or(line)) {
            self.expected = Expected::Scalar(if line.starts_with('-') { -number } else { number });
        } else {
            let (labels, items) = parse_series(line).map_err(|error| error.to_string())?;
            return self.series(labels, items, is_instant);
        }
        Ok(())
    }

    /// `expect warn msg: text`
    fn expectation(&mut self, line: &str) -> Result<(), String> {
        let invalid = "invalid expect statement, must match `expect <type> <match_type>: <string>` format";
        let rest = line.strip_prefix("expect").map(str::trim).ok_or(invalid)?;
        let (kind, how) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
        let how = match how.trim() {
            "" => Match::Any,
            how => match how.split_once(':') {
                Some(("msg", text)) => Match::Exactly(text.trim().into()),
                Some(("regex", text)) => pattern_of(text)?,
                _ => return Err(invalid.into()),
            },
        };
        match kind {
            "ordered" => self.ordered = true,
            "no_warn" => self.no_warn = true,
            "no_info" => self.no_info = true,
            "warn" => self.warn.push(how),
            "info" => self.info.push(how),
            "fail" if self.fail.is_some() => {
                return Err("invalid expect lines, multiple expect fail lines are not allowed".into());
            }
            "fail" => self.fail = Some(how),
            other => return Err(format!("invalid expected error/annotation type {other}")),
        }
        if self.no_warn && !self.warn.is_empty() {
            return Err("invalid expect lines, warn and no_warn cannot be used together".into());
        }
        if self.no_info && !self.info.is_empty() {
            return Err("invalid expect lines, info and no_info cannot be used together".into());
        }
        Ok(())
    }

    fn series(&mut self, labels: LabelSet, items: Vec<SeriesItem>, is_instant: bool) -> Result<(), String> {
        match &mut self.expected {
            Expected::RangeVector { series, .. } => series.push((labels, items)),
            Expected::Series(series) => {
                if is_instant && items.iter().map(SeriesItem::count).fold(0, u64::saturating_add) > 1 {
                    return Err(
                        "expecting multiple values in instant evaluation not allowed. consider using 'expect range \
                                vector' directive to enable a range vector result for an instant query"
                            .into(),
                    );
                }
                series.push((labels, items));
            }
            Expected::Scalar(_) | Expected::String(_) => return Err("a number or string is expected already".into()),
        }
        Ok(())
    }
}

fn pattern_of(text: &str) -> Result<Match, String> {
    let text = text.trim();
    let pattern = crate::rust_regex(text)?;
    let regex = regex::Regex::new(&pattern).map_err(|error| format!("invalid regex {text}: {error}"))?;
    Ok(Match::Pattern(regex))
}

fn string(literal: &str) -> Result<String, String> {
    let quote = literal.chars().next().filter(|c| matches!(c, '"' | '`'));
    let is_closed = quote.is_some_and(|quote| literal.len() > 1 && literal.ends_with(quote));
    if !is_closed {
        return Err("expected string literal not valid - check that the string is correctly quoted".into());
    }
    Ok(unquote(literal))
}
