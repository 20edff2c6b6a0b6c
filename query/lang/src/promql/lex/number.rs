//! Numbers and durations: how far they reach, and what they are worth.

use super::{Lexed, Lexer, is_alphanumeric};
use crate::gotext::quote;
use crate::promql::token::Kind;

const HEX: &str = "0123456789abcdefABCDEF";
const DECIMAL: &str = "0123456789";

impl Lexer<'_> {
    pub(super) fn number_or_duration(&mut self) -> Lexed {
        if self.scan_number() {
            return Ok(Kind::Number);
        }
        if self.scan_rest_of_duration() {
            return Ok(Kind::Duration);
        }
        let seen = &self.query[self.start..self.at];
        Err(self.error(format!("bad number or duration syntax: {}", quote(seen))))
    }

    /// Reads what may be a number; whether it is one shows when it is converted. False where something else follows.
    fn scan_number(&mut self) -> bool {
        let mut digits = DECIMAL;
        if self.accept(|c| c == '0') && self.accept(|c| matches!(c, 'x' | 'X')) {
            self.accept(|c| c == '_');
            digits = HEX;
        }
        self.accept(|c| c == '.');
        self.accept(|c| digits.contains(c));
        let (mut dot, mut exponent) = (false, false);
        while let Some(c) = self.peek() {
            // In a hexadecimal number, too, an `e` that does not follow another digit of the run counts as exponent.
            let legal = match c {
                '.' => !std::mem::replace(&mut dot, true) && self.part(".", "_.") && digits == DECIMAL,
                'e' | 'E' => !std::mem::replace(&mut exponent, true) && self.exponent(),
                '_' => self.part("_", "._eE") && self.peek().is_some(),
                c if digits.contains(c) => {
                    self.accept_run(|c| digits.contains(c));
                    true
                }
                _ => break,
            };
            if !legal {
                return false;
            }
        }
        !self.peek().is_some_and(is_alphanumeric)
    }

    /// One of `signs`, which none of `never` may follow; that one is read, too.
    fn part(&mut self, signs: &str, never: &str) -> bool {
        self.accept(|c| signs.contains(c));
        !self.accept(|c| never.contains(c))
    }

    fn exponent(&mut self) -> bool {
        self.bump();
        self.accept(|c| matches!(c, '+' | '-'));
        !self.accept(|c| matches!(c, '.' | '_' | 'e' | 'E')) && self.peek().is_some()
    }

    /// Units and further numbers with units, behind the first number. Wrong orders and units show later. What goes on too
    /// long is read by one character more, which the message then shows.
    fn scan_rest_of_duration(&mut self) -> bool {
        if !self.accept(|c| "smhdwy".contains(c)) {
            return false;
        }
        self.accept(|c| c == 's');
        while self.accept(|c| c.is_ascii_digit()) {
            self.accept_run(|c| c.is_ascii_digit());
            if !self.accept(|c| "smhdw".contains(c)) {
                return false;
            }
            self.accept(|c| c == 's');
        }
        !self.accept(is_alphanumeric)
    }
}

/// The value of a number as it is written in a query: decimal, hexadecimal (`0x1f`), octal (`017`), `Inf`, `NaN`, with
/// underscores between digits. The error is Go's.
pub fn parse_number(text: &str) -> Result<f64, String> {
    let wrong = |what: &str| format!("error parsing number: strconv.ParseFloat: parsing {}: {what}", quote(text));
    if !underscores_are_legal(text) {
        return Err(wrong("invalid syntax"));
    }
    let plain: String = text.chars().filter(|c| *c != '_').collect();
    if let Some(whole) = parse_whole(&plain) {
        return Ok(whole as f64);
    }
    let value: f64 = plain.parse().map_err(|_| wrong("invalid syntax"))?;
    let is_word = plain.bytes().all(|b| b.is_ascii_alphabetic());
    if value.is_infinite() && !is_word { Err(wrong("value out of range")) } else { Ok(value) }
}

fn parse_whole(text: &str) -> Option<i64> {
    if let Some(hex) = text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        return i64::from_str_radix(hex, 16).ok();
    }
    match text.strip_prefix('0') {
        Some(octal) if !octal.is_empty() => i64::from_str_radix(octal, 8).ok(),
        _ => text.parse().ok(),
    }
}

/// An underscore stands between digits, or between a prefix and a digit.
fn underscores_are_legal(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_hex = bytes.len() > 1 && matches!(bytes[1], b'x' | b'X');
    let is_digit = |at: usize| {
        let byte = bytes.get(at);
        byte.is_some_and(|b| b.is_ascii_digit() || is_hex && (b.is_ascii_hexdigit() || at == 1))
    };
    let places = bytes.iter().enumerate().filter(|(_, b)| **b == b'_').map(|(at, _)| at);
    places.into_iter().all(|at| at > 0 && is_digit(at - 1) && is_digit(at + 1))
}
