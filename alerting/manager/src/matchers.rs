//! Matchers as Alertmanager writes them: `{severity="page", team=~"a|b"}`, braces, quotes and blanks where one likes.

use gantry_model::{LabelSet, MatchOp, Matcher};

/// Reads a list of matchers.
///
/// # Errors
/// What is wrong, with the part where.
pub fn parse_matchers(text: &str) -> Result<Vec<Matcher>, String> {
    let mut rest = text.trim();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner.strip_suffix('}').ok_or_else(|| format!("missing close brace in {text:?}"))?.trim();
    }
    let mut matchers = Vec::new();
    while !rest.is_empty() {
        let end = end_of_one(rest);
        matchers.push(parse_matcher(rest[..end].trim()).map_err(|why| format!("bad matcher format: {text}: {why}"))?);
        rest = rest[end..].strip_prefix(',').unwrap_or("").trim_start();
    }
    Ok(matchers)
}

/// Where the first matcher ends: at a comma outside of quotes.
fn end_of_one(text: &str) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            ',' if !quoted => return at,
            _ => {}
        }
    }
    text.len()
}

fn parse_matcher(text: &str) -> Result<Matcher, String> {
    let (name, rest) = name(text)?;
    let ops = [("=~", MatchOp::Regex), ("!~", MatchOp::NotRegex), ("!=", MatchOp::NotEq), ("=", MatchOp::Eq)];
    let Some((sign, op)) = ops.into_iter().find(|(sign, _)| rest.starts_with(sign)) else {
        return Err(format!("expected one of = != =~ !~ after {name:?}"));
    };
    let value = value(rest[sign.len()..].trim())?;
    Matcher::new(&name, op, &value).map_err(|error| error.to_string())
}

fn name(text: &str) -> Result<(String, &str), String> {
    if let Some(rest) = text.strip_prefix('"') {
        let end = end_of_quoted(rest).ok_or("missing close quote of a name")?;
        return Ok((unescaped(&rest[..end]), rest[end + 1..].trim_start()));
    }
    let end = text.find(['=', '!', '~', ' ', '\t', '"', '{', '}']).unwrap_or(text.len());
    if end == 0 {
        return Err(format!("expected the name of a label at {text:?}"));
    }
    Ok((text[..end].to_owned(), text[end..].trim_start()))
}

fn value(text: &str) -> Result<String, String> {
    let Some(rest) = text.strip_prefix('"') else {
        return if text.contains('"') {
            Err(format!("matcher value contains unescaped double quote: {text}"))
        } else {
            Ok(unescaped(text))
        };
    };
    match end_of_quoted(rest) {
        Some(end) if end + 1 == rest.len() => Ok(unescaped(&rest[..end])),
        Some(end) => Err(format!("unexpected {:?} after the value", &rest[end + 1..])),
        None => Err(format!("missing close quote in {text}")),
    }
}

fn end_of_quoted(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| match c {
        _ if escaped => {
            escaped = false;
            None
        }
        '\\' => {
            escaped = true;
            None
        }
        '"' => Some(at),
        _ => None,
    })
}

/// `\n`, `\"` and `\\` are escapes; another backslash is itself.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some('n')) => out.push('\n'),
            ('\\', Some(next @ ('"' | '\\'))) => out.push(*next),
            _ => {
                out.push(c);
                continue;
            }
        }
        chars.next();
    }
    out
}

/// Whether all match.
pub fn all_match(matchers: &[Matcher], labels: &LabelSet) -> bool {
    matchers.iter().all(|matcher| matcher.matches(labels))
}

/// Sorted by name, then as written; equal ones once.
pub fn sorted(mut matchers: Vec<Matcher>) -> Vec<Matcher> {
    matchers.sort_by_cached_key(|matcher| (matcher.name.clone(), matcher.value.clone(), matcher.op.as_str()));
    matchers.dedup();
    matchers
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(text: &str) -> Result<Vec<String>, String> {
        Ok(parse_matchers(text)?.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn matchers_are_read_with_and_without_braces_quotes_and_blanks() {
        let cases = [
            ("", vec![]),
            ("{}", vec![]),
            ("a=b", vec![r#"a="b""#]),
            (r#"{ a = "b,c" , d!~e|f, }"#, vec![r#"a="b,c""#, r#"d!~"e|f""#]),
            (r#"foo="a\"b\\c\nd""#, vec![r#"foo="a\"b\\c\nd""#]),
            (r#""label with blanks"=~".+""#, vec![r#"label with blanks=~".+""#]),
            ("a=b=c", vec![r#"a="b=c""#]),
            ("größe=x", vec![r#"größe="x""#]),
            ("empty=", vec![r#"empty="""#]),
        ];
        for (text, wanted) in cases {
            assert_eq!(shown(text), Ok(wanted.into_iter().map(str::to_owned).collect()), "{text}");
        }
    }

    #[test]
    fn what_is_no_matcher_is_refused() {
        for text in ["a", "{a=b", "=b", "a=\"b", "a=\"b\"c", "a=b\"c", "a=~(", "a=b,,c=d"] {
            assert!(parse_matchers(text).is_err(), "{text}: {:?}", shown(text));
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[a-z{}=!~\"\\\\, \n]{0,30}") {
            let _ = parse_matchers(&text);
        }
    }
}
