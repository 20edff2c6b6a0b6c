//! Text to tokens. Every oddity here is one that queries or clients of Loki can see.

mod scanner;
mod token;

pub use token::{NAMES, Token};

use crate::{ParseError, duration, gotext, size};
use scanner::{Piece, Scanned, Scanner};

/// A token with its place. `line` is 0 for tokens of which the scanner saw only the first character.
#[derive(Clone, Debug)]
pub struct Lexeme {
    pub token: Token,
    pub line: u32,
    pub column: u32,
    /// What the token stands for.
    pub value: Meaning,
}

/// Value of a token.
#[derive(Clone, Debug, PartialEq)]
pub enum Meaning {
    Nothing,
    /// An identifier, the digits of a number, or a string without its quotes.
    Text(String),
    Nanos(i64),
    Bytes(u64),
}

/// Reads token after token; after the end (or after text that is no token) it gives [`Token::End`] for ever.
#[derive(Debug)]
pub struct Lexer<'a> {
    scanner: Scanner<'a>,
    stopped: bool,
    /// The first thing that was wrong with the text itself. Parsing goes on, but cannot succeed.
    pub error: Option<ParseError>,
}

/// The flags of `logfmt`.
pub const STRICT: &str = "--strict";
pub const KEEP_EMPTY: &str = "--keep-empty";

impl<'a> Lexer<'a> {
    pub fn new(text: &'a str) -> Self {
        Lexer { scanner: Scanner::new(text), stopped: false, error: None }
    }

    pub fn next_token(&mut self) -> Lexeme {
        let mut scanned = self.scan();
        while scanned.text == "#" && scanned.piece == Piece::Other {
            self.scanner.skip_while(|c| c != '\n');
            scanned = self.scan();
        }
        let before = self.scanner;
        let (token, value) = self.classify(&scanned).unwrap_or_else(|message| {
            let line = if self.went_on_since(&before) { 0 } else { scanned.line };
            self.fail(line, scanned.column, message);
            self.stopped = true;
            (Token::End, Meaning::Nothing)
        });
        let line = if self.went_on_since(&before) { 0 } else { scanned.line };
        Lexeme { token, line, column: scanned.column, value }
    }

    fn scan(&mut self) -> Scanned<'a> {
        let mut scanned = self.scanner.scan();
        if let Some(message) = scanned.error.take() {
            self.fail(scanned.line, scanned.column, message);
        }
        scanned
    }

    fn fail(&mut self, line: u32, column: u32, message: String) {
        self.error.get_or_insert_with(|| ParseError::at(line, column, message));
    }

    fn went_on_since(&self, before: &Scanner<'a>) -> bool {
        self.scanner.since_start().len() > before.since_start().len()
    }

    fn classify(&mut self, scanned: &Scanned<'a>) -> Result<(Token, Meaning), String> {
        if self.stopped {
            return Ok((Token::End, Meaning::Nothing));
        }
        match scanned.piece {
            Piece::End => Ok((Token::End, Meaning::Nothing)),
            Piece::Number => Ok(self.quantity().unwrap_or((Token::Number, text(scanned.text)))),
            Piece::String | Piece::RawString => Ok((Token::String, Meaning::Text(unquote(scanned.text)?))),
            Piece::Other if scanned.text == "-" => {
                let special = self.flag().or_else(|| self.duration());
                Ok(special.unwrap_or_else(|| self.word_or_operator(scanned.text)))
            }
            Piece::Other if scanned.text == "[" => self.range(),
            _ => Ok(self.word_or_operator(scanned.text)),
        }
    }

    fn quantity(&mut self) -> Option<(Token, Meaning)> {
        self.duration().or_else(|| self.size())
    }

    /// The number (or minus sign) so far together with the units after it, if they make a duration.
    fn duration(&mut self) -> Option<(Token, Meaning)> {
        let unit =
            |c: char| c.is_numeric() || matches!(c, '.' | 'n' | 'u' | 'm' | 's' | 'h' | 'd' | 'w' | 'y' | '\u{b5}');
        let whole = self.followed_by(unit)?;
        let nanos = duration::parse_prometheus_duration(whole.since_start()).ok();
        let nanos = nanos.or_else(|| duration::parse_go_duration(whole.since_start()))?;
        self.scanner = whole;
        Some((Token::Duration, Meaning::Nanos(nanos)))
    }

    fn size(&mut self) -> Option<(Token, Meaning)> {
        let unit = |c: char| c.is_numeric() || matches!(c, '.' | 'B' | 'i' | 'k' | 'K' | 'M' | 'G' | 'T' | 'P');
        let whole = self.followed_by(unit)?;
        let bytes = size::parse_size(whole.since_start())?;
        self.scanner = whole;
        Some((Token::Bytes, Meaning::Bytes(bytes)))
    }

    fn followed_by(&self, unit: impl Fn(char) -> bool) -> Option<Scanner<'a>> {
        let mut ahead = self.scanner;
        let more = ahead.skip_while(unit);
        (!more.is_empty()).then_some(ahead)
    }

    fn flag(&mut self) -> Option<(Token, Meaning)> {
        let ahead = self.followed_by(|c| c.is_ascii_alphabetic() || c == '-')?;
        let flag = ahead.since_start();
        if flag != STRICT && flag != KEEP_EMPTY {
            return None;
        }
        self.scanner = ahead;
        Some((Token::FunctionFlag, text(flag)))
    }

    fn range(&mut self) -> Result<(Token, Meaning), String> {
        let inside = self.scanner.skip_while(|c| c != ']');
        if self.scanner.advance().is_none() {
            return Err("missing closing ']' in duration".into());
        }
        Ok((Token::Range, Meaning::Nanos(duration::parse_prometheus_duration(inside)?)))
    }

    fn word_or_operator(&mut self, word: &str) -> (Token, Meaning) {
        let lower = word.to_lowercase();
        if let Some(token) = Token::function(&lower).filter(|_| is_function(self.scanner)) {
            return (token, text(word));
        }
        let pair = self.scanner.peek().map(|next| format!("{lower}{next}"));
        if let Some(token) = pair.and_then(|pair| Token::fixed(&pair)) {
            self.scanner.advance();
            return (token, Meaning::Nothing);
        }
        match Token::fixed(&lower) {
            Some(token) => (token, Meaning::Nothing),
            None => (Token::Identifier, text(word)),
        }
    }
}

fn text(text: &str) -> Meaning {
    Meaning::Text(text.into())
}

fn unquote(literal: &str) -> Result<String, String> {
    let invalid = || "invalid syntax".to_string();
    let quote = literal.chars().next().ok_or_else(invalid)?;
    let inside = literal[1..].strip_suffix(quote).ok_or_else(invalid)?;
    if quote == '`' { Ok(inside.into()) } else { gotext::unescape(inside).ok_or_else(invalid) }
}

/// A function's name is followed by `(`, or by a grouping: `sum by (a) (...)`.
fn is_function(mut ahead: Scanner<'_>) -> bool {
    ahead.skip_space();
    let word = ahead.skip_while(|c| c.is_ascii_alphabetic()).to_ascii_lowercase();
    match word.as_str() {
        "by" | "without" => ahead.skip_space(),
        "" => {}
        _ => return false,
    }
    ahead.peek() == Some('(')
}
