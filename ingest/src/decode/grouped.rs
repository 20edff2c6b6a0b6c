//! [`Grouped`]: lines that come one by one, each with labels of its own, put together by stream.

use super::DecodeError;
use gantry_model::{LabelSet, LogBatch, LogBatchBuilder, Timestamp};
use std::borrow::Cow;
use std::collections::HashMap;

pub(crate) type Pairs<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// Keeps the order of lines within a stream, and of streams by their first line.
#[derive(Debug, Default)]
pub(crate) struct Grouped<'a> {
    numbers: HashMap<LabelSet, u32>,
    lines: Vec<Line<'a>>,
    bytes: usize,
}

#[derive(Debug)]
struct Line<'a> {
    stream: u32,
    at: Timestamp,
    body: Cow<'a, str>,
    metadata: Pairs<'a>,
}

impl<'a> Grouped<'a> {
    pub fn push(&mut self, labels: LabelSet, at: Timestamp, body: Cow<'a, str>, metadata: Pairs<'a>) {
        let next = self.numbers.len() as u32;
        let stream = *self.numbers.entry(labels).or_insert(next);
        self.bytes += body.len() + metadata.iter().map(|(n, v)| n.len() + v.len()).sum::<usize>();
        self.lines.push(Line { stream, at, body, metadata });
    }

    pub fn lines(&self) -> usize {
        self.lines.len()
    }

    /// Bytes of bodies and metadata.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn finish(mut self) -> Result<LogBatch, DecodeError> {
        let mut labels: Vec<(u32, LabelSet)> = self.numbers.into_iter().map(|(labels, n)| (n, labels)).collect();
        labels.sort_unstable_by_key(|(number, _)| *number);
        self.lines.sort_by_key(|line| line.stream);
        let mut batch = LogBatchBuilder::with_capacity(self.bytes, self.lines.len());
        let mut lines = self.lines.iter().peekable();
        for (number, labels) in labels {
            batch.stream(labels);
            while let Some(line) = lines.next_if(|line| line.stream == number) {
                let metadata = line.metadata.iter().map(|(name, value)| (&**name, &**value));
                batch.push(line.at, &line.body, metadata)?;
            }
        }
        Ok(batch.finish())
    }
}
