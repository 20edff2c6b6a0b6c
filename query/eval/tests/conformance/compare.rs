//! When an answer agrees with the recorded one. The rules are the suite's.

use crate::data::Case;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Of a pipeline error, which series it names is chance.
pub fn error_text(text: &str) -> &str {
    let text = text.trim();
    match text.starts_with("pipeline error: ") {
        true => text.split(" for series: ").next().unwrap_or(text),
        false => text,
    }
}

pub fn difference(case: &Case, got: &Value) -> Option<String> {
    let (want, got) = (&case.response["data"], &got["data"]);
    if want["resultType"] != got["resultType"] {
        return Some(format!("want a {}, got a {}", want["resultType"], got["resultType"]));
    }
    match want["resultType"].as_str() {
        Some("streams") if want["encodingFlags"] != got["encodingFlags"] => Some("encodingFlags".into()),
        Some("streams") => streams(case, &want["result"], &got["result"]),
        Some("scalar") => number(&want["result"][1], &got["result"][1], 1e-9),
        _ => series(case, &want["result"], &got["result"]),
    }
}

/// Fields and values in any order; a cardinality is exact up to 20, and beyond that within 5%.
pub fn fields(case: &Case, got: &Value) -> Option<String> {
    let (mut want, mut got) = (case.response.clone(), got.clone());
    for body in [&mut want, &mut got] {
        for list in ["fields", "values"] {
            if let Some(items) = body[list].as_array_mut() {
                items.sort_by_key(|item| item["label"].as_str().unwrap_or(&item.to_string()).to_string());
            }
        }
        body.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    }
    let known = want["fields"].as_array().cloned().unwrap_or_default();
    for (field, known) in got.get_mut("fields").and_then(Value::as_array_mut).into_iter().flatten().zip(&known) {
        let (have, want) = (field["cardinality"].as_f64().unwrap(), known["cardinality"].as_f64().unwrap());
        let slack = if want > 20.0 { (0.05 * want).max(1.0) } else { 0.0 };
        if (have - want).abs() <= slack {
            field["cardinality"] = known["cardinality"].clone();
        }
    }
    (want != got).then(|| format!("want {want}\n      got  {got}"))
}

fn key(labels: &Value) -> String {
    let sorted: BTreeMap<_, _> = labels.as_object().into_iter().flatten().collect();
    serde_json::to_string(&sorted).unwrap()
}

/// Streams by their labels, without those that a line lists as its own and without the text of errors.
fn canonical(case: &Case, result: &Value) -> BTreeMap<String, Vec<Value>> {
    let mut merged: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for stream in result.as_array().unwrap() {
        for value in stream["values"].as_array().unwrap() {
            let own = value.get(2).and_then(Value::as_object);
            let own: Vec<&String> =
                own.into_iter().flat_map(Map::values).filter_map(Value::as_object).flat_map(Map::keys).collect();
            let mut labels = stream["stream"].as_object().unwrap().clone();
            labels.retain(|name, _| !own.contains(&name));
            if labels.contains_key("__error_details__") {
                labels.insert("__error_details__".into(), json!("*"));
            }
            merged.entry(key(&Value::Object(labels))).or_default().push(value.clone());
        }
    }
    for values in merged.values_mut() {
        let time = |value: &Value| value[0].as_str().unwrap().parse::<i64>().unwrap();
        values.sort_by_key(|value| (if case.forward() { time(value) } else { -time(value) }, value.to_string()));
    }
    merged
}

fn streams(case: &Case, want: &Value, got: &Value) -> Option<String> {
    let (want, got) = (canonical(case, want), canonical(case, got));
    let missing: Vec<_> = want.keys().filter(|key| !got.contains_key(*key)).collect();
    let extra: Vec<_> = got.keys().filter(|key| !want.contains_key(*key)).collect();
    if !missing.is_empty() || !extra.is_empty() {
        return Some(short(&format!("missing {missing:?}\n      extra {extra:?}")));
    }
    want.iter().find_map(|(key, values)| {
        let others = &got[key];
        let differing = values.iter().zip(others).find(|(a, b)| a != b);
        match differing {
            Some((a, b)) => Some(format!("{key}: want {a}\n      got {b}")),
            None if values.len() != others.len() => {
                Some(format!("{key}: want {} lines, got {}", values.len(), others.len()))
            }
            None => None,
        }
    })
}

fn short(text: &str) -> String {
    text.chars().take(1800).collect()
}

fn series(case: &Case, want: &Value, got: &Value) -> Option<String> {
    let sorted = |result: &Value| {
        let mut all = result.as_array().unwrap().clone();
        if !case.ordered {
            all.sort_by_key(|series| key(&series["metric"]));
        }
        all
    };
    let (want, got) = (sorted(want), sorted(got));
    let names = |all: &[Value]| all.iter().map(|series| key(&series["metric"])).collect::<Vec<_>>();
    if names(&want) != names(&got) {
        return Some(short(&format!("want series {:?}\n      got {:?}", names(&want), names(&got))));
    }
    want.iter().zip(&got).find_map(|(want, got)| {
        let points = |series: &Value| match series.get("value") {
            Some(value) => vec![value.clone()],
            None => series["values"].as_array().unwrap().clone(),
        };
        let (a, b) = (points(want), points(got));
        let times =
            |points: &[Value]| points.iter().map(|p| (p[0].as_f64().unwrap() * 1000.0).round()).collect::<Vec<_>>();
        if times(&a) != times(&b) {
            return Some(short(&format!("{}: want times {:?}\n      got {:?}", want["metric"], times(&a), times(&b))));
        }
        let tolerance = case.tolerance.unwrap_or(1e-9);
        a.iter().zip(&b).find_map(|(a, b)| number(&a[1], &b[1], tolerance).map(|p| format!("{}: {p}", want["metric"])))
    })
}

fn number(want: &Value, got: &Value, relative: f64) -> Option<String> {
    let value = |text: &Value| text.as_str().unwrap().parse::<f64>().unwrap();
    let (a, b) = (value(want), value(got));
    let close = (a - b).abs() <= (relative * a.abs().max(b.abs())).max(1e-12);
    let same = a == b || a.is_nan() && b.is_nan() || close;
    (!same).then(|| format!("want {want}, got {got}"))
}
