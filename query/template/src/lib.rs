//! Go's text/template: what it means is said at pkg.go.dev/text/template.
//!
//! A template is read once ([`Template::parse`]) and rendered ([`Template::render`]) with the functions and values of a
//! [`Host`]. Rendering never panics, does no I/O of its own, and is bounded in steps and in output. Templates made of nothing
//! but text and `{{.name}}` skip the interpreter. It knows no language's functions but Go's own.

mod escape;
mod exec;
mod fields;
mod functions;
pub mod humanize;
pub mod layout;
mod lex;
mod parse;
mod printf;
mod span;
#[cfg(test)]
mod tests;
mod text;
mod time;
mod value;

pub use escape::{html, js, url_query, url_unescape};
pub use exec::{MAX_OUTPUT, fail};
pub use functions::Args;
pub use lex::integer;
pub use printf::print;
pub use text::{bytes_of, title, upper};
pub use time::Time;
pub use value::Value;

use parse::{Defined, Node};

/// A template that cannot be read, or one that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TemplateError(pub String);

/// The number of the host's function with a name, if it has one. Go's own functions need none.
pub type Named = fn(&str) -> Option<u16>;

/// A host that gives a function this number has templates called by a name that is computed: `tmpl NAME DATA`.
pub const TMPL: u16 = u16::MAX;

/// A table of a host's functions: `Variant "name" LEAST MOST;` for each, with its fewest and most arguments. Makes a public `enum
/// Function` with `Function::named`, which also knows `tmpl`, and `Function::with`, by which a host calls them.
#[macro_export]
macro_rules! function_table {
    ($($variant:ident $name:literal $least:literal $most:expr;)+) => {
        /// A function of templates.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Function { $($variant),+ }

        impl Function {
            const ALL: &[Function] = &[$(Function::$variant),+];

            /// The number of the function with a name.
            pub fn named(name: &str) -> Option<u16> {
                match name {
                    $($name => Some(Function::$variant as u16),)+
                    "tmpl" => Some($crate::TMPL),
                    _ => None,
                }
            }

            /// The function with a number, and its arguments.
            fn with(number: u16, values: Vec<$crate::Value>) -> Result<(Function, $crate::Args), $crate::TemplateError> {
                let Some(function) = Function::ALL.get(usize::from(number)).copied() else {
                    return $crate::fail("no such function");
                };
                let (least, most) = match function { $(Function::$variant => ($least, $most)),+ };
                Ok((function, $crate::Args::new(values, least, most)?))
            }
        }
    };
}

/// What a template is rendered with.
pub trait Host {
    /// Calls the function with a number that [`Named`] gave.
    ///
    /// # Errors
    /// What is wrong; rendering ends with it.
    fn call(&self, function: u16, arguments: Vec<Value>) -> Result<Value, TemplateError>;

    /// A field of [`Value::Root`].
    fn field(&self, _name: &str) -> Option<&str> {
        None
    }

    /// All of [`Value::Root`] in order of name.
    fn all(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// A method of a value: what a field is when the value has none of that name. `None`: there is none.
    fn method(&self, _of: &Value, _name: &str, _arguments: &[Value]) -> Option<Result<Value, TemplateError>> {
        None
    }
}

/// A template, ready to render.
#[derive(Clone, Debug)]
pub struct Template {
    name: Box<str>,
    nodes: Vec<Node>,
    defined: Defined,
    fields: Option<Vec<String>>,
}

impl Template {
    /// `name` is what errors call the template.
    ///
    /// # Errors
    /// What is wrong and on which line, in Go's words.
    pub fn parse(name: &str, text: &str, named: Named) -> Result<Self, TemplateError> {
        parse::parse(name, text, named, Defined::new())
    }

    /// The same; the text may use the templates that this one defines, and define others.
    ///
    /// # Errors
    /// What is wrong and on which line, in Go's words.
    pub fn parse_also(&self, name: &str, text: &str, named: Named) -> Result<Self, TemplateError> {
        parse::parse(name, text, named, self.defined.clone())
    }

    /// The fields of the root that the template reads, in order of name; `None` when that cannot be told beforehand.
    pub fn fields(&self) -> Option<&[String]> {
        self.fields.as_deref()
    }

    /// Nothing but `{{.name}}`.
    pub fn is_one_field(&self) -> bool {
        matches!(self.nodes[..], [Node::Field(_)])
    }

    /// Appends the rendered text. After an error `out` holds whatever was written before it.
    ///
    /// # Errors
    /// What failed, or that the template does too much.
    pub fn render(&self, host: &dyn Host, root: Value, out: &mut String) -> Result<(), TemplateError> {
        exec::run(self, host, root, out)
    }
}
