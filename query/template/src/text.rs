//! Letters and bytes of texts as Go sees them.

/// A slice by bytes; each byte of a character that was cut in two becomes U+FFFD.
pub fn bytes_of(text: &str, from: usize, to: usize) -> String {
    match text.get(from..to) {
        Some(slice) => slice.into(),
        None => {
            let mut out = String::new();
            for chunk in text.as_bytes()[from..to].utf8_chunks() {
                out.push_str(chunk.valid());
                out.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
            }
            out
        }
    }
}

/// As Go's `strings.ToUpper`.
pub fn upper(text: &str) -> String {
    text.chars().flat_map(one_upper).collect()
}

/// Upper case of one character where that is one character, else the character itself (`ß` stays).
fn one_upper(c: char) -> Option<char> {
    let mut upper = c.to_uppercase();
    match (upper.next(), upper.next()) {
        (Some(one), None) => Some(one),
        _ => Some(c),
    }
}

/// The first letter of each word in upper case, as Go's `strings.Title`.
pub fn title(text: &str) -> String {
    let mut inside = false;
    let convert = |c: char| {
        let letter = if inside { Some(c) } else { one_upper(c) };
        inside = if c.is_ascii() { c.is_ascii_alphanumeric() || c == '_' } else { !c.is_whitespace() };
        letter
    };
    text.chars().filter_map(convert).collect()
}
