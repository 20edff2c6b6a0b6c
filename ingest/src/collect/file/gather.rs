//! [`Gather`]: the batch being filled.

use super::format::{Format, Stream};
use super::identity::FileId;
use super::labels::FileLabels;
use gantry_model::{LogBatch, LogBatchBuilder, Timestamp};

/// Lines of many files, by turns.
#[derive(Debug)]
pub(super) struct Gather {
    builder: LogBatchBuilder,
    open: Option<(FileId, Stream)>,
    /// The time of the first line without one, for each file.
    pub base: i64,
    plain: u64,
    cri: u64,
    docker: u64,
}

/// What is stored as one line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Body<'a> {
    pub stream: Stream,
    pub text: &'a str,
    /// Lines of the file that it is.
    pub lines: u64,
}

impl Gather {
    pub fn new(base: i64) -> Self {
        Gather { builder: LogBatch::builder(), open: None, base, plain: 0, cri: 0, docker: 0 }
    }

    pub fn push(&mut self, file: FileId, labels: &FileLabels, at: Timestamp, body: Body<'_>, format: Format) {
        if self.open != Some((file, body.stream)) {
            self.builder.stream(labels.stream(body.stream).clone());
            self.open = Some((file, body.stream));
        }
        self.builder.push(at, body.text, []).expect("a batch is sent long before it holds 4 GiB");
        match format {
            Format::Auto | Format::Plain => self.plain += body.lines,
            Format::Cri => self.cri += body.lines,
            Format::Docker => self.docker += body.lines,
        }
    }

    pub fn bytes(&self) -> usize {
        self.builder.text_bytes()
    }

    pub fn finish(self) -> Gathered {
        let lines = [(Format::Plain, self.plain), (Format::Cri, self.cri), (Format::Docker, self.docker)];
        Gathered { batch: self.builder.finish(), lines }
    }
}

/// A batch to send, and how many lines of it came in which format.
#[derive(Debug)]
pub(super) struct Gathered {
    pub batch: LogBatch,
    pub lines: [(Format, u64); 3],
}
