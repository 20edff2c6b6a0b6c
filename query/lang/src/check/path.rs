//! Expressions of `json` (`a.b["c"][0]`) and `logfmt` (a key, plain or quoted).

/// Where a path stands between two tokens.
#[derive(Clone, Copy, PartialEq)]
enum At {
    Start,
    AfterValue,
    AfterDot,
    InBracket,
    BeforeBracketEnd,
}

#[derive(Clone, Copy, PartialEq)]
enum PathToken {
    End,
    Dot,
    Open,
    Close,
    String,
    Field,
    Index,
}

impl PathToken {
    fn name(self) -> &'static str {
        match self {
            PathToken::End => "$end",
            PathToken::Dot => "DOT",
            PathToken::Open => "LSB",
            PathToken::Close => "RSB",
            PathToken::String => "STRING",
            PathToken::Field => "FIELD",
            PathToken::Index => "INDEX",
        }
    }
}

/// A path into a JSON value.
pub fn json_path(path: &str) -> Result<(), String> {
    let refused = |cause: String| Err(format!("cannot parse expression [{path}]: {cause}"));
    let (mut at, mut rest, mut stray) = (At::Start, path, None);
    loop {
        let (token, after) = path_token(rest);
        let token = match token {
            Ok(token) => token,
            Err(c) => {
                stray = Some(c);
                PathToken::End
            }
        };
        at = match (at, token) {
            (At::Start | At::AfterDot, PathToken::Field) => At::AfterValue,
            (At::Start | At::AfterValue, PathToken::Open) => At::InBracket,
            (At::AfterValue, PathToken::Dot) => At::AfterDot,
            (At::InBracket, PathToken::String | PathToken::Index) => At::BeforeBracketEnd,
            (At::BeforeBracketEnd, PathToken::Close) => At::AfterValue,
            (At::AfterValue, PathToken::End) => {
                return stray.map_or(Ok(()), |c| refused(format!("unexpected char {c}")));
            }
            (at, token) => return refused(format!("syntax error: unexpected {}{}", token.name(), expected(at))),
        };
        rest = after;
    }
}

fn expected(at: At) -> &'static str {
    match at {
        At::Start => ", expecting LSB or FIELD",
        At::AfterValue => "",
        At::AfterDot => ", expecting FIELD",
        At::InBracket => ", expecting STRING or INDEX",
        At::BeforeBracketEnd => ", expecting RSB",
    }
}

/// The next token, or the character that begins none, and what follows.
fn path_token(text: &str) -> (Result<PathToken, char>, &str) {
    let text = text.trim_start();
    let Some(c) = text.chars().next() else { return (Ok(PathToken::End), "") };
    let (token, length) = match c {
        '.' => (PathToken::Dot, 1),
        '[' => (PathToken::Open, 1),
        ']' => (PathToken::Close, 1),
        '"' => (PathToken::String, quoted_len(text)),
        '0'..='9' => (PathToken::Index, text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len())),
        c if starts_name(c) => (PathToken::Field, name_len(text)),
        c => return (Err(c), ""),
    };
    (Ok(token), &text[length..])
}

fn starts_name(c: char) -> bool {
    c == '_' || c == '@' || c.is_alphabetic()
}

fn name_len(text: &str) -> usize {
    text.find(|c: char| !(starts_name(c) || c.is_ascii_digit())).unwrap_or(text.len())
}

/// Bytes of the quoted text that `text` begins with; all of it when the quote is not closed.
fn quoted_len(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '"' if !escaped => return at + 1,
            _ => escaped = c == '\\' && !escaped,
        }
    }
    text.len()
}

/// The name of a logfmt pair.
pub fn logfmt_key(key: &str) -> Result<(), String> {
    let refused = |cause: String| Err(format!("cannot parse expression [{key}]: {cause}"));
    let text = key.trim();
    let length = match text.chars().next() {
        Some('"') => quoted_len(text),
        Some(c) if c == '_' || c.is_alphabetic() => {
            text.find(|c: char| !(c == '_' || c.is_alphanumeric())).unwrap_or(text.len())
        }
        _ => return refused("syntax error: unexpected $end, expecting STRING or KEY".into()),
    };
    match text[length..].trim_start().chars().next() {
        None => Ok(()),
        Some('"') => refused("syntax error: unexpected STRING".into()),
        Some(c) if c == '_' || c.is_alphabetic() => refused("syntax error: unexpected KEY".into()),
        Some(c) => refused(format!("unexpected char {c}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_fields_keys_and_indices() {
        for path in ["a", "a.b", "a[0].c", r#"["weird-key.name"]"#, r#"deep["a"].b["c"]"#, "_x"] {
            assert_eq!(json_path(path), Ok(()), "{path}");
        }
        assert_eq!(
            json_path("a[0"),
            Err("cannot parse expression [a[0]: syntax error: unexpected $end, expecting RSB".into())
        );
        assert_eq!(json_path("a?"), Err("cannot parse expression [a?]: unexpected char ?".into()));
    }

    #[test]
    fn logfmt_keys_are_words_or_quoted() {
        assert_eq!(logfmt_key("status"), Ok(()));
        assert_eq!(logfmt_key(r#""user.name""#), Ok(()));
        assert!(logfmt_key("user.name").is_err());
    }
}
