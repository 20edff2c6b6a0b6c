//! The templates of `line_format` and `label_format`: Go's text/template with the functions LogQL documents.
//!
//! A template is read once ([`Template::parse`]) and rendered for every line ([`Template::render`]). Rendering never
//! panics, never does I/O, and is bounded in steps and in output. Templates made of nothing but text and `{{.label}}`
//! skip the interpreter.

mod builtin;
mod exec;
mod fields;
mod layout;
mod lex;
mod math;
mod parse;
mod printf;
mod text;
mod time;
mod value;

pub use exec::Env;
use parse::Node;
use std::collections::BTreeMap;

/// A template that cannot be read, or one that failed on a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(pub String);

/// Checks the templates of a query while it is parsed: give it to [`gantry_query_lang::parse_with`].
#[derive(Clone, Copy, Debug)]
pub struct Templates;

impl gantry_query_lang::TemplateCheck for Templates {
    fn line(&self, template: &str) -> Result<(), String> {
        Template::parse("line", template).map(drop).map_err(|error| error.0)
    }

    fn label(&self, template: &str) -> Result<(), String> {
        Template::parse("label", template).map(drop).map_err(|error| error.0)
    }
}

/// Where a template finds the labels of the line.
pub trait Fields {
    /// The value of a label, if there is one.
    fn field(&self, name: &str) -> Option<&str>;
    /// All labels in order of name.
    fn all(&self) -> Vec<(String, String)>;
}

/// A template, ready to render.
#[derive(Clone, Debug)]
pub struct Template {
    name: &'static str,
    nodes: Vec<Node>,
    named: BTreeMap<String, Vec<Node>>,
    fields: Option<Vec<String>>,
}

impl Template {
    /// `name` is what errors call the template: `line` or `label`.
    pub fn parse(name: &'static str, text: &str) -> Result<Self, TemplateError> {
        parse::parse(name, text)
    }

    /// The labels that the template reads, in order of name; `None` when that cannot be told beforehand.
    pub fn fields(&self) -> Option<&[String]> {
        self.fields.as_deref()
    }

    /// Nothing but `{{.label}}`.
    pub fn is_one_field(&self) -> bool {
        matches!(self.nodes[..], [Node::Field(_)])
    }

    /// Appends the rendered text. After an error `out` holds whatever was written before it.
    pub fn render(&self, env: &Env<'_>, out: &mut String) -> Result<(), TemplateError> {
        exec::run(self, env, out)
    }
}

#[cfg(test)]
mod tests;
