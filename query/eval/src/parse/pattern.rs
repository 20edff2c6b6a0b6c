//! `<ip> - <_> [<time>]`: literals with holes between them.

/// A pattern, for the `pattern` parser or for the line filters `|>` and `!>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Literal(String),
    /// `None` for `<_>`.
    Hole(Option<String>),
}

/// A text that is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error("parse error at line 1, col 1: syntax error: unexpected $end, expecting IDENTIFIER or LITERAL")]
    Empty,
    #[error("found consecutive capture '<{0}><{1}>': invalid expression")]
    Consecutive(String, String),
    #[error("at least one capture is required")]
    NoCapture,
    #[error("duplicate capture name ({0}): invalid expression")]
    Duplicate(String),
    #[error("named captures are not allowed: found '<{0}>'")]
    Named(String),
}

impl Pattern {
    /// For the `pattern` parser: at least one named hole, no name twice.
    pub fn parser(text: &str) -> Result<Self, PatternError> {
        let pattern = Self::read(text)?;
        if pattern.parts.is_empty() {
            return Err(PatternError::Empty);
        }
        let mut seen: Vec<&str> = Vec::new();
        for name in pattern.names() {
            if seen.contains(&name) {
                return Err(PatternError::Duplicate(name.into()));
            }
            seen.push(name);
        }
        if seen.is_empty() { Err(PatternError::NoCapture) } else { Ok(pattern) }
    }

    /// For a line filter: no named holes. The empty pattern is legal and matches the empty line.
    pub fn filter(text: &str) -> Result<Self, PatternError> {
        let pattern = Self::read(text)?;
        if let Some(name) = pattern.names().next() {
            return Err(PatternError::Named(name.into()));
        }
        Ok(pattern)
    }

    fn read(text: &str) -> Result<Self, PatternError> {
        let mut parts: Vec<Part> = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if let Some((name, after)) = hole(rest) {
                if let Some(Part::Hole(before)) = parts.last() {
                    let before = before.clone().unwrap_or_else(|| "_".into());
                    return Err(PatternError::Consecutive(before, name.into()));
                }
                parts.push(Part::Hole((name != "_").then(|| name.into())));
                rest = after;
                continue;
            }
            match parts.last_mut() {
                Some(Part::Literal(literal)) => literal.push(first),
                _ => parts.push(Part::Literal(first.into())),
            }
            rest = &rest[first.len_utf8()..];
        }
        Ok(Pattern { parts })
    }

    /// Names of the holes, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Hole(name) => name.as_deref(),
            Part::Literal(_) => None,
        })
    }

    /// What each named hole holds, in the order of [`Pattern::names`]. The first literal must begin the line; where a
    /// later literal is missing, the hole before it takes the rest and the walk ends.
    pub fn captures<'a>(&self, line: &'a str, mut visit: impl FnMut(usize, &'a str)) {
        let (mut rest, mut parts, mut at) = (line, &self.parts[..], 0);
        if rest.is_empty() {
            return;
        }
        if let Some((Part::Literal(literal), after)) = parts.split_first() {
            let Some(stripped) = rest.strip_prefix(literal.as_str()) else { return };
            (rest, parts) = (stripped, after);
        }
        while let Some((Part::Hole(name), after)) = parts.split_first() {
            let (value, next, ended) = match after.first() {
                Some(Part::Literal(literal)) => match rest.split_once(literal.as_str()) {
                    Some((value, next)) => (value, next, false),
                    None => (rest, "", true),
                },
                _ => (rest, "", true),
            };
            if name.is_some() {
                visit(at, value);
                at += 1;
            }
            if ended {
                return;
            }
            (rest, parts) = (next, &after[1..]);
        }
    }

    /// Whether the whole line has this shape. A hole holds at least one byte, and as few as it can.
    pub fn matches(&self, line: &str) -> bool {
        if line.is_empty() || self.parts.is_empty() {
            return line.is_empty() && self.parts.is_empty();
        }
        let mut rest = line;
        for (at, part) in self.parts.iter().enumerate() {
            let Part::Literal(literal) = part else { continue };
            match rest.find(literal.as_str()) {
                Some(found) if (at == 0) == (found == 0) => rest = &rest[found + literal.len()..],
                _ => return false,
            }
        }
        matches!(self.parts.last(), Some(Part::Hole(_))) != rest.is_empty()
    }
}

/// `<name>` at the start of `text`, and what follows it.
fn hole(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix('<')?.split_once('>')?;
    let first = name.bytes().next()?;
    let legal = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && !first.is_ascii_digit();
    legal.then_some((name, after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn captures<'a>(pattern: &str, line: &'a str) -> Vec<&'a str> {
        let mut seen = Vec::new();
        Pattern::parser(pattern).unwrap().captures(line, |_, value| seen.push(value));
        seen
    }

    #[test]
    fn holes_take_what_lies_between_literals() {
        assert_eq!(captures("<ip> - <_> [<t>]", "1.2.3.4 - ana [now]"), ["1.2.3.4", "now"]);
        assert_eq!(captures("tick <kv>", "tock x"), [""; 0]);
        assert_eq!(captures("<a>=<b> <c>", "x=y"), ["x", "y"]);
    }

    #[test]
    fn filters_want_the_whole_line() {
        let matches = |pattern: &str, line: &str| Pattern::filter(pattern).unwrap().matches(line);
        assert!(matches("<_>user<_>", "a user b"));
        assert!(!matches("<_>user<_>", "a user"));
        assert!(!matches("user", "user x"));
        assert!(!matches("<_>user<_>", "user a user b"));
        assert!(matches("", ""));
        assert!(!matches("", "x"));
    }

    #[test]
    fn wrong_patterns_are_named() {
        let error = |text: &str| Pattern::parser(text).unwrap_err().to_string();
        assert_eq!(error("<a><b>"), "found consecutive capture '<a><b>': invalid expression");
        assert_eq!(error("<_>"), "at least one capture is required");
        assert_eq!(error("<a> <a>"), "duplicate capture name (a): invalid expression");
        assert_eq!(
            Pattern::filter("<name>").unwrap_err().to_string(),
            "named captures are not allowed: found '<name>'"
        );
    }

    proptest! {
        #[test]
        fn garbage_never_panics(pattern in "[<>_a-c =ä]*", line in "[a-c =ä]*") {
            if let Ok(pattern) = Pattern::parser(&pattern) {
                pattern.captures(&line, |_, _| {});
                pattern.matches(&line);
            }
        }
    }
}
