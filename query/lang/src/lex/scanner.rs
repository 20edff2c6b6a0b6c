//! Cuts text into words, numbers and literals by the rules of Go's `text/scanner`, whose messages and positions
//! clients of Loki know. Comments `//` and `/* */` are white space.

/// Rough kind of what was scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    End,
    Word,
    Number,
    /// In double quotes, with escapes.
    String,
    /// In backquotes.
    RawString,
    /// In single quotes; LogQL has no use for it.
    Char,
    /// Any other single character.
    Other,
}

/// A place in the text. Cheap to copy, for looking ahead.
#[derive(Clone, Copy, Debug)]
pub struct Scanner<'a> {
    text: &'a str,
    at: usize,
    line: u32,
    column: u32,
    /// Start of the last piece.
    start: usize,
}

/// What was scanned, where it begins, and what is wrong with it.
#[derive(Debug)]
pub struct Scanned<'a> {
    pub piece: Piece,
    pub text: &'a str,
    pub line: u32,
    pub column: u32,
    pub error: Option<String>,
}

impl<'a> Scanner<'a> {
    pub fn new(text: &'a str) -> Self {
        let (line, column) = if text.is_empty() { (0, 0) } else { (1, 1) };
        Scanner { text: text.strip_prefix('\u{feff}').unwrap_or(text), at: 0, line, column, start: 0 }
    }

    /// The next character, not consumed.
    pub fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    /// Consumes a character.
    pub fn advance(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        if c == '\n' {
            (self.line, self.column) = (self.line + 1, 1);
        } else {
            self.column += 1;
        }
        Some(c)
    }

    pub fn skip_space(&mut self) {
        self.skip_while(char::is_whitespace);
    }

    /// Consumes the characters for which `keep` holds; answers them.
    pub fn skip_while(&mut self, keep: impl Fn(char) -> bool) -> &'a str {
        let from = self.at;
        while self.peek().is_some_and(&keep) {
            self.advance();
        }
        &self.text[from..self.at]
    }

    /// The text from the start of the last piece to here.
    pub fn since_start(&self) -> &'a str {
        &self.text[self.start..self.at]
    }

    /// Consumes the next piece, comments and white space before it included.
    pub fn scan(&mut self) -> Scanned<'a> {
        let mut error = None;
        self.skip_blank(&mut error);
        let (line, column) = (self.line, self.column);
        self.start = self.at;
        let piece = match self.peek() {
            None => Piece::End,
            Some(c) if c == '_' || c.is_alphabetic() => {
                self.skip_while(|c| c == '_' || c.is_alphabetic() || c.is_numeric());
                Piece::Word
            }
            Some(c) if c.is_ascii_digit() => self.number(&mut error),
            Some('.') if self.second().is_some_and(|c| c.is_ascii_digit()) => self.number(&mut error),
            Some('"') => self.string('"', &mut error),
            Some('\'') => self.string('\'', &mut error),
            Some('`') => self.raw_string(&mut error),
            Some(c) => {
                if c == '\0' {
                    error = Some("invalid character NUL".into());
                }
                self.advance();
                Piece::Other
            }
        };
        Scanned { piece, text: self.since_start(), line, column, error }
    }

    fn second(&self) -> Option<char> {
        self.text[self.at..].chars().nth(1)
    }

    fn skip_blank(&mut self, error: &mut Option<String>) {
        loop {
            self.skip_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
            match (self.peek(), self.second()) {
                (Some('/'), Some('/')) => {
                    self.skip_while(|c| c != '\n');
                }
                (Some('/'), Some('*')) => self.skip_block_comment(error),
                _ => return,
            }
        }
    }

    fn skip_block_comment(&mut self, error: &mut Option<String>) {
        let end = self.text[self.at + 2..].find("*/").map(|n| self.at + 2 + n + 2);
        if end.is_none() {
            error.get_or_insert_with(|| "comment not terminated".into());
        }
        while self.at < end.unwrap_or(self.text.len()) {
            self.advance();
        }
    }

    fn string(&mut self, quote: char, error: &mut Option<String>) -> Piece {
        let mut characters = 0;
        self.advance();
        loop {
            match self.peek() {
                Some(c) if c == quote => break,
                None | Some('\n') => {
                    error.get_or_insert_with(|| "literal not terminated".into());
                    return if quote == '"' { Piece::String } else { Piece::Char };
                }
                Some('\\') => self.escape(quote, error),
                Some(_) => {
                    self.advance();
                }
            }
            characters += 1;
        }
        self.advance();
        if quote == '\'' && characters != 1 {
            error.get_or_insert_with(|| "invalid char literal".into());
        }
        if quote == '"' { Piece::String } else { Piece::Char }
    }

    fn escape(&mut self, quote: char, error: &mut Option<String>) {
        self.advance();
        let (base, width) = match self.peek() {
            Some('0'..='7') => (8, 3),
            Some('x') => (16, 2),
            Some('u') => (16, 4),
            Some('U') => (16, 8),
            Some(c) if c == quote || "abfnrtv\\".contains(c) => {
                self.advance();
                return;
            }
            _ => {
                error.get_or_insert_with(|| "invalid char escape".into());
                return;
            }
        };
        if base == 16 {
            self.advance();
        }
        for _ in 0..width {
            if !self.peek().is_some_and(|c| c.is_digit(base)) {
                error.get_or_insert_with(|| "invalid char escape".into());
                return;
            }
            self.advance();
        }
    }

    fn raw_string(&mut self, error: &mut Option<String>) -> Piece {
        self.advance();
        self.skip_while(|c| c != '`');
        if self.advance().is_none() {
            error.get_or_insert_with(|| "literal not terminated".into());
        }
        Piece::RawString
    }

    /// Go's number literals: `0x`, `0b`, `0o` and octal prefixes, `_` between digits, fractions and exponents.
    fn number(&mut self, error: &mut Option<String>) -> Piece {
        if let Some(message) = self.number_error() {
            error.get_or_insert(message);
        }
        Piece::Number
    }

    fn number_error(&mut self) -> Option<String> {
        let mut error = None;
        let (base, prefix) = self.number_prefix();
        let mut integer = self.digits(base);
        let mut digits = integer.any_digit || prefix == Some('0');
        let mut is_float = false;
        if self.peek() == Some('.') {
            self.advance();
            is_float = true;
            if matches!(prefix, Some('o' | 'b')) {
                error = Some(format!("invalid radix point in {}", literal_name(prefix)));
            }
            digits |= self.digits(base).any_digit;
        }
        if !digits {
            error.get_or_insert_with(|| format!("{} has no digits", literal_name(prefix)));
        }
        if let Some(mark @ ('e' | 'E' | 'p' | 'P')) = self.peek() {
            is_float = true;
            error = error.or(self.exponent(mark, prefix));
        } else if prefix == Some('x') && is_float {
            error.get_or_insert_with(|| "hexadecimal mantissa requires a 'p' exponent".into());
        }
        if let (false, Some(digit)) = (is_float, integer.too_large.take()) {
            error.get_or_insert_with(|| format!("invalid digit '{digit}' in {}", literal_name(prefix)));
        }
        if error.is_none() && misplaced_separator(self.since_start()) {
            error = Some("'_' must separate successive digits".into());
        }
        error
    }

    fn number_prefix(&mut self) -> (u32, Option<char>) {
        if self.peek() != Some('0') {
            return (10, None);
        }
        self.advance();
        let (base, prefix) = match self.peek().map(|c| c.to_ascii_lowercase()) {
            Some('x') => (16, 'x'),
            Some('o') => (8, 'o'),
            Some('b') => (2, 'b'),
            _ => return (8, Some('0')),
        };
        self.advance();
        (base, Some(prefix))
    }

    fn exponent(&mut self, mark: char, prefix: Option<char>) -> Option<String> {
        let is_e = mark.eq_ignore_ascii_case(&'e');
        let mut error = match prefix {
            Some('x' | 'o' | 'b') if is_e => Some(format!("'{mark}' exponent requires decimal mantissa")),
            Some('x') => None,
            _ if is_e => None,
            _ => Some(format!("'{mark}' exponent requires hexadecimal mantissa")),
        };
        self.advance();
        if matches!(self.peek(), Some('+' | '-')) {
            self.advance();
        }
        if !self.digits(10).any_digit {
            error.get_or_insert_with(|| "exponent has no digits".into());
        }
        error
    }

    fn digits(&mut self, base: u32) -> Digits {
        let accepted = |c: char| c == '_' || if base == 16 { c.is_ascii_hexdigit() } else { c.is_ascii_digit() };
        let text = self.skip_while(accepted);
        let too_large = text.chars().find(|c| *c != '_' && !c.is_digit(base.max(2)));
        Digits { any_digit: text.chars().any(|c| c != '_'), too_large }
    }
}

struct Digits {
    any_digit: bool,
    too_large: Option<char>,
}

fn literal_name(prefix: Option<char>) -> &'static str {
    match prefix {
        Some('x') => "hexadecimal literal",
        Some('o' | '0') => "octal literal",
        Some('b') => "binary literal",
        _ => "decimal literal",
    }
}

/// Whether an underscore stands anywhere but between two digits; a base prefix counts as a digit.
fn misplaced_separator(number: &str) -> bool {
    let bytes = number.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(|b| b.is_ascii_hexdigit());
    let has_prefix = bytes.len() > 1 && bytes[0] == b'0' && matches!(bytes[1] | 0x20, b'x' | b'o' | b'b');
    let before_ok = |at: usize| digit(at.checked_sub(1)) || has_prefix && at == 2;
    bytes.iter().enumerate().any(|(at, b)| *b == b'_' && !(before_ok(at) && digit(Some(at + 1))))
}
