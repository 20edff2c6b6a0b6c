//! `| logfmt`, `| pattern`, `| regexp` and `| decolorize`.

use super::labels::{Category, Work};
use super::names::{NameId, Names};
use super::stage_error;
use crate::EvalError;
use crate::parse::{logfmt, pattern::Pattern, sanitize};
use crate::value::compile_regex;
use gantry_query_lang::ast::Extraction;
use regex::Regex;

const LOGFMT_ERROR: &str = "LogfmtParserErr";

/// The flags of `| logfmt`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LogfmtFlags {
    pub strict: bool,
    pub keep_empty: bool,
}

/// Every pair becomes a label.
pub(crate) fn logfmt(work: &mut Work<'_>, flags: LogfmtFlags) {
    if work.required.no_labels {
        return;
    }
    let failed = work.with_line(|work, line| {
        for pair in logfmt::pairs(line) {
            let (key, value) = match pair {
                Ok(pair) => pair,
                Err(error) if flags.strict => return Some(error),
                Err(_) => continue,
            };
            let name = work.scratch.names.of_key(key).and_then(|name| work.target(name));
            let Some(name) = name.filter(|_| flags.keep_empty || !value.is_empty()) else { continue };
            work.parsed(name, &value);
            if work.is_done() {
                return None;
            }
        }
        None
    });
    if let Some(error) = failed {
        work.fail_parser(LOGFMT_ERROR, Some(&error.to_string()));
    }
}

/// `label="key"`, compiled; the key as a label name.
#[derive(Clone, Debug)]
pub(crate) struct LogfmtExtraction {
    name: NameId,
    key: NameId,
}

impl LogfmtExtraction {
    pub fn new(extraction: &Extraction, names: &mut Names) -> Self {
        let key = extraction.expression.trim().trim_matches('"');
        LogfmtExtraction { name: names.intern(&extraction.label), key: names.intern(&sanitize(key)) }
    }
}

/// Each extraction becomes a label, empty where the line has no such key; of a repeated key the last counts.
pub(crate) fn extract_logfmt(work: &mut Work<'_>, extractions: &[LogfmtExtraction], flags: LogfmtFlags) {
    if work.required.no_labels {
        return;
    }
    for extraction in extractions {
        if !work.in_stream(extraction.name) && work.get(extraction.name).is_none() {
            work.set(Category::Parsed, extraction.name, "");
        }
    }
    let failed = work.with_line(|work, line| {
        for pair in logfmt::pairs(line) {
            let (key, value) = match pair {
                Ok(pair) => pair,
                Err(error) if flags.strict => return Some(error),
                Err(_) => continue,
            };
            let Some(key) = work.scratch.names.of_key(key) else { continue };
            // A key that nobody asked for counts where it is the very name of an extraction.
            let asked = extractions.iter().any(|extraction| extraction.key == key);
            let meant = |extraction: &&LogfmtExtraction| {
                if asked { extraction.key == key } else { extraction.name == key }
            };
            for extraction in extractions.iter().filter(meant) {
                let name = work.free_name(extraction.name);
                work.set(Category::Parsed, name, &value);
            }
        }
        None
    });
    if let Some(error) = failed {
        work.fail_parser(LOGFMT_ERROR, Some(&error.to_string()));
    }
}

/// A pattern and the labels of its named holes.
#[derive(Clone, Debug)]
pub(crate) struct PatternParser {
    pattern: Pattern,
    names: Vec<NameId>,
}

impl PatternParser {
    pub fn new(text: &str, names: &mut Names) -> Result<Self, EvalError> {
        let pattern =
            Pattern::parser(text).map_err(|e| EvalError::InvalidQuery(format!("invalid pattern parser: {e}")))?;
        let names = pattern.names().map(|name| names.intern(name)).collect();
        Ok(PatternParser { pattern, names })
    }

    pub fn run(&self, work: &mut Work<'_>) {
        if work.required.no_labels {
            return;
        }
        work.with_line(|work, line| {
            self.pattern.captures(line, |at, value| {
                if let Some(name) = work.target(self.names[at]) {
                    work.parsed(name, value);
                }
            });
        });
    }
}

/// A regex and the labels of its named groups, by group number.
#[derive(Clone, Debug)]
pub(crate) struct RegexpParser {
    regex: Regex,
    names: Vec<(usize, NameId)>,
}

impl RegexpParser {
    pub fn new(text: &str, names: &mut Names) -> Result<Self, EvalError> {
        let regex = compile_regex(text).map_err(stage_error)?;
        let named = regex.capture_names().enumerate();
        let names = named.filter_map(|(at, name)| Some((at, names.of_key(name?)?))).collect();
        Ok(RegexpParser { regex, names })
    }

    pub fn run(&self, work: &mut Work<'_>) {
        if work.required.no_labels {
            return;
        }
        work.with_line(|work, line| {
            let Some(captures) = self.regex.captures(line) else { return };
            for (at, name) in &self.names {
                if let Some(name) = work.target(*name) {
                    work.parsed(name, captures.get(*at).map_or("", |m| m.as_str()));
                }
            }
        });
    }
}

/// Removes the sequences that colour a terminal.
pub(crate) fn decolorize(work: &mut Work<'_>) {
    if memchr::memchr2(0x1b, 0xc2, work.line().as_bytes()).is_none() {
        return;
    }
    let plain = without_escapes(work.line());
    work.set_line(&plain);
}

/// Control sequences (`ESC [ ... letter`) and operating system commands (`ESC ] ... BEL`), gone.
fn without_escapes(text: &str) -> String {
    let (mut out, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(at) = rest.find(['\u{1b}', '\u{9b}']) {
        out.push_str(&rest[..at]);
        let escape = &rest[at..];
        let length = sequence_length(escape);
        if length == 0 {
            let first = escape.chars().next().map_or(0, char::len_utf8);
            out.push_str(&escape[..first]);
            rest = &escape[first..];
        } else {
            rest = &escape[length..];
        }
    }
    out + rest
}

fn sequence_length(text: &str) -> usize {
    let intro = text.find(|c: char| !"\u{1b}\u{9b}[]()#;?".contains(c)).unwrap_or(text.len());
    let body = &text[intro..];
    if text[..intro].contains(']') {
        return body.find('\u{7}').map_or(0, |at| intro + at + 1);
    }
    let parameters = body.find(|c: char| !(c.is_ascii_digit() || c == ';')).unwrap_or(body.len());
    let legal = |c: &char| matches!(*c, '\u{40}'..='\u{7e}');
    let last = body[parameters..].chars().next();
    match last.filter(|c| legal(c)) {
        Some(_) => intro + parameters + 1,
        None => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn colours_go() {
        assert_eq!(without_escapes("\u{1b}[1m\u{1b}[4mstep 1\u{1b}[0m \u{1b}[38;5;244mx\u{1b}[0m"), "step 1 x");
        assert_eq!(without_escapes("plain \u{1b}"), "plain \u{1b}");
    }

    proptest! {
        #[test]
        fn garbage_never_panics(text in "[\u{1b}\u{9b}\\[\\];0-9mä ]*") {
            without_escapes(&text);
        }
    }
}
