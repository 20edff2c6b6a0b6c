//! The templates of `line_format` and `label_format`: Go's text/template with the functions LogQL documents.
//!
//! A template is read once ([`Template::parse`]) and rendered for every line ([`Template::render`]); the engine is
//! `gantry-template`. Here are the functions, and how a line's labels are found.

mod dates;
mod functions;
mod math;
mod text;

use functions::{Function, Line};
pub use gantry_template::TemplateError;
use gantry_template::{Host, Value};

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

/// What a template sees of a line.
pub struct Env<'a> {
    pub labels: &'a dyn Fields,
    /// `__line__`.
    pub line: &'a str,
    /// `__timestamp__`, nanoseconds since 1970.
    pub timestamp: i64,
    /// `now`, nanoseconds since 1970.
    pub now: i64,
}

impl std::fmt::Debug for Env<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Env").field("line", &self.line).field("timestamp", &self.timestamp).finish_non_exhaustive()
    }
}

impl Host for Env<'_> {
    fn call(&self, function: u16, values: Vec<Value>) -> Result<Value, TemplateError> {
        functions::call(function, values, Line { text: self.line, timestamp: self.timestamp, now: self.now })
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.labels.field(name)
    }

    fn all(&self) -> Vec<(String, String)> {
        self.labels.all()
    }
}

/// A template, ready to render.
#[derive(Clone, Debug)]
pub struct Template(gantry_template::Template);

impl Template {
    /// `name` is what errors call the template: `line` or `label`.
    pub fn parse(name: &'static str, text: &str) -> Result<Self, TemplateError> {
        gantry_template::Template::parse(name, text, Function::named).map(Template)
    }

    /// The labels that the template reads, in order of name; `None` when that cannot be told beforehand.
    pub fn fields(&self) -> Option<&[String]> {
        self.0.fields()
    }

    /// Nothing but `{{.label}}`.
    pub fn is_one_field(&self) -> bool {
        self.0.is_one_field()
    }

    /// Appends the rendered text. After an error `out` holds whatever was written before it.
    pub fn render(&self, env: &Env<'_>, out: &mut String) -> Result<(), TemplateError> {
        self.0.render(env, Value::Root, out)
    }
}

#[cfg(test)]
mod tests;
