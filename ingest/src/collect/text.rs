//! Bytes of a line to text: line ends, NUL, invalid UTF-8.

use std::borrow::Cow;

/// A line as text, and what had to be done to it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Text<'a> {
    pub body: Cow<'a, str>,
    /// Invalid UTF-8 was replaced by U+FFFD.
    pub replaced: bool,
    /// Cut at the limit.
    pub cut: bool,
}

/// Takes off one CR at the end and all NUL at the start (the hole that a writer without `O_APPEND` leaves after a
/// truncation), and cuts at `max` bytes. `None` when there was nothing but NUL.
pub(super) fn text(line: &[u8], max: usize) -> Option<Text<'_>> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let solid = without_hole(line);
    if solid.is_empty() && !line.is_empty() {
        return None;
    }
    let body = String::from_utf8_lossy(solid);
    let replaced = matches!(body, Cow::Owned(_));
    let cut = body.len() > max;
    Some(Text { body: shortened(body, max), replaced, cut })
}

fn without_hole(line: &[u8]) -> &[u8] {
    match line.first() {
        Some(0) => &line[line.iter().position(|b| *b != 0).unwrap_or(line.len())..],
        _ => line,
    }
}

fn shortened(body: Cow<'_, str>, max: usize) -> Cow<'_, str> {
    if body.len() <= max {
        return body;
    }
    let end = body.floor_char_boundary(max);
    match body {
        Cow::Borrowed(body) => Cow::Borrowed(&body[..end]),
        Cow::Owned(mut body) => {
            body.truncate(end);
            Cow::Owned(body)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_carriage_return_at_the_end_is_not_part_of_the_line() {
        assert_eq!(text(b"a\r", 9).unwrap().body, "a");
        assert_eq!(text(b"a\rb", 9).unwrap().body, "a\rb");
        assert_eq!(text(b"", 9).unwrap().body, "");
    }

    #[test]
    fn the_hole_of_a_truncated_file_is_skipped() {
        assert_eq!(text(b"\0\0\0line", 9).unwrap().body, "line");
        assert_eq!(text(b"\0\0", 9), None);
    }

    #[test]
    fn invalid_utf8_stays_readable_and_is_reported() {
        let text = text(b"caf\xe9!", 99).unwrap();
        assert_eq!((&*text.body, text.replaced), ("caf\u{fffd}!", true));
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        let text = text("aäää".as_bytes(), 4).unwrap();
        assert_eq!((&*text.body, text.cut), ("aä", true));
    }
}
