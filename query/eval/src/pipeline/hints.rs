//! What happens to a line's labels after the pipeline, so that parsers leave out what nobody asks for.

use super::filter_label::CompiledLabelFilter;
use super::names::{NameId, Names};
use gantry_query_lang::ast::Grouping;

/// Which labels a metric query needs of a line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// No label at all counts: parsers need not run unless a later stage reads what they find.
    pub no_labels: bool,
    /// Only these count, and what stages read; empty means all.
    pub wanted: Vec<String>,
    /// The label that is unwrapped, if any.
    pub unwrap: Option<String>,
}

impl Hints {
    /// For lines, or for a function that keeps all labels.
    pub fn all() -> Hints {
        Hints::default()
    }

    /// For a function whose series are told apart by `grouping`.
    pub fn of_grouping(grouping: Option<&Grouping>, unwrap: Option<&str>) -> Hints {
        let unwrap = unwrap.map(str::to_string);
        match grouping {
            None => Hints { unwrap, ..Hints::default() },
            Some(g) if g.without => Hints { unwrap, ..Hints::default() },
            Some(g) => Hints { no_labels: g.labels.is_empty(), wanted: g.labels.clone(), unwrap },
        }
    }
}

/// The hints of a pipeline, with the labels that its own stages read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Required {
    /// Parsers do nothing.
    pub no_labels: bool,
    /// Empty: everything.
    pub labels: Vec<NameId>,
    /// Metadata under these names stays.
    pub metadata: Vec<NameId>,
    /// Errors are part of what is asked for.
    pub preserve_error: bool,
    /// Filters on one label that come after a parser: tried as soon as a parser finds the label.
    pub early: Vec<(NameId, CompiledLabelFilter)>,
}

impl Required {
    /// `read`: the names that stages read; `None` when they may read any.
    pub fn new(hints: &Hints, read: Vec<String>, any: bool, names: &mut Names) -> Required {
        let grouped = hints.no_labels || !hints.wanted.is_empty();
        let mut all: Vec<&String> = read.iter().chain(&hints.wanted).chain(&hints.unwrap).collect();
        all.sort();
        all.dedup();
        let preserve_error = all.iter().any(|name| *name == "__error__");
        if !grouped || any {
            return Required { preserve_error, ..Required::default() };
        }
        if all.is_empty() {
            return Required { no_labels: true, ..Required::default() };
        }
        let labels: Vec<NameId> = all.iter().map(|name| names.intern(name)).collect();
        for id in &labels {
            names.get_mut(*id).required = true;
        }
        let bare = all.iter().filter_map(|name| name.strip_suffix("_extracted")).map(|name| names.intern(name));
        let metadata = bare.collect::<Vec<_>>().into_iter().chain(labels.iter().copied()).collect();
        Required { labels, metadata, preserve_error, ..Required::default() }
    }
}
