//! [`Outputs`]: lines that passed, by tenant and stream.

use crate::event::{Event, Metadata};
use gantry_model::{BatchTooLarge, LabelSet, LogBatch, LogBatchBuilder, TenantId, Timestamp};
use std::borrow::Cow;
use std::collections::HashMap;

/// Tenants in the order of their first line, and their streams in the order of theirs; lines keep their order.
#[derive(Debug, Default)]
pub(crate) struct Outputs<'a> {
    tenants: Vec<(TenantId, Group<'a>)>,
}

#[derive(Debug, Default)]
struct Group<'a> {
    numbers: HashMap<LabelSet, usize>,
    streams: Vec<(LabelSet, Vec<Line<'a>>)>,
    /// The stream of the line before: most lines come in runs.
    last: usize,
    bytes: usize,
    lines: usize,
}

#[derive(Debug)]
struct Line<'a> {
    at: Timestamp,
    body: Cow<'a, str>,
    metadata: Metadata<'a>,
}

impl<'a> Outputs<'a> {
    pub fn push(&mut self, event: Event<'a>) {
        let Event { at, body, labels, metadata, tenant } = event;
        let known = self.tenants.iter().position(|(known, _)| *known == tenant);
        let place = known.unwrap_or_else(|| {
            self.tenants.push((tenant, Group::default()));
            self.tenants.len() - 1
        });
        self.tenants[place].1.push(labels, Line { at, body, metadata });
    }

    pub fn finish(self) -> Result<Vec<(TenantId, LogBatch)>, BatchTooLarge> {
        self.tenants.into_iter().map(|(tenant, group)| Ok((tenant, group.finish()?))).collect()
    }
}

impl<'a> Group<'a> {
    fn push(&mut self, labels: LabelSet, line: Line<'a>) {
        if self.streams.get(self.last).is_none_or(|(last, _)| *last != labels) {
            let next = self.streams.len();
            self.last = *self.numbers.entry(labels.clone()).or_insert(next);
            if self.last == next {
                self.streams.push((labels, Vec::new()));
            }
        }
        self.bytes += line.body.len();
        self.lines += 1;
        self.streams[self.last].1.push(line);
    }

    fn finish(self) -> Result<LogBatch, BatchTooLarge> {
        let mut builder = LogBatchBuilder::with_capacity(self.bytes, self.lines);
        for (labels, lines) in self.streams {
            builder.stream(labels);
            for line in lines {
                push(&mut builder, &line)?;
            }
        }
        Ok(builder.finish())
    }
}

fn push(builder: &mut LogBatchBuilder, line: &Line<'_>) -> Result<(), BatchTooLarge> {
    if matches!(line.metadata, Metadata::Encoded("")) {
        return builder.push(line.at, &line.body, []);
    }
    let pairs: Vec<_> = line.metadata.iter().collect();
    builder.push(line.at, &line.body, pairs.iter().map(|(name, value)| (&**name, &**value)))
}
