//! Frames of syslog over TCP (RFC 6587, section 3.4): octet counting, or lines, told apart for each frame.

use bytes::{Buf, Bytes, BytesMut};

/// Most digits of a count; more are no count.
const MAX_DIGITS: usize = 7;

/// What the stream held next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    Message(Bytes),
    /// A frame over the limit, of which these bytes were skipped.
    TooLong(usize),
}

/// Cuts a stream into frames. Holds at most one frame and what was read beyond it.
#[derive(Debug)]
pub struct Framer {
    max: usize,
    buffer: BytesMut,
    skipping: Skip,
}

/// A frame over the limit that is being thrown away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Skip {
    None,
    /// Octet counting: bytes still to come, of so many.
    Count {
        left: usize,
        whole: usize,
    },
    /// A line: bytes thrown away so far.
    Line {
        gone: usize,
    },
}

impl Framer {
    /// `max`: longest message in bytes.
    pub fn new(max: usize) -> Self {
        Framer { max, buffer: BytesMut::new(), skipping: Skip::None }
    }

    /// Where to put what was read.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The next frame, `None` when more has to be read. Empty lines are skipped.
    pub fn next_frame(&mut self) -> Option<Frame> {
        loop {
            if self.skipping != Skip::None {
                return self.skip().map(Frame::TooLong);
            }
            let frame = match self.count()? {
                Some((digits, count)) => self.counted(digits, count)?,
                None => self.line()?,
            };
            match frame {
                Frame::Message(message) if message.is_empty() => {}
                frame => return Some(frame),
            }
        }
    }

    /// What is left when the stream ends: a last line without its end, or a torn frame.
    pub fn finish(mut self) -> Option<Frame> {
        match self.skipping {
            Skip::Count { left, whole } => Some(Frame::TooLong(whole - left)),
            Skip::Line { gone } => Some(Frame::TooLong(gone + self.buffer.len())),
            Skip::None if self.buffer.is_empty() => None,
            Skip::None => {
                if let Some(Some((digits, _))) = self.count() {
                    self.buffer.advance(digits + 1);
                }
                Some(Frame::Message(trim(self.buffer.freeze())))
            }
        }
    }

    /// `Some(Some(_))`: digits and value of a count; `Some(None)`: a line; `None`: cannot be told yet.
    fn count(&self) -> Option<Option<(usize, usize)>> {
        let digits = self.buffer.iter().take(MAX_DIGITS + 1).take_while(|b| b.is_ascii_digit()).count();
        match self.buffer.first()? {
            b'1'..=b'9' if digits <= MAX_DIGITS => match self.buffer.get(digits)? {
                b' ' => {
                    let value = self.buffer[..digits].iter().fold(0, |sum, b| sum * 10 + usize::from(b - b'0'));
                    Some(Some((digits, value)))
                }
                _ => Some(None),
            },
            _ => Some(None),
        }
    }

    fn counted(&mut self, digits: usize, count: usize) -> Option<Frame> {
        if count > self.max {
            self.buffer.advance(digits + 1);
            self.skipping = Skip::Count { left: count, whole: count };
            return self.skip().map(Frame::TooLong);
        }
        if self.buffer.len() < digits + 1 + count {
            return None;
        }
        self.buffer.advance(digits + 1);
        Some(Frame::Message(trim(self.buffer.split_to(count).freeze())))
    }

    fn line(&mut self) -> Option<Frame> {
        match memchr::memchr(b'\n', &self.buffer) {
            Some(end) => {
                let line = self.buffer.split_to(end + 1).freeze();
                Some(if end > self.max { Frame::TooLong(end) } else { Frame::Message(trim(line)) })
            }
            None if self.buffer.len() > self.max => {
                self.skipping = Skip::Line { gone: 0 };
                self.skip().map(Frame::TooLong)
            }
            None => None,
        }
    }

    fn skip(&mut self) -> Option<usize> {
        let have = self.buffer.len();
        match self.skipping {
            Skip::None => None,
            Skip::Count { left, whole } if have < left => {
                self.buffer.clear();
                self.skipping = Skip::Count { left: left - have, whole };
                None
            }
            Skip::Count { left, whole } => {
                self.buffer.advance(left);
                self.skipping = Skip::None;
                Some(whole)
            }
            Skip::Line { gone } => match memchr::memchr(b'\n', &self.buffer) {
                Some(end) => {
                    self.buffer.advance(end + 1);
                    self.skipping = Skip::None;
                    Some(gone + end)
                }
                None => {
                    self.buffer.clear();
                    self.skipping = Skip::Line { gone: gone + have };
                    None
                }
            },
        }
    }
}

fn trim(mut frame: Bytes) -> Bytes {
    while matches!(frame.last(), Some(b'\n' | b'\r' | 0)) {
        frame.truncate(frame.len() - 1);
    }
    frame
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All frames of `stream`, read in pieces of `step` bytes, as texts.
    fn frames(stream: &[u8], step: usize) -> Vec<String> {
        let mut framer = Framer::new(20);
        let mut all = Vec::new();
        for piece in stream.chunks(step) {
            framer.buffer().extend_from_slice(piece);
            while let Some(frame) = framer.next_frame() {
                all.push(frame);
            }
            assert!(framer.buffer.len() <= 20 + MAX_DIGITS + 1 + step);
        }
        all.extend(framer.finish());
        let show = |frame: Frame| match frame {
            Frame::Message(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Frame::TooLong(bytes) => format!("too long: {bytes}"),
        };
        all.into_iter().map(show).collect()
    }

    #[test]
    fn both_framings_are_read_in_pieces_of_any_size() {
        let stream = b"5 <1>ab<2>line\r\n\n6 <3>c\nd\n12345678 words\n0 zero\n9 <5>torn";
        for step in [1, 2, 3, 7, 200] {
            assert_eq!(frames(stream, step), ["<1>ab", "<2>line", "<3>c\nd", "12345678 words", "0 zero", "<5>torn"]);
        }
    }

    #[test]
    fn frames_over_the_limit_are_skipped_and_told_once() {
        let stream = b"30 012345678901234567890123456789<4>a line that is much too long\n<5>last";
        for step in [1, 3, 200] {
            assert_eq!(frames(stream, step), ["too long: 30", "too long: 31", "<5>last"]);
        }
    }

    proptest! {
        #[test]
        fn garbage_never_panics_and_pieces_do_not_matter(stream in r"[0-9 <>a\n]{0,80}", step in 1usize..30) {
            prop_assert_eq!(frames(stream.as_bytes(), step), frames(stream.as_bytes(), 1));
        }
    }
}
