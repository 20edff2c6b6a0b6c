//! Making label sets of label sets.

use gantry_model::LabelSet;
use std::collections::BTreeSet;

pub(crate) const NAME: &str = "__name__";

/// Labels that say what is measured: a result that measures something else has none of them.
const METADATA: [&str; 3] = [NAME, "__type__", "__unit__"];

pub(crate) fn has_metadata(labels: &LabelSet) -> bool {
    METADATA.iter().any(|name| labels.get(name).is_some())
}

/// Without name, type and unit.
pub(crate) fn without_name(labels: &LabelSet) -> LabelSet {
    if !has_metadata(labels) {
        return labels.clone();
    }
    labels.iter().filter(|(name, _)| !METADATA.contains(name)).collect()
}

/// A number from 0 to 1 that follows from the labels, as `limit_ratio` of Prometheus draws it: XXH64 of all names and values,
/// each behind its length (one byte, or 255 and three bytes).
pub(crate) fn share(labels: &LabelSet) -> f64 {
    let mut encoded = Vec::with_capacity(128);
    for text in labels.iter().flat_map(|(name, value)| [name, value]) {
        let size = (text.len() as u32).to_le_bytes();
        if text.len() < 255 {
            encoded.push(size[0]);
        } else {
            encoded.push(255);
            encoded.extend_from_slice(&size[..3]);
        }
        encoded.extend_from_slice(text.as_bytes());
    }
    xxhash_rust::xxh64::xxh64(&encoded, 0) as f64 / u64::MAX as f64
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
