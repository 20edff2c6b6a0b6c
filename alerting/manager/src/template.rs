//! Templates of notifications: Go's text/template with the data and functions that Alertmanager documents
//! (prometheus.io, "Notification template reference").
//!
//! Start with [`Templates`].

mod functions;
mod lists;
#[cfg(test)]
mod tests;
mod times;
mod value;
mod words;

use crate::data::Data;
use functions::Function;
use gantry_model::Timestamp;
use gantry_template::{Host, Template, TemplateError, Value, fail, html};
use std::collections::BTreeMap;

/// The templates that receivers use unless they say otherwise.
const DEFAULTS: &str = include_str!("template/default.tmpl");

/// Templates by name.
#[derive(Clone, Debug)]
pub struct Templates(Template);

impl Templates {
    /// Adds what the files say that globs name, in their order. Blocks.
    ///
    /// # Errors
    /// Which file cannot be read, or is no template, and why.
    pub fn read(globs: &[String]) -> Result<Self, String> {
        let mut all = Template::parse("default.tmpl", DEFAULTS, Function::named).map_err(|error| error.to_string())?;
        for pattern in globs {
            let files = glob::glob(pattern).map_err(|error| format!("{pattern:?} is no glob pattern: {error}"))?;
            for file in files.filter_map(Result::ok) {
                let name = file.display().to_string();
                let text = std::fs::read_to_string(&file).map_err(|error| format!("{name}: {error}"))?;
                all = all.parse_also(&name, &text, Function::named).map_err(|error| format!("{name}: {error}"))?;
            }
        }
        Ok(Templates(all))
    }

    /// Whether a text can be read.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, text: &str) -> Result<(), String> {
        self.0.parse_also("", text, Function::named).map(drop).map_err(|error| error.to_string())
    }

    /// Fills a text in; `now` is what the function of that name gives.
    ///
    /// # Errors
    /// What is wrong with the text, or failed when it was filled in.
    pub fn text(&self, text: &str, data: &Data, now: Timestamp) -> Result<String, String> {
        self.render(text, now, || value::of(data))
    }

    /// The same for HTML: all values are escaped beforehand.
    ///
    /// # Errors
    /// What is wrong with the text, or failed when it was filled in.
    pub fn html(&self, text: &str, data: &Data, now: Timestamp) -> Result<String, String> {
        self.render(text, now, || escaped(value::of(data)))
    }

    fn render(&self, text: &str, now: Timestamp, data: impl FnOnce() -> Value) -> Result<String, String> {
        if !text.contains("{{") {
            return Ok(text.to_owned());
        }
        let template = self.0.parse_also("", text, Function::named).map_err(|error| error.to_string())?;
        let mut out = String::new();
        template.render(&Kinds { now }, data(), &mut out).map_err(|error| error.to_string())?;
        Ok(out)
    }
}

fn escaped(value: Value) -> Value {
    match value {
        Value::Text(text) => Value::Text(html(&text)),
        Value::List(items) => Value::List(items.into_iter().map(escaped).collect()),
        Value::Map(map) => Value::Map(map.into_iter().map(|(name, value)| (name, escaped(value))).collect()),
        Value::Texts(map) => Value::Texts(map.into_iter().map(|(name, text)| (html(&name), html(&text))).collect()),
        other => other,
    }
}

/// What the values of a notification can be asked.
struct Kinds {
    now: Timestamp,
}

impl Host for Kinds {
    fn call(&self, function: u16, arguments: Vec<Value>) -> Result<Value, TemplateError> {
        functions::call(function, arguments, self.now)
    }

    fn method(&self, of: &Value, name: &str, arguments: &[Value]) -> Option<Result<Value, TemplateError>> {
        match (of, name) {
            (Value::List(alerts), "Firing" | "Resolved") => {
                let status = Value::Text(name.to_lowercase());
                Some(Ok(Value::List(
                    alerts.iter().filter(|one| field(one, "Status") == Some(&status)).cloned().collect(),
                )))
            }
            (Value::List(pairs), "Names" | "Values") => {
                let of_pair = |pair: &Value| field(pair, &name[..name.len() - 1]).cloned();
                Some(Ok(Value::List(pairs.iter().filter_map(of_pair).collect())))
            }
            (Value::Texts(map), "SortedPairs") => Some(Ok(Value::List(pairs(map)))),
            (Value::Texts(map), "Names" | "Values") => self.method(&Value::List(pairs(map)), name, &[]),
            (Value::Texts(map), "Remove") => Some(removed(map, arguments)),
            _ => None,
        }
    }
}

fn field<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Map(fields) => fields.get(name),
        _ => None,
    }
}

/// The name of the alert first, the others in order.
fn pairs(map: &BTreeMap<String, String>) -> Vec<Value> {
    let first = map.iter().filter(|(name, _)| *name == "alertname");
    let all = first.chain(map.iter().filter(|(name, _)| *name != "alertname"));
    all.map(|(name, value)| {
        let fields = [("Name", name), ("Value", value)];
        Value::Map(fields.map(|(field, text)| (field.to_owned(), Value::Text(text.clone()))).into())
    })
    .collect()
}

fn removed(map: &BTreeMap<String, String>, arguments: &[Value]) -> Result<Value, TemplateError> {
    let [Value::List(names)] = arguments else { return fail("Remove wants a list of names") };
    let kept = map.iter().filter(|(name, _)| !names.contains(&Value::Text((*name).clone())));
    Ok(Value::Texts(kept.map(|(name, value)| (name.clone(), value.clone())).collect()))
}
