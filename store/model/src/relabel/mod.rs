//! Relabelling: rules that rewrite the labels of targets and series, or drop them. Configured and behaving as Prometheus'
//! `relabel_configs` (configuration, `relabel_config`), with names in UTF-8.
//!
//! Pure: it knows neither targets nor samples. Start with [`RelabelConfig`], which is what a user writes, and
//! [`RelabelRules`], which is what runs.

mod config;
mod rule;

pub use config::{InvalidRelabel, RelabelAction, RelabelConfig};

use crate::LabelSet;
use rule::Rule;
use std::collections::BTreeMap;

/// Rules, checked and compiled, applied in this order. Cheap to share, not to make.
#[derive(Clone, Debug, Default)]
pub struct RelabelRules(Vec<Rule>);

impl RelabelRules {
    /// `dialect` translates the user's regexes (Go's syntax) to those of the crate `regex`, or says what is wrong.
    pub fn new(
        configs: &[RelabelConfig],
        dialect: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Self, InvalidRelabel> {
        configs.iter().map(|config| Rule::new(config, dialect)).collect::<Result<_, _>>().map(RelabelRules)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The labels that the rules make of these; `None` when a rule drops them.
    pub fn apply(&self, labels: &LabelSet) -> Option<LabelSet> {
        if self.0.is_empty() {
            return Some(labels.clone());
        }
        let mut map = labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        self.apply_to(&mut map).then(|| map.iter().collect())
    }

    /// Rewrites labels in place; false when a rule drops them. Labels with an empty value are removed.
    pub fn apply_to(&self, labels: &mut BTreeMap<String, String>) -> bool {
        labels.retain(|_, value| !value.is_empty());
        self.0.iter().all(|rule| rule.apply(labels))
    }
}

#[cfg(test)]
mod tests;
