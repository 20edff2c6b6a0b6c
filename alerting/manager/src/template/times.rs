//! Functions of times and spans of time.

use super::functions::Function;
use chrono::Offset;
use chrono_tz::{OffsetName, Tz};
use gantry_model::Timestamp;
use gantry_template::humanize::humanize_duration;
use gantry_template::{Args, TemplateError, Time, Value, fail, layout};

pub fn call(function: Function, args: &Args, now: Timestamp) -> Result<Value, TemplateError> {
    Ok(match function {
        Function::Date => Value::Text(layout::format(time(args, 1)?, args.text(0)?)),
        Function::Tz => Value::Time(in_zone(args.text(0)?, time(args, 1)?)?),
        Function::Since => Value::Duration(Time::utc(now.nanos()).since(time(args, 0)?)),
        Function::HumanizeDuration => Value::Text(humanize_duration(seconds(args.value(0))?)),
        Function::ToDate => Value::Time(parsed(args)?.unwrap_or_else(Time::zero)),
        Function::MustToDate => match parsed(args)? {
            Some(time) => Value::Time(time),
            None => return fail(format!("parsing time: cannot parse {:?} as {:?}", args.text(1)?, args.text(0)?)),
        },
        _ => Value::Time(Time::utc(now.nanos())),
    })
}

fn time(args: &Args, at: usize) -> Result<&Time, TemplateError> {
    match args.value(at) {
        Value::Time(time) => Ok(time),
        other => fail(format!("wrong type for value; expected time.Time; got {}", other.type_name())),
    }
}

fn parsed(args: &Args) -> Result<Option<Time>, TemplateError> {
    Ok(layout::parse(args.text(0)?, args.text(1)?, Tz::UTC))
}

/// The same instant, shown in a zone of the IANA database.
fn in_zone(name: &str, time: &Time) -> Result<Time, TemplateError> {
    let zone = if name.is_empty() { Ok(Tz::UTC) } else { name.parse::<Tz>() };
    let zone = zone.map_err(|_| TemplateError(format!("unknown time zone {name}")))?;
    let at = time.at.with_timezone(&zone);
    let shown = at.offset().abbreviation().unwrap_or_default().to_owned();
    Ok(Time { at: at.with_timezone(&at.offset().fix()), zone: shown })
}

/// A number of seconds, also as text, or a span of time.
fn seconds(value: &Value) -> Result<f64, TemplateError> {
    match value {
        Value::Int(n) => Ok(*n as f64),
        Value::Float(f) => Ok(*f),
        Value::Duration(nanos) => Ok(*nanos as f64 / 1e9),
        Value::Text(text) => {
            text.parse().map_err(|_| TemplateError(format!("strconv.ParseFloat: parsing {text:?}: invalid syntax")))
        }
        other => fail(format!("can't convert {} to float", other.type_name())),
    }
}
