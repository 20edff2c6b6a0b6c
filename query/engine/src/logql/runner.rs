//! [`Runner`]: the stages of one query at work, in one thread.

use super::level;
use super::logs::Row;
use super::plan::LogPlan;
use crate::QueryError;
use crate::answer::LogEntry;
use gantry_model::{LabelSet, Timestamp};
use gantry_query_eval::{Category, Hints, Labels, Options, Pipeline, Row as Processed, Scratch, Stream};
use gantry_query_lang::ast::Stage;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// Streams that a tail has seen before it forgets them; a query knows its streams beforehand.
const MAX_STREAMS: usize = 10_000;

/// Runs stages over lines. A clone shares the compiled stages and nothing else.
#[derive(Clone)]
pub struct Runner {
    pipeline: Arc<Pipeline>,
    text: Arc<str>,
    /// The level of the line is part of its metadata.
    with_level: bool,
    /// Buffer for metadata with the level.
    metadata: String,
    labels: Vec<LabelSet>,
    /// By stream number, filled when the first line comes.
    prepared: Vec<Option<Stream>>,
    numbers: HashMap<LabelSet, u32>,
    scratch: Scratch,
}

impl Runner {
    /// For all stages of a log query. `streams`: labels by stream number.
    pub fn for_lines(plan: &LogPlan, streams: Arc<[LabelSet]>, now: Timestamp) -> Result<Self, QueryError> {
        Runner::new(&plan.stages, plan.with_level, streams, now)
    }

    /// For the stages that decide whether a line stays.
    pub fn for_dropping(plan: &LogPlan, streams: Arc<[LabelSet]>, now: Timestamp) -> Result<Self, QueryError> {
        Runner::new(plan.dropping_stages(), plan.with_level, streams, now)
    }

    fn new(stages: &[Stage], with_level: bool, streams: Arc<[LabelSet]>, now: Timestamp) -> Result<Self, QueryError> {
        let options = Options { filters_pushed_down: false, hints: Hints::all(), now: now.nanos() };
        let pipeline = Arc::new(Pipeline::compile(stages, &options)?);
        let text = stages.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ").into();
        Ok(Runner {
            scratch: pipeline.scratch(),
            pipeline,
            text,
            with_level,
            metadata: String::new(),
            prepared: streams.iter().map(|_| None).collect(),
            labels: streams.to_vec(),
            numbers: HashMap::new(),
        })
    }

    /// The stages as LogQL.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The number of a stream that may be new.
    pub fn number(&mut self, labels: &LabelSet) -> u32 {
        if let Some(number) = self.numbers.get(labels) {
            return *number;
        }
        if self.labels.len() >= MAX_STREAMS {
            (self.labels, self.prepared, self.numbers) = Default::default();
        }
        let number = self.labels.len() as u32;
        self.numbers.insert(labels.clone(), number);
        self.labels.push(labels.clone());
        self.prepared.push(None);
        number
    }

    /// Whether the line stays.
    pub fn passes(&mut self, stream: u32, timestamp: Timestamp, body: &str, metadata: &str) -> bool {
        self.process(stream, timestamp, body, metadata).is_some()
    }

    /// Shows what the query makes of a line, if it stays.
    pub fn each(&mut self, row: &Row<'_>, visit: impl FnOnce(&Processed<'_>)) {
        if let Some(out) = self.process(row.stream, row.timestamp, row.body, row.metadata) {
            visit(&out);
        }
    }

    /// What the query makes of a line.
    pub fn line(&mut self, row: &Row<'_>, categorized: bool) -> Option<(Labels, LogEntry)> {
        let out = self.process(row.stream, row.timestamp, row.body, row.metadata)?;
        let mut entry = LogEntry { timestamp: row.timestamp, line: out.line().into(), ..LogEntry::default() };
        if !categorized {
            return Some((out.labels(|_| true), entry));
        }
        entry.structured = out.labels(|category| category == Category::StructuredMetadata);
        entry.parsed = out.labels(|category| category == Category::Parsed);
        Some((out.labels(|category| category == Category::Stream), entry))
    }

    fn process<'r>(
        &'r mut self,
        stream: u32,
        timestamp: Timestamp,
        body: &'r str,
        metadata: &'r str,
    ) -> Option<Processed<'r>> {
        let at = stream as usize;
        let metadata = if self.with_level {
            level::add(&self.labels[at], metadata, body, &mut self.metadata);
            &self.metadata
        } else {
            metadata
        };
        let prepare = || self.pipeline.stream(&mut self.scratch, &self.labels[at]);
        let prepared = self.prepared[at].get_or_insert_with(prepare);
        self.pipeline.process(&mut self.scratch, prepared, timestamp.nanos(), body, metadata)
    }
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runner").field("stages", &self.text).finish_non_exhaustive()
    }
}
