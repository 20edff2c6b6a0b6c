//! Functions of dates and epochs.

use super::functions::Function;
use chrono_tz::Tz;
use gantry_template::{Args, TemplateError, Time, Value, fail, layout};

pub(super) fn call(function: Function, values: Vec<Value>, now: i64) -> Result<Value, TemplateError> {
    use Function::*;
    let count = match function {
        Date | ToDate => 2,
        ToDateInZone => 3,
        _ => 1,
    };
    let args = Args::new(values, count, count)?;
    Ok(match function {
        Date => Value::Text(layout::format(&date_argument(args.value(1), now).in_utc(), args.text(0)?)),
        ToDate => Value::Time(layout::parse(args.text(0)?, args.text(1)?, Tz::UTC).unwrap_or_else(Time::zero)),
        ToDateInZone => {
            let zone = args.text(1)?.parse().unwrap_or(Tz::UTC);
            Value::Time(layout::parse(args.text(0)?, args.text(2)?, zone).unwrap_or_else(Time::zero))
        }
        UnixToTime => Value::Time(unix_to_time(args.text(0)?)?),
        UnixEpoch => Value::Text(instant(&args)?.at.timestamp().to_string()),
        UnixEpochMillis => Value::Text(instant(&args)?.at.timestamp_millis().to_string()),
        _ => Value::Text(instant(&args)?.nanos().to_string()),
    })
}

fn instant(args: &Args) -> Result<&Time, TemplateError> {
    match args.value(0) {
        Value::Time(time) => Ok(time),
        other => fail(format!("wrong type for value; expected time.Time; got {}", other.type_name())),
    }
}

fn date_argument(value: &Value, now: i64) -> Time {
    match value {
        Value::Time(time) => time.clone(),
        Value::Int(seconds) => Time::of_seconds(*seconds).unwrap_or_else(Time::zero),
        _ => Time::utc(now),
    }
}

/// The unit of an epoch is told by how many digits it has.
fn unix_to_time(epoch: &str) -> Result<Time, TemplateError> {
    let Ok(number) = epoch.parse::<i64>() else {
        return fail(format!("unable to parse time '{epoch}': strconv.ParseInt: parsing {epoch:?}: invalid syntax"));
    };
    let nanos = match epoch.len() {
        5 => number.saturating_mul(86_400_000_000_000),
        10 => number.saturating_mul(1_000_000_000),
        13 => number.saturating_mul(1_000_000),
        16 => number.saturating_mul(1000),
        19 => number,
        _ => return fail(format!("unable to parse time '{epoch}': unknown format")),
    };
    Ok(Time::utc(nanos))
}
