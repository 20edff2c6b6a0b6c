//! Cuts a template into text and actions, and actions into tokens.

use crate::TemplateError;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// Text outside actions, trimmed where the delimiters ask for it.
    Text(String),
    Open,
    Close,
    /// `name`: a function, keyword or constant.
    Word(String),
    /// `.name`.
    Field(String),
    /// `$name`, or `$`.
    Variable(String),
    Dot,
    Integer(i64),
    Float(f64),
    Quoted(String),
    Pipe,
    Declare,
    Assign,
    Comma,
    Left,
    Right,
    Blank,
}

/// A token and the line, from 1, on which it begins.
pub(crate) type Located = (Token, usize);

pub(crate) fn lex(name: &str, text: &str) -> Result<Vec<Located>, TemplateError> {
    let mut lexer = Lexer { name, text, at: 0, tokens: Vec::new(), depth: 0 };
    lexer.run()?;
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    name: &'a str,
    text: &'a str,
    at: usize,
    tokens: Vec<Located>,
    depth: usize,
}

impl Lexer<'_> {
    fn line(&self) -> usize {
        1 + self.text[..self.at.min(self.text.len())].matches('\n').count()
    }

    fn fail<T>(&self, message: &str) -> Result<T, TemplateError> {
        Err(TemplateError(format!("template: {}:{}: {message}", self.name, self.line())))
    }

    fn push(&mut self, token: Token) {
        let line = self.line();
        self.tokens.push((token, line));
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn run(&mut self) -> Result<(), TemplateError> {
        let mut trim_start = false;
        loop {
            let rest = self.rest();
            let open = rest.find("{{");
            let mut text = &rest[..open.unwrap_or(rest.len())];
            if trim_start {
                text = text.trim_start_matches(BLANKS);
            }
            let trim_end = open.is_some_and(|at| trim_marker(&rest[at + 2..]));
            if trim_end {
                text = text.trim_end_matches(BLANKS);
            }
            if !text.is_empty() {
                let text = text.to_string();
                self.push(Token::Text(text));
            }
            let Some(open) = open else { return Ok(()) };
            self.at += open + 2 + if trim_end { 1 } else { 0 };
            let comment = self.rest().trim_start_matches(BLANKS).starts_with("/*");
            trim_start = if comment { self.comment()? } else { self.action()? };
        }
    }

    /// Skips a comment; whether what follows is to be trimmed.
    fn comment(&mut self) -> Result<bool, TemplateError> {
        let Some(end) = self.rest().find("*/") else { return self.fail("unclosed comment") };
        self.at += end + 2;
        let rest = self.rest();
        let trimmed = rest.trim_start_matches(BLANKS);
        let trim = trimmed.starts_with("-}}") && trimmed.len() < rest.len();
        let close = if trim { Some(trimmed) } else { rest.starts_with("}}").then_some(rest) };
        let Some(close) = close else { return self.fail("comment ends before closing delimiter") };
        self.at = self.text.len() - close.len() + if trim { 3 } else { 2 };
        Ok(trim)
    }

    /// Reads the tokens up to the closing delimiter; whether what follows is to be trimmed.
    fn action(&mut self) -> Result<bool, TemplateError> {
        self.push(Token::Open);
        self.depth = 0;
        loop {
            let rest = self.rest();
            let blanks = rest.len() - rest.trim_start_matches(BLANKS).len();
            let after = &rest[blanks..];
            let trim = blanks > 0 && after.starts_with("-}}");
            if trim || rest.starts_with("}}") {
                if self.depth > 0 {
                    return self.fail("unclosed left paren");
                }
                self.at += if trim { blanks + 3 } else { 2 };
                self.push(Token::Close);
                return Ok(trim);
            }
            if blanks > 0 {
                self.push(Token::Blank);
                self.at += blanks;
                continue;
            }
            self.token()?;
        }
    }

    fn token(&mut self) -> Result<(), TemplateError> {
        let Some(first) = self.rest().chars().next() else { return self.fail("unclosed action") };
        let second = self.rest()[first.len_utf8()..].chars().next();
        let (token, length) = match first {
            '|' => (Token::Pipe, 1),
            ',' => (Token::Comma, 1),
            ':' if second == Some('=') => (Token::Declare, 2),
            ':' => return self.fail("expected :="),
            '=' => (Token::Assign, 1),
            '(' => {
                self.depth += 1;
                (Token::Left, 1)
            }
            ')' if self.depth == 0 => return self.fail("unexpected right paren"),
            ')' => {
                self.depth -= 1;
                (Token::Right, 1)
            }
            '"' => return self.quoted(),
            '`' => return self.raw(),
            '\'' => return self.character(),
            '.' if second.is_some_and(|c| c.is_ascii_digit()) => return self.number(),
            '.' => match word(&self.rest()[1..]) {
                "" => (Token::Dot, 1),
                name => (Token::Field(name.into()), 1 + name.len()),
            },
            '$' => {
                let name = word(&self.rest()[1..]);
                (Token::Variable(format!("${name}")), 1 + name.len())
            }
            '+' | '-' | '0'..='9' => return self.number(),
            c if c.is_alphanumeric() || c == '_' => {
                let name = word(self.rest());
                (Token::Word(name.into()), name.len())
            }
            c => return self.fail(&format!("unrecognized character in action: U+{:04X} '{c}'", c as u32)),
        };
        self.push(token);
        self.at += length;
        Ok(())
    }

    fn quoted(&mut self) -> Result<(), TemplateError> {
        let rest = self.rest();
        let mut end = 1;
        loop {
            match rest.as_bytes().get(end) {
                None | Some(b'\n') => return self.fail("unterminated quoted string"),
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                Some(_) => end += 1,
            }
        }
        let Some(text) = rest.get(1..end).and_then(unquote) else { return self.fail("invalid syntax") };
        self.push(Token::Quoted(text));
        self.at += end + 1;
        Ok(())
    }

    fn raw(&mut self) -> Result<(), TemplateError> {
        let Some(end) = self.rest()[1..].find('`') else { return self.fail("unterminated raw quoted string") };
        let text = self.rest()[1..1 + end].to_string();
        self.push(Token::Quoted(text));
        self.at += end + 2;
        Ok(())
    }

    fn character(&mut self) -> Result<(), TemplateError> {
        let rest = &self.rest()[1..];
        let end = rest.char_indices().skip(1).find(|(at, c)| *c == '\'' && !rest[..*at].ends_with('\\'));
        let Some((end, _)) = end else { return self.fail("unterminated character constant") };
        let text = unquote(&rest[..end].replace("\\'", "'")).unwrap_or_default();
        let mut chars = text.chars();
        let (Some(c), None) = (chars.next(), chars.next()) else {
            return self.fail("malformed character constant");
        };
        self.push(Token::Integer(i64::from(c as u32)));
        self.at += end + 2;
        Ok(())
    }

    fn number(&mut self) -> Result<(), TemplateError> {
        let rest = self.rest();
        let mut length = usize::from(rest.starts_with(['+', '-']));
        let hex = rest[length..].starts_with("0x") || rest[length..].starts_with("0X");
        for c in rest[length..].chars() {
            let exponent = length > 0 && !hex && rest[..length].ends_with(['e', 'E']);
            if !(c.is_ascii_alphanumeric() || c == '.' || c == '_' || exponent && matches!(c, '+' | '-')) {
                break;
            }
            length += 1;
        }
        let text = rest[..length].to_string();
        let Some(token) = number(&text) else { return self.fail(&format!("bad number syntax: {text:?}")) };
        self.push(token);
        self.at += length;
        Ok(())
    }
}

const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];

fn trim_marker(after_open: &str) -> bool {
    after_open.strip_prefix('-').is_some_and(|rest| rest.starts_with(BLANKS))
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// A whole number in any base, else a float.
pub(crate) fn number(text: &str) -> Option<Token> {
    if let Some(integer) = integer(text) {
        return Some(Token::Integer(integer));
    }
    let plain = |b: u8| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E' | b'_');
    if !text.bytes().all(plain) {
        return None;
    }
    text.replace('_', "").parse().ok().map(Token::Float)
}

/// `42`, `-7`, `0x1f`, `0b101`, `0o17`, `017`, `1_000`.
pub fn integer(text: &str) -> Option<i64> {
    let negative = text.starts_with('-');
    let bare = text.strip_prefix(['+', '-']).unwrap_or(text).replace('_', "").to_ascii_lowercase();
    let (digits, base) = match bare.as_bytes() {
        [b'0', b'x', ..] => (&bare[2..], 16),
        [b'0', b'b', ..] => (&bare[2..], 2),
        [b'0', b'o', ..] => (&bare[2..], 8),
        [b'0', _, ..] => (&bare[1..], 8),
        _ => (&bare[..], 10),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let value = i128::from_str_radix(digits, base).ok()?;
    i64::try_from(if negative { -value } else { value }).ok()
}

/// Resolves the escapes of a double-quoted constant.
fn unquote(text: &str) -> Option<String> {
    let mut out: Vec<u8> = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        let escape = rest.as_bytes().get(at + 1)?;
        let after = rest.get(at + 2..)?;
        let hex = |n: usize| u32::from_str_radix(after.get(..n)?, 16).ok();
        let mut used = 0;
        match escape {
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'r' => out.push(b'\r'),
            b'a' => out.push(7),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'v' => out.push(11),
            b'\\' | b'"' | b'\'' => out.push(*escape),
            b'x' => {
                out.push(u8::try_from(hex(2)?).ok()?);
                used = 2;
            }
            b'u' | b'U' => {
                used = if *escape == b'u' { 4 } else { 8 };
                out.extend_from_slice(char::from_u32(hex(used)?)?.encode_utf8(&mut [0; 4]).as_bytes());
            }
            b'0'..=b'7' => {
                out.push(u8::try_from(u32::from_str_radix(rest.get(at + 1..at + 4)?, 8).ok()?).ok()?);
                used = 2;
            }
            _ => return None,
        }
        rest = after.get(used..)?;
    }
    out.extend_from_slice(rest.as_bytes());
    Some(String::from_utf8_lossy(&out).into_owned())
}
