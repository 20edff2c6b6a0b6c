//! Functions of notifications' templates; Go's own are the template engine's.

use gantry_template::{Args, TemplateError, Value, fail, function_table, title, upper};
use regex::Regex;

function_table! {
    ToUpper "toUpper" 1 1; ToLower "toLower" 1 1; Title "title" 1 1; TrimSpace "trimSpace" 1 1; Join "join" 2 2;
    Match "match" 2 2; SafeHtml "safeHtml" 1 1; SafeUrl "safeUrl" 1 1; ReReplaceAll "reReplaceAll" 3 3;
    StringSlice "stringSlice" 0 usize::MAX; ToJson "toJson" 1 1;
}

pub fn call(number: u16, values: Vec<Value>) -> Result<Value, TemplateError> {
    let (function, args) = Function::with(number, values)?;
    match function {
        Function::Join => join(&args),
        Function::Match => Ok(Value::Bool(regex(args.text(0)?)?.is_match(args.text(1)?))),
        Function::StringSlice => Ok(Value::List(args.values().to_vec())),
        Function::ToJson => Ok(Value::Text(json(args.value(0)).to_string())),
        _ => text(function, &args).map(Value::Text),
    }
}

fn text(function: Function, args: &Args) -> Result<String, TemplateError> {
    let text = args.text(0)?;
    Ok(match function {
        Function::ToUpper => upper(text),
        Function::ToLower => text.to_lowercase(),
        Function::Title => title(text),
        Function::TrimSpace => text.trim().to_owned(),
        Function::ReReplaceAll => regex(text)?.replace_all(args.text(2)?, args.text(1)?).into_owned(),
        _ => text.to_owned(),
    })
}

fn join(args: &Args) -> Result<Value, TemplateError> {
    let Value::List(items) = args.value(1) else { return fail("join wants a separator and a list of texts") };
    let texts: Vec<String> = items.iter().map(Value::print).collect();
    Ok(Value::Text(texts.join(args.text(0)?)))
}

fn regex(pattern: &str) -> Result<Regex, TemplateError> {
    Regex::new(pattern).map_err(|error| TemplateError(format!("error parsing regexp: {error}")))
}

fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Bool(value) => (*value).into(),
        Value::Int(value) | Value::Named(value, _) => (*value).into(),
        Value::Float(value) => (*value).into(),
        Value::Text(value) => value.as_str().into(),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(map) => map.iter().map(|(name, value)| (name.clone(), json(value))).collect(),
        Value::Texts(map) => serde_json::json!(map),
        Value::Time(time) => time.to_string().into(),
        Value::Nil | Value::Root => serde_json::Value::Null,
    }
}
