//! Inhibition: alerts that are hidden while others fire.

use crate::alert::{Alert, Fingerprint};
use crate::config::InhibitRuleConfig;
use crate::matchers::all_match;
use crate::route::matchers;
use gantry_model::{LabelSet, Matcher, Timestamp};
use std::collections::HashMap;

/// One rule.
#[derive(Clone, Debug)]
pub struct InhibitRule {
    source: Vec<Matcher>,
    target: Vec<Matcher>,
    equal: Vec<String>,
}

impl InhibitRule {
    /// # Errors
    /// What is wrong with a matcher.
    pub fn new(config: &InhibitRuleConfig) -> Result<Self, String> {
        Ok(InhibitRule {
            source: matchers(&config.source_match, &config.source_match_re, &config.source_matchers)?,
            target: matchers(&config.target_match, &config.target_match_re, &config.target_matchers)?,
            equal: config.equal.clone(),
        })
    }

    /// What has to be equal; a label that is absent is empty.
    fn key(&self, labels: &LabelSet) -> Vec<Box<str>> {
        self.equal.iter().map(|name| labels.get(name).unwrap_or("").into()).collect()
    }
}

/// The rules with the alerts that fire at an instant, so that many alerts can be looked at.
#[derive(Debug)]
pub struct Inhibitor<'a>(Vec<(&'a InhibitRule, Sources)>);

/// Hiding alerts by what has to be equal.
type Sources = HashMap<Vec<Box<str>>, Hiding>;

/// One of the alerts of each kind.
#[derive(Debug, Default)]
struct Hiding {
    any: Option<Fingerprint>,
    /// One that the rule would not hide itself.
    one_sided: Option<Fingerprint>,
}

impl<'a> Inhibitor<'a> {
    pub fn new<'b>(
        rules: &'a [InhibitRule],
        alerts: impl Iterator<Item = (&'b Fingerprint, &'b Alert)>,
        now: Timestamp,
    ) -> Self {
        let mut all: Vec<(&InhibitRule, Sources)> = rules.iter().map(|rule| (rule, Sources::new())).collect();
        for (print, alert) in alerts.filter(|(_, alert)| !rules.is_empty() && !alert.is_resolved(now)) {
            for (rule, sources) in &mut all {
                if !all_match(&rule.source, &alert.labels) {
                    continue;
                }
                let hiding = sources.entry(rule.key(&alert.labels)).or_default();
                hiding.any.get_or_insert(*print);
                if !all_match(&rule.target, &alert.labels) {
                    hiding.one_sided.get_or_insert(*print);
                }
            }
        }
        Inhibitor(all)
    }

    /// Alerts that hide one with these labels. One that matches both sides of a rule is not hidden by its like.
    pub fn hidden_by(&self, labels: &LabelSet) -> Option<Fingerprint> {
        self.0.iter().find_map(|(rule, sources)| {
            if sources.is_empty() || !all_match(&rule.target, labels) {
                return None;
            }
            let hiding = sources.get(&rule.key(labels))?;
            if all_match(&rule.source, labels) { hiding.one_sided } else { hiding.any }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::PostedAlert;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn alert(pairs: &[(&str, &str)], ends: i64) -> (Fingerprint, Alert) {
        let labels = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let ends_at = Some(Timestamp::from_secs(ends));
        let posted =
            PostedAlert { labels, starts_at: Some(Timestamp::from_secs(1)), ends_at, ..PostedAlert::default() };
        let alert = posted.taken(Timestamp::from_secs(1), 0).unwrap();
        (alert.fingerprint(), alert)
    }

    #[test]
    fn alerts_are_hidden_by_others_whose_labels_are_equal() {
        let rule = InhibitRuleConfig {
            source_matchers: vec!["severity=critical".into()],
            target_matchers: vec!["severity=~\"warning|critical\"".into()],
            equal: vec!["cluster".into(), "absent".into()],
            ..InhibitRuleConfig::default()
        };
        let rules = [InhibitRule::new(&rule).unwrap()];
        let all = BTreeMap::from([
            alert(&[("severity", "critical"), ("cluster", "a")], 100),
            alert(&[("severity", "critical"), ("cluster", "over")], 5),
        ]);
        let inhibitor = Inhibitor::new(&rules, all.iter(), Timestamp::from_secs(10));
        let hidden =
            |pairs: &[(&str, &str)]| inhibitor.hidden_by(&LabelSet::from_pairs(pairs.iter().copied())).is_some();
        assert!(hidden(&[("severity", "warning"), ("cluster", "a")]));
        assert!(!hidden(&[("severity", "warning"), ("cluster", "b")]), "another cluster");
        assert!(!hidden(&[("severity", "warning"), ("cluster", "over")]), "the source is resolved");
        assert!(!hidden(&[("severity", "info"), ("cluster", "a")]), "no target");
        assert!(!hidden(&[("severity", "critical"), ("cluster", "a")]), "an alert does not hide its like");
    }

    fn labels() -> impl Strategy<Value = LabelSet> {
        (0..3u8, 0..3u8, 0..3u8).prop_map(|(s, t, e)| {
            let all = [("s", s), ("t", t), ("e", e)].map(|(name, value)| (name, value.to_string()));
            LabelSet::from_pairs(all.into_iter().filter(|(_, value)| value != "0"))
        })
    }

    proptest! {
        /// The rule as it is documented, asked of every pair.
        #[test]
        fn it_agrees_with_asking_every_pair(given in prop::collection::vec((labels(), 1..4i64), 0..8), target in labels()) {
            let is = |labels: &LabelSet, name: &str, value: &str| labels.get(name) == Some(value);
            let rules = [
                InhibitRuleConfig { source_matchers: vec!["s=1".into()], target_matchers: vec!["t=1".into()], equal: vec!["e".into()], ..InhibitRuleConfig::default() },
                InhibitRuleConfig { source_matchers: vec!["s=2".into()], target_matchers: vec!["t=~1|2".into()], ..InhibitRuleConfig::default() },
            ];
            let rules = rules.map(|rule| InhibitRule::new(&rule).unwrap());
            let all: BTreeMap<Fingerprint, Alert> = given.iter().filter(|(labels, _)| !labels.is_empty()).map(|(labels, ends)| {
                let pairs: Vec<(&str, &str)> = labels.iter().collect();
                alert(&pairs, *ends)
            }).collect();
            let now = Timestamp::from_secs(2);
            let expected = all.values().filter(|source| !source.is_resolved(now)).any(|source| {
                let source = &source.labels;
                let first = is(source, "s", "1") && is(&target, "t", "1") && source.get("e") == target.get("e")
                    && !(is(&target, "s", "1") && is(source, "t", "1"));
                let t = |labels: &LabelSet| is(labels, "t", "1") || is(labels, "t", "2");
                first || (is(source, "s", "2") && t(&target) && !(is(&target, "s", "2") && t(source)))
            });
            prop_assert_eq!(Inhibitor::new(&rules, all.iter(), now).hidden_by(&target).is_some(), expected);
        }
    }
}
