//! Label sets with labels taken away, kept, or set.

use gantry_model::LabelSet;
use gantry_model::metric::METRIC_NAME;

pub(crate) fn without_name(labels: &LabelSet) -> LabelSet {
    if labels.get(METRIC_NAME).is_none() {
        return labels.clone();
    }
    labels.iter().filter(|(name, _)| *name != METRIC_NAME).collect()
}

/// Only these.
pub(crate) fn keep(labels: &LabelSet, names: &[String]) -> LabelSet {
    labels.iter().filter(|(name, _)| names.iter().any(|wanted| wanted == name)).collect()
}

/// All but these and the metric's name.
pub(crate) fn drop(labels: &LabelSet, names: &[String]) -> LabelSet {
    labels.iter().filter(|(name, _)| *name != METRIC_NAME && !names.iter().any(|gone| gone == name)).collect()
}

/// With one label set, or taken away where the value is empty.
pub(crate) fn set(labels: &LabelSet, name: &str, value: &str) -> LabelSet {
    labels.iter().filter(|(other, _)| *other != name).chain([(name, value)]).collect()
}
