//! What spans of time can be asked.

use crate::TemplateError;
use crate::exec::fail;
use crate::value::Value;

/// `$span.Hours` and its like, of nanoseconds.
pub(crate) fn method(nanos: i64, name: &str, args: &[Value]) -> Result<Value, TemplateError> {
    let span = nanos as f64;
    Ok(match (name, args) {
        ("Hours", []) => Value::Float(span / 3.6e12),
        ("Minutes", []) => Value::Float(span / 6e10),
        ("Seconds", []) => Value::Float(span / 1e9),
        ("Milliseconds", []) => Value::Int(nanos / 1_000_000),
        ("Microseconds", []) => Value::Int(nanos / 1000),
        ("Nanoseconds", []) => Value::Int(nanos),
        ("String", []) => Value::Text(Value::Duration(nanos).print()),
        _ => return fail(format!("can't evaluate field {name} in type time.Duration")),
    })
}
