//! What the queries of the benchmark must answer, counted while the corpus is written.

use super::world::World;
use super::{Line, NEEDLES, Profile, RARE_NEEDLE, START_NS};
use anyhow::Result;
use regex::Regex;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The pattern of the regex query: its literals are common words, its numbers vary.
pub const PATTERN: &str = "deadline of [0-9]{4,5} ms exceeded";
pub const MINUTES: usize = 60;
const LAST_MATCHES: usize = 100;
const LAST_OF_POD: usize = 1000;

/// Counts by label value, one for each minute of the hour.
pub type PerMinute = BTreeMap<String, Vec<u64>>;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Truth {
    #[serde(default)]
    pub profile: Profile,
    pub seed: u64,
    pub lines: u64,
    /// Bytes of all bodies, line breaks not counted.
    pub body_bytes: u64,
    pub per_minute_by_app: PerMinute,
    pub needle: String,
    pub needle_times: Vec<u64>,
    pub rare_needle: String,
    pub rare_needle_times: Vec<u64>,
    pub trace: String,
    pub trace_times: Vec<u64>,
    pub pattern: String,
    pub pattern_matches: u64,
    /// Times of the last 100 matches, oldest first.
    pub pattern_last: Vec<u64>,
    pub pod: String,
    /// Times of the pod's last 1000 lines, oldest first.
    pub pod_last: Vec<u64>,
    pub pods: BTreeSet<String>,
    pub errors: u64,
    pub errors_by_app: BTreeMap<String, u64>,
    pub errors_per_minute_by_namespace: PerMinute,
}

/// Counts line by line.
#[derive(Debug)]
pub struct Observer {
    labels: Vec<BTreeMap<&'static str, String>>,
    pattern: Regex,
    truth: Truth,
    last_matches: VecDeque<u64>,
    last_of_pod: VecDeque<u64>,
}

impl Observer {
    pub fn new(world: &World) -> Result<Self> {
        let labels: Vec<BTreeMap<&'static str, String>> =
            (0..world.streams.len()).map(|at| world.labels(at).into_iter().collect()).collect();
        let pod = labels[0]["pod"].clone();
        let truth = Truth {
            profile: Profile::default(),
            seed: 0,
            lines: 0,
            body_bytes: 0,
            per_minute_by_app: PerMinute::new(),
            needle: NEEDLES[0].to_owned(),
            needle_times: Vec::new(),
            rare_needle: RARE_NEEDLE.to_owned(),
            rare_needle_times: Vec::new(),
            trace: String::new(),
            trace_times: Vec::new(),
            pattern: PATTERN.to_owned(),
            pattern_matches: 0,
            pattern_last: Vec::new(),
            pod,
            pod_last: Vec::new(),
            pods: BTreeSet::new(),
            errors: 0,
            errors_by_app: BTreeMap::new(),
            errors_per_minute_by_namespace: PerMinute::new(),
        };
        let pattern = Regex::new(PATTERN)?;
        Ok(Observer { labels, pattern, truth, last_matches: VecDeque::new(), last_of_pod: VecDeque::new() })
    }

    /// `trace` is the id to be looked up, once it is known.
    pub fn see(&mut self, line: &Line, trace: Option<&str>) {
        let (labels, truth) = (&self.labels[line.stream], &mut self.truth);
        let minute = ((line.at_ns - START_NS) / 60_000_000_000) as usize;
        truth.lines += 1;
        truth.body_bytes += line.body.len() as u64;
        count(&mut truth.per_minute_by_app, &labels["app"], minute);
        if !truth.pods.contains(&labels["pod"]) {
            truth.pods.insert(labels["pod"].clone());
        }
        if line.body.contains("error") {
            truth.errors += 1;
            *truth.errors_by_app.entry(labels["app"].clone()).or_default() += 1;
            count(&mut truth.errors_per_minute_by_namespace, &labels["namespace"], minute);
        }
        let note = |word: &str, times: &mut Vec<u64>| {
            if line.body.contains(word) {
                times.push(line.at_ns);
            }
        };
        note(&truth.needle, &mut truth.needle_times);
        note(&truth.rare_needle, &mut truth.rare_needle_times);
        if let Some(trace) = trace {
            note(trace, &mut truth.trace_times);
        }
        if self.pattern.is_match(&line.body) {
            truth.pattern_matches += 1;
            keep_last(&mut self.last_matches, line.at_ns, LAST_MATCHES);
        }
        if labels["pod"] == truth.pod {
            keep_last(&mut self.last_of_pod, line.at_ns, LAST_OF_POD);
        }
    }

    pub fn finish(self, profile: Profile, seed: u64, trace: &str) -> Truth {
        Truth {
            profile,
            seed,
            trace: trace.to_owned(),
            pattern_last: self.last_matches.into(),
            pod_last: self.last_of_pod.into(),
            ..self.truth
        }
    }
}

fn count(counts: &mut PerMinute, key: &str, minute: usize) {
    if !counts.contains_key(key) {
        counts.insert(key.to_owned(), vec![0; MINUTES]);
    }
    if let Some(minutes) = counts.get_mut(key) {
        minutes[minute] += 1;
    }
}

fn keep_last(times: &mut VecDeque<u64>, at: u64, limit: usize) {
    if times.len() == limit {
        times.pop_front();
    }
    times.push_back(at);
}
