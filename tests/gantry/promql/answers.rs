//! When two answers are the same: the same kind, the same series with values at the same instants, values within 1e-9 of
//! each other, relatively. Failures are the same when they are of the same type; their texts may differ.

use serde_json::Value;
use std::collections::BTreeMap;

const RELATIVE: f64 = 1e-9;
/// Where terms cancel out, what is left of rounding is compared with the largest value of the answer.
const CANCELLED: f64 = 1e-12;

/// Instants in milliseconds and values.
type Samples = Vec<(i64, f64)>;

#[derive(Clone, Debug)]
pub enum Outcome {
    Failed {
        kind: String,
        text: String,
    },
    Text(String),
    /// Of a scalar, an instant vector or a matrix: the type, and the samples by labels, in the order of the answer.
    Found {
        kind: String,
        series: Vec<(BTreeMap<String, String>, Samples)>,
    },
}

fn sample(pair: &Value) -> (i64, f64) {
    let at = (pair[0].as_f64().unwrap() * 1000.0).round() as i64;
    (at, pair[1].as_str().unwrap().parse().unwrap())
}

impl Outcome {
    pub fn read(body: &str) -> Outcome {
        let body: Value = serde_json::from_str(body).unwrap_or_else(|wrong| panic!("{wrong}: {body}"));
        if body["status"] != "success" {
            let text = |name: &str| body[name].as_str().unwrap().to_owned();
            return Outcome::Failed { kind: text("errorType"), text: text("error") };
        }
        let (kind, result) = (body["data"]["resultType"].as_str().unwrap(), &body["data"]["result"]);
        let series = match kind {
            "string" => return Outcome::Text(result[1].as_str().unwrap().to_owned()),
            "scalar" => vec![(BTreeMap::new(), vec![sample(result)])],
            _ => result.as_array().unwrap().iter().map(one_series).collect(),
        };
        Outcome::Found { kind: kind.to_owned(), series }
    }

    pub fn is_empty(&self) -> bool {
        matches!(self, Outcome::Found { series, .. } if series.is_empty())
    }
}

fn one_series(one: &Value) -> (BTreeMap<String, String>, Samples) {
    let labels = one["metric"].as_object().unwrap();
    let labels = labels.iter().map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()));
    let samples = match one.get("values") {
        Some(values) => values.as_array().unwrap().iter().map(sample).collect(),
        None => vec![sample(&one["value"])],
    };
    (labels.collect(), samples)
}

fn shown(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Failed { kind, text } => format!("failed with {kind}: {text}"),
        Outcome::Text(text) => format!("{text:?}"),
        Outcome::Found { kind, series } => {
            format!("a {kind} of {} series, the first {:.200}", series.len(), format!("{:?}", series.first()))
        }
    }
}

fn close(a: f64, b: f64, largest: f64) -> bool {
    let distance = (a - b).abs();
    a == b
        || (a.is_nan() && b.is_nan())
        || distance <= RELATIVE * a.abs().max(b.abs())
        || (largest.is_finite() && distance <= CANCELLED * largest)
}

/// How they differ, if they do.
pub fn differ(query: &str, ours: &Outcome, theirs: &Outcome) -> Option<String> {
    match (ours, theirs) {
        (Outcome::Failed { kind: a, .. }, Outcome::Failed { kind: b, .. }) if a == b => None,
        (Outcome::Text(a), Outcome::Text(b)) if a == b => None,
        (Outcome::Found { kind: a, series: one }, Outcome::Found { kind: b, series: two }) if a == b => {
            series(one, two).or_else(|| order(query, one, two))
        }
        _ => Some(format!("ours {}, theirs {}", shown(ours), shown(theirs))),
    }
}

fn series(
    ours: &[(BTreeMap<String, String>, Samples)],
    theirs: &[(BTreeMap<String, String>, Samples)],
) -> Option<String> {
    let finite = |all: &[(BTreeMap<String, String>, Samples)]| {
        let values = all.iter().flat_map(|one| &one.1).map(|(_, value)| value.abs());
        values.filter(|value| value.is_finite()).fold(0.0, f64::max)
    };
    let largest = finite(ours).max(finite(theirs));
    let ours: BTreeMap<_, _> = ours.iter().map(|(labels, samples)| (labels, samples)).collect();
    let theirs: BTreeMap<_, _> = theirs.iter().map(|(labels, samples)| (labels, samples)).collect();
    if let Some(labels) = ours.keys().find(|labels| !theirs.contains_key(*labels)) {
        return Some(format!("only ours has {labels:?} ({} series, theirs {})", ours.len(), theirs.len()));
    }
    for (labels, two) in theirs {
        let Some(one) = ours.get(labels) else {
            return Some(format!("only theirs has {labels:?} with {:?}", &two[..two.len().min(4)]));
        };
        let pairs = || one.iter().zip(two.iter());
        if let Some((a, b)) = pairs().find(|(a, b)| a.0 != b.0 || !close(a.1, b.1, largest)) {
            return Some(format!("{labels:?}: ours {a:?}, theirs {b:?}"));
        }
        if one.len() != two.len() {
            return Some(format!("{labels:?}: ours has {} values, theirs {}", one.len(), two.len()));
        }
    }
    None
}

/// What is sorted comes in the same order of values; equal ones may change places.
fn order(
    query: &str,
    ours: &[(BTreeMap<String, String>, Samples)],
    theirs: &[(BTreeMap<String, String>, Samples)],
) -> Option<String> {
    if !query.starts_with("sort") {
        return None;
    }
    let values = |all: &[(BTreeMap<String, String>, Samples)]| all.iter().map(|one| one.1[0].1).collect::<Vec<_>>();
    let (one, two) = (values(ours), values(theirs));
    let wrong = one.iter().zip(&two).position(|(a, b)| !close(*a, *b, 0.0));
    wrong.map(|at| format!("in another order from place {at} on"))
}
