//! The functions of LogQL's templates by name; Go's own are the template engine's.

use super::{dates, math, text};
use gantry_template::{Args, TemplateError, Time, Value, fail};
use std::collections::BTreeMap;

macro_rules! functions {
    ($($variant:ident $($name:literal)+;)+) => {
        /// A function of templates.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Function { $($variant),+ }

        impl Function {
            const ALL: &[Function] = &[$(Function::$variant),+];

            /// The number of the function with a name.
            pub fn named(name: &str) -> Option<u16> {
                match name {
                    $($($name)|+ => Some(Function::$variant as u16),)+
                    _ => None,
                }
            }
        }
    };
}

functions! {
    Line "__line__"; Timestamp "__timestamp__"; Now "now";
    UrlQuery "urlencode";
    UrlDecode "urldecode"; Default "default"; FromJson "fromJson";
    Lower "lower" "ToLower"; Upper "upper" "ToUpper"; Title "title"; Trunc "trunc"; Substr "substr";
    Contains "contains"; HasPrefix "hasPrefix"; HasSuffix "hasSuffix"; Indent "indent"; Nindent "nindent";
    Replace "replace"; ReplaceN "Replace"; Repeat "repeat"; TrimSpace "trim" "TrimSpace"; TrimAll "trimAll";
    TrimPrefix "trimPrefix"; TrimSuffix "trimSuffix"; Trim "Trim"; TrimLeft "TrimLeft"; TrimRight "TrimRight";
    TrimPrefixOf "TrimPrefix"; TrimSuffixOf "TrimSuffix"; AlignLeft "alignLeft"; AlignRight "alignRight";
    RegexReplaceAll "regexReplaceAll"; RegexReplaceAllLiteral "regexReplaceAllLiteral"; Count "count";
    B64Enc "b64enc"; B64Dec "b64dec"; Bytes "bytes"; Duration "duration" "duration_seconds";
    Int "int"; Float64 "float64"; Add "add"; Sub "sub"; Mul "mul"; Div "div"; Mod "mod";
    Addf "addf"; Subf "subf"; Mulf "mulf"; Divf "divf"; Max "max"; Min "min"; Maxf "maxf"; Minf "minf";
    Ceil "ceil"; Floor "floor"; Round "round";
    Date "date"; ToDate "toDate"; ToDateInZone "toDateInZone"; UnixToTime "unixToTime";
    UnixEpoch "unixEpoch"; UnixEpochMillis "unixEpochMillis"; UnixEpochNanos "unixEpochNanos";
}

/// What functions know beside their arguments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub text: &'a str,
    /// Nanoseconds since 1970.
    pub timestamp: i64,
    pub now: i64,
}

/// Calls the function with a number.
pub(super) fn call(number: u16, values: Vec<Value>, line: Line<'_>) -> Result<Value, TemplateError> {
    use Function::*;
    let Some(function) = Function::ALL.get(usize::from(number)).copied() else { return fail("no such function") };
    match function {
        Line => Ok(Value::Text(line.text.to_owned())),
        Timestamp => Ok(Value::Time(Time::utc(line.timestamp))),
        Now => Ok(Value::Time(Time::utc(line.now))),
        Int | Float64 | Add | Sub | Mul | Div | Mod | Addf | Subf | Mulf | Divf | Max | Min | Maxf | Minf | Ceil
        | Floor | Round => math::call(function, values),
        Date | ToDate | ToDateInZone | UnixToTime | UnixEpoch | UnixEpochMillis | UnixEpochNanos => {
            dates::call(function, values, line.now)
        }
        Default => match &values[..] {
            [default] => Ok(default.clone()),
            [default, given, ..] => Ok(if given.truthy() { given.clone() } else { default.clone() }),
            [] => fail("wrong number of args for default: want at least 1 got 0"),
        },
        FromJson => {
            let args = Args::new(values, 1, 1)?;
            Ok(serde_json::from_str(args.text(0)?).map_or(Value::Nil, of_json))
        }
        _ => text::call(function, values),
    }
}

fn of_json(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(b) => Value::Bool(b),
        serde_json::Value::Number(n) => Value::Float(n.as_f64().unwrap_or(0.0)),
        serde_json::Value::String(s) => Value::Text(s),
        serde_json::Value::Array(items) => Value::List(items.into_iter().map(of_json).collect()),
        serde_json::Value::Object(map) => {
            Value::Map(map.into_iter().map(|(k, v)| (k, of_json(v))).collect::<BTreeMap<_, _>>())
        }
    }
}
