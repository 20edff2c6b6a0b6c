//! Go's regular expressions (RE2 syntax): what is wrong with one, in Go's words.
//!
//! A pattern that passes is translated for Rust's `regex`, whose syntax is nearly the same; what only Rust refuses is
//! reported in its words.

mod translate;

use std::collections::HashSet;

const MOST_DEPTH: usize = 1000;
const MOST_REPEATS: u32 = 1000;
const PROGRAM_SIZE_LIMIT: usize = 4 << 20;

/// Whether a pattern is legal; the error begins with `error parsing regexp:`.
pub fn regex(pattern: &str) -> Result<(), String> {
    let translated = rust_regex(pattern)?;
    let compiled = regex::RegexBuilder::new(&translated).size_limit(PROGRAM_SIZE_LIMIT).build();
    compiled.map_err(|e| match e {
        regex::Error::CompiledTooBig(_) => format!("error parsing regexp: expression too large: `{pattern}`"),
        other => format!("error parsing regexp: {other}"),
    })?;
    Ok(())
}

/// The same pattern for the crate `regex`: there `{` and `[` are stricter, `\<` is a word boundary, and `\d`, `\w`,
/// `\s` and `\b` know Unicode, where Go's know ASCII. The error is Go's.
pub fn rust_regex(pattern: &str) -> Result<String, String> {
    let mut parser = Parser::new(pattern);
    let parsed = parser.parse();
    parsed.map_err(|fault| format!("error parsing regexp: {}: `{}`", fault.kind, fault.text))?;
    Ok(parser.out)
}

/// The pattern of the `regexp` stage: its named groups become labels.
pub fn regexp_parser(pattern: &str) -> Result<(), String> {
    let mut parser = Parser::new(pattern);
    let parsed = parser.parse();
    parsed.map_err(|fault| format!("error parsing regexp: {}: `{}`", fault.kind, fault.text))?;
    let mut seen = HashSet::new();
    for name in &parser.names {
        if name.starts_with(|c: char| c.is_ascii_digit()) || !name.is_ascii() {
            return Err(format!("invalid extracted label name '{name}'"));
        }
        if !seen.insert(*name) {
            return Err(format!("duplicate extracted label name '{name}'"));
        }
    }
    if parser.names.is_empty() {
        return Err("at least one named capture must be supplied".into());
    }
    regex(pattern)
}

#[derive(Debug)]
struct Fault<'p> {
    kind: &'static str,
    text: &'p str,
}

/// What stands before the current place, as far as repetition cares.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    Nothing,
    Item,
    /// A repetition that began at this byte.
    Repeat(usize),
}

#[derive(Debug)]
struct Parser<'p> {
    pattern: &'p str,
    at: usize,
    depth: usize,
    names: Vec<&'p str>,
    /// The translation so far.
    out: String,
}

impl<'p> Parser<'p> {
    fn new(pattern: &'p str) -> Self {
        Parser { pattern, at: 0, depth: 0, names: Vec::new(), out: String::with_capacity(pattern.len()) }
    }

    fn rest(&self) -> &'p str {
        &self.pattern[self.at..]
    }

    fn fault<T>(&self, kind: &'static str, from: usize) -> Result<T, Fault<'p>> {
        Err(Fault { kind, text: &self.pattern[from..self.at] })
    }

    fn parse(&mut self) -> Result<(), Fault<'p>> {
        let mut before = Before::Nothing;
        while let Some(c) = self.rest().chars().next() {
            let from = self.at;
            before = match c {
                '(' => self.open()?,
                ')' if self.depth == 0 => return Err(Fault { kind: "unexpected )", text: self.pattern }),
                ')' => {
                    self.depth -= 1;
                    self.at += 1;
                    Before::Item
                }
                '|' => {
                    self.at += 1;
                    Before::Nothing
                }
                '*' | '+' | '?' => {
                    self.at += 1;
                    self.repeat(from, before)?
                }
                '{' => self.counted(before)?,
                '[' => self.class()?,
                '\\' => self.escape()?,
                c => {
                    self.at += c.len_utf8();
                    Before::Item
                }
            };
            // A class writes its members itself.
            if c != '[' {
                translate::piece(&self.pattern[from..self.at], before == Before::Item, &mut self.out);
            }
        }
        match self.depth {
            0 => Ok(()),
            _ => Err(Fault { kind: "missing closing )", text: self.pattern }),
        }
    }

    /// The operator from `from` to here, an optional `?` after it.
    fn repeat(&mut self, from: usize, before: Before) -> Result<Before, Fault<'p>> {
        if self.rest().starts_with('?') {
            self.at += 1;
        }
        match before {
            Before::Nothing => self.fault("missing argument to repetition operator", from),
            Before::Repeat(first) => self.fault("invalid nested repetition operator", first),
            Before::Item => Ok(Before::Repeat(from)),
        }
    }

    fn counted(&mut self, before: Before) -> Result<Before, Fault<'p>> {
        let from = self.at;
        let Some((length, min, max)) = counts(self.rest()) else {
            self.at += 1;
            return Ok(Before::Item);
        };
        self.at += length;
        if min > MOST_REPEATS || max.is_some_and(|max| max > MOST_REPEATS || min > max) {
            return self.fault("invalid repeat count", from);
        }
        self.repeat(from, before)
    }

    fn open(&mut self) -> Result<Before, Fault<'p>> {
        let group = self.rest();
        if group.starts_with("(?P<") || group.starts_with("(?<") {
            self.named_group(group)?;
        } else if group.starts_with("(?") {
            if !self.flags()? {
                return Ok(Before::Nothing);
            }
        } else {
            self.at += 1;
        }
        self.depth += 1;
        if self.depth > MOST_DEPTH {
            return Err(Fault { kind: "expression nests too deeply", text: self.pattern });
        }
        Ok(Before::Nothing)
    }

    fn named_group(&mut self, group: &'p str) -> Result<(), Fault<'p>> {
        const KIND: &str = "invalid named capture";
        let name_at = group.find('<').map_or(0, |at| at + 1);
        let Some(end) = group.find('>') else { return Err(Fault { kind: KIND, text: group }) };
        let name = &group[name_at..end];
        if name.is_empty() || !name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric()) {
            return Err(Fault { kind: KIND, text: &group[..=end] });
        }
        self.names.push(name);
        self.at += end + 1;
        Ok(())
    }

    /// `(?i)` and `(?i:`; answers whether a group was opened.
    fn flags(&mut self) -> Result<bool, Fault<'p>> {
        let from = self.at;
        self.at += 2;
        let (mut negated, mut any) = (false, false);
        while let Some(c) = self.rest().chars().next() {
            self.at += c.len_utf8();
            match c {
                'i' | 'm' | 's' | 'U' => any = true,
                '-' if !negated => (negated, any) = (true, false),
                ':' | ')' if any || !negated => return Ok(c == ':'),
                _ => return self.fault("invalid or unsupported Perl syntax", from),
            }
        }
        Err(Fault { kind: "missing closing )", text: self.pattern })
    }

    fn class(&mut self) -> Result<Before, Fault<'p>> {
        let from = self.at;
        self.at += 1;
        if self.rest().starts_with('^') {
            self.at += 1;
        }
        self.out.push_str(&self.pattern[from..self.at]);
        let mut first = true;
        while first || !self.rest().starts_with(']') {
            first = false;
            self.class_member(from)?;
        }
        self.at += 1;
        self.out.push(']');
        Ok(Before::Item)
    }

    fn class_member(&mut self, class: usize) -> Result<(), Fault<'p>> {
        if self.rest().starts_with("[:")
            && let Some(end) = self.rest()[2..].find(":]")
        {
            let from = self.at;
            self.at += end + 4;
            let name = &self.pattern[from + 2..self.at - 2];
            let known = POSIX.contains(&name.strip_prefix('^').unwrap_or(name));
            self.out.push_str(&self.pattern[from..self.at]);
            return if known { Ok(()) } else { self.fault("invalid character class range", from) };
        }
        let from = self.at;
        let Some(low) = self.class_char(class)? else { return Ok(()) };
        if self.rest().starts_with('-') && self.rest().len() > 1 && !self.rest()[1..].starts_with(']') {
            self.at += 1;
            self.out.push('-');
            let high = self.class_char(class)?;
            if high.is_none_or(|high| high < low) {
                return self.fault("invalid character class range", from);
            }
        }
        Ok(())
    }

    /// One character; `None` for an escape that stands for several.
    fn class_char(&mut self, class: usize) -> Result<Option<char>, Fault<'p>> {
        match self.rest().chars().next() {
            None => Err(Fault { kind: "missing closing ]", text: &self.pattern[class..] }),
            Some('\\') => {
                let from = self.at;
                let stands_for_several = self.rest()[1..].starts_with(['d', 'D', 's', 'S', 'w', 'W', 'p', 'P']);
                if self.rest()[1..].starts_with(['p', 'P']) {
                    self.unicode_class()?;
                } else if stands_for_several {
                    self.at += 2;
                } else {
                    self.character_escape()?;
                }
                let escape = &self.pattern[from..self.at];
                translate::escape(escape, &mut self.out);
                Ok((!stands_for_several).then(|| translate::meaning(escape)))
            }
            Some(c) => {
                self.at += c.len_utf8();
                translate::class_member(c, &mut self.out);
                Ok(Some(c))
            }
        }
    }

    /// Outside of a class.
    fn escape(&mut self) -> Result<Before, Fault<'p>> {
        match self.rest()[1..].chars().next() {
            Some('A' | 'b' | 'B' | 'z' | 'd' | 'D' | 's' | 'S' | 'w' | 'W') => self.at += 2,
            Some('Q') => self.at += self.rest().find("\\E").map_or(self.rest().len(), |end| end + 2),
            Some('p' | 'P') => self.unicode_class()?,
            _ => self.character_escape()?,
        }
        Ok(Before::Item)
    }

    fn unicode_class(&mut self) -> Result<(), Fault<'p>> {
        const KIND: &str = "invalid character class range";
        let class = self.rest();
        let length = match class[2..].chars().next() {
            None => return Err(Fault { kind: KIND, text: class }),
            Some('{') => match class.find('}') {
                Some(end) => end + 1,
                None => return Err(Fault { kind: KIND, text: class }),
            },
            Some(c) => 2 + c.len_utf8(),
        };
        self.at += length;
        let known = regex_syntax::parse(&class[..length].replace("{^", "{")).is_ok();
        if known { Ok(()) } else { Err(Fault { kind: KIND, text: &class[..length] }) }
    }

    fn character_escape(&mut self) -> Result<(), Fault<'p>> {
        const KIND: &str = "invalid escape sequence";
        let from = self.at;
        self.at += 1;
        let Some(c) = self.rest().chars().next() else {
            return Err(Fault { kind: "trailing backslash at end of expression", text: "" });
        };
        self.at += c.len_utf8();
        match c {
            '1'..='7' if !self.rest().starts_with(|c: char| c.is_digit(8)) => self.fault(KIND, from),
            '0'..='7' => {
                let more = self.rest().bytes().take(2).take_while(|b| (b'0'..b'8').contains(b)).count();
                self.at += more;
                Ok(())
            }
            'x' => self.hex(from),
            'a' | 'f' | 'n' | 'r' | 't' | 'v' => Ok(()),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok(()),
            _ => self.fault(KIND, from),
        }
    }

    fn hex(&mut self, from: usize) -> Result<(), Fault<'p>> {
        let rest = self.rest();
        let (digits, length) = match rest.strip_prefix('{') {
            Some(inside) => inside.find('}').map_or(("", rest.len()), |end| (&inside[..end], end + 2)),
            None => (rest.get(..2).unwrap_or(""), 2.min(rest.len())),
        };
        let legal = u32::from_str_radix(digits, 16).is_ok_and(|code| code <= char::MAX as u32);
        let length = (0..=length).rev().find(|n| rest.is_char_boundary(*n)).unwrap_or(0);
        self.at += length;
        if legal && !digits.starts_with('+') { Ok(()) } else { self.fault("invalid escape sequence", from) }
    }
}

const POSIX: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

/// `{2}`, `{2,}` or `{2,5}` at the beginning of `text`: its length, least and most. A number too large to read is
/// too large to repeat as well.
fn counts(text: &str) -> Option<(usize, u32, Option<u32>)> {
    let end = text.find('}')?;
    let inside = &text[1..end];
    let number = |digits: &str| {
        let legal = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        let no_leading_zero = digits.len() == 1 || !digits.starts_with('0');
        (legal && no_leading_zero).then(|| digits.parse().unwrap_or(u32::MAX))
    };
    let (min, max) = match inside.split_once(',') {
        None => (number(inside)?, Some(number(inside)?)),
        Some((min, "")) => (number(min)?, None),
        Some((min, max)) => (number(min)?, Some(number(max)?)),
    };
    Some((end + 1, min, max))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_named_in_gos_words() {
        for (pattern, fault) in [
            ("[", "missing closing ]: `[`"),
            ("a[b-", "missing closing ]: `[b-`"),
            ("(?P<a>", "missing closing ): `(?P<a>`"),
            ("a)", "unexpected ): `a)`"),
            ("*a", "missing argument to repetition operator: `*`"),
            ("a**", "invalid nested repetition operator: `**`"),
            ("a{2}{3}", "invalid nested repetition operator: `{2}{3}`"),
            ("a{1001}", "invalid repeat count: `{1001}`"),
            ("[z-a]", "invalid character class range: `z-a`"),
            ("[[:nosuch:]]", "invalid character class range: `[:nosuch:]`"),
            (r"\y", r"invalid escape sequence: `\y`"),
            (r"a\", "trailing backslash at end of expression: ``"),
            ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
            ("(?P<a", "invalid named capture: `(?P<a`"),
            ("(?P<a-b>x)", "invalid named capture: `(?P<a-b>`"),
        ] {
            assert_eq!(regex(pattern), Err(format!("error parsing regexp: {fault}")), "{pattern}");
        }
    }

    #[test]
    fn what_go_allows_and_rust_does_not_is_translated() {
        let matches =
            |pattern: &str, text: &str| regex::Regex::new(&rust_regex(pattern).unwrap()).unwrap().is_match(text);
        assert!(matches("{\"a\": {}", "{\"a\": {}"));
        assert!(matches(r"^\<a\>$", "<a>"));
        assert!(matches(r"^[[&&~~]$", "["));
        assert!(matches(r"^\Qa.b\E$", "a.b") && !matches(r"^\Qa.b\E$", "axb"));
        assert!(matches(r"^\101\x{42}[\103]$", "ABC"));
        assert!(!matches(r"\d", "\u{665}") && matches(r"[\d]", "5") && matches(r"[\D]", "\u{665}"));
        assert!(matches(r"\bna", "\u{fc}na"), "a letter outside ASCII is no word character");
        assert!(matches("a{,2}", "a{,2}"));
    }

    #[test]
    fn ordinary_patterns_are_legal() {
        for pattern in
            ["", "a|b", r"(?i)\bx\d+?[^a-z\]\[:digit:\s-]", "(?P<n>a)(?:b)*", r"\x41\x{1F600}", "[]a]", "a{2,}?"]
        {
            assert_eq!(regex(pattern), Ok(()), "{pattern}");
        }
    }
}
