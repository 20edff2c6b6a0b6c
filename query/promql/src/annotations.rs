//! [`Annotations`]: what is worth knowing about an answer that is no error, in Prometheus' words.

use gantry_query_lang::promql::ast::Span;
use std::collections::BTreeSet;

/// Warnings (the answer may be wrong) and infos (the question may be), each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotations {
    pub warnings: BTreeSet<String>,
    pub infos: BTreeSet<String>,
}

impl Annotations {
    pub(crate) fn warn(&mut self, text: &str, place: &str) {
        self.warnings.insert(format!("PromQL warning: {text} ({place})"));
    }

    pub(crate) fn info(&mut self, text: &str, place: &str) {
        self.infos.insert(format!("PromQL info: {text} ({place})"));
    }
}

/// Line and column of the start of a span, from 1.
pub(crate) fn place(query: &str, span: Span) -> String {
    let before = query.get(..span.start as usize).unwrap_or(query);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, str::len) + 1;
    format!("{line}:{column}")
}
