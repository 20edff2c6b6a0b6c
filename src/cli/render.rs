//! Lines of answers: from JSON, to text.

use super::when;
use clap::ValueEnum;
use gantry_model::Timestamp;
use serde_json::{Map, Value, json};

/// A line as the server sent it.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub at: Timestamp,
    pub labels: Map<String, Value>,
    /// Structured metadata and parsed labels.
    pub extra: Map<String, Value>,
    pub line: String,
}

/// The shape in which lines are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Time, level, origin, line; coloured on a terminal
    Pretty,
    /// The line alone
    Raw,
    /// One JSON object per line
    Json,
    /// time= labels line=
    Logfmt,
}

/// The entries of a list of streams (`[{stream, values}]`), in the order in which they came.
pub fn entries(streams: &Value) -> Vec<Entry> {
    let mut found = Vec::new();
    for stream in streams.as_array().into_iter().flatten() {
        let labels = stream.get("stream").and_then(Value::as_object).cloned().unwrap_or_default();
        let values = stream.get("values").and_then(Value::as_array);
        found.extend(values.into_iter().flatten().filter_map(|value| entry(&labels, value)));
    }
    found
}

/// `["<ns>", "line"]` or `["<ns>", "line", {structuredMetadata, parsed}]`.
fn entry(labels: &Map<String, Value>, value: &Value) -> Option<Entry> {
    let at = Timestamp(value.get(0)?.as_str()?.parse().ok()?);
    let line = value.get(1)?.as_str()?.to_owned();
    let mut extra = Map::new();
    for part in ["structuredMetadata", "parsed"] {
        let part = value.get(2).and_then(|categories| categories.get(part)).and_then(Value::as_object);
        extra.extend(part.into_iter().flatten().map(|(name, value)| (name.clone(), value.clone())));
    }
    Some(Entry { at, labels: labels.clone(), extra, line })
}

impl Entry {
    fn label(&self, name: &str) -> Option<&str> {
        self.labels.get(name).or_else(|| self.extra.get(name)).and_then(Value::as_str)
    }

    fn level(&self) -> &str {
        let names = ["level", "detected_level", "severity_text"];
        names.iter().find_map(|name| self.label(name)).or_else(|| level_in(&self.line)).unwrap_or("")
    }

    /// The label that says best where a line comes from.
    fn origin(&self) -> &str {
        let names = ["app", "service_name", "container", "pod", "job", "component", "filename"];
        names.iter().find_map(|name| self.label(name)).unwrap_or("-")
    }

    /// The entry as one line of text without its end.
    pub fn render(&self, output: Output, colours: bool) -> String {
        match output {
            Output::Raw => self.line.clone(),
            Output::Json => {
                let (at, nanos) = (when::show(self.at), self.at.nanos().to_string());
                json!({"time": at, "ns": nanos, "labels": self.labels, "metadata": self.extra, "line": self.line})
                    .to_string()
            }
            Output::Logfmt => self.logfmt(),
            Output::Pretty => self.pretty(colours),
        }
    }

    fn logfmt(&self) -> String {
        let mut text = format!("time={}", when::show(self.at));
        for (name, value) in self.labels.iter().chain(&self.extra) {
            text.push_str(&format!(" {name}={}", quoted(value.as_str().unwrap_or_default())));
        }
        text.push_str(&format!(" line={:?}", self.line));
        text
    }

    fn pretty(&self, colours: bool) -> String {
        let (time, level, origin) = (when::show(self.at), self.level(), self.origin());
        if !colours {
            return format!("{time} {level:<5} {origin}  {}", self.line);
        }
        let colour = level_colour(level);
        format!("\x1b[2m{time}\x1b[0m \x1b[{colour}m{level:<5}\x1b[0m \x1b[36m{origin}\x1b[0m  {}", self.line)
    }
}

/// A level that the line itself states: `"level":"warn"`, `level=warn`, or the bare word in capitals near its start.
fn level_in(line: &str) -> Option<&str> {
    let head = &line[..line.floor_char_boundary(400)];
    let named = ["\"level\":\"", "\"level\": \"", "\"severity\":\"", "level=", "lvl=", "severity="];
    let stated = named.iter().find_map(|key| head.split_once(key)).map(|(_, rest)| rest.trim_start_matches('"'));
    if let Some(rest) = stated {
        let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        return Some(&rest[..end]).filter(|level| !level.is_empty());
    }
    let mut words = head.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty()).take(6);
    let levels = ["TRACE", "DEBUG", "INFO", "WARN", "WARNING", "ERROR", "FATAL", "CRITICAL"];
    words.find(|word| levels.contains(word))
}

/// SGR parameters.
fn level_colour(level: &str) -> &'static str {
    match level.to_ascii_lowercase().as_str() {
        "fatal" | "critical" | "emergency" | "alert" | "panic" => "1;97;41",
        "error" | "err" => "1;31",
        "warn" | "warning" => "33",
        "info" | "notice" => "32",
        "debug" => "34",
        _ => "2",
    }
}

fn quoted(value: &str) -> String {
    let plain = !value.is_empty() && !value.contains([' ', '"', '=']);
    if plain { value.to_owned() } else { format!("{value:?}") }
}
