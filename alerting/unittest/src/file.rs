//! The fields of a file of unit tests. A field that is not known, or given twice, is refused with its line.

use chrono::DateTime;
use gantry_query_lang::duration::parse_prometheus_duration;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// Milliseconds between evaluations when the file does not say.
const EVALUATION_INTERVAL_MS: i64 = 60_000;

/// A file of unit tests. Times of tests count from the start of their group.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TestFile {
    /// Patterns, relative to the folder of this file.
    #[serde(deserialize_with = "absent_is_empty")]
    pub rule_files: Vec<String>,
    #[serde(rename = "evaluation_interval", deserialize_with = "millis")]
    evaluation_interval_ms: i64,
    /// Names of groups that are evaluated in this order; one that is not named counts as the first.
    #[serde(deserialize_with = "absent_is_empty")]
    pub group_eval_order: Vec<String>,
    #[serde(deserialize_with = "absent_is_empty")]
    pub tests: Vec<TestGroup>,
    /// Numbers may be off by the last bit.
    pub fuzzy_compare: bool,
}

/// Series, and what is expected of them.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TestGroup {
    /// Milliseconds between values of series; 0: those between evaluations.
    #[serde(rename = "interval", deserialize_with = "millis")]
    pub interval_ms: i64,
    #[serde(deserialize_with = "absent_is_empty")]
    pub input_series: Vec<InputSeries>,
    #[serde(deserialize_with = "absent_is_empty")]
    pub alert_rule_test: Vec<AlertTest>,
    #[serde(deserialize_with = "absent_is_empty")]
    pub promql_expr_test: Vec<ExprTest>,
    #[serde(deserialize_with = "absent_is_empty")]
    pub external_labels: BTreeMap<String, String>,
    pub external_url: String,
    pub name: String,
    /// The time of the first value, milliseconds since 1970.
    #[serde(rename = "start_timestamp", deserialize_with = "timestamp")]
    pub start_ms: i64,
}

/// A series and its values, as in `up{job="a"}` and `1+2x5 _ stale`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InputSeries {
    pub series: String,
    pub values: String,
}

/// The alerts of one name that must fire, and no others.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AlertTest {
    #[serde(rename = "eval_time", deserialize_with = "millis")]
    pub at_ms: i64,
    pub alertname: String,
    #[serde(deserialize_with = "absent_is_empty")]
    pub exp_alerts: Vec<ExpectedAlert>,
}

/// An alert, without the label `alertname`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExpectedAlert {
    #[serde(deserialize_with = "absent_is_empty")]
    pub exp_labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "absent_is_empty")]
    pub exp_annotations: BTreeMap<String, String>,
}

/// A query and its answer.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExprTest {
    pub expr: String,
    #[serde(rename = "eval_time", deserialize_with = "millis")]
    pub at_ms: i64,
    #[serde(deserialize_with = "absent_is_empty")]
    pub exp_samples: Vec<ExpectedSample>,
}

/// A series of an answer: a number, or a histogram where that is not empty.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExpectedSample {
    #[serde(deserialize_with = "absent_is_empty")]
    pub labels: String,
    #[serde(deserialize_with = "number")]
    pub value: f64,
    pub histogram: String,
}

impl TestFile {
    /// Reads YAML.
    ///
    /// # Errors
    /// What is no YAML or no file of tests, with its line where that is known; a group that is named twice in the order.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: Option<TestFile> = serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?;
        let mut file = file.unwrap_or_default();
        if file.evaluation_interval_ms == 0 {
            file.evaluation_interval_ms = EVALUATION_INTERVAL_MS;
        }
        let order = &file.group_eval_order;
        match order.iter().enumerate().find(|(at, name)| order[..*at].contains(name)) {
            Some((_, name)) => Err(format!("group name repeated in evaluation order: {name}")),
            None => Ok(file),
        }
    }

    /// Milliseconds between evaluations; positive.
    pub fn evaluation_interval_ms(&self) -> i64 {
        self.evaluation_interval_ms
    }
}

fn absent_is_empty<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// Whole numbers may be hexadecimal.
fn number<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    let number = serde_yaml_ng::Number::deserialize(from)?;
    number.as_f64().ok_or_else(|| D::Error::custom(format!("{number} is too large")))
}

fn millis<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    let text = String::deserialize(from)?;
    let nanos = parse_prometheus_duration(&text).map_err(D::Error::custom)?;
    Ok(nanos / 1_000_000)
}

/// Seconds since 1970, or RFC 3339.
fn timestamp<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    let text = String::deserialize(from)?;
    if let Ok(seconds) = text.parse::<f64>() {
        return Ok((seconds * 1000.0).round() as i64);
    }
    let parsed = DateTime::parse_from_rfc3339(&text);
    parsed
        .map(|time| time.timestamp_millis())
        .map_err(|_| D::Error::custom(format!("cannot parse {text:?} to a valid timestamp")))
}
