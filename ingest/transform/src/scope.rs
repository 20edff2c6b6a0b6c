//! [`Scope`]: which lines a stage is for.

use crate::invalid::Wrong;
use crate::options::TransformOptions;
use gantry_model::{LabelSet, Selector, TenantId};
use regex::Regex;

#[derive(Debug)]
pub(crate) struct Scope {
    sources: Vec<String>,
    tenants: Vec<TenantId>,
    selector: Selector,
    line: Option<Regex>,
}

impl Scope {
    /// `parse` reads a LogQL selector.
    pub fn new(
        options: &TransformOptions,
        parse: &dyn Fn(&str) -> Result<Selector, String>,
        wrong: &mut Vec<Wrong>,
    ) -> Self {
        let mut or_wrong = |key, message: String| wrong.push(Wrong::new(key, message));
        let selector = options.selector.as_deref().map_or(Ok(Selector::all()), parse);
        let line = options.line.as_deref().map(Regex::new).transpose();
        let sources = options.sources.clone();
        if sources.iter().any(String::is_empty) {
            or_wrong("sources", "an empty name matches nothing; leave sources out to match all".to_owned());
        }
        Scope {
            sources,
            tenants: options.tenants.clone(),
            selector: selector.unwrap_or_else(|message| {
                or_wrong("selector", message);
                Selector::all()
            }),
            line: line.unwrap_or_else(|error| {
                or_wrong("line", error.to_string());
                None
            }),
        }
    }

    pub fn has_source(&self, source: &str) -> bool {
        let is =
            |name: &String| source.strip_prefix(&**name).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'));
        self.sources.is_empty() || self.sources.iter().any(is)
    }

    /// What is the same for all lines of a stream.
    pub fn has_stream(&self, source: &str, tenant: &TenantId, labels: &LabelSet) -> bool {
        self.has_source(source)
            && (self.tenants.is_empty() || self.tenants.contains(tenant))
            && self.selector.matches(labels)
    }

    pub fn has_line(&self, body: &str) -> bool {
        self.line.as_ref().is_none_or(|line| line.is_match(body))
    }
}
