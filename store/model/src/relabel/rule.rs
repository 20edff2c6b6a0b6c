//! One rule at work.

use super::{InvalidRelabel, RelabelAction, RelabelConfig};
use md5::{Digest, Md5};
use regex::Regex;
use std::collections::BTreeMap;

/// Most bytes that a compiled regex may take.
const REGEX_SIZE_LIMIT: usize = 4 << 20;

type Labels = BTreeMap<String, String>;

#[derive(Clone, Debug)]
pub struct Rule {
    config: RelabelConfig,
    /// Anchored at both ends.
    regex: Regex,
    /// What is written does not depend on the labels.
    is_constant: bool,
}

impl Rule {
    pub fn new(
        config: &RelabelConfig,
        dialect: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Self, InvalidRelabel> {
        config.validate()?;
        let pattern = dialect(&config.regex).map_err(InvalidRelabel)?;
        let regex = regex::RegexBuilder::new(&format!("^(?s:{pattern})$")).size_limit(REGEX_SIZE_LIMIT).build();
        let regex = regex.map_err(|error| InvalidRelabel(format!("error parsing regexp: {error}")))?;
        let matches_all = config.regex == RelabelConfig::default().regex;
        let is_constant = matches_all && !config.target_label.contains('$') && !config.replacement.contains('$');
        Ok(Rule { config: config.clone(), regex, is_constant })
    }

    /// False when the rule drops the labels.
    pub fn apply(&self, labels: &mut Labels) -> bool {
        let RelabelConfig { action, target_label: target, .. } = &self.config;
        let matches = |name: &str| self.regex.is_match(name);
        match action {
            RelabelAction::Keep => return matches(&self.source(labels)),
            RelabelAction::Drop => return !matches(&self.source(labels)),
            RelabelAction::KeepEqual => return target_value(labels, target) == self.source(labels),
            RelabelAction::DropEqual => return target_value(labels, target) != self.source(labels),
            RelabelAction::Replace if self.is_constant => set(labels, target, self.config.replacement.clone()),
            RelabelAction::Replace => self.replace(labels),
            RelabelAction::Lowercase => set(labels, target, lowercase(&self.source(labels))),
            RelabelAction::Uppercase => set(labels, target, uppercase(&self.source(labels))),
            RelabelAction::HashMod => {
                let remainder = hash(&self.source(labels)) % self.config.modulus.max(1);
                set(labels, target, remainder.to_string());
            }
            RelabelAction::LabelMap => self.map_names(labels),
            RelabelAction::LabelDrop => labels.retain(|name, _| !matches(name)),
            RelabelAction::LabelKeep => labels.retain(|name, _| matches(name)),
        }
        true
    }

    /// The values that the rule looks at, joined.
    fn source(&self, labels: &Labels) -> String {
        let values = self.config.source_labels.iter().map(|name| target_value(labels, name));
        values.collect::<Vec<_>>().join(&self.config.separator)
    }

    fn replace(&self, labels: &mut Labels) {
        let source = self.source(labels);
        let Some(captures) = self.regex.captures(&source) else { return };
        let (mut target, mut value) = (String::new(), String::new());
        captures.expand(&self.config.target_label, &mut target);
        if target.is_empty() {
            return;
        }
        captures.expand(&self.config.replacement, &mut value);
        set(labels, &target, value);
    }

    fn map_names(&self, labels: &mut Labels) {
        let expanded = |(name, value): (&String, &String)| {
            let mut new = String::new();
            self.regex.captures(name)?.expand(&self.config.replacement, &mut new);
            (!new.is_empty()).then(|| (new, value.clone()))
        };
        let copies: Vec<(String, String)> = labels.iter().filter_map(expanded).collect();
        labels.extend(copies);
    }
}

fn target_value<'l>(labels: &'l Labels, name: &str) -> &'l str {
    labels.get(name).map_or("", String::as_str)
}

/// A label without a value is none.
fn set(labels: &mut Labels, name: &str, value: String) {
    if value.is_empty() {
        labels.remove(name);
    } else {
        labels.insert(name.to_owned(), value);
    }
}

/// The last 8 bytes of the MD5, as Prometheus takes them: all servers of a group must agree.
fn hash(text: &str) -> u64 {
    let digest = Md5::digest(text.as_bytes());
    digest.iter().skip(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// Character by character, as Go does: `Σ` at the end of a word is one like any other.
fn lowercase(text: &str) -> String {
    text.chars().map(|c| if c == '\u{130}' { 'i' } else { single(c.to_lowercase(), c) }).collect()
}

/// Character by character: `ß` has no upper case of one character and stays.
fn uppercase(text: &str) -> String {
    text.chars().map(|c| single(c.to_uppercase(), c)).collect()
}

fn single(mut mapped: impl ExactSizeIterator<Item = char>, otherwise: char) -> char {
    match mapped.len() {
        1 => mapped.next().unwrap_or(otherwise),
        _ => otherwise,
    }
}
