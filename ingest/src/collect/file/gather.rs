//! [`Gather`]: the batch being filled.

use super::format::{Format, Record, Stream};
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

impl Gather {
    pub fn new(base: i64) -> Self {
        Gather { builder: LogBatch::builder(), open: None, base, plain: 0, cri: 0, docker: 0 }
    }

    pub fn push(&mut self, file: FileId, labels: &FileLabels, at: Timestamp, record: &Record<'_>, format: Format) {
        if self.open != Some((file, record.stream)) {
            self.builder.stream(labels.stream(record.stream).clone());
            self.open = Some((file, record.stream));
        }
        self.builder.push(at, record.body, []).expect("a batch is sent long before it holds 4 GiB");
        match format {
            Format::Auto | Format::Plain => self.plain += 1,
            Format::Cri => self.cri += 1,
            Format::Docker => self.docker += 1,
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
