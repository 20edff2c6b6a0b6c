//! [`Outcome`]: what became of one line, for people and as JSON.

use chrono::{DateTime, SecondsFormat};
use gantry_transform::{Event, Fate, Step};
use serde_json::{Map, Value, json};
use std::fmt;

#[derive(Debug)]
pub(super) struct Outcome<'a> {
    /// Of the line, from 1.
    pub number: usize,
    pub before: &'a str,
    /// `None`: it was dropped.
    pub after: Option<Event<'a>>,
    pub steps: Vec<Step>,
}

impl Outcome<'_> {
    /// `tenant`, `labels`, `message`, `metadata`, `timestamp`, or `dropped` with the transform and the reason; and `errors`.
    pub fn json(&self) -> Value {
        let mut all = Map::new();
        if let Some(event) = &self.after {
            let at = DateTime::from_timestamp_nanos(event.at.nanos()).to_rfc3339_opts(SecondsFormat::AutoSi, true);
            let metadata: Map<String, Value> =
                event.metadata.iter().map(|(name, value)| (name.into_owned(), json!(value))).collect();
            all.insert("tenant".to_owned(), json!(event.tenant));
            all.insert("labels".to_owned(), json!(event.labels));
            all.insert("message".to_owned(), json!(event.body));
            all.insert("metadata".to_owned(), Value::Object(metadata));
            all.insert("timestamp".to_owned(), json!(at));
        }
        let mut errors = Vec::new();
        for Step { name, fate } in &self.steps {
            match fate {
                Fate::Dropped(why) => drop(all.insert("dropped".to_owned(), json!({"transform": name, "reason": why}))),
                Fate::DroppedAfter(why) => {
                    all.insert("dropped".to_owned(), json!({"transform": name, "reason": "error"}));
                    errors.push(json!({"transform": name, "error": why}));
                }
                Fate::Failed(why) | Fate::Refused(why) => errors.push(json!({"transform": name, "error": why})),
                Fate::Changed | Fate::Unchanged => {}
            }
        }
        if !errors.is_empty() {
            all.insert("errors".to_owned(), Value::Array(errors));
        }
        Value::Object(all)
    }
}

impl fmt::Display for Outcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<5}{}", self.number, self.before)?;
        for Step { name, fate } in &self.steps {
            match fate {
                Fate::Unchanged => writeln!(f, "     {name}: left as it is")?,
                Fate::Changed => writeln!(f, "     {name}: changed")?,
                Fate::Dropped(why) => writeln!(f, "     {name}: dropped: {why}")?,
                Fate::Failed(why) => writeln!(f, "     {name}: failed: {why}")?,
                Fate::DroppedAfter(why) => writeln!(f, "     {name}: failed and dropped: {why}")?,
                Fate::Refused(why) => writeln!(f, "     {name}: the request would be refused: {why}")?,
            }
        }
        let Some(event) = &self.after else { return Ok(()) };
        if self.steps.is_empty() {
            return writeln!(f, "     no transform is for it");
        }
        writeln!(f, "  => {}", event.body)?;
        write!(f, "     tenant {}, labels {}", event.tenant, event.labels)?;
        for (at, (name, value)) in event.metadata.iter().enumerate() {
            write!(f, "{}{name}={value:?}", if at == 0 { ", metadata " } else { " " })?;
        }
        writeln!(f)
    }
}
