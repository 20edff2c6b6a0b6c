//! [`Format`] and [`Decoder`]: lines of a file to records.

use super::{cri, docker};
use crate::collect::text::text;
use gantry_model::Timestamp;
use serde::{Deserialize, Serialize};

/// How the lines of a file are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Found out from the first line of each file.
    #[default]
    Auto,
    /// Any text; a line gets the time at which it is read.
    Plain,
    /// Container runtimes of Kubernetes: `2016-10-06T00:17:09.669794202Z stdout F message`.
    Cri,
    /// Docker's json-file: `{"log":"message\n","stream":"stdout","time":"2016-10-06T00:17:09.669794202Z"}`.
    Docker,
}

impl Format {
    /// Never [`Format::Auto`]: the format of a file that begins with this line.
    pub(super) fn detect(self, first_line: &[u8]) -> Format {
        match self {
            Format::Auto if cri::parse(first_line).is_some() => Format::Cri,
            Format::Auto if docker::parse(first_line).is_some() => Format::Docker,
            Format::Auto => Format::Plain,
            known => known,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Format::Auto => "auto",
            Format::Plain => "plain",
            Format::Cri => "cri",
            Format::Docker => "docker",
        }
    }
}

/// Where a container wrote a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stream {
    /// The format does not say.
    Unknown,
    Stdout,
    Stderr,
}

/// What a runtime wrote about a line, or a part of one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Part<'a> {
    pub at: Timestamp,
    pub stream: Stream,
    pub text: std::borrow::Cow<'a, [u8]>,
    /// The next part of this stream continues the line.
    pub continues: bool,
}

/// A whole line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record<'a> {
    /// `None`: the line brought no time.
    pub at: Option<Timestamp>,
    pub stream: Stream,
    pub body: &'a str,
    pub replaced: bool,
    pub cut: bool,
}

/// Turns lines of one file into records; remembers unfinished ones, at most one a stream.
#[derive(Debug)]
pub(super) struct Decoder {
    pub format: Format,
    max: usize,
    stdout: Option<Open>,
    stderr: Option<Open>,
}

/// A line of which parts are still to come.
#[derive(Debug)]
struct Open {
    at: Timestamp,
    text: Vec<u8>,
}

impl Decoder {
    /// `format` is not [`Format::Auto`]; `max` is the longest body in bytes.
    pub fn new(format: Format, max: usize) -> Self {
        Decoder { format, max, stdout: None, stderr: None }
    }

    /// Whether every part read so far belongs to a record that was given out.
    pub fn is_clean(&self) -> bool {
        self.stdout.is_none() && self.stderr.is_none()
    }

    /// One line of the file, without line feed. `cut`: it was over the limit of the file's own lines.
    pub fn line(&mut self, line: &[u8], cut: bool, emit: &mut impl FnMut(Record<'_>)) {
        let part = match self.format {
            Format::Cri => cri::parse(line),
            Format::Docker => docker::parse(line),
            Format::Auto | Format::Plain => None,
        };
        match part {
            Some(part) => self.part(part, cut, emit),
            None => give(None, Stream::Unknown, line, self.max, cut, emit),
        }
    }

    fn part(&mut self, part: Part<'_>, cut: bool, emit: &mut impl FnMut(Record<'_>)) {
        let max = self.max;
        let open = if part.stream == Stream::Stderr { &mut self.stderr } else { &mut self.stdout };
        if part.continues {
            let open = open.get_or_insert_with(|| Open { at: part.at, text: Vec::new() });
            append(&mut open.text, &part.text, max);
            return;
        }
        match open.take() {
            Some(mut joined) => {
                append(&mut joined.text, &part.text, max);
                give(Some(joined.at), part.stream, &joined.text, max, cut, emit);
            }
            None => give(Some(part.at), part.stream, &part.text, max, cut, emit),
        }
    }

    /// The file has ended: what is unfinished will stay so.
    pub fn finish(&mut self, emit: &mut impl FnMut(Record<'_>)) {
        for (stream, open) in [(Stream::Stdout, self.stdout.take()), (Stream::Stderr, self.stderr.take())] {
            if let Some(open) = open {
                give(Some(open.at), stream, &open.text, self.max, false, emit);
            }
        }
    }
}

/// Keeps a few bytes more than the limit, so that the cut is seen and falls between characters.
fn append(joined: &mut Vec<u8>, more: &[u8], max: usize) {
    let room = (max + 8).saturating_sub(joined.len());
    joined.extend_from_slice(&more[..more.len().min(room)]);
}

fn give(at: Option<Timestamp>, stream: Stream, line: &[u8], max: usize, cut: bool, emit: &mut impl FnMut(Record<'_>)) {
    if let Some(text) = text(line, max) {
        emit(Record { at, stream, body: &text.body, replaced: text.replaced, cut: cut || text.cut });
    }
}

/// RFC 3339 with up to nine digits of fraction.
pub(super) fn timestamp(text: &str) -> Option<Timestamp> {
    chrono::DateTime::parse_from_rfc3339(text).ok()?.timestamp_nanos_opt().map(Timestamp)
}

#[cfg(test)]
#[path = "format_tests.rs"]
mod tests;
