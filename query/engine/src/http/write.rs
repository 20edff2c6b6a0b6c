//! Answers as Loki's JSON, written straight into one buffer.

use crate::answer::{Answer, Data, Labels, LogEntry, LogStream, Stats};
use crate::catalog::VolumeGroup;
use crate::json::{list, number, object, sample, seconds, string, strings};
use gantry_model::{LabelSet, Timestamp};

/// The body of `query` and `query_range`.
pub fn answer(answer: &Answer, categorized: bool) -> String {
    let mut out = String::with_capacity(size_hint(&answer.data));
    out.push_str("{\"status\":\"success\",");
    if !answer.warnings.is_empty() {
        out.push_str("\"warnings\":");
        strings(answer.warnings.iter().map(String::as_str), &mut out);
        out.push(',');
    }
    out.push_str("\"data\":{\"resultType\":\"");
    out.push_str(result_type(&answer.data));
    out.push_str("\",");
    if categorized && matches!(answer.data, Data::Streams(_)) {
        out.push_str("\"encodingFlags\":[\"categorize-labels\"],");
    }
    out.push_str("\"result\":");
    data(&answer.data, categorized, &mut out);
    out.push_str(",\"stats\":");
    stats(&answer.stats, &mut out);
    out.push_str("}}");
    out
}

fn size_hint(data: &Data) -> usize {
    let line_bytes = |stream: &LogStream| stream.entries.iter().map(|entry| entry.line.len() + 64).sum::<usize>();
    match data {
        Data::Streams(streams) => 1024 + streams.iter().map(|s| 512 + line_bytes(s)).sum::<usize>(),
        other => 1024 + other.len() * 32,
    }
}

fn result_type(data: &Data) -> &'static str {
    match data {
        Data::Streams(_) => "streams",
        Data::Matrix(_) => "matrix",
        Data::Vector(..) => "vector",
        Data::Scalar(..) => "scalar",
    }
}

fn data(data: &Data, categorized: bool, out: &mut String) {
    match data {
        Data::Streams(streams) => array(streams, out, |one, out| stream(one, categorized, out)),
        Data::Matrix(series) => array(series, out, |one, out| {
            out.push_str("{\"metric\":");
            object(one.labels.iter(), out);
            out.push_str(",\"values\":");
            array(&one.points, out, |(at, value), out| point(*at, *value, out));
            out.push('}');
        }),
        Data::Vector(at, samples) => {
            array(samples, out, |(labels, value), out| vector_sample(labels, *at, *value, out))
        }
        Data::Scalar(at, value) => point(*at, *value, out),
    }
}

fn array<'a, T>(items: &'a [T], out: &mut String, write: impl FnMut(&'a T, &mut String)) {
    out.push('[');
    list(items, out, write);
    out.push(']');
}

fn point(at: Timestamp, value: f64, out: &mut String) {
    out.push('[');
    seconds(at, out);
    out.push(',');
    sample(value, out);
    out.push(']');
}

fn vector_sample(labels: &Labels, at: Timestamp, value: f64, out: &mut String) {
    out.push_str("{\"metric\":");
    object(labels.iter(), out);
    out.push_str(",\"value\":");
    point(at, value, out);
    out.push('}');
}

/// `{"stream":{...},"values":[...]}`, also used by the live tail.
pub fn stream(stream: &LogStream, categorized: bool, out: &mut String) {
    out.push_str("{\"stream\":");
    object(stream.labels.iter(), out);
    out.push_str(",\"values\":");
    array(&stream.entries, out, |one, out| entry(one, categorized, out));
    out.push('}');
}

fn entry(entry: &LogEntry, categorized: bool, out: &mut String) {
    out.push_str("[\"");
    number(entry.timestamp.nanos(), out);
    out.push_str("\",");
    string(&entry.line, out);
    if categorized {
        out.push_str(",{");
        let parts = [("structuredMetadata", &entry.structured), ("parsed", &entry.parsed)];
        list(parts.into_iter().filter(|(_, pairs)| !pairs.is_empty()), out, |(name, pairs), out| {
            string(name, out);
            out.push(':');
            object(pairs.iter(), out);
        });
        out.push('}');
    }
    out.push(']');
}

fn stats(stats: &Stats, out: &mut String) {
    let exec = stats.exec_time.as_secs_f64();
    let per_second = |count: u64| if exec > 0.0 { (count as f64 / exec) as u64 } else { 0 };
    out.push_str("{\"summary\":{");
    let numbers = [
        ("bytesProcessedPerSecond", per_second(stats.bytes)),
        ("linesProcessedPerSecond", per_second(stats.lines)),
        ("totalBytesProcessed", stats.bytes),
        ("totalLinesProcessed", stats.lines),
        ("totalEntriesReturned", stats.returned),
        ("splits", stats.splits),
        ("granules", stats.granules),
    ];
    list(numbers, out, |(name, value), out| {
        string(name, out);
        out.push(':');
        number(value, out);
    });
    out.push_str(",\"execTime\":");
    number(exec, out);
    out.push_str(",\"queueTime\":");
    number(stats.queue_time.as_secs_f64(), out);
    out.push_str("},\"cache\":{\"result\":{");
    let [found, requested, stored] = stats.cached;
    list(
        [("entriesFound", found), ("entriesRequested", requested), ("entriesStored", stored)],
        out,
        |(name, value), out| {
            string(name, out);
            out.push(':');
            number(value, out);
        },
    );
    out.push_str("}}}");
}

/// `{"status":"success","data":["a","b"]}`.
pub fn names(names: &[String]) -> String {
    let mut out = String::from("{\"status\":\"success\",\"data\":");
    strings(names.iter().map(String::as_str), &mut out);
    out.push('}');
    out
}

/// `{"status":"success","data":[{...},{...}]}`.
pub fn series(series: &[LabelSet]) -> String {
    let mut out = String::from("{\"status\":\"success\",\"data\":");
    array(series, &mut out, |labels, out| object(labels.iter(), out));
    out.push('}');
    out
}

/// A volume: groups, each with its points. A vector when no group has more than one point.
pub fn volume(groups: &[(VolumeGroup, Vec<(Timestamp, u64)>)]) -> String {
    let matrix = groups.iter().any(|(_, points)| points.len() > 1);
    let mut out = String::from("{\"status\":\"success\",\"data\":{\"resultType\":");
    string(if matrix { "matrix" } else { "vector" }, &mut out);
    out.push_str(",\"result\":");
    array(groups, &mut out, |(labels, points), out| {
        out.push_str("{\"metric\":");
        object(labels.iter().map(|(name, value)| (name.as_str(), value.as_str())), out);
        out.push_str(if matrix { ",\"values\":[" } else { ",\"value\":" });
        list(points, out, |(at, bytes), out| {
            out.push('[');
            seconds(*at, out);
            out.push_str(",\"");
            number(bytes, out);
            out.push_str("\"]");
        });
        out.push_str(if matrix { "]}" } else { "}" });
    });
    out.push_str("}}");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_written_with_and_without_categories() {
        let entry = LogEntry {
            timestamp: Timestamp(5),
            line: "say \"hi\"".into(),
            structured: [("id", "7")].into_iter().collect(),
            parsed: Labels::default(),
        };
        let labels = [("app", "web")].into_iter().collect();
        let data = Data::Streams(vec![LogStream { labels, entries: vec![entry] }]);
        let one = Answer { data, stats: Stats::default(), warnings: vec!["a split is missing".into()] };
        let plain = answer(&one, false);
        let start = r#"{"status":"success","warnings":["a split is missing"],"data":{"resultType":"streams","result":[{"stream":{"app":"web"},"values":[["5","say \"hi\""]]}],"stats":"#;
        assert!(plain.starts_with(start), "{plain}");
        let categorized = answer(&one, true);
        assert!(categorized.contains(r#"["5","say \"hi\"",{"structuredMetadata":{"id":"7"}}]"#), "{categorized}");
        assert!(categorized.contains(r#""encodingFlags":["categorize-labels"]"#));
        serde_json::from_str::<serde_json::Value>(&categorized).unwrap();
    }

    #[test]
    fn a_volume_of_one_point_is_a_vector() {
        let group = vec![("app".to_owned(), String::new())];
        let text = volume(&[(group, vec![(Timestamp::from_millis(1_500), 9)])]);
        assert_eq!(
            text,
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"app":""},"value":[1.500,"9"]}]}}"#
        );
    }
}
