//! Bytes to lines.

use memchr::memchr;

/// The next step through a buffer.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Step<'a> {
    /// A line without its line feed; `None` when the bytes were the rest of a line that was cut before.
    pub line: Option<&'a [u8]>,
    /// The line was longer than the limit and its end is (or will be) left out.
    pub cut: bool,
    /// How many bytes of the buffer are done with.
    pub used: usize,
    /// Whether the line goes on after the buffer and is to be left out up to its end.
    pub skipping: bool,
}

/// Takes one line off the buffer. `None`: the line is not complete, and not over `max` bytes yet.
pub(super) fn step(buffer: &[u8], skipping: bool, max: usize) -> Option<Step<'_>> {
    match (memchr(b'\n', buffer), skipping) {
        (_, _) if buffer.is_empty() => None,
        (Some(end), true) => Some(Step { line: None, cut: false, used: end + 1, skipping: false }),
        (None, true) => Some(Step { line: None, cut: false, used: buffer.len(), skipping: true }),
        (Some(end), false) if end > max + 1 => Some(cut(&buffer[..max], end + 1, false)),
        (Some(end), false) => Some(Step { line: Some(&buffer[..end]), cut: false, used: end + 1, skipping: false }),
        (None, false) if buffer.len() > max + 1 => Some(cut(&buffer[..max], buffer.len(), true)),
        (None, false) => None,
    }
}

/// A cut line ends before a character that the limit would split.
fn cut(line: &[u8], used: usize, skipping: bool) -> Step<'_> {
    let end = match std::str::from_utf8(line) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => line.len(),
    };
    Step { line: Some(&line[..end]), cut: true, used, skipping }
}

/// Lines of a stream that can not be read twice: keeps the start of an unfinished line, at most the limit of it.
#[derive(Debug)]
pub(super) struct StreamFramer {
    kept: Vec<u8>,
    skipping: bool,
    max: usize,
}

impl StreamFramer {
    pub fn new(max: usize) -> Self {
        StreamFramer { kept: Vec::new(), skipping: false, max }
    }

    /// Calls `emit(line, cut)` for every line that is complete now.
    pub fn feed(&mut self, bytes: &[u8], mut emit: impl FnMut(&[u8], bool)) {
        let mut rest = bytes;
        if !self.kept.is_empty() {
            let end = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
            self.kept.extend_from_slice(&rest[..end]);
            rest = &rest[end..];
            let kept = std::mem::take(&mut self.kept);
            let used = self.run(&kept, &mut emit);
            self.kept = kept;
            self.kept.drain(..used);
        }
        let used = self.run(rest, &mut emit);
        self.kept.extend_from_slice(&rest[used..]);
    }

    /// The end of the stream: what is left is a line.
    pub fn finish(&mut self, mut emit: impl FnMut(&[u8], bool)) {
        if !self.kept.is_empty() {
            emit(&self.kept, false);
            self.kept.clear();
        }
    }

    fn run(&mut self, buffer: &[u8], emit: &mut impl FnMut(&[u8], bool)) -> usize {
        let mut at = 0;
        while let Some(step) = step(&buffer[at..], self.skipping, self.max) {
            if let Some(line) = step.line {
                emit(line, step.cut);
            }
            self.skipping = step.skipping;
            at += step.used;
        }
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(chunks: &[&[u8]], max: usize) -> Vec<(String, bool)> {
        let mut framer = StreamFramer::new(max);
        let mut out = Vec::new();
        let mut emit = |line: &[u8], cut| out.push((String::from_utf8_lossy(line).into_owned(), cut));
        for chunk in chunks {
            framer.feed(chunk, &mut emit);
        }
        framer.finish(&mut emit);
        out
    }

    #[test]
    fn lines_are_joined_across_chunks_and_the_last_needs_no_line_feed() {
        let got = lines(&[b"on", b"e\ntw", b"o\n\nthree"], 99);
        assert_eq!(got, ["one", "two", "", "three"].map(|l| (l.to_owned(), false)));
    }

    #[test]
    fn a_long_line_is_cut_once_and_its_rest_left_out() {
        let got = lines(&[b"01234", b"56789", b"abc", b"def\nnext\n"], 4);
        assert_eq!(got, [("0123".to_owned(), true), ("next".to_owned(), false)]);
        assert_eq!(lines(&["aaaä bbb\n".as_bytes()], 4), [("aaa".to_owned(), true)]);
    }

    proptest! {
        #[test]
        fn where_chunks_end_does_not_matter(text in "[ab\n]{0,60}", size in 1usize..9) {
            let chunks: Vec<&[u8]> = text.as_bytes().chunks(size).collect();
            let all: Vec<_> = text.split('\n').map(|l| (l.to_owned(), false)).collect();
            let expected = if all.last().is_some_and(|l| l.0.is_empty()) { &all[..all.len() - 1] } else { &all[..] };
            prop_assert_eq!(lines(&chunks, 99), expected);
        }
    }
}
