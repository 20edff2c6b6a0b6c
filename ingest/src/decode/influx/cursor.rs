//! [`Cursor`]: a place in a text of lines. Texts in quotes may go over the end of a line.

use std::borrow::Cow;

#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'a> {
    body: &'a [u8],
    at: usize,
    line: usize,
    /// Where the line begins.
    start: usize,
}

impl<'a> Cursor<'a> {
    pub fn new(body: &'a [u8]) -> Self {
        Cursor { body, at: 0, line: 0, start: 0 }
    }

    /// Goes to the next line that says something; false at the end.
    pub fn next_line(&mut self) -> bool {
        while self.at < self.body.len() {
            self.line += 1;
            self.start = self.at;
            self.blanks();
            match self.peek() {
                None => return false,
                Some(b'\n') => self.at += 1,
                Some(b'#') => self.skip_line(),
                Some(_) => return true,
            }
        }
        false
    }

    pub fn skip_line(&mut self) {
        let end = memchr::memchr(b'\n', &self.body[self.at..]);
        self.at = end.map_or(self.body.len(), |end| self.at + end + 1);
    }

    /// The fault with its line and column, both from 1.
    pub fn place(&self, fault: &str) -> String {
        format!("line {}, column {}: {fault}", self.line, self.at - self.start + 1)
    }

    fn peek(&self) -> Option<u8> {
        self.body.get(self.at).copied()
    }

    pub fn take(&mut self, byte: u8) -> bool {
        let is = self.peek() == Some(byte);
        self.at += usize::from(is);
        is
    }

    pub fn blanks(&mut self) -> bool {
        let before = self.at;
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r')) {
            self.at += 1;
        }
        self.at > before
    }

    /// A name up to one of these bytes. A backslash before a comma, a blank or an equals sign takes away its meaning.
    pub fn name(&mut self, ends: &[u8]) -> Result<Cow<'a, str>, &'static str> {
        let start = self.at;
        let mut escaped = false;
        while let Some(byte) = self.peek() {
            if byte == b'\\' && self.at + 1 < self.body.len() {
                escaped = true;
                self.at += 1;
            } else if ends.contains(&byte) || byte == b'\n' {
                break;
            }
            self.at += 1;
        }
        let Ok(name) = std::str::from_utf8(&self.body[start..self.at]) else {
            return Err("bytes before this are not UTF-8");
        };
        let name = name.trim_end_matches('\r');
        Ok(if escaped { Cow::Owned(unescape(name, &[',', ' ', '='])) } else { Cow::Borrowed(name) })
    }

    /// The name of a tag or field and the equals sign behind it.
    pub fn key(&mut self) -> Result<Cow<'a, str>, &'static str> {
        let key = self.name(b"=, \n")?;
        match self.take(b'=') {
            true if key.is_empty() => Err("a tag or field has no name"),
            true => Ok(key),
            false => Err("expected '='"),
        }
    }

    /// A number or a boolean; `None` for a text.
    pub fn field_value(&mut self) -> Result<Option<f64>, &'static str> {
        if self.take(b'"') {
            return self.skip_text().map(|()| None);
        }
        let before = *self;
        let word = self.name(b", \n")?;
        number(&word).map(Some).ok_or_else(|| {
            *self = before;
            "expected a number (1.5, 2i, 2u), a boolean or a text in quotes"
        })
    }

    fn skip_text(&mut self) -> Result<(), &'static str> {
        loop {
            match self.peek() {
                None => return Err("a text in quotes is not closed"),
                Some(b'"') => break,
                Some(b'\\') => self.at += 1,
                Some(_) => {}
            }
            self.at = (self.at + 1).min(self.body.len());
        }
        self.at += 1;
        Ok(())
    }

    /// The timestamp and the end of the line.
    pub fn timestamp(&mut self) -> Result<Option<i64>, &'static str> {
        let before = *self;
        let word = self.name(b" \n")?;
        let time = if word.is_empty() { None } else { Some(word.parse()) };
        self.blanks();
        let ends = self.peek().is_none() || self.take(b'\n');
        match time {
            None if ends => Ok(None),
            Some(Ok(time)) if ends => Ok(Some(time)),
            _ => {
                *self = before;
                Err("expected a timestamp or the end of the line")
            }
        }
    }
}

fn number(word: &str) -> Option<f64> {
    match word {
        "t" | "T" | "true" | "True" | "TRUE" => return Some(1.0),
        "f" | "F" | "false" | "False" | "FALSE" => return Some(0.0),
        _ => {}
    }
    if let Some(whole) = word.strip_suffix('i') {
        return whole.parse::<i64>().ok().map(|whole| whole as f64);
    }
    if let Some(whole) = word.strip_suffix('u') {
        return whole.parse::<u64>().ok().map(|whole| whole as f64);
    }
    // No words such as "nan": the protocol has none.
    let is_number = word.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
    word.parse().ok().filter(|number: &f64| is_number && number.is_finite())
}

fn unescape(text: &str, meant: &[char]) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match chars.peek() {
            Some(next) if c == '\\' && meant.contains(next) => {}
            _ => plain.push(c),
        }
    }
    plain
}
