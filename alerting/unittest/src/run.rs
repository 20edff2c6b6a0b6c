//! Runs tests: evaluates groups of rules step by step, and looks at alerts and answers on the way.

use crate::alerts;
use crate::data::TestData;
use crate::file::{AlertTest, TestFile, TestGroup};
use crate::samples;
use gantry_alerting::{Group, RuleFile, Templates};
use gantry_query_lang::duration::{format_go_duration, format_prometheus_duration};
use gantry_query_lang::promql::Options;

/// The files of rules that a test is about, or what is wrong with them.
pub type RuleFiles = Result<Vec<RuleFile>, Vec<String>>;

/// What became of one group of tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// `unnamed#2` when it has none: the number counts from 0.
    pub name: String,
    /// In promtool's words. None: it passed.
    pub failures: Vec<String>,
}

impl TestFile {
    /// Runs the groups of tests whose names (empty ones, too) are `chosen`.
    pub fn run(&self, rules: &RuleFiles, options: Options, chosen: &dyn Fn(&str) -> bool) -> Vec<Outcome> {
        let groups = self.tests.iter().enumerate().filter(|(_, group)| chosen(&group.name));
        groups
            .map(|(at, group)| {
                let name = if group.name.is_empty() { format!("unnamed#{at}") } else { group.name.clone() };
                Outcome { name, failures: self.run_group(group, rules, options) }
            })
            .collect()
    }

    fn run_group(&self, group: &TestGroup, rules: &RuleFiles, options: Options) -> Vec<String> {
        let data = match TestData::new(group, self.evaluation_interval_ms(), options) {
            Ok(data) => data,
            Err(error) => return vec![error],
        };
        let rules = match rules {
            Ok(rules) => self.in_order(rules),
            Err(errors) => return errors.clone(),
        };
        if let Some(test) = group.alert_rule_test.iter().find(|test| test.alertname.is_empty()) {
            return vec![nameless(test, group)];
        }
        let templates = Templates::new(group.external_labels.clone(), group.external_url.clone());
        let mut failures = Vec::new();
        let mut running = Running { tests: group, rules, data, templates, interval_ms: self.evaluation_interval_ms() };
        if running.evaluate(&mut failures) {
            let asked = group.promql_expr_test.iter().filter_map(|test| {
                samples::compare(test, group.start_ms.saturating_add(test.at_ms), &mut running.data, self.fuzzy_compare)
            });
            failures.extend(asked);
        }
        failures
    }

    fn in_order(&self, files: &[RuleFile]) -> Vec<Group> {
        let mut groups: Vec<_> = files.iter().flat_map(|file| &file.groups).collect();
        groups.sort_by_key(|group| self.group_eval_order.iter().position(|name| *name == group.name).unwrap_or(0));
        groups.into_iter().map(|group| Group::new(group, 0)).collect()
    }
}

fn nameless(test: &AlertTest, group: &TestGroup) -> String {
    let at = format_prometheus_duration(test.at_ms.saturating_mul(1_000_000));
    let within = if group.name.is_empty() { String::new() } else { format!(" (in TestGroup {})", group.name) };
    format!("an item under alert_rule_test misses required attribute alertname at eval_time {at}{within}")
}

/// A group of tests while it runs.
struct Running<'t> {
    tests: &'t TestGroup,
    rules: Vec<Group>,
    data: TestData,
    templates: Templates,
    interval_ms: i64,
}

impl Running<'_> {
    /// Evaluates all rules until the last time that a test asks for. False when one of them failed: then nothing else is asked.
    fn evaluate(&mut self, failures: &mut Vec<String>) -> bool {
        let tests = self.tests;
        let times = tests.alert_rule_test.iter().map(|test| test.at_ms);
        let last = times.chain(tests.promql_expr_test.iter().map(|test| test.at_ms)).max().unwrap_or(0);
        let mut since = 0;
        while since <= last {
            let at_ms = tests.start_ms.saturating_add(since);
            if let Err(error) = self.data.load_until(at_ms) {
                failures.push(error);
            }
            let failed = self.step(at_ms);
            if !failed.is_empty() {
                failures.extend(failed);
                return false;
            }
            failures.extend(self.look(since));
            since = since.saturating_add(self.interval_ms);
        }
        true
    }

    /// Rules that failed.
    fn step(&mut self, at_ms: i64) -> Vec<String> {
        let mut failed = Vec::new();
        for group in &mut self.rules {
            for outcome in group.evaluate(at_ms, &mut self.data, &self.templates) {
                if let Err(error) = outcome.result {
                    let time = format_go_duration(at_ms.saturating_mul(1_000_000));
                    failed.push(format!("    rule: {}, time: {time}, err: {error}", outcome.rule));
                }
            }
        }
        failed
    }

    /// Tests of alerts between this evaluation and the next, in order of time.
    fn look(&self, since: i64) -> Vec<String> {
        let next = since.saturating_add(self.interval_ms);
        let due = self.tests.alert_rule_test.iter().filter(|test| (since..next).contains(&test.at_ms));
        let mut due: Vec<&AlertTest> = due.collect();
        due.sort_by_key(|test| test.at_ms);
        let alerts = || self.rules.iter().flat_map(Group::alerts);
        due.into_iter().filter_map(|test| alerts::compare(test, alerts(), &self.tests.name)).collect()
    }
}
