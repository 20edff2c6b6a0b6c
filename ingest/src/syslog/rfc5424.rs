//! RFC 5424, section 6: `1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA [MSG]`.

use super::message::Message;
use crate::decode::{names, time};
use std::borrow::Cow;

/// What follows the priority; `None` when it is not of this form.
pub(super) fn parse<'a>(rest: &'a str, base: &Message<'a>) -> Option<Message<'a>> {
    let mut words = rest.splitn(7, ' ');
    if words.next()? != "1" {
        return None;
    }
    let timestamp = match words.next()? {
        "-" => None,
        text => Some(time::parse(text).filter(|_| text.contains('T'))?),
    };
    let mut field = || words.next().map(|word| (word != "-").then_some(word));
    let (host, app, process, message_id) = (field()?, field()?, field()?, field()?);
    let (structured, text) = structured_data(words.next()?)?;
    Some(Message { timestamp, host, app, process, message_id, structured, text, ..base.clone() })
}

type Data<'a> = Vec<(String, Cow<'a, str>)>;

/// Structured data and the text after it.
fn structured_data(mut rest: &str) -> Option<(Data<'_>, &str)> {
    let mut data = Data::new();
    if let Some(after) = rest.strip_prefix('-') {
        rest = after;
    } else {
        rest.strip_prefix('[')?;
        while let Some(element) = rest.strip_prefix('[') {
            rest = self::element(element, &mut data)?;
        }
    }
    if rest.is_empty() {
        return Some((data, rest));
    }
    let text = rest.strip_prefix(' ')?;
    Some((data, text.strip_prefix('\u{feff}').unwrap_or(text)))
}

/// `ID NAME="VALUE" ...]` and what follows.
fn element<'a>(text: &'a str, data: &mut Data<'a>) -> Option<&'a str> {
    let end = text.find([' ', ']'])?;
    let (id, mut rest) = text.split_at(end);
    loop {
        if let Some(after) = rest.strip_prefix(']') {
            return Some(after);
        }
        let (name, quoted) = rest.trim_start_matches(' ').split_once("=\"")?;
        let (value, after) = value(quoted)?;
        data.push((names::legal(&format!("{id}_{name}")).into_owned(), value));
        rest = after;
    }
}

/// Up to the closing quote; `"`, `\` and `]` are escaped by a backslash, any other backslash stands for itself.
fn value(quoted: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut plain = String::new();
    let mut from = 0;
    let mut at = 0;
    let bytes = quoted.as_bytes();
    loop {
        match bytes.get(at)? {
            b'"' => break,
            b'\\' if matches!(bytes.get(at + 1), Some(b'"' | b'\\' | b']')) => {
                plain.push_str(&quoted[from..at]);
                from = at + 1;
                at += 2;
            }
            _ => at += 1,
        }
    }
    let rest = &quoted[at + 1..];
    if plain.is_empty() && from == 0 {
        return Some((Cow::Borrowed(&quoted[..at]), rest));
    }
    plain.push_str(&quoted[from..at]);
    Some((Cow::Owned(plain), rest))
}
