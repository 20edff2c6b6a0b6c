//! Input and cases of the suite.

use gantry_model::{LabelSet, metadata};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A line: time, text, encoded metadata.
pub type Line = (i64, String, String);

#[derive(Debug)]
pub struct Data {
    pub streams: Vec<(LabelSet, Vec<Line>)>,
    pub cases: Vec<Case>,
}

#[derive(Debug)]
pub struct Case {
    pub id: String,
    pub feature: String,
    pub status: u64,
    pub response: Value,
    pub ordered: bool,
    pub tolerance: Option<f64>,
    raw: Value,
}

impl Case {
    pub fn param(&self, name: &str) -> Option<&str> {
        self.raw["params"][name].as_str()
    }

    pub fn is_query(&self) -> bool {
        matches!(self.raw["endpoint"].as_str(), Some("/loki/api/v1/query" | "/loki/api/v1/query_range"))
    }

    /// What follows `/loki/api/v1/` where the question is about detected fields.
    pub fn detected(&self) -> Option<&str> {
        let path = self.raw["endpoint"].as_str()?.strip_prefix("/loki/api/v1/")?;
        path.starts_with("detected_field").then_some(path)
    }

    pub fn is_range(&self) -> bool {
        self.raw["endpoint"] == "/loki/api/v1/query_range"
    }

    pub fn forward(&self) -> bool {
        self.param("direction").is_some_and(|direction| direction.eq_ignore_ascii_case("forward"))
    }

    pub fn categorize(&self) -> bool {
        self.raw["headers"]["X-Loki-Response-Encoding-Flags"] == "categorize-labels"
    }
}

fn directory() -> PathBuf {
    match std::env::var_os("GANTRY_CONFORMANCE") {
        Some(path) => PathBuf::from(path).join("logql"),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/logql"),
    }
}

fn lines(name: &str) -> Vec<Value> {
    let path = directory().join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| {
        panic!("{}: {e}; set GANTRY_CONFORMANCE to the directory that holds logql/", path.display())
    });
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Reads the suite; streams are in order of time, then of arrival, and an entry that occurs twice is there once.
pub fn load() -> Data {
    let mut streams: BTreeMap<LabelSet, Vec<Line>> = BTreeMap::new();
    for entry in lines("input.jsonl") {
        let pairs = |value: &Value| -> Vec<(String, String)> {
            let map = value.as_object().unwrap();
            map.iter().map(|(k, v)| (k.clone(), v.as_str().unwrap().to_string())).collect()
        };
        let mut encoded = String::new();
        let own = pairs(&entry["metadata"]);
        metadata::encode(own.iter().map(|(k, v)| (k.as_str(), v.as_str())), &mut encoded);
        let line = (entry["ts"].as_str().unwrap().parse().unwrap(), entry["line"].as_str().unwrap().into(), encoded);
        let lines = streams.entry(LabelSet::from_pairs(pairs(&entry["labels"]))).or_default();
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    let case = |raw: Value| Case {
        id: raw["id"].as_str().unwrap().into(),
        feature: raw["feature"].as_str().unwrap().into(),
        status: raw["status"].as_u64().unwrap(),
        response: raw["response"].clone(),
        ordered: raw["ordered"] == true,
        tolerance: raw["tolerance"].as_f64(),
        raw,
    };
    streams.values_mut().for_each(|lines| lines.sort_by_key(|line| line.0));
    Data { streams: streams.into_iter().collect(), cases: lines("cases.jsonl").into_iter().map(case).collect() }
}
