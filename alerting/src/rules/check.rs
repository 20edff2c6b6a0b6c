//! What is wrong with rules that could be read, in Prometheus' words where it has them.

use super::file::{Rule, RuleFile, RuleGroup};
use crate::template::Templates;
use gantry_query_lang::promql::{self, Options};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What is wrong, and where. `Display`: `group "a", rule 1, "up:sum": invalid field 'for' in recording rule`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub group: String,
    /// The number of the rule in its group, from 1, and its name; `None`: the group itself.
    pub rule: Option<(usize, String)>,
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rule {
            Some((number, name)) => write!(f, "group {:?}, rule {number}, {name:?}: {}", self.group, self.what),
            None => write!(f, "group {:?}: {}", self.group, self.what),
        }
    }
}

/// Rules of one name with the same labels: they write the same series.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duplicate {
    pub name: String,
    pub labels: BTreeMap<String, String>,
}

impl RuleFile {
    /// Everything that is wrong with rules in PromQL. Empty when nothing is.
    pub fn problems(&self, options: Options) -> Vec<Problem> {
        self.problems_by(&|expr| promql::parse(expr, options).map(drop).map_err(|error| error.to_string()))
    }

    /// The same for rules in any language; `parse` says what is wrong with an expression.
    pub fn problems_by(&self, parse: &dyn Fn(&str) -> Result<(), String>) -> Vec<Problem> {
        let mut found = Vec::new();
        let mut names = BTreeSet::new();
        for group in &self.groups {
            let mut of_group = |what: String| found.push(Problem { group: group.name.clone(), rule: None, what });
            if group.name.is_empty() {
                of_group("Groupname must not be empty".into());
            } else if !names.insert(&group.name) {
                of_group("the name of this group is repeated in the same file".into());
            }
            label_names(&group.labels).for_each(of_group);
            for (at, rule) in group.rules.iter().enumerate() {
                found.extend(rule.problems(parse).into_iter().map(|what| placed(group, at, rule, what)));
            }
        }
        found
    }

    /// Rules that occur more than once in this file, in whatever group, in order of their names.
    pub fn duplicates(&self) -> Vec<Duplicate> {
        let mut seen = BTreeSet::new();
        let keys = self.groups.iter().flat_map(|group| group.rules.iter().map(|rule| duplicate(group, rule)));
        let repeated: BTreeSet<Duplicate> = keys.filter(|key| !seen.insert(key.clone())).collect();
        repeated.into_iter().collect()
    }
}

/// What tells rules apart: the labels are those of the group, too.
fn duplicate(group: &RuleGroup, rule: &Rule) -> Duplicate {
    let mut labels = group.labels.clone();
    labels.extend(rule.labels.clone());
    Duplicate { name: rule.name().to_owned(), labels }
}

fn placed(group: &RuleGroup, at: usize, rule: &Rule, what: String) -> Problem {
    Problem { group: group.name.clone(), rule: Some((at + 1, rule.name().to_owned())), what }
}

fn label_names(labels: &BTreeMap<String, String>) -> impl Iterator<Item = String> {
    labels
        .keys()
        .filter(|name| name.is_empty() || *name == "__name__")
        .map(|name| format!("invalid label name: {name}"))
}

impl Rule {
    /// Labels and annotations of alerts are templates.
    fn broken_templates(&self) -> impl Iterator<Item = String> {
        let is_alert = !self.alert.is_empty();
        let labels = self.labels.iter().map(|pair| ("label", pair));
        let all = labels.chain(self.annotations.iter().map(|pair| ("annotation", pair)));
        all.filter(move |_| is_alert).filter_map(|(what, (name, text))| {
            Templates::check(&self.alert, text).err().map(|wrong| format!("{what} {name:?}: {wrong}"))
        })
    }

    fn problems(&self, parse: &dyn Fn(&str) -> Result<(), String>) -> Vec<String> {
        let mut found = Vec::new();
        let mut wrong = |condition: bool, what: &str| {
            if condition {
                found.push(what.to_owned());
            }
        };
        let (records, alerts) = (!self.record.is_empty(), !self.alert.is_empty());
        wrong(records && alerts, "only one of 'record' and 'alert' must be set");
        wrong(!records && !alerts, "one of 'record' or 'alert' must be set");
        wrong(self.expr.is_empty(), "field 'expr' must be set in rule");
        let only_records = records && !alerts;
        wrong(only_records && !self.annotations.is_empty(), "invalid field 'annotations' in recording rule");
        wrong(only_records && self.for_ms != 0, "invalid field 'for' in recording rule");
        wrong(only_records && self.keep_firing_for_ms != 0, "invalid field 'keep_firing_for' in recording rule");
        if !self.expr.is_empty()
            && let Err(error) = parse(&self.expr)
        {
            found.push(format!("could not parse expression: {error}"));
        }
        if self.record.contains(['{', '}']) {
            found.push(format!("a name of recorded series has no braces; do they belong to expr? {}", self.record));
        }
        found.extend(label_names(&self.labels));
        found.extend(self.broken_templates());
        if self.annotations.contains_key("") {
            found.push("invalid annotation name: ".to_owned());
        }
        found
    }
}
