//! What a template computes with.

use super::time::Time;
use crate::value::format_general;
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    Time(Time),
    /// A number with a name, such as a month.
    Named(i64, &'static str),
    List(Vec<Value>),
    Map(BTreeMap<String, Value>),
    /// The labels of the line.
    Labels,
}

impl Value {
    /// As an action prints it.
    pub fn print(&self) -> String {
        match self {
            Value::Nil => "<no value>".into(),
            Value::List(_) | Value::Map(_) => self.print_inside(),
            other => other.print_plain(),
        }
    }

    fn print_plain(&self) -> String {
        match self {
            Value::Bool(b) => b.to_string(),
            Value::Int(n) => n.to_string(),
            Value::Float(f) => format_general(*f),
            Value::Text(t) => t.clone(),
            Value::Time(t) => t.to_string(),
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
            other => other.print_plain(),
        }
    }

    /// What `if` and `with` ask; a time is always true.
    pub fn truthy(&self) -> bool {
        match self {
            Value::Nil => false,
            Value::Bool(b) => *b,
            Value::Int(n) | Value::Named(n, _) => *n != 0,
            Value::Float(f) => *f != 0.0,
            Value::Text(t) => !t.is_empty(),
            Value::List(l) => !l.is_empty(),
            Value::Map(m) => !m.is_empty(),
            Value::Time(_) | Value::Labels => true,
        }
    }

    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Nil => "<nil>",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float64",
            Value::Text(_) => "string",
            Value::Time(_) => "time.Time",
            Value::Named(..) => "time.Month",
            Value::List(_) => "[]interface {}",
            Value::Map(_) => "map[string]interface {}",
            Value::Labels => "map[string]string",
        }
    }

    pub fn from_json(json: serde_json::Value) -> Value {
        match json {
            serde_json::Value::Null => Value::Nil,
            serde_json::Value::Bool(b) => Value::Bool(b),
            serde_json::Value::Number(n) => Value::Float(n.as_f64().unwrap_or(0.0)),
            serde_json::Value::String(s) => Value::Text(s),
            serde_json::Value::Array(items) => Value::List(items.into_iter().map(Value::from_json).collect()),
            serde_json::Value::Object(map) => {
                Value::Map(map.into_iter().map(|(k, v)| (k, Value::from_json(v))).collect())
            }
        }
    }
}
