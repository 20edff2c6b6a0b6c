//! Making label sets of label sets.

use gantry_model::LabelSet;
use std::collections::BTreeSet;

pub(crate) const NAME: &str = "__name__";

pub(crate) fn without_name(labels: &LabelSet) -> LabelSet {
    if labels.get(NAME).is_none() {
        return labels.clone();
    }
    labels.iter().filter(|(name, _)| *name != NAME).collect()
}

/// Only these labels.
pub(crate) fn only(labels: &LabelSet, names: &[String]) -> LabelSet {
    labels.iter().filter(|(name, _)| names.iter().any(|n| n == name)).collect()
}

/// All but these and the name.
pub(crate) fn all_but(labels: &LabelSet, names: &[String]) -> LabelSet {
    labels.iter().filter(|(name, _)| *name != NAME && !names.iter().any(|n| n == name)).collect()
}

/// With one label set, or taken away when the value is empty.
pub(crate) fn with(labels: &LabelSet, name: &str, value: &str) -> LabelSet {
    labels.iter().filter(|(n, _)| *n != name).chain(std::iter::once((name, value))).collect()
}

/// `{a="1", b="2"}`, in the order of names.
pub(crate) fn text(labels: &LabelSet) -> String {
    labels.to_string()
}

pub(crate) fn metric_name(labels: &LabelSet) -> &str {
    labels.get(NAME).unwrap_or_default()
}

/// Whether a label set occurs twice.
pub(crate) fn repeated<'l>(labels: impl Iterator<Item = &'l LabelSet>) -> bool {
    let mut seen = BTreeSet::new();
    labels.into_iter().any(|l| !seen.insert(l))
}
