//! Lines to samples.

use super::evaluate::Leaf;
use super::index::KeyPlan;
use super::range::{RangeAggregator, Setup};
use super::table::Steps;
use crate::pipeline::{NameId, PostFilters, Row};
use crate::value::{parse_bytes, parse_duration, parse_float};
use crate::{EvalError, Hints, Labels, Options, Pipeline, Scratch, Stream};
use gantry_model::MatchOp;
use gantry_query_lang::ast::{Grouping, RangeAggregation, RangeOp, UnwrapConversion};

/// One range aggregation, compiled; share it between threads.
#[derive(Clone, Debug)]
pub struct RangeQuery {
    pipeline: Pipeline,
    filters: PostFilters,
    unwrap: Option<(NameId, Option<UnwrapConversion>)>,
    plan: KeyPlan,
    bytes: bool,
    setup: Setup,
}

/// The kind of error that a label gets whose value cannot be unwrapped.
const ERROR: &str = "SampleExtractionErr";

impl RangeQuery {
    /// `options.hints` are filled in from the query.
    pub fn compile(leaf: &Leaf<'_>, options: Options) -> Result<RangeQuery, EvalError> {
        let range = leaf.range;
        let nothing = Grouping { without: false, labels: Vec::new() };
        let absent = range.op == RangeOp::AbsentOverTime;
        let grouping = if absent { Some(&nothing) } else { leaf.grouping.or(range.grouping.as_ref()) };
        let unwrap = range.unwrap.as_ref();
        let label = unwrap.map(|u| u.label.as_str());
        let options = Options { hints: Hints::of_grouping(grouping, label), ..options };
        let filters = unwrap.map_or(&[][..], |u| &u.filters);
        let (mut pipeline, filters) = Pipeline::compile_with(&range.log.stages, filters, &options)?;
        let plan = KeyPlan::new(grouping, label, &mut |name| pipeline.intern(name));
        let unwrap = unwrap.map(|u| (pipeline.intern(&u.label), u.conversion));
        let bytes = matches!(range.op, RangeOp::BytesOverTime | RangeOp::BytesRate);
        let setup = Setup {
            op: range.op,
            param: range.param,
            range: range.range_nanos,
            offset: range.offset_nanos,
            counts: unwrap.is_none(),
            absent: absent.then(|| absent_labels(range)),
        };
        Ok(RangeQuery { pipeline, filters, unwrap, plan, bytes, setup })
    }

    /// The pipeline without `unwrap`: for its push-down filters, scratches and streams.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// The times of lines that some step sees, in nanoseconds: after the first, up to and including the second.
    pub fn time_range(&self, steps: Steps) -> (i64, i64) {
        let last = steps.at(steps.count().saturating_sub(1));
        let from = steps.start.saturating_sub(self.setup.offset).saturating_sub(self.setup.range);
        (from, last.saturating_sub(self.setup.offset))
    }

    /// A collector for these steps with at most `limit` series.
    pub fn aggregator(&self, steps: Steps, limit: usize) -> RangeAggregator {
        RangeAggregator::new(self.setup.clone(), steps, limit)
    }

    /// Runs the pipeline over a line and adds its sample, if it gives one. Lines may come in any order.
    pub fn add(
        &self,
        into: &mut RangeAggregator,
        scratch: &mut Scratch,
        stream: &mut Stream,
        timestamp: i64,
        body: &str,
        metadata: &str,
    ) -> Result<(), EvalError> {
        if into.seen_by(timestamp).is_empty() {
            return Ok(());
        }
        let mut work = self.pipeline.work(scratch, stream, timestamp, body, metadata);
        if !self.pipeline.run(&mut work) {
            return Ok(());
        }
        let mut value = if self.bytes { work.line().len() as f64 } else { 1.0 };
        if let Some((name, conversion)) = self.unwrap {
            let text = work.get(name).map_or("", |(text, _)| text);
            if text.is_empty() {
                return Ok(());
            }
            value = match convert(text, conversion) {
                Ok(value) => value,
                Err(message) => {
                    work.fail(ERROR, Some(&message));
                    0.0
                }
            };
            if !self.filters.keep(&mut work) {
                return Ok(());
            }
        }
        if work.failed() && !work.scratch.preserved {
            let row = Row::new(work);
            let kind = row.error().unwrap_or_default().to_string();
            return Err(EvalError::Pipeline { kind, series: row.labels(|_| true).to_string() });
        }
        let series = into.index.of(&self.plan, work, into.limit)?;
        into.add(series, timestamp, value);
        Ok(())
    }
}

fn convert(text: &str, conversion: Option<UnwrapConversion>) -> Result<f64, String> {
    match conversion {
        None => parse_float(text).map_err(|e| e.0),
        Some(UnwrapConversion::Bytes) => parse_bytes(text).map(|bytes| bytes as f64).map_err(|e| e.0),
        Some(_) => parse_duration(text).map(|nanos| nanos as f64 / 1e9).map_err(|e| e.0),
    }
}

/// The labels that the selector fixes by `=`; one that it fixes twice is left out.
fn absent_labels(range: &RangeAggregation) -> Labels {
    let matchers = &range.log.selector.0;
    let once = |name: &str| matchers.iter().filter(|m| m.name == name).count() == 1;
    let fixed = matchers.iter().filter(|m| m.op == MatchOp::Eq && !m.value.is_empty() && once(&m.name));
    fixed.map(|m| (m.name.as_str(), m.value.as_str())).collect()
}
