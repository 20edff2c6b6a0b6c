//! [`Line`]: one line of a text format, read from left to right.

use super::text::{TextError, TextFormat};
use std::borrow::Cow;

pub(super) type Pairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    text: &'a str,
    at: usize,
    /// Counts from 1.
    number: usize,
}

impl<'a> Line<'a> {
    pub fn new(text: &'a str, number: usize) -> Self {
        Line { text, at: 0, number }
    }

    pub fn wrong<T>(&self, what: impl Into<Cow<'static, str>>) -> Result<T, TextError> {
        Err(TextError { line: self.number, column: self.at + 1, what: what.into() })
    }

    pub fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    pub fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub fn take(&mut self, byte: u8) -> bool {
        let is = self.peek() == Some(byte);
        self.at += usize::from(is);
        is
    }

    pub fn blanks(&mut self) -> bool {
        let before = self.at;
        while matches!(self.peek(), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        self.at > before
    }

    /// Everything up to a blank.
    pub fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest.bytes().position(|b| b == b' ' || b == b'\t').unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    /// A name without quotes: of a metric, where colons may be, or of a label.
    fn bare_name(&mut self, colons: bool) -> Option<&'a str> {
        let rest = self.rest();
        let is_part = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || (colons && b == b':');
        let end = rest.bytes().position(|b| !is_part(b)).unwrap_or(rest.len());
        let name = &rest[..end];
        if name.is_empty() || name.as_bytes()[0].is_ascii_digit() {
            return None;
        }
        self.at += end;
        Some(name)
    }

    /// The name of a metric, which is in quotes after `# TYPE` and the like when it is not a plain one.
    pub fn metric_name(&mut self) -> Result<Cow<'a, str>, TextError> {
        if self.peek() == Some(b'"') {
            return self.quoted();
        }
        match self.bare_name(true) {
            Some(name) => Ok(Cow::Borrowed(name)),
            None => self.wrong("expected the name of a metric"),
        }
    }

    /// Whether a name without quotes begins here.
    pub fn has_bare_name(&self) -> bool {
        self.peek().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_' || b == b':')
    }

    /// A text in quotes, in which `\\`, `\"` and `\n` stand for a backslash, a quote and a new line.
    fn quoted(&mut self) -> Result<Cow<'a, str>, TextError> {
        if !self.take(b'"') {
            return self.wrong("expected '\"'");
        }
        let rest = self.rest();
        let mut escaped = false;
        let mut end = None;
        let mut skip = false;
        for (at, byte) in rest.bytes().enumerate() {
            match byte {
                _ if skip => skip = false,
                b'\\' => (escaped, skip) = (true, true),
                b'"' => {
                    end = Some(at);
                    break;
                }
                _ => {}
            }
        }
        let Some(end) = end else { return self.wrong("the quote that begins before this is not closed") };
        self.at += end + 1;
        let inner = &rest[..end];
        Ok(if escaped { Cow::Owned(unescape(inner, true)) } else { Cow::Borrowed(inner) })
    }

    /// What stands between braces, after the opening one. A text in quotes without a value is the metric's name.
    pub fn labels(
        &mut self,
        labels: &mut Pairs<'a>,
        mut name: Option<&mut Option<Cow<'a, str>>>,
    ) -> Result<(), TextError> {
        loop {
            self.blanks();
            if self.take(b'}') {
                return Ok(());
            }
            let in_quotes = self.peek() == Some(b'"');
            let label = if in_quotes {
                self.quoted()?
            } else {
                match self.bare_name(false) {
                    Some(label) => Cow::Borrowed(label),
                    None => return self.wrong("expected the name of a label or '}'"),
                }
            };
            self.blanks();
            match name.as_deref_mut() {
                _ if self.take(b'=') => {
                    self.blanks();
                    labels.push((label, self.quoted()?));
                }
                Some(name @ None) if in_quotes && labels.is_empty() => *name = Some(label),
                _ => return self.wrong("expected '='"),
            }
            self.blanks();
            if !self.take(b',') && self.peek() != Some(b'}') {
                return self.wrong("expected ',' or '}'");
            }
        }
    }

    pub fn value(&mut self) -> Result<f64, TextError> {
        let here = *self;
        match self.word().parse() {
            Ok(value) => Ok(value),
            Err(_) => here.wrong("expected a number"),
        }
    }

    /// Milliseconds: the text format counts them, OpenMetrics writes seconds.
    pub fn timestamp(&mut self, format: TextFormat) -> Result<i64, TextError> {
        let here = *self;
        let word = self.word();
        let read = match format {
            TextFormat::Prometheus => word.parse().ok(),
            TextFormat::OpenMetrics => {
                let ms: Option<f64> = word.parse().ok().map(|secs: f64| (secs * 1000.0).round());
                ms.filter(|ms| ms.abs() < i64::MAX as f64).map(|ms| ms as i64)
            }
        };
        read.map_or_else(|| here.wrong("expected a timestamp"), Ok)
    }
}

/// An escape that is not known stays as it is, as in Prometheus.
pub(super) fn unescape(text: &str, quotes: bool) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => plain.push('\n'),
            Some('\\') => plain.push('\\'),
            Some('"') if quotes => plain.push('"'),
            Some(other) => plain.extend(['\\', other]),
            None => plain.push('\\'),
        }
    }
    plain
}
