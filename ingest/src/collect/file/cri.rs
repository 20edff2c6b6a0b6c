//! Lines of the container runtime interface: `time stream tags message`.
//!
//! Layout: Kubernetes' `pkg/kubelet/kuberuntime/logs` and the CRI logging design; tags are `P` (partial) or `F` (full),
//! more may follow after a colon.

use super::format::{Part, Stream, timestamp};
use memchr::memchr;
use std::borrow::Cow;

/// `None` when the line has another shape.
pub(super) fn parse(line: &[u8]) -> Option<Part<'_>> {
    let (time, rest) = split(line)?;
    let (stream, rest) = split(rest)?;
    let (tags, text) = split(rest).unwrap_or((rest, b""));
    let stream = match stream {
        b"stdout" => Stream::Stdout,
        b"stderr" => Stream::Stderr,
        _ => return None,
    };
    let continues = match tags.split(|b| *b == b':').next()? {
        b"P" => true,
        b"F" => false,
        _ => return None,
    };
    let at = timestamp(std::str::from_utf8(time).ok()?)?;
    Some(Part { at, stream, text: Cow::Borrowed(text), continues })
}

fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = memchr(b' ', bytes)?;
    Some((&bytes[..at], &bytes[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_keeps_its_spaces() {
        let part = parse(b"2016-10-06T00:17:09.669794202Z stderr F  two  spaces ").unwrap();
        assert_eq!(part.at.0, 1_475_713_029_669_794_202);
        assert_eq!((part.stream, &*part.text, part.continues), (Stream::Stderr, &b" two  spaces "[..], false));
    }

    #[test]
    fn tags_may_be_many_and_the_message_empty() {
        assert!(parse(b"2016-10-06T00:17:09Z stdout P:x part").unwrap().continues);
        assert_eq!(&*parse(b"2016-10-06T02:17:09+02:00 stdout F").unwrap().text, b"");
        assert_eq!(parse(b"2016-10-06T00:17:09Z stdlog F x"), None);
        assert_eq!(parse(b"yesterday stdout F x"), None);
    }
}
