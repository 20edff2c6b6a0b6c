//! The label string of Loki's push protocol: `{app="web", pod="web-0"}`, with the quoting of Go strings.

use gantry_model::LabelSet;

/// Where a label string is wrong, and what was expected there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected} at byte {position} of the label string")]
pub struct LabelSyntax {
    pub position: usize,
    pub expected: &'static str,
}

/// Reads `{name="value", ...}`. Values are quoted by `"` with escapes, or by backquotes without. A comma may follow the
/// last pair.
///
/// # Errors
/// The first position that does not fit. Whether names are legal is not looked at beyond their characters.
pub fn parse(text: &str) -> Result<LabelSet, LabelSyntax> {
    let mut reader = Reader { text, at: 0 };
    let mut pairs: Vec<(&str, String)> = Vec::with_capacity(8);
    reader.expect('{', "'{'")?;
    loop {
        if reader.take('}') {
            break;
        }
        let name = reader.name()?;
        reader.expect('=', "'='")?;
        let value = reader.value()?;
        pairs.push((name, value));
        if !reader.take(',') {
            reader.expect('}', "',' or '}'")?;
            break;
        }
    }
    reader.skip_blanks();
    if reader.at < text.len() { Err(reader.wrong("the end")) } else { Ok(LabelSet::from_pairs(pairs)) }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn wrong(&self, expected: &'static str) -> LabelSyntax {
        LabelSyntax { position: self.at, expected }
    }

    fn skip_blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn take(&mut self, wanted: char) -> bool {
        self.skip_blanks();
        let found = self.rest().starts_with(wanted);
        self.at += if found { wanted.len_utf8() } else { 0 };
        found
    }

    fn expect(&mut self, wanted: char, expected: &'static str) -> Result<(), LabelSyntax> {
        if self.take(wanted) { Ok(()) } else { Err(self.wrong(expected)) }
    }

    fn name(&mut self) -> Result<&'a str, LabelSyntax> {
        self.skip_blanks();
        let rest = self.rest();
        let len = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        if len == 0 || rest.as_bytes()[0].is_ascii_digit() {
            return Err(self.wrong("a label name"));
        }
        self.at += len;
        Ok(&rest[..len])
    }

    fn value(&mut self) -> Result<String, LabelSyntax> {
        if self.take('`') {
            let rest = self.rest();
            let end = rest.find('`').ok_or(self.wrong("a text that ends with '`'"))?;
            self.at += end + 1;
            return Ok(rest[..end].to_owned());
        }
        self.expect('"', "a quoted value")?;
        self.quoted()
    }

    fn quoted(&mut self) -> Result<String, LabelSyntax> {
        let mut value = String::new();
        loop {
            let rest = self.rest();
            let plain = rest.find(['"', '\\']).ok_or(self.wrong("a text that ends with '\"'"))?;
            value.push_str(&rest[..plain]);
            self.at += plain + 1;
            if rest.as_bytes()[plain] == b'"' {
                return Ok(value);
            }
            value.push(self.escape()?);
        }
    }

    /// What follows a backslash (Go specification, "Rune literals").
    fn escape(&mut self) -> Result<char, LabelSyntax> {
        let wrong = self.wrong("an escape sequence");
        let kind = self.rest().chars().next().ok_or(wrong.clone())?;
        let simple = match kind {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            '\\' | '"' | '\'' => kind,
            'x' => return self.numeric(1, 2, 16, wrong),
            'u' => return self.numeric(1, 4, 16, wrong),
            'U' => return self.numeric(1, 8, 16, wrong),
            '0'..='7' => return self.numeric(0, 3, 8, wrong),
            _ => return Err(wrong),
        };
        self.at += 1;
        Ok(simple)
    }

    fn numeric(&mut self, skip: usize, digits: usize, radix: u32, wrong: LabelSyntax) -> Result<char, LabelSyntax> {
        let text = self.rest().get(skip..skip + digits).ok_or(wrong.clone())?;
        if !text.chars().all(|c| c.is_digit(radix)) {
            return Err(wrong);
        }
        self.at += skip + digits;
        u32::from_str_radix(text, radix).ok().and_then(char::from_u32).ok_or(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn strings_of_real_clients_are_read() {
        let labels = parse(r#"{app="web", pod="web-0",msg="say \"hi\"\n\u00e4",raw=`a\b`, }"#).unwrap();
        assert_eq!(labels.get("app"), Some("web"));
        assert_eq!(labels.get("msg"), Some("say \"hi\"\nä"));
        assert_eq!(labels.get("raw"), Some("a\\b"));
        assert!(parse("{}").unwrap().is_empty());
    }

    #[test]
    fn errors_name_position_and_expectation() {
        let wrong = |text| parse(text).unwrap_err().to_string();
        assert_eq!(wrong("app"), "expected '{' at byte 0 of the label string");
        assert_eq!(wrong(r#"{app=web}"#), "expected a quoted value at byte 5 of the label string");
        assert_eq!(wrong(r#"{a="1" b="2"}"#), "expected ',' or '}' at byte 7 of the label string");
        assert_eq!(wrong(r#"{a.b="1"}"#), "expected '=' at byte 2 of the label string");
        assert_eq!(wrong(r#"{a="1"} x"#), "expected the end at byte 8 of the label string");
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(pairs in proptest::collection::vec(("[a-z_]{1,5}", "[ -~äß]{0,9}"), 0..5)) {
            let labels = LabelSet::from_pairs(pairs);
            prop_assert_eq!(parse(&labels.to_string()).unwrap(), labels);
        }

        #[test]
        fn garbage_never_panics(text in r#"[{}"=,`\\a-zäux0-9 ]{0,40}"#) {
            let _ = parse(&text);
        }
    }
}
