//! The smallest engine that can answer a query: it scans everything.

use crate::data::{Case, Data};
use gantry_query_eval::detect::FieldDetector;
use gantry_query_eval::metric::{Evaluated, Leaf, RangeQuery, Steps, Table, evaluate};
use gantry_query_eval::value::{format_sample, parse_duration};
use gantry_query_eval::{Category, EvalError, Labels, Options, Pipeline, Templates};
use gantry_query_lang::ast::{Expr, LogExpr, MetricExpr};
use serde_json::{Map, Value, json};

/// The body of the answer, or the text of the error.
pub fn answer(data: &Data, case: &Case) -> Result<Value, String> {
    let query = case.param("query").unwrap_or("");
    let expr = gantry_query_lang::parse_with(query, &Templates).map_err(|e| e.to_string())?;
    match expr {
        Expr::Log(log) => log_query(data, case, &log).map_err(|e| e.to_string()),
        Expr::Metric(metric) => metric_query(data, case, &metric).map_err(|e| e.to_string()),
    }
}

/// Nanoseconds; a number with a dot or with few digits is seconds.
fn instant(text: &str) -> i64 {
    match text.parse::<i64>() {
        Ok(number) if text.len() > 10 => number,
        Ok(seconds) => seconds * 1_000_000_000,
        Err(_) => match text.parse::<f64>() {
            Ok(seconds) => (seconds * 1e9).round() as i64,
            Err(_) => chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_nanos_opt().unwrap(),
        },
    }
}

fn seconds(text: &str) -> i64 {
    text.parse::<f64>().map_or_else(|_| parse_duration(text).unwrap(), |s| (s * 1e9) as i64)
}

fn bounds(case: &Case) -> (i64, i64) {
    let end = case.param("end").map_or(0, instant);
    let since = case.param("since").map_or(3_600_000_000_000, seconds);
    (case.param("start").map_or(end - since, instant), end)
}

/// The answer about the fields of lines.
pub fn detected(data: &Data, case: &Case, path: &str) -> Result<Value, String> {
    let expr = gantry_query_lang::parse_with(case.param("query").unwrap_or(""), &Templates);
    let Expr::Log(log) = expr.map_err(|e| e.to_string())? else { return Err("no log query".into()) };
    let detector = detect(data, case, &log).map_err(|e| e.to_string())?;
    if let Some(name) = path.strip_prefix("detected_field/").and_then(|rest| rest.strip_suffix("/values")) {
        return Ok(match detector.field(name) {
            Some(field) => json!({"values": field.values().collect::<Vec<_>>(), "limit": 1000}),
            None => json!({"values": [], "limit": null}),
        });
    }
    let fields = detector.fields().map(|field| {
        let mut one = json!({"label": field.label, "type": field.kind.as_str(), "cardinality": field.cardinality(),
            "parsers": field.parsers});
        if !field.json_path.is_empty() {
            one["jsonPath"] = json!(field.json_path);
        }
        one
    });
    let limit: usize = case.param("limit").map_or(1000, |limit| limit.parse().unwrap());
    Ok(json!({"fields": fields.collect::<Vec<_>>(), "limit": limit}))
}

fn detect(data: &Data, case: &Case, log: &LogExpr) -> Result<FieldDetector, EvalError> {
    let (start, end) = bounds(case);
    let pipeline = Pipeline::compile(&log.stages, &Options::default())?;
    let mut scratch = pipeline.scratch();
    let mut detector = FieldDetector::new(1000, 1000)?;
    for (labels, lines) in data.streams.iter().filter(|(labels, _)| log.selector.matches(labels)) {
        let mut stream = pipeline.stream(&mut scratch, labels);
        for (at, body, metadata) in lines.iter().filter(|(at, ..)| start <= *at && *at < end) {
            if let Some(row) = pipeline.process(&mut scratch, &mut stream, *at, body, metadata) {
                detector.add(&row);
            }
        }
    }
    Ok(detector)
}

type Entry = (i64, String, Labels, Labels, Labels);

fn log_query(data: &Data, case: &Case, log: &LogExpr) -> Result<Value, EvalError> {
    let (start, end) = bounds(case);
    let pipeline = Pipeline::compile(&log.stages, &Options::default())?;
    let mut scratch = pipeline.scratch();
    let mut entries: Vec<Entry> = Vec::new();
    for (labels, lines) in data.streams.iter().filter(|(labels, _)| log.selector.matches(labels)) {
        let mut stream = pipeline.stream(&mut scratch, labels);
        for (at, body, metadata) in lines.iter().filter(|(at, ..)| start <= *at && *at < end) {
            if let Some(row) = pipeline.process(&mut scratch, &mut stream, *at, body, metadata) {
                let of = |category| row.labels(|c| c == category);
                let (own, metadata) = (of(Category::Stream), of(Category::StructuredMetadata));
                entries.push((*at, row.line().to_string(), own, metadata, of(Category::Parsed)));
            }
        }
    }
    entries.sort_by_key(|entry| entry.0);
    if !case.forward() {
        entries.reverse();
    }
    entries.truncate(case.param("limit").map_or(100, |limit| limit.parse().unwrap()));
    let mut data = json!({"resultType": "streams", "result": streams(&entries, case.categorize())});
    if case.categorize() {
        data["encodingFlags"] = json!(["categorize-labels"]);
    }
    Ok(json!({"status": "success", "data": data}))
}

fn object<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>) -> Value {
    Value::Object(labels.map(|(name, value)| (name.to_string(), json!(value))).collect::<Map<_, _>>())
}

fn streams(entries: &[Entry], categorize: bool) -> Vec<Value> {
    let mut all: Vec<(Value, Vec<Value>)> = Vec::new();
    for (at, line, own, metadata, parsed) in entries {
        let labels = object(own.iter().chain(metadata.iter()).chain(parsed.iter()));
        let mut value = vec![json!(at.to_string()), json!(line)];
        if categorize {
            let mut extra = Map::new();
            for (name, labels) in [("structuredMetadata", metadata), ("parsed", parsed)] {
                if !labels.is_empty() {
                    extra.insert(name.into(), object(labels.iter()));
                }
            }
            value.push(Value::Object(extra));
        }
        match all.iter_mut().find(|(known, _)| *known == labels) {
            Some((_, values)) => values.push(json!(value)),
            None => all.push((labels, vec![json!(value)])),
        }
    }
    all.into_iter().map(|(stream, values)| json!({"stream": stream, "values": values})).collect()
}

fn metric_query(data: &Data, case: &Case, metric: &MetricExpr) -> Result<Value, EvalError> {
    let steps = if case.is_range() {
        let (start, end) = bounds(case);
        Steps { start, end, step: case.param("step").map_or(1_000_000_000, seconds) }
    } else {
        Steps::instant(instant(case.param("time").unwrap()))
    };
    let result = evaluate(metric, steps, &mut |leaf| range_leaf(data, leaf, steps))?;
    let time = |step| steps.at(step) as f64 / 1e9;
    let data = match (result, case.is_range()) {
        (Evaluated::Scalar(value), false) => {
            json!({"resultType": "scalar", "result": [time(0), format_sample(value)]})
        }
        (Evaluated::Scalar(value), true) => {
            let points: Vec<Value> = (0..steps.count()).map(|at| json!([time(at), format_sample(value)])).collect();
            json!({"resultType": "matrix", "result": [{"metric": {}, "values": points}]})
        }
        (Evaluated::Table(table), range) => {
            let one = |series: &gantry_query_eval::metric::Series| {
                let points = series.points.iter().enumerate();
                let points = points.filter_map(|(at, value)| Some(json!([time(at), format_sample((*value)?)])));
                let mut points: Vec<Value> = points.collect();
                let metric = object(series.labels.iter());
                match range {
                    true => json!({"metric": metric, "values": points}),
                    false => json!({"metric": metric, "value": points.remove(0)}),
                }
            };
            let kind = if range { "matrix" } else { "vector" };
            json!({"resultType": kind, "result": table.series.iter().map(one).collect::<Vec<_>>()})
        }
    };
    Ok(json!({"status": "success", "data": data}))
}

/// The later half of a stream goes to a second collector, so that merging is tried as well.
fn range_leaf(data: &Data, leaf: &Leaf<'_>, steps: Steps) -> Result<Table, EvalError> {
    let query = RangeQuery::compile(leaf, Options::default())?;
    let mut scratch = query.pipeline().scratch();
    let mut collectors = [query.aggregator(steps, 100_000), query.aggregator(steps, 100_000)];
    let selector = &leaf.range.log.selector;
    for (labels, lines) in data.streams.iter().filter(|(labels, _)| selector.matches(labels)) {
        let mut stream = query.pipeline().stream(&mut scratch, labels);
        for (number, (at, body, metadata)) in lines.iter().enumerate() {
            query.add(
                &mut collectors[usize::from(number > lines.len() / 2)],
                &mut scratch,
                &mut stream,
                *at,
                body,
                metadata,
            )?;
        }
    }
    let [mut all, other] = collectors;
    all.merge(other)?;
    Ok(all.finish())
}
