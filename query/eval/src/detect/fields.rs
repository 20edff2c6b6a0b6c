//! The fields of lines, for `/detected_fields`: structured metadata, and what the JSON or logfmt parser finds.

use crate::parse::json::{self, Kind};
use crate::parse::sanitize_into;
use crate::pipeline::Stream;
use crate::value::{parse_bytes, parse_duration, parse_float};
use crate::{Category, EvalError, Options, Pipeline, Row, Scratch};
use gantry_query_lang::ast::Stage;
use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;

/// What the values of a field look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    Text,
    Int,
    Float,
    Boolean,
    Duration,
    Bytes,
}

impl FieldType {
    /// The narrowest type that a value fits.
    pub fn of(value: &str) -> FieldType {
        if value.parse::<i64>().is_ok() {
            FieldType::Int
        } else if parse_float(value).is_ok() {
            FieldType::Float
        } else if matches!(value, "t" | "T" | "true" | "TRUE" | "True" | "f" | "F" | "false" | "FALSE" | "False") {
            FieldType::Boolean
        } else if parse_duration(value).is_ok() {
            FieldType::Duration
        } else if parse_bytes(value).is_ok() {
            FieldType::Bytes
        } else {
            FieldType::Text
        }
    }

    /// As Loki's API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            FieldType::Text => "string",
            FieldType::Int => "int",
            FieldType::Float => "float",
            FieldType::Boolean => "boolean",
            FieldType::Duration => "duration",
            FieldType::Bytes => "bytes",
        }
    }
}

/// A field that was seen.
#[derive(Clone, Debug)]
pub struct DetectedField {
    /// The label that a parser makes of it.
    pub label: String,
    pub kind: FieldType,
    /// `json`, `logfmt`; none for structured metadata.
    pub parsers: Vec<&'static str>,
    /// Keys on the way to it inside a JSON line; empty for other fields.
    pub json_path: Vec<String>,
    values: HashSet<Box<str>>,
}

impl DetectedField {
    /// How many values were seen, as far as they were counted.
    pub fn cardinality(&self) -> usize {
        self.values.len()
    }

    /// The values in no order.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        self.values.iter().map(|value| &**value)
    }
}

/// Looks at the lines of a query, one after the other.
#[derive(Debug)]
pub struct FieldDetector {
    parsers: Vec<Parser>,
    fields: BTreeMap<String, DetectedField>,
    max_fields: usize,
    max_values: usize,
}

#[derive(Debug)]
struct Parser {
    name: &'static str,
    pipeline: Pipeline,
    scratch: Scratch,
    stream: Option<Stream>,
}

impl Parser {
    fn new(name: &'static str, stage: Stage) -> Result<Parser, EvalError> {
        let pipeline = Pipeline::compile(&[stage], &Options::default())?;
        let scratch = pipeline.scratch();
        Ok(Parser { name, pipeline, scratch, stream: None })
    }

    /// Parsed labels of the line; `None` when it is not of this format.
    fn run(&mut self, row: &Row<'_>) -> Option<Vec<(String, String)>> {
        let known = self.stream.take().filter(|stream| stream.set == *row.stream());
        let mut stream = known.unwrap_or_else(|| self.pipeline.stream(&mut self.scratch, row.stream()));
        let line = row.line();
        let parsed = self.pipeline.process(&mut self.scratch, &mut stream, row.timestamp(), line, "");
        let labels = parsed.filter(|parsed| parsed.error().is_none()).map(|parsed| {
            let mut labels = Vec::new();
            parsed.each_label(|name, value, category| {
                if category == Category::Parsed {
                    labels.push((name.to_string(), value.to_string()));
                }
            });
            labels
        });
        self.stream = Some(stream);
        labels
    }
}

impl FieldDetector {
    /// Keeps at most `max_fields` fields, and of each at most `max_values` values.
    pub fn new(max_fields: usize, max_values: usize) -> Result<FieldDetector, EvalError> {
        let logfmt = Stage::Logfmt { strict: false, keep_empty: false, extractions: Vec::new() };
        let parsers = vec![Parser::new("json", Stage::Json(Vec::new()))?, Parser::new("logfmt", logfmt)?];
        Ok(FieldDetector { parsers, fields: BTreeMap::new(), max_fields, max_values })
    }

    /// Looks at a line as the query's own pipeline gives it.
    pub fn add(&mut self, row: &Row<'_>) {
        let mut found = Vec::new();
        row.each_label(|name, value, category| {
            if category == Category::StructuredMetadata {
                found.push((name.to_string(), value.to_string(), None));
            }
        });
        let parsed = self.parsers.iter_mut().find_map(|parser| Some((parser.name, parser.run(row)?)));
        if let Some((parser, labels)) = parsed {
            found.extend(labels.into_iter().map(|(name, value)| (name, value, Some(parser))));
        }
        row.each_label(|name, value, category| {
            let own = category == Category::Parsed && !name.starts_with("__error");
            if own && !found.iter().any(|(known, ..)| known == name) {
                found.push((name.to_string(), value.to_string(), parsed_by(&found)));
            }
        });
        for (name, value, parser) in found {
            self.put(name, value, parser, row);
        }
    }

    fn put(&mut self, label: String, value: String, parser: Option<&'static str>, row: &Row<'_>) {
        if !self.fields.contains_key(&label) && self.fields.len() >= self.max_fields {
            return;
        }
        let field = self.fields.entry(label.clone()).or_insert_with(|| DetectedField {
            label,
            kind: FieldType::of(&value),
            parsers: Vec::new(),
            json_path: Vec::new(),
            values: HashSet::new(),
        });
        if let Some(parser) = parser.filter(|parser| !field.parsers.contains(parser)) {
            field.parsers.push(parser);
            if parser == "json" {
                let bare = field.label.strip_suffix("_extracted").unwrap_or(&field.label);
                let path = json_path(row.line(), &field.label).or_else(|| json_path(row.line(), bare));
                field.json_path = path.unwrap_or_default();
            }
        }
        if field.values.len() < self.max_values {
            field.values.insert(value.into());
        }
    }

    /// The fields in order of name.
    pub fn fields(&self) -> impl Iterator<Item = &DetectedField> {
        self.fields.values()
    }

    pub fn field(&self, name: &str) -> Option<&DetectedField> {
        self.fields.get(name)
    }
}

fn parsed_by(found: &[(String, String, Option<&'static str>)]) -> Option<&'static str> {
    found.iter().find_map(|(_, _, parser)| *parser)
}

/// The keys that lead to the value which becomes the label `label`.
fn json_path(line: &str, label: &str) -> Option<Vec<String>> {
    let mut path = Vec::new();
    walk(line, label, &mut String::new(), &mut path, 0).then_some(path)
}

fn walk(text: &str, label: &str, prefix: &mut String, path: &mut Vec<String>, depth: usize) -> bool {
    const MAX_DEPTH: usize = 64;
    let mut found = false;
    let result = json::each_member(text, |key, value| {
        let key = json::unescape(key).unwrap_or(key.into());
        let length = prefix.len();
        if length > 0 {
            prefix.push('_');
        }
        sanitize_into(&key, prefix);
        path.push(key.into_owned());
        found = match value.kind {
            Kind::Object if depth < MAX_DEPTH && label.starts_with(prefix.as_str()) => {
                walk(value.raw, label, prefix, path, depth + 1)
            }
            Kind::Text | Kind::Number | Kind::Boolean => prefix == label,
            _ => false,
        };
        if found {
            return Ok(ControlFlow::Break(()));
        }
        prefix.truncate(length);
        path.pop();
        Ok(ControlFlow::Continue(()))
    });
    found && result.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_the_narrowest() {
        let kinds = ["17", "1.5e-9", "true", "1h2m3s", "3KiB", "GET", "", "12345678901234567890123"].map(FieldType::of);
        use FieldType::*;
        assert_eq!(kinds, [Int, Float, Boolean, Duration, Bytes, Text, Text, Float]);
    }

    #[test]
    fn paths_lead_to_the_value() {
        let line = r#"{"a":{"b-c":1},"9x":true}"#;
        assert_eq!(json_path(line, "a_b_c"), Some(vec!["a".to_string(), "b-c".to_string()]));
        assert_eq!(json_path(line, "_9x"), Some(vec!["9x".to_string()]));
        assert_eq!(json_path(line, "nosuch"), None);
    }
}
