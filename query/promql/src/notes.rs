//! Remarks on an answer (Prometheus' annotations): each text once, placed in the query.

use crate::Annotations;
use gantry_query_lang::promql::ast::Span;
use std::collections::BTreeSet;
use std::sync::Mutex;

/// Most remarks of a kind that are kept.
const MOST: usize = 10_000;

/// Collects from several threads.
#[derive(Debug)]
pub(crate) struct Notes {
    query: String,
    found: Mutex<(BTreeSet<String>, BTreeSet<String>)>,
}

impl Notes {
    pub(crate) fn new(query: &str) -> Self {
        Notes { query: query.to_owned(), found: Mutex::default() }
    }

    pub(crate) fn warn(&self, span: Span, text: &str) {
        let text = format!("PromQL warning: {text} ({})", self.place(span));
        let mut found = self.found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if found.0.len() < MOST {
            found.0.insert(text);
        }
    }

    pub(crate) fn info(&self, span: Span, text: &str) {
        let text = format!("PromQL info: {text} ({})", self.place(span));
        let mut found = self.found.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if found.1.len() < MOST {
            found.1.insert(text);
        }
    }

    fn place(&self, span: Span) -> String {
        let before = &self.query.as_bytes()[..(span.start as usize).min(self.query.len())];
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
        format!("{line}:{column}")
    }

    pub(crate) fn finish(self) -> Annotations {
        let (warnings, infos) = self.found.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        Annotations { warnings, infos }
    }
}

/// In double quotes.
pub(crate) fn quoted(text: &str) -> String {
    format!("{text:?}")
}

pub(crate) fn mixed(name: &str) -> String {
    format!("encountered a mix of histograms and floats for metric name {}", quoted(name))
}

pub(crate) fn mixed_schemas(name: &str) -> String {
    let what = "vector contains a mix of histograms with exponential and custom buckets schemas for metric name";
    format!("{what} {}", quoted(name))
}

pub(crate) fn collision(operation: &str) -> String {
    format!("conflicting counter resets during histogram {operation}")
}

pub(crate) fn reconciled(operation: &str) -> String {
    format!("mismatched custom buckets were reconciled during {operation}")
}
