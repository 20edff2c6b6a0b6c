//! Go's own functions of templates, and how arguments are taken.

use crate::exec::{MAX_OUTPUT, fail};
use crate::value::Value;
use crate::{TemplateError, escape, printf, text};
use std::cmp::Ordering;

/// A function as the parser found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Core(Core),
    /// One of the host's, by its number.
    Host(u16),
}

/// Go's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Core {
    And,
    Or,
    Not,
    Len,
    Index,
    Slice,
    Call,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    Print,
    Println,
    Printf,
    Html,
    Js,
    UrlQuery,
}

impl Core {
    pub fn named(name: &str) -> Option<Core> {
        use Core::*;
        Some(match name {
            "and" => And,
            "or" => Or,
            "not" => Not,
            "len" => Len,
            "index" => Index,
            "slice" => Slice,
            "call" => Call,
            "eq" => Eq,
            "ne" => Ne,
            "lt" => Lt,
            "le" => Le,
            "gt" => Gt,
            "ge" => Ge,
            "print" => Print,
            "println" => Println,
            "printf" => Printf,
            "html" => Html,
            "js" => Js,
            "urlquery" => UrlQuery,
            _ => return None,
        })
    }
}

/// Arguments of a call, taken by position and type.
#[derive(Debug)]
pub struct Args {
    values: Vec<Value>,
}

impl Args {
    /// Between `min` and `max` arguments.
    ///
    /// # Errors
    /// When there are more or fewer.
    pub fn new(values: Vec<Value>, min: usize, max: usize) -> Result<Args, TemplateError> {
        if values.len() < min || values.len() > max {
            return fail(format!("wrong number of args: want {min} got {}", values.len()));
        }
        Ok(Args { values })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// The one at a position; `Nil` where there is none.
    pub fn value(&self, at: usize) -> &Value {
        self.values.get(at).unwrap_or(&Value::Nil)
    }

    /// The text at a position.
    ///
    /// # Errors
    /// When it is none.
    pub fn text(&self, at: usize) -> Result<&str, TemplateError> {
        match self.value(at) {
            Value::Text(text) => Ok(text),
            other => fail(format!("wrong type for value; expected string; got {}", other.type_name())),
        }
    }

    /// The whole number at a position.
    ///
    /// # Errors
    /// When it is none.
    pub fn int(&self, at: usize) -> Result<i64, TemplateError> {
        match self.value(at) {
            Value::Int(n) | Value::Named(n, _) | Value::Duration(n) => Ok(*n),
            Value::Float(f) if f.fract() == 0.0 => Ok(*f as i64),
            other => fail(format!("wrong type for value; expected int; got {}", other.type_name())),
        }
    }

    /// A count of characters or repetitions: large ones are refused.
    pub fn count(&self, at: usize) -> Result<i64, TemplateError> {
        match self.int(at)? {
            n if n > MAX_OUTPUT as i64 => fail("the number is too large"),
            n => Ok(n),
        }
    }

    /// All of them.
    pub fn values(&self) -> &[Value] {
        &self.values
    }
}

/// Calls one of Go's functions; `and` and `or` have been seen to before, because they stop early.
pub(crate) fn call(function: Core, values: Vec<Value>) -> Result<Value, TemplateError> {
    use Core::*;
    match function {
        Print => Ok(Value::Text(printf::print(&values))),
        Println => Ok(Value::Text(printf::println(&values))),
        Printf => {
            let args = Args::new(values, 1, usize::MAX)?;
            printf::printf(args.text(0)?, &args.values()[1..]).map(Value::Text)
        }
        Html => Ok(Value::Text(escape::html(&printf::print(&values)))),
        Js => Ok(Value::Text(escape::js(&printf::print(&values)))),
        UrlQuery => Ok(Value::Text(escape::url_query(&printf::print(&values)))),
        Not => Ok(Value::Bool(!Args::new(values, 1, 1)?.value(0).truthy())),
        Len => match Args::new(values, 1, 1)?.value(0) {
            Value::Text(text) => Ok(Value::Int(text.len() as i64)),
            Value::List(items) => Ok(Value::Int(items.len() as i64)),
            Value::Map(map) => Ok(Value::Int(map.len() as i64)),
            Value::Texts(map) => Ok(Value::Int(map.len() as i64)),
            other => fail(format!("len of type {}", other.type_name())),
        },
        Index => index(&Args::new(values, 1, usize::MAX)?),
        Slice => slice(&Args::new(values, 1, 4)?),
        Call => fail("non-function of type called"),
        _ => compare(function, &Args::new(values, 2, usize::MAX)?),
    }
}

fn compare(function: Core, args: &Args) -> Result<Value, TemplateError> {
    use Core::*;
    let (a, b) = (args.value(0), args.value(1));
    let result = match function {
        Eq => {
            let mut any = false;
            for other in &args.values()[1..] {
                any |= equal(a, other)?;
            }
            any
        }
        Ne => !equal(a, b)?,
        Lt => order(a, b)? == Some(Ordering::Less),
        Le => matches!(order(a, b)?, Some(Ordering::Less | Ordering::Equal)),
        Gt => order(a, b)? == Some(Ordering::Greater),
        _ => matches!(order(a, b)?, Some(Ordering::Greater | Ordering::Equal)),
    };
    Ok(Value::Bool(result))
}

fn equal(a: &Value, b: &Value) -> Result<bool, TemplateError> {
    match (a, b) {
        (Value::Nil, other) | (other, Value::Nil) => Ok(*other == Value::Nil),
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Time(a), Value::Time(b)) => Ok(a == b),
        _ => Ok(order(a, b)? == Some(Ordering::Equal)),
    }
}

fn order(a: &Value, b: &Value) -> Result<Option<Ordering>, TemplateError> {
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => Ok(Some(a.cmp(b))),
        (
            Value::Int(a) | Value::Named(a, _) | Value::Duration(a),
            Value::Int(b) | Value::Named(b, _) | Value::Duration(b),
        ) => Ok(Some(a.cmp(b))),
        (Value::Float(a), Value::Float(b)) => Ok(a.partial_cmp(b)),
        _ => fail("incompatible types for comparison"),
    }
}

fn index(args: &Args) -> Result<Value, TemplateError> {
    let mut value = args.value(0).clone();
    for at in 1..args.len() {
        value = match value {
            Value::Map(map) => map.get(args.text(at)?).cloned().unwrap_or(Value::Nil),
            Value::Texts(map) => Value::Text(map.get(args.text(at)?).cloned().unwrap_or_default()),
            Value::List(items) => position(args, at)
                .and_then(|n| items.get(n).cloned())
                .map_or_else(|| fail(format!("index out of range: {}", args.value(at).print())), Ok)?,
            Value::Text(text) => position(args, at)
                .and_then(|n| text.as_bytes().get(n).copied())
                .map_or_else(|| fail("index out of range"), |b| Ok(Value::Int(i64::from(b))))?,
            other => return fail(format!("can't index item of type {}", other.type_name())),
        };
    }
    Ok(value)
}

fn position(args: &Args, at: usize) -> Option<usize> {
    usize::try_from(args.int(at).ok()?).ok()
}

fn slice(args: &Args) -> Result<Value, TemplateError> {
    let length = match args.value(0) {
        Value::Text(text) => text.len(),
        Value::List(items) => items.len(),
        other => return fail(format!("can't slice item of type {}", other.type_name())),
    };
    let from = if args.len() > 1 { position(args, 1) } else { Some(0) };
    let to = if args.len() > 2 { position(args, 2) } else { Some(length) };
    match (from, to, args.value(0)) {
        (Some(from), Some(to), Value::Text(text)) if from <= to && to <= length => {
            Ok(Value::Text(text::bytes_of(text, from, to)))
        }
        (Some(from), Some(to), Value::List(items)) if from <= to && to <= length => {
            Ok(Value::List(items[from..to].to_vec()))
        }
        _ => fail("index out of range"),
    }
}
