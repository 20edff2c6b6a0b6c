//! Text to tokens, one at a time. What a character means depends on whether it stands in braces, in brackets before the
//! first number, or elsewhere.

mod number;
mod quoted;

pub use number::parse_number;
pub use quoted::{unquote, unquote_bytes};

use super::ParseError;
use super::ast::{BinaryOp, Span};
use super::token::{Kind, Token};
use crate::gotext::quote_char;

#[derive(Debug)]
pub struct Lexer<'q> {
    query: &'q str,
    at: usize,
    /// Where the current token began.
    start: usize,
    parens: u32,
    in_braces: bool,
    brackets: Option<Brackets>,
}

/// What has been seen since `[`.
#[derive(Clone, Copy, Debug, Default)]
struct Brackets {
    number: bool,
    /// A number or one of the words of durations.
    operand: bool,
    colon: bool,
}

type Lexed = Result<Kind, ParseError>;

impl<'q> Lexer<'q> {
    pub fn new(query: &'q str) -> Self {
        Lexer { query, at: 0, start: 0, parens: 0, in_braces: false, brackets: None }
    }

    pub fn next(&mut self) -> Result<Token, ParseError> {
        self.skip_blanks_and_comments();
        self.start = self.at;
        let kind = match self.brackets {
            _ if self.in_braces => self.inside_braces()?,
            Some(brackets) if !brackets.number => self.before_number(brackets)?,
            _ => self.statement()?,
        };
        Ok(Token { kind, span: Span::new(self.start as u32, self.at as u32) })
    }

    fn rest(&self) -> &'q str {
        &self.query[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn accept(&mut self, wanted: impl Fn(char) -> bool) -> bool {
        let accepted = self.peek().is_some_and(wanted);
        if accepted {
            self.bump();
        }
        accepted
    }

    fn accept_run(&mut self, wanted: impl Fn(char) -> bool) {
        while self.accept(&wanted) {}
    }

    /// In brackets, `#` is no comment before the first number.
    fn skip_blanks_and_comments(&mut self) {
        loop {
            self.accept_run(is_space);
            let comments = self.in_braces || self.brackets.is_none_or(|brackets| brackets.number);
            if !comments || self.peek() != Some('#') {
                return;
            }
            self.accept_run(|c| c != '\n' && c != '\r');
        }
    }

    fn error(&self, message: impl Into<String>) -> ParseError {
        ParseError::new(self.query, Span::new(self.start as u32, self.query.len() as u32), message)
    }

    /// An error behind the token that has just been read.
    fn error_behind(&mut self, message: String) -> ParseError {
        self.start = self.at;
        self.error(message)
    }

    fn inside_braces(&mut self) -> Lexed {
        let Some(c) = self.bump() else { return Err(self.error("unexpected end of input inside braces")) };
        match c {
            c if is_alpha(c) => {
                self.accept_run(is_alphanumeric);
                Ok(Kind::Identifier)
            }
            ',' => Ok(Kind::Comma),
            '"' | '\'' | '`' => self.quoted(c),
            '=' if self.accept(|c| c == '~') => Ok(Kind::EqualsRegex),
            '=' => Ok(Kind::Equals),
            '!' => match self.bump() {
                Some('~') => Ok(Kind::NotEqualsRegex),
                Some('=') => Ok(Kind::Op(BinaryOp::NotEq)),
                other => Err(self.error(format!("unexpected character after '!' inside braces: {}", shown(other)))),
            },
            '{' => Err(self.error("unexpected left brace '{'")),
            '}' => {
                self.in_braces = false;
                Ok(Kind::RightBrace)
            }
            other => Err(self.error(format!("unexpected character inside braces: {}", quote_char(other)))),
        }
    }

    /// Behind `[` until a number comes.
    fn before_number(&mut self, mut brackets: Brackets) -> Lexed {
        let Some(c) = self.bump() else { return Err(self.error("unexpected end of input in duration expression")) };
        if let Some(kind) = self.sign_of_duration(c) {
            return kind;
        }
        let kind = match c {
            ':' if !brackets.operand => {
                let message = "unexpected colon before duration in duration expression";
                return Err(self.error_behind(message.into()));
            }
            ':' if brackets.colon => {
                return Err(self.error_behind("unexpected repeated colon in duration expression".into()));
            }
            ':' => {
                brackets.colon = true;
                Kind::Colon
            }
            c if c.is_ascii_digit() || self.begins_fraction(c) => {
                brackets.number = true;
                brackets.operand = true;
                self.at = self.start;
                self.number_or_duration()?
            }
            c => match self.word_of_duration(c) {
                Some(kind) => {
                    brackets.operand = true;
                    kind
                }
                None => {
                    let message = format!("unexpected character in duration expression: {}", quote_char(c));
                    return Err(self.error(message));
                }
            },
        };
        self.brackets = Some(brackets);
        Ok(kind)
    }

    fn sign_of_duration(&mut self, c: char) -> Option<Lexed> {
        Some(Ok(match c {
            ']' => {
                self.brackets = None;
                Kind::RightBracket
            }
            '(' | ')' => return Some(self.paren(c)),
            ',' => Kind::Comma,
            '+' | '-' | '*' | '/' | '%' | '^' => Kind::Op(arithmetic(c)?),
            _ => return None,
        }))
    }

    /// `step` and its relatives; the first character has been read.
    fn word_of_duration(&mut self, first: char) -> Option<Kind> {
        if !is_alpha(first) {
            return None;
        }
        let before = self.at;
        self.accept_run(is_alpha);
        let kind = Kind::of_word(&self.query[self.start..self.at]);
        let found = kind.filter(|kind| matches!(kind, Kind::Keyword(keyword) if keyword.is_of_duration()));
        if found.is_none() {
            self.at = before;
        }
        found
    }

    fn statement(&mut self) -> Lexed {
        let Some(c) = self.bump() else { return self.end() };
        match c {
            '(' | ')' => self.paren(c),
            '"' | '\'' | '`' => self.quoted(c),
            '=' | '!' | '<' | '>' => self.comparison(c),
            ',' => Ok(Kind::Comma),
            '@' => Ok(Kind::At),
            '{' => {
                self.in_braces = true;
                Ok(Kind::LeftBrace)
            }
            '[' | ']' => self.bracket(c),
            c if c.is_ascii_digit() || self.begins_fraction(c) => {
                self.at = self.start;
                self.number_or_duration()
            }
            c if is_alpha(c) || c == ':' => self.word(c),
            c => match arithmetic(c) {
                Some(op) => Ok(Kind::Op(op)),
                None => Err(self.error(format!("unexpected character: {}", quote_char(c)))),
            },
        }
    }

    fn end(&self) -> Lexed {
        match self.brackets {
            _ if self.parens > 0 => Err(self.error("unclosed left parenthesis")),
            Some(_) => Err(self.error("unclosed left bracket")),
            None => Ok(Kind::End),
        }
    }

    fn paren(&mut self, c: char) -> Lexed {
        if c == '(' {
            self.parens += 1;
            return Ok(Kind::LeftParen);
        }
        match self.parens.checked_sub(1) {
            Some(parens) => self.parens = parens,
            None => return Err(self.error_behind("unexpected right parenthesis ')'".into())),
        }
        Ok(Kind::RightParen)
    }

    fn bracket(&mut self, c: char) -> Lexed {
        match (c, self.brackets) {
            ('[', Some(_)) => Err(self.error("unexpected left bracket '['")),
            ('[', None) => {
                self.brackets = Some(Brackets::default());
                Ok(Kind::LeftBracket)
            }
            (_, Some(_)) => {
                self.brackets = None;
                Ok(Kind::RightBracket)
            }
            (_, None) => Err(self.error("unexpected right bracket ']'")),
        }
    }

    fn comparison(&mut self, first: char) -> Lexed {
        let op = match (first, self.peek()) {
            ('=', Some('=')) => BinaryOp::Eq,
            ('=', Some('~')) => return Err(self.error("unexpected character after '=': '~'")),
            ('=', _) => return Ok(Kind::Equals),
            ('!', Some('=')) => BinaryOp::NotEq,
            ('!', other) => return Err(self.error(format!("unexpected character after '!': {}", shown(other)))),
            ('<', Some('=')) => BinaryOp::Lte,
            ('<', Some('/')) => BinaryOp::TrimUpper,
            ('<', _) => return Ok(Kind::Op(BinaryOp::Lt)),
            (_, Some('=')) => BinaryOp::Gte,
            (_, Some('/')) => BinaryOp::TrimLower,
            (_, _) => return Ok(Kind::Op(BinaryOp::Gt)),
        };
        self.bump();
        Ok(Kind::Op(op))
    }

    /// A name or keyword; in brackets, a colon or a word of durations. The first character has been read.
    fn word(&mut self, first: char) -> Lexed {
        let Some(brackets) = &mut self.brackets else { return Ok(self.name_or_keyword()) };
        if first == ':' {
            if brackets.colon {
                return Err(self.error("unexpected colon ':'"));
            }
            brackets.colon = true;
            return Ok(Kind::Colon);
        }
        let unexpected = || self.error(format!("unexpected character: {}, expected ':'", quote_char(first)));
        let error = unexpected();
        self.word_of_duration(first).ok_or(error)
    }

    fn name_or_keyword(&mut self) -> Kind {
        self.accept_run(|c| is_alphanumeric(c) || c == ':');
        let word = &self.query[self.start..self.at];
        match Kind::of_word(word) {
            Some(Kind::Keyword(keyword)) if keyword.needs_paren() && !self.paren_follows() => Kind::Identifier,
            Some(kind) => kind,
            None if word.contains(':') => Kind::MetricIdentifier,
            None => Kind::Identifier,
        }
    }

    fn paren_follows(&self) -> bool {
        self.rest().trim_start_matches(is_space).starts_with('(')
    }

    fn begins_fraction(&self, c: char) -> bool {
        c == '.' && self.peek().is_some_and(|c| c.is_ascii_digit())
    }
}

fn arithmetic(c: char) -> Option<BinaryOp> {
    Some(match c {
        '+' => BinaryOp::Add,
        '-' => BinaryOp::Sub,
        '*' => BinaryOp::Mul,
        '/' => BinaryOp::Div,
        '%' => BinaryOp::Mod,
        '^' => BinaryOp::Pow,
        _ => return None,
    })
}

/// As Go shows a character, and the end of the text as one that is unknown.
fn shown(c: Option<char>) -> String {
    quote_char(c.unwrap_or(char::REPLACEMENT_CHARACTER))
}

pub fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

pub fn is_alpha(c: char) -> bool {
    c == '_' || c.is_ascii_alphabetic()
}

pub fn is_alphanumeric(c: char) -> bool {
    is_alpha(c) || c.is_ascii_digit()
}

#[cfg(test)]
mod tests;
