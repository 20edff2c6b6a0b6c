//! Quoted texts. Double and single quotes know escapes, backquotes do not.

use super::{Lexed, Lexer, shown};
use crate::gotext::{lossy, unescape_in};
use crate::promql::token::Kind;

impl Lexer<'_> {
    /// A text whose opening quote has been read.
    pub(super) fn quoted(&mut self, quote: char) -> Lexed {
        if quote == '`' {
            self.accept_run(|c| c != '`');
            return if self.bump().is_some() { Ok(Kind::String) } else { Err(self.error("unterminated raw string")) };
        }
        loop {
            match self.bump() {
                Some('\\') => self.escape(quote)?,
                None | Some('\n') => return Err(self.error("unterminated quoted string")),
                Some(c) if c == quote => return Ok(Kind::String),
                Some(_) => {}
            }
        }
    }

    fn escape(&mut self, quote: char) -> Result<(), super::ParseError> {
        let kind = self.bump();
        let (digits, base, most) = match kind {
            Some('a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' | '\\') => return Ok(()),
            Some(c) if c == quote => return Ok(()),
            Some('0'..='7') => (3, 8, 255),
            Some('x') => (2, 16, 255),
            Some('u') => (4, 16, u32::from(char::MAX)),
            Some('U') => (8, 16, u32::from(char::MAX)),
            None => return Err(self.error("escape sequence not terminated")),
            Some(c) => return Err(self.error(format!("unknown escape sequence {}", code_point(c)))),
        };
        let mut code = kind.filter(|_| base == 8).and_then(|c| c.to_digit(8)).unwrap_or(0);
        for _ in u32::from(base == 8)..digits {
            let next = self.bump();
            let Some(c) = next else { return Err(self.error("escape sequence not terminated")) };
            let digit = c.to_digit(base);
            let wrong = || self.error(format!("illegal character {} in escape sequence", code_point(c)));
            code = code.wrapping_mul(base).wrapping_add(digit.ok_or_else(wrong)?);
        }
        if code > most || (0xd800..0xe000).contains(&code) {
            return Err(self.error("escape sequence is an invalid Unicode code point"));
        }
        Ok(())
    }
}

/// As Go's `%#U`.
fn code_point(c: char) -> String {
    format!("U+{:04X} {}", c as u32, shown(Some(c)))
}

/// What a quoted text means, quotes included in `literal`. The lexer has checked it. Bytes that are no UTF-8 become U+FFFD.
pub fn unquote(literal: &str) -> String {
    lossy(unquote_bytes(literal))
}

/// The same; escapes such as `\xff` can make bytes that are no UTF-8.
pub fn unquote_bytes(literal: &str) -> Vec<u8> {
    let Some(quote) = literal.chars().next() else { return Vec::new() };
    let inside = &literal[1..literal.len().max(2) - 1];
    match quote {
        '`' => inside.into(),
        quote => unescape_in(inside, quote).unwrap_or_else(|| inside.into()),
    }
}
