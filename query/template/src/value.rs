//! What a template computes with: the kinds of values that Go has, as far as templates can tell them apart.

use crate::time::Time;
use gantry_query_lang::duration::format_go_duration;
use gantry_query_lang::gotext::general_float;
use std::collections::BTreeMap;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Time(Time),
    /// A span of time in nanoseconds.
    Duration(i64),
    /// A number with a name, such as a month.
    Named(i64, &'static str),
    List(Vec<Value>),
    Map(BTreeMap<String, Value>),
    /// Texts by name; a name that is not there is an empty text.
    Texts(BTreeMap<String, String>),
    /// The texts of the [`Host`](crate::Host), which are fetched as they are asked for.
    Root,
}

impl Value {
    /// As an action prints it.
    pub fn print(&self) -> String {
        match self {
            Value::Nil => "<no value>".into(),
            Value::List(_) | Value::Map(_) | Value::Texts(_) => self.print_inside(),
            other => other.print_plain(),
        }
    }

    fn print_plain(&self) -> String {
        match self {
            Value::Bool(b) => b.to_string(),
            Value::Int(n) => n.to_string(),
            Value::Float(f) => general_float(*f),
            Value::Text(t) => t.clone(),
            Value::Time(t) => t.to_string(),
            Value::Duration(nanos) => format_go_duration(*nanos),
            Value::Named(_, name) => (*name).into(),
            _ => String::new(),
        }
    }

    fn print_inside(&self) -> String {
        match self {
            Value::Nil => "<nil>".into(),
            Value::List(items) => format!("[{}]", items.iter().map(Value::print_inside).collect::<Vec<_>>().join(" ")),
            Value::Map(map) => {
                let pairs: Vec<String> = map.iter().map(|(k, v)| format!("{k}:{}", v.print_inside())).collect();
                format!("map[{}]", pairs.join(" "))
            }
            Value::Texts(map) => {
                let pairs: Vec<String> = map.iter().map(|(k, v)| format!("{k}:{v}")).collect();
                format!("map[{}]", pairs.join(" "))
            }
            other => other.print_plain(),
        }
    }

    /// What `if` and `with` ask; a time is always true.
    pub fn truthy(&self) -> bool {
        match self {
            Value::Nil => false,
            Value::Bool(b) => *b,
            Value::Int(n) | Value::Named(n, _) | Value::Duration(n) => *n != 0,
            Value::Float(f) => *f != 0.0,
            Value::Text(t) => !t.is_empty(),
            Value::List(l) => !l.is_empty(),
            Value::Map(m) => !m.is_empty(),
            Value::Texts(m) => !m.is_empty(),
            Value::Time(_) | Value::Root => true,
        }
    }

    /// Of what type Go says it is.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Nil => "<nil>",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float64",
            Value::Text(_) => "string",
            Value::Time(_) => "time.Time",
            Value::Duration(_) => "time.Duration",
            Value::Named(..) => "time.Month",
            Value::List(_) => "[]interface {}",
            Value::Map(_) => "map[string]interface {}",
            Value::Texts(_) | Value::Root => "map[string]string",
        }
    }
}
