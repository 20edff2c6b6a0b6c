//! `key=value key="quoted value" bare`: one pair after the other.

use std::borrow::Cow;

/// A place where a line is no logfmt, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("logfmt syntax error at pos {at} : {what}")]
pub struct LogfmtError {
    pub at: usize,
    pub what: String,
}

/// Walks the pairs of a line. After an error it goes on at the next blank.
#[derive(Clone, Debug)]
pub struct Pairs<'a> {
    line: &'a str,
    at: usize,
}

/// A key and its value; the value is empty for a bare key.
pub type Pair<'a> = (&'a str, Cow<'a, str>);

pub fn pairs(line: &str) -> Pairs<'_> {
    Pairs { line, at: 0 }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Result<Pair<'a>, LogfmtError>;

    fn next(&mut self) -> Option<Self::Item> {
        let bytes = self.line.as_bytes();
        self.at += bytes[self.at..].iter().position(|b| *b > b' ')?;
        let start = self.at;
        let stop = |b: &u8| matches!(b, b'=' | b'"') || *b <= b' ';
        self.at = bytes[start..].iter().position(stop).map_or(bytes.len(), |n| start + n);
        let key = &self.line[start..self.at];
        match bytes.get(self.at) {
            Some(b'=') if key.is_empty() => Some(Err(self.unexpected(b'='))),
            Some(b'"') => Some(Err(self.unexpected(b'"'))),
            Some(b'=') if key.contains('\u{fffd}') => Some(Err(self.error("invalid key"))),
            Some(b'=') => {
                self.at += 1;
                Some(self.value().map(|value| (key, value)))
            }
            _ => Some(Ok((key, Cow::Borrowed("")))),
        }
    }
}

impl<'a> Pairs<'a> {
    fn value(&mut self) -> Result<Cow<'a, str>, LogfmtError> {
        let bytes = self.line.as_bytes();
        if bytes.get(self.at) == Some(&b'"') {
            return self.quoted();
        }
        let start = self.at;
        let stop = |b: &u8| matches!(b, b'=' | b'"') || *b <= b' ';
        self.at = bytes[start..].iter().position(stop).map_or(bytes.len(), |n| start + n);
        match bytes.get(self.at) {
            Some(byte @ (b'=' | b'"')) => Err(self.unexpected(*byte)),
            _ => Ok(Cow::Borrowed(&self.line[start..self.at])),
        }
    }

    fn quoted(&mut self) -> Result<Cow<'a, str>, LogfmtError> {
        let bytes = self.line.as_bytes();
        let start = self.at + 1;
        let mut end = start;
        loop {
            let Some(step) = bytes.get(end..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) else {
                self.at = bytes.len();
                return Err(self.error("unterminated quoted value"));
            };
            end += step;
            if bytes[end] == b'"' {
                break;
            }
            end += 2;
        }
        self.at = end + 1;
        let inside = &self.line[start..end];
        if !inside.contains('\\') {
            return Ok(Cow::Borrowed(inside));
        }
        let legal = inside.bytes().all(|b| b >= b' ');
        match super::json::unescape(&inside.replace("\\'", "'")).filter(|_| legal) {
            Some(text) => Ok(Cow::Owned(text.into_owned())),
            None => Err(self.error("invalid quoted value")),
        }
    }

    fn unexpected(&mut self, byte: u8) -> LogfmtError {
        let error = LogfmtError { at: self.at + 1, what: format!("unexpected '{}'", char::from(byte)) };
        let rest = &self.line.as_bytes()[self.at..];
        self.at = rest.iter().position(|b| *b <= b' ').map_or(self.line.len(), |n| self.at + n);
        error
    }

    fn error(&mut self, what: &str) -> LogfmtError {
        let error = LogfmtError { at: self.at + 1, what: what.into() };
        let rest = &self.line.as_bytes()[self.at..];
        self.at = rest.iter().position(|b| *b <= b' ').map_or(self.line.len(), |n| self.at + n);
        error
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(line: &str) -> Vec<(&str, String)> {
        pairs(line).flatten().map(|(k, v)| (k, v.into_owned())).collect()
    }

    #[test]
    fn pairs_quoted_and_bare() {
        let line = r#"a=1 msg="say \"hi\"" empty= bare x="""#;
        let want = [("a", "1"), ("msg", r#"say "hi""#), ("empty", ""), ("bare", ""), ("x", "")];
        assert_eq!(read(line), want.map(|(k, v)| (k, v.to_string())));
    }

    #[test]
    fn after_an_error_it_goes_on_at_the_next_blank() {
        assert_eq!(read("k==v next=1"), [("next", "1".to_string())]);
        assert_eq!(read("=novalue a=1"), [("a", "1".to_string())]);
        assert_eq!(read(r#"k=v"w n=3"#), [("n", "3".to_string())]);
        assert_eq!(read(r#""quoted"=1 b=2"#), [("b", "2".to_string())]);
        assert_eq!(read(r#"key="unterminated value"#), []);
    }

    #[test]
    fn errors_say_where() {
        let error = pairs(r#"k=v"w n=3"#).next().unwrap().unwrap_err();
        assert_eq!(error.to_string(), r#"logfmt syntax error at pos 4 : unexpected '"'"#);
    }

    proptest! {
        #[test]
        fn garbage_never_panics(line in r#"[=" \\a-cä\t]*"#) {
            read(&line);
        }
    }
}
