//! Functions of notifications' templates; Go's own are the template engine's.

use super::{lists, times};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use gantry_model::Timestamp;
use gantry_template::{Args, TemplateError, Value, fail, function_table, title, upper, url_unescape};
use regex::Regex;

function_table! {
    ToUpper "toUpper" 1 1; ToLower "toLower" 1 1; Title "title" 1 1; TrimSpace "trimSpace" 1 1; Join "join" 2 2;
    Match "match" 2 2; SafeHtml "safeHtml" 1 1; SafeUrl "safeUrl" 1 1; ReReplaceAll "reReplaceAll" 3 3;
    StringSlice "stringSlice" 0 usize::MAX; ToJson "toJson" 1 1; UrlUnescape "urlUnescape" 1 1;
    Base64Encode "base64encode" 1 1; Base64Decode "base64decode" 1 1;
    Date "date" 2 2; Tz "tz" 2 2; Now "now" 0 0; Since "since" 1 1; HumanizeDuration "humanizeDuration" 1 1;
    ToDate "toDate" 2 2; MustToDate "mustToDate" 2 2;
    List "list" 0 usize::MAX; Append "append" 1 usize::MAX; Dict "dict" 0 usize::MAX;
}

/// `now`: what `now` gives.
pub fn call(number: u16, values: Vec<Value>, now: Timestamp) -> Result<Value, TemplateError> {
    let (function, args) = Function::with(number, values)?;
    match function {
        Function::Join => join(&args),
        Function::Match => Ok(Value::Bool(regex(args.text(0)?)?.is_match(args.text(1)?))),
        Function::StringSlice => Ok(Value::List(args.values().to_vec())),
        Function::ToJson => Ok(Value::Text(json(args.value(0)).to_string())),
        Function::Date
        | Function::Tz
        | Function::Now
        | Function::Since
        | Function::HumanizeDuration
        | Function::ToDate
        | Function::MustToDate => times::call(function, &args, now),
        Function::List | Function::Append | Function::Dict => lists::call(function, &args),
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
        Function::UrlUnescape => url_unescape(text)?,
        Function::Base64Encode => URL_SAFE.encode(text),
        Function::Base64Decode => {
            let decoded = URL_SAFE.decode(text).map_err(|_| TemplateError("illegal base64 data".into()))?;
            String::from_utf8_lossy(&decoded).into_owned()
        }
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
        Value::Int(value) | Value::Named(value, _) | Value::Duration(value) => (*value).into(),
        Value::Float(value) => (*value).into(),
        Value::Text(value) => value.as_str().into(),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(map) => map.iter().map(|(name, value)| (name.clone(), json(value))).collect(),
        Value::Texts(map) => serde_json::json!(map),
        Value::Time(time) => time.to_string().into(),
        Value::Nil | Value::Root => serde_json::Value::Null,
    }
}
