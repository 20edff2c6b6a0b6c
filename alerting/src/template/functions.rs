//! The functions of Prometheus' templates; Go's own are the template engine's.

use gantry_query_lang::duration::{format_go_duration, parse_prometheus_duration};
use gantry_template::humanize::{humanize, humanize_1024, humanize_duration, humanize_percentage, humanize_timestamp};
use gantry_template::{Args, TemplateError, Time, Value, fail, function_table, title, upper, url_query};
use regex::Regex;
use std::collections::BTreeMap;

/// What functions need beside their arguments.
pub trait Surroundings {
    fn query(&self, expr: &str) -> Result<Value, TemplateError>;
    /// The instant of the evaluation, milliseconds since 1970.
    fn now_ms(&self) -> i64;
    fn external_url(&self) -> &str;
}

function_table! {
    Query "query" 1 1; First "first" 1 1; Label "label" 2 2; ValueOf "value" 1 1; StrValue "strvalue" 1 1;
    SortByLabel "sortByLabel" 2 2; ArgsOf "args" 0 usize::MAX;
    ReReplaceAll "reReplaceAll" 3 3; Match "match" 2 2; Title "title" 1 1; ToUpper "toUpper" 1 1; ToLower "toLower" 1 1;
    SafeHtml "safeHtml" 1 1; UrlQueryEscape "urlQueryEscape" 1 1;
    GraphLink "graphLink" 1 1; TableLink "tableLink" 1 1; PathPrefix "pathPrefix" 0 0; ExternalUrl "externalURL" 0 0;
    StripPort "stripPort" 1 1; StripDomain "stripDomain" 1 1;
    Humanize "humanize" 1 1; Humanize1024 "humanize1024" 1 1; HumanizeDuration "humanizeDuration" 1 1;
    HumanizePercentage "humanizePercentage" 1 1; HumanizeTimestamp "humanizeTimestamp" 1 1;
    ToTime "toTime" 1 1; ToDuration "toDuration" 1 1; ParseDuration "parseDuration" 1 1; Now "now" 0 0;
}

/// Calls the function with a number.
pub fn call(number: u16, values: Vec<Value>, around: &dyn Surroundings) -> Result<Value, TemplateError> {
    use Function::*;
    let (function, args) = Function::with(number, values)?;
    match function {
        Query => around.query(args.text(0)?),
        First | Label | ValueOf | StrValue | SortByLabel | ArgsOf => samples(function, args),
        Humanize | Humanize1024 | HumanizeDuration | HumanizePercentage | HumanizeTimestamp | ToTime | ToDuration => {
            numbers(function, number_of(args.value(0))?)
        }
        Now => Ok(Value::Float(around.now_ms() as f64 / 1000.0)),
        PathPrefix => Ok(Value::Text(path(around.external_url()).to_owned())),
        ExternalUrl => Ok(Value::Text(around.external_url().to_owned())),
        ParseDuration => {
            let nanos = parse_prometheus_duration(args.text(0)?).map_err(TemplateError)?;
            Ok(Value::Float(nanos as f64 / 1e9))
        }
        Match => Ok(Value::Bool(regex(args.text(0)?)?.is_match(args.text(1)?))),
        _ => texts(function, &args).map(Value::Text),
    }
}

fn samples(function: Function, args: Args) -> Result<Value, TemplateError> {
    let field = |sample: &Value, name: &str| match sample {
        Value::Map(fields) if fields.contains_key(name) => Ok(fields[name].clone()),
        other => fail(format!("wrong type for value; expected a sample; got {}", other.type_name())),
    };
    let label = |sample: &Value, name: &str| match field(sample, "Labels")? {
        Value::Texts(labels) => Ok(labels.get(name).cloned().unwrap_or_default()),
        _ => Ok(String::new()),
    };
    let list = |value: &Value| match value {
        Value::List(items) => Ok(items.clone()),
        other => fail(format!("wrong type for value; expected the result of a query; got {}", other.type_name())),
    };
    match function {
        Function::First => match list(args.value(0))?.into_iter().next() {
            Some(first) => Ok(first),
            None => fail("first() called on vector with no elements"),
        },
        Function::Label => Ok(Value::Text(label(args.value(1), args.text(0)?)?)),
        Function::ValueOf => field(args.value(0), "Value"),
        Function::StrValue => Ok(Value::Text(label(args.value(0), "__value__")?)),
        Function::SortByLabel => {
            let name = args.text(0)?;
            let mut items: Vec<(String, Value)> = list(args.value(1))?
                .into_iter()
                .map(|item| Ok((label(&item, name)?, item)))
                .collect::<Result<_, _>>()?;
            items.sort_by(|(a, _), (b, _)| a.cmp(b));
            Ok(Value::List(items.into_iter().map(|(_, item)| item).collect()))
        }
        _ => {
            let named = args.values().iter().enumerate().map(|(at, value)| (format!("arg{at}"), value.clone()));
            Ok(Value::Map(named.collect::<BTreeMap<_, _>>()))
        }
    }
}

fn number_of(value: &Value) -> Result<f64, TemplateError> {
    match value {
        Value::Float(number) => Ok(*number),
        Value::Int(number) => Ok(*number as f64),
        Value::Text(text) => match text.parse() {
            Ok(number) => Ok(number),
            Err(_) => fail(format!("strconv.ParseFloat: parsing {text:?}: invalid syntax")),
        },
        other => fail(format!("can't convert {} to float", other.type_name())),
    }
}

fn numbers(function: Function, value: f64) -> Result<Value, TemplateError> {
    Ok(Value::Text(match function {
        Function::Humanize => humanize(value),
        Function::Humanize1024 => humanize_1024(value),
        Function::HumanizeDuration => humanize_duration(value),
        Function::HumanizePercentage => humanize_percentage(value),
        Function::HumanizeTimestamp => humanize_timestamp(value).map_err(TemplateError)?,
        Function::ToDuration => format_go_duration((value * 1e9) as i64),
        // To the millisecond, as Prometheus' instants are.
        _ if value.is_finite() && (value * 1000.0).abs() < (i64::MAX / 1_000_000) as f64 => {
            return Ok(Value::Time(Time::utc((value * 1000.0).round() as i64 * 1_000_000)));
        }
        _ => return fail(format!("{value} is no instant")),
    }))
}

fn texts(function: Function, args: &Args) -> Result<String, TemplateError> {
    let text = args.text(0)?;
    Ok(match function {
        Function::ReReplaceAll => regex(text)?.replace_all(args.text(2)?, args.text(1)?).into_owned(),
        Function::Title => title(text),
        Function::ToUpper => upper(text),
        Function::ToLower => text.to_lowercase(),
        Function::UrlQueryEscape => url_query(text),
        Function::GraphLink => format!("/graph?g0.expr={}&g0.tab=0", url_query(text)),
        Function::TableLink => format!("/graph?g0.expr={}&g0.tab=1", url_query(text)),
        Function::StripPort => strip_port(text).to_owned(),
        Function::StripDomain => strip_domain(text),
        // There is no other markup that it could be safe for.
        _ => text.to_owned(),
    })
}

fn regex(pattern: &str) -> Result<Regex, TemplateError> {
    Regex::new(pattern).map_err(|error| TemplateError(format!("error parsing regexp: {error}")))
}

/// The path of a URL without a slash at its end.
fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("", |at| rest[at..].trim_end_matches('/'))
}

/// The host and, where there is one, the port.
fn split_port(address: &str) -> Option<(&str, &str)> {
    let (host, port) = address.rsplit_once(':')?;
    match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(host) => Some((host, port)),
        None if host.contains(':') => None,
        None => Some((host, port)),
    }
}

fn strip_port(address: &str) -> &str {
    split_port(address).map_or(address, |(host, _)| host)
}

/// A name without its domain; an address stays.
fn strip_domain(address: &str) -> String {
    let (host, port) = split_port(address).map_or((address, None), |(host, port)| (host, Some(port)));
    if host.parse::<std::net::IpAddr>().is_ok() {
        return address.to_owned();
    }
    let name = host.split('.').next().unwrap_or(host);
    port.map_or_else(|| name.to_owned(), |port| format!("{name}:{port}"))
}
