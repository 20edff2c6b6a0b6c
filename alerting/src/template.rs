//! Templates of labels and annotations: Go's text/template with the functions and variables that Prometheus documents
//! (prometheus.io, "Template reference").
//!
//! A text without `{{` is left as it is. Start with [`Templates`].

mod functions;
#[cfg(test)]
mod tests;

use crate::seam::{Evaluate, Expand, Sample, Subject, Value as SampleValue};
use functions::{Function, Surroundings};
use gantry_model::LabelSet;
use gantry_template::{Host, Template, TemplateError, Value};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// What every template can name without saying where it comes from.
const VARIABLES: &str =
    "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}";

/// Fills in templates of rules.
#[derive(Clone, Debug, Default)]
pub struct Templates {
    external_labels: BTreeMap<String, String>,
    external_url: String,
}

impl Templates {
    /// `external_url`: where people reach this server.
    pub fn new(external_labels: BTreeMap<String, String>, external_url: String) -> Self {
        Templates { external_labels, external_url }
    }

    /// Whether a template can be read.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(name: &str, text: &str) -> Result<(), String> {
        parse(name, text).map(drop).map_err(|error| error.to_string())
    }
}

fn parse(name: &str, text: &str) -> Result<Template, TemplateError> {
    Template::parse(&format!("__alert_{name}"), &format!("{VARIABLES}{text}"), Function::named)
}

impl Expand for Templates {
    fn expand(&self, text: &str, subject: &Subject<'_>, evaluate: &mut dyn Evaluate) -> Result<String, String> {
        if !text.contains("{{") {
            return Ok(text.to_owned());
        }
        let template = parse(subject.alert, text)
            .map_err(|error| format!("error parsing template __alert_{}: {error}", subject.alert))?;
        let root = [
            ("Labels", labels(subject.labels)),
            ("ExternalLabels", Value::Texts(self.external_labels.clone())),
            ("ExternalURL", Value::Text(self.external_url.clone())),
            ("Value", Value::Float(subject.value)),
        ];
        let root = Value::Map(root.map(|(name, value)| (name.to_owned(), value)).into());
        let host = Rule { at_ms: subject.at_ms, external_url: &self.external_url, evaluate: RefCell::new(evaluate) };
        let mut out = String::new();
        let rendered = template.render(&host, root, &mut out);
        rendered.map(|()| out).map_err(|error| format!("error executing template __alert_{}: {error}", subject.alert))
    }
}

/// What the functions know.
struct Rule<'a> {
    at_ms: i64,
    external_url: &'a str,
    evaluate: RefCell<&'a mut dyn Evaluate>,
}

impl Host for Rule<'_> {
    fn call(&self, function: u16, arguments: Vec<Value>) -> Result<Value, TemplateError> {
        functions::call(function, arguments, self)
    }
}

impl Surroundings for Rule<'_> {
    fn query(&self, expr: &str) -> Result<Value, TemplateError> {
        let found = self.evaluate.borrow_mut().instant(expr, self.at_ms).map_err(TemplateError)?;
        Ok(Value::List(found.iter().map(of_sample).collect()))
    }

    fn now_ms(&self) -> i64 {
        self.at_ms
    }

    fn external_url(&self) -> &str {
        self.external_url
    }
}

fn labels(labels: &LabelSet) -> Value {
    Value::Texts(labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

/// A series of an answer; a histogram has the value 0.
fn of_sample(sample: &Sample) -> Value {
    let value = match sample.value {
        SampleValue::Number(value) => value,
        SampleValue::Histogram(_) => 0.0,
    };
    let fields = [("Labels", labels(&sample.labels)), ("Value", Value::Float(value))];
    Value::Map(fields.map(|(name, value)| (name.to_owned(), value)).into())
}
