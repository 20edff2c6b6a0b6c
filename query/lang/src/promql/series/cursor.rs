//! A place in a series description: characters, numbers, counts.

use crate::gotext::{quote, quote_char};
use crate::promql::ParseError;
use crate::promql::ast::Span;
use crate::promql::lex::{is_alphanumeric, is_space, parse_number};

#[derive(Debug)]
pub struct Cursor<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Cursor<'t> {
    pub fn new(text: &'t str, at: usize) -> Self {
        Cursor { text, at }
    }

    pub fn position(&self) -> usize {
        self.at
    }

    pub fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    pub fn is_at_end(&self) -> bool {
        self.rest().is_empty()
    }

    /// Whether there were any.
    pub fn skip_blanks(&mut self) -> bool {
        !self.take_while(is_space).is_empty()
    }

    pub fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let taken = &rest[..rest.find(|c| !wanted(c)).unwrap_or(rest.len())];
        self.at += taken.len();
        taken
    }

    pub fn peeks(&self, wanted: impl IntoIterator<Item = char>) -> bool {
        wanted.into_iter().any(|c| self.rest().starts_with(c))
    }

    pub fn accept(&mut self, c: char) -> bool {
        self.accept_text(c.encode_utf8(&mut [0; 4]))
    }

    pub fn accept_text(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        self.at += if found { text.len() } else { 0 };
        found
    }

    /// As [`Cursor::accept_text`], unless the word goes on.
    pub fn accept_word(&mut self, word: &str) -> bool {
        let ends = self.rest().strip_prefix(word).is_some_and(|rest| !rest.starts_with(is_alphanumeric));
        ends && self.accept_text(word)
    }

    /// A decimal number, `Inf` or `NaN`, with or without a sign. `expected` may be empty.
    pub fn number(&mut self, expected: &str) -> Result<f64, ParseError> {
        let start = self.at;
        let negative = self.accept('-');
        if !negative {
            self.accept('+');
        }
        let digits_start = self.at;
        self.scan_number();
        let text = &self.text[digits_start..self.at];
        if text.is_empty() {
            self.at = start;
            let expected = if expected.is_empty() { String::new() } else { format!(", expected {expected}") };
            let mut error = self.unexpected("series values");
            error.message += &expected;
            return Err(error);
        }
        // An `x` is no part of a number here, so that there is no hexadecimal one.
        let value = parse_number(text).map_err(|message| self.error(digits_start, message))?;
        Ok(if negative { -value } else { value })
    }

    fn scan_number(&mut self) {
        for word in ["inf", "nan"] {
            if self.rest().get(..3).is_some_and(|start| start.eq_ignore_ascii_case(word)) {
                self.at += 3;
                return;
            }
        }
        self.take_while(|c| c.is_ascii_digit() || c == '.' || c == '_');
        let exponent = self.at;
        if self.peeks(['e', 'E']) {
            self.at += 1;
            self.at += usize::from(self.peeks(['+', '-']));
            if self.take_while(|c| c.is_ascii_digit()).is_empty() {
                self.at = exponent;
            }
        }
    }

    /// How often something repeats.
    pub fn count(&mut self) -> Result<u64, ParseError> {
        let start = self.at;
        let digits = self.take_while(|c| c.is_ascii_digit());
        let invalid = |error| self.error(start, format!("invalid repetition in series values: {error}"));
        digits.parse().map_err(invalid)
    }

    /// A whole number with or without a sign.
    pub fn whole<T: std::str::FromStr<Err: std::fmt::Display>>(&mut self) -> Result<T, ParseError> {
        let start = self.at;
        self.accept('-');
        self.take_while(|c| c.is_ascii_digit());
        let text = &self.text[start..self.at];
        text.parse().map_err(|error| self.error(start, format!("{}: {error}", quote(text))))
    }

    pub fn error(&self, start: usize, message: impl Into<String>) -> ParseError {
        ParseError::new(self.text, Span::new(start as u32, self.text.len() as u32), message)
    }

    pub fn error_here(&self, message: impl Into<String>) -> ParseError {
        self.error(self.at, message)
    }

    pub fn unexpected(&self, context: &str) -> ParseError {
        let found =
            self.rest().chars().next().map_or("end of input".into(), |c| format!("character {}", quote_char(c)));
        self.error_here(format!("unexpected {found} in {context}"))
    }
}
