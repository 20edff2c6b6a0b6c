//! Transforms between decoding and storing: gantry-transform does them, ingest asks for them, this counts them.

use gantry_ingest::{IngestError, Reason, Transform, Transformed};
use gantry_model::{LogBatch, Selector, TenantId, Timestamp};
use gantry_query_lang::Expr;
use gantry_transform::{Invalid, Pipeline, RunError, Tally, TransformOptions};
use prometheus::{IntCounter, IntCounterVec, Opts, Registry};
use std::sync::Arc;

/// Compiles the transforms of a configuration.
///
/// # Errors
/// Everything that is wrong with any of them.
pub fn compile(transforms: &[TransformOptions]) -> Result<Pipeline, Vec<Invalid>> {
    Pipeline::compile(transforms, &selector)
}

/// `{app="web"}`, as in LogQL.
fn selector(text: &str) -> Result<Selector, String> {
    match gantry_query_lang::parse(text) {
        Ok(Expr::Log(log)) if log.stages.is_empty() => Ok(log.selector),
        Ok(_) => Err(format!("{text} is more than a stream selector such as {{app=\"web\"}}")),
        Err(error) => Err(error.to_string()),
    }
}

/// A pipeline, and the counts of what it does.
#[derive(Debug)]
pub struct Transforms {
    pipeline: Arc<Pipeline>,
    counts: Vec<Counts>,
    dropped: IntCounterVec,
    errors: IntCounterVec,
}

/// What every line of a transform counts in.
#[derive(Debug)]
struct Counts {
    name: String,
    events: IntCounter,
}

impl Transforms {
    /// `None` when there is nothing to do.
    ///
    /// # Errors
    /// When the registry holds metrics of these names already.
    pub fn start(pipeline: Pipeline, registry: &Registry) -> Result<Option<Arc<dyn Transform>>, prometheus::Error> {
        if pipeline.is_empty() {
            return Ok(None);
        }
        let counter = |name: &str, help: &str, labels: &[&str]| {
            let vec = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(vec.clone())).map(|()| vec)
        };
        let events = counter("gantry_transform_events_total", "Lines that a transform was for", &["transform"])?;
        let by_reason = &["transform", "reason"];
        let dropped = counter("gantry_transform_dropped_total", "Lines that a transform dropped", by_reason)?;
        let errors = counter("gantry_transform_errors_total", "Lines on which a transform failed", by_reason)?;
        let of = |name: &str| Counts { name: name.to_owned(), events: events.with_label_values(&[name]) };
        let counts = pipeline.names().map(of).collect();
        Ok(Some(Arc::new(Transforms { pipeline: Arc::new(pipeline), counts, dropped, errors })))
    }

    /// Counts what the stages did; gives the lines and bytes that were dropped.
    fn count(&self, source: &str, tallies: &[Tally]) -> (u64, u64) {
        let (mut lines, mut bytes) = (0, 0);
        for (counts, tally) in self.counts.iter().zip(tallies) {
            counts.events.inc_by(tally.events);
            for (reason, dropped) in &tally.dropped {
                self.dropped.with_label_values(&[&counts.name, reason]).inc_by(dropped.lines);
                lines += dropped.lines;
                bytes += dropped.bytes;
            }
            for (reason, failed) in &tally.errors {
                self.errors.with_label_values(&[&*counts.name, reason]).inc_by(*failed);
            }
            if let Some(error) = &tally.first_error {
                tracing::debug!(transform = counts.name, source, error, "a transform failed on a line");
            }
        }
        (lines, bytes)
    }
}

impl Transform for Transforms {
    fn is_for(&self, source: &str) -> bool {
        self.pipeline.has_source(source)
    }

    fn apply(
        &self,
        tenant: &TenantId,
        source: &'static str,
        batch: LogBatch,
        now: Timestamp,
    ) -> Result<Transformed, IngestError> {
        let ran = self.pipeline.run(tenant, source, batch, now).map_err(refusal)?;
        let (dropped_lines, dropped_bytes) = self.count(source, &ran.tallies);
        let (pipeline, charges) = (self.pipeline.clone(), ran.charges);
        let undo =
            (!charges.is_empty()).then(|| -> Box<dyn FnOnce() + Send> { Box::new(move || pipeline.refund(&charges)) });
        Ok(Transformed { batches: ran.batches, dropped_lines, dropped_bytes, undo })
    }
}

fn refusal(error: RunError) -> IngestError {
    match &error {
        RunError::Over { wait, .. } => IngestError::new(Reason::RateLimited, error.to_string()).retry_after(*wait),
        RunError::TooLarge => IngestError::new(Reason::BodyTooLarge, error.to_string()),
    }
}
