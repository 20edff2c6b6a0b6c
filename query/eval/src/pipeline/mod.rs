//! From a line of a stream to the line and labels that the query makes of it, or to nothing.
//!
//! [`Pipeline::compile`] once per query; per thread a [`Scratch`]; per stream a [`Stream`]; then [`Pipeline::process`]
//! for every line. No allocation happens for lines that need none.

mod filter_label;
mod filter_line;
mod format;
mod hints;
mod json;
mod labels;
mod names;
mod row;
mod text;

use crate::EvalError;
use crate::template::Template;
use filter_label::CompiledLabelFilter;
use filter_line::CompiledLineFilter;
pub use filter_line::store_line_filter;
use gantry_model::{LabelSet, LineFilter, metadata};
use gantry_query_lang::ast::{LabelFilter, Stage};
pub use hints::Hints;
use hints::Required;
pub(crate) use labels::Work;
pub use labels::{Category, Scratch, Stream};
use names::Names;
pub(crate) use names::{NameId, QuickMap};
pub use row::Row;
use std::fmt::Display;

/// A pipeline, compiled; share it between threads.
#[derive(Clone, Debug)]
pub struct Pipeline {
    steps: Vec<Step>,
    pushdown: Vec<LineFilter>,
    required: Required,
    names: Names,
    trivial: bool,
    now: i64,
}

/// How a pipeline is compiled.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The store has applied [`Pipeline::pushdown_filters`]: leave them out.
    pub filters_pushed_down: bool,
    /// Which labels are needed afterwards.
    pub hints: Hints,
    /// What `now` gives in templates, nanoseconds since 1970.
    pub now: i64,
}

#[derive(Clone, Debug)]
enum Step {
    LineFilter(CompiledLineFilter),
    LabelFilter(CompiledLabelFilter),
    Json,
    JsonExtract(Vec<json::JsonExtraction>),
    Logfmt(text::LogfmtFlags),
    LogfmtExtract(Vec<text::LogfmtExtraction>, text::LogfmtFlags),
    Pattern(text::PatternParser),
    Regexp(text::RegexpParser),
    Unpack,
    LineFormat(Box<Template>),
    LabelFormat(Vec<format::Assignment>),
    Decolorize,
    Drop(Vec<format::Selected>),
    Keep(Vec<format::Selected>),
}

/// An error in a stage, as the parser would have reported it.
fn stage_error(error: impl Display) -> EvalError {
    EvalError::InvalidQuery(error.to_string())
}

/// A pipeline while it is compiled.
#[derive(Debug, Default)]
struct Compiler {
    names: Names,
    read: Vec<String>,
    any: bool,
    pushdown: Vec<LineFilter>,
    line_changed: bool,
    parsed: bool,
    early: Vec<(NameId, CompiledLabelFilter)>,
}

impl Compiler {
    /// `None` for a stage that the store has done.
    fn step(&mut self, stage: &Stage, options: &Options) -> Result<Option<Step>, EvalError> {
        Ok(Some(match stage {
            Stage::LineFilter(filter) => {
                let compiled = CompiledLineFilter::new(filter)?;
                let stored = store_line_filter(filter).filter(|_| !self.line_changed);
                if let Some(stored) = stored {
                    self.pushdown.push(stored);
                    if options.filters_pushed_down {
                        return Ok(None);
                    }
                }
                Step::LineFilter(compiled)
            }
            Stage::LabelFilter(filter) => {
                let filter = self.label_filter(filter)?;
                let label = filter.label().filter(|_| self.parsed);
                self.early.extend(label.map(|label| (label, filter.clone())));
                Step::LabelFilter(filter)
            }
            Stage::Json(extractions) if extractions.is_empty() => Step::Json,
            Stage::Json(extractions) => {
                let extractions = extractions.iter().map(|e| json::JsonExtraction::new(e, &mut self.names));
                Step::JsonExtract(extractions.collect::<Result<_, _>>()?)
            }
            Stage::Logfmt { strict, keep_empty, extractions } => {
                let flags = text::LogfmtFlags { strict: *strict, keep_empty: *keep_empty };
                let extractions = extractions.iter().map(|e| text::LogfmtExtraction::new(e, &mut self.names));
                match extractions.collect::<Vec<_>>() {
                    extractions if extractions.is_empty() => Step::Logfmt(flags),
                    extractions => Step::LogfmtExtract(extractions, flags),
                }
            }
            Stage::Pattern(pattern) => Step::Pattern(text::PatternParser::new(pattern, &mut self.names)?),
            Stage::Regexp(regex) => Step::Regexp(text::RegexpParser::new(regex, &mut self.names)?),
            Stage::Unpack => {
                self.line_changed = true;
                Step::Unpack
            }
            Stage::LineFormat(text) => {
                self.line_changed = true;
                let template = format::line_template(text)?;
                format::Reads { names: &mut self.read, any: &mut self.any }.template(&template);
                Step::LineFormat(Box::new(template))
            }
            Stage::LabelFormat(formats) => {
                let mut reads = format::Reads { names: &mut self.read, any: &mut self.any };
                Step::LabelFormat(format::assignments(formats, &mut self.names, &mut reads)?)
            }
            Stage::Decolorize => {
                self.line_changed = true;
                Step::Decolorize
            }
            Stage::Drop(entries) => Step::Drop(self.selected(entries)),
            Stage::Keep(entries) => Step::Keep(self.selected(entries)),
        }))
    }

    fn label_filter(&mut self, filter: &LabelFilter) -> Result<CompiledLabelFilter, EvalError> {
        CompiledLabelFilter::new(filter, &mut self.names, &mut self.read)
    }

    fn selected(&mut self, entries: &[gantry_query_lang::ast::DropKeep]) -> Vec<format::Selected> {
        entries.iter().map(|entry| format::Selected::new(entry, &mut self.names)).collect()
    }
}

impl Pipeline {
    pub fn compile(stages: &[Stage], options: &Options) -> Result<Pipeline, EvalError> {
        Self::compile_with(stages, &[], options).map(|(pipeline, _)| pipeline)
    }

    /// With filters that run after the stages, on their own: those behind `unwrap`.
    pub(crate) fn compile_with(
        stages: &[Stage],
        filters: &[LabelFilter],
        options: &Options,
    ) -> Result<(Pipeline, PostFilters), EvalError> {
        let mut compiler = Compiler::default();
        let mut steps = Vec::with_capacity(stages.len());
        for stage in stages {
            let step = compiler.step(stage, options).map_err(|error| match error {
                EvalError::InvalidQuery(text) => EvalError::InvalidQuery(format!("stage '{stage}' : {text}")),
                other => other,
            })?;
            compiler.parsed |= step.as_ref().is_some_and(Step::is_parser);
            steps.extend(step);
        }
        let filters = filters.iter().map(|f| compiler.label_filter(f)).collect::<Result<_, _>>()?;
        let Compiler { mut names, read, any, pushdown, early, .. } = compiler;
        let required = Required { early, ..Required::new(&options.hints, read, any, &mut names) };
        let trivial = stages.iter().all(|stage| matches!(stage, Stage::LineFilter(_)));
        Ok((Pipeline { steps, pushdown, required, names, trivial, now: options.now }, PostFilters(filters)))
    }

    /// Nothing but line filters: lines and labels stay as they are stored.
    pub fn is_trivial(&self) -> bool {
        self.trivial
    }

    /// Line filters that the store can apply: all that come before the line is changed.
    pub fn pushdown_filters(&self) -> &[LineFilter] {
        &self.pushdown
    }

    /// Whether there is nothing left to do for a line, as after a push-down of all filters.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub fn scratch(&self) -> Scratch {
        Scratch::new(self.names.clone(), 0)
    }

    /// Prepares the labels of a stream for this scratch.
    pub fn stream(&self, scratch: &mut Scratch, labels: &LabelSet) -> Stream {
        let mut stream = Stream { set: labels.clone(), labels: Vec::new(), generation: 0 };
        prepare(scratch, &mut stream);
        stream
    }

    /// Runs the pipeline over one line. `metadata` as [`gantry_model::metadata`] encodes it. `None`: the line is dropped.
    pub fn process<'r>(
        &'r self,
        scratch: &'r mut Scratch,
        stream: &'r mut Stream,
        timestamp: i64,
        body: &'r str,
        metadata: &str,
    ) -> Option<Row<'r>> {
        let mut work = self.work(scratch, stream, timestamp, body, metadata);
        self.run(&mut work).then(|| Row::new(work))
    }

    pub(crate) fn work<'r>(
        &'r self,
        scratch: &'r mut Scratch,
        stream: &'r mut Stream,
        timestamp: i64,
        body: &'r str,
        encoded: &str,
    ) -> Work<'r> {
        if scratch.names.is_full() {
            *scratch = Scratch::new(self.names.clone(), scratch.generation + 1);
        }
        if stream.generation != scratch.generation {
            prepare(scratch, stream);
        }
        scratch.clear();
        let mut work =
            Work { scratch, stream, required: &self.required, body, timestamp, now: self.now, own_line: false };
        if !encoded.is_empty() && !self.required.no_labels {
            add_metadata(&mut work, encoded);
        }
        work
    }

    /// A name that scratches made later will know.
    pub(crate) fn intern(&mut self, name: &str) -> NameId {
        self.names.intern(name)
    }

    pub(crate) fn run(&self, work: &mut Work<'_>) -> bool {
        self.steps.iter().all(|step| step.run(work))
    }
}

fn prepare(scratch: &mut Scratch, stream: &mut Stream) {
    stream.generation = scratch.generation;
    stream.labels = stream.set.iter().map(|(name, value)| (scratch.names.intern(name), value.into())).collect();
}

fn add_metadata(work: &mut Work<'_>, encoded: &str) {
    for (name, value) in metadata::iter(encoded) {
        let Some(id) = work.scratch.names.of_key(&name) else { continue };
        let wanted = work.required.metadata.is_empty() || work.required.metadata.contains(&id);
        if !wanted {
            continue;
        }
        match &*work.scratch.names.get(id).text {
            "__error__" => work.fail(&value, None),
            "__error_details__" => {}
            _ => {
                let id = if work.in_stream(id) { work.scratch.names.extracted(id) } else { id };
                work.set(Category::StructuredMetadata, id, &value);
            }
        }
    }
}

/// Filters that run after everything else.
#[derive(Clone, Debug, Default)]
pub(crate) struct PostFilters(Vec<CompiledLabelFilter>);

impl PostFilters {
    pub fn keep(&self, work: &mut Work<'_>) -> bool {
        self.0.iter().all(|filter| filter.keeps(work))
    }
}

impl Step {
    fn is_parser(&self) -> bool {
        matches!(self, Step::Json | Step::Logfmt(_) | Step::Pattern(_) | Step::Regexp(_) | Step::Unpack)
    }

    fn run(&self, work: &mut Work<'_>) -> bool {
        match self {
            Step::LineFilter(filter) => return filter.keeps(work.line()),
            Step::LabelFilter(filter) => return filter.keeps(work),
            Step::Json => json::flatten(work),
            Step::JsonExtract(extractions) => json::extract(work, extractions),
            Step::Logfmt(flags) => text::logfmt(work, *flags),
            Step::LogfmtExtract(extractions, flags) => text::extract_logfmt(work, extractions, *flags),
            Step::Pattern(parser) => parser.run(work),
            Step::Regexp(parser) => parser.run(work),
            Step::Unpack => json::unpack(work),
            Step::LineFormat(template) => format::line_format(work, template),
            Step::LabelFormat(assignments) => format::label_format(work, assignments),
            Step::Decolorize => text::decolorize(work),
            Step::Drop(entries) => format::drop_labels(work, entries),
            Step::Keep(entries) => format::keep_labels(work, entries),
        }
        !work.scratch.rejected
    }
}
