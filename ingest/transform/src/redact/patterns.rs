//! [`Pattern`]: the shapes of secrets and personal data that are known here.

use regex::{Captures, Regex};
use std::net::Ipv6Addr;

/// A name, a regular expression, and what regular expressions cannot check.
#[derive(Debug)]
pub(super) struct Pattern {
    pub name: String,
    regex: Regex,
    /// Bytes of which at least one occurs in every match, as a quick test: many lines hold none. Empty: no such test.
    hint: &'static [u8],
    /// Said of a match by looking at it and at the characters around it.
    check: fn(&str, Around) -> bool,
}

/// The characters before and after a match.
#[derive(Clone, Copy, Debug)]
struct Around {
    before: Option<char>,
    /// The next two.
    after: [Option<char>; 2],
}

struct BuiltIn {
    name: &'static str,
    regex: &'static str,
    hint: &'static [u8],
    check: fn(&str, Around) -> bool,
}

const BUILT_IN: [BuiltIn; 9] = [
    BuiltIn {
        name: "email",
        regex: r"[A-Za-z0-9][A-Za-z0-9._%+\-]{0,63}@(?:[A-Za-z0-9](?:[A-Za-z0-9\-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,24}",
        hint: b"@",
        check: any,
    },
    BuiltIn {
        name: "ipv4",
        regex: r"\b(?:(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])\b",
        hint: b".",
        check: alone,
    },
    BuiltIn {
        name: "ipv6",
        regex: r"(?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9A-Fa-f]{1,4}|(?:[0-9]{1,3}\.){3}[0-9]{1,3})?",
        hint: b":",
        check: is_ipv6,
    },
    BuiltIn { name: "credit_card", regex: r"\b[2-6][0-9](?:[ \-]?[0-9]){11,17}\b", hint: b"23456", check: is_card },
    BuiltIn {
        name: "bearer_token",
        regex: r"(?i)\b(?:bearer|basic|token|splunk)[ ]+(?P<secret>[a-z0-9._~+/\-]{8,}=*)",
        hint: b" ",
        check: any,
    },
    BuiltIn {
        name: "api_token",
        regex: concat!(
            r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,}|glpat-[A-Za-z0-9_\-]{20,}",
            r"|xox[abeprs]-[A-Za-z0-9\-]{10,}|[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|AIza[A-Za-z0-9_\-]{35})",
            r#"|(?i:\b|_)(?i:api[_-]?key|access[_-]?token|auth[_-]?token|refresh[_-]?token|client[_-]?secret|secret"#,
            r#"|passwd|password|pwd)["']?[ ]*[:=][ ]*["']?(?P<secret>[^\s"'&,;}\]]{4,})"#
        ),
        hint: b"_-=:IA",
        check: any,
    },
    BuiltIn {
        name: "aws_key",
        regex: concat!(
            r"\b(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]{16}\b",
            r#"|(?i:aws_?(?:secret_?access_?key|session_?token)["']?[ ]*[:=][ ]*["']?)(?P<secret>[A-Za-z0-9/+=]{40,})"#
        ),
        hint: b"AIw",
        check: any,
    },
    BuiltIn {
        name: "jwt",
        regex: r"\beyJ[A-Za-z0-9_\-]{5,}\.eyJ[A-Za-z0-9_\-]{5,}\.[A-Za-z0-9_\-]*",
        hint: b"J",
        check: any,
    },
    BuiltIn {
        name: "private_key",
        regex: r"(?s)-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|$)",
        hint: b"-",
        check: any,
    },
];

/// Names of the built-in patterns.
pub(super) fn names() -> Vec<&'static str> {
    BUILT_IN.iter().map(|known| known.name).collect()
}

impl Pattern {
    pub fn built_in(name: &str) -> Result<Self, String> {
        let Some(known) = BUILT_IN.iter().find(|known| known.name == name) else {
            return Err(format!("there is no pattern {name:?}; there are {}", names().join(", ")));
        };
        let regex = Regex::new(known.regex).map_err(|error| error.to_string())?;
        Ok(Pattern { name: name.to_owned(), regex, hint: known.hint, check: known.check })
    }

    pub fn custom(name: &str, text: &str) -> Result<Self, String> {
        let regex = Regex::new(text).map_err(|error| format!("pattern {name}: {error}"))?;
        if regex.is_match("") {
            return Err(format!("pattern {name}: {text:?} matches the empty text, which is everywhere"));
        }
        Ok(Pattern { name: name.to_owned(), regex, hint: &[], check: any })
    }

    /// The text with every match replaced by what `instead` writes. `None` when there is none.
    pub fn replace(&self, text: &str, mut instead: impl FnMut(&str, &mut String)) -> Option<String> {
        let hinted = self.hint.is_empty() || text.bytes().any(|byte| self.hint.contains(&byte));
        if !hinted || !self.regex.is_match(text) {
            return None;
        }
        let (mut clean, mut done) = (String::new(), 0);
        for found in self.regex.captures_iter(text) {
            let Some(secret) = found.name("secret").or_else(|| found.get(0)) else { continue };
            if !(self.check)(secret.as_str(), around(text, &found)) {
                continue;
            }
            clean.push_str(&text[done..secret.start()]);
            instead(secret.as_str(), &mut clean);
            done = secret.end();
        }
        if done == 0 {
            return None;
        }
        clean.push_str(&text[done..]);
        Some(clean)
    }
}

fn around(text: &str, found: &Captures<'_>) -> Around {
    let (start, end) = found.get(0).map_or((0, 0), |all| (all.start(), all.end()));
    let mut after = text[end..].chars();
    Around { before: text[..start].chars().next_back(), after: [after.next(), after.next()] }
}

fn any(_: &str, _: Around) -> bool {
    true
}

/// Not a part of a longer number with dots, such as a version of five parts. A full stop may follow.
fn alone(_: &str, around: Around) -> bool {
    let [next, after] = around.after;
    let goes_on = next == Some('.') && after.is_some_and(|c| c.is_ascii_digit());
    !goes_on && around.before != Some('.') && around.before != Some('-')
}

/// Parses, says more than `::`, and is no part of a word such as a path of Rust or C++.
fn is_ipv6(text: &str, around: Around) -> bool {
    let joins = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let separate = !around.before.is_some_and(joins) && !around.after[0].is_some_and(joins);
    separate && text.bytes().any(|byte| byte.is_ascii_digit()) && text.parse::<Ipv6Addr>().is_ok()
}

/// The check digit of ISO/IEC 7812, annex B (Luhn).
fn is_card(text: &str, _: Around) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, digit * 2) {
            (0, _) => *digit,
            (_, double) if double > 9 => double - 9,
            (_, double) => double,
        })
        .sum();
    (13..=19).contains(&digits.len()) && sum.is_multiple_of(10)
}
