//! Lists and maps that templates make.

use super::functions::Function;
use gantry_template::{Args, TemplateError, Value, fail};
use std::collections::BTreeMap;

/// Most values within one that a template made: a list that is put into itself doubles each time.
const MOST_VALUES: usize = 100_000;

pub fn call(function: Function, args: &Args) -> Result<Value, TemplateError> {
    if args.values().iter().map(count).sum::<usize>() > MOST_VALUES {
        return fail("the list or map is too large");
    }
    match function {
        Function::Dict => dict(args.values()),
        Function::Append => {
            let Value::List(items) = args.value(0) else {
                let found = args.value(0).type_name();
                return fail(format!("wrong type for value; expected []interface {{}}; got {found}"));
            };
            Ok(Value::List(items.iter().chain(&args.values()[1..]).cloned().collect()))
        }
        _ => Ok(Value::List(args.values().to_vec())),
    }
}

fn dict(values: &[Value]) -> Result<Value, TemplateError> {
    let (pairs, rest) = values.as_chunks::<2>();
    if !rest.is_empty() {
        return fail("dict requires an even number of arguments");
    }
    let mut map = BTreeMap::new();
    for [name, value] in pairs {
        let Value::Text(name) = name else { return fail("dict keys must be strings") };
        map.insert(name.clone(), value.clone());
    }
    Ok(Value::Map(map))
}

/// Values within a value, itself included.
fn count(value: &Value) -> usize {
    match value {
        Value::List(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Map(map) => 1 + map.values().map(count).sum::<usize>(),
        Value::Texts(map) => 1 + map.len(),
        _ => 1,
    }
}
